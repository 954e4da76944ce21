"""The on-call rooms: who is on call, and taking, covering and swapping shifts (contract §11)."""

from __future__ import annotations

import html
import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient

from incident_service import clock
from incident_service.clock import format_instant
from incident_service.quickstart import Provisioned
from incident_service.web.console import covering
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
from tests.helpers.plans import scans, traced
from tests.helpers.world import World

WEEK = timedelta(weeks=1)

THIS_MONDAY = datetime.combine(
    clock.now().date() - timedelta(days=clock.now().weekday() + 7), time(9), UTC
)
"""When the first turn of a rota begins: a week ago, so that one is on now, whatever day it is."""


def people(world: World, *names: str) -> list[str]:
    return [
        world.make("users", email=f"{name.lower()}@example.com", firstName=name, lastName="Lima")[
            "id"
        ]
        for name in names
    ]


def rota(world: World, user_ids: list[str], name: str = "Payments", **layer: Any) -> str:
    """Make a schedule with a rotation by week; return its id."""
    id: str = world.make("oncall/schedules", name=name, timezone="UTC")["id"]
    add_layer(world, id, user_ids, **layer)
    return id


def add_layer(world: World, id: str, user_ids: list[str], **layer: Any) -> dict[str, Any]:
    values = {
        "name": "Weekly",
        "rotationType": "weekly",
        "handoffTime": "09:00",
        "effectiveFrom": format_instant(THIS_MONDAY),
        "participantIds": user_ids,
        **layer,
    }
    return world.make(f"oncall/schedules/{id}/layers", **values)


def shifts(world: World, id: str, start: datetime, end: datetime) -> list[tuple[str, str, str]]:
    """Return who is on call as the API has it: the name, from when, until when."""
    window = {"from": format_instant(start), "to": format_instant(end)}
    found = world.call("GET", f"oncall/schedules/{id}/shifts", **window).json["data"]
    return [(each["userName"], each["startsAt"], each["endsAt"]) for each in found]


def links(page: str, start: str) -> list[str]:
    """Return where the page leads, as far as it begins so, each once."""
    found = (html.unescape(link) for link in re.findall(r'href="([^"]+)"', page))
    return list(dict.fromkeys(link for link in found if link.startswith(start)))


def turn(number: int) -> tuple[datetime, datetime]:
    """Return from when until when a turn of a rota lasts; 0 is the first."""
    return THIS_MONDAY + number * WEEK, THIS_MONDAY + (number + 1) * WEEK


def cover(id: str, number: int) -> str:
    starts_at, ends_at = map(format_instant, turn(number))
    return f"/on-call/{id}/cover?from={starts_at}&to={ends_at}"


def test_every_schedule_says_who_is_on_call_until_when_and_who_is_next(world: World) -> None:
    id = rota(world, people(world, "Ana", "Bo", "Cy"))
    page = text_of(signed_in(world).get("/on-call").text)
    (mine,) = (
        each for each in world.call("GET", "oncall").json["data"] if each["schedule"]["id"] == id
    )
    owner, after = mine["scheduleOwner"], mine["next"]
    assert re.search(
        rf"Payments {owner['userName']} until \d+ \w+( \d+)?, 09:00 then {after['userName']}", page
    )


def test_a_schedule_on_which_nobody_is_on_call_says_so(world: World) -> None:
    begins = clock.now() + timedelta(days=3)
    rota(world, people(world, "Ana"), "Later", effectiveFrom=format_instant(begins))
    page = text_of(signed_in(world).get("/on-call").text)
    assert "Later Nobody now then Ana Lima from" in page


def test_the_list_is_cut_into_pages(world: World) -> None:
    for n in range(25):
        world.make("oncall/schedules", name=f"Team {n:02}", timezone="UTC")
    browser = signed_in(world)
    page = browser.get("/on-call").text
    assert "Primary on-call" in text_of(page)
    assert "Team 23" in page
    assert "Team 24" not in page
    (more,) = links(page, "/on-call?cursor=")
    rest = browser.get(more).text
    assert "Team 24" in rest
    assert "Team 23" not in rest
    assert links(rest, "/on-call?cursor=") == [
        each for each in links(rest, "/on-call?cursor=") if "from=" in each
    ]


