"""`POST /v1/incidents`, as its document and contract §2 describe it."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest

from incident_service import clock, ids, quickstart
from incident_service.clock import format_instant, parse_instant, sortable
from incident_service.store import named, overrides
from tests.helpers.plans import traced
from tests.helpers.world import World

UNKNOWN = "00000000-0000-7000-8000-000000000000"


def test_the_documented_request_opens_an_incident(world: World) -> None:
    answer = world.post()
    assert answer.status_code == 201
    assert list(answer.json) == ["data"]
    incident = answer.json["data"]
    assert answer.headers["Location"] == f"/v1/incidents/{incident['id']}"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", incident["createdAt"])
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f-]{17}", incident["id"])
    assert incident == {
        "id": incident["id"],
        "orgId": world.made.org_id,
        "sequentialId": 1,
        "title": "Payment service elevated error rate",
        "description": "The payment processing service is returning 5xx errors.",
        "severity": "critical",
        "status": "investigating",
        "ownerId": world.made.user_id,
        "ownerScheduleId": world.made.schedule_id,
        "escalationPolicyId": world.made.policy_id,
        "affectedComponents": [{"id": world.made.component_id, "name": "Payments API"}],
        "acknowledgedAt": None,
        "acknowledgedBy": None,
        "firstAcknowledgedAt": None,
        "snoozedUntil": None,
        "resolvedAt": None,
        "isPublic": True,
        "publicTitle": None,
        "isProvisional": False,
        "createdBy": world.made.user_id,
        "createdAt": incident["createdAt"],
        "updatedAt": incident["createdAt"],
    }


def test_the_opening_begins_the_history_and_the_trail(world: World) -> None:
    incident = world.post().json["data"]
    (entry,) = world.rows("SELECT * FROM status_history")
    assert (entry["incident_id"], entry["status"]) == (incident["id"], "investigating")
    assert (entry["changed_at"], entry["changed_by"]) == (
        incident["createdAt"],
        world.made.user_id,
    )
    (event,) = world.rows("SELECT * FROM audit_events")
    assert (event["incident_id"], event["event"]) == (incident["id"], "incident_opened")
    assert json.loads(event["details"])["ownerId"] == world.made.user_id


def test_each_organization_counts_for_itself(
    world: World, other_org: quickstart.Provisioned
) -> None:
    numbers = [world.post().json["data"]["sequentialId"] for _ in range(3)]
    theirs = world.post(
        {"title": "t", "severity": "low", "ownerId": other_org.user_id},
        {"Authorization": f"bearer {other_org.key}"},
    )
    assert (numbers, theirs.json["data"]["sequentialId"]) == ([1, 2, 3], 1)


def test_a_refused_request_leaves_no_gap(world: World) -> None:
    world.post()
    assert world.post(world.body(componentIds=[UNKNOWN])).status_code == 400
    assert world.post().json["data"]["sequentialId"] == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "x"},
        {"title": "🔥" * 100},
        {"description": "d" * 10_000},
        {"description": ""},
        {"description": None},
        {"description": ...},
        {"componentIds": []},
        {"componentIds": None},
        {"componentIds": ...},
        {"ownerId": None, "escalationPolicyId": None},
        *({"severity": severity} for severity in ("critical", "high", "medium", "low")),
    ],
)
def test_what_is_allowed(world: World, changes: dict[str, Any]) -> None:
    answer = world.post(world.body(**changes))
    assert answer.status_code == 201, answer.json
    for name, value in changes.items():
        if name in ("title", "description", "severity"):
            assert answer.json["data"][name] == (None if value is ... else value)


def test_fifty_components_keep_their_order(world: World) -> None:
    made = [ids.new_id() for _ in range(51)]
    for n, id in enumerate(made):
        row = {
            "org_id": world.made.org_id,
            "id": id,
            "name": f"c{n}",
            "created_at": "",
            "updated_at": "",
        }
        world.database.write(None, lambda db, row=row, **_: named.insert(db, "components", row))
    backwards = made[:50][::-1]
    answer = world.post(world.body(componentIds=[id.upper() for id in backwards]))
    assert [c["id"] for c in answer.json["data"]["affectedComponents"]] == backwards
    answer = world.post(world.body(componentIds=made))
    assert answer.json["errors"] == {"componentIds": ["Longer than maximum length 50."]}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"title": ...}, "title"),
        ({"title": ""}, "title"),
        ({"title": " \n\t"}, "title"),
        ({"title": None}, "title"),
        ({"title": 7}, "title"),
        ({"title": ["x"]}, "title"),
        ({"title": "x" * 101}, "title"),
        ({"title": "a\0b"}, "title"),
        ({"title": "a\ud800b"}, "title"),
        ({"description": "d" * 10_001}, "description"),
        ({"description": 1.5}, "description"),
        ({"severity": ...}, "severity"),
        ({"severity": "CRITICAL"}, "severity"),
        ({"severity": 1}, "severity"),
        ({"ownerScheduleId": ...}, "ownerId"),
        ({"ownerScheduleId": None, "ownerId": None}, "ownerId"),
        ({"ownerScheduleId": "primary"}, "ownerScheduleId"),
        ({"ownerScheduleId": f"{{{UNKNOWN}}}"}, "ownerScheduleId"),
        ({"ownerScheduleId": 5}, "ownerScheduleId"),
        ({"ownerId": ""}, "ownerId"),
        ({"ownerId": "u" * 256}, "ownerId"),
        ({"ownerId": True}, "ownerId"),
        ({"escalationPolicyId": "x"}, "escalationPolicyId"),
        ({"componentIds": "x"}, "componentIds"),
        ({"componentIds": ["x"]}, "componentIds"),
        ({"componentIds": [None]}, "componentIds"),
        ({"componentIds": {"a": 1}}, "componentIds"),
        ({"status": "resolved"}, "status"),
        ({"nonsense": None}, "nonsense"),
        ({"non\ud800sense": 1}, "non\\ud800sense"),
    ],
)
def test_what_fails_the_schema_names_the_field(
    world: World, changes: dict[str, Any], field: str
) -> None:
    answer = world.post(world.body(**changes))
    assert answer.status_code == 400
    assert (answer.json["type"], answer.json["code"]) == ("validation_error",) * 2
    assert list(answer.json["errors"]) == [field]
    assert answer.json["message"].startswith(field)
    assert world.rows("SELECT * FROM incidents") == []


def test_the_error_body_is_the_contracts(world: World) -> None:
    sent = "550e8400-e29b-41d4-a716-446655440000"
    answer = world.post(world.body(title="x" * 101), {"X-Request-Id": sent})
    assert answer.headers["X-Request-Id"] == sent
    assert answer.json == {
        "statusCode": 400,
        "type": "validation_error",
        "code": "validation_error",
        "message": "title: Longer than maximum length 100.",
        "requestId": sent,
        "errors": {"title": ["Longer than maximum length 100."]},
    }


def test_every_fault_is_named(world: World) -> None:
    answer = world.post({"title": "", "severity": "x", "nonsense": 1})
    assert set(answer.json["errors"]) == {"title", "severity", "nonsense", "ownerId"}


def test_duplicate_components_are_refused_in_any_letter_case(world: World) -> None:
    id = world.made.component_id
    answer = world.post(world.body(componentIds=[id, id.upper()]))
    assert (answer.status_code, answer.json["code"]) == (400, "duplicate_component_id")
    assert id in answer.json["message"]
    assert answer.json["type"] == "invalid_request_error"


def test_another_organizations_things_do_not_exist(
    world: World, other_org: quickstart.Provisioned
) -> None:
    cases: list[tuple[dict[str, Any], int, str]] = [
        ({"ownerScheduleId": other_org.schedule_id}, 404, "not_found"),
        ({"componentIds": [other_org.component_id]}, 400, "invalid_component_id"),
        ({"escalationPolicyId": other_org.policy_id}, 404, "not_found"),
        ({"ownerId": other_org.user_id}, 400, "invalid_owner_id"),
        ({"ownerScheduleId": UNKNOWN}, 404, "not_found"),
        ({"componentIds": [UNKNOWN]}, 400, "invalid_component_id"),
        ({"escalationPolicyId": UNKNOWN}, 404, "not_found"),
        ({"ownerId": "nobody"}, 400, "invalid_owner_id"),
    ]
    for changes, status, code in cases:
        answer = world.post(world.body(**changes))
        assert (answer.status_code, answer.json["code"]) == (status, code)
        named = next(iter(changes.values()))
        assert (named[0] if isinstance(named, list) else named) in answer.json["message"]
        assert "errors" not in answer.json


def add_user(world: World, id: str) -> None:
    world.execute(
        "INSERT INTO users (org_id, id, email, email_key, role, created_at, updated_at)"
        " VALUES (?, ?, ?, ?, 'org:member', '', '')",
        world.made.org_id,
        id,
        id,
        id,
    )


def test_the_owner_given_wins_and_the_schedule_still_gives_the_policy(world: World) -> None:
    add_user(world, "the shipper")
    incident = world.post(world.body(ownerId="the shipper")).json["data"]
    assert incident["ownerId"] == "the shipper"
    assert incident["ownerScheduleId"] == world.made.schedule_id
    assert incident["escalationPolicyId"] == world.made.policy_id


def test_an_owner_alone_has_no_policy(world: World) -> None:
    body = world.body(ownerId=world.made.user_id, ownerScheduleId=...)
    incident = world.post(body).json["data"]
    assert (incident["ownerScheduleId"], incident["escalationPolicyId"]) == (None, None)


def test_nobody_on_call_opens_it_without_an_owner(world: World) -> None:
    world.execute("UPDATE schedule_layers SET effective_from = '2999-01-01T00:00:00+02:00'")
    answer = world.post()
    assert (answer.status_code, answer.json["data"]["ownerId"]) == (201, None)
    assert answer.json["data"]["escalationPolicyId"] == world.made.policy_id


def test_an_override_is_honoured(world: World) -> None:
    add_user(world, "stand-in")
    starts_at, ends_at = "2001-01-01T00:00:00+05:30", "2999-01-01t00:00:00.1234567z"
    row = {
        "org_id": world.made.org_id,
        "id": ids.new_id(),
        "schedule_id": world.made.schedule_id,
        "user_id": "stand-in",
        "starts_at": starts_at,
        "ends_at": ends_at,
        "starts_at_utc": sortable(parse_instant(starts_at)),
        "ends_at_utc": sortable(parse_instant(ends_at)),
        "reason": None,
        "created_by": world.made.user_id,
    }
    world.database.write(
        None, lambda db, now: overrides.insert(db, {**row, "created_at": format_instant(now)})
    )
    assert world.post().json["data"]["ownerId"] == "stand-in"


def add_policy(world: World, created_at: str, position: int) -> str:
    """Make a policy in which the schedule stands at a position, after layers that name a user."""
    user = {"targetType": "users", "userIds": [world.made.user_id], "escalateAfterSeconds": 60}
    schedule = {
        "targetType": "schedule",
        "targetId": world.made.schedule_id,
        "escalateAfterSeconds": 60,
    }
    steps = [user] * (position - 1) + [schedule]
    id: str = world.make("escalation/policies", name=created_at, steps=steps)["id"]
    world.execute("UPDATE escalation_policies SET created_at = ? WHERE id = ?", created_at, id)
    return id


def test_the_policy_in_which_the_schedule_stands_earliest_is_attached(world: World) -> None:
    add_policy(world, "2001-01-01T00:00:00.000Z", position=2)
    assert world.post().json["data"]["escalationPolicyId"] == world.made.policy_id
    oldest = add_policy(world, "2002-01-01T00:00:00.000Z", position=1)
    assert world.post().json["data"]["escalationPolicyId"] == oldest


def test_the_policy_given_wins(world: World) -> None:
    given = add_policy(world, "2999-01-01T00:00:00.000Z", position=9)
    answer = world.post(world.body(escalationPolicyId=given.upper()))
    assert answer.json["data"]["escalationPolicyId"] == given


def test_deleted_things_cannot_be_named(world: World) -> None:
    for table in ("schedules", "components", "escalation_policies"):
        world.execute(f"UPDATE {table} SET deleted_at = 'now'")
    user = {"ownerId": world.made.user_id, "ownerScheduleId": ...}
    assert world.post(world.body()).status_code == 404
    assert world.post(world.body(**user)).json["code"] == "invalid_component_id"
    policy = {"escalationPolicyId": world.made.policy_id, "componentIds": ...}
    assert world.post(world.body(**user, **policy)).status_code == 404


class TestIdempotencyKey:
    def test_a_repeated_request_gets_the_first_answer(self, world: World) -> None:
        first = world.post(headers={"Idempotency-Key": "deploy-42"})
        body = json.dumps(dict(reversed(world.body().items())), indent=4)
        again = world.client.post(
            "/v1/incidents",
            data=body,
            headers={
                "Authorization": f"Bearer {world.made.key}",
                "Content-Type": "application/json; charset=utf-8",
                "Idempotency-Key": "deploy-42",
            },
        )
        assert (first.status_code, again.status_code) == (201, 201)
        assert first.data == again.data
        assert first.headers["Location"] == again.headers["Location"]
        assert "Idempotent-Replayed" not in first.headers
        assert again.headers["Idempotent-Replayed"] == "true"
        assert len(world.rows("SELECT * FROM incidents")) == 1

    def test_another_body_conflicts(self, world: World) -> None:
        world.post(headers={"Idempotency-Key": "k"})
        answer = world.post(world.body(title="other"), {"Idempotency-Key": "k"})
        assert (answer.status_code, answer.json["code"]) == (409, "idempotency_key_reused")

    def test_a_failed_request_does_not_use_the_key_up(self, world: World) -> None:
        key = {"Idempotency-Key": "k"}
        assert world.post(world.body(componentIds=[UNKNOWN]), key).status_code == 400
        assert world.post(headers=key).status_code == 201

    def test_a_replay_outlives_what_it_named(self, world: World) -> None:
        key = {"Idempotency-Key": "k"}
        first = world.post(headers=key)
        world.execute("UPDATE schedules SET deleted_at = 'now'")
        world.execute("UPDATE incidents SET title = 'changed since'")
        assert world.post(headers=key).data == first.data

    def test_keys_are_per_organization(
        self, world: World, other_org: quickstart.Provisioned
    ) -> None:
        key = {"Idempotency-Key": "k"}
        world.post(headers=key)
        body = {"title": "t", "severity": "low", "ownerId": other_org.user_id}
        theirs = world.post(body, {**key, "Authorization": f"Bearer {other_org.key}"})
        assert theirs.status_code == 201

    @pytest.mark.parametrize(("hours", "opened"), [(23, 1), (25, 2)])
    def test_a_key_is_kept_for_24_hours(
        self, world: World, monkeypatch: pytest.MonkeyPatch, hours: int, opened: int
    ) -> None:
        world.post(headers={"Idempotency-Key": "k"})
        world.execute(
            "UPDATE idempotency_keys SET created_at = ?",
            format_instant(clock.now() - timedelta(hours=hours)),
        )
        assert world.post(headers={"Idempotency-Key": "k"}).status_code == 201
        assert len(world.rows("SELECT * FROM incidents")) == opened
        assert len(world.rows("SELECT * FROM idempotency_keys")) == 1

    @pytest.mark.parametrize("key", ["", "k" * 256])
    def test_its_length_is_checked(self, world: World, key: str) -> None:
        answer = world.post(headers={"Idempotency-Key": key})
        assert list(answer.json["errors"]) == ["Idempotency-Key"]


@pytest.mark.sqlite_only("how it finds rows")
def test_many_components_are_looked_up_in_one_statement(world: World) -> None:
    """While the incident is opened, every other write waits."""
    reads = []
    for number in (1, 50):
        ids = [world.make("components", name=f"{number}-{n}")["id"] for n in range(number)]
        body = world.body(componentIds=ids)
        with traced(world) as statements:
            assert world.post(body).status_code == 201
        reads.append(sum(text.lstrip().startswith("SELECT") for text in statements))
    assert reads[0] == reads[1]
