"""Updates of an incident: posting and reading them (contract §7)."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from incident_service import quickstart
from incident_service.clock import format_instant, parse_instant
from tests.helpers import engines
from tests.helpers.world import World

UNKNOWN = "00000000-0000-7000-8000-000000000000"
STATUSES = ("investigating", "identified", "monitoring", "resolved")


@pytest.fixture
def incident(world: World) -> dict[str, Any]:
    opened: dict[str, Any] = world.post().json["data"]
    return opened


@pytest.fixture
def page(world: World) -> dict[str, Any]:
    """A published page that shows what the incident affects."""
    shown = [world.made.component_id]
    return world.make(
        "status-pages", slug="status", title="Status", published=True, componentIds=shown
    )


def post(world: World, id: str, body: Any, *, key: str | None = None) -> Any:
    return world.client.post(
        f"/v1/incidents/{id}/updates",
        data=json.dumps(body),
        content_type="application/json",
        headers={"Authorization": f"Bearer {key or world.made.key}"},
    )


def internal(world: World, id: str, **fields: Any) -> dict[str, Any]:
    return world.make(f"incidents/{id}/updates", visibility="internal", **fields)


def told(world: World, id: str) -> list[dict[str, Any]]:
    answer = world.call("GET", f"incidents/{id}/updates")
    assert (answer.status_code, list(answer.json["data"])) == (200, ["updates", "nextCursor"])
    found: list[dict[str, Any]] = answer.json["data"]["updates"]
    return found


def test_what_an_update_is(world: World, incident: dict[str, Any], member: str) -> None:
    id = incident["id"]
    assert told(world, id) == []
    answer = post(world, id, {"visibility": "internal", "body": "Looking."}, key=member)
    update = answer.json["data"]
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/v1/incidents/{id}/updates/{update['id']}"
    assert update == {
        "id": update["id"],
        "incidentId": id,
        "body": "Looking.",
        "statusChange": None,
        "visibility": "internal",
        "postedBy": {"id": "member", "name": "member@example.com"},
        "postedAt": update["postedAt"],
        "redactedAt": None,
        "redactedBy": None,
    }
    later = [internal(world, id, body=str(n)) for n in range(3)]
    assert told(world, id) == [update, *later]


def test_the_author_s_name_is_the_one_of_then(world: World, incident: dict[str, Any]) -> None:
    by_user = internal(world, incident["id"], body="x")["postedBy"]
    assert by_user == {"id": world.made.user_id, "name": "Ada Admin"}
    robot = world.make("api-keys", name="robot")
    body = {"visibility": "internal", "body": "y"}
    by_key = post(world, incident["id"], body, key=robot["key"]).json["data"]["postedBy"]
    assert by_key == {"id": robot["id"], "name": "robot"}
    world.call("PATCH", f"users/{world.made.user_id}", {"firstName": "Eve"})
    world.call("DELETE", f"api-keys/{robot['id']}")
    assert [update["postedBy"] for update in told(world, incident["id"])] == [by_user, by_key]


def test_a_status_change_moves_the_incident_on(
    world: World, incident: dict[str, Any], page: dict[str, Any]
) -> None:
    id = incident["id"]
    public = {"visibility": "public", "body": "Found."}
    posted = [
        post(world, id, {**public, "statusChange": "identified"}).json["data"],
        internal(world, id, statusChange="monitoring", body=None),
        internal(world, id, statusChange="resolved", body=" "),
    ]
    assert [(u["statusChange"], u["body"], u["visibility"]) for u in posted] == [
        ("identified", "Found.", "public"),
        ("monitoring", None, "internal"),
        ("resolved", " ", "internal"),
    ]
    whole = world.call("GET", f"incidents/{id}").json["data"]
    assert whole["resolvedAt"] == whole["updatedAt"] == posted[-1]["postedAt"]
    assert [(h["status"], h["changedAt"]) for h in whole["statusHistory"][1:]] == [
        (u["statusChange"], u["postedAt"]) for u in posted
    ]
    assert [e["event"] for e in whole["auditTrail"][1:]] == ["status_changed", "update_posted"] * 3
    assert [e["details"] for e in whole["auditTrail"] if e["event"] == "update_posted"] == [
        {"updateId": u["id"], "visibility": u["visibility"], "statusChange": u["statusChange"]}
        for u in posted
    ]
    assert world.rows("SELECT * FROM incident_timers") == []


def test_moving_the_status_posts_an_internal_update(world: World, incident: dict[str, Any]) -> None:
    path = f"incidents/{incident['id']}/status"
    for status in STATUSES[1:]:
        world.call("PATCH", path, {"status": status})
    note = {"status": "resolved", "resolutionNote": "again"}
    assert world.call("PATCH", path, note).json["code"] == "invalid_status_transition"
    found = told(world, incident["id"])
    assert [(u["statusChange"], u["body"], u["visibility"]) for u in found] == [
        (status, None, "internal") for status in STATUSES[1:]
    ]
    assert {u["postedBy"]["id"] for u in found} == {world.made.user_id}


def test_a_text_is_kept_as_sent(world: World, incident: dict[str, Any]) -> None:
    texts = ["x" * 10_000, "\U0001f525" * 10_000, " \n padded\t", "<b>&amp;</b>\u202e", "'; --"]
    for text in texts:
        assert internal(world, incident["id"], body=text)["body"] == text
    assert [update["body"] for update in told(world, incident["id"])] == texts


NO_TEXTS: list[Any] = [None, "", " \n", 7, True, ["x"], {}, "x" * 10_001, "a\0b", "\ud800"]
NO_STATUSES: list[Any] = ["", "closed", "Identified", 1, ["identified"]]


def test_a_body_that_is_refused(
    world: World, incident: dict[str, Any], page: dict[str, Any]
) -> None:
    refused: list[tuple[dict[str, Any], str]] = [
        *(({"visibility": value, "body": "x"}, "visibility") for value in (None, 1, "", "Public")),
        ({"body": "x"}, "visibility"),
        ({"visibility": "internal"}, "body"),
        *(
            ({"visibility": visibility, "body": body}, "body")
            for visibility in ("internal", "public")
            for body in NO_TEXTS
        ),
        *(
            ({"visibility": "public", "statusChange": "identified", **body}, "body")
            for body in ({}, {"body": None}, {"body": ""}, {"body": " "})
        ),
        *(
            ({"visibility": "internal", "body": "x", "statusChange": value}, "statusChange")
            for value in NO_STATUSES
        ),
        ({"visibility": "internal", "body": "x", "postedAt": "2025-04-07T08:23:11Z"}, "postedAt"),
    ]
    for body, field in refused:
        answer = post(world, incident["id"], body)
        assert (answer.status_code, answer.json["code"]) == (400, "validation_error"), body
        assert list(answer.json["errors"]) == [field], body
    assert told(world, incident["id"]) == []
    assert world.call("GET", f"incidents/{incident['id']}").json["data"]["status"] == STATUSES[0]


def test_only_the_next_status_may_be_told(world: World, incident: dict[str, Any]) -> None:
    id = incident["id"]
    for following in STATUSES[1:]:
        for status in STATUSES:
            if status != following:
                body = {"visibility": "internal", "body": "x", "statusChange": status}
                answer = post(world, id, body)
                assert (answer.status_code, answer.json["code"]) == (
                    400, "invalid_status_transition",
                )  # fmt: skip
        internal(world, id, statusChange=following)
    assert [update["statusChange"] for update in told(world, id)] == list(STATUSES[1:])
    for body in ({"body": "late"}, {"statusChange": "resolved"}, {"statusChange": "identified"}):
        answer = post(world, id, {"visibility": "internal", **body})
        assert (answer.status_code, answer.json["code"]) == (400, "incident_resolved")
    assert len(told(world, id)) == 3


def test_a_public_update_needs_a_published_page_that_shows_a_component(
    world: World, incident: dict[str, Any], other_org: quickstart.Provisioned
) -> None:
    mine, other = world.made.component_id, world.make("components", name="Other")["id"]
    shown = {"title": "Status", "componentIds": [mine]}
    body = {"visibility": "public", "body": "We are on it.", "statusChange": "identified"}

    def refuse(why: str) -> None:
        answer = post(world, incident["id"], body)
        assert (answer.status_code, answer.json["code"]) == (400, "no_public_surface"), why

    elsewhere = {"slug": "other", "published": True, **shown}
    elsewhere["componentIds"] = [other_org.component_id]
    world.call("POST", "status-pages", elsewhere, key=other_org.key)
    refuse("only another organization has a page")
    path = "status-pages/" + world.make("status-pages", slug="status", **shown)["id"]
    refuse("it is not published")
    world.call("PATCH", path, {"published": True, "componentIds": [other]})
    refuse("it shows another component")
    world.call("PATCH", path, {"componentIds": [other, mine]})
    world.call("PUT", f"incidents/{incident['id']}/components", {"componentIds": []})
    refuse("the incident names no component")
    world.call("PUT", f"incidents/{incident['id']}/components", {"componentIds": [mine]})
    world.call("PATCH", path, {"published": None})
    refuse("it is not published any more")
    world.call("PATCH", path, {"published": True})
    assert post(world, incident["id"], body).status_code == 201
    body["statusChange"] = "monitoring"
    world.call("DELETE", path)
    refuse("the page is deleted")
    world.make("status-pages", slug="status", published=True, **shown)
    world.call("DELETE", f"components/{mine}")
    assert post(world, incident["id"], body).status_code == 201  # the incident is still shown
    posted = [update["statusChange"] for update in told(world, incident["id"])]
    assert posted == ["identified", "monitoring"]


def test_only_a_status_change_moves_updated_at(
    world: World, incident: dict[str, Any], page: dict[str, Any]
) -> None:
    world.execute("UPDATE incidents SET updated_at = '2025-04-07T08:23:11.000Z'")

    def updated_at() -> str:
        found: str = world.call("GET", f"incidents/{incident['id']}").json["data"]["updatedAt"]
        return found

    update = internal(world, incident["id"], body="x")
    assert post(world, incident["id"], {"visibility": "public", "body": "y"}).status_code == 201
    world.call("POST", f"incidents/{incident['id']}/updates/{update['id']}/redact")
    assert updated_at() == "2025-04-07T08:23:11.000Z"
    assert internal(world, incident["id"], statusChange="identified")["postedAt"] == updated_at()


def test_rights_and_the_order_of_checks(
    world: World, incident: dict[str, Any], member: str, other_org: quickstart.Provisioned
) -> None:
    good, bad = {"visibility": "internal", "body": "x"}, {"visibility": "no"}
    assert post(world, incident["id"].upper(), good, key=member).status_code == 201
    for id in (incident["id"], UNKNOWN, "no-uuid"):
        for method, body in (("GET", ...), ("POST", good)):
            path = f"incidents/{id}/updates"
            answer = world.call(method, path, body, key=other_org.key)
            assert (answer.status_code, answer.json["code"]) == (404, "not_found")
    assert post(world, UNKNOWN, bad).status_code == 400  # the schema comes before the path's things
    assert world.call("GET", f"incidents/{incident['id']}/updates", key=member).status_code == 200
    assert len(told(world, incident["id"])) == 1
    answer = world.call("GET", f"incidents/{incident['id']}/updates", page="1")
    assert (answer.status_code, list(answer.json["errors"])) == (400, ["page"])


def test_the_database_refuses_to_rewrite_what_was_told(
    world: World, incident: dict[str, Any]
) -> None:
    internal(world, incident["id"], body="x")
    before = world.rows("SELECT * FROM incident_updates")
    redaction = "UPDATE incident_updates SET body = NULL, redacted_at = 'now', redacted_by = 'me'"
    columns = [name for name in before[0] if not name.startswith("redacted")]
    for statement in (
        *(f"UPDATE incident_updates SET {column} = '2'" for column in columns),
        *(f"{redaction}, {column} = '2'" for column in columns if column != "body"),
        f"{redaction}, status_change = 'identified'",
        "UPDATE incident_updates SET body = NULL, status_change = 'identified'",
        "UPDATE incident_updates SET redacted_at = 'now', redacted_by = 'me'",
        redaction.replace("NULL", "'other'"),
        redaction.replace(", redacted_by = 'me'", ""),
        "DELETE FROM incident_updates",
        "INSERT OR REPLACE INTO incident_updates SELECT * FROM incident_updates",
    ):
        if statement.startswith("INSERT OR") and engines.current is not None:
            continue  # a statement of SQLite's own
        with pytest.raises(engines.IntegrityError):
            world.execute(statement)
        assert world.rows("SELECT * FROM incident_updates") == before, statement
    world.execute(redaction)
    with pytest.raises(engines.IntegrityError, match="append-only"):
        world.execute(redaction)


def test_no_instant_of_an_update_runs_backwards(
    world: World, incident: dict[str, Any], page: dict[str, Any]
) -> None:
    created = parse_instant(incident["createdAt"])
    latest = format_instant(created + timedelta(minutes=9))
    path = f"incidents/{incident['id']}/updates"
    for minutes, visibility in ((9, "internal"), (5, "internal"), (6, "public")):
        world.database.clock = lambda minutes=minutes: created + timedelta(minutes=minutes)  # type: ignore[misc]
        posted = world.make(path, visibility=visibility, body="Looking.")
        assert posted["postedAt"] == latest
    redacted = world.call("POST", f"{path}/{posted['id']}/redact").json["data"]
    assert redacted["redactedAt"] == latest
    (row,) = world.rows("SELECT public_updated_at FROM incidents")
    assert row["public_updated_at"] == latest
