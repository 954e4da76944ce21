"""Tools that speak PagerDuty's Events API or Opsgenie's alert API (contract §10)."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from incident_service.store import Row
from tests.helpers.world import World


@pytest.fixture
def pagerduty(world: World) -> Row:
    world.call("PATCH", "organization", {"defaultEscalationPolicyId": world.made.policy_id})
    return world.make("integrations/inbound", name="PagerDuty", kind="pagerduty")


@pytest.fixture
def opsgenie(world: World) -> Row:
    world.call("PATCH", "organization", {"defaultEscalationPolicyId": world.made.policy_id})
    return world.make("integrations/inbound", name="Opsgenie", kind="opsgenie")


def enqueue(world: World, tool: Row, **event: Any) -> Any:
    body = {"routing_key": tool["token"], "event_action": "trigger", **event}
    if body["event_action"] == "trigger":
        body.setdefault("payload", {"summary": "Down", "source": "web-1", "severity": "critical"})
    return world.client.post("/v2/enqueue", json=body)


def call(world: World, tool: Row, path: str = "", body: Any = ..., **query: str) -> Any:
    return world.client.post(
        f"/v2/alerts{path}",
        headers={"Authorization": f"GenieKey {tool['token']}"},
        query_string=query,
        **({} if body is ... else {"json": body}),
    )


def status_of(world: World, key: str) -> str:
    (row,) = world.rows("SELECT status FROM alerts WHERE dedup_key = ?", key)
    return str(row["status"])


def test_an_event_is_answered_as_pagerduty_does(world: World, pagerduty: Row) -> None:
    answer = enqueue(world, pagerduty, dedup_key="web")
    assert answer.status_code == 202
    assert answer.content_type == "application/json"
    assert answer.json == {"status": "success", "message": "Event processed", "dedup_key": "web"}
    assert "X-Request-Id" in answer.headers
    (incident,) = world.rows("SELECT * FROM incidents")
    assert (incident["title"], incident["severity"]) == ("Down", "critical")
    for action in ("acknowledge", "resolve"):
        answer = enqueue(world, pagerduty, dedup_key="web", event_action=action)
        assert (answer.status_code, answer.json["status"]) == (202, "success")
    assert status_of(world, "web") == "resolved"
    (incident,) = world.rows("SELECT * FROM incidents")
    assert incident["acknowledged_by"] == pagerduty["id"]


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_another_method_is_refused_as_pagerduty_does(world: World, method: str) -> None:
    answer = world.client.open("/v2/enqueue", method=method)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert answer.content_type == "application/json"
    assert answer.json == {
        "status": "error",
        "message": "Event not processed",
        "errors": ["Only POST is allowed here."],
    }


def test_a_key_is_made_where_it_is_missing(world: World, pagerduty: Row) -> None:
    first, second = enqueue(world, pagerduty), enqueue(world, pagerduty)
    keys = [first.json["dedup_key"], second.json["dedup_key"]]
    assert len(set(keys)) == 2
    rows = world.rows("SELECT dedup_key FROM alerts ORDER BY id")
    assert [row["dedup_key"] for row in rows] == keys


def test_what_is_not_open_is_taken_all_the_same(world: World, pagerduty: Row) -> None:
    answer = enqueue(world, pagerduty, event_action="resolve", dedup_key="x")
    assert (answer.status_code, answer.json["dedup_key"]) == (202, "x")


def test_the_routing_key_may_be_in_a_header(world: World, pagerduty: Row) -> None:
    event = {"event_action": "trigger", "payload": {"summary": "Down"}, "dedup_key": "web"}
    headers = {"X-Routing-Key": pagerduty["token"]}
    assert world.client.post("/v2/enqueue", json=event, headers=headers).status_code == 202


def test_errors_have_pagerdutys_shape(world: World, pagerduty: Row) -> None:
    generic = world.make("integrations/inbound", name="Generic", kind="generic")
    answers = [
        enqueue(world, pagerduty, event_action="dance"),
        enqueue(world, pagerduty, payload={}),
        enqueue(world, pagerduty, event_action="resolve"),
        enqueue(world, {"token": "0" * 32}),
        enqueue(world, {"token": ""}),
        enqueue(world, {"token": 7}),
        enqueue(world, generic),
        world.client.post("/v2/enqueue", json={}),
        world.client.post("/v2/enqueue", json=[]),
        world.client.post("/v2/enqueue", data="{"),
        world.client.post("/v2/enqueue", data="{", headers={"Accept": "text/html"}),
    ]
    for answer in answers:
        assert answer.status_code == 400
        assert answer.content_type == "application/json"
        assert (answer.json["status"], answer.json["message"]) == (
            "invalid event",
            "Event object is invalid",
        )
        (reason,) = answer.json["errors"]
        assert reason
        assert "WWW-Authenticate" not in answer.headers
    assert "event_action" in answers[0].json["errors"][0]
    assert "routing_key" in answers[4].json["errors"][0]
    assert world.rows("SELECT 1 FROM alerts") == []
    path = f"integrations/inbound/{pagerduty['id']}/receipts"
    assert len(world.call("GET", path).json["data"]["receipts"]) == 3


def test_what_is_too_large_has_the_shape_too(world: World) -> None:
    answer = world.client.post("/v2/enqueue", data=b" " * (1024 * 1024 + 1))
    assert answer.status_code == 413
    assert answer.json["errors"] == ["The body is larger than 1 MiB."]


def test_a_crash_is_told_in_the_shape_and_tells_nothing(
    world: World, pagerduty: Row, monkeypatch: pytest.MonkeyPatch
) -> None:
    from incident_service.alerts import intake

    def crash(*_: Any, **__: Any) -> None:
        raise OSError("/secret/path")

    monkeypatch.setattr(intake, "take_in", crash)
    answer = enqueue(world, pagerduty)
    assert answer.status_code == 500
    assert answer.json["errors"] == ["The event was not processed."]


def test_the_token_also_works_where_all_kinds_send(world: World, pagerduty: Row) -> None:
    event = {"event_action": "trigger", "dedup_key": "web", "payload": {"summary": "Down"}}
    answer = world.client.post(f"/in/{pagerduty['token']}", json=event)
    (alert,) = answer.json["data"]["alerts"]
    assert (answer.status_code, alert["dedupKey"]) == (202, "web")


def test_a_call_is_answered_as_opsgenie_does(world: World, opsgenie: Row) -> None:
    answer = call(world, opsgenie, body={"message": "Down", "alias": "web", "priority": "P1"})
    assert answer.status_code == 202
    assert answer.json["result"] == "Request will be processed"
    assert isinstance(answer.json["took"], float)
    assert answer.json["requestId"] == answer.headers["X-Request-Id"]
    (incident,) = world.rows("SELECT * FROM incidents")
    assert (incident["title"], incident["severity"]) == ("Down", "critical")
    answer = call(world, opsgenie, "/web/acknowledge", {"user": "x"}, identifierType="alias")
    assert answer.status_code == 202
    (incident,) = world.rows("SELECT * FROM incidents")
    assert incident["acknowledged_by"] == opsgenie["id"]
    assert call(world, opsgenie, "/web/close", identifierType="alias").status_code == 202
    assert status_of(world, "web") == "resolved"


@pytest.mark.parametrize("alias", ["a/b/close", "/a", "a b", "ü?#", "..", "close", "a\nb"])
def test_an_alias_may_be_anything(world: World, opsgenie: Row, alias: str) -> None:
    assert call(world, opsgenie, body={"message": "Down", "alias": alias}).status_code == 202
    path = f"/{quote(alias, safe='')}/close"
    assert call(world, opsgenie, path, {}, identifierType="alias").status_code == 202
    assert status_of(world, alias) == "resolved"


def test_what_names_an_alert_otherwise_is_refused(world: World, opsgenie: Row) -> None:
    for query in ({}, {"identifierType": "id"}, {"identifierType": "tiny"}):
        answer = call(world, opsgenie, "/web/close", **query)
        assert (answer.status_code, answer.json["code"]) == (400, "unreadable_alert")
        assert "identifierType" in answer.json["message"]


def test_a_wrong_genie_key_is_refused(world: World, opsgenie: Row, pagerduty: Row) -> None:
    wrong = {"token": "0" * 32}
    for tool in (wrong, pagerduty):
        for path in ("", "/web/close", "/web/acknowledge"):
            answer = call(world, tool, path, {"message": "Down"}, identifierType="alias")
            assert (answer.status_code, answer.json["code"]) == (401, "not_authorized")
    headers = {"Authorization": f"Bearer {opsgenie['token']}"}
    answer = world.client.post("/v2/alerts", json={"message": "Down"}, headers=headers)
    assert answer.status_code == 401
    assert world.rows("SELECT 1 FROM alerts") == []


def test_what_opsgenie_cannot_read_is_refused_and_kept(world: World, opsgenie: Row) -> None:
    bodies: list[Any] = [{}, [], {"message": ""}]
    for body in bodies:
        answer = call(world, opsgenie, body=body)
        assert (answer.status_code, answer.json["code"]) == (400, "unreadable_alert")
    path = f"integrations/inbound/{opsgenie['id']}/receipts"
    kept = world.call("GET", path).json["data"]["receipts"]
    assert [receipt["status"] for receipt in kept] == [400, 400, 400]


@pytest.mark.parametrize("path", ["/v2/enqueue", "/v2/alerts", "/v2/alerts/web/close"])
def test_other_methods_are_refused(world: World, path: str) -> None:
    answer = world.client.get(path)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize("path", ["/v2/", "/v2/alerts/web", "/v2/alerts/web/notes", "/v2/change"])
def test_the_rest_of_their_apis_is_not_there(world: World, path: str) -> None:
    assert world.client.post(path, json={}).status_code == 404
