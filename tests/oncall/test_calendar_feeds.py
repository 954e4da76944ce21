"""`/v1/users/{id}/calendar-feeds`, and what calendar programs read there (contract §4)."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from incident_service import clock, create_app, quickstart
from incident_service.clock import format_instant, parse_instant
from incident_service.config import Settings
from incident_service.oncall import calendar_feeds
from tests.helpers.calendars import Seen, fetch, it_is, read, subscribe
from tests.helpers.plans import plan, scans, traced
from tests.helpers.world import World

NOW = parse_instant("2026-03-20T10:20:30.400Z")
UNKNOWN = "00000000-0000-7000-8000-000000000000"
PATH = "users/member/calendar-feeds"


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


@pytest.fixture
def schedule(world: World) -> str:
    """The id of a schedule in Berlin: a and b by day, over two changes of the clocks; c after b."""
    for id, name in (("a", "Ada"), ("b", "Ben"), ("c", "Cleo")):
        world.make("users", id=id, email=f"{id}@example.com", firstName=name)
    made: str = world.make("oncall/schedules", name="Payments", timezone="Europe/Berlin")["id"]
    for people, position in (("ab", 0), ("c", 1)):
        world.make(
            f"oncall/schedules/{made}/layers",
            name=f"Layer {position}",
            rotationType="daily" if position == 0 else "weekly",
            handoffTime="02:30",
            effectiveFrom="2025-01-01T02:30:00+01:00",
            effectiveUntil="2026-12-24T12:00:00Z" if position == 0 else None,
            participantIds=list(people),
        )
    return made


def override(world: World, schedule: str, user: str, start: str, end: str) -> str:
    body = {"userId": user, "startsAt": start, "endsAt": end}
    id: str = world.make(f"oncall/schedules/{schedule}/overrides", **body)["id"]
    return id


def test_making_listing_and_deleting(world: World, member: str, schedule: str) -> None:
    answer = world.call("POST", PATH, {"scheduleId": schedule.upper()})
    made = answer.json["data"]
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/v1/{PATH}/{made['id']}"
    assert list(made) == ["id", "scheduleId", "createdAt", "url"]
    assert made["scheduleId"] == schedule
    own = world.make(PATH, scheduleId=None)
    assert own["scheduleId"] is None
    assert world.make(PATH)["url"] != own["url"]
    listed = world.call("GET", PATH).json["data"]["calendarFeeds"]
    assert [feed["scheduleId"] for feed in listed] == [None, None, schedule]
    assert listed[2] == {name: value for name, value in made.items() if name != "url"}

    path = "/" + made["url"].partition("://")[2].partition("/")[2]
    assert fetch(world, path).status_code == 200
    answer = world.call("DELETE", f"{PATH}/{made['id'].upper()}")
    assert (answer.status_code, answer.data) == (204, b"")
    assert code(fetch(world, path)) == (404, "not_found")
    assert code(world.call("DELETE", f"{PATH}/{made['id']}")) == (404, "not_found")
    left = world.call("GET", PATH).json["data"]
    assert (len(left["calendarFeeds"]), left["nextCursor"]) == (2, None)


def test_a_list_comes_in_parts_newest_first(world: World, member: str) -> None:
    made = [world.make(PATH)["id"] for _ in range(21)]
    admins = f"users/{world.made.user_id}/calendar-feeds"
    world.make(admins)
    first = world.call("GET", PATH).json["data"]
    assert [each["id"] for each in first["calendarFeeds"]] == made[:0:-1]
    rest = world.call("GET", PATH, cursor=first["nextCursor"]).json["data"]
    assert [each["id"] for each in rest["calendarFeeds"]] == made[:1]
    assert rest["nextCursor"] is None
    assert len(world.call("GET", PATH, limit="100").json["data"]["calendarFeeds"]) == 21
    for limit in ("0", "101", "x"):
        assert code(world.call("GET", PATH, limit=limit)) == (400, "validation_error")
    for path, cursor in ((PATH, "x"), (admins, first["nextCursor"])):
        assert code(world.call("GET", path, cursor=cursor)) == (400, "invalid_cursor")


@pytest.mark.sqlite_only("the file")
def test_the_address_is_given_once_and_kept_as_a_hash(
    world: World, member: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    path = subscribe(world, "member")
    token = path.removeprefix("/ical/").removesuffix(".ics")
    assert token not in world.call("GET", PATH).text
    for tried in (path, path.replace(".ics", ".icz"), f"{path}/", path.replace("ical", "in")):
        fetch(world, tried)
    world.client.post(path)
    stored = world.file.path.read_bytes()
    stored += world.file.path.with_name("test.db-wal").read_bytes()
    assert token.encode() not in stored
    assert caplog.records
    assert not [record for record in caplog.records if token in str(vars(record))]


def test_the_address_begins_with_the_base_url(world: World) -> None:
    app = create_app(Settings(database=world.database.where, base_url="https://example.com/ops"))
    answer: Any = app.test_client().post(
        f"/ops/v1/users/{world.made.user_id}/calendar-feeds",
        json={},
        headers={"Authorization": f"Bearer {world.made.key}"},
    )
    url = answer.json["data"]["url"]
    assert url.startswith("https://example.com/ops/ical/")
    found = app.test_client().get(url.removeprefix("https://example.com"))
    assert found.status_code == 200


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"scheduleId": UNKNOWN}, (400, "invalid_schedule_id")),
        ({"scheduleId": "payments"}, (400, "validation_error")),
        ({"scheduleId": 7}, (400, "validation_error")),
        ({"name": "x"}, (400, "validation_error")),
        ([], (400, "validation_error")),
        (..., (415, "unsupported_media_type")),
    ],
)
def test_what_cannot_be_made(
    world: World, member: str, body: Any, expected: tuple[int, str]
) -> None:
    assert code(world.call("POST", PATH, body)) == expected
    assert world.call("GET", PATH).json["data"]["calendarFeeds"] == []


def test_a_deleted_schedule_cannot_be_subscribed_to(world: World, member: str) -> None:
    gone = world.make("oncall/schedules", name="Gone", timezone="UTC")["id"]
    assert world.call("DELETE", f"oncall/schedules/{gone}").status_code == 204
    answer = world.call("POST", PATH, {"scheduleId": gone})
    assert code(answer) == (400, "invalid_schedule_id")
    assert gone in answer.json["message"]


@pytest.mark.parametrize("user", ["nobody", "a/b", quote("ä", safe="")])
def test_an_unknown_user(world: World, user: str) -> None:
    path = f"users/{user}/calendar-feeds"
    assert code(world.call("GET", path)) == (404, "not_found")
    assert code(world.call("POST", path, {})) == (404, "not_found")
    assert code(world.call("DELETE", f"{path}/{UNKNOWN}")) == (404, "not_found")


def test_a_member_manages_its_own_and_an_admin_anybodys(world: World, member: str) -> None:
    own = world.call("POST", PATH, {}, key=member)
    assert own.status_code == 201
    admins = f"users/{world.made.user_id}/calendar-feeds"
    feed = world.make(admins)["id"]
    assert code(world.call("POST", admins, {}, key=member)) == (403, "forbidden")
    assert code(world.call("DELETE", f"{admins}/{feed}", key=member)) == (403, "forbidden")
    assert len(world.call("GET", admins, key=member).json["data"]["calendarFeeds"]) == 1
    # A feed of one user is not found below another's path.
    assert code(world.call("DELETE", f"{PATH}/{feed}")) == (404, "not_found")
    id = own.json["data"]["id"]
    assert world.call("DELETE", f"{PATH}/{id}", key=member).status_code == 204
    assert world.call("POST", PATH, {}).status_code == 201


def test_another_organization_sees_nothing(
    world: World, member: str, other_org: quickstart.Provisioned, schedule: str
) -> None:
    feed = world.make(PATH)["id"]
    theirs = other_org.key
    assert code(world.call("GET", PATH, key=theirs)) == (404, "not_found")
    assert code(world.call("POST", PATH, {}, key=theirs)) == (404, "not_found")
    assert code(world.call("DELETE", f"{PATH}/{feed}", key=theirs)) == (404, "not_found")
    answer = world.call("POST", PATH, {"scheduleId": other_org.schedule_id})
    assert code(answer) == (400, "invalid_schedule_id")
    own = f"users/{other_org.user_id}/calendar-feeds"
    assert code(world.call("POST", own, {"scheduleId": schedule}, key=theirs)) == (
        400,
        "invalid_schedule_id",
    )


def test_a_user_has_so_many_at_most(
    world: World, member: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calendar_feeds, "MAX_OF_USER", 2)
    first, _ = world.make(PATH), world.make(PATH)
    answer = world.call("POST", PATH, {})
    assert code(answer) == (409, "too_many_calendar_feeds")
    assert world.call("DELETE", f"{PATH}/{first['id']}").status_code == 204
    assert world.call("POST", PATH, {}).status_code == 201


def test_feeds_end_with_their_user(world: World, member: str, schedule: str) -> None:
    paths = [subscribe(world, "member"), subscribe(world, "member", schedule)]
    kept = subscribe(world, "a", schedule)
    assert world.call("DELETE", "users/member").status_code == 204
    assert [code(fetch(world, path)) for path in paths] == [(404, "not_found")] * 2
    assert fetch(world, kept).status_code == 200
    assert world.rows("SELECT count(*) AS n FROM calendar_feeds")[0]["n"] == 1


@pytest.mark.parametrize(
    "path", ["/ical/.ics", "/ical/x", "/ical/", "/ical/x.ics", "/ical/x/y.ics"]
)
def test_a_wrong_address(world: World, path: str) -> None:
    assert code(fetch(world, path)) == (404, "not_found")


def shifts(world: World, schedule: str, now: Any) -> list[tuple[Any, ...]]:
    """Return what `shifts` says of the days that a feed shows, whole: from the day 60 days back."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    start, end = today - timedelta(days=60), today + timedelta(days=366)
    margin = timedelta(days=60)
    found: list[dict[str, Any]] = []
    for since, until in (
        (start - margin, today),
        (today, end - margin),
        (end - margin, end + margin),
    ):
        window = {"from": format_instant(since), "to": format_instant(until)}
        part = world.call("GET", f"oncall/schedules/{schedule}/shifts", **window).json["data"]
        if found and part and found[-1]["endsAt"] == part[0]["startsAt"] == window["from"]:
            found[-1]["endsAt"] = part.pop(0)["endsAt"]
        found += part
    return [
        (target["userId"], target["startsAt"], target["endsAt"])
        for target in found
        if parse_instant(target["endsAt"]) > start and parse_instant(target["startsAt"]) < end
    ]


