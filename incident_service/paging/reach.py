"""Says whom escalation policies would page now, and why a layer would page nobody (contract §5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from incident_service.database.engine import Connection
from incident_service.paging.roster import Roster, Skipped
from incident_service.people.caller import Caller
from incident_service.people.users import display_name
from incident_service.store import Row, named, users


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whom a layer would page."""

    id: str
    name: str
    is_reachable: bool
    """Whether there is any way to page them."""


@dataclass(frozen=True, slots=True)
class LayerReach:
    """A layer in words, and whom it would page now."""

    schedule: str
    """The name of the schedule that it targets; empty if it names people."""
    named: list[Person]
    """The people that it names."""
    hours: str
    """The name of the working hours of its condition; empty if it has none."""
    people: list[Person]
    """Whom it would page now."""
    skipped: str
    """Why it would page nobody; empty if it would page somebody."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Whom a policy would page now: by each layer, and first of all."""

    layers: list[LayerReach]
    first: list[Person]
    """Nobody if the policy reaches nobody: then the organization's admins are paged."""


def of_policies(
    db: Connection, caller: Caller, policy_ids: Sequence[str], *, by_email: bool, now: datetime
) -> dict[str, Reach]:
    """Return whom each of the policies would page now, by its id.

    `by_email`: whether users are paged by email too. The number of statements does not grow with
    that of the policies.
    """
    roster = Roster(db, caller.org_id, now=now, by_email=by_email)
    roster.read_ahead(policy_ids)
    layers = {id: roster.layers(id) for id in policy_ids}
    paged = {layer["id"]: _paged(roster, layer) for each in layers.values() for layer in each}
    first = {id: roster.first_targets(id) for id in policy_ids}
    names = _Names(db, caller.org_id, roster, [*chain(*layers.values())], paged, first)
    return {
        id: Reach(
            [names.reach(layer, *paged[layer["id"]]) for layer in layers[id]],
            names.people(first[id]),
        )
        for id in policy_ids
    }


class _Names:
    """The names of all that some layers are about, read at once."""

    def __init__(
        self,
        db: Connection,
        org_id: str,
        roster: Roster,
        layers: Sequence[Row],
        paged: Mapping[str, tuple[list[str], str]],
        first: Mapping[str, list[str]],
    ) -> None:
        user_ids = {id for layer in layers for id in layer["user_ids"]}
        user_ids.update(chain(*first.values(), *(ids for ids, _ in paged.values())))
        found = users.with_ids(db, org_id, sorted(user_ids))
        reachable = set(roster.reachable(sorted(user_ids)))
        self._people = {
            user["id"]: Person(user["id"], display_name(user), user["id"] in reachable)
            for user in found
        }
        schedule_ids = {layer["schedule_id"] for layer in layers} - {None}
        self._schedules = named.names(db, "schedules", org_id, sorted(schedule_ids))
        hours_ids = {layer["working_hours_id"] for layer in layers} - {None}
        self._hours = named.names(db, "working_hours", org_id, sorted(hours_ids))

    def people(self, user_ids: Iterable[str]) -> list[Person]:
        return [self._people[id] for id in user_ids]

    def reach(self, layer: Row, user_ids: list[str], skipped: str) -> LayerReach:
        return LayerReach(
            schedule=self._schedules.get(layer["schedule_id"], ""),
            named=self.people(layer["user_ids"]),
            hours=self._hours.get(layer["working_hours_id"], ""),
            people=self.people(user_ids),
            skipped=skipped,
        )


def _paged(roster: Roster, layer: Row) -> tuple[list[str], str]:
    """Return the users whom the layer would page now, or none and why."""
    try:
        return roster.targets(layer), ""
    except Skipped as reason:
        return [], str(reason)
