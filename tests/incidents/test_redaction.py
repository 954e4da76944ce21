"""Redacting an update: who may, and where its text is not found any more (contract §7)."""

from __future__ import annotations

import json
import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from incident_service import quickstart
from incident_service.clock import parse_instant
from incident_service.database import maintenance
from incident_service.errors import Forbidden
from incident_service.incidents import updates
from incident_service.people.caller import Caller, Role
from tests.helpers.clocks import write_at
from tests.helpers.traces import SECRET, traces
from tests.helpers.world import World

UNKNOWN = "00000000-0000-7000-8000-000000000000"
MINUTE = timedelta(minutes=1)
TICK = timedelta(microseconds=1)


@pytest.fixture
def incident(world: World) -> dict[str, Any]:
    """An incident that a published page shows."""
    shown = [world.made.component_id]
    world.make("status-pages", slug="status", title="Status", published=True, componentIds=shown)
    opened: dict[str, Any] = world.post(headers={"Idempotency-Key": "k"}).json["data"]
    return opened


def post(world: World, id: str, *, key: str | None = None, **fields: Any) -> dict[str, Any]:
    body = {"visibility": "internal", "body": SECRET, **fields}
    answer = world.call("POST", f"incidents/{id}/updates", body, key=key)
    posted: dict[str, Any] = answer.json["data"]
    return posted


def redact(world: World, update: dict[str, Any], *, key: str | None = None) -> Any:
    path = f"incidents/{update['incidentId']}/updates/{update['id']}/redact"
    return world.call("POST", path, key=key)


def another_key(world: World, *, user: str, role: str = "org:member") -> str:
    key: str = world.make("api-keys", name="another", userId=user, role=role)["key"]
    return key


def holding(world: World) -> list[str]:
    """Return the tables in which the secret stands, but for the index of words."""
    tables = [name for name in world.columns() if name != "incident_words"]
    return [name for name in tables if SECRET in str(world.rows(f"SELECT * FROM {name}"))]


@pytest.mark.parametrize("visibility", ["internal", "public"])
def test_the_text_goes_and_the_rest_stays(
    world: World, incident: dict[str, Any], member: str, visibility: str
) -> None:
    path = f"incidents/{incident['id']}"
    fields = {"visibility": visibility, "statusChange": "identified"}
    update = post(world, incident["id"], key=member, **fields)
    later = post(world, incident["id"], body="Still here.")
    before = world.call("GET", path).json["data"]
    answer = redact(world, update)
    gone = {
        **update,
        "body": None,
        "redactedAt": answer.json["data"]["redactedAt"],
        "redactedBy": {"id": world.made.user_id, "name": "Ada Admin"},
    }
    assert (answer.status_code, answer.json["data"]) == (200, gone)
    assert parse_instant(gone["redactedAt"]) >= parse_instant(update["postedAt"])
    assert world.call("GET", f"{path}/updates").json["data"]["updates"] == [gone, later]
    after = world.call("GET", path).json["data"]
    *trail, event = after.pop("auditTrail")
    assert trail == before.pop("auditTrail")
    assert after == before
    assert (event["event"], event["actorId"], event["details"]) == (
        "update_redacted", world.made.user_id, {"updateId": update["id"]},
    )  # fmt: skip


def test_the_first_redaction_stands(world: World, incident: dict[str, Any], member: str) -> None:
    update = post(world, incident["id"], key=member)
    first = redact(world, update, key=member).json["data"]
    trail = world.call("GET", f"incidents/{incident['id']}").json["data"]["auditTrail"]
    for key in (member, world.made.key):
        again = redact(world, update, key=key)
        assert (again.status_code, again.json["data"]) == (200, first)
    assert first["redactedBy"] == {"id": "member", "name": "member@example.com"}
    world.call("PATCH", "users/member", {"firstName": "Mia"})  # the name is the one of then
    again = redact(world, update, key=member)
    assert again.json["data"] == first
    after = world.call("GET", f"incidents/{incident['id']}").json["data"]["auditTrail"]
    assert after == trail
    mine = post(world, incident["id"])
    redact(world, mine)
    assert redact(world, mine, key=member).json["code"] == "forbidden"


def test_who_may_redact_and_when(world: World, incident: dict[str, Any], member: str) -> None:
    cases: list[tuple[str, Role, timedelta, bool]] = [
        ("member", "org:member", timedelta(0), True),
        ("member", "org:member", -MINUTE, True),  # the clock was set back
        ("member", "org:member", 5 * MINUTE - TICK, True),
        ("member", "org:member", 5 * MINUTE, True),
        ("member", "org:member", 5 * MINUTE + TICK, False),
        ("member", "org:member", 999 * MINUTE, False),
        ("member", "org:admin", 5 * MINUTE + TICK, True),
        ("other", "org:member", timedelta(0), False),
        ("other", "org:admin", timedelta(0), True),
        ("other", "org:admin", timedelta(days=999), True),
    ]
    for case in cases:
        actor, role, after, is_allowed = case
        update = post(world, incident["id"], key=member)
        caller = Caller(world.made.org_id, "some-key", actor, role)
        now = parse_instant(update["postedAt"]) + after
        try:
            write_at(now, world.database, updates.redact, caller, incident["id"], update["id"])
        except Forbidden:
            assert not is_allowed, case
        latest = world.rows("SELECT body, redacted_by FROM incident_updates ORDER BY number")[-1]
        expected = (None, actor) if is_allowed else (SECRET, None)
        assert (latest["body"], latest["redacted_by"]) == expected, case