NAMES = {"a": "Ada (Payments)", "b": "Ben (Payments)", "c": "Cleo (Payments)"}


def brief(events: list[Seen]) -> list[tuple[str, str, str]]:
    return [
        (event.summary, format_instant(event.starts_at), format_instant(event.ends_at))
        for event in events
    ]


def test_a_schedule_s_feed_has_its_shifts(world: World, schedule: str) -> None:
    override(world, schedule, "c", "2026-03-28T20:00:00+01:00", "2026-03-30T01:30:00+02:00")
    override(world, schedule, "b", "2026-10-24T23:00:00Z", "2026-10-25T04:00:00Z")
    override(world, schedule, "a", "2025-12-01T00:00:00Z", "2026-01-19T12:00:00Z")
    data = fetch(world, subscribe(world, "a", schedule), NOW).data
    events = read(data)
    assert brief(events) == [
        (NAMES[user], start, end) for user, start, end in shifts(world, schedule, NOW)
    ]
    assert len({event.uid for event in events}) == len(events)
    # 02:30 on the day on which the clocks go from 02:00 to 03:00.
    assert ("Ada (Payments)", "2026-03-27T01:30:00.000Z") in [row[:2] for row in brief(events)]
    assert brief(events)[0][0] == "Ada (Payments)"
    assert events[-1].summary == "Cleo (Payments)"