def test_other_weeks_are_links_away(world: World) -> None:
    id = rota(world, people(world, "Ana", "Bo"))
    browser = signed_in(world)
    for room in ("/on-call", f"/on-call/{id}"):
        first = browser.get(room).text
        before, later = links(first, f"{room}?from=")
        third = links(browser.get(later).text, f"{room}?from=")[-1]
        days = [date.fromisoformat(each.partition("=")[2]) for each in (before, later, third)]
        assert days[1] - days[0] == timedelta(days=56)
        assert days[2] - days[1] == timedelta(days=28)
        assert "Ana Lima, " in browser.get(later).text
        assert links(browser.get(later).text, room).count(room) >= 1  # this week


@pytest.mark.parametrize("from_", ["0001-01-01", "9999-12-31", "nonsense", "2026-02-31", "\0"])
def test_any_date_can_be_asked_for(world: World, from_: str) -> None:
    browser = signed_in(world)
    for room in ("/on-call", f"/on-call/{world.made.schedule_id}"):
        assert browser.get(room, query_string={"from": from_}).status_code == 200


def test_a_schedule_shows_its_layers_overrides_and_who_is_paged(world: World) -> None:
    ana, bo, cy = people(world, "Ana", "Bo", "Cy")
    id = rota(world, [ana, bo], name="Payments")
    add_layer(world, id, [cy], name="Backup", rotationType="custom", rotationLengthDays=3)
    stands_in = {"startsAt": format_instant(turn(2)[0]), "endsAt": format_instant(turn(2)[1])}
    world.make(f"oncall/schedules/{id}/overrides", userId=cy, reason="A wedding", **stands_in)
    page = text_of(signed_in(world).get(f"/on-call/{id}").text)
    resolved = world.call("GET", f"oncall/schedules/{id}/resolve").json["data"]
    assert f"On call now {resolved['scheduleOwner']['userName'][0]}L" in page
    assert "Paged with them: Cy Lima" in page
    assert "Weekly Weekly, handoff at 09:00, from" in page
    assert "Backup Every 3 days, handoff at 09:00, from" in page
    assert re.search(r"Cy Lima Mon \d+ \w+( \d+)?, 09:00 until Mon .*, 09:00: A wedding", page)


def test_gaps_and_people_who_cannot_be_reached_are_said_where_they_are(world: World) -> None:
    ends = format_instant(turn(3)[0])
    id = rota(world, people(world, "Ana", "Bo"), effectiveUntil=ends)
    page = text_of(signed_in(world).get(f"/on-call/{id}").text)
    assert re.search(r"Nobody is on call: from Mon \d+ \w+( \d+)?, 09:00 until .* and later", page)
    assert "Ana Lima, Bo Lima have no way to be reached." in page
    world.make(
        f"users/{people_of(world, 'ana')}/contact-methods",
        label="L",
        url="mailto://a:b@example.com",
    )
    assert "Bo Lima has no way to be reached." in text_of(
        signed_in(world).get(f"/on-call/{id}").text
    )


def people_of(world: World, name: str) -> str:
    (row,) = world.rows("SELECT id FROM users WHERE email = ?", f"{name}@example.com")
    return str(row["id"])


def test_a_shift_is_taken_in_two_clicks(world: World) -> None:
    id = rota(world, people(world, "Ana", "Bo"))
    browser = signed_in(world)
    starts_at, ends_at = map(format_instant, turn(2))
    wanted = cover(id, 2)
    page = browser.get(f"/on-call/{id}").text
    assert wanted in links(page, f"/on-call/{id}/cover")
    assert wanted in links(browser.get("/on-call").text, f"/on-call/{id}/cover")

    sent = press(browser, wanted, "I take it")

    assert (sent.status_code, sent.headers["Location"]) == (303, f"/on-call/{id}")
    assert shifts(world, id, *turn(2)) == [("Ada Admin", starts_at, ends_at)]
    page = text_of(browser.get(f"/on-call/{id}").text)
    assert re.search(r"Ada Admin is on call from Mon .* until Mon .*\.", page)