def test_the_author_is_the_user_whichever_key_it_uses_else_the_key(
    world: World, incident: dict[str, Any], member: str
) -> None:
    update = post(world, incident["id"], key=member)
    assert redact(world, update, key=another_key(world, user="member")).status_code == 200
    robots = [world.make("api-keys", name="robot") for _ in range(2)]
    update = post(world, incident["id"], key=robots[0]["key"])
    for key in (robots[1]["key"], member):
        assert redact(world, update, key=key).json["code"] == "forbidden"
    redacted = redact(world, update, key=robots[0]["key"])
    assert redacted.json["data"]["redactedBy"] == {"id": robots[0]["id"], "name": "robot"}
    mine = post(world, incident["id"], key=another_key(world, user="member"))
    admin_s = another_key(world, user=world.made.user_id)  # the key's role counts
    assert redact(world, mine, key=admin_s).status_code == 403


def test_what_is_redacted_when_the_incident_is_resolved(
    world: World, incident: dict[str, Any], member: str
) -> None:
    update = post(world, incident["id"], key=member)
    for status in ("identified", "monitoring", "resolved"):
        last = post(world, incident["id"], key=member, statusChange=status)
    assert redact(world, update, key=member).json["data"]["body"] is None
    assert redact(world, last).json["data"]["statusChange"] == "resolved"
    whole = world.call("GET", f"incidents/{incident['id']}").json["data"]
    assert (whole["status"], whole["resolvedAt"]) == ("resolved", last["postedAt"])


def test_what_is_not_there_and_the_order_of_checks(
    world: World, incident: dict[str, Any], member: str, other_org: quickstart.Provisioned
) -> None:
    update = post(world, incident["id"])
    elsewhere = world.post().json["data"]["id"]
    for key, where in (
        (other_org.key, {}),
        (member, {"id": UNKNOWN}),  # what the path names comes before whose it is
        (member, {"id": "no-uuid"}),
        (member, {"incidentId": UNKNOWN}),
        (member, {"incidentId": elsewhere}),
        (world.made.key, {"incidentId": elsewhere}),
    ):
        answer = redact(world, {**update, **where}, key=key)
        assert (answer.status_code, answer.json["code"]) == (404, "not_found")
    assert redact(world, update, key=member).json["code"] == "forbidden"
    assert holding(world) == ["incident_updates"]
    path = f"/v1/incidents/{incident['id'].upper()}/updates/{update['id'].upper()}/redact"
    headers = {"Authorization": f"Bearer {world.made.key}"}
    assert world.client.post(f"{path}?x=1", headers=headers).status_code == 400
    ignored = world.client.post(path, data=b"{no json", headers=headers)
    assert (ignored.status_code, ignored.json["data"]["body"]) == (200, None)


def test_no_answer_and_no_table_has_the_text(world: World, incident: dict[str, Any]) -> None:
    posted = [post(world, incident["id"], visibility=v) for v in ("internal", "public")]
    assert holding(world) == ["incident_updates"]
    answers = [redact(world, update) for update in posted]
    assert holding(world) == []
    path = f"incidents/{incident['id']}"
    answers += [world.call("GET", where) for where in (path, f"{path}/updates", "incidents")]
    replayed = world.post(headers={"Idempotency-Key": "k"})
    assert replayed.headers["Idempotent-Replayed"] == "true"
    for answer in (*answers, replayed):
        assert answer.status_code in (200, 201)
        assert SECRET not in json.dumps(answer.json)


@pytest.mark.sqlite_only("the file")
def test_no_copy_made_later_and_no_byte_of_the_compact_file_has_the_text(
    world: World, incident: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, copies = world.file.path.parent, tmp_path_factory.mktemp("copies")

    def copy(name: str) -> Path:
        with sqlite3.connect(world.file.path) as db:
            db.execute("VACUUM INTO ?", (str(copies / name),))
        db.close()
        return copies / name

    body = f"{SECRET} " * 370  # all over, so that no page that the text takes is without it
    posted = [
        post(world, incident["id"], visibility=visibility, body=body)
        for visibility in ("internal", "public") * 10
    ]
    maintenance.compact(world.file)
    assert traces(folder) == ["test.db"]  # where redacting leaves remains in free pages
    copy("before")
    assert traces(copies) == ["before"]
    world.execute("PRAGMA secure_delete = OFF")  # as in many a build of SQLite
    for update in posted:
        assert redact(world, update).status_code == 200
    assert "test.db" in traces(folder)
    copy("after")
    assert traces(copies) == ["before"]
    before = world.call("GET", f"incidents/{incident['id']}/updates").json
    maintenance.compact(world.file)
    assert traces(folder) == []
    assert {path.name for path in folder.iterdir()} >= {"test.db", "test.db-wal", "test.db-shm"}
    assert world.call("GET", f"incidents/{incident['id']}/updates").json == before
    assert len(before["data"]["updates"]) == 20
