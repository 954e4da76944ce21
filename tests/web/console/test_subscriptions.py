"""Subscriptions in the console's settings (contract §8 and §11)."""

from __future__ import annotations

import re

from incident_service.paging.matching import EVENTS
from incident_service.quickstart import Provisioned
from incident_service.web.console import subscriptions
from tests.helpers.console import as_member, fields_of, post, signed_in, text_of
from tests.helpers.receivers import receiving
from tests.helpers.subscribed import HOOK, subscribe
from tests.helpers.world import World

ROOM = "/settings/subscriptions"


def test_every_event_has_its_sentence() -> None:
    assert set(subscriptions.EVENTS) == set(EVENTS)


def test_the_list_shows_what_goes_where_and_no_secret(world: World) -> None:
    subscribe(world, "incident_opened", "shift_changed")
    page = signed_in(world).get(ROOM)
    assert "#incidents https://chat.example.com/*** opened shifts" in text_of(page.text)
    assert "s3cret" not in page.text


def test_the_list_is_cut_in_parts(world: World) -> None:
    for n in range(51):
        subscribe(world, "incident_opened", label=f"Chat {n:02}")
    browser = signed_in(world)
    first = browser.get(ROOM).text
    assert ("Chat 50" in first, "Chat 00" in first) == (True, False)
    (more,) = re.findall(r'href="([^"]+)" rel="next"', first)
    assert "Chat 00" in browser.get(more).text


def test_a_subscription_is_made(world: World) -> None:
    browser = signed_in(world)
    sent = post(
        browser,
        f"{ROOM}/new",
        {
            "label": "#payments",
            "url": HOOK,
            "events": ["", "incident_opened", "update_posted"],
            "severities": ["", "critical"],
            "scheduleIds": [""],
            "componentIds": ["", world.made.component_id],
        },
    )
    assert (sent.status_code, sent.headers["Location"]) == (303, ROOM)
    (made,) = world.call("GET", "subscriptions").json["data"]["subscriptions"]
    assert made["events"] == ["incident_opened", "update_posted"]
    assert (made["severities"], made["scheduleIds"]) == (["critical"], None)
    assert made["componentIds"] == [world.made.component_id]
    (url,) = world.rows("SELECT url FROM subscriptions")
    assert url["url"] == HOOK


def test_what_was_typed_stays_beside_what_is_wrong_with_it(world: World) -> None:
    browser = signed_in(world)
    typed = {"label": "#payments", "url": HOOK, "events": [""], "severities": ["", "critical"]}
    sent = post(browser, f"{ROOM}/new", typed)
    assert sent.status_code == 400
    assert "What it is told of:" in text_of(sent.text)
    fields = fields_of(sent.text)
    assert (fields["label"], fields["url"]) == (["#payments"], [HOOK])
    assert fields["severities"] == ["", "critical"]
    typed |= {"events": ["incident_opened"], "url": "file:///etc/passwd"}
    sent = post(browser, f"{ROOM}/new", typed)
    assert "URLs with the scheme file are not allowed here." in text_of(sent.text)
    assert world.call("GET", "subscriptions").json["data"]["subscriptions"] == []


def test_the_address_stays_if_none_is_given(world: World) -> None:
    browser, id = signed_in(world), subscribe(world, "incident_opened", severities=["critical"])
    path = f"{ROOM}/{id}"
    page = browser.get(path).text
    assert "s3cret" not in page
    assert "https://chat.example.com/***" in page
    fields = fields_of(page)
    assert (fields["url"], fields["severities"]) == ([""], ["", "critical"])
    changed = {"label": "#all", "url": "", "events": ["incident_resolved"], "severities": [""]}
    assert post(browser, path, changed).status_code == 303
    (row,) = world.rows("SELECT label, url FROM subscriptions")
    assert (row["label"], row["url"]) == ("#all", HOOK)
    saved = world.call("GET", f"subscriptions/{id}").json["data"]
    assert (saved["events"], saved["severities"]) == (["incident_resolved"], None)
    post(browser, path, {**changed, "url": "https://chat.example.com/other"})
    (row,) = world.rows("SELECT url FROM subscriptions")
    assert row["url"] == "https://chat.example.com/other"


def test_what_it_is_about_is_typed_by_name_if_there_is_much(world: World) -> None:
    for n in range(30):
        world.make("components", name=f"Part {n:02}")
    browser, id = signed_in(world), subscribe(world, "incident_opened")
    path = f"{ROOM}/{id}"
    typed = {"label": "L", "events": ["incident_opened"], "componentIdsTyped": "part 07"}
    assert post(browser, path, typed).status_code == 303
    (named,) = world.call("GET", f"subscriptions/{id}").json["data"]["componentIds"]
    assert world.call("GET", f"components/{named}").json["data"]["name"] == "Part 07"
    unclear = post(browser, path, {**typed, "componentIdsTyped": "part"})
    assert (unclear.status_code, "Which do you mean by part?" in unclear.text) == (400, True)


def test_who_was_about_something_that_is_gone_is_told(world: World) -> None:
    gone = world.make("components", name="Gone")["id"]
    id = subscribe(world, "incident_opened", componentIds=[gone])
    browser = signed_in(world)
    assert "are gone" not in browser.get(f"{ROOM}/{id}").text
    world.call("DELETE", f"components/{gone}")
    page = text_of(browser.get(f"{ROOM}/{id}").text)
    assert "The components that it was about are gone, so nothing is sent." in page


def test_a_test_message_says_what_happened(world: World) -> None:
    browser = signed_in(world)
    with receiving() as receiver:
        id = subscribe(world, "incident_opened", url=receiver.url("json"))
        post(browser, f"{ROOM}/{id}/test", {}, at=ROOM)
        assert "The test message went to #incidents. Has it arrived?" in browser.get(ROOM).text
    post(browser, f"{ROOM}/{id}/test", {}, at=ROOM)
    assert "The test message did not reach #incidents:" in browser.get(ROOM).text


def test_a_subscription_is_deleted(world: World) -> None:
    browser, path = signed_in(world), f"{ROOM}/{subscribe(world)}"
    sent = post(browser, f"{path}/delete", {}, at=path)
    assert sent.headers["Location"] == ROOM
    assert "The subscription is deleted." in browser.get(ROOM).text
    assert browser.get(path).status_code == 404


def test_a_member_reads_and_is_offered_nothing(world: World) -> None:
    browser, path = as_member(world), f"{ROOM}/{subscribe(world)}"
    assert "<form" not in browser.get(ROOM).text
    page = browser.get(path).text
    assert "Only admins can change this." in page
    assert ("Save" in page, "Delete" in page, "test message" in page) == (False,) * 3
    assert post(browser, path, {"label": "Mine"}).status_code == 403


def test_another_organizations_subscription_is_not_there(
    world: World, other_org: Provisioned
) -> None:
    body = {"label": "Theirs", "url": HOOK, "events": ["shift_changed"]}
    theirs = world.call("POST", "subscriptions", body, key=other_org.key).json["data"]["id"]
    assert signed_in(world).get(f"{ROOM}/{theirs}").status_code == 404
