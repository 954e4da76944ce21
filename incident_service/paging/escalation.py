"""What of an incident is due, and firing it: its owner's page and its policy's layers (§8).

Timers live in the database and change in the transaction of what changes them, so any number of
paging processes may fire them: each exactly once, and none is forgotten over a restart.
"""

from __future__ import annotations

import json
import logging
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from incident_service import hours, ids, schedules
from incident_service.clock import format_instant, parse_instant
from incident_service.db import Connection, savepoint
from incident_service.paging import delivery
from incident_service.store import (
    Row,
    audit,
    contact_methods,
    deliveries,
    incidents,
    named,
    policies,
    timers,
    users,
)

_log = logging.getLogger("incident_service.paging")

PAUSE_AFTER_FAULT = timedelta(minutes=1)


def begin(db: Connection, incident: Row) -> None:
    """Let an incident that is being opened page its owner and its policy's first layer at once."""
    due: dict[timers.Kind, int | None] = {}
    if incident["owner_id"] is not None:
        due["owner"] = None
    if incident["escalation_policy_id"] is not None:
        due["layer"] = 1
    timers.insert(db, incident, due, due_at=incident["created_at"])


def stop(db: Connection, incident: Row) -> None:
    """Page nobody more for now: somebody has acknowledged the incident."""
    deliveries.delete_of_incident(db, incident["org_id"], incident["id"])
    found = timers.of_incident(db, incident["org_id"], incident["id"])
    if "owner" in found:
        timers.delete(db, incident, "owner")
    if "layer" in found:
        timers.put(db, incident, "layer", position=found["layer"]["position"], due_at=None)


def end(db: Connection, incident: Row) -> None:
    """Forget the incident's timers: it is resolved."""
    stop(db, incident)
    timers.delete(db, incident, "layer")


def restart(db: Connection, incident: Row, *, now: datetime) -> None:
    """Page the new owner at once, and start the timer of the current layer again.

    There is none to start where the layers are used up.
    """
    stop(db, incident)
    timers.put(db, incident, "owner", due_at=format_instant(now))
    timer = timers.of_incident(db, incident["org_id"], incident["id"]).get("layer")
    if timer is not None:
        layers = policies.layers(db, incident["org_id"], incident["escalation_policy_id"])
        current = layers[timer["position"] - 2 : timer["position"] - 1]  # none before the first
        seconds = current[0]["escalate_after_seconds"] if timer["position"] > 1 and current else 0
        due_at = format_instant(now + timedelta(seconds=seconds))
        timers.put(db, incident, "layer", position=timer["position"], due_at=due_at)


def fire_due(db: Connection, org_id: str, *, now: datetime, by_email: bool) -> bool:
    """Fire all that is due of the incident that waits longest; return whether there was one.

    Of those of the organization: which organization has its turn is the caller's affair.
    `by_email`: whether a user without a contact method can be reached at their email address.
    """
    incident_id = timers.first_due(db, org_id, format_instant(now))
    if incident_id is None:
        return False
    incident = incidents.get(db, org_id, incident_id)
    assert incident is not None  # a foreign key
    try:
        with savepoint(db):
            _Firing(db, incident, now, by_email).run()
    except Exception:
        if not db.in_transaction:
            raise
        # One incident that cannot be fired must not keep all others from it.
        _log.exception("an incident could not be fired", extra={"incidentId": incident["id"]})
        timers.put_off(db, incident, until=format_instant(now + PAUSE_AFTER_FAULT))
    return True