def test_what_has_begun_is_covered_from_now_on(world: World) -> None:
    id = rota(world, people(world, "Ana", "Bo"))
    browser = signed_in(world)
    first = links(browser.get(f"/on-call/{id}").text, f"/on-call/{id}/cover")[0]
    assert "from=" not in first
    before = clock.now()
    press(browser, first, "I take it")
    (was, now_is) = shifts(world, id, before - timedelta(minutes=5), before + timedelta(minutes=5))
    assert now_is[0] == "Ada Admin"
    assert was[0] != "Ada Admin"


def test_a_gap_is_covered_as_a_shift_is(world: World) -> None:
    ends = turn(3)[0]
    id = rota(world, people(world, "Ana", "Bo"), effectiveUntil=format_instant(ends))
    browser = signed_in(world)
    gap = links(browser.get(f"/on-call/{id}").text, f"/on-call/{id}/cover?")[-1]
    assert "Nobody is on call in this time." in browser.get(gap).text
    assert press(browser, gap, "I take it").status_code == 303
    ((name, since, _),) = shifts(world, id, ends, ends + timedelta(days=1))
    assert (name, since) == ("Ada Admin", format_instant(ends))


def test_somebody_else_covers_a_part_of_a_shift(world: World) -> None:
    ana, bo, cy = people(world, "Ana", "Bo", "Cy")
    id = rota(world, [ana, bo])
    starts_at = turn(2)[0]
    part = starts_at + timedelta(days=1), starts_at + timedelta(days=2)
    typed = {"startsAt": f"{part[0]:%Y-%m-%dT%H:%M}", "endsAt": f"{part[1]:%Y-%m-%dT%H:%M}"}
    sent = press(signed_in(world), cover(id, 2), "Save", userId=cy, reason="Dentist", **typed)
    assert sent.status_code == 303
    (made,) = world.call("GET", f"oncall/schedules/{id}/overrides").json["data"]
    assert (made["userId"], made["reason"]) == (cy, "Dentist")
    assert (made["startsAt"], made["endsAt"]) == tuple(map(format_instant, part))


def test_nobody_chosen_is_said_beside_the_field(world: World) -> None:
    id = rota(world, people(world, "Ana", "Bo"))
    sent = press(signed_in(world), cover(id, 2), "Save", reason="Kept")
    assert sent.status_code == 400
    assert fields_of(sent.text)["reason"] == ["Kept"]
    assert 'aria-describedby="f-userId-fault' in sent.text


def test_somebody_of_many_is_chosen_by_name(world: World) -> None:
    ana, bo = people(world, "Ana", "Bo")
    people(world, *(f"Person{n}" for n in range(25)))
    id = rota(world, [ana, bo])
    browser = signed_in(world)
    unclear = press(browser, cover(id, 2), "Save", userIdTyped="person2")
    assert unclear.status_code == 400
    assert "Which do you mean by person2?" in unclear.text
    (second,) = re.findall(r'value="([^"]+)"> <span><bdi>Person2 Lima<', unclear.text)
    meant = press_on(browser, unclear.text, cover(id, 2), "Save", userId=["", second])
    assert meant.status_code == 303
    assert [name for name, _, _ in shifts(world, id, *turn(2))] == ["Person2 Lima"]


def test_two_shifts_are_swapped_in_two_clicks(world: World) -> None:
    ana, bo = people(world, "Ana", "Bo")
    id = rota(world, [ana, bo])
    browser = signed_in(world, ana)
    assert [name for name, _, _ in shifts(world, id, *turn(3))] == ["Bo Lima"]

    sent = press(browser, cover(id, 3), "Swap: Ana Lima")

    assert sent.status_code == 303
    made = world.call("GET", f"oncall/schedules/{id}/overrides").json["data"]
    assert [each["userId"] for each in sorted(made, key=lambda each: each["startsAt"])] in (
        [bo, ana],
        [ana, bo],
    )
    assert [name for name, _, _ in shifts(world, id, *turn(3))] == ["Ana Lima"]
    (other,) = (each for each in made if each["userId"] == bo)
    assert other["reason"] == "Swapped"
    length = clock.parse_instant(other["endsAt"]) - clock.parse_instant(other["startsAt"])
    assert length == WEEK


