"""Decides what is due for an incident, and fires it: its owner's page, its policy's layers (§8).

Timers live in the database and change in the transaction of what changes them, so any number of
paging processes may fire them: each exactly once, and none is forgotten over a restart.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from incident_service import ids
from incident_service.clock import format_instant, parse_instant
from incident_service.database.file import Connection, savepoint
from incident_service.oncall import hours, schedules
from incident_service.paging.fairness import receiver_of
from incident_service.paging.progress import next_layer, target_of
from incident_service.store import (
    Row,
    audit,
    contact_methods,
    deliveries,
    incidents,
    named,
    policies,
    progress,
    timers,
    users,
)

_log = logging.getLogger("incident_service.paging")

PAUSE_AFTER_FAULT = timedelta(minutes=1)

_Method = tuple[str | None, str | None]
"""A way to page a user: a contact method's id and URL, or neither for their email address."""

MAX_NAMED = 50
"""The most users that one event of the trail names. It counts the others."""


def begin(db: Connection, incident: Row) -> None:
    """Let a new incident page its owner and its policy's first layer at once.

    If there is neither an owner nor a policy, the owner's timer is set all the same, and pages the
    admins.
    """
    waits: dict[timers.Kind, int | None] = {}
    if incident["owner_id"] is not None or incident["escalation_policy_id"] is None:
        waits["owner"] = None
    if incident["escalation_policy_id"] is not None:
        waits["layer"] = 0
    timers.insert(db, incident, waits, due_at=incident["created_at"])


def stop(db: Connection, incident: Row) -> None:
    """Page nobody else for now, because somebody has acknowledged the incident."""
    deliveries.delete_pages(db, incident["org_id"], incident["id"])
    timers.stop(db, incident)


def end(db: Connection, incident: Row) -> None:
    """Page nobody else, because the incident is resolved."""
    stop(db, incident)
    timers.delete(db, incident, "layer")
    progress.delete(db, incident)


def restart(db: Connection, org_id: str, incident_ids: Sequence[str], *, now: datetime) -> None:
    """Page the new owner of incidents at once, and start the timers of the current layers again.

    There is none to start once the layers are used up. What is on its way to the former owner is
    called off, and nothing else.
    """
    deliveries.delete_for_owners(db, org_id, incident_ids)
    timers.call_owners(db, org_id, incident_ids, at=format_instant(now))
    timers.restart_layers(db, org_id, incident_ids, now=now)


def tell_owner(db: Connection, incident: Row, *, now: datetime) -> None:
    """Send the owner a notice that somebody else has acknowledged the incident."""
    timers.put(db, incident, "notice", due_at=format_instant(now))


def fire_due(db: Connection, org_id: str, *, now: datetime, by_email: bool) -> bool:
    """Fire all that is due for the organization's incident that has waited longest.

    Return whether there was one. `by_email`: whether users are paged by email too.
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
        # One incident that fails must not hold up all the others.
        _log.exception(
            "an incident's timers could not be fired", extra={"incidentId": incident["id"]}
        )
        timers.postpone(db, incident, until=format_instant(now + PAUSE_AFTER_FAULT))
    return True


class _Skipped(Exception):
    """Raised with the reason why a layer pages nobody at this instant."""


class _OutOfHours(_Skipped):
    """The layer's condition does not hold."""


