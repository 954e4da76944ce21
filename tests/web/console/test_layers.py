"""Schedules and their layers: each change is shown before it is saved (contract §4 and §11)."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from incident_service import clock
from incident_service.clock import format_instant, parse_instant
from incident_service.quickstart import Provisioned
from tests.helpers.calendars import it_is
from tests.helpers.console import (
    as_member,
    fields_of,
    forms_of,
    post,
    press,
    press_on,
    signed_in,
    text_of,
)
from tests.helpers.world import World


@pytest.fixture(autouse=True)
def _at_one_instant(world: World) -> Iterator[None]:
    """Let no time pass: what is previewed and what is saved then begin at the same instant."""
    with it_is(world, clock.now()):
        yield


SINCE = "2026-01-05T09:00:00.123456+00:00"

LAYER = {
    "name": "Weekly",
    "rotationType": "weekly",
    "handoffTime": "09:00",
    "effectiveFrom": SINCE,
}


def people(world: World, *names: str) -> list[str]:
    return [
        world.make("users", email=f"{name.lower()}@example.com", firstName=name)["id"]
        for name in names
    ]


def schedule(world: World, name: str = "Payments") -> str:
    id: str = world.make("oncall/schedules", name=name, timezone="UTC")["id"]
    return id


def layer(world: World, id: str, user_ids: list[str], **changes: Any) -> str:
    values = {**LAYER, "participantIds": user_ids, **changes}
    made: str = world.make(f"oncall/schedules/{id}/layers", **values)["id"]
    return made


def layers_of(world: World, id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.call("GET", f"oncall/schedules/{id}").json["data"]["layers"]
    return found


def told(page: str, lane: str) -> list[tuple[str, str, str]]:
    """Return what a lane tells: who, from when, until when, nobody being left out."""
    (drawn,) = re.findall(rf'aria-label="{lane}">(.*?)</svg>\s*</div>', page, re.S)
    sentences = map(html.unescape, re.findall(r"<title>([^<]*)</title>", drawn))
    found = (
        re.fullmatch(
            r"(.*?)(?: \(override\))?, (?:from|since before) (.*) until (?:after )?(.*) UTC", each
        )
        for each in sentences
    )
    return [
        (match[1], match[2], match[3])
        for match in found
        if match and match[1] != "Nobody is on call"
    ]


def answered(world: World, id: str, start: datetime, end: datetime) -> list[tuple[str, str, str]]:
    """Return what `shifts` answers, as `told` does."""
    window = {"from": format_instant(start), "to": format_instant(end)}
    found = world.call("GET", f"oncall/schedules/{id}/shifts", **window).json["data"]
    return [(each["userName"], spelt(each["startsAt"]), spelt(each["endsAt"])) for each in found]


def spelt(at: str) -> str:
    when = parse_instant(at)
    return f"{when:%a} {when.day} {when:%b %Y, %H:%M}"


def window() -> tuple[datetime, datetime]:
    """Return the time of a preview that is made now."""
    now = clock.now()
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return now, today + timedelta(days=28)


def test_a_schedule_is_made_and_its_first_layer_is_next(world: World) -> None:
    browser = signed_in(world)
    sent = press(browser, "/on-call/new", "Make it", name="Payments", timezone="Asia/Tokyo")
    (made,) = (
        row
        for row in world.call("GET", "oncall/schedules").json["data"]
        if row["name"] == "Payments"
    )
    assert (sent.status_code, made["timezone"]) == (303, "Asia/Tokyo")
    assert sent.headers["Location"] == f"/on-call/{made['id']}/layers/new"
    page = browser.get(sent.headers["Location"]).text
    assert "Payments is there. Now say who takes turns on it." in page
    assert fields_of(page)["handoffTime"] == ["09:00"]


def test_a_name_that_is_taken_is_said_with_what_was_typed(world: World) -> None:
    schedule(world, "Taken")
    sent = press(signed_in(world), "/on-call/new", "Make it", name="Taken", description="Kept")
    assert sent.status_code == 400
    assert fields_of(sent.text)["description"] == ["Kept"]
    assert 'aria-describedby="f-name-fault' in sent.text


def test_a_schedule_that_a_policy_pages_is_not_deleted_and_the_policies_are_named(
    world: World,
) -> None:
    id, policy = world.made.schedule_id, world.made.policy_id
    browser = signed_in(world)
    page = browser.get(f"/on-call/{id}/edit").text
    assert f'href="/settings/policies/{policy}"' in page
    assert "Delete it" not in [text for form in forms_of(page) for text in form.buttons]
    sent = post(browser, f"/on-call/{id}/delete", {}, at=f"/on-call/{id}/edit")
    assert sent.headers["Location"] == f"/on-call/{id}/edit"
    assert "is a target of the escalation policy" in browser.get(f"/on-call/{id}/edit").text
    assert world.call("GET", f"oncall/schedules/{id}").status_code == 200


def test_a_schedule_is_changed_and_deleted(world: World) -> None:
    id, browser = schedule(world), signed_in(world)
    assert press(browser, f"/on-call/{id}/edit", "Save", name="Billing").status_code == 303
    assert world.call("GET", f"oncall/schedules/{id}").json["data"]["name"] == "Billing"
    sent = press(browser, f"/on-call/{id}/edit", "Delete it")
    assert sent.headers["Location"] == "/on-call"
    assert world.call("GET", f"oncall/schedules/{id}").status_code == 404


def test_the_preview_of_a_new_layer_is_what_is_on_call_once_it_is_saved(world: World) -> None:
    ana, bo = people(world, "Ana", "Bo")
    id, browser = schedule(world), signed_in(world)
    path = f"/on-call/{id}/layers/new"
    shown = press(
        browser,
        path,
        "Preview",
        participantIds=[ana, bo],
        name="Rota",
        rotationType="custom",
        rotationLengthDays="3",
        effectiveFrom="2026-01-05T09:00",
    )
    assert shown.status_code == 200
    assert layers_of(world, id) == []
    text = text_of(shown.text)
    assert "would be on call from now on, where nobody is now." in text
    assert "The new layer Rota begins before now: it would count in the past, too." in text
    preview = told(shown.text, "With the change")
    assert len(preview) >= 9

    sent = press_on(browser, shown.text, path, "Save")

    assert (sent.status_code, sent.headers["Location"]) == (303, f"/on-call/{id}")
    (made,) = layers_of(world, id)
    assert (made["name"], made["participantIds"]) == ("Rota", [ana, bo])
    assert (made["rotationLengthDays"], made["effectiveFrom"][:16]) == (3, "2026-01-05T09:00")
    assert answered(world, id, *window()) == preview


def test_the_preview_of_a_changed_layer_is_what_is_on_call_once_it_is_saved(world: World) -> None:
    ana, bo, cy = people(world, "Ana", "Bo", "Cy")
    id, browser = schedule(world), signed_in(world)
    changed = layer(world, id, [ana, bo], rotationType="daily")
    layer(world, id, [cy], name="Backup")
    path = f"/on-call/{id}/layers/{changed}"
    before = answered(world, id, *window())
    until = window()[1] - timedelta(days=10)
    shown = press(
        browser,
        path,
        "Preview",
        participantIds=[bo, cy, ana],
        effectiveUntil=f"{until:%Y-%m-%dT%H:%M}",
    )
    assert answered(world, id, *window()) == before
    assert told(shown.text, "As it is") == before
    preview = told(shown.text, "With the change")

    assert press_on(browser, shown.text, path, "Save").status_code == 303

    assert answered(world, id, *window()) == preview
    hours = re.findall(r'<bdi>(\w+)</bdi></span></th><td class="figure">(\d+)<', shown.text)
    assert {name for name, _ in hours} == {"Ana", "Bo", "Cy"}


def test_an_instant_that_was_not_touched_keeps_its_spelling(world: World) -> None:
    (ana,) = people(world, "Ana")
    id, browser = schedule(world), signed_in(world)
    path = f"/on-call/{id}/layers/{layer(world, id, [ana])}"
    shown = press(browser, path, "Preview", name="Renamed")
    assert press_on(browser, shown.text, path, "Save").status_code == 303
    (after,) = layers_of(world, id)
    assert (after["name"], after["effectiveFrom"]) == ("Renamed", SINCE)


def test_one_goes_back_from_the_preview_to_the_form_with_all_that_was_typed(world: World) -> None:
    ana, bo = people(world, "Ana", "Bo")
    id, browser = schedule(world), signed_in(world)
    path = f"/on-call/{id}/layers/{layer(world, id, [ana])}"
    shown = press(browser, path, "Preview", name="Typed", participantIds=[bo, ana])
    again = press_on(browser, shown.text, path, "Back to the form")
    fields = fields_of(again.text)
    assert (again.status_code, fields["name"]) == (200, ["Typed"])
    assert [id for id in fields["participantIds"] if id] == [bo, ana]
    assert layers_of(world, id)[0]["name"] == "Weekly"


def test_people_are_added_moved_and_taken_out_without_saving(world: World) -> None:
    ana, bo, cy = people(world, "Ana", "Bo", "Cy")
    id, browser = schedule(world), signed_in(world)
    path = f"/on-call/{id}/layers/{layer(world, id, [ana, bo])}"

    def listed(page: str) -> list[str]:
        return [id for id in fields_of(page)["participantIds"] if id]

    page = browser.get(path).text
    page = press_on(browser, page, path, "Add", participantIds=[ana, bo, cy]).text
    assert listed(page) == [ana, bo, cy]
    page = press_on(browser, page, path, "Move Cy up").text
    assert listed(page) == [ana, cy, bo]
    page = press_on(browser, page, path, "Remove Ana").text
    assert listed(page) == [cy, bo]
    assert layers_of(world, id)[0]["participantIds"] == [ana, bo]


def test_of_many_people_one_is_added_by_name(world: World) -> None:
    (ana,) = people(world, "Ana")
    people(world, *(f"Person{n}" for n in range(30)))
    id, browser = schedule(world), signed_in(world)
    path = f"/on-call/{id}/layers/{layer(world, id, [ana])}"
    page = press(browser, path, "Add", participantIdsTyped="person7@example.com").text
    assert "Person7" in text_of(page)
    assert len(fields_of(page)["participantIds"]) == 2
    unclear = press(browser, path, "Preview", participantIdsTyped="person")
    assert "Which do you mean by person?" in text_of(unclear.text)
    assert "With the change" not in unclear.text


def test_what_is_wrong_is_said_instead_of_a_preview(world: World) -> None:
    (ana,) = people(world, "Ana")
    id, browser = schedule(world), signed_in(world)
    sent = press(browser, f"/on-call/{id}/layers/new", "Preview", name=" ", handoffTime="25:00")
    assert sent.status_code == 400
    assert "Not a time HH:MM." in sent.text
    assert "With the change" not in sent.text
    gone = press(browser, f"/on-call/{id}/layers/new", "Preview", participantIds=[ana, "nobody"])
    assert gone.status_code == 400
    assert "nobody is not a user in your organization." in gone.text


def test_a_person_who_is_gone_by_now_is_named_beside_the_field(world: World) -> None:
    id, (ana,) = schedule(world), people(world, "Ana")
    browser = signed_in(world)
    page = browser.get(f"/on-call/{id}/layers/new").text
    assert world.call("DELETE", f"users/{ana}").status_code == 204
    sent = press_on(browser, page, f"/on-call/{id}/layers/new", "Preview", participantIds=[ana])
    assert sent.status_code == 400
    said = text_of(sent.text)
    assert f"Who takes turns: {ana} is not a user in your organization." in said
    assert "participantIds" not in said


def test_a_preview_names_people_whose_shifts_are_too_far_on_to_be_drawn(world: World) -> None:
    ana, bo = people(world, "Ana", "Bo")
    id = schedule(world)
    layer_id = layer(world, id, [ana])
    begins = [clock.now() + timedelta(minutes=n) for n in range(550)]
    spans = [(format_instant(at), format_instant(at + timedelta(minutes=1))) for at in begins]
    for n in range(0, 550, 50):
        world.make(
            f"oncall/schedules/{id}/overrides/bulk",
            overrides=[
                {"userId": bo, "startsAt": starts_at, "endsAt": ends_at}
                for starts_at, ends_at in spans[n : n + 50]
            ],
        )
    room = f"/on-call/{id}/layers/{layer_id}"
    sent = press(signed_in(world), room, "Preview", participantIds=[bo])
    assert sent.status_code == 200
    assert "Ana" in text_of(sent.text)


def test_a_schedule_that_changed_since_its_preview_is_shown_again(world: World) -> None:
    ana, bo = people(world, "Ana", "Bo")
    id, browser = schedule(world), signed_in(world)
    path = f"/on-call/{id}/layers/{layer(world, id, [ana])}"
    shown = press(browser, path, "Preview", participantIds=[bo])
    layer(world, id, [bo], name="Meanwhile")
    again = press_on(browser, shown.text, path, "Save")
    assert again.status_code == 200
    assert "The schedule has changed since you looked at the preview" in again.text
    assert layers_of(world, id)[0]["participantIds"] == [ana]
    assert press_on(browser, again.text, path, "Save").status_code == 303
    assert layers_of(world, id)[0]["participantIds"] == [bo]


def test_a_layer_is_deleted_once_it_was_seen_what_that_does(world: World) -> None:
    ana, bo = people(world, "Ana", "Bo")
    id, browser = schedule(world), signed_in(world)
    first, second = layer(world, id, [ana]), layer(world, id, [bo], name="Backup")
    path = f"/on-call/{id}/layers/{first}/delete"
    shown = browser.get(path).text
    assert "Bo would be on call from now on, instead of Ana." in text_of(shown)
    preview = told(shown, "With the change")
    assert press_on(browser, shown, path, "Delete it").status_code == 303
    assert [each["id"] for each in layers_of(world, id)] == [second]
    assert answered(world, id, *window()) == preview


def test_layers_are_reordered_once_it_was_seen_what_that_does(world: World) -> None:
    ana, bo = people(world, "Ana", "Bo")
    id, browser = schedule(world), signed_in(world)
    first, second = layer(world, id, [ana]), layer(world, id, [bo], name="Backup")
    path = f"/on-call/{id}/layers/order"
    moved = press(browser, path, "Move Backup up").text
    shown = press_on(browser, moved, path, "Preview").text
    assert "Bo would be on call from now on, instead of Ana." in text_of(shown)
    assert [each["id"] for each in layers_of(world, id)] == [first, second]
    preview = told(shown, "With the change")
    assert press_on(browser, shown, path, "Save").status_code == 303
    assert [each["id"] for each in layers_of(world, id)] == [second, first]
    assert answered(world, id, *window()) == preview


def test_an_order_of_other_layers_is_refused(world: World) -> None:
    ana, bo = people(world, "Ana", "Bo")
    id, browser = schedule(world), signed_in(world)
    first = layer(world, id, [ana])
    second = layer(world, id, [bo], name="Backup")
    for sent in ([first], [first, first], [second, first, world.made.schedule_id]):
        path = f"/on-call/{id}/layers/order"
        assert post(browser, path, {"layerIds": sent}).status_code == 400
    assert [each["id"] for each in layers_of(world, id)] == [first, second]


def test_members_do_not_edit_layers(world: World) -> None:
    (ana,) = people(world, "Ana")
    id = schedule(world)
    path = f"/on-call/{id}/layers/{layer(world, id, [ana])}"
    browser = as_member(world)
    for page in ("/on-call/new", f"/on-call/{id}/edit", path, f"{path}/delete"):
        assert browser.get(page).status_code == 403


def test_a_layer_of_another_schedule_or_organization_is_not_there(
    world: World, other_org: Provisioned
) -> None:
    (ana,) = people(world, "Ana")
    id, other = schedule(world), schedule(world, "Other")
    theirs = layer(world, other, [ana])
    browser = signed_in(world)
    for path in (f"/on-call/{id}/layers/{theirs}", f"/on-call/{id}/layers/{theirs}/delete"):
        assert browser.get(path).status_code == 404
    sent = press(browser, f"/on-call/{id}/layers/new", "Preview", participantIds=other_org.user_id)
    assert sent.status_code == 400
    assert "is not a user in your organization." in sent.text
