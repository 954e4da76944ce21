"""What is open now, and what of it waits for one user, for their home page (contract §11).

A bounded number of statements and rows, however many incidents there are.
"""

from __future__ import annotations

from dataclasses import dataclass

from incident_service.database.engine import Connection
from incident_service.people import actors
from incident_service.people.caller import Caller
from incident_service.severity import SEVERITIES
from incident_service.store import Row, incidents, open_incidents

MAX_WAITING = 20
"""How many incidents that wait for the user are told; more are counted among the others."""

MAX_OTHERS = 20

MAX_COUNTED = 1000
"""How far open incidents are counted."""


@dataclass(frozen=True, slots=True)
class OpenNow:
    """What is open: provisional incidents too, which their `is_provisional` says."""

    waiting: list[Row]
    """What the user owns and nobody has acknowledged, or was asked to help with: worst first."""
    has_more_waiting: bool
    others: list[Row]
    """The worst of the rest."""
    count: int
    """How many are open, all together, as far as they are counted."""
    is_counted_in_full: bool
    names: dict[str, str]
    """What their owners, and whoever acknowledged them, are called, by id."""

    @property
    def omitted(self) -> int:
        """How many are neither in `waiting` nor in `others`."""
        return self.count - len(self.waiting) - len(self.others)


def look(db: Connection, caller: Caller, user_id: str) -> OpenNow:
    """Return what is open now."""
    org_id = caller.org_id
    found = [
        *open_incidents.waiting_for_owner(db, org_id, user_id, limit=MAX_WAITING + 1),
        *open_incidents.waiting_for_help(db, org_id, user_id, limit=MAX_WAITING + 1),
    ]
    waiting = sorted(found, key=_badness)[:MAX_WAITING]
    ids = {incident["id"] for incident in waiting}
    worst = open_incidents.worst(db, org_id, limit=MAX_OTHERS + len(waiting))
    others = [incident for incident in worst if incident["id"] not in ids][:MAX_OTHERS]
    shown = [*waiting, *others]
    people = {each[by] for each in shown for by in ("owner_id", "acknowledged_by")} - {None}
    count = open_incidents.count(db, org_id, most=MAX_COUNTED + 1)
    affected = incidents.components(db, org_id, [incident["id"] for incident in shown])
    return OpenNow(
        waiting=[_with_components(incident, affected) for incident in waiting],
        has_more_waiting=len(found) > MAX_WAITING,
        others=[_with_components(incident, affected) for incident in others],
        count=min(count, MAX_COUNTED),
        is_counted_in_full=count <= MAX_COUNTED,
        names=actors.names(db, org_id, people),
    )


def _badness(incident: Row) -> tuple[int, int]:
    return SEVERITIES.index(incident["severity"]), -incident["sequential_id"]


def _with_components(incident: Row, affected: dict[str, list[Row]]) -> Row:
    return {**incident, "affected_components": affected[incident["id"]]}