class _Firing:
    """Fires what is due for one incident at one instant, and pages nobody twice."""

    def __init__(self, db: Connection, incident: Row, now: datetime, by_email: bool) -> None:
        self._db = db
        self._incident = incident
        self._org_id: str = incident["org_id"]
        self._now = now
        self._at = format_instant(now)
        self._by_email = by_email
        self._is_paged = bool(incident["is_paged"])
        self._users_paged = deliveries.untried_user_ids(db, self._org_id, incident["id"])
        self._layers = (
            policies.layers(db, self._org_id, incident["escalation_policy_id"])
            if incident["escalation_policy_id"] is not None
            else []
        )
        self._done = progress.of_incident(db, incident)

    def run(self) -> None:
        by_kind = timers.of_incident(self._db, self._org_id, self._incident["id"])
        due = {kind for kind, t in by_kind.items() if t["due_at"] and t["due_at"] <= self._at}
        if "notice" in due:
            timers.delete(self._db, self._incident, "notice")
            self._notify_owner()
        if "owner" in due:
            timers.delete(self._db, self._incident, "owner")
            if self._incident["owner_id"] is not None:
                self._page(self._incident["owner_id"], layer_position=None)
        layer = by_kind.get("layer")
        if layer is not None and ("layer" in due or self._has_nothing_to_wait_for("owner" in due)):
            layer = layer if self._fire_layer(layer["due_at"]) else None
        if layer is None and due & {"owner", "layer"} and not self._is_paged:
            self._page_admins()

    def _has_nothing_to_wait_for(self, owner_was_due: bool) -> bool:
        """Whether a new owner cannot be reached and no layer is left."""
        return owner_was_due and not self._is_paged and self._next_layer() is None

    def _next_layer(self) -> Row | None:
        return next_layer(self._layers, self._done)

    def _fire_layer(self, due_at: str) -> bool:
        """Fire the next layer that pages somebody; return whether there was one."""
        faults: list[_Skipped] = []
        is_first_pass = not self._done
        while (layer := self._next_layer()) is not None:
            self._mark_done(layer)
            try:
                user_ids = self._targets(layer)
            except _Skipped as fault:
                self._skip(layer, fault)
                faults.append(fault)
                continue
            self._escalate(layer, user_ids, due_at)
            return True
        if is_first_pass and faults and all(isinstance(fault, _OutOfHours) for fault in faults):
            # Conditions may skip some layers, but never all of them (§5).
            last = self._layers[-1]
            try:
                user_ids = self._targets(last, at_any_hour=True)
            except _Skipped as fault:
                self._skip(last, fault)
            else:
                self._escalate(last, user_ids, due_at, conditionIgnored=True)
                return True
        timers.delete(self._db, self._incident, "layer")
        self._record("escalation_exhausted", {})
        return False

    def _mark_done(self, layer: Row) -> None:
        target = target_of(layer)
        self._done[target] = self._done.get(target, 0) + 1
        progress.put(self._db, self._incident, target, done=self._done[target])

    def _skip(self, layer: Row, fault: _Skipped) -> None:
        self._record("layer_skipped", {"position": layer["position"], "reason": str(fault)})

    def _escalate(self, layer: Row, user_ids: list[str], due_at: str, **details: bool) -> None:
        position, seconds = layer["position"], layer["escalate_after_seconds"]
        self._record("layer_escalated", {"position": position, "userIds": user_ids, **details})
        for user_id in user_ids:
            self._page(user_id, layer_position=position)
        # Counted from when it was due, not from now, so that overdue layers follow in order.
        next_at = format_instant(parse_instant(due_at) + timedelta(seconds=seconds))
        timers.put(self._db, self._incident, "layer", wait_seconds=seconds, due_at=next_at)

    def _targets(self, layer: Row, *, at_any_hour: bool = False) -> list[str]:
        """Return the users that the layer pages now. Raises `_Skipped` if it pages nobody."""
        try:
            if not at_any_hour and not self._condition_holds(layer):
                raise _OutOfHours(f"not {layer['working_hours_when']} its working hours")
            user_ids = [id for id in self._named_by(layer) if users.get(self._db, self._org_id, id)]
            if not user_ids:
                raise _Skipped("nobody is on call")
            if not any(self._methods(id) for id in user_ids):
                raise _Skipped("nobody has a way to be reached")
        except _Skipped:
            raise
        except Exception as fault:
            if not self._db.in_transaction:
                raise
            _log.exception("a layer could not be resolved", extra={"layerId": layer["id"]})
            raise _Skipped("could not be resolved") from fault
        return user_ids

    def _named_by(self, layer: Row) -> Sequence[str]:
        if layer["target_type"] == "users":
            named_users: list[str] = layer["user_ids"]
            return named_users
        schedule = named.get(self._db, "schedules", self._org_id, layer["schedule_id"])
        answer = schedules.on_call(self._db, schedule, self._now) if schedule else None
        return [target.user_id for target in answer.paging_targets] if answer else []

    def _condition_holds(self, layer: Row) -> bool:
        if layer["working_hours_id"] is None:
            return True
        working_hours = named.get(
            self._db, "working_hours", self._org_id, layer["working_hours_id"]
        )
        if working_hours is None:
            return True
        windows = [
            hours.Window.from_json(window) for window in json.loads(working_hours["windows"])
        ]
        within = hours.is_within(ZoneInfo(working_hours["timezone"]), windows, self._now)
        return hours.applies(layer["working_hours_when"], within)

    def _methods(self, user_id: str) -> list[_Method]:
        """Return every way to page the user, the email address last."""
        if users.get(self._db, self._org_id, user_id) is None:
            return []
        rows = contact_methods.of_user(self._db, self._org_id, user_id)
        methods: list[_Method] = [(row["id"], row["url"]) for row in rows]
        return [*methods, (None, None)] if self._by_email else methods

    def _notify_owner(self) -> None:
        owner_id = self._incident["owner_id"]
        if owner_id is not None:
            for method in self._methods(owner_id):
                self._deliver(owner_id, method, kind="acknowledged", layer_position=None)

    def _page_admins(self) -> None:
        """Page every admin who can be reached, because nobody else could be (§5).

        If no admin can be reached, the trail says so for each of them.
        """
        admins = [user["id"] for user in users.admins(self._db, self._org_id)]
        reached = [id for id in admins if self._methods(id)]
        if reached:
            details: Row = {"userIds": reached[:MAX_NAMED]}
            if len(reached) > MAX_NAMED:
                details["more"] = len(reached) - MAX_NAMED
            self._record("last_resort_paged", details)
        for id in reached or admins[:MAX_NAMED]:
            self._page(id, layer_position=None)

    def _page(self, user_id: str, *, layer_position: int | None) -> None:
        """Page the user by each of their methods, unless a page to them is about to leave."""
        if user_id in self._users_paged:
            return
        self._users_paged.add(user_id)
        methods = self._methods(user_id)
        for method in methods:
            self._deliver(user_id, method, kind="page", layer_position=layer_position)
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
        elif not self._is_paged:
            self._is_paged = True
            incidents.update(self._db, self._org_id, self._incident["id"], {"is_paged": 1})

    def _deliver(
        self,
        user_id: str,
        method: _Method,
        *,
        kind: Literal["page", "acknowledged"],
        layer_position: int | None,
    ) -> None:
        method_id, url = method
        deliveries.insert(
            self._db,
            {
                "org_id": self._org_id,
                "id": ids.new_id(),
                "incident_id": self._incident["id"],
                "user_id": user_id,
                "layer_position": layer_position,
                "contact_method_id": method_id,
                "kind": kind,
                "receiver": receiver_of(url),
                "created_at": self._at,
            },
        )

    def _record(self, event: audit.Event, details: Row) -> None:
        audit.append(self._db, self._incident, event, details, actor_id=None, at=self._at)