def test_a_user_s_own_feed_has_their_shifts_of_every_schedule(world: World, schedule: str) -> None:
    other = world.make("oncall/schedules", name="Search", timezone="Asia/Kathmandu")["id"]
    override(world, other, "b", "2026-05-01T00:00:00Z", "2026-05-02T00:00:00Z")
    override(world, other, "a", "2026-05-03T00:00:00Z", "2026-05-04T00:00:00Z")
    third = world.make("oncall/schedules", name="Third", timezone="UTC")["id"]
    override(world, third, "b", "2025-05-01T00:00:00Z", "2025-05-02T00:00:00Z")
    answer = fetch(world, subscribe(world, "b"), NOW)
    events = read(answer.data)
    ben = [(NAMES[user], *rest) for user, *rest in shifts(world, schedule, NOW) if user == "b"]
    searching = ("Ben (Search)", "2026-05-01T00:00:00.000Z", "2026-05-02T00:00:00.000Z")
    assert brief(events) == [*ben, searching]
    # The same shift has the same id in both feeds.
    of_schedule = read(fetch(world, subscribe(world, "a", schedule), NOW).data)
    assert {event.uid for event in events[:-1]} < {event.uid for event in of_schedule}


def test_a_layer_that_is_deleted_leaves_its_past(world: World, schedule: str) -> None:
    now = clock.now()
    recent = world.make("oncall/schedules", name="Recent", timezone="UTC")["id"]
    layer = world.make(
        f"oncall/schedules/{recent}/layers",
        name="Daily",
        rotationType="daily",
        handoffTime="09:00",
        effectiveFrom=format_instant(now - timedelta(days=30)),
        participantIds=["c"],
    )
    path = subscribe(world, "c")
    shown = [event for event in read(fetch(world, path).data) if event.summary == "Cleo (Recent)"]
    begun = [event.uid for event in shown if event.starts_at < now]
    assert 30 <= len(begun) < len(shown)
    place = f"oncall/schedules/{recent}/layers/{layer['id']}"
    assert world.call("DELETE", place).status_code == 204
    left = [event for event in read(fetch(world, path).data) if event.summary == "Cleo (Recent)"]
    assert [event.uid for event in left] == begun


