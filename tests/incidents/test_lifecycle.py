"""Living with an incident (contract §3)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from incident_service import quickstart
from incident_service.clock import format_instant, parse_instant
from incident_service.incidents import lifecycle, opening, updates
from incident_service.people.caller import Caller
from tests.helpers.clocks import write_at
from tests.helpers.world import World

LONG = "x" * 10_001
UNKNOWN = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
def incident(world: World) -> dict[str, Any]:
    opened: dict[str, Any] = world.post().json["data"]
    return opened


def events(world: World, id: str) -> list[str]:
    trail = world.call("GET", f"incidents/{id}").json["data"]["auditTrail"]
    return [entry["event"] for entry in trail]


def test_a_whole_life(world: World, incident: dict[str, Any]) -> None:
    path, admin = f"incidents/{incident['id']}", world.made.user_id
    ben = world.make("users", email="ben@example.com")["id"]
    fresh = world.call("GET", path).json["data"]
    assert {name: fresh[name] for name in incident} == incident
    assert [entry["status"] for entry in fresh["statusHistory"]] == ["investigating"]
    edit = {"title": "Payments fail", "description": None, "severity": "high"}
    edited = world.call("PATCH", path, edit).json["data"]
    assert {name: edited[name] for name in edit} == edit
    acknowledged = world.call("POST", f"{path}/acknowledge").json["data"]
    assert (acknowledged["acknowledgedBy"], acknowledged["status"]) == (admin, "investigating")
    assert acknowledged["acknowledgedAt"] == acknowledged["updatedAt"]
    handed = world.call("POST", f"{path}/handoff", {"targetUserId": ben}).json["data"]
    assert (handed["ownerId"], handed["acknowledgedAt"], handed["acknowledgedBy"]) == (
        ben, None, None,
    )  # fmt: skip
    cleared = world.call("PUT", f"{path}/components", {"componentIds": []}).json["data"]
    assert cleared["affectedComponents"] == []
    for status in ("identified", "monitoring"):
        moved = world.call("PATCH", f"{path}/status", {"status": status}).json["data"]
        assert (moved["status"], moved["resolvedAt"]) == (status, None)
    body = {"status": "resolved", "resolutionNote": "Rolled back."}
    resolved = world.call("PATCH", f"{path}/status", body).json["data"]
    assert resolved["resolvedAt"] == resolved["updatedAt"]
    assert resolved == world.call("GET", path).json["data"]
    assert [
        (h["status"], h["changedBy"], h["resolutionNote"]) for h in resolved["statusHistory"]
    ] == [
        ("investigating", admin, None),
        ("identified", admin, None),
        ("monitoring", admin, None),
        ("resolved", admin, "Rolled back."),
    ]
    moves = [e["details"] for e in resolved["auditTrail"] if e["event"] == "update_posted"]
    assert [move["statusChange"] for move in moves] == ["identified", "monitoring", "resolved"]
    others = [e for e in resolved["auditTrail"] if e["event"] != "update_posted"]
    assert [(e["event"], e["actorId"], e["details"]) for e in others] == [
        (
            "incident_opened",
            admin,
            {
                "severity": "critical",
                "ownerId": admin,
                "ownerScheduleId": world.made.schedule_id,
                "escalationPolicyId": world.made.policy_id,
                "componentIds": [world.made.component_id],
            },
        ),
        (
            "incident_edited",
            admin,
            {
                "before": {name: incident[name] for name in edit},
                "after": edit,
            },
        ),
        ("incident_acknowledged", admin, {}),
        ("incident_handed_off", admin, {"before": admin, "after": ben}),
        ("components_changed", admin, {"before": [world.made.component_id], "after": []}),
        ("status_changed", admin, {"before": "investigating", "after": "identified"}),
        ("status_changed", admin, {"before": "identified", "after": "monitoring"}),
        ("status_changed", admin, {"before": "monitoring", "after": "resolved"}),
    ]
    for entry in resolved["statusHistory"] + resolved["auditTrail"]:
        assert parse_instant(entry.get("at") or entry["changedAt"])


def test_only_the_next_status_may_follow(world: World, incident: dict[str, Any]) -> None:
    path = f"incidents/{incident['id']}/status"
    statuses = ("investigating", "identified", "monitoring", "resolved")
    for n, following in enumerate((*statuses[1:], None)):
        for status in statuses:
            if status != following:
                answer = world.call("PATCH", path, {"status": status})
                assert (answer.status_code, answer.json["code"]) == (
                    400, "invalid_status_transition",
                ), statuses[n]  # fmt: skip
        if following:
            assert world.call("PATCH", path, {"status": following}).status_code == 200
    moves = ["status_changed", "update_posted"] * 3
    assert events(world, incident["id"]) == ["incident_opened", *moves]


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("PATCH", "", {"title": None}, "title"),
        ("PATCH", "", {"title": "t" * 101}, "title"),
        ("PATCH", "", {"title": " "}, "title"),
        ("PATCH", "", {"severity": None}, "severity"),
        ("PATCH", "", {"severity": "urgent"}, "severity"),
        ("PATCH", "", {"description": "d" * 10_001}, "description"),
        ("PATCH", "", {"status": "resolved"}, "status"),
        ("PATCH", "/status", {}, "status"),
        ("PATCH", "/status", {"status": "closed"}, "status"),
        ("PATCH", "/status", {"status": "identified", "resolutionNote": "x"}, "resolutionNote"),
        ("PATCH", "/status", {"status": "resolved", "resolutionNote": LONG}, "resolutionNote"),
        ("POST", "/handoff", {}, "targetUserId"),
        ("POST", "/handoff", {"targetUserId": 7}, "targetUserId"),
        ("PUT", "/components", {}, "componentIds"),
        ("PUT", "/components", {"componentIds": None}, "componentIds"),
        ("PUT", "/components", {"componentIds": ["x"]}, "componentIds"),
        ("PUT", "/components", {"componentIds": [UNKNOWN] * 51}, "componentIds"),
    ],
)  # fmt: skip
def test_a_body_that_is_refused(
    world: World, incident: dict[str, Any], method: str, path: str, body: Any, field: str
) -> None:
    answer = world.call(method, f"incidents/{incident['id']}{path}", body)
    assert (answer.status_code, list(answer.json["errors"])) == (400, [field])
    assert events(world, incident["id"]) == ["incident_opened"]


def test_what_changes_nothing_leaves_no_trace(world: World, incident: dict[str, Any]) -> None:
    path = f"incidents/{incident['id']}"
    before = world.call("GET", path).json["data"]
    same = {"title": incident["title"], "severity": incident["severity"]}
    for method, where, body in (
        ("PATCH", path, {}),
        ("PATCH", path, same),
        ("PUT", f"{path}/components", {"componentIds": [world.made.component_id.upper()]}),
    ):
        assert world.call(method, where, body).json["data"] == before


def test_the_first_acknowledgement_stands(
    world: World, incident: dict[str, Any], member: str
) -> None:
    path = f"incidents/{incident['id']}/acknowledge"
    first = world.call("POST", path, key=member).json["data"]
    assert first["acknowledgedBy"] == "member"
    again = world.call("POST", path)
    assert (again.status_code, again.json["data"]) == (200, first)


def test_a_body_for_a_call_that_takes_none_is_ignored(
    world: World, incident: dict[str, Any]
) -> None:
    answer = world.client.post(
        f"/v1/incidents/{incident['id']}/acknowledge",
        data=b"\xff{not json",
        headers={"Authorization": f"Bearer {world.made.key}"},
    )
    assert answer.status_code == 200


def resolve(world: World, id: str) -> None:
    for status in ("identified", "monitoring", "resolved"):
        assert world.call("PATCH", f"incidents/{id}/status", {"status": status}).status_code == 200


def test_when_it_is_resolved(world: World, incident: dict[str, Any]) -> None:
    path = f"incidents/{incident['id']}"
    resolve(world, incident["id"])
    before = world.call("GET", path).json["data"]
    answer = world.call("POST", f"{path}/acknowledge")
    assert (answer.status_code, answer.json["data"]) == (200, before)
    answer = world.call("POST", f"{path}/handoff", {"targetUserId": world.made.user_id})
    assert (answer.status_code, answer.json["code"]) == (400, "incident_resolved")
    assert world.call("PATCH", path, {"title": "As it was"}).status_code == 200


def test_a_handoff_to_somebody_from_elsewhere(
    world: World, incident: dict[str, Any], other_org: quickstart.Provisioned
) -> None:
    for stranger in ("nobody", other_org.user_id):
        body = {"targetUserId": stranger}
        answer = world.call("POST", f"incidents/{incident['id']}/handoff", body)
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_target_user")
        assert stranger in answer.json["message"]


def test_components_are_set_whole(
    world: World, incident: dict[str, Any], other_org: quickstart.Provisioned
) -> None:
    path = f"incidents/{incident['id']}/components"
    a, b = (world.make("components", name=name)["id"] for name in ("a", "b"))

    def put(*ids: str) -> Any:
        return world.call("PUT", path, {"componentIds": list(ids)})

    assert [c["name"] for c in put(b.upper(), a).json["data"]["affectedComponents"]] == ["b", "a"]
    assert put(a, a.upper()).json["code"] == "duplicate_component_id"
    assert put(a, other_org.component_id).json["code"] == "invalid_component_id"
    world.call("DELETE", f"components/{a}")
    shown = world.call("GET", f"incidents/{incident['id']}").json["data"]["affectedComponents"]
    assert shown == [{"id": b, "name": "b"}, {"id": a, "name": "a"}]
    assert put(a).json["code"] == "invalid_component_id"


def test_rights(
    world: World, incident: dict[str, Any], member: str, other_org: quickstart.Provisioned
) -> None:
    path = f"incidents/{incident['id']}"
    calls: list[tuple[str, str, Any]] = [
        ("GET", path, ...),
        ("PATCH", path, {"title": "x"}),
        ("PATCH", f"{path}/status", {"status": "identified"}),
        ("POST", f"{path}/acknowledge", ...),
        ("POST", f"{path}/handoff", {"targetUserId": "member"}),
        ("PUT", f"{path}/components", {"componentIds": []}),
    ]
    for method, where, body in calls:
        for elsewhere in (
            where,
            where.replace(incident["id"], UNKNOWN),
            where.replace(incident["id"], "x"),
        ):
            answer = world.call(method, elsewhere, body, key=other_org.key)
            assert (answer.status_code, answer.json["code"]) == (404, "not_found")
        assert (
            world.call(
                method, where.replace(incident["id"], incident["id"].upper()), body, key=member
            ).status_code
            == 200
        )
    assert world.call("GET", "incidents", key=other_org.key).json["data"] == {
        "incidents": [], "nextCursor": None,
    }  # fmt: skip


class TestList:
    def numbers(self, world: World, **query: str) -> list[int]:
        answer = world.call("GET", "incidents", **query)
        assert answer.status_code == 200, answer.json
        return [i["sequentialId"] for i in answer.json["data"]["incidents"]]

    def test_an_item_is_the_incident(self, world: World, incident: dict[str, Any]) -> None:
        page = world.call("GET", "incidents").json["data"]
        assert page == {"incidents": [incident], "nextCursor": None}

    def test_the_filters(self, world: World) -> None:
        ben = world.make("users", id="ben", email="ben@example.com")["id"]
        other = world.make("components", name="Other")["id"]
        world.post()
        world.post(world.body(severity="low", componentIds=[other, world.made.component_id]))
        world.post(world.body(severity="low", ownerId=ben, componentIds=[]))
        resolve(world, world.post().json["data"]["id"])
        assert self.numbers(world) == [4, 3, 2, 1]
        assert self.numbers(world, severity="low") == [3, 2]
        assert self.numbers(world, status="resolved") == [4]
        assert self.numbers(world, status="investigating") == [3, 2, 1]
        assert self.numbers(world, ownerId=ben) == [3]
        assert self.numbers(world, ownerId="nobody") == []
        assert self.numbers(world, componentId=other.upper()) == [2]
        assert self.numbers(world, componentId=world.made.component_id) == [4, 2, 1]
        assert self.numbers(world, componentId=UNKNOWN) == []
        assert self.numbers(world, severity="low", componentId=other, status="investigating") == [2]
        assert self.numbers(world, severity="critical", ownerId=ben) == []

    def open_at(self, world: World, *instants: str) -> None:
        caller = Caller(world.made.org_id, "key", None, "org:admin")
        new = opening.NewIncident("t", "low", owner_id=world.made.user_id)
        for at in instants:
            write_at(parse_instant(at), world.database, opening.open_incident, caller, new)

    def test_from_and_to(self, world: World) -> None:
        self.open_at(
            world,
            "2025-04-01T00:00:00Z",
            "2025-04-01T23:59:59.999Z",
            "2025-04-02T00:00:00Z",
            "2025-04-02T12:00:00.500Z",
            "2025-04-03T00:00:00Z",
        )

        def between(start: str | None = None, to: str | None = None) -> list[int]:
            given = {"from": start, "to": to}
            return self.numbers(world, **{name: v for name, v in given.items() if v is not None})

        assert between("2025-04-02") == [5, 4, 3]
        assert between(None, "2025-04-01") == [2, 1]
        assert between("2025-04-01", "2025-04-02") == [4, 3, 2, 1]
        assert between("2025-04-02", "2025-04-02") == [4, 3]
        assert between("2025-04-01T23:59:59.999Z", "2025-04-02T00:00:00.000Z") == [3, 2]
        assert between("2025-04-02T14:00:00.5+02:00", "2025-04-02T14:00:00.5+02:00") == [4]
        assert between("2025-04-02T12:00:00.5001Z") == [5]
        assert between(None, "2025-04-02T12:00:00.4999Z") == [3, 2, 1]
        assert between("2025-04-04") == []
        assert between(None, "2025-03-31") == []
        assert between("0001-01-01", "9999-12-31") == [5, 4, 3, 2, 1]
        assert between("2025-04-03T00:00:00Z", "9999-12-31T23:59:59.999999Z") == [5]

    def test_from_and_to_where_the_clock_was_set_back(self, world: World) -> None:
        self.open_at(
            world,
            "2025-04-01T12:00:00Z",
            "2025-04-09T12:00:00Z",  # the clock is wrong
            "2025-04-01T13:00:00Z",  # and set right
            "2025-04-02T12:00:00Z",
            "2025-04-10T12:00:00Z",
        )
        assert self.numbers(world, **{"from": "2025-04-02", "to": "2025-04-02"}) == [4]
        assert self.numbers(world, **{"from": "2025-04-01", "to": "2025-04-01"}) == [3, 1]
        assert self.numbers(world, to="2025-04-09") == [4, 3, 2, 1]
        assert self.numbers(world, **{"from": "2025-04-09"}) == [5, 2]

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ({"status": "opened"}, "status"),
            ({"severity": "LOW"}, "severity"),
            ({"ownerId": ""}, "ownerId"),
            ({"componentId": "x"}, "componentId"),
            ({"from": "2025-13-01"}, "from"),
            ({"from": "yesterday"}, "from"),
            ({"from": "2025-04-01T00:00:00"}, "from"),
            ({"to": "2025-02-29"}, "to"),
            ({"to": ""}, "to"),
            ({"from": "2025-04-02", "to": "2025-04-01"}, "to"),
            ({"limit": "0"}, "limit"),
            ({"limit": "101"}, "limit"),
            ({"limit": "1.5"}, "limit"),
            ({"limit": "1_0"}, "limit"),
            ({"limit": "٣"}, "limit"),
            ({"limit": ""}, "limit"),
            ({"limit": ["1", "2"]}, "limit"),
            ({"offset": "3"}, "offset"),
        ],
    )
    def test_a_query_that_is_refused(self, world: World, query: dict[str, Any], field: str) -> None:
        answer = world.call("GET", "incidents", **query)
        assert (answer.status_code, list(answer.json["errors"])) == (400, [field])
        assert answer.json["code"] == "validation_error"

    def test_the_pages(self, world: World) -> None:
        caller = Caller(world.made.org_id, "key", None, "org:admin")
        new = opening.NewIncident("t", "low", owner_id=world.made.user_id)
        for _ in range(23):
            world.database.write(caller.org_id, opening.open_incident, caller, new)
        first = world.call("GET", "incidents").json["data"]
        assert (len(first["incidents"]), first["nextCursor"] is None) == (20, False)
        seen: list[int] = []
        query = {"limit": "10"}
        while True:
            page = world.call("GET", "incidents", **query).json["data"]
            seen += [i["sequentialId"] for i in page["incidents"]]
            if page["nextCursor"] is None:
                break
            query["cursor"] = page["nextCursor"]
            world.post()  # one more on top moves nothing
        assert seen == list(range(23, 0, -1))
        assert self.numbers(world, limit="1") == [25]
        last = world.call("GET", "incidents", limit="25").json["data"]
        assert (len(last["incidents"]), last["nextCursor"]) == (25, None)

    def test_a_cursor_is_checked(self, world: World) -> None:
        for _ in range(2):
            world.post()
        good = world.call("GET", "incidents", limit="1").json["data"]["nextCursor"]
        assert good.isascii()
        assert good.replace("-", "").replace("_", "").isalnum()
        assert self.numbers(world, cursor=good) == [1]
        swapped = good[:6] + chr(ord(good[6]) ^ 1) + good[7:]
        for bad in ("", "x", "42", good + "A", good[:-1], good + "=", swapped, "é", "A" * 5000):
            answer = world.call("GET", "incidents", cursor=bad)
            assert (answer.status_code, answer.json["code"]) == (400, "invalid_cursor"), bad
            assert answer.json["type"] == "invalid_request_error"


def test_who_acts_where_a_key_acts_for_itself(world: World, incident: dict[str, Any]) -> None:
    made = world.make("api-keys", name="robot")
    path = f"incidents/{incident['id']}"
    answer = world.call("POST", f"{path}/acknowledge", key=made["key"]).json["data"]
    assert answer["acknowledgedBy"] == made["id"]
    assert answer["auditTrail"][-1]["actorId"] == made["id"]
    moved = world.call("PATCH", f"{path}/status", {"status": "identified"}, key=made["key"])
    assert moved.json["data"]["statusHistory"][-1]["changedBy"] == made["id"]


def test_history_stays_in_order_when_the_clock_goes_back(
    world: World, incident: dict[str, Any]
) -> None:
    caller = Caller(world.made.org_id, "key", None, "org:admin")
    now = parse_instant(incident["createdAt"])
    for n, status in enumerate(lifecycle.STATUSES[1:]):
        at = now - timedelta(hours=n)
        write_at(at, world.database, updates.advance, caller, incident["id"], status, None)
    found = world.call("GET", f"incidents/{incident['id']}").json["data"]
    assert [h["status"] for h in found["statusHistory"]] == list(lifecycle.STATUSES)
    for instants in (
        [h["changedAt"] for h in found["statusHistory"]],
        [event["at"] for event in found["auditTrail"]],
        [found["createdAt"], found["resolvedAt"], found["updatedAt"]],
    ):
        assert instants == [incident["createdAt"]] * len(instants)


def test_no_instant_of_an_incident_runs_backwards_whoever_writes(
    world: World, incident: dict[str, Any]
) -> None:
    caller = Caller(world.made.org_id, "key", None, "org:admin")
    created = parse_instant(incident["createdAt"])
    user_id = world.made.user_id
    for minutes, work in ((9, lifecycle.acknowledge), (5, None), (7, lifecycle.acknowledge)):
        now = created + timedelta(minutes=minutes)
        if work is None:
            write_at(now, world.database, lifecycle.hand_off, caller, incident["id"], user_id)
        else:
            write_at(now, world.database, work, caller, incident["id"])
        found = world.call("GET", f"incidents/{incident['id']}").json["data"]
        assert found["updatedAt"] == format_instant(created + timedelta(minutes=9))
    assert found["acknowledgedAt"] == found["updatedAt"]
    instants = [event["at"] for event in found["auditTrail"]]
    assert instants == sorted(instants)
    (row,) = world.rows("SELECT handed_off_at FROM incidents")
    assert row["handed_off_at"] == found["updatedAt"]


class TestNumbers:
    """An incident answers to its number as well, in every path."""

    def test_every_call_takes_one(self, world: World, incident: dict[str, Any]) -> None:
        id = incident["id"]
        world.post()
        assert world.call("GET", "incidents/1").json == world.call("GET", f"incidents/{id}").json
        for method, path, body in (
            ("PATCH", "incidents/1", {"title": "New"}),
            ("PATCH", "incidents/1/status", {"status": "identified"}),
            ("POST", "incidents/1/acknowledge", ...),
            ("POST", "incidents/1/handoff", {"targetUserId": world.made.user_id}),
            ("PUT", "incidents/1/components", {"componentIds": []}),
        ):
            answer = world.call(method, path, body)
            assert (answer.status_code, answer.json["data"]["id"]) == (200, id), path
        posted = world.call(
            "POST", "incidents/1/updates", {"visibility": "internal", "body": "Here."}
        )
        update = posted.json["data"]
        assert update["incidentId"] == id
        assert posted.headers["Location"] == f"/v1/incidents/{id}/updates/{update['id']}"
        assert world.call("POST", f"incidents/1/updates/{update['id']}/redact").status_code == 200
        for part in ("updates", "audit-trail"):
            by_number = world.call("GET", f"incidents/1/{part}", limit="1").json["data"]
            assert by_number == world.call("GET", f"incidents/{id}/{part}", limit="1").json["data"]

    @pytest.mark.parametrize("number", ["0", "2", "01", "-1", "1.0", "1" * 19, "²", "٣"])
    def test_one_that_is_none(
        self, world: World, incident: dict[str, Any], number: str, other_org: quickstart.Provisioned
    ) -> None:
        answer = world.call("GET", f"incidents/{number}")
        assert (answer.status_code, answer.json["code"]) == (404, "not_found")
        assert world.call("GET", "incidents/1", key=other_org.key).status_code == 404
