"""Components in the console's settings (contract §6 and §11)."""

from __future__ import annotations

from incident_service import quickstart
from incident_service.quickstart import Provisioned
from tests.helpers.console import as_member, fields_of, post, signed_in, text_of
from tests.helpers.maintenance import plan
from tests.helpers.world import World


def test_the_list_shows_every_component_and_how_it_is(world: World) -> None:
    world.make("components", name="Search", groupLabel="Website")
    world.post()  # a critical incident about the Payments API
    page = text_of(signed_in(world).get("/settings/components").text)
    assert "Payments API Major outage" in page
    assert "Search In Website Operational" in page


def test_the_list_shows_other_names_the_policy_and_maintenance(world: World) -> None:
    made = world.made
    changes = {"aliases": ["pay", "cards", "a", "b"], "escalationPolicyId": made.policy_id}
    path = f"components/{made.component_id}"
    assert world.call("PATCH", path, changes).status_code == 200
    plan(world, -60, None, startsAt="2026-01-01T10:00:00Z", isPublic=False)
    browser = signed_in(world)
    page = text_of(browser.get("/settings/components").text)
    assert "Also pay, cards, a and 1 more names" in page
    assert f"Escalates by {quickstart.POLICY} maintenance Operational" in page
    assert f'href="/settings/policies/{made.policy_id}"' in browser.get("/settings/components").text
    assert "Maintenance since 1 Jan" in text_of(browser.get(f"/settings/{path}").text)


def test_a_component_is_made_by_a_form(world: World) -> None:
    browser = signed_in(world)
    sent = post(
        browser,
        "/settings/components/new",
        {"name": "Search", "groupLabel": "", "description": "", "aliases": "search\r\nfind\r\n"},
    )
    assert (sent.status_code, sent.headers["Location"]) == (303, "/settings/components")
    assert "Search is there." in browser.get("/settings/components").text
    _, made = world.call("GET", "components").json["data"]["components"]
    assert (made["name"], made["groupLabel"], made["aliases"]) == (
        "Search",
        None,
        ["search", "find"],
    )


def test_what_was_typed_stays_beside_what_is_wrong_with_it(world: World) -> None:
    browser = signed_in(world)
    sent = post(
        browser,
        "/settings/components/new",
        {"name": " ", "description": "d" * 1001, "groupLabel": "Kept", "aliases": "a\na"},
    )
    assert sent.status_code == 400
    fields = fields_of(sent.text)
    assert (fields["groupLabel"], fields["description"]) == (["Kept"], ["d" * 1001])
    assert fields["aliases"] == ["a\na"]
    assert 'aria-describedby="f-description-fault' in sent.text
    assert "Longer than maximum length 1000." in sent.text
    assert "Contains duplicates." in sent.text
    assert len(world.call("GET", "components").json["data"]["components"]) == 1


def test_a_name_that_is_taken_is_said(world: World) -> None:
    sent = post(signed_in(world), "/settings/components/new", {"name": "Payments API"})
    assert sent.status_code == 400
    assert "Payments API" in text_of(sent.text)
    assert fields_of(sent.text)["name"] == ["Payments API"]


def test_a_component_is_changed_and_deleted(world: World) -> None:
    browser, path = signed_in(world), f"/settings/components/{world.made.component_id}"
    assert fields_of(browser.get(path).text)["name"] == ["Payments API"]
    sent = post(browser, path, {"name": "Payments", "description": "Cards.\r\nInvoices."})
    assert sent.status_code == 303
    changed = world.call("GET", f"components/{world.made.component_id}").json["data"]
    assert (changed["name"], changed["description"]) == ("Payments", "Cards.\nInvoices.")
    assert post(browser, f"{path}/delete", {}, at=path).status_code == 303
    assert world.call("GET", f"components/{world.made.component_id}").status_code == 404


def test_a_member_reads_and_changes_nothing(world: World) -> None:
    browser, path = as_member(world), f"/settings/components/{world.made.component_id}"
    assert "New component" not in browser.get("/settings/components").text
    page = browser.get(path)
    assert page.status_code == 200
    assert "Save" not in page.text
    refused = post(browser, path, {"name": "Mine"})
    assert (refused.status_code, "Only admins" in refused.text) == (403, True)


def test_another_organizations_component_is_not_there(world: World, other_org: Provisioned) -> None:
    browser = signed_in(world)
    assert browser.get(f"/settings/components/{other_org.component_id}").status_code == 404
