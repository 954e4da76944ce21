"""Many clients that live with the same incidents at once, over real gunicorn processes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from incident_service import clock, quickstart
from incident_service.clock import format_instant
from incident_service.database import maintenance
from incident_service.database.engine import Connection
from incident_service.database.file import FileDatabase
from incident_service.incidents import opening, reading
from incident_service.incidents.updates import advance
from incident_service.people import keys, users
from incident_service.people.caller import Caller
from incident_service.severity import SEVERITIES
from incident_service.status import components
from tests.helpers.clocks import write_at
from tests.helpers.servers import Server, running

NUMBER = 400
CLIENTS = 8
ROUNDS = 10
USERS = ("ada", "ben")
NOW = clock.now()


@dataclass
class World:
    """A service of four processes on a file with incidents; `keys` of two users."""

    server: Server
    org_id: str
    keys: tuple[str, str]
    component_ids: tuple[str, str]
    opened: list[dict[str, Any]]

    def call(self, method: str, path: str, body: Any = None, by: int = 0) -> tuple[int, Any]:
        """Make a call as one of the users; return the status and the body."""
        headers = {"Authorization": f"Bearer {self.keys[by]}"}
        status, answer, _ = self.server.request(method, f"/v1/{path}", body, headers)
        return status, answer

    def open(self, n: int) -> str:
        """Open another incident, with what its number says; return its id."""
        body = {
            "title": f"Meanwhile {n}",
            "severity": SEVERITIES[n % 4],
            "ownerId": USERS[n % 2],
            "componentIds": [self.component_ids[n // 2 % 2]],
        }
        status, answer = self.call("POST", "incidents", body)
        assert status == 201, answer
        id: str = answer["data"]["id"]
        return id

    def both(self, call: Callable[[int], tuple[int, Any]]) -> list[tuple[int, Any]]:
        """Let both users make the call at the same moment; return what each was answered."""
        barrier = threading.Barrier(2)

        def at_once(by: int) -> tuple[int, Any]:
            barrier.wait()
            return call(by)

        with ThreadPoolExecutor(2) as clients:
            return list(clients.map(at_once, range(2)))


def fill(
    db: Connection, made: quickstart.Provisioned, *, now: datetime
) -> tuple[Any, Any, list[dict[str, Any]]]:
    """Make users, components and incidents, two minutes apart; a fifth of those are identified."""
    caller = Caller(made.org_id, "test", made.user_id, "org:admin")
    secrets = []
    for name in USERS:
        users.create(
            db,
            org_id=made.org_id,
            id=name,
            email=f"{name}@example.com",
            role="org:member",
            now=now,
        )
        key = keys.create(
            db, org_id=made.org_id, user_id=name, role="org:member", name=name, now=now
        )
        secrets.append(key["key"])
    parts = [components.create(db, caller, {"name": n}, now=now)["id"] for n in ("a", "b")]
    opened = []
    for n in range(NUMBER):
        at = now - (NUMBER - n) * timedelta(minutes=2)
        new = opening.NewIncident(
            f"{n}", SEVERITIES[n % 4], owner_id=USERS[n % 2], component_ids=(parts[n // 2 % 2],)
        )
        incident = opening.open_incident(db, caller, new, now=at)
        if n % 5 == 0:
            advance(db, caller, incident["id"], "identified", None, now=at)
            incident = reading.get(db, caller, incident["id"])
        opened.append(incident)
    return tuple(secrets), tuple(parts), opened


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    path: Path = tmp_path_factory.mktemp("incidents") / "incidents.db"
    database = FileDatabase(path)
    maintenance.initialise(database)
    made = write_at(NOW, database, quickstart.provision)
    secrets, component_ids, opened = write_at(NOW, database, fill, made)
    with running(path, environment={"INCIDENT_SERVICE_WORKERS": "4"}) as server:
        yield World(server, made.org_id, secrets, component_ids, opened)


def test_a_walk_through_the_list_while_others_open_more(world: World) -> None:
    part = world.component_ids[1]
    middle = world.opened[100:300]
    day = {"from": middle[0]["created_at"], "to": middle[-1]["created_at"]}
    walks: list[tuple[dict[str, str], list[dict[str, Any]]]] = [
        ({}, world.opened),
        ({"status": "identified"}, [i for i in world.opened if i["status"] == "identified"]),
        ({"status": "investigating"}, [i for i in world.opened if i["status"] == "investigating"]),
        ({"severity": "high"}, [i for i in world.opened if i["severity"] == "high"]),
        ({"ownerId": "ben"}, [i for i in world.opened if i["owner_id"] == "ben"]),
        (
            {"componentId": part},
            [i for i in world.opened if i["affected_components"][0]["id"] == part],
        ),
        (day, middle),
        ({"from": format_instant(NOW - timedelta(minutes=200))}, world.opened[-100:]),
    ]
    old = {incident["id"] for incident in world.opened}
    stopped = threading.Event()
    more: set[str] = set()

    def open_more(n: int) -> None:
        while not stopped.is_set():
            more.add(world.open(n))
            n += 1

    with ThreadPoolExecutor(CLIENTS) as clients:
        try:
            under_way = [clients.submit(open_more, n) for n in range(CLIENTS)]
            met = 0
            for query, expected in walks:
                before = len(more)
                while len(more) < before + CLIENTS and not any(it.done() for it in under_way):
                    stopped.wait(0.001)
                seen = list(walk(world, {**query, "limit": "50"}))
                numbers = [incident["sequentialId"] for incident in seen]
                assert numbers == sorted(set(numbers), reverse=True), query
                found = [incident["id"] for incident in seen if incident["id"] in old]
                assert found == [incident["id"] for incident in reversed(expected)], query
                met += len(more) - before
        finally:
            stopped.set()
        for it in under_way:
            it.result()
    assert met > CLIENTS * len(walks)


def walk(world: World, query: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Yield the incidents of every page, from the first to the last."""
    while True:
        status, answer = world.call("GET", f"incidents?{urlencode(query)}")
        assert status == 200, answer
        yield from answer["data"]["incidents"]
        if answer["data"]["nextCursor"] is None:
            return
        query = {**query, "cursor": answer["data"]["nextCursor"]}