def test_ones_own_shift_is_swapped_for_anybodys(world: World) -> None:
    ana, bo, cy = people(world, "Ana", "Bo", "Cy")
    id = rota(world, [ana, bo, cy])
    page = signed_in(world, ana).get(cover(id, 3)).text  # Ana's: the fourth of three
    assert "Your shift" in page
    offered = {name for form in forms_of(page) for name in form.buttons if "Swap:" in name}
    assert {name.split(", ")[0] for name in offered} == {"Swap: Bo Lima", "Swap: Cy Lima"}


def test_weekends_are_swapped_alone(world: World) -> None:
    ana, bo = people(world, "Ana", "Bo")
    id = rota(world, [ana, bo])
    press(signed_in(world, ana), cover(id, 3), "Weekends only: Ana Lima")
    starts_at, ends_at = turn(3)
    saturday = datetime.combine(starts_at.date() + timedelta(days=5), time(), UTC)
    assert shifts(world, id, starts_at, ends_at) == [
        ("Bo Lima", format_instant(starts_at), format_instant(saturday)),
        ("Ana Lima", format_instant(saturday), format_instant(ends_at)),
    ]
    made = world.call("GET", f"oncall/schedules/{id}/overrides").json["data"]
    assert sorted(each["userId"] for each in made) == sorted([ana, bo])


def test_a_swap_of_which_a_half_is_taken_does_nothing_and_says_so(world: World) -> None:
    ana, bo, cy = people(world, "Ana", "Bo", "Cy")
    id = rota(world, [ana, bo])
    browser = signed_in(world, ana)
    page = browser.get(cover(id, 3)).text
    for number in (2, 4):  # whichever of Ana's is offered first
        starts_at = turn(number)[0] + timedelta(days=1)
        ends_at = starts_at + timedelta(days=1)
        world.make(
            f"oncall/schedules/{id}/overrides",
            userId=cy,
            startsAt=format_instant(starts_at),
            endsAt=format_instant(ends_at),
        )
    sent = press_on(browser, page, cover(id, 3), "Swap: Ana Lima")
    assert sent.status_code == 303
    after = browser.get(sent.headers["Location"]).text
    assert "Somebody stands in for a part of this time already." in after
    assert "A shift of" in after
    assert len(world.call("GET", f"oncall/schedules/{id}/overrides").json["data"]) == 2


def test_a_swap_of_shifts_that_others_have_by_now_does_nothing_and_says_so(world: World) -> None:
    ana, bo, cy = people(world, "Ana", "Bo", "Cy")
    id = rota(world, [ana, bo])
    browser = signed_in(world, ana)
    page = browser.get(cover(id, 3)).text
    (layer,) = world.call("GET", f"oncall/schedules/{id}").json["data"]["layers"]
    world.call(
        "PUT",
        f"oncall/schedules/{id}/layers/{layer['id']}",
        {
            "name": "Weekly",
            "rotationType": "weekly",
            "handoffTime": "09:00",
            "effectiveFrom": format_instant(THIS_MONDAY),
            "participantIds": [ana, cy],
        },
    )
    sent = press_on(browser, page, cover(id, 3), "Swap: Ana Lima")
    after = text_of(browser.get(sent.headers["Location"]).text)
    assert "These shifts have changed meanwhile. Here they are again." in after
    assert "A shift of Cy Lima" in after
    assert world.call("GET", f"oncall/schedules/{id}/overrides").json["data"] == []


def test_somebody_can_be_on_call_until_the_calendar_ends(world: World) -> None:
    (ana,) = people(world, "Ana")
    id = rota(world, [ana])
    browser = signed_in(world)
    browser.set_cookie("time_zone", "Pacific/Kiritimati")
    span = {"startsAt": "2031-01-01T00:00:00Z", "endsAt": "9999-12-31T23:59:59Z"}
    sent = post(browser, f"/on-call/{id}/cover", {"userId": ana, **span})
    assert sent.status_code == 303
    after = text_of(browser.get(sent.headers["Location"]).text)
    assert "until Fri 31 Dec 9999, 23:59" in after


