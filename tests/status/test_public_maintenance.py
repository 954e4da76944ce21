"""Maintenance as everybody sees it: status page, history, feed and JSON (contract §7)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import feedparser  # type: ignore[import-untyped]
import pytest

from incident_service import quickstart
from incident_service.http import page_cache
from incident_service.status import public_view
from tests.helpers.maintenance import TICK, Chosen, at, plan
from tests.helpers.plans import traced
from tests.helpers.status_pages import (
    BROWSER,
    DIRECTIONS,
    HOSTILE,
    NO_MARKUP,
    PATHS,
    Shown,
    data,
    etags,
    open_incident,
    publish,
    see,
    words,
)
from tests.helpers.world import World

UNKNOWN = "00000000-0000-7000-8000-000000000000"
SECRET = "only for us"
DAY = 24 * 60


@pytest.fixture(autouse=True)
def chosen(world: World, monkeypatch: pytest.MonkeyPatch) -> Chosen:
    return Chosen(world, monkeypatch)


def said(world: World) -> list[tuple[str, str]]:
    """Return what the JSON has of maintenance: titles and how far each is."""
    return [(one["title"], one["status"]) for one in data(world)["maintenanceWindows"]]


def entries(world: World) -> list[Any]:
    found = feedparser.parse(see(world, "/feed.atom").data, sanitize_html=False)
    assert (found.bozo, found.version) == (0, "atom10")
    return list(found.entries)


def test_from_its_creation_to_the_history(world: World, chosen: Chosen) -> None:
    publish(world)
    id = plan(world, 60, 150, description="Payments may fail.").partition("/")[2]
    times = "From 30 November 2026, 13:00 UTC until 14:30 UTC (1 hour 30 minutes)"
    about = f"ffecting Payments API {times} Payments may fail."

    def told(status: str) -> dict[str, Any]:
        return {
            "id": id, "title": "Database upgrade", "description": "Payments may fail.",
            "status": status, "startsAt": at(60), "endsAt": at(150), "createdAt": at(0),
            "updatedAt": at(0 if status == "scheduled" else 60),
            "affectedComponents": [{"id": world.made.component_id, "name": "Payments API"}],
        }  # fmt: skip

    for minutes, before in ((0, timedelta()), (60, TICK)):
        chosen.be(minutes, before=before)
        found = data(world)
        assert (found["status"], found["maintenanceWindows"]) == (
            "operational",
            [told("scheduled")],
        )
        text = words(world)
        assert text.startswith("Acme: All systems operational Acme All systems operational Comp")
        assert f"Today Scheduled maintenance Database upgrade A{about} History of" in text
        assert "Database upgrade" not in words(world, "/history")
    for minutes, before in ((60, timedelta()), (150, TICK)):
        chosen.be(minutes, before=before)
        found = data(world)
        assert found["maintenanceWindows"] == [told("in_progress")]
        assert (found["status"], found["updatedAt"]) == ("maintenance", at(60))
        text = words(world)
        assert text.startswith(
            "Acme: Under maintenance Acme Under maintenance 1 component is under"
        )
        assert f"Maintenance in progress Database upgrade A{about} Components" in text
        assert "Payments API Under maintenance 100% uptime" in text
        assert f"Database upgrade Maintenance in progress a{about}" in words(world, "/history")
    chosen.be(150)
    found = data(world)
    assert (found["status"], found["maintenanceWindows"]) == ("operational", [])
    assert found["updatedAt"] == at(150)
    assert "Database upgrade" not in words(world)
    over = words(world, "/history")
    assert f"30 November 2026 Database upgrade Maintenance completed a{about}" in over


@pytest.mark.sqlite_only("how it finds rows")
def test_a_page_changes_at_that_instant_although_nothing_is_written(
    world: World, chosen: Chosen
) -> None:
    publish(world)
    plan(world, 10, 20)
    etags(world)
    seen = []
    for minutes, before in (
        (0, timedelta()),
        (10, TICK),
        (10, timedelta()),
        (11, timedelta()),
        (20, TICK),
        (20, timedelta()),
        (21, timedelta()),
    ):
        chosen.be(minutes, before=before)
        with traced(world) as statements:
            seen.append([see(world, path).headers["ETag"] for path in PATHS])
        rendered = [text for text in statements if "FROM status_page_components" in text]
        assert bool(rendered) == ((minutes, before) in ((10, timedelta()), (20, timedelta())))
        # Another process, which has kept nothing, gives the same.
        page_cache.install(world.app)
        assert [see(world, path).headers["ETag"] for path in PATHS] == seen[-1]
    planned, running, over = seen[0], seen[2], seen[5]
    assert seen == [planned] * 2 + [running] * 3 + [over] * 2
    assert all(len({*three}) == 3 for three in zip(planned, running, over, strict=True))


def test_a_clock_that_is_set_back_shows_what_was(world: World, chosen: Chosen) -> None:
    publish(world)
    plan(world, 10, 20)
    for minutes, progress in ((5, "scheduled"), (15, "in_progress"), (5, "scheduled")):
        chosen.be(minutes)
        assert said(world) == [("Database upgrade", progress)]


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "Other"},
        {"description": "Other"},
        {"startsAt": at(15)},
        {"endsAt": at(40)},
        {"endsAt": at(11)},
        {"endsAt": None},
        {"isPublic": False},
        {"componentIds": ["{second}"]},
        None,
    ],
)
def test_every_change_shows_at_once(
    world: World, chosen: Chosen, changes: dict[str, Any] | None
) -> None:
    second = world.make("components", name="Second")["id"]
    publish(world, componentIds=[world.made.component_id, second])
    path = plan(world, 10, 30)
    chosen.be(12)
    before = etags(world)
    if changes is None:
        assert world.call("DELETE", path).status_code == 204
    else:
        sent = {**changes, "componentIds": [second]} if "componentIds" in changes else changes
        assert world.call("PATCH", path, sent).status_code == 200
    after = etags(world)
    assert all(one != other for one, other in zip(before, after, strict=True))


def test_ending_it_now_ends_it_now(world: World, chosen: Chosen) -> None:
    publish(world)
    path = plan(world, 0, None)
    chosen.be(7)
    assert said(world) == [("Database upgrade", "in_progress")]
    assert "From 30 November 2026, 12:00 UTC until further notice" in words(world)
    assert data(world)["maintenanceWindows"][0]["endsAt"] is None
    world.call("PATCH", path, {"endsAt": at(7)})
    assert said(world) == []
    assert data(world)["status"] == "operational"
    assert "Maintenance completed" in words(world, "/history")


def test_what_is_not_public_is_nowhere_and_changes_nothing(world: World, chosen: Chosen) -> None:
    publish(world)
    before = etags(world)
    id = plan(world, 10, 20, title=SECRET, isPublic=False).partition("/")[2]
    for minutes in (0, 10, 20):
        chosen.be(minutes)
        assert etags(world) == before
        assert world.client.get(f"/status/status/maintenance/{id}").status_code == 404
        assert not any(SECRET in see(world, path).text for path in PATHS)


def test_only_what_the_page_shows(
    world: World, chosen: Chosen, other_org: quickstart.Provisioned
) -> None:
    hidden = world.make("components", name="Hidden part")["id"]
    publish(world)
    before = etags(world)
    elsewhere = plan(world, 0, 60, title=SECRET, componentIds=[hidden]).partition("/")[2]
    window = {"title": SECRET, "startsAt": at(0), "componentIds": [other_org.component_id]}
    theirs = world.call("POST", "maintenance-windows", window, key=other_org.key)
    assert theirs.status_code == 201
    assert etags(world) == before
    plan(world, 0, 60, title="Both", componentIds=[hidden, world.made.component_id])
    for path in PATHS:
        assert "Both" in see(world, path).text
        assert "Hidden part" not in see(world, path).text
        assert SECRET not in see(world, path).text
    for id in (elsewhere, theirs.json["data"]["id"], UNKNOWN, "x", "%00"):
        for accept, kind in ((BROWSER, "text/html"), ("*/*", "application/json")):
            headers = {"Accept": accept}
            answer = world.client.get(f"/status/status/maintenance/{id}", headers=headers)
            assert (answer.status_code, answer.mimetype) == (404, kind)
            assert "no maintenance at this address" in answer.text


def test_a_deleted_component_is_shown_in_the_history_alone(world: World, chosen: Chosen) -> None:
    second = world.make("components", name="Second")["id"]
    both = [world.made.component_id, second]
    publish(world, componentIds=both)
    plan(world, -20, -10, title="Over", componentIds=both)
    plan(world, 0, 10, title="Now", componentIds=both)
    plan(world, 10, 20, title="Later", componentIds=[second])
    world.call("DELETE", f"components/{second}")
    assert said(world) == [("Now", "in_progress")]
    shown = data(world)["maintenanceWindows"][0]
    assert [part["name"] for part in shown["affectedComponents"]] == ["Payments API"]
    assert "Later" not in words(world)
    over = "Over Maintenance completed affecting Payments API , Second "
    assert over in words(world, "/history")


@pytest.mark.parametrize(
    ("severity", "by_hand", "banner", "component"),
    [
        (None, None, "maintenance", "maintenance"),
        (None, "operational", "operational", "operational"),
        (None, "degraded", "degraded", "degraded"),
        ("low", None, "degraded", "degraded"),
        ("critical", None, "major_outage", "major_outage"),
        ("high", "maintenance", "partial_outage", "maintenance"),
    ],
)
def test_the_banner_is_the_worst_of_incidents_and_components(
    world: World, severity: str | None, by_hand: str | None, banner: str, component: str
) -> None:
    overrides = {world.made.component_id: by_hand} if by_hand else {}
    publish(world, overrides=overrides)
    plan(world, -10, 10)
    if severity:
        open_incident(world, severity=severity)
    found = data(world)
    assert (found["status"], found["components"][0]["status"]) == (banner, component)
    assert said(world) == [("Database upgrade", "in_progress")]  # whatever is worse


def test_one_page_s_maintenance_does_not_color_another(world: World, chosen: Chosen) -> None:
    second = world.make("components", name="Second")["id"]
    publish(world)
    publish(world, "other", componentIds=[second])
    plan(world, 0, None, componentIds=[second])
    assert (data(world)["status"], said(world)) == ("operational", [])
    assert see(world, ".json", "other").json["data"]["status"] == "maintenance"


def test_maintenance_does_not_count_for_uptime(world: World, chosen: Chosen) -> None:
    publish(world)
    plan(world, -DAY, 20)
    (component,) = data(world)["components"]
    assert (component["status"], component["uptime"]) == ("maintenance", 100)
    assert "The last 90 days: operational every day" in words(world)


def test_what_begins_first_comes_first(
    world: World, chosen: Chosen, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(world)
    for title, begins, ends in (
        ("d", 90, 100), ("c", 60, None), ("b", -10, 20), ("a", -20, None), ("over", -20, 0),
    ):  # fmt: skip
        plan(world, begins, ends, title=title)
    assert said(world) == [
        ("a", "in_progress"), ("b", "in_progress"), ("c", "scheduled"), ("d", "scheduled"),
    ]  # fmt: skip
    assert data(world)["omittedMaintenanceWindows"] == 0
    monkeypatch.setattr(public_view, "MAX_CURRENT", 3)
    page_cache.install(world.app)
    assert [title for title, _ in said(world)] == ["a", "b", "c"]
    assert data(world)["omittedMaintenanceWindows"] == 1
    assert "And 1 more window." in words(world)
    plan(world, 120, None)
    assert "And 2 more windows." in words(world)


def test_the_history_has_incidents_and_maintenance_by_the_day_on_which_they_began(
    world: World, chosen: Chosen
) -> None:
    publish(world)
    for title, begins, ends in (
        ("too old", -200 * DAY, -91 * DAY),
        ("M1", -200 * DAY, -DAY),
        ("M2", -DAY, -DAY + 60),
        ("M3", -5, None),
        ("to come", 5, None),
    ):
        plan(world, begins, ends, title=title)
    for title, minutes in (("I1", -DAY + 1), ("I2", -DAY - 1), ("I3", -1)):
        open_incident(world, title=title)
        world.execute("UPDATE incidents SET created_at = ? WHERE title = ?", at(minutes), title)
    text = words(world, "/history")
    assert re.findall(r"\b[IM]\d", text) == ["I3", "M3", "I1", "M2", "I2", "M1"]
    days = re.findall(r"(\d+ \w+ \d{4}) [IM]\d", text)
    assert days == ["30 November 2026", "29 November 2026", "14 May 2026"]
    assert "too old" not in text
    assert "to come" not in text


def test_the_feed_tells_of_every_change(world: World, chosen: Chosen) -> None:
    publish(world)
    path = plan(world, 10, 20, description="Payments may fail.")
    id = path.partition("/")[2]
    updated = []
    for minutes, said_there in (
        (0, "Scheduled maintenance"),
        (5, "Scheduled maintenance"),
        (10, "Maintenance in progress"),
        (20, "Maintenance completed"),
        (25, "Maintenance completed"),
    ):
        chosen.be(minutes)
        if minutes in (5, 25):
            world.call("PATCH", path, {"description": f"Changed at {minutes}."})
        (entry,) = entries(world)
        assert (entry.id, entry.title) == (f"urn:uuid:{id}", "Database upgrade")
        assert entry.published == at(0)
        assert entry.link.endswith(f"/status/status/maintenance/{id}")
        assert Shown(entry.content[0].value).words().startswith(f"{said_there} affecting Payments")
        updated.append(entry.updated)
        assert feedparser.parse(see(world, "/feed.atom").data).feed.updated == entry.updated
    assert updated == [at(0), at(5), at(10), at(20), at(25)]
    chosen.be(26)
    open_incident(world, title="Later")
    assert [entry.title for entry in entries(world)] == ["Later", "Database upgrade"]
    world.call("DELETE", path)
    assert [entry.title for entry in entries(world)] == ["Later"]


def test_each_has_a_link_of_its_own(world: World, chosen: Chosen) -> None:
    publish(world)
    id = plan(world, -400 * DAY, -399 * DAY, description="See https://a.example/x.").partition("/")[
        2
    ]
    running = plan(world, 0, None).partition("/")[2]
    link = f"/status/status/maintenance/{running}"
    for path in ("", "/history"):
        links = [a["href"] for tag, a in Shown(see(world, path).text).elements if tag == "a"]
        assert link in links
    alone = words(world, f"/maintenance/{id.upper()}")
    assert alone.startswith(
        "Database upgrade: Acme Acme Database upgrade Maintenance completed affecting Payments API "
        "From 26 October 2025, 12:00 UTC until 27 October 2025, 12:00 UTC (1 day) See "
    )
    assert 'href="https://a.example/x"' in see(world, f"/maintenance/{id}").text
    assert "Maintenance in progress" in words(world, f"/maintenance/{running}")


def test_times_are_elements_in_utc(world: World, chosen: Chosen) -> None:
    publish(world)
    sent = {"startsAt": "2026-12-01T00:30:00.1234+05:30", "endsAt": "2026-12-01T12:00:00-01:00"}
    plan(world, 0, 0, **sent)
    times = [attrs for tag, attrs in Shown(see(world).text).elements if tag == "time"]
    assert {"datetime": "2026-11-30T19:00:00.123Z"} in times
    assert {"datetime": "2026-12-01T13:00:00.000Z"} in times
    shown = data(world)["maintenanceWindows"][0]
    assert (shown["startsAt"], shown["endsAt"]) == (
        "2026-11-30T19:00:00.123Z", "2026-12-01T13:00:00.000Z",
    )  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("begins", [-10, 10])
def test_a_hostile_text_comes_out_as_text(world: World, text: str, begins: int) -> None:
    publish(world)
    world.call("PATCH", f"components/{world.made.component_id}", {"name": text})
    planned = plan(world, begins, 60, title="harmless", description="harmless")
    paths = ["", "/history", f"/maintenance/{planned.partition('/')[2]}"]
    before = {path: Shown(see(world, path).text) for path in paths}
    world.call("PATCH", planned, {"title": text, "description": text})
    clean = NO_MARKUP.sub("\ufffd", text)
    for path in paths:
        shown = Shown(see(world, path).text)
        assert [(tag, list(attrs)) for tag, attrs in shown.elements] == [
            (tag, list(attrs)) for tag, attrs in before[path].elements
        ]
        assert "pwned" not in str(shown.elements)
        is_there = path != "/history" or begins < 0
        assert shown.texts.count(("p", clean)) == is_there
        assert (("bdi", DIRECTIONS.sub("", clean)) in shown.texts) == is_there
    (entry,) = entries(world)
    told = Shown(entry.content[0].value)
    assert ("p", clean) in told.texts
    assert {tag for tag, _ in told.elements} <= {"p", "span", "bdi", "time"}
    assert data(world)["maintenanceWindows"][0]["description"] == text


@pytest.mark.sqlite_only("how it finds rows")
def test_many_windows_cost_no_more_statements(world: World, chosen: Chosen) -> None:
    publish(world)

    def statements(path: str) -> int:
        with traced(world) as found:
            see(world, path)
        return len([text for text in found if text.lstrip().startswith("SELECT")])

    plan(world, 0, 60)
    few = [statements(path) for path in PATHS]
    for n in range(30):
        plan(world, n - 15, 60 + n)
    assert [statements(path) for path in PATHS] == few


def test_a_period_ends_as_ever(
    world: World, chosen: Chosen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Maintenance does not keep an open outage from lowering the uptime."""
    publish(world)
    monkeypatch.setattr(page_cache, "PERIOD", timedelta(minutes=5))
    past = "2020-01-01T00:00:00.000Z"
    world.execute("UPDATE components SET created_at = ?", past)
    open_incident(world, severity="critical")
    plan(world, 7, 8)
    span = 89 * DAY + DAY // 2
    for minutes, counted in ((0, 0), (4, 0), (5, 5), (6, 5), (7, 7), (7.5, 7), (8, 8), (10, 10)):
        chosen.be(minutes)
        uptime = data(world)["components"][0]["uptime"]
        assert uptime == 10_000 * span // (span + counted) / 100, minutes
