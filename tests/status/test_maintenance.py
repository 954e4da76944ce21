"""`/v1/maintenance-windows`, and what maintenance does to components and alerts (contract §6)."""

from __future__ import annotations

import itertools
import random
from datetime import datetime, timedelta
from typing import Any

import pytest

from incident_service import ids, quickstart
from incident_service.clock import format_instant, parse_instant, sortable
from incident_service.status import maintenance
from incident_service.store import maintenance_windows, tasks
from tests.helpers.maintenance import NOON, TICK, Chosen, at, plan
from tests.helpers.world import World

UNKNOWN = "00000000-0000-7000-8000-000000000000"

HOUR = {"startsAt": "2027-01-10T22:00:00Z", "endsAt": "2027-01-10T23:00:00Z"}


@pytest.fixture
def chosen(world: World, monkeypatch: pytest.MonkeyPatch) -> Chosen:
    return Chosen(world, monkeypatch)


@pytest.fixture
def others(world: World) -> list[str]:
    """Two more components."""
    return [world.make("components", name=name)["id"] for name in ("B", "C")]


def window(world: World, **fields: Any) -> dict[str, Any]:
    body = {"title": "Upgrade", "componentIds": [world.made.component_id], **HOUR, **fields}
    return {name: value for name, value in body.items() if value is not ...}


def component(world: World) -> dict[str, Any]:
    found: dict[str, Any] = world.call("GET", f"components/{world.made.component_id}").json["data"]
    (listed,) = [
        one
        for one in world.call("GET", "components").json["data"]["components"]
        if one["id"] == found["id"]
    ]
    assert listed == found
    return found


def suppressed(world: World) -> set[str]:
    with world.database.read() as db:
        return maintenance_windows.suppressed_component_ids(
            db, world.made.org_id, at=world.database.clock()
        )


def due(world: World) -> dict[str, str]:
    """Return when what maintenance suppressed is to be routed, by the id of a window or of all."""
    rows = world.rows("SELECT subject_id, due_at FROM tasks WHERE kind = 'end_maintenance'")
    return {row["subject_id"]: row["due_at"] for row in rows}


