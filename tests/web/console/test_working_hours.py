"""Working hours in the console's settings (contract §5 and §11)."""

from __future__ import annotations

from typing import Any

import pytest

from incident_service.quickstart import Provisioned
from incident_service.web.console.working_hours import in_words
from tests.helpers.console import as_member, fields_of, post, signed_in, text_of
from tests.helpers.world import World

ROOM = "/settings/working-hours"

ALWAYS = {"days": [1, 2, 3, 4, 5, 6, 7], "start": "00:00", "end": "00:00"}
NIGHT = {"days": [5, 6], "start": "22:00", "end": "06:00"}


def made(world: World, name: str = "Office", **fields: Any) -> str:
    body = {"name": name, "timezone": "Europe/Berlin", "windows": [ALWAYS], **fields}
    return str(world.make("working-hours", **body)["id"])


def windows_of(world: World, id: str) -> Any:
    return world.call("GET", f"working-hours/{id}").json["data"]["windows"]


@pytest.mark.parametrize(
    ("days", "start", "end", "words"),
    [
        ([1, 2, 3, 4, 5], "09:00", "17:00", "Mon–Fri 09:00–17:00"),
        ([5, 6], "22:00", "06:00", "Fri, Sat 22:00–06:00, ends the next day"),
        ([7, 1, 2, 3], "08:00", "08:00", "Mon–Wed, Sun 08:00–08:00, ends the next day"),
        ([3], "00:00", "23:59", "Wed 00:00–23:59"),
        ([1, 2, 3, 4, 5, 6, 7], "00:00", "12:00", "Every day 00:00–12:00"),
    ],
)
def test_a_time_of_the_week_in_words(days: list[int], start: str, end: str, words: str) -> None:
    assert in_words({"days": days, "start": start, "end": end}) == words


def test_the_list_shows_the_hours_in_words(world: World) -> None:
    browser = signed_in(world)
    assert "No working hours yet." in browser.get(ROOM).text
    made(world, windows=[ALWAYS, NIGHT])
    page = text_of(browser.get(ROOM).text)
    assert "Office Every day 00:00–00:00, ends the next day; Fri, Sat 22:00–06:00" in page
    assert "Europe/Berlin now" in page


def test_working_hours_are_made_by_a_form(world: World) -> None:
    browser = signed_in(world)
    fields = fields_of(browser.get(f"{ROOM}/new").text)
    assert fields["windows[0].days"] == ["", "1", "2", "3", "4", "5"]
    assert fields["timezone"] == ["UTC"]
    fields |= {"name": ["Nights"], "timezone": ["America/New_York"]}
    added = fields_of(post(browser, f"{ROOM}/new", {**fields, "_add": "windows"}).text)
    added |= {
        "windows[1].days": ["", "6", "7"],
        "windows[1].start": ["22:00"],
        "windows[1].end": ["06:00"],
    }
    sent = post(browser, f"{ROOM}/new", added)
    assert (sent.status_code, sent.headers["Location"]) == (303, ROOM)
    (hours,) = world.call("GET", "working-hours").json["data"]
    assert (hours["name"], hours["timezone"]) == ("Nights", "America/New_York")
    assert hours["windows"] == [
        {"days": [1, 2, 3, 4, 5], "start": "09:00", "end": "17:00"},
        {"days": [6, 7], "start": "22:00", "end": "06:00"},
    ]


def test_an_end_on_the_next_day_is_said_in_the_form(world: World) -> None:
    browser = signed_in(world)
    day = made(world, "Day", windows=[{"days": [1], "start": "09:00", "end": "17:00"}])
    assert "Ends the next day." not in browser.get(f"{ROOM}/{day}").text
    night = made(world, "Night", windows=[NIGHT])
    assert "Ends the next day." in browser.get(f"{ROOM}/{night}").text


def test_working_hours_are_changed(world: World) -> None:
    id = made(world, windows=[ALWAYS, NIGHT])
    browser, path = signed_in(world), f"{ROOM}/{id}"
    fields = fields_of(browser.get(path).text)
    left = fields_of(post(browser, path, {**fields, "_remove": "windows[0]"}).text)
    assert windows_of(world, id) == [ALWAYS, NIGHT]
    assert post(browser, path, {**left, "name": "Late"}).status_code == 303
    assert windows_of(world, id) == [NIGHT]


def test_the_row_that_is_removed_is_the_one_whose_button_was_pressed(world: World) -> None:
    browser = signed_in(world)
    fields = {"name": "A", "timezone": "UTC", "windows[0].start": "01:00"}
    fields |= {"windows[1].days": "", "windows[1].start": "", "windows[2].start": "03:00"}
    sent = post(browser, f"{ROOM}/new", {**fields, "_remove": "windows[1]"})
    left = fields_of(sent.text)
    assert (left["windows[0].start"], left["windows[1].start"]) == (["01:00"], ["03:00"])


def test_what_is_wrong_is_said_where_it_is(world: World) -> None:
    id = made(world)
    browser, path = signed_in(world), f"{ROOM}/{id}"
    fields = fields_of(browser.get(path).text)
    fields |= {"windows[0].days": [""], "windows[0].end": ["25:00"]}
    sent = post(browser, path, fields)
    assert sent.status_code == 400
    page = text_of(sent.text)
    assert "Period 1: days: Shorter than minimum length 1." in page
    assert "Period 1: until: Not a time HH:MM." in page
    assert fields_of(sent.text)["windows[0].end"] == ["25:00"]
    nothing = {"name": "A", "timezone": "UTC"}
    refused = post(browser, path, nothing)
    assert "Times of the week: Missing data for required field." in text_of(refused.text)
    assert windows_of(world, id) == [ALWAYS]


def test_hours_in_use_cannot_go_and_say_what_uses_them(world: World) -> None:
    id = made(world)
    condition = {"workingHoursId": id, "when": "during"}
    step = {"targetType": "schedule", "targetId": world.made.schedule_id}
    steps = [{**step, "escalateAfterSeconds": 60, "condition": condition}]
    policy = world.make("escalation/policies", name="By day", steps=steps)["id"]
    browser, path = signed_in(world), f"{ROOM}/{id}"
    page = browser.get(path).text
    assert f'<a href="/settings/policies/{policy}"><bdi>By day</bdi></a>' in page
    assert "Delete them" not in page
    assert post(browser, f"{path}/delete", {}, at=path).headers["Location"] == path
    assert "The escalation policy By day" in text_of(browser.get(path).text)
    assert world.call("DELETE", f"escalation/policies/{policy}").status_code == 204
    assert post(browser, f"{path}/delete", {}, at=path).headers["Location"] == ROOM
    assert browser.get(path).status_code == 404


def test_a_member_reads_hours_and_changes_none(world: World) -> None:
    path = f"{ROOM}/{made(world)}"
    browser = as_member(world)
    assert "New working hours" not in browser.get(ROOM).text
    page = browser.get(path).text
    assert ("<fieldset disabled>" in page, "Save" in page, "Delete" in page) == (True, False, False)
    assert post(browser, path, {"name": "Mine"}).status_code == 403


def test_another_organizations_hours_are_not_there(world: World, other_org: Provisioned) -> None:
    answer = world.call(
        "POST",
        "working-hours",
        {"name": "Theirs", "timezone": "UTC", "windows": [ALWAYS]},
        key=other_org.key,
    )
    browser = signed_in(world)
    assert browser.get(f"{ROOM}/{answer.json['data']['id']}").status_code == 404
    assert "Theirs" not in browser.get(ROOM).text