@pytest.fixture
def bare(world: World, schedule: str) -> str:
    """The id of a schedule without layers."""
    id: str = world.make("oncall/schedules", name="Bare", timezone="UTC")["id"]
    return id


def test_an_override_that_changes_while_it_runs(world: World, bare: str) -> None:
    hour = timedelta(hours=1)
    id = override(world, bare, "c", format_instant(NOW - hour), format_instant(NOW + 5 * hour))
    path, place = subscribe(world, "a", bare), f"oncall/schedules/{bare}/overrides/{id}"

    def seen(now: datetime) -> list[tuple[bool, str]]:
        """Whether each event has the override's id, and whose it is."""
        events = read(fetch(world, path, now).data)
        assert len({event.uid for event in events}) == len(events)
        return [(event.uid == id, event.summary.partition(" ")[0]) for event in events]

    assert seen(NOW) == [(True, "Cleo")]
    with it_is(world, NOW):
        assert world.call("PATCH", place, {"userId": "a"}).status_code == 200
    assert seen(NOW) == seen(NOW + hour) == [(False, "Cleo"), (True, "Ada")]
    with it_is(world, NOW + hour):
        assert world.call("DELETE", place).status_code == 204
    assert seen(NOW + hour) == [(False, "Cleo"), (True, "Ada")]


def test_what_an_override_did_within_a_second_is_left_out(world: World, bare: str) -> None:
    hour, moment = timedelta(hours=1), timedelta(milliseconds=100)
    id = override(world, bare, "c", format_instant(NOW - hour), format_instant(NOW + hour))
    path, place = subscribe(world, "a", bare), f"oncall/schedules/{bare}/overrides/{id}"
    with it_is(world, NOW):
        assert world.call("PATCH", place, {"userId": "a"}).status_code == 200
    with it_is(world, NOW + moment):
        assert world.call("DELETE", place).status_code == 204
    (left,) = read(fetch(world, path, NOW + moment).data)
    assert (left.summary, left.uid == id) == ("Cleo (Bare)", False)


def test_the_text_around_the_events(world: World, schedule: str) -> None:
    answer = fetch(world, subscribe(world, "a", schedule), NOW)
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert answer.headers["X-Robots-Tag"] == "noindex"
    lines = answer.text.split("\r\n")
    assert (lines[0], lines[-2:]) == ("BEGIN:VCALENDAR", ["END:VCALENDAR", ""])
    head = lines[: lines.index("BEGIN:VEVENT")]
    assert {
        "VERSION:2.0",
        "NAME:On call: Payments",
        "X-WR-CALNAME:On call: Payments",
        "X-WR-TIMEZONE:Europe/Berlin",
        "REFRESH-INTERVAL;VALUE=DURATION:PT1H",
        "X-PUBLISHED-TTL:PT1H",
    } <= set(head)
    events = answer.text.count("BEGIN:VEVENT")
    assert answer.text.count("\r\nTRANSP:TRANSPARENT\r\n") == events > 300
    assert "\nDTSTART:20260329T013000Z\r" not in answer.text
    assert "\nDTSTART:20260329T010000Z\r" in answer.text  # the first instant after the gap


