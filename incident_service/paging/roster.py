"""Reads whom an organization's policies page and how they are reached, each thing once."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from zoneinfo import ZoneInfo

from incident_service.database.engine import Connection
from incident_service.oncall import hours, schedules
from incident_service.paging.notification_rules import EMAIL, Method, choose
from incident_service.store import (
    Row,
    contact_methods,
    named,
    notification_rules,
    policies,
    users,
)

_log = logging.getLogger("incident_service.paging")


class Skipped(Exception):
    """Raised with the reason why a layer pages nobody at this instant."""


class OutOfHours(Skipped):
    """The layer's condition does not hold."""


class Roster:
    """What firing knows of one organization at one instant, for one transaction.

    Nothing that it reads is changed by firing, so many incidents share it.
    """

    def __init__(self, db: Connection, org_id: str, *, now: datetime, by_email: bool) -> None:
        """`by_email`: whether users are paged by email too."""
        self._db = db
        self._org_id = org_id
        self._now = now
        self._by_email = by_email
        self._layers: dict[str, list[Row]] = {}
        self._on_call: dict[str, list[str]] = {}
        self._within: dict[str, bool | None] = {}
        self._methods: dict[str, list[Method] | None] = {}
        self._rules: dict[str, Row] = {}
        self._admins: list[str] | None = None

    def read_ahead(self, policy_ids: Sequence[str]) -> None:
        """Read all that these policies need, in a few statements however many there are."""
        db, org_id = self._db, self._org_id
        self._layers.update(policies.layers_of(db, org_id, policy_ids))
        layers = [layer for id in policy_ids for layer in self._layers[id]]
        schedule_ids = {layer["schedule_id"] for layer in layers} - {None}
        found = schedules.find_all_resolved(db, org_id, sorted(schedule_ids), self._now)
        for id in schedule_ids:
            self._on_call[id] = _user_ids(found.get(id))
        hours_ids = {layer["working_hours_id"] for layer in layers} - {None}
        rows = named.with_ids(db, "working_hours", org_id, sorted(hours_ids))
        self._within.update(dict.fromkeys(hours_ids))
        self._within.update({row["id"]: self._is_within(row) for row in rows})
        self._read_methods({id for layer in layers for id in self._named_by(layer)})

    def layers(self, policy_id: str) -> list[Row]:
        """Return the policy's layers by position."""
        if policy_id not in self._layers:
            self._layers[policy_id] = policies.layers(self._db, self._org_id, policy_id)
        return self._layers[policy_id]

    def repeat(self, policy_id: str) -> int:
        """Return how many times the policy starts again; a deleted one does not."""
        policy = named.get(self._db, "escalation_policies", self._org_id, policy_id)
        return int(policy["repeat"]) if policy else 0

    def targets(self, layer: Row, *, at_any_hour: bool = False) -> list[str]:
        """Return the users that the layer pages now. Raises `Skipped` if it pages nobody.

        `at_any_hour`: whatever its condition says.
        """
        try:
            if not at_any_hour and not self._condition_holds(layer):
                raise OutOfHours(f"not {layer['working_hours_when']} its working hours")
            user_ids = self.present(self._named_by(layer))
            if not user_ids:
                raise Skipped("nobody is on call")
            if not self.reachable(user_ids):
                raise Skipped("nobody has a way to be reached")
        except Skipped:
            raise
        except Exception as fault:
            if not self._db.in_transaction:
                raise
            _log.exception("a layer could not be resolved", extra={"layerId": layer["id"]})
            raise Skipped("could not be resolved") from fault
        return user_ids

    def first_targets(self, policy_id: str) -> list[str]:
        """Return the users whom the policy would page first now; nobody if it reaches nobody.

        Layers that page nobody are passed over. If that is for their conditions alone, the last
        layer pages anyway (§5).
        """
        layers = self.layers(policy_id)
        faults: list[Skipped] = []
        for layer in layers:
            try:
                return self.targets(layer)
            except Skipped as fault:
                faults.append(fault)
        if faults and all(isinstance(fault, OutOfHours) for fault in faults):
            with suppress(Skipped):
                return self.targets(layers[-1], at_any_hour=True)
        return []

    def _named_by(self, layer: Row) -> Sequence[str]:
        if layer["target_type"] == "users":
            named_users: list[str] = layer["user_ids"]
            return named_users
        return self._on_call_for(layer["schedule_id"])

    def _condition_holds(self, layer: Row) -> bool:
        if layer["working_hours_id"] is None:
            return True
        within = self._is_within_hours(layer["working_hours_id"])
        return within is None or hours.applies(layer["working_hours_when"], within)

    def _on_call_for(self, schedule_id: str) -> list[str]:
        """Return everybody whom the schedule pages; nobody if it is deleted.

        Raises if the schedule cannot be resolved.
        """
        if schedule_id not in self._on_call:
            found = schedules.find_resolved(self._db, self._org_id, schedule_id, self._now)
            self._on_call[schedule_id] = _user_ids(found)
        return self._on_call[schedule_id]

    def _is_within_hours(self, working_hours_id: str) -> bool | None:
        """Whether the instant is within the working hours; `None` if they are deleted."""
        if working_hours_id not in self._within:
            row = named.get(self._db, "working_hours", self._org_id, working_hours_id)
            self._within[working_hours_id] = self._is_within(row) if row else None
        return self._within[working_hours_id]

    def _is_within(self, working_hours: Row) -> bool:
        windows = map(hours.Window.from_json, json.loads(working_hours["windows"]))
        return hours.is_within(ZoneInfo(working_hours["timezone"]), [*windows], self._now)

    def admins(self) -> list[str]:
        """Return the organization's admins, oldest first."""
        if self._admins is None:
            self._admins = [user["id"] for user in users.admins(self._db, self._org_id)]
        return self._admins

    def present(self, user_ids: Sequence[str]) -> list[str]:
        """Return those of the users who are not deleted."""
        self._read_methods(user_ids)
        return [id for id in user_ids if self._methods[id] is not None]

    def reachable(self, user_ids: Sequence[str]) -> list[str]:
        """Return those of the users who have a way to be reached."""
        self._read_methods(user_ids)
        return [id for id in user_ids if self._methods[id]]

    def every_method(self, user_id: str) -> list[Method]:
        """Return every way to page the user, the email address last. A deleted user has none."""
        self._read_methods([user_id])
        return self._methods[user_id] or []

    def methods(self, user_id: str, severity: str) -> list[Method]:
        """Return the methods by which the user's rules page them about a severity, soonest first.

        By default that is every way to page the user.
        """
        every, own = self.every_method(user_id), self._rules.get(user_id)
        return choose(own["rules"] if own else (), severity, every)

    def wants_resolved_notice(self, user_id: str) -> bool:
        """Whether the user is told that an incident is resolved for which they were paged."""
        self._read_methods([user_id])
        own = self._rules.get(user_id)
        return own is None or bool(own["resolved_notice"])

    def _read_methods(self, user_ids: Iterable[str]) -> None:
        unknown = [id for id in user_ids if id not in self._methods]
        if not unknown:
            return
        found = contact_methods.of_users(self._db, self._org_id, unknown)
        self._rules.update(notification_rules.of_users(self._db, self._org_id, unknown))
        email = [EMAIL] if self._by_email else []
        for id in unknown:
            rows = found.get(id)
            self._methods[id] = (
                None if rows is None else [*(Method(row["id"], row["url"]) for row in rows), *email]
            )


def _user_ids(resolved: schedules.Resolved | None) -> list[str]:
    return [target.user_id for target in resolved.paging_targets] if resolved else []
