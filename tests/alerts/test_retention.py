"""Retention: what goes once it is old enough, and what stays for good (contract §9)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_service import quickstart
from incident_service.alerts import intake, purges, retention
from incident_service.clock import format_instant, parse_instant
from incident_service.database.engine import Connection, Database
from incident_service.database.file import FileDatabase
from incident_service.incidents import opening, updates
from incident_service.people.caller import Caller
from incident_service.store import audit, changes
from tests.helpers import engines
from tests.helpers.clocks import write_at
from tests.helpers.console import signed_in, text_of
from tests.helpers.monitoring import Tool, fire, resolved
from tests.helpers.plans import traced, walks
from tests.helpers.world import World

BEGIN = parse_instant("2030-01-01T00:00:00Z")
"""Later than all that the world comes with."""

DAYS = 30
"""How long history is kept here."""

MILLISECOND = timedelta(milliseconds=1)


def day(number: float) -> datetime:
    return BEGIN + timedelta(days=number)


def purge(world: World, at: datetime, days: int | None = DAYS) -> bool:
    return write_at(at, world.database, purges.purge, retention_days=days)


def purge_all(world: World, at: datetime, days: int | None = DAYS) -> None:
    while purge(world, at, days):
        pass


def act(world: World, at: datetime, method: str, path: str, **body: Any) -> Any:
    """Make a call at an instant; return its data."""
    real, world.database.clock = world.database.clock, lambda: at
    try:
        answer = world.call(method, path, body)
    finally:
        world.database.clock = real
    assert answer.status_code in (200, 201), answer.json
    return answer.json["data"]


def status_page(world: World, at: datetime) -> str:
    """Return what the page of past incidents says, at an instant."""
    real, world.database.clock = world.database.clock, lambda: at
    try:
        return text_of(world.client.get("/status/status/history").text)
    finally:
        world.database.clock = real


def open_at(world: World, at: datetime, **changes: Any) -> str:
    id: str = act(world, at, "POST", "incidents", **world.body(**changes))["id"]
    return id


def resolve(world: World, id: str, at: datetime) -> None:
    act(world, at, "POST", f"incidents/{id}/resolve", resolutionNote="Restarted it.")


def trail(world: World, id: str) -> list[str]:
    sql = "SELECT event FROM audit_events WHERE incident_id = ? ORDER BY number"
    return [row["event"] for row in world.rows(sql, id)]


def trails(world: World) -> set[str]:
    return {row["id"] for row in world.rows("SELECT DISTINCT incident_id AS id FROM audit_events")}


def another_org(world: World) -> str:
    world.execute("UPDATE organizations SET name = id")
    return world.database.write(None, quickstart.provision).org_id


def lengthen_trail(world: World, org_id: str, id: str, number: int) -> None:
    def append(db: Connection, now: datetime) -> None:
        for _ in range(number):
            audit.append(
                db,
                {"org_id": org_id, "id": id},
                "layer_escalated",
                {"position": 1, "userIds": []},
                actor_id=None,
                at=format_instant(day(0)),
            )

    world.database.write(org_id, append)


def test_a_trail_goes_once_its_incident_has_been_resolved_for_so_long(world: World) -> None:
    id = open_at(world, day(0))
    resolve(world, id, day(1))
    purge_all(world, day(1 + DAYS))
    assert "incident_opened" in trail(world, id)
    purge_all(world, day(1 + DAYS) + timedelta(hours=1))  # moves on
    purge_all(world, day(1 + DAYS) + timedelta(hours=2))
    assert trail(world, id) == []


def test_nothing_goes_without_the_setting(world: World) -> None:
    id = open_at(world, day(0))
    resolve(world, id, day(0))
    number = len(world.rows("SELECT id FROM changes"))
    purge_all(world, day(10_000), None)
    assert trail(world, id)
    assert len(world.rows("SELECT id FROM changes")) == number


def test_an_incident_that_is_not_resolved_keeps_everything(world: World) -> None:
    tool = Tool(world)
    sent = [fire("a", group="g"), fire("b", group="g"), resolved("b")]
    write_at(day(0), world.database, intake.take_in, tool.row(), sent)
    (automatic,) = (row["id"] for row in tool.incidents())
    before = {id: trail(world, id) for id in (open_at(world, day(0)), automatic)}
    purge_all(world, day(5000))
    assert {id: trail(world, id) for id in before} == before
    assert len(world.call("GET", f"incidents/{automatic}/alerts").json["data"]["alerts"]) == 2


def test_what_is_left_of_an_incident(world: World) -> None:
    """All but its trail and its alerts, and everything that shows it."""
    shown = [world.made.component_id]
    world.make("status-pages", slug="status", title="Status", published=True, componentIds=shown)
    id = open_at(world, day(0))
    ben = world.make("users", email="ben@example.com", firstName="Ben")["id"]
    act(world, day(0.1), "POST", f"incidents/{id}/acknowledge")
    act(world, day(0.1), "POST", f"incidents/{id}/responders", userIds=[ben])
    act(world, day(0.2), "POST", f"incidents/{id}/updates", visibility="public", body="On it.")
    resolve(world, id, day(0.3))
    before = world.call("GET", f"incidents/{id}").json["data"]
    history = status_page(world, day(1))
    purge_all(world, day(100))
    world.execute("UPDATE organizations SET public_revision = public_revision + 1")  # render again
    after = world.call("GET", f"incidents/{id}").json["data"]
    told = ("auditTrail", "auditTrailDeletedAt")
    assert before["auditTrail"]
    assert before["auditTrailDeletedAt"] is None
    assert {**before, **dict.fromkeys(told)} == {**after, **dict.fromkeys(told)}
    assert (after["auditTrail"], after["auditTrailOmitted"]) == ([], 0)
    assert after["auditTrailDeletedAt"] == format_instant(day(100))
    walk = world.call("GET", f"incidents/{id}/audit-trail").json["data"]
    assert walk == {"auditTrail": [], "nextCursor": None}
    posted = world.call("GET", f"incidents/{id}/updates").json["data"]["updates"]
    assert "On it." in [update["body"] for update in posted]
    assert "On it." in history
    assert status_page(world, day(1)) == history
    told_to_people = text_of(signed_in(world).get("/incidents/1/story").text)
    assert "On it." in told_to_people
    assert "Restarted it." in told_to_people
    assert "acknowledged it" in told_to_people
    assert "The details of what happened before were deleted" in told_to_people
    assert signed_in(world).get("/incidents/1").status_code == 200


def test_what_happens_after_a_trail_was_deleted_is_recorded(world: World) -> None:
    id = open_at(world, day(0))
    update = act(
        world, day(0.2), "POST", f"incidents/{id}/updates", visibility="internal", body="Secret."
    )
    resolve(world, id, day(0.3))
    purge_all(world, day(100))
    for title in ("One", "Two"):
        act(world, day(200), "PATCH", f"incidents/{id}", title=title)
    act(world, day(201), "POST", f"incidents/{id}/updates/{update['id']}/redact")
    whole = world.call("GET", f"incidents/{id}").json["data"]
    names = [event["event"] for event in whole["auditTrail"]]
    assert names == ["incident_edited", "incident_edited", "update_redacted"]
    assert whole["auditTrailOmitted"] == 0
    first = world.call("GET", f"incidents/{id}/audit-trail", limit="2").json["data"]
    rest = world.call(
        "GET", f"incidents/{id}/audit-trail", limit="2", cursor=first["nextCursor"]
    ).json["data"]
    assert first["auditTrail"] + rest["auditTrail"] == whole["auditTrail"]
    for at in (202, 203, 500):  # it stays
        purge_all(world, day(at))
    assert trail(world, id) == names
    told = text_of(signed_in(world).get("/incidents/1/story").text)
    assert "changed the title from “One”" in told
    assert "The text was removed" in told


def test_the_audit_log_goes(world: World) -> None:
    act(world, day(1), "POST", "components", name="Old")
    act(world, day(40), "POST", "components", name="Young")
    purge_all(world, day(35))
    log = world.call("GET", "audit-events").json["data"]["auditEvents"]
    assert [event["at"] for event in log] == [format_instant(day(40))]
    purge_all(world, day(75))
    purge_all(world, day(76))
    assert world.call("GET", "audit-events").json["data"]["auditEvents"] != []


def test_alerts_of_an_incident_go_with_its_trail(world: World) -> None:
    tool = Tool(world)
    write_at(day(0), world.database, intake.take_in, tool.row(), [fire("a"), fire("b")])
    first, second = (row["id"] for row in tool.incidents())
    resolve(world, first, day(1))
    purge_all(world, day(DAYS + 2))
    (left,) = tool.alerts()
    assert left["incident_id"] == second
    (again,) = write_at(day(DAYS + 3), world.database, intake.take_in, tool.row(), [fire("a")])
    assert again["incident_id"] not in (None, first)


def test_alerts_without_an_incident_go_with_the_retention_or_after_ninety_days(
    world: World,
) -> None:
    tool = Tool(world)
    low = fire("low", severity="low")
    write_at(day(0), world.database, intake.take_in, tool.row(), [low, resolved("low")])
    purge(world, day(90) - MILLISECOND, 365)
    purge(world, day(DAYS) - MILLISECOND)
    assert len(tool.alerts()) == 1
    purge(world, day(DAYS))
    assert tool.alerts() == []


def test_the_database_refuses_to_delete_what_is_young(world: World) -> None:
    other = another_org(world)
    old, young, unresolved = (open_at(world, day(0)) for _ in range(3))
    resolve(world, old, day(1))
    resolve(world, young, day(50))
    purge(world, day(DAYS + 2))
    assert trails(world) == {young, unresolved}
    act(world, day(3), "POST", "components", name="Young")
    for statement in (
        "DELETE FROM audit_events",
        "DELETE FROM changes WHERE at > '2030-01-02'",
        "DELETE FROM retention",
        "UPDATE retention SET kept_from = '2029-01-01T00:00:00.000Z', trails_from = ''",
        "UPDATE retention SET kept_from = '2030-01-04T00:00:00.001Z'",
        "UPDATE retention SET kept_from = '9999-01-01T00:00:00.000Z'",
        f"INSERT OR REPLACE INTO retention VALUES ('{world.made.org_id}', '9999', '', '')",
        f"UPDATE OR REPLACE retention SET org_id = '{world.made.org_id}' WHERE org_id = '{other}'",
    ):
        if " OR REPLACE " in statement and engines.current is not None:
            continue  # a statement of SQLite's own
        with pytest.raises(engines.IntegrityError, match=r"append-only|moves on, by a day at most"):
            world.execute(statement)


def test_a_clock_that_is_wrong_by_years_costs_a_day_an_hour(world: World) -> None:
    ids = [open_at(world, day(number)) for number in range(10)]
    for number, id in enumerate(ids):
        resolve(world, id, day(number) + MILLISECOND)
    purge_all(world, day(DAYS))  # the first time: nothing is as old as that
    assert trails(world) == {*ids}
    wrong = day(5000)
    for _ in range(5):
        purge_all(world, wrong)
    assert trails(world) == {*ids}
    for hour in range(1, 4):
        purge_all(world, wrong + timedelta(hours=hour))
    assert trails(world) == {*ids[3:]}
    for hour in range(5):  # once the clock is right, nothing more goes than should have
        purge_all(world, day(DAYS + 1) + timedelta(hours=hour))
    assert trails(world) == {*ids[3:]}
    for hour in range(24):
        purge_all(world, day(DAYS + 8) + timedelta(hours=hour))
    assert trails(world) == {*ids[9:]}


def test_once_more_days_are_kept_nothing_goes_that_is_younger(world: World) -> None:
    ids = [open_at(world, day(0)) for _ in range(2)]
    resolve(world, ids[0], day(0))
    purge_all(world, day(DAYS + 10))
    resolve(world, ids[1], day(9.5))
    purge_all(world, day(DAYS + 11), 365)
    purge_all(world, day(DAYS + 12), 365)
    assert trails(world) == {ids[1]}
    purge_all(world, day(DAYS + 12), None)
    assert trails(world) == {ids[1]}


def test_each_write_deletes_a_few_rows_of_each_organization_in_turn(world: World) -> None:
    other = another_org(world)
    long = open_at(world, day(0))
    lengthen_trail(world, world.made.org_id, long, 3 * retention.DELETED_A_WRITE)
    resolve(world, long, day(0))
    numbers = [count(world)]
    while purge(world, day(100)):
        numbers.append(count(world))
        assert numbers[-2] - numbers[-1] <= retention.DELETED_A_WRITE
        whole = world.call("GET", f"incidents/{long}").json["data"]
        assert len(whole["auditTrail"]) + whole["auditTrailOmitted"] == len(trail(world, long))
        left = world.rows("SELECT org_id FROM changes WHERE org_id = ?", other)
        assert len(numbers) < 3 or left == []
    assert len(numbers) >= 4
    assert trail(world, long) == []


def count(world: World) -> int:
    (row,) = world.rows(
        "SELECT (SELECT count(*) FROM audit_events) + (SELECT count(*) FROM changes) AS number"
    )
    number: int = row["number"]
    return number


def test_incidents_resolved_at_the_same_instant_all_lose_their_trails(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "DELETED_A_WRITE", 3)
    for _ in range(5):
        resolve(world, open_at(world, day(0)), day(0))
    world.execute(  # as after a file was restored
        "UPDATE incidents SET trail_deleted_at = '2030' WHERE sequential_id IN (2, 4)"
    )
    purge_all(world, day(100))
    assert trails(world) == set()


@pytest.mark.sqlite_only("how it finds rows")
def test_no_statement_walks_through_a_table(world: World) -> None:
    tool = Tool(world)
    write_at(day(0), world.database, intake.take_in, tool.row(), [fire("a")])
    (incident,) = tool.incidents()
    resolve(world, incident["id"], day(0))
    with traced(world) as statements:
        purge(world, day(100))
    found = [text for text in statements if text.split()[0] in ("SELECT", "UPDATE", "DELETE")]
    assert len(found) >= 10
    found_walks = [walk for text in found for walk in walks(world, text)]
    assert {walk for walk in found_walks if not walk.startswith("SEARCH retention ")} == set()
    (search,) = (text for text in found if "trail_deleted_at IS NULL\n" in text and "ORDER" in text)
    steps = world.rows(f"EXPLAIN QUERY PLAN {search}")
    assert [row["detail"] for row in steps if "ORDER BY" in row["detail"]] == []
    assert "incidents_by_resolution" in steps[0]["detail"]


HISTORIES = st.lists(
    st.tuples(st.integers(0, 60), st.none() | st.integers(0, 60)), min_size=1, max_size=6
)


@pytest.mark.sqlite_only("each example has a file of its own")
@given(
    history=HISTORIES,
    days=st.lists(st.sampled_from([None, 30, 35, 60]), min_size=1, max_size=4),
    looks=st.lists(st.integers(0, 200), min_size=1, max_size=8),
)
def test_nothing_young_and_nothing_of_an_unresolved_incident_ever_goes(
    tmp_path_factory: pytest.TempPathFactory,
    blank: Any,
    history: list[tuple[int, int | None]],
    days: list[int | None],
    looks: list[int],
) -> None:
    """Whatever the clock says, wherever it jumps, and however the setting changes."""
    path = tmp_path_factory.mktemp("kept") / "kept.db"
    path.write_bytes(blank.read_bytes())
    database = FileDatabase(path)
    ids = fill(database, history)
    for number, look in enumerate(sorted(looks)):
        kept = days[number % len(days)]
        for hour in range(3):
            now = day(look) + timedelta(hours=hour)
            while write_at(now, database, purges.purge, retention_days=kept):
                pass
        with database.read() as db:
            found = {row["id"] for row in db.execute("SELECT incident_id AS id FROM audit_events")}
            logged = {row["at"] for row in db.execute("SELECT at FROM changes")}
        shortest = min((each for each in days if each is not None), default=None)
        for (opened, lasted), id in ids.items():
            over = lasted is not None and shortest is not None
            is_old = over and opened + (lasted or 0) < look + 0.1 - (shortest or 0)
            assert id in found or is_old
            is_logged_long_ago = shortest is not None and opened < look + 0.1 - shortest
            assert format_instant(day(opened)) in logged or is_logged_long_ago
    database.close()


def fill(
    database: Database, history: list[tuple[int, int | None]]
) -> dict[tuple[int, int | None], str]:
    """Open and resolve incidents, and log a change at each opening; return their ids."""
    made = write_at(day(0), database, quickstart.provision)
    caller = Caller(made.org_id, "key", made.user_id, "org:admin")
    ids = {}
    for opened, lasted in sorted(history, key=lambda each: each[0]):
        new = opening.NewIncident("It fails", "low", owner_id=made.user_id)

        def log(db: Connection, now: datetime) -> None:
            thing = {"org_id": caller.org_id, "id": "x", "name": "x"}
            changes.record(db, "component", None, thing, actor_id=None, now=now)

        write_at(day(opened), database, log)
        id = write_at(day(opened), database, opening.open_incident, caller, new)["id"]
        if lasted is not None:
            write_at(day(opened + lasted), database, updates.resolve, caller, id, None)
        ids[opened, lasted] = id
    return ids