def test_an_own_feed_names_the_zone_if_there_is_one_alone(world: World, schedule: str) -> None:
    path = subscribe(world, "b")
    assert "\r\nX-WR-TIMEZONE:Europe/Berlin\r\n" in fetch(world, path, NOW).text
    assert "\r\nNAME:On call: Ben\r\n" in fetch(world, path, NOW).text
    other = world.make("oncall/schedules", name="Search", timezone="UTC")["id"]
    override(world, other, "b", "2026-05-01T00:00:00Z", "2026-05-02T00:00:00Z")
    assert "X-WR-TIMEZONE" not in fetch(world, path, NOW).text


def test_what_did_not_change_is_not_sent_again(world: World, schedule: str) -> None:
    path = subscribe(world, "a", schedule)
    first = fetch(world, path, NOW)
    etag = first.headers["ETag"]
    later = NOW.replace(hour=23, minute=59)
    assert fetch(world, path, later).data == first.data
    again = fetch(world, path, later, If_None_Match=f'"other", W/{etag}')
    assert (again.status_code, again.data) == (304, b"")
    assert (again.headers["ETag"], again.headers["Cache-Control"]) == (etag, "private, no-cache")
    assert "Content-Type" not in again.headers
    head = world.client.head(path)
    assert (head.status_code, head.data) == (200, b"")
    override(world, schedule, "c", "2026-04-01T00:00:00Z", "2026-04-01T01:00:00Z")
    changed = fetch(world, path, later, If_None_Match=etag)
    assert changed.status_code == 200
    assert changed.headers["ETag"] != etag


def test_the_moving_window_changes_no_event(world: World, schedule: str) -> None:
    override(world, schedule, "c", "2026-03-28T20:00:00+01:00", "2026-03-30T01:30:00+02:00")
    path = subscribe(world, "a", schedule)
    one = read(fetch(world, path, NOW).data)
    other = read(fetch(world, path, NOW + timedelta(days=30)).data)
    assert one[31:-1] == other[1 : len(one) - 31]
    assert one[-1] == other[len(one) - 31]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("users/a", {"firstName": "Adaline"}),
        ("oncall/schedules/{schedule}", {"name": "Money", "timezone": "Europe/Berlin"}),
    ],
)
def test_a_new_name_is_shown_under_the_same_id(
    world: World, schedule: str, path: str, body: dict[str, Any]
) -> None:
    feed = subscribe(world, "a", schedule)
    before = read(fetch(world, feed, NOW).data)
    method = "PATCH" if path.startswith("users") else "PUT"
    assert world.call(method, path.format(schedule=schedule), body).status_code == 200
    after = read(fetch(world, feed, NOW).data)
    assert [event.uid for event in after] == [event.uid for event in before]
    assert {event.summary for event in after} - {event.summary for event in before}


def test_deleted_people_are_named_as_they_were(world: World, schedule: str) -> None:
    world.make("users", id="d", email="d@example.com", firstName="Dora", lastName="Deleted")
    override(world, schedule, "d", "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z")
    assert world.call("DELETE", "users/d").status_code == 204
    events = read(fetch(world, subscribe(world, "a", schedule), NOW).data)
    assert [event.summary for event in events if event.summary.startswith("Dora")] == [
        "Dora Deleted (Payments)"
    ]


def test_a_deleted_schedule_leaves_an_empty_calendar(world: World, schedule: str) -> None:
    paths = [subscribe(world, "a", schedule), subscribe(world, "a")]
    assert world.call("DELETE", f"oncall/schedules/{schedule}").status_code == 204
    for path in paths:
        answer = fetch(world, path, NOW)
        assert (answer.status_code, read(answer.data)) == (200, [])
    assert "NAME:On call: Payments" in fetch(world, paths[0], NOW).text
    assert len(world.call("GET", "users/a/calendar-feeds").json["data"]["calendarFeeds"]) == 2


def test_what_is_over_within_a_second_is_left_out(world: World, schedule: str) -> None:
    override(world, schedule, "c", "2026-04-01T10:00:00.2Z", "2026-04-01T10:00:00.7Z")
    override(world, schedule, "c", "2026-04-02T10:00:00.2Z", "2026-04-02T10:00:01.7Z")
    events = read(fetch(world, subscribe(world, "a", schedule), NOW).data)
    assert all(event.starts_at < event.ends_at for event in events)
    (short,) = [event for event in brief(events) if event[1].startswith("2026-04-02T10:00:00")][:1]
    assert short[0] == NAMES["c"]