def test_two_move_an_incident_on_at_the_same_moment(world: World) -> None:
    for n in range(ROUNDS):
        path = f"incidents/{world.open(n)}"

        def identify(by: int, path: str = path) -> tuple[int, Any]:
            return world.call("PATCH", f"{path}/status", {"status": "identified"}, by)

        answers = world.both(identify)
        assert sorted((status, answer.get("code")) for status, answer in answers) == [
            (200, None), (400, "invalid_status_transition"),
        ]  # fmt: skip
        winner = USERS[[status for status, _ in answers].index(200)]
        found = world.call("GET", path)[1]["data"]
        assert [(entry["status"], entry["changedBy"]) for entry in found["statusHistory"]] == [
            ("investigating", "ada"), ("identified", winner),
        ]  # fmt: skip
        assert events(found) == ["incident_opened", "status_changed", "update_posted"]


def test_two_acknowledge_at_the_same_moment(world: World) -> None:
    for n in range(ROUNDS):
        path = f"incidents/{world.open(n)}"

        def acknowledge(by: int, path: str = path) -> tuple[int, Any]:
            return world.call("POST", f"{path}/acknowledge", by=by)

        (one, first), (other, second) = world.both(acknowledge)
        assert (one, other) == (200, 200)
        assert first["data"] == second["data"] == world.call("GET", path)[1]["data"]
        assert first["data"]["acknowledgedBy"] in USERS
        assert events(first["data"]) == ["incident_opened", "incident_acknowledged"]
        assert first["data"]["auditTrail"][-1]["actorId"] == first["data"]["acknowledgedBy"]


def events(incident: dict[str, Any]) -> list[str]:
    """Return what people did: the paging process adds its own events whenever its turn comes."""
    trail = [entry["event"] for entry in incident["auditTrail"]]
    return [event for event in trail if not event.startswith("page_")]
