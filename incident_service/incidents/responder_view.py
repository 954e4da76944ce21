"""What a responder sees of an incident by a link (contract §8); each part is bounded."""

from __future__ import annotations

from dataclasses import dataclass

from incident_service.database.engine import Connection
from incident_service.incidents import by_link, once, paged
from incident_service.incidents.by_link import Link
from incident_service.incidents.lifecycle import NEXT
from incident_service.incidents.paged import Paged
from incident_service.paging import progress
from incident_service.people import actors
from incident_service.people.users import display_name
from incident_service.store import (
    Row,
    alerts,
    incidents,
    policies,
    updates,
)
from incident_service.store import progress as progress_rows

UPDATES_SHOWN = 10
UPDATE_CHARACTERS = 500
PEOPLE_SHOWN = 10

ALERTS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class View:
    """An incident as its link shows it.

    `acknowledger` and `owner`: what they are called, or `None`. `paged`: the others who were, by
    name. `updates` and `alerts` are the latest, newest first; a longer body is cut. `next_status`:
    the one that may follow, or `None`. `next_layer`: the position of the layer that would fire
    next, or `None`; `escalate_from` is how far the policy has come.
    """

    incident: Row
    you: str
    is_acknowledged_by_you: bool
    acknowledger: str | None
    owner: str | None
    is_owned_by_you: bool
    components: list[str]
    updates: list[Row]
    more_updates: int
    paged: list[tuple[str, Paged]]
    more_paged: int
    next_status: str | None
    alerts: list[Row]
    has_more_alerts: bool
    next_layer: int | None
    escalate_from: str


def view(db: Connection, link: Link) -> View:
    """Return what a responder sees of the link's incident now.

    Raises `NotFound` if the incident or the user no longer exists.
    """
    org_id, id, you = link.org_id, link.incident_id, link.user_id
    user, incident = by_link.get_user(db, link), by_link.get_incident(db, link)
    latest = updates.latest(db, org_id, id, limit=UPDATES_SHOWN, characters=UPDATE_CHARACTERS)
    others = [person for person in paged.people(db, incident) if person.user_id != you]
    shown = others[:PEOPLE_SHOWN]
    by, owner_id = incident["acknowledged_by"], incident["owner_id"]
    found = alerts.newest(db, org_id, {"incident_id": id}, before=None, limit=ALERTS_SHOWN + 1)
    layer = _next_layer(db, incident)
    user_ids = [person.user_id for person in shown]
    names = actors.names(db, org_id, [*user_ids, by, owner_id])
    return View(
        incident=incident,
        you=display_name(user),
        is_acknowledged_by_you=by == you,
        acknowledger=names.get(by),
        owner=names.get(owner_id),
        is_owned_by_you=owner_id == you,
        components=[each["name"] for each in incidents.components(db, org_id, [id])[id]],
        updates=latest,
        more_updates=latest[-1]["number"] - 1 if latest else 0,
        paged=[(names[person.user_id], person) for person in shown],
        more_paged=len(others) - len(shown),
        next_status=NEXT.get(incident["status"]),
        alerts=found[:ALERTS_SHOWN],
        has_more_alerts=len(found) > ALERTS_SHOWN,
        next_layer=layer["position"] if layer else None,
        escalate_from=once.position(db, incident),
    )


def _next_layer(db: Connection, incident: Row) -> Row | None:
    """Return the layer that would fire next; `None` if none is left, or if there is no policy."""
    org_id, policy_id = incident["org_id"], incident["escalation_policy_id"]
    if policy_id is None:
        return None
    done = progress_rows.of_incident(db, org_id, incident["id"])
    return progress.next_layer(policies.layers(db, org_id, policy_id), done)