@pytest.mark.parametrize(
    "name",
    [
        "a, b; c: d \\ e \"f\" 'g'",
        "C:\\Names\\names\\new",
        "END:VCALENDAR",
        "BEGIN:VEVENT",
        "x" * 255,
        "é" * 255,
        "\U0001f600" * 100,
        "\\" * 100 + "," * 100,
        "שלום עולם",
    ],
)
def test_any_name_comes_through(world: World, schedule: str, name: str) -> None:
    other = world.make("oncall/schedules", name=name, timezone="UTC")["id"]
    override(world, other, "b", "2026-05-01T00:00:00Z", "2026-05-02T00:00:00Z")
    answer = fetch(world, subscribe(world, "b", other), NOW)
    (event,) = read(answer.data)
    assert event.summary == f"Ben ({name})"
    assert all(len(line) <= 75 for line in answer.data.split(b"\r\n"))


@pytest.mark.parametrize("between", ["\n", "\r\n", "\r", "\x85", "\u2028", "\x1c", "\t", "  "])
def test_a_name_is_one_line(world: World, schedule: str, between: str) -> None:
    name = f"One{between}SUMMARY:two"
    other = world.make("oncall/schedules", name=name, timezone="UTC")["id"]
    override(world, other, "b", "2026-05-01T00:00:00Z", "2026-05-02T00:00:00Z")
    (event,) = read(fetch(world, subscribe(world, "b", other), NOW).data)
    assert event.summary == "Ben (One SUMMARY:two)"


def test_characters_that_no_text_may_have_are_replaced(world: World, schedule: str) -> None:
    other = world.make("oncall/schedules", name="a\x07b\x9fc\ufffed", timezone="UTC")["id"]
    override(world, other, "b", "2026-05-01T00:00:00Z", "2026-05-02T00:00:00Z")
    (event,) = read(fetch(world, subscribe(world, "b", other), NOW).data)
    assert event.summary == "Ben (a\ufffdb\ufffdc\ufffdd)"


def test_who_asks_too_often_has_to_wait(world: World) -> None:
    path = subscribe(world, world.made.user_id)
    limited = create_app(
        Settings(database=world.database.where, rate_limit_public="2/day", trusted_proxies=1)
    ).test_client()
    for _ in range(2):
        assert limited.get(path).status_code == 200
    answer = limited.get(path)
    assert code(answer) == (429, "rate_limited")
    assert 1 <= int(answer.headers["Retry-After"]) <= 86400


def test_an_own_feed_shows_so_many_schedules_at_most(
    world: World, schedule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calendar_feeds, "MAX_SCHEDULES", 2)
    for name in ("Z", "A"):
        other = world.make("oncall/schedules", name=name, timezone="UTC")["id"]
        override(world, other, "b", "2026-05-01T00:00:00Z", "2026-05-02T00:00:00Z")
    shown = {event.summary for event in read(fetch(world, subscribe(world, "b"), NOW).data)}
    assert shown == {"Ben (A)", "Ben (Payments)"}


def test_a_schedule_has_so_many_events_at_most(
    world: World, schedule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = subscribe(world, "a", schedule)
    every = read(fetch(world, path, NOW).data)
    monkeypatch.setattr(calendar_feeds, "MAX_EVENTS", 10)
    assert read(fetch(world, path, NOW).data) == every[:10]


@pytest.mark.sqlite_only("how it finds rows")
def test_a_feed_finds_its_rows_by_indexes(world: World, schedule: str) -> None:
    override(world, schedule, "b", "2026-05-01T00:00:00Z", "2026-05-02T00:00:00Z")
    paths = [subscribe(world, "b"), subscribe(world, "b", schedule)]
    with traced(world) as statements:
        for path in paths:
            assert fetch(world, path).status_code == 200
        assert world.call("GET", "users/b/calendar-feeds").status_code == 200
    found = [text for text in statements if text.lstrip().startswith("SELECT")]
    assert len(found) > 10
    assert [scan for text in found for scan in scans(world, text)] == []
    of_user = [text for text in found if "schedule_layer_participants AS participant" in text]
    assert any(
        "schedule_layer_participants_by_user" in step
        for text in of_user
        for step in plan(world, text)
    )