class TestLife:
    def test_a_window_s_life(self, world: World, others: list[str]) -> None:
        sent = {
            "title": "Database upgrade",
            "description": "Payments may fail.\nSorry.",
            "componentIds": [others[1], world.made.component_id.upper()],
            "startsAt": "2027-01-10T23:00:00.5+01:00",
            "endsAt": "2027-01-11t01:00:00z",
            "isPublic": False,
            "suppressesAlerts": False,
        }
        answer = world.call("POST", "maintenance-windows", sent)
        made = answer.json["data"]
        path = f"maintenance-windows/{made['id']}"
        assert (answer.status_code, answer.headers["Location"]) == (201, f"/v1/{path}")
        assert made == {
            "id": made["id"],
            "orgId": world.made.org_id,
            **sent,
            "componentIds": [others[1], world.made.component_id],
            "createdBy": made["createdBy"],
            "createdAt": made["createdAt"],
            "updatedAt": made["createdAt"],
        }
        assert made["createdBy"] == world.made.user_id
        assert world.call("GET", path).json["data"] == made
        world.execute("UPDATE maintenance_windows SET updated_at = '2025-04-07T08:23:11.000Z'")
        before = world.call("GET", path.replace(made["id"], made["id"].upper())).json["data"]
        assert world.call("PATCH", path, {}).json["data"] == before
        changes = {
            "title": "Index rebuilt",
            "componentIds": others,
            "startsAt": "2027-01-10T23:30:00+01:00",
            "isPublic": True,
        }
        changed = world.call("PATCH", path, changes).json["data"]
        assert changed == {**made, **changes, "updatedAt": changed["updatedAt"]}
        assert changed["updatedAt"] > before["updatedAt"]
        assert world.call("GET", path).json["data"] == changed
        nulls = dict.fromkeys(("description", "endsAt", "isPublic", "suppressesAlerts"))
        cleared = world.call("PATCH", path, nulls).json["data"]
        assert [cleared[name] for name in nulls] == [None, None, True, True]
        deleted = world.call("DELETE", path)
        assert (deleted.status_code, deleted.data) == (204, b"")
        for method in ("GET", "PATCH", "DELETE"):
            gone = world.call(method, path, {} if method == "PATCH" else ...)
            assert (gone.status_code, gone.json["code"]) == (404, "not_found")
            assert made["id"] in gone.json["message"]
        assert world.call("GET", "maintenance-windows").json["data"] == {
            "maintenanceWindows": [], "nextCursor": None,
        }  # fmt: skip

    @pytest.mark.parametrize("left_out", [..., None])
    def test_what_need_not_be_said(self, world: World, left_out: Any) -> None:
        optional = ("description", "endsAt", "isPublic", "suppressesAlerts")
        made = world.make(
            "maintenance-windows", **window(world, **dict.fromkeys(optional, left_out))
        )
        assert [made[name] for name in optional] == [None, None, True, True]

    def test_what_is_refused(self, world: World) -> None:
        path = plan(world, 0, 60)
        before = world.call("GET", path).json["data"]
        refused: dict[str, list[Any]] = {
            "title": [None, "", " \n", "t" * 101, 7, "a\0"],
            "description": ["d" * 10_001, 7, []],
            "componentIds": [None, [], ["x"], [""], [7], [None], "x", {}, [UNKNOWN] * 51],
            "startsAt": [None, "", "2027-01-10", "2027-01-10T22:00:00", "soon", 7, []],
            "endsAt": ["", "2027-01-10T22:00:00", "2027-02-30T00:00:00Z", 7, {},
                       "2020-01-01T00:00:00Z"],
            "isPublic": [1, 0, "true", "", [], {}],
            "suppressesAlerts": [1, "false", []],
            "id": [UNKNOWN],
            "is_public": [True],
        }  # fmt: skip
        for name, value in ((name, value) for name, values in refused.items() for value in values):
            for method, where, body in (
                ("POST", "maintenance-windows", window(world, **{name: value})),
                ("PATCH", path, {name: value}),
            ):
                answer = world.call(method, where, body)
                assert (answer.status_code, answer.json["code"]) == (400, "validation_error"), body
                assert list(answer.json["errors"]) == [name], body
        for name in ("title", "componentIds", "startsAt"):
            answer = world.call("POST", "maintenance-windows", window(world, **{name: ...}))
            assert list(answer.json["errors"]) == [name]
        assert world.call("GET", path).json["data"] == before
        assert len(world.rows("SELECT * FROM maintenance_windows")) == 1

    def test_it_ends_after_it_begins(self, world: World) -> None:
        path = plan(world, 0, 60)
        before = world.call("GET", path).json["data"]
        for changes, field, said in (
            ({"endsAt": at(0)}, "endsAt", "Must be after startsAt"),
            ({"endsAt": "2026-11-30T12:59:59+01:00"}, "endsAt", "Must be after startsAt"),
            ({"startsAt": at(60)}, "startsAt", "Must be before endsAt"),
            ({"startsAt": "2026-11-30T13:00:00.0000019Z"}, "startsAt", "Must be before endsAt"),
            ({"startsAt": at(5), "endsAt": at(5)}, "endsAt", "Must be after startsAt."),
        ):
            answer = world.call("PATCH", path, changes)
            assert (answer.status_code, answer.json["code"]) == (400, "validation_error")
            assert list(answer.json["errors"]) == [field]
            assert answer.json["message"].startswith(f"{field}: {said}")
        # More exact than this no instant is kept.
        same = {
            "startsAt": "2026-11-30T12:00:00.0000001Z",
            "endsAt": "2026-11-30T12:00:00.0000002Z",
        }
        answer = world.call("POST", "maintenance-windows", window(world, **same))
        assert list(answer.json["errors"]) == ["endsAt"]
        assert world.call("GET", path).json["data"] == before
        assert (
            world.call("PATCH", path, {"endsAt": "2026-11-30T12:00:00.000001Z"}).status_code == 200
        )
        moved = {"startsAt": at(120), "endsAt": at(180)}  # both at once, past the old end
        assert world.call("PATCH", path, moved).status_code == 200

    def test_the_ends_of_the_calendar(self, world: World) -> None:
        whole = {"startsAt": "0001-01-01T00:00:00Z", "endsAt": "9999-12-31T23:59:59.999999Z"}
        made = world.make("maintenance-windows", **window(world, **whole))
        assert {name: made[name] for name in whole} == whole
        assert component(world)["maintenanceWindow"] == {
            "startedAt": whole["startsAt"], "endsAt": whole["endsAt"],
        }  # fmt: skip

    def test_components_that_it_cannot_be_about(
        self, world: World, others: list[str], other_org: quickstart.Provisioned
    ) -> None:
        mine, deleted = world.made.component_id, others[0]
        path = plan(world, 0, 60)
        before = world.call("GET", path).json["data"]
        world.call("DELETE", f"components/{deleted}")
        for sent, code, named in (
            ([mine, UNKNOWN], "invalid_component_id", UNKNOWN),
            ([other_org.component_id], "invalid_component_id", other_org.component_id),
            ([deleted], "invalid_component_id", deleted),
            ([mine, mine.upper()], "duplicate_component_id", mine),
        ):
            for method, where, body in (
                ("POST", "maintenance-windows", window(world, componentIds=sent)),
                ("PATCH", path, {"title": "Other", "componentIds": sent}),
            ):
                answer = world.call(method, where, body)
                assert (answer.status_code, answer.json["code"]) == (400, code)
                assert named in answer.json["message"]
        assert world.call("GET", path).json["data"] == before
        assert len(world.rows("SELECT * FROM maintenance_windows")) == 1

    def test_a_deleted_component_leaves_it(self, world: World, others: list[str]) -> None:
        path = plan(world, 0, 60, componentIds=others)
        world.call("DELETE", f"components/{others[0]}")
        assert world.call("GET", path).json["data"]["componentIds"] == others[1:]
        assert world.call("PATCH", path, {"title": "Other"}).status_code == 200

    def test_rights_and_the_order_of_checks(
        self, world: World, member: str, other_org: quickstart.Provisioned
    ) -> None:
        path = plan(world, 0, 60)
        made = world.call("GET", path).json["data"]
        assert world.call("GET", path, key=member).json["data"] == made
        listed = world.call("GET", "maintenance-windows", key=member).json["data"]
        assert listed["maintenanceWindows"] == [made]
        bad = {"title": ""}
        for method, where in (("POST", "maintenance-windows"), ("PATCH", path), ("DELETE", path)):
            answer = world.call(method, where, bad, key=member)
            assert (answer.status_code, answer.json["code"]) == (403, "forbidden")
        unknown = {"endsAt": at(-60), "componentIds": [UNKNOWN]}
        for where in (path, f"maintenance-windows/{UNKNOWN}", "maintenance-windows/no-uuid"):
            for method in ("GET", "PATCH", "DELETE"):
                answer = world.call(method, where, unknown, key=other_org.key)
                assert (answer.status_code, answer.json["code"]) == (404, "not_found")
        elsewhere = world.call("PATCH", f"maintenance-windows/{UNKNOWN}", bad)
        assert elsewhere.json["code"] == "validation_error"
        # The values come before what they name.
        answer = world.call("PATCH", path, unknown)
        assert list(answer.json["errors"]) == ["endsAt"]
        theirs = world.call("GET", "maintenance-windows", key=other_org.key).json["data"]
        assert theirs == {"maintenanceWindows": [], "nextCursor": None}
        assert world.call("GET", path).json["data"] == made

    def test_there_are_no_more_than_so_many_that_are_not_over(
        self, world: World, chosen: Chosen, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(maintenance, "MAX_WINDOWS", 3)
        chosen.be(30)
        over = plan(world, 0, 30)
        running, planned, endless = plan(world, 0, 31), plan(world, 60, 90), plan(world, 60, None)
        answer = world.call("POST", "maintenance-windows", window(world))
        assert (answer.status_code, answer.json["code"]) == (409, "too_many_maintenance_windows")
        assert world.call("PATCH", over, {"endsAt": at(40)}).status_code == 409
        assert world.call("PATCH", over, {"endsAt": None}).status_code == 409
        for path in (over, running, planned, endless):
            assert world.call("PATCH", path, {"title": "Other"}).status_code == 200
        plan(world, 0, 20)  # already over
        assert world.call("PATCH", running, {"endsAt": at(30)}).status_code == 200
        assert world.call("PATCH", over, {"endsAt": at(40)}).status_code == 200
        chosen.be(40)
        plan(world, 60, None)


class TestList:
    @staticmethod
    def walk(world: World, **query: str) -> list[list[str]]:
        parts = []
        while True:
            data = world.call("GET", "maintenance-windows", **query).json["data"]
            assert data.keys() == {"maintenanceWindows", "nextCursor"}
            parts.append([window["title"] for window in data["maintenanceWindows"]])
            if data["nextCursor"] is None:
                return parts
            query["cursor"] = data["nextCursor"]

    def test_it_comes_in_parts_newest_first(self, world: World) -> None:
        for n in range(7):
            plan(world, -n, 60 * n + 1, title=f"{n}")
        assert self.walk(world) == [list("6543210")]
        assert self.walk(world, limit="3") == [list("654"), list("321"), ["0"]]
        assert self.walk(world, limit="7") == [list("6543210")]

    def test_what_is_made_or_deleted_meanwhile_moves_nothing_else(self, world: World) -> None:
        made = [plan(world, 0, 60, title=f"{n}") for n in range(5)]
        first = world.call("GET", "maintenance-windows", limit="2").json["data"]
        plan(world, 0, 60, title="new")
        for path in made[2:4]:
            world.call("DELETE", path)
        assert self.walk(world, cursor=first["nextCursor"]) == [["1", "0"]]

    def test_twenty_unless_said_otherwise_and_a_hundred_at_most(self, world: World) -> None:
        for n in range(21):
            plan(world, 0, 60, title=f"{n}")
        assert [len(part) for part in self.walk(world)] == [20, 1]
        assert [len(part) for part in self.walk(world, limit="100")] == [21]

    def test_the_query_is_checked(self, world: World) -> None:
        for _ in range(2):
            plan(world, 0, 60)
            world.make("components", name=f"{ids.new_id()}")
        foreign = world.call("GET", "components", limit="1").json["data"]["nextCursor"]
        for query, code in (
            ({"limit": "0"}, "validation_error"),
            ({"limit": "101"}, "validation_error"),
            ({"cursor": ""}, "invalid_cursor"),
            ({"cursor": foreign}, "invalid_cursor"),
            ({"status": "active"}, "validation_error"),
        ):
            answer = world.call("GET", "maintenance-windows", **query)
            assert (answer.status_code, answer.json["code"]) == (400, code), query


class TestComponents:
    def test_a_component_is_in_maintenance_from_the_first_instant_to_before_the_last(
        self, world: World, chosen: Chosen
    ) -> None:
        plan(world, 10, 20)
        while_it_lasts = {"startedAt": at(10), "endsAt": at(20)}
        for minutes, before, active in (
            (0, TICK, None),
            (10, TICK, None),
            (10, timedelta(), while_it_lasts),
            (20, TICK, while_it_lasts),
            (20, timedelta(), None),
        ):
            chosen.be(minutes, before=before)
            found = component(world)
            assert found["maintenanceWindow"] == active
            assert found["operationalStatus"] == ("maintenance" if active else "operational")

    def test_an_incident_makes_it_worse(self, world: World, chosen: Chosen) -> None:
        plan(world, 0, 60)
        assert component(world)["operationalStatus"] == "maintenance"
        for severity, status in (("low", "degraded"), ("critical", "major_outage")):
            world.post(world.body(severity=severity))
            found = component(world)
            assert found["operationalStatus"] == status
            assert found["maintenanceWindow"] == {"startedAt": at(0), "endsAt": at(60)}

    def test_one_that_is_not_public_changes_no_status(self, world: World, chosen: Chosen) -> None:
        path = plan(world, 0, 60, isPublic=False)
        found = component(world)
        assert found["operationalStatus"] == "operational"
        assert found["maintenanceWindow"] == {"startedAt": at(0), "endsAt": at(60)}
        world.call("PATCH", path, {"isPublic": True})
        assert component(world)["operationalStatus"] == "maintenance"

    def test_of_several_the_one_that_ends_last_is_shown(self, world: World, chosen: Chosen) -> None:
        for begins, ends, shown in (
            (-10, 20, (-10, 20)),
            (-20, 10, (-10, 20)),
            (-15, 20, (-15, 20)),
            (5, None, (-15, 20)),  # to come
            (-5, None, (-5, None)),
        ):
            plan(world, begins, ends)
            started, last = shown
            assert component(world)["maintenanceWindow"] == {
                "startedAt": at(started), "endsAt": None if last is None else at(last),
            }  # fmt: skip

    def test_only_its_components(
        self, world: World, chosen: Chosen, others: list[str], other_org: quickstart.Provisioned
    ) -> None:
        plan(world, 0, None, componentIds=[others[0]])
        listed = world.call("GET", "components").json["data"]["components"]
        under = {one["name"]: one["operationalStatus"] for one in listed}
        assert under == {"B": "maintenance", "C": "operational", "Payments API": "operational"}
        theirs = world.call("GET", "components", key=other_org.key).json["data"]["components"]
        assert [one["maintenanceWindow"] for one in theirs] == [None]

    def test_creating_and_changing_one_answers_the_same(self, world: World, chosen: Chosen) -> None:
        plan(world, 0, None)
        changed = world.call("PATCH", f"components/{world.made.component_id}", {"name": "Other"})
        assert changed.json["data"] == component(world)
        assert changed.json["data"]["operationalStatus"] == "maintenance"


class TestAlerts:
    """Which components' alerts open nothing, and when what still fires is to be routed."""

    def test_while_it_lasts(self, world: World, chosen: Chosen, others: list[str]) -> None:
        plan(world, 10, 20, componentIds=others)
        plan(world, 10, 20, suppressesAlerts=False)
        for minutes, before, expected in (
            (10, TICK, set()),
            (10, timedelta(), set(others)),
            (20, TICK, set(others)),
            (20, timedelta(), set()),
        ):
            chosen.be(minutes, before=before)
            assert suppressed(world) == expected

    def test_another_organization_s(
        self, world: World, chosen: Chosen, other_org: quickstart.Provisioned
    ) -> None:
        plan(world, 0, None)
        with world.database.read() as db:
            found = maintenance_windows.suppressed_component_ids(db, other_org.org_id, at=NOON)
        assert found == set()

    def test_what_still_fires_is_routed_when_it_ends(self, world: World, chosen: Chosen) -> None:
        path = plan(world, 10, 20)
        id = path.removeprefix("maintenance-windows/")
        assert due(world) == {id: at(20)}
        for ends, expected in (
            ("2026-11-30T13:25:00+01:00", at(25)),
            ("2026-11-30T12:30:00.000001Z", "2026-11-30T12:30:00.001Z"),  # never too early
            ("2026-11-30T12:30:00.0009999Z", "2026-11-30T12:30:00.001Z"),
            ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999Z"),
            (at(20), at(20)),
        ):
            world.call("PATCH", path, {"endsAt": ends})
            assert due(world) == {id: expected}

    @pytest.mark.parametrize(
        "fields",
        [{"ends": None}, {"ends": 20, "suppressesAlerts": False}, {"ends": 0}, {"ends": -10}],
    )
    def test_nothing_is_due_for_one_that_suppresses_nothing_or_does_not_end(
        self, world: World, chosen: Chosen, fields: dict[str, Any]
    ) -> None:
        plan(world, -20, **fields)
        assert due(world) == {}

    @pytest.mark.parametrize(
        ("method", "changes"),
        [
            ("PATCH", {"endsAt": at(10)}),
            ("PATCH", {"endsAt": at(5)}),
            ("PATCH", {"suppressesAlerts": False}),
            ("PATCH", {"startsAt": at(12)}),
            ("PATCH", {"componentIds": ["{other}"]}),
            ("DELETE", {}),
        ],
    )
    def test_what_still_fires_is_routed_at_once_if_it_suppresses_no_longer(
        self,
        world: World,
        chosen: Chosen,
        others: list[str],
        method: str,
        changes: dict[str, Any],
    ) -> None:
        path = plan(world, 0, 20, componentIds=[*others, world.made.component_id])
        if "componentIds" in changes:
            changes = {"componentIds": [others[0]]}
        chosen.be(10)
        assert world.call(method, path, changes).status_code < 300
        assert due(world)[world.made.org_id] == at(10)
        if changes.keys() & {"startsAt", "componentIds"}:  # it has an end of its own to come
            assert due(world)[path.removeprefix("maintenance-windows/")] == at(20)

    def test_nothing_is_routed_at_once_if_another_suppresses(
        self, world: World, chosen: Chosen
    ) -> None:
        path = plan(world, 0, 20)
        plan(world, 0, None)
        chosen.be(10)
        world.call("DELETE", path)
        assert world.made.org_id not in due(world)
        assert suppressed(world) == {world.made.component_id}

    @pytest.mark.parametrize("changes", [{"title": "Other"}, {"endsAt": None}, {"isPublic": False}])
    def test_nor_if_nothing_changed_for_alerts(
        self, world: World, chosen: Chosen, changes: dict[str, Any]
    ) -> None:
        path = plan(world, 0, 20)
        chosen.be(10)
        world.call("PATCH", path, changes)
        assert list(due(world)) == [path.removeprefix("maintenance-windows/")]

    def test_a_change_after_the_end_forgets_nothing(self, world: World, chosen: Chosen) -> None:
        """Nobody has performed the task yet: a paging process is late."""
        path = plan(world, 0, 20)
        chosen.be(21)
        for method, changes in (
            ("PATCH", {"title": "Other"}),
            ("PATCH", {"suppressesAlerts": False}),
            ("DELETE", {}),
        ):
            world.call(method, path, changes)
            (at_once,) = due(world).values()
            assert at_once <= at(21)

    def test_the_task_is_one_that_is_performed(self, world: World, chosen: Chosen) -> None:
        plan(world, 0, 20)
        with world.database.read() as db:
            assert tasks.due_organizations(db, at(19)) == []
            assert tasks.due_organizations(db, at(20)) == [world.made.org_id]


@pytest.mark.parametrize("seed", range(4))
def test_what_is_found_is_what_every_window_says_for_itself(world: World, seed: int) -> None:
    """Against an oracle that looks at each window, at each of their turns and beside it."""
    chance = random.Random(seed)
    components = [world.make("components", name=f"{n}")["id"] for n in range(5)]
    org_id = world.made.org_id
    windows = [a_window(chance, org_id) for _ in range(40)]
    about = {made["id"]: chance.sample(components, chance.randint(1, 3)) for made in windows}

    def insert(db: Any, *, now: datetime) -> None:
        for made in windows:
            maintenance_windows.insert(db, made)
            maintenance_windows.set_components(db, org_id, made["id"], about[made["id"]])
            if chance.random() < 0.2:
                deleted = {"deleted_at": made["created_at"]}
                maintenance_windows.update(db, org_id, made["id"], deleted)
                made["deleted_at"] = deleted["deleted_at"]

    world.database.write(None, insert)

    def is_active(made: dict[str, Any], instant: datetime) -> bool:
        starts, ends = made["starts_at_utc"], made["ends_at_utc"]
        text = sortable(instant)
        return "deleted_at" not in made and starts <= text and (ends is None or text < ends)

    turns = sorted(
        {parse_instant(made[name]) for made in windows for name in ("starts_at", "ends_at")
         if made[name]}
    )  # fmt: skip
    with world.database.read() as db:
        for instant in (turn + beside for turn in turns for beside in (-TICK, 0 * TICK, TICK)):
            active = [made for made in windows if is_active(made, instant)]
            assert maintenance_windows.suppressed_component_ids(db, org_id, at=instant) == {
                id for made in active if made["suppresses_alerts"] for id in about[made["id"]]
            }
            found = maintenance_windows.active(db, org_id, at=instant)
            assert sorted((row["component_id"], row["starts_at"]) for row in found) == sorted(
                (id, made["starts_at"]) for made in active for id in about[made["id"]]
            )
            count = sum(
                "deleted_at" not in made
                and (made["ends_at_utc"] is None or made["ends_at_utc"] > sortable(instant))
                for made in windows
            )
            full = [
                maintenance_windows.is_full(db, org_id, limit, at=instant)
                for limit in (max(count, 1), count + 1)
            ]
            assert full == [count > 0, False]
        for start, end in itertools.pairwise(turns[::3]):
            expected = {
                sortable(turn)
                for made in windows
                if made["is_public"] and "deleted_at" not in made
                for turn in (made["starts_at_utc"], made["ends_at_utc"])
                if turn is not None
                for turn in [parse_instant(turn)]
                if start <= turn < end
            }
            found_turns = maintenance_windows.public_turns(db, org_id, start, end)
            assert found_turns == sorted(expected)


def a_window(chance: random.Random, org_id: str) -> dict[str, Any]:
    """Return a row; few instants are possible, so that many windows meet."""
    begins = chance.randrange(30)
    lasts = chance.choice([None, *range(1, 10)])
    starts_at = NOON + timedelta(minutes=begins)
    ends_at = None if lasts is None else starts_at + timedelta(minutes=lasts)
    return {
        "org_id": org_id,
        "id": ids.new_id(),
        "title": "Upgrade",
        "description": None,
        "starts_at": format_instant(starts_at),
        "ends_at": ends_at and format_instant(ends_at),
        "starts_at_utc": sortable(starts_at),
        "ends_at_utc": ends_at and sortable(ends_at),
        "is_public": chance.random() < 0.5,
        "suppresses_alerts": chance.random() < 0.5,
        "created_by": "user_x",
        "created_at": at(0),
        "updated_at": at(0),
    }
