"""Layers of one schedule and of one policy, changed by many clients at once."""

from __future__ import annotations

import http.client
import json
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.servers import GENEROUS, running

CLIENTS = 8
CALLS = 25  # of each client

ALLOWED = {
    (200, None),
    (201, None),
    (204, None),
    (400, "invalid_layer_order"),
    (404, "not_found"),
    (409, "too_many_layers"),
}


@dataclass
class Client:
    """One of those at once; it keeps what it was answered."""

    port: int
    key: str
    chance: random.Random
    answers: list[tuple[int, str | None]] = field(default_factory=list)
    made: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Make a call, and return the answer's data."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=GENEROUS)
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        connection.request(method, f"/v1/{path}", json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        found = json.loads(text) if text else {}
        self.answers.append((answer.status, found.get("code")))
        return found.get("data")

    def layers(self, path: str, first: int) -> list[str]:
        """Return the ids of the layers, whose positions count from `first` at any moment."""
        layers = self.call("GET", path)["layers"]
        assert [layer["position"] for layer in layers] == list(range(first, first + len(layers)))
        ids = [layer["id"] for layer in layers]
        assert len(set(ids)) == len(ids)
        return ids

    def add(self, path: str, layer: dict[str, Any]) -> None:
        made = self.call("POST", f"{path}/layers", layer)
        if made is not None:
            self.made.add(made["id"])

    def delete(self, path: str, id: str) -> None:
        self.call("DELETE", f"{path}/layers/{id}")
        if self.answers[-1][0] == 204:
            assert id not in self.deleted
            self.deleted.add(id)

    def reorder(self, path: str, ids: list[str]) -> None:
        order = self.chance.sample(ids, len(ids))
        changed = self.call("PUT", f"{path}/layers/order", {"layerIds": order})
        if changed is not None:
            assert [layer["id"] for layer in changed["layers"]] == order

    def change_schedule(self, path: str) -> None:
        ids = self.layers(path, 0)
        what = self.chance.choice(("add", "add", "reorder", "reorder", "delete", "replace"))
        if what == "add" or not ids:
            self.add(path, SCHEDULE_LAYER)
        elif what == "reorder":
            self.reorder(path, ids)
        elif what == "delete":
            self.delete(path, self.chance.choice(ids))
        else:
            self.call("PUT", f"{path}/layers/{self.chance.choice(ids)}", SCHEDULE_LAYER)

    def change_policy(self, path: str) -> None:
        ids = self.layers(path, 1)
        what = self.chance.choice(("add", "add", "add", "add", "reorder", "delete", "move"))
        position = self.chance.randint(1, len(ids) + 2)
        if what == "add" or not ids:
            self.add(path, {**POLICY_LAYER, "position": position})
        elif what == "reorder":
            self.reorder(path, ids)
        elif what == "delete":
            self.delete(path, self.chance.choice(ids))
        else:
            id = self.chance.choice(ids)
            self.call("PATCH", f"{path}/layers/{id}", {"position": position})


SCHEDULE_LAYER = {
    "name": "Layer",
    "rotationType": "daily",
    "handoffTime": "09:00",
    "effectiveFrom": "2025-01-06T09:00:00Z",
    "participantIds": ["ada", "ben"],
}
POLICY_LAYER = {"ackTimeoutMinutes": 5, "target": {"type": "users", "userIds": ["ada", "ben"]}}


@pytest.mark.every_engine
def test_positions_hold_when_many_clients_change_layers_at_once(tmp_path: Path) -> None:
    environment = {"INCIDENT_SERVICE_WORKERS": "4"}
    quickstart = ("quickstart", "--port", "{port}")
    with running(tmp_path / "layers.db", *quickstart, environment=environment) as server:
        key = server.printed(r"scl_live_\S+")
        clients = [Client(server.port, key, random.Random(n)) for n in range(CLIENTS + 1)]
        first = clients.pop()
        for name in ("ada", "ben"):
            first.call("POST", "users", {"id": name, "email": f"{name}@example.com"})
        schedule = first.call("POST", "oncall/schedules", {"name": "Rota", "timezone": "UTC"})
        policy = first.call("POST", "escalation/policies", {"name": "Page all"})
        of_schedule = f"oncall/schedules/{schedule['id']}"
        of_policy = f"escalation/policies/{policy['id']}"
        barrier = threading.Barrier(CLIENTS)

        def change(client: Client) -> None:
            barrier.wait()
            for _ in range(CALLS):
                if client.chance.random() < 0.5:
                    client.change_schedule(of_schedule)
                else:
                    client.change_policy(of_policy)

        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(change, clients))
        left = {*first.layers(of_schedule, 0), *first.layers(of_policy, 1)}
    answers = {answer for client in clients for answer in client.answers}
    assert answers <= ALLOWED
    assert answers >= {(200, None), (201, None), (204, None), (409, "too_many_layers")}
    made = [id for client in clients for id in client.made]
    deleted = [id for client in clients for id in client.deleted]
    assert len(set(made)) == len(made)
    assert len(set(deleted)) == len(deleted)
    assert left == set(made) - set(deleted)
