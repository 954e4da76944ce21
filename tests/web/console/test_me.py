"""The page about oneself, and how a person is reached (contract §8 and §11)."""

from __future__ import annotations

import re

from tests.helpers.console import as_member, fields_of, post, signed_in, text_of
from tests.helpers.receivers import receiving
from tests.helpers.world import World


def test_a_member_changes_their_names_and_nothing_else(world: World) -> None:
    browser = as_member(world, "mia")
    assert post(browser, "/me/names", {"firstName": "Mo", "lastName": ""}).status_code == 303
    assert world.call("GET", "users/mia").json["data"]["firstName"] == "Mo"
    refused = post(browser, "/me/names", {"firstName": "Mo", "role": "org:admin"})
    assert (refused.status_code, "Unknown field" in refused.text) == (400, True)
    assert world.call("GET", "users/mia").json["data"]["role"] == "org:member"


def test_a_contact_method_is_added_tested_and_deleted(world: World) -> None:
    browser, own = as_member(world, "mia"), "/settings/people/mia"
    assert "you would not be paged" in browser.get("/me").text
    with receiving() as receiver:
        phone = {"label": "Phone", "url": receiver.url("json")}
        sent = post(browser, f"{own}/contact-methods/new", phone)
        assert sent.headers["Location"] == f"{own}/reached"
        (id,) = re.findall(r"contact-methods/([0-9a-f-]{36})/test", browser.get("/me").text)
        post(browser, f"{own}/contact-methods/{id}/test", {}, at="/me")
        assert "The test page went to Phone." in browser.get("/me").text
        assert len(receiver.got) == 1
    post(browser, f"{own}/contact-methods/{id}/delete", {}, at="/me")
    assert "you would not be paged" in browser.get("/me").text


def test_a_test_page_that_fails_says_why(world: World) -> None:
    browser, own = as_member(world, "mia"), "/settings/people/mia"
    post(
        browser,
        f"{own}/contact-methods/new",
        {"label": "Phone", "url": "json://127.0.0.1:9"},
    )
    (id,) = re.findall(r"contact-methods/([0-9a-f-]{36})/test", browser.get("/me").text)
    post(browser, f"{own}/contact-methods/{id}/test", {}, at="/me")
    assert "The test page did not reach Phone" in text_of(browser.get("/me").text)


def test_an_address_of_no_service_is_refused_beside_its_field(world: World) -> None:
    sent = post(
        as_member(world, "mia"),
        "/settings/people/mia/contact-methods/new",
        {"label": "Phone", "url": "carrier-pigeon://roof"},
    )
    assert sent.status_code == 400
    assert 'aria-describedby="f-url-fault' in sent.text
    assert fields_of(sent.text)["url"] == ["carrier-pigeon://roof"]


def test_a_member_manages_nobody_elses_methods(world: World) -> None:
    browser, other = as_member(world, "mia"), f"/settings/people/{world.made.user_id}"
    assert "Add a way" not in browser.get(f"{other}/reached").text
    refused = post(
        browser, f"{other}/contact-methods/new", {"label": "x", "url": "json://127.0.0.1"}, at="/me"
    )
    assert refused.status_code == 403
    assert "Phone" not in signed_in(world).get(f"{other}/reached").text


def test_rules_are_set_row_by_row_without_javascript(world: World) -> None:
    method = world.make(
        f"users/{world.made.user_id}/contact-methods", label="Phone", url="json://127.0.0.1"
    )
    browser, path = signed_in(world), f"/settings/people/{world.made.user_id}/rules"
    first = {
        "rules[0].contactMethodId": method["id"],
        "rules[0].severities": ["critical", "high"],
        "rules[0].delayMinutes": "",
    }
    more = post(browser, path, {**first, "_add": "rules"})
    assert more.status_code == 200
    assert fields_of(more.text)["rules[0].severities"] == ["", "critical", "high"]
    assert "rules[1].severities" in fields_of(more.text)
    lacking = post(browser, path, first)
    assert lacking.status_code == 400
    assert "medium" in text_of(lacking.text)
    second = {
        "rules[1].contactMethodId": method["id"],
        "rules[1].severities": ["medium", "low"],
        "rules[1].delayMinutes": "10",
    }
    assert post(browser, path, {**first, **second}).status_code == 303
    rules = world.call("GET", f"users/{world.made.user_id}/notification-rules").json["data"]
    assert [rule["delayMinutes"] for rule in rules["rules"]] == [0, 10]
    assert rules["resolvedNotice"] is True
    assert "after 10 minutes" in browser.get(path.replace("rules", "reached")).text
    assert post(browser, f"{path}/delete", {}, at="/me").status_code == 303
    rules = world.call("GET", f"users/{world.made.user_id}/notification-rules").json["data"]
    assert rules["isDefault"]


def test_a_calendar_feed_is_shown_once(world: World) -> None:
    browser = as_member(world)
    sent = post(browser, "/me/calendar-feeds/new", {"scheduleId": world.made.schedule_id})
    (path,) = re.findall(r"/ical/\w+\.ics", sent.text)
    assert browser.get(path).mimetype == "text/calendar"
    page = browser.get("/me").text
    assert path not in page
    assert "All shifts of Primary on-call" in text_of(page)
    (id,) = re.findall(r"calendar-feeds/([0-9a-f-]{36})/delete", page)
    post(browser, f"/me/calendar-feeds/{id}/delete", {}, at="/me")
    assert browser.get(path).status_code == 404


def test_times_are_shown_in_the_zone_that_was_chosen(world: World) -> None:
    browser = signed_in(world)
    world.execute("UPDATE sessions SET created_at = '2026-01-01T12:00:00.000Z'")
    assert "1 Jan" in browser.get("/me").text
    assert ", 12:00</time>" in browser.get("/me").text
    chosen = post(browser, "/me/time-zone", {"zone": "Asia/Tokyo"}, at="/me")
    assert "HttpOnly" in chosen.headers["Set-Cookie"]
    page = browser.get("/me").text
    assert ", 21:00</time>" in page
    assert 'title="1 January 2026, 12:00 UTC"' in page
    post(browser, "/me/time-zone", {"zone": "Middle/Earth"}, at="/me")
    assert "This is not a time zone." in browser.get("/me").text


def test_sessions_are_listed_and_ended(world: World) -> None:
    here, there = signed_in(world), signed_in(world)
    page = here.get("/me").text
    ids = re.findall(r"/me/sessions/([0-9a-f-]{36})/end", page)
    assert len(ids) == 2
    assert page.count(">this browser<") == 1
    post(here, "/me/sessions/end-others", {}, at="/me")
    assert here.get("/me").status_code == 200
    assert there.get("/me").status_code == 303
    (own,) = re.findall(r"/me/sessions/([0-9a-f-]{36})/end", here.get("/me").text)
    assert post(here, f"/me/sessions/{own}/end", {}, at="/me").headers["Location"] == "/sign-in"
    assert here.get("/me").status_code == 303
