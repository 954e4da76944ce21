"""What an incident's policy would do next, for people who look at it; nothing is changed."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from incident_service.database.engine import Connection
from incident_service.paging.progress import next_layer, target_of
from incident_service.paging.roster import OutOfHours, Roster, Skipped
from incident_service.store import Row, timers


@dataclass(frozen=True, slots=True)
class Coming:
    """A layer that pages next.

    `position`: of the layer. `user_ids`: whom it would page now. `due_at`: when it does so by
    itself, or `None`. `is_again`: whether the policy begins again with it, which nobody can ask
    for.
    """

    position: int
    user_ids: list[str]
    due_at: str | None
    is_again: bool


def coming(db: Connection, incident: Row, *, now: datetime, by_email: bool) -> Coming | None:
    """Return the layer that pages somebody next; `None` if none is left, or without a policy.

    Layers that would page nobody now are passed over. `by_email`: whether users are paged by email
    too.
    """
    policy_id = incident["escalation_policy_id"]
    if policy_id is None or incident["status"] == "resolved":
        return None
    fresh = timers.of_incident(db, incident["org_id"], incident["id"])
    roster = Roster(db, incident["org_id"], now=now, by_email=by_email)
    layers, due_at = roster.layers(policy_id), fresh["timers"].get("layer")
    done: Counter[str] = Counter(fresh["targets_done"])
    found = _first(roster, layers, done)
    if found is not None:
        return Coming(*found, due_at, is_again=False)
    if due_at is not None and done and incident["repeats"] < roster.repeat(policy_id):
        found = _first(roster, layers, Counter())
        if found is not None:
            return Coming(*found, due_at, is_again=True)
    return None


def _first(roster: Roster, layers: list[Row], done: Counter[str]) -> tuple[int, list[str]] | None:
    """Return the first layer that is not done and pages somebody, as firing would choose it."""
    done, is_first_pass, faults = Counter(done), not done, []
    while (layer := next_layer(layers, done)) is not None:
        done[target_of(layer)] += 1
        try:
            return layer["position"], roster.targets(layer)
        except Skipped as fault:
            faults.append(fault)
    if is_first_pass and faults and all(isinstance(fault, OutOfHours) for fault in faults):
        with suppress(Skipped):
            return layers[-1]["position"], roster.targets(layers[-1], at_any_hour=True)
    return None