def test_a_time_in_which_somebody_stands_in_is_not_covered_twice(world: World) -> None:
    ana, bo, cy = people(world, "Ana", "Bo", "Cy")
    id = rota(world, [ana, bo])
    starts_at = turn(2)[0] + timedelta(days=1)
    stands_in = {
        "startsAt": format_instant(starts_at),
        "endsAt": format_instant(starts_at + timedelta(days=1)),
    }
    override = world.make(f"oncall/schedules/{id}/overrides", userId=cy, **stands_in)["id"]
    browser = signed_in(world)
    sent = press(browser, cover(id, 2), "I take it")
    assert sent.status_code == 400
    assert "Somebody stands in for a part of this time already." in sent.text
    assert override not in text_of(sent.text)
    assert f"/on-call/{id}/overrides/{override}" in links(sent.text, "/on-call")


def test_an_override_is_changed_taken_over_and_deleted(world: World) -> None:
    ana, bo, cy = people(world, "Ana", "Bo", "Cy")
    id = rota(world, [ana, bo])
    starts_at, ends_at = turn(2)
    spelt = {"startsAt": f"{starts_at:%Y-%m-%dT%H:%M:%S.123456+00:00}"}
    override = world.make(
        f"oncall/schedules/{id}/overrides", userId=cy, endsAt=format_instant(ends_at), **spelt
    )["id"]
    browser, path = signed_in(world), f"/on-call/{id}/overrides/{override}"
    assert path in links(browser.get(f"/on-call/{id}").text, path)

    def found() -> dict[str, Any]:
        (row,) = world.call("GET", f"oncall/schedules/{id}/overrides").json["data"]
        return dict(row)

    assert press(browser, path, "Save", reason="Dentist").status_code == 303
    assert (found()["reason"], found()["startsAt"]) == ("Dentist", spelt["startsAt"])
    assert press(browser, path, "I take it").status_code == 303
    assert (found()["userId"], found()["reason"]) == (world.made.user_id, "Dentist")
    earlier = press(browser, path, "Save", endsAt=f"{starts_at - WEEK:%Y-%m-%dT%H:%M}")
    assert earlier.status_code == 400
    assert "Must be after startsAt" in earlier.text
    assert press(browser, path, "Delete it").status_code == 303
    assert world.call("GET", f"oncall/schedules/{id}/overrides").json["data"] == []


def test_members_take_swap_change_and_delete(world: World) -> None:
    ana, bo = people(world, "Ana", "Bo")
    browser = as_member(world)
    id = rota(world, [ana, bo, "mia"])
    assert press(browser, cover(id, 3), "I take it").status_code == 303
    assert press(browser, cover(id, 4), "Swap: Mia Member").status_code == 303
    names = [name for name, _, _ in shifts(world, id, turn(3)[0], turn(4)[1])]
    assert names == ["Mia Member", "Mia Member"]
    for override in world.call("GET", f"oncall/schedules/{id}/overrides").json["data"]:
        path = f"/on-call/{id}/overrides/{override['id']}"
        assert press(browser, path, "Save", reason="r").status_code == 303
        assert press(browser, path, "Delete it").status_code == 303


def test_members_are_not_offered_what_they_may_not_do(world: World) -> None:
    id = rota(world, people(world, "Ana", "Bo"))
    browser = as_member(world)
    pages = browser.get("/on-call").text + browser.get(f"/on-call/{id}").text
    for text in ("New schedule", "New layer", ">Edit<", "Reorder", "/layers/"):
        assert text not in pages


ODD = [
    {"from": "9999-12-31T23:59:59Z"},
    {"to": "0001-01-01T00:00:00Z"},
    {"to": "9999-12-31T23:59:59Z"},
    {"from": "0001-01-01T00:00:00Z", "to": "9999-12-31T23:59:59Z"},
    {"from": "2027-01-02T00:00:00Z", "to": "2027-01-01T00:00:00Z"},
    {"from": "yesterday", "to": "tomorrow", "with": "nobody"},
    {},
]


@pytest.mark.parametrize("query", ODD)
def test_any_time_can_be_asked_for(world: World, query: dict[str, str]) -> None:
    id = rota(world, people(world, "Ana", "Bo"))
    answer = signed_in(world).get(f"/on-call/{id}/cover", query_string=query)
    assert answer.status_code == 200


