"""People, invitations, keys and the audit log in the console's settings (contract §6 and §11)."""

from __future__ import annotations

import re

from tests.helpers.console import as_member, fields_of, post, signed_in, text_of
from tests.helpers.world import World


def test_people_are_found_by_words_of_their_name_or_email(world: World) -> None:
    world.make("users", email="grace@example.com", firstName="Grace", lastName="Hopper")
    browser = signed_in(world)
    assert "Grace Hopper grace@example.com member" in text_of(browser.get("/settings/people").text)
    found = text_of(browser.get("/settings/people?q=hop+GRACE").text)
    assert "Grace Hopper" in found
    assert "admin@example.com" not in found
    assert "Nobody is called that." in browser.get("/settings/people?q=nobody").text


def test_an_invitation_is_shown_once_and_withdrawn(world: World) -> None:
    browser = signed_in(world)
    sent = post(
        browser,
        "/settings/people/invite",
        {"emailAddress": "eve@example.com", "role": "org:admin"},
    )
    assert sent.status_code == 200
    (token,) = re.findall(r"/invitations/(\w+)", sent.text)
    assert browser.get(f"/invitations/{token}").status_code == 200
    listed = browser.get("/settings/people")
    assert "eve@example.com" in listed.text
    assert token not in listed.text
    (id,) = re.findall(r"/invitations/(orginv_\w+)/revoke", listed.text)
    post(browser, f"/settings/people/invitations/{id}/revoke", {}, at="/settings/people")
    assert browser.get(f"/invitations/{token}").status_code == 404


def test_an_address_that_is_none_is_refused_beside_its_field(world: World) -> None:
    sent = post(
        signed_in(world), "/settings/people/invite", {"emailAddress": "eve", "role": "org:member"}
    )
    assert sent.status_code == 400
    assert 'aria-describedby="f-emailAddress-fault' in sent.text
    assert fields_of(sent.text)["emailAddress"] == ["eve"]
    assert fields_of(sent.text)["role"] == ["org:member"]


def test_a_person_is_changed_and_the_last_admin_stays_one(world: World) -> None:
    browser, path = signed_in(world), f"/settings/people/{world.made.user_id}"
    own = {"firstName": "Augusta", "lastName": "", "email": "admin@example.com"}
    assert post(browser, path, {**own, "role": "org:admin"}).status_code == 303
    changed = world.call("GET", f"users/{world.made.user_id}").json["data"]
    assert (changed["firstName"], changed["lastName"]) == ("Augusta", None)
    refused = post(browser, path, {**own, "role": "org:member"})
    assert (refused.status_code, "last admin" in refused.text) == (400, True)


def test_offboarding_says_everything_that_is_in_the_way(world: World) -> None:
    user = world.make("users", email="grace@example.com", role="org:admin")["id"]
    browser, path = signed_in(world, user), f"/settings/people/{world.made.user_id}"
    post(browser, f"{path}/delete", {}, at=path)
    assert "Primary on-call" in text_of(browser.get(path).text)
    assert world.call("GET", f"users/{world.made.user_id}").status_code == 200
    gone = world.make("users", email="gone@example.com")["id"]
    path = f"/settings/people/{gone}"
    answer = post(browser, f"{path}/delete", {}, at=path)
    assert answer.headers["Location"] == "/settings/people"
    assert world.call("GET", f"users/{gone}").status_code == 404


def test_a_key_is_shown_once_works_and_is_revoked(world: World) -> None:
    browser = signed_in(world)
    sent = post(
        browser,
        "/settings/keys/new",
        {"name": "Deploys", "role": "org:member", "userId": "", "expiresAt": "2099-01-01T10:00"},
    )
    assert sent.status_code == 200
    key = re.findall(r"scl_live_[\w-]+", sent.text)[0]
    assert world.call("GET", "incidents", key=key).status_code == 200
    assert world.call("GET", "api-keys").json["data"][-1]["expiresAt"] == "2099-01-01T10:00:00.000Z"
    listed = browser.get("/settings/keys")
    assert "Deploys" in listed.text
    assert key not in listed.text
    first = re.findall(r"/settings/keys/([0-9a-f-]+)/revoke", listed.text)[0]
    post(browser, f"/settings/keys/{first}/revoke", {}, at="/settings/keys")
    assert world.call("GET", "incidents", key=key).status_code == 401


def test_a_key_that_would_have_expired_is_refused(world: World) -> None:
    sent = post(
        signed_in(world),
        "/settings/keys/new",
        {"name": "Old", "role": "org:member", "expiresAt": "2020-01-01T10:00"},
    )
    assert (sent.status_code, "Must be in the future." in sent.text) == (400, True)
    assert fields_of(sent.text)["expiresAt"] == ["2020-01-01T10:00"]


def test_the_audit_log_says_who_changed_what(world: World) -> None:
    browser = signed_in(world)
    post(browser, "/settings/components/new", {"name": "Search"})
    page = text_of(browser.get("/settings/audit?resourceType=component").text)
    assert "Component created: Search by Ada Admin" in page
    assert "Nothing was changed then." in browser.get("/settings/audit?to=2020-01-01").text
    wrong = browser.get("/settings/audit?from=2021-01-01&to=2020-01-01")
    assert wrong.status_code == 400
    assert "to:" in text_of(wrong.text)
    assert "Search by Ada Admin" not in text_of(wrong.text)
    assert "Nothing was changed then." not in wrong.text


def test_a_member_is_offered_nothing_that_admins_alone_may_do(world: World) -> None:
    browser = as_member(world)
    people = browser.get("/settings/people").text
    assert "Invite" not in people
    assert "Offboard" not in browser.get(f"/settings/people/{world.made.user_id}").text
    assert "Revoke" not in browser.get("/settings/keys").text
    assert "Audit log" not in browser.get("/settings").text
