"""People who can be reached, policies that page them, and instants of a test's choice."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from incident_service.clock import format_instant, parse_instant
from incident_service.incidents import lifecycle, opening
from incident_service.paging import delivery, firing
from incident_service.paging.lookout import Lookout
from incident_service.paging.page import Message, Outcome, Page
from incident_service.people.caller import Caller
from tests.helpers.clocks import write_at
from tests.helpers.world import World

START = parse_instant("2025-04-02T10:00:00Z")  # a Wednesday


SENT = Outcome(True)


FAILED = Outcome(False, "503 Service Unavailable")


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


class Rota:
    """An organization with people who can be reached, and a clock of its own."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.caller = Caller(world.made.org_id, "key", None, "org:admin")
        for id in "abcxy":
            world.make("users", id=id, email=f"{id}@example.com")
            if id != "y":
                self.reach(id)
        self.schedule = self.make_schedule("Rota", "a")

    def reach(self, id: str, label: str = "hook") -> str:
        body = {"label": label, "url": f"https://example.com/{id}/{label}"}
        method: str = self.world.make(f"users/{id}/contact-methods", **body)["id"]
        return method

    def make_schedule(self, name: str, *layers: str, since: datetime = START) -> str:
        id: str = self.world.make("oncall/schedules", name=name, timezone="UTC")["id"]
        for people in layers:
            self.world.make(
                f"oncall/schedules/{id}/layers",
                name=people,
                rotationType="weekly",
                handoffTime="10:00",
                effectiveFrom=format_instant(since),
                participantIds=list(people),
            )
        return id

    def policy(self, *targets: Any, minutes: int = 5, **condition: Any) -> str:
        """A policy with a layer for each target: a schedule's id, or a list of users."""
        steps = [self.step(target, minutes) for target in targets]
        if condition:
            steps[0]["condition"] = condition
        name = f"policy {self.world.rows('SELECT count(*) AS n FROM escalation_policies')}"
        id: str = self.world.make("escalation/policies", name=name, steps=steps)["id"]
        return id

    def step(self, target: Any, minutes: int = 5) -> dict[str, Any]:
        if isinstance(target, str):
            of = {"targetType": "schedule", "targetId": target}
        else:
            of = {"targetType": "users", "userIds": target}
        return {**of, "escalateAfterSeconds": 60 * minutes}

    def open(self, policy: str | None, owner: str | None = None) -> str:
        new = opening.NewIncident("t", "low", owner_id=owner, escalation_policy_id=policy)
        opened = write_at(START, self.world.database, opening.open_incident, self.caller, new)
        id: str = opened["id"]
        return id

    def fire(self, minutes: float, *, by_email: bool = False) -> list[str]:
        """Fire all that is due by then; return who is paged by it, as `user/layer`."""
        before = {row["id"] for row in self.deliveries()}
        org_id, instant, database = self.caller.org_id, at(minutes), self.world.database
        while write_at(instant, database, firing.fire_due, [org_id], by_email=by_email):
            pass
        found = [row for row in self.deliveries() if row["id"] not in before]
        return [f"{row['user_id']}/{row['layer_position'] or 'owner'}" for row in found]

    def deliveries(self) -> list[dict[str, Any]]:
        return self.world.rows("SELECT * FROM deliveries ORDER BY id")

    def claim(self, minutes: float, limit: int = 100) -> list[delivery.Delivery]:
        with self.world.database.read() as db:
            due = Lookout().due(db, at=format_instant(at(minutes)), each=limit)
        return write_at(
            at(minutes),
            self.world.database,
            delivery.claim,
            [(row["org_id"], row["id"]) for row in due[:limit]],
            base_url="https://oncall.example.com",
            by_email=False,
        )

    def deliver(self, minutes: float, outcome: Outcome = SENT) -> int:
        taken = self.claim(minutes)
        for each in taken:
            self.record(minutes, each, outcome)
        return len(taken)

    def record(self, minutes: float, taken: delivery.Delivery, outcome: Outcome) -> None:
        write_at(at(minutes), self.world.database, delivery.record, taken, outcome, jitter=0.0)

    def trail(self, id: str) -> list[tuple[str, dict[str, Any]]]:
        found = self.world.call("GET", f"incidents/{id}").json["data"]["auditTrail"]
        return [(event["event"], event["details"]) for event in found]

    def events(self, id: str) -> list[str]:
        return [event for event, _ in self.trail(id)]


def page_of(taken: delivery.Delivery) -> Page:
    """Return the page that a delivery carries."""
    assert isinstance(taken.message, Page)
    return taken.message


def message_of(taken: delivery.Delivery) -> Message:
    """Return the message to a user that a delivery carries."""
    assert isinstance(taken.message, Message)
    return taken.message


def hand_off(rota: Rota, id: str, to: str, minutes: float) -> None:
    write_at(at(minutes), rota.world.database, lifecycle.hand_off, rota.caller, id, to)
