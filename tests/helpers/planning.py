"""A schedule at an instant of a test's choice, changed by its calls."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from incident_service import clock
from incident_service.clock import parse_instant
from tests.helpers.world import World


class Planning:
    """A daily rotation of a, b and c since Tuesday, 1 April 2025, and a clock that stands still."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world = world
        self.now = parse_instant("2025-04-10T12:00:00Z")
        monkeypatch.setattr(clock, "now", lambda: self.now)
        monkeypatch.setattr(world.database, "clock", lambda: self.now)
        for id in "abcx":
            world.make("users", id=id, email=f"{id}@example.com", firstName=id.upper())
        made = world.make("oncall/schedules", name="Daily", timezone="UTC")
        self.path = f"oncall/schedules/{made['id']}"
        self.layer = self.add_layer("abc")

    def at(self, text: str) -> datetime:
        """Let it be another instant of April 2025, given as `10T12:00`."""
        self.now = parse_instant(f"2025-04-{text}:00Z")
        return self.now

    def body(self, people: str, **fields: Any) -> dict[str, Any]:
        return {
            "name": people,
            "rotationType": "daily",
            "handoffTime": "09:00",
            "effectiveFrom": "2025-04-01T09:00:00Z",
            "participantIds": list(people),
            **fields,
        }

    def add_layer(self, people: str, **fields: Any) -> str:
        id: str = self.world.make(f"{self.path}/layers", **self.body(people, **fields))["id"]
        return id

    def put_layer(self, id: str, people: str, **fields: Any) -> None:
        answer = self.call("PUT", f"layers/{id}", self.body(people, **fields))
        assert answer.status_code == 200, answer.json

    def span(self, start: str, end: str, **fields: Any) -> dict[str, Any]:
        return {"startsAt": f"2025-04-{start}:00Z", "endsAt": f"2025-04-{end}:00Z", **fields}

    def stand_in(self, start: str, end: str, user: str = "x") -> str:
        body = self.span(start, end, userId=user)
        id: str = self.world.make(f"{self.path}/overrides", **body)["id"]
        return id

    def call(self, method: str, path: str, body: Any = ..., **query: str) -> Any:
        return self.world.call(method, f"{self.path}/{path}", body, **query)

    def shifts(self, start: str, end: str) -> list[str]:
        """Return the shifts of the window, each as `a 10T09:00 11T09:00`."""
        window = {"from": f"2025-04-{start}:00Z", "to": f"2025-04-{end}:00Z"}
        found = self.call("GET", "shifts", **window).json["data"]
        return [brief(target) for target in found]

    def resolved(self, at: str | None = None) -> list[str]:
        query = {"at": f"2025-04-{at}:00Z"} if at else {}
        found = self.call("GET", "resolve", **query).json["data"]["pagingTargets"]
        return [brief(target) for target in found]


def brief(target: dict[str, Any] | None) -> str:
    if target is None:
        return "nobody"
    return f"{target['userId']} {target['startsAt'][8:16]} {target['endsAt'][8:16]}"