def test_the_zone_of_handoffs_is_said_where_it_is_not_the_viewers(world: World) -> None:
    id = world.make("oncall/schedules", name="Tokyo", timezone="Asia/Tokyo")["id"]
    add_layer(world, id, people(world, "Ana"))
    browser = signed_in(world)
    page = text_of(browser.get(f"/on-call/{id}").text)
    assert "Times are in your time zone, UTC; handoffs are by the clocks of Asia/Tokyo." in page
    assert "handoff at 09:00 Asia/Tokyo" in page
    browser.set_cookie("time_zone", "Asia/Tokyo")
    assert "your time zone" not in text_of(browser.get(f"/on-call/{id}").text)


def refused(browser: FlaskClient, path: str) -> bool:
    return browser.get(path).status_code == 404


def test_an_override_of_another_schedule_or_organization_is_not_there(
    world: World, other_org: Provisioned
) -> None:
    ana, bo = people(world, "Ana", "Bo")
    id, other = rota(world, [ana, bo]), rota(world, [ana], "Other")
    starts_at, ends_at = map(format_instant, turn(2))
    override = world.make(
        f"oncall/schedules/{other}/overrides", userId=bo, startsAt=starts_at, endsAt=ends_at
    )["id"]
    browser = signed_in(world)
    assert refused(browser, f"/on-call/{id}/overrides/{override}")
    assert refused(browser, f"/on-call/{other_org.schedule_id}/overrides/{override}")
    assert refused(browser, f"/on-call/{other_org.schedule_id}/cover")
    values = {"userId": other_org.user_id, "startsAt": starts_at, "endsAt": ends_at}
    sent = post(browser, cover(id, 2), values)
    assert sent.status_code == 400
    assert "is not a user in your organization" in sent.text
    assert world.call("GET", f"oncall/schedules/{id}/overrides").json["data"] == []


BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("starts_at", "days", "expected"),
    [
        ("2026-11-30T09:00", 7, ("2026-12-05 00:00", "2026-12-07 09:00")),
        ("2026-11-30T09:00", 14, ("2026-12-05 00:00", "2026-12-07 00:00")),
        ("2026-12-05T00:00", 7, ("2026-12-05 00:00", "2026-12-07 00:00")),
        ("2026-12-05T09:00", 9, ("2026-12-12 00:00", "2026-12-14 09:00")),
        ("2026-12-06T09:00", 7, None),
        ("2026-12-06T09:00", 8, ("2026-12-12 00:00", "2026-12-14 09:00")),
        ("2026-12-04T18:00", 3, None),  # it is hardly more than the weekend
        ("2026-03-23T09:00", 7, ("2026-03-28 00:00", "2026-03-30 09:00")),  # clocks go forward
    ],
)
def test_the_first_whole_weekend_of_a_shift_is_found(
    starts_at: str, days: int, expected: tuple[str, str] | None
) -> None:
    begins = datetime.fromisoformat(starts_at).replace(tzinfo=BERLIN)
    found = covering.weekend((begins, begins + timedelta(days=days)), BERLIN)
    local = found and tuple(f"{at.astimezone(BERLIN):%Y-%m-%d %H:%M}" for at in found)
    assert local == expected


ROOMS = [
    "",
    "/{id}",
    "/{id}/cover",
    "/{id}/layers/{layer}",
    "/{id}/layers/{layer}/delete",
    "/{id}/edit",
]


@pytest.mark.sqlite_only("how it finds rows")
@pytest.mark.parametrize("room", ROOMS)
def test_a_room_asks_few_questions_however_much_there_is(world: World, room: str) -> None:
    user_ids = people(world, "Ana", "Bo")
    id = rota(world, user_ids)
    layer = world.call("GET", f"oncall/schedules/{id}").json["data"]["layers"][0]["id"]
    path, browser = "/on-call" + room.format(id=id, layer=layer), signed_in(world)

    def asked() -> list[str]:
        browser.get(path)
        with traced(world) as statements:
            assert browser.get(path).status_code == 200
        return [each for each in statements if re.match(r"\s*(SELECT|WITH)\b", each)]

    few = asked()
    user_ids += people(world, *(f"Person{n}" for n in range(5)))
    for n in range(5):
        add_layer(world, id, user_ids, name=f"Layer {n}")
        rota(world, user_ids, f"Team {n}")
    many = asked()
    assert len(many) == len(few) <= 24
    for statement in many:
        assert scans(world, statement) == []
