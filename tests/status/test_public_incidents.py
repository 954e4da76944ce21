"""Which incidents customers may see, and by which title (contract §2, §3 and §7)."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from tests.helpers.status_pages import (
    PATHS,
    data,
    etags,
    open_incident,
    publish,
    see,
    update,
    words,
)
from tests.helpers.world import World

INTERNAL = "db-prod-7 disk is full, Bob's fault"
EVENTS = """
    SELECT event, details FROM audit_events
    WHERE event IN ('incident_edited', 'update_posted') ORDER BY incident_id, number
    """


def shown(world: World) -> list[bool]:
    """Return which of the page, the history, the feed and the JSON tell of the incident."""
    return [INTERNAL in see(world, path).text.replace("&#39;", "'") for path in PATHS]


def is_public(world: World, incident: str) -> bool:
    found: bool = world.call("GET", incident).json["data"]["isPublic"]
    return found


def edits(world: World) -> list[dict[str, Any]]:
    """Return the details of each edit on the trails."""
    return [json.loads(r["details"]) for r in world.rows(EVENTS) if r["event"] == "incident_edited"]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({}, (True, None)),
        ({"isPublic": None, "publicTitle": None}, (True, None)),
        ({"isPublic": True}, (True, None)),
        ({"isPublic": False}, (False, None)),
        ({"publicTitle": "x" * 100}, (True, "x" * 100)),
        ({"isPublic": False, "publicTitle": "الدفع"}, (False, "الدفع")),
    ],
)
def test_an_incident_says_what_customers_see_of_it(
    world: World, sent: dict[str, Any], expected: tuple[bool, str | None]
) -> None:
    body = world.body(**sent)
    answers = [world.post(body, {"Idempotency-Key": "1"}).json["data"] for _ in range(2)]
    path = f"incidents/{answers[0]['id']}"
    answers += [world.call("GET", path).json["data"], *listed(world)]
    answers.append(world.call("POST", f"{path}/acknowledge").json["data"])
    for answer in answers:
        assert (answer["isPublic"], answer["publicTitle"]) == expected
        assert isinstance(answer["isPublic"], bool)


def listed(world: World) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.call("GET", "incidents").json["data"]["incidents"]
    return found


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *itertools.product(["isPublic"], (0, 1, "true", "", [], {})),
        *itertools.product(["publicTitle"], ("", " \t", "x" * 101, 1, False, ["x"], "a\x00b")),
    ],
)
def test_what_is_neither_is_refused(world: World, field: str, value: Any) -> None:
    incident = open_incident(world)
    for method, path, body in (
        ("POST", "incidents", world.body(**{field: value})),
        ("PATCH", incident, {field: value}),
    ):
        answer = world.call(method, path, body)
        assert answer.status_code == 400
        assert list(answer.json["errors"]) == [field]
    assert len(listed(world)) == 1
    assert edits(world) == []


@pytest.mark.sqlite_only("an answer that only a file can hold still")
def test_an_answer_that_was_kept_before_is_given_again(world: World) -> None:
    headers = {"Idempotency-Key": "1"}
    first = world.post(headers=headers).json
    (kept,) = world.rows("SELECT answer FROM idempotency_keys")
    answer = json.loads(kept["answer"])
    del answer["is_public"], answer["public_title"]
    world.execute("UPDATE idempotency_keys SET answer = ?", json.dumps(answer))
    again = world.post(headers=headers)
    assert (again.status_code, again.json) == (201, first)
    assert again.headers["Idempotent-Replayed"] == "true"


def test_an_incident_that_is_not_public_is_nowhere_and_changes_nothing(world: World) -> None:
    publish(world)
    before = etags(world)
    incident = open_incident(world, title=INTERNAL, isPublic=False)
    world.call("PATCH", incident, {"severity": "low", "publicTitle": "Payments are slow"})
    world.call("PATCH", incident, {"severity": "critical"})
    assert etags(world) == before
    (component,) = data(world)["components"]
    assert (data(world)["status"], component["status"]) == ("operational", "operational")
    mine = world.call("GET", f"components/{world.made.component_id}").json["data"]
    assert mine["operationalStatus"] == "major_outage"  # its own people see how it is
    assert world.client.get(f"/status/status/{incident}").status_code == 404
    for status in ("identified", "monitoring", "resolved"):
        world.call("PATCH", f"{incident}/status", {"status": status})
    assert etags(world) == before


def test_an_incident_is_taken_off_at_once_and_comes_back(world: World) -> None:
    publish(world)
    before = etags(world)
    incident = open_incident(world, title=INTERNAL)
    update(world, incident, "public", body="We are looking.")
    assert shown(world) == [True] * 4
    assert world.client.get(f"/status/status/{incident}").status_code == 200
    world.call("PATCH", incident, {"isPublic": False})
    assert etags(world) == before
    assert world.client.get(f"/status/status/{incident}").status_code == 404
    world.call("PATCH", incident, {"isPublic": None})  # cleared: the default
    assert is_public(world, incident)
    assert shown(world) == [True] * 4
    assert edits(world) == [
        {"before": {"isPublic": True}, "after": {"isPublic": False}},
        {"before": {"isPublic": False}, "after": {"isPublic": True}},
    ]


def test_customers_read_the_public_title(world: World) -> None:
    publish(world)
    incident = open_incident(world, title=INTERNAL, publicTitle="Payments are slow")

    def read(title: str) -> None:
        assert shown(world) == [title == INTERNAL] * 4
        assert all(title in words(world, path) for path in ("", "/history", f"/{incident}"))
        assert [i["title"] for i in data(world)["incidents"]] == [title]
        assert title in see(world, "/feed.atom").text.replace("&#39;", "'")

    read("Payments are slow")
    world.call("PATCH", incident, {"publicTitle": "Payments fail"})
    read("Payments fail")
    assert world.call("GET", incident).json["data"]["title"] == INTERNAL
    world.call("PATCH", incident, {"publicTitle": None})
    read(INTERNAL)
    assert edits(world) == [
        {"before": {"publicTitle": "Payments are slow"}, "after": {"publicTitle": "Payments fail"}},
        {"before": {"publicTitle": "Payments fail"}, "after": {"publicTitle": None}},
    ]


def test_a_public_update_makes_an_incident_public(world: World) -> None:
    publish(world)
    incident = open_incident(world, title=INTERNAL, isPublic=False)
    update(world, incident, "internal", body="Only for us.")
    world.call("PATCH", incident, {"publicTitle": "Payments fail"})
    assert not is_public(world, incident)  # a title may be prepared
    refused = {"visibility": "public", "body": "x", "statusChange": "resolved"}
    assert world.call("POST", f"{incident}/updates", refused).status_code == 400
    assert not is_public(world, incident)
    update(world, incident, "public", body="We are looking.")
    assert is_public(world, incident)
    assert "Payments fail" in words(world)
    assert edits(world)[1:] == [{"before": {"isPublic": False}, "after": {"isPublic": True}}]
    assert [row["event"] for row in world.rows(EVENTS)][-2:] == ["incident_edited", "update_posted"]
    update(world, incident, "public", body="We have found it.")
    assert len(edits(world)) == 2


def test_a_public_update_without_a_page_publishes_nothing(world: World) -> None:
    incident = open_incident(world, isPublic=False)
    answer = world.call("POST", f"{incident}/updates", {"visibility": "public", "body": "x"})
    assert answer.json["code"] == "no_public_surface"
    assert not is_public(world, incident)


def test_only_what_customers_see_moves_the_feed(world: World) -> None:
    publish(world)
    incident = open_incident(world, publicTitle="Payments fail")
    past = "2020-01-01T00:00:00.000Z"
    for changes, moves in (
        ({"title": "Another internal title"}, False),
        ({"publicTitle": "Payments are slow"}, True),
        ({"publicTitle": "Payments are slow"}, False),
        ({"isPublic": False}, True),
        ({"severity": "low", "publicTitle": None}, False),
        ({"isPublic": True}, True),
        ({"title": "Shown again"}, True),
        ({"publicTitle": "Shown again"}, False),
    ):
        world.execute("UPDATE incidents SET public_updated_at = ?", past)
        assert world.call("PATCH", incident, changes).status_code == 200
        (row,) = world.rows("SELECT public_updated_at FROM incidents")
        assert (row["public_updated_at"] > past) == moves, changes
