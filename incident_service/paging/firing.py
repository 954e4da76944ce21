"""Fires what is due for an incident: its owner's page, its policy's layers (contract §5 and §8)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from incident_service import ids
from incident_service.clock import format_instant, parse_instant
from incident_service.database.engine import Connection, savepoint
from incident_service.paging import escalation
from incident_service.paging.fairness import receiver_of
from incident_service.paging.notification_rules import Method, at_once
from incident_service.paging.progress import next_layer, target_of
from incident_service.paging.roster import OutOfHours, Roster, Skipped
from incident_service.paging.turns import in_turn
from incident_service.store import Row, audit, deliveries, incidents, links, progress, timers

_log = logging.getLogger("incident_service.paging")

PAUSE_AFTER_FAULT = timedelta(minutes=1)

SNOOZE_IS_OVER = "the snooze is over"
"""Why an incident was unacknowledged by itself."""

MAX_NAMED = 50
"""The most users that one event of the trail names. It counts the others."""


def fire_due(
    db: Connection, org_ids: Sequence[str], *, now: datetime, by_email: bool, limit: int = 1
) -> str | None:
    """Fire all that is due for up to `limit` incidents, one of each organization in turn.

    In an organization, the incident that has waited longest comes first. Return the organization
    whose turn was last, or `None` if nothing was due. `by_email`: whether users are paged by email
    too.
    """
    rosters = {id: Roster(db, id, now=now, by_email=by_email) for id in org_ids}
    at = format_instant(now)

    def fire_next(org_id: str) -> bool:
        incident = timers.first_due(db, org_id, at)
        if incident is not None:
            _fire(db, incident, rosters[org_id], now)
        return incident is not None

    return in_turn(org_ids, fire_next, limit=limit)


def fire_next_layer(
    db: Connection, incident: Row, *, actor_id: str, details: Row, now: datetime, by_email: bool
) -> bool:
    """Fire the next layer that pages somebody now, because somebody asks for it.

    Return whether there was one: a policy whose layers are used up is not started again. If there
    was none, the caller must undo the write. `details` are added to the layer's event.
    """
    fresh = timers.of_incident(db, incident["org_id"], incident["id"])
    roster = Roster(db, incident["org_id"], now=now, by_email=by_email)
    return _Firing(db, fresh, roster, now).fire_next_layer(actor_id, details)


def ask_for_help(
    db: Connection, incident: Row, user_ids: Sequence[str], *, now: datetime, by_email: bool
) -> None:
    """Page users who are asked to help with an incident, each once."""
    fresh = timers.of_incident(db, incident["org_id"], incident["id"])
    roster = Roster(db, incident["org_id"], now=now, by_email=by_email)
    _Firing(db, fresh, roster, now).ask_for_help(user_ids)


def _fire(db: Connection, incident: Row, roster: Roster, now: datetime) -> None:
    try:
        with savepoint(db):
            _Firing(db, incident, roster, now).run()
    except Exception:
        if not db.in_transaction:
            raise
        # One incident that fails must not hold up all the others.
        _log.exception(
            "an incident's timers could not be fired", extra={"incidentId": incident["id"]}
        )
        timers.postpone(db, incident, until=format_instant(now + PAUSE_AFTER_FAULT))


class _Firing:
    """Fires what is due for one incident at one instant, and pages nobody twice."""

    def __init__(self, db: Connection, incident: Row, roster: Roster, now: datetime) -> None:
        """`incident`: as `timers.first_due` returns it."""
        self._db = db
        self._incident = incident
        self._roster = roster
        self._at = format_instant(now)
        self._is_paged = bool(incident["is_paged"])
        self._moments: dict[tuple[str, str | None, str], Row] = {
            (page["user_id"], page["contact_method_id"], max(page["due_at"], self._at)): page
            for page in incident["pages_waiting"]
        }
        self._unreachable: set[str] = set()
        self._done: dict[str, int] = incident["targets_done"]
        policy_id = incident["escalation_policy_id"]
        self._layers = [] if policy_id is None else roster.layers(policy_id)
        self._deliveries: list[Row] = []
        self._actor_id: str | None = None
        self._layer_details: Row = {}

    def run(self) -> None:
        """Fire what is due."""
        due_at: dict[timers.Kind, str | None] = self._incident["timers"]
        due = {kind for kind, at in due_at.items() if at is not None and at <= self._at}
        timers.delete(self._db, self._incident, *due - {"layer"})
        if "snooze" in due:
            self._end_snooze(due_at["snooze"] or self._at)
            due = due - {"notice"} | {"owner"}
        if "notice" in due:
            self._notify_owner()
        if "resolved" in due:
            self._tell_of_resolution()
        if "owner" in due and self._incident["owner_id"] is not None:
            since = due_at.get("owner") or due_at.get("snooze") or self._at
            self._page(self._incident["owner_id"], layer_position=None, since=since)
        waits = "layer" in due_at
        if waits and ("layer" in due or self._has_nothing_to_wait_for("owner" in due)):
            waits = self._fire_layer(due_at["layer"] or self._at)
        if not waits and due & {"owner", "layer"} and not self._is_paged:
            self._page_admins()
        self._send()

    def fire_next_layer(self, actor_id: str, details: Row) -> bool:
        """Fire the next layer that pages somebody now; return whether there was one."""
        self._actor_id, self._layer_details = actor_id, details
        is_fired = self._fire_rest_of_round(self._at)
        self._send()
        return is_fired

    def ask_for_help(self, user_ids: Sequence[str]) -> None:
        """Page users to help, whatever else is on its way to them."""
        for user_id in user_ids:
            self._page(user_id, layer_position=None, since=self._at, kind="help")
        self._send()

    def _send(self) -> None:
        deliveries.insert(self._db, self._deliveries)
        if self._is_paged and not self._incident["is_paged"]:
            incidents.update(
                self._db, self._incident["org_id"], self._incident["id"], {"is_paged": 1}
            )

    def _has_nothing_to_wait_for(self, owner_was_due: bool) -> bool:
        """Whether the owner cannot be reached, nobody works on it and no layer is left."""
        return (
            owner_was_due
            and not self._is_paged
            and self._incident["acknowledged_at"] is None
            and self._next_layer() is None
        )

    def _next_layer(self) -> Row | None:
        return next_layer(self._layers, self._done)

    def _fire_layer(self, due_at: str) -> bool:
        """Fire the next layer that pages somebody; return whether there was one.

        A policy that is used up starts again as often as its `repeat` says. It does not if nobody
        was paged in the round that is over: a new one would be over at the same instant (§5).
        """
        somebody_was_paged = bool(self._done)
        if self._fire_rest_of_round(due_at):
            return True
        if somebody_was_paged and self._start_again() and self._fire_rest_of_round(due_at):
            return True
        timers.delete(self._db, self._incident, "layer")
        self._record("escalation_exhausted", {})
        return False

    def _start_again(self) -> bool:
        """Begin the policy's next round; return `False` if there is none left."""
        policy_id, repeats = self._incident["escalation_policy_id"], self._incident["repeats"]
        if repeats >= self._roster.repeat(policy_id):
            return False
        self._incident["repeats"] = repeats + 1
        changes = {"repeats": repeats + 1}
        incidents.update(self._db, self._incident["org_id"], self._incident["id"], changes)
        progress.delete(self._db, self._incident)
        self._done.clear()
        return True

    def _fire_rest_of_round(self, due_at: str) -> bool:
        faults: list[Skipped] = []
        is_first_pass = not self._done
        while (layer := self._next_layer()) is not None:
            self._mark_done(layer)
            try:
                user_ids = self._roster.targets(layer)
            except Skipped as fault:
                self._skip(layer, fault)
                faults.append(fault)
                continue
            self._escalate(layer, user_ids, due_at)
            return True
        if is_first_pass and faults and all(isinstance(fault, OutOfHours) for fault in faults):
            # Conditions may skip some layers, but never all of them (§5).
            last = self._layers[-1]
            try:
                user_ids = self._roster.targets(last, at_any_hour=True)
            except Skipped as fault:
                self._skip(last, fault)
            else:
                self._escalate(last, user_ids, due_at, conditionIgnored=True)
                return True
        return False

    def _mark_done(self, layer: Row) -> None:
        target = target_of(layer)
        self._done[target] = self._done.get(target, 0) + 1
        progress.put(self._db, self._incident, target, done=self._done[target])

    def _skip(self, layer: Row, fault: Skipped) -> None:
        self._record("layer_skipped", {"position": layer["position"], "reason": str(fault)})

    def _escalate(self, layer: Row, user_ids: list[str], due_at: str, **details: bool) -> None:
        position, seconds = layer["position"], layer["escalate_after_seconds"]
        told = {"position": position, "userIds": user_ids, **details, **self._layer_details}
        if self._incident["repeats"]:
            told["repeat"] = self._incident["repeats"]
        self._record("layer_escalated", told, actor_id=self._actor_id)
        for user_id in user_ids:
            self._page(user_id, layer_position=position, since=due_at)
        # Counted from when it was due, not from now, so that overdue layers follow in order.
        next_at = format_instant(parse_instant(due_at) + timedelta(seconds=seconds))
        timers.put(self._db, self._incident, "layer", wait_seconds=seconds, due_at=next_at)

    def _notify_owner(self) -> None:
        owner_id = self._incident["owner_id"]
        if owner_id is not None:
            for method in self._methods_at_once(owner_id):
                self._deliver(owner_id, method, kind="acknowledged")

    def _tell_of_resolution(self) -> None:
        """Tell everybody who was paged that it is resolved, but for whoever resolved it (§8).

        Each is told by the methods that took a page about it, whatever their rules say by now. If
        none of these is left, they are told by those that a page would use at once.
        """
        org_id, id = self._incident["org_id"], self._incident["id"]
        resolver = incidents.last_status(self._db, org_id, id)["changed_by"]
        pages = audit.latest_pages(self._db, org_id, id)
        took = {
            (page["details"]["userId"], page["details"]["contactMethodId"])
            for page in pages
            if page["event"] == "page_sent"
        }
        for user_id in links.user_ids(self._db, org_id, id):
            if user_id != resolver and self._roster.wants_resolved_notice(user_id):
                every = self._roster.every_method(user_id)
                paged_by = [method for method in every if (user_id, method.id) in took]
                for method in paged_by or self._methods_at_once(user_id):
                    self._deliver(user_id, method, kind="resolved")

    def _methods_at_once(self, user_id: str) -> list[Method]:
        return at_once(self._roster.methods(user_id, self._incident["severity"]))

    def _end_snooze(self, due_at: str) -> None:
        """Let the incident be unacknowledged again, and the current layer's time start again.

        As after a handoff, somebody must be paged again.
        """
        at = max(self._at, self._incident["updated_at"])  # a clock may be set back
        changes = {**incidents.UNACKNOWLEDGED, "is_paged": 0, "updated_at": at}
        incidents.update(self._db, self._incident["org_id"], self._incident["id"], changes)
        self._incident.update(changes)
        self._is_paged = False
        self._record("incident_unacknowledged", {"reason": SNOOZE_IS_OVER})
        escalation.resume(self._db, self._incident, now=parse_instant(due_at))

    def _page_admins(self) -> None:
        """Page every admin who can be reached, because nobody else could be (§5).

        If no admin can be reached, the trail says so for each of them.
        """
        admins = self._roster.admins()
        reached = self._roster.reachable(admins)
        if reached:
            details: Row = {"userIds": reached[:MAX_NAMED]}
            if len(reached) > MAX_NAMED:
                details["more"] = len(reached) - MAX_NAMED
            self._record("last_resort_paged", details)
        for id in reached or admins[:MAX_NAMED]:
            self._page(id, layer_position=None, since=self._at)

    def _page(
        self,
        user_id: str,
        *,
        layer_position: int | None,
        since: str,
        kind: Literal["page", "help"] = "page",
    ) -> None:
        """Page the user as their rules say, by each method once at a moment.

        Delays count from when the page was due (`since`), not from now, so that what falls due
        together is one page. One that asks for help is always made, and takes no other's place:
        each is called off for reasons of its own.
        """
        methods = self._methods_of_page(user_id, kind)
        for method in methods:
            due = parse_instant(min(since, self._at)) + timedelta(minutes=method.delay_minutes)
            due_at = max(format_instant(due), self._at)
            moment = user_id, method.id, due_at
            if kind == "page" and moment in self._moments:
                self._give_to_layer(self._moments[moment], layer_position)
                continue
            page = self._deliver(
                user_id, method, kind=kind, layer_position=layer_position, due_at=due_at
            )
            if kind == "page":
                self._moments[moment] = page
        if not methods and user_id not in self._unreachable:
            self._unreachable.add(user_id)
            details = {
                "userId": user_id,
                "layer": layer_position,
                "contactMethodId": None,
                "reason": "has no way to be reached",
                "attempt": 0,
                "willRetry": False,
            }
            self._record("page_failed", details)
        self._is_paged = self._is_paged or bool(methods)

    def _give_to_layer(self, page: Row, layer_position: int | None) -> None:
        """Let the page be the layer's too, so that a handoff does not call it off."""
        if layer_position is not None and page["layer_position"] is None:
            page["layer_position"] = layer_position
            # If it is new, it is not there yet, and this changes nothing.
            deliveries.update_layer(self._db, self._incident["org_id"], page["id"], layer_position)

    def _methods_of_page(self, user_id: str, kind: Literal["page", "help"]) -> list[Method]:
        """Return the methods that a page to the user goes by, with their delays.

        What is delayed would never be sent about an acknowledged incident. So if it is, the page
        goes at once; and if all is delayed, a page that asks for help does.
        """
        methods = self._roster.methods(user_id, self._incident["severity"])
        is_all_delayed = all(method.delay_minutes for method in methods)
        if self._incident["acknowledged_at"] or (kind == "help" and is_all_delayed):
            return at_once(methods)
        return methods

    def _deliver(
        self,
        user_id: str,
        method: Method,
        *,
        kind: Literal["page", "help", "acknowledged", "resolved"],
        layer_position: int | None = None,
        due_at: str | None = None,
    ) -> Row:
        delivery: Row = {
            "org_id": self._incident["org_id"],
            "id": ids.new_id(),
            "incident_id": self._incident["id"],
            "user_id": user_id,
            "layer_position": layer_position,
            "contact_method_id": method.id,
            "delay_minutes": method.delay_minutes,
            "kind": kind,
            "receiver": receiver_of(method.url),
            "created_at": self._at,
            "due_at": due_at or self._at,
        }
        self._deliveries.append(delivery)
        return delivery

    def _record(self, event: audit.Event, details: Row, *, actor_id: str | None = None) -> None:
        audit.append(self._db, self._incident, event, details, actor_id=actor_id, at=self._at)