class _Firing:
    """Firing what is due of one incident at one instant. Nobody is paged twice by it."""

    def __init__(self, db: Connection, incident: Row, now: datetime, by_email: bool) -> None:
        self._db = db
        self._incident = incident
        self._org_id: str = incident["org_id"]
        self._now = now
        self._at = format_instant(now)
        self._by_email = by_email
        self._paged = deliveries.untried_user_ids(db, self._org_id, incident["id"])

    def run(self) -> None:
        found = timers.of_incident(self._db, self._org_id, self._incident["id"])
        due = {kind: t for kind, t in found.items() if t["due_at"] and t["due_at"] <= self._at}
        if "owner" in due:
            timers.delete(self._db, self._incident, "owner")
            self._page(self._incident["owner_id"], layer_position=None)
        if "layer" in due:
            self._fire_layer(due["layer"])

    def _fire_layer(self, timer: Row) -> None:
        """Fire the first layer from the timer's position on that takes part."""
        layers = policies.layers(self._db, self._org_id, self._incident["escalation_policy_id"])
        for layer in layers[timer["position"] - 1 :]:
            try:
                user_ids, reason = self._targets(layer)
            except Exception:
                _log.exception("a layer could not be resolved", extra={"layerId": layer["id"]})
                user_ids, reason = [], "could not be resolved"
            if reason is not None:
                details = {"position": layer["position"], "reason": reason}
                self._record("layer_skipped", details)
                continue
            self._record("layer_escalated", {"position": layer["position"], "userIds": user_ids})
            for user_id in user_ids:
                self._page(user_id, layer_position=layer["position"])
            # From when it was due, not from now: what fell due meanwhile follows in order.
            wait = timedelta(seconds=layer["escalate_after_seconds"])
            due_at = format_instant(parse_instant(timer["due_at"]) + wait)
            position = layer["position"] + 1
            timers.put(self._db, self._incident, "layer", position=position, due_at=due_at)
            return
        timers.delete(self._db, self._incident, "layer")
        self._record("escalation_exhausted", {})

    def _targets(self, layer: Row) -> tuple[list[str], str | None]:
        """Return whom the layer pages at this instant, or why it is passed over."""
        if not self._condition_holds(layer):
            return [], f"not {layer['working_hours_when']} its working hours"
        user_ids = layer["user_ids"]
        if layer["target_type"] == "schedule":
            schedule = named.get(self._db, "schedules", self._org_id, layer["schedule_id"])
            answer = schedules.on_call(self._db, schedule, self._now) if schedule else None
            user_ids = [target.user_id for target in answer.paging_targets] if answer else []
        user_ids = [id for id in user_ids if users.get(self._db, self._org_id, id)]
        if not user_ids:
            return [], "nobody is on call"
        if not any(self._can_be_reached(id) for id in user_ids):
            return [], "nobody has a way to be reached"
        return user_ids, None

    def _condition_holds(self, layer: Row) -> bool:
        if layer["working_hours_id"] is None:
            return True
        found = named.get(self._db, "working_hours", self._org_id, layer["working_hours_id"])
        if found is None:
            return True
        windows = [hours.Window.from_json(window) for window in json.loads(found["windows"])]
        within = hours.is_within(ZoneInfo(found["timezone"]), windows, self._now)
        return hours.applies(layer["working_hours_when"], within)

    def _can_be_reached(self, user_id: str) -> bool:
        return self._by_email or bool(contact_methods.of_user(self._db, self._org_id, user_id))

    def _page(self, user_id: str, *, layer_position: int | None) -> None:
        """Send the user a page by each of their contact methods, unless one is about to leave."""
        if user_id in self._paged:
            return
        self._paged.add(user_id)
        found = contact_methods.of_user(self._db, self._org_id, user_id)
        methods: list[tuple[str | None, str | None]] = [(row["id"], row["url"]) for row in found]
        if not methods and self._by_email:
            methods = [(None, None)]
        if not methods:
            details = {
                "userId": user_id,
                "layer": layer_position,
                "contactMethodId": None,
                "reason": "has no way to be reached",
                "attempt": 0,
                "willRetry": False,
            }
            self._record("page_failed", details)
        for method_id, url in methods:
            deliveries.insert(
                self._db,
                {
                    "org_id": self._org_id,
                    "id": ids.new_id(),
                    "incident_id": self._incident["id"],
                    "user_id": user_id,
                    "layer_position": layer_position,
                    "contact_method_id": method_id,
                    "receiver": delivery.receiver(url),
                    "created_at": self._at,
                },
            )

    def _record(self, event: str, details: Row) -> None:
        audit.append(self._db, self._incident, event, details, actor_id=None, at=self._at)
