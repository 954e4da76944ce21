"""Names whoever acts: a user, a key that acts for itself, or an integration."""

from __future__ import annotations

from collections.abc import Iterable

from incident_service.database.engine import Connection
from incident_service.people.users import display_name
from incident_service.store import actors, users


def name(db: Connection, org_id: str, actor_id: str) -> str:
    """Return what a user, a key or an integration is called, or was before it was deleted.

    Of what was never in the organization, that is its id.
    """
    return names(db, org_id, [actor_id])[actor_id]


def names(db: Connection, org_id: str, ids: Iterable[str | None]) -> dict[str, str]:
    """As `name`, of all of them at once, by id. `None` is left out."""
    wanted = sorted({id for id in ids if id is not None})
    found = {user["id"]: display_name(user) for user in users.with_ids(db, org_id, wanted)}
    others = [id for id in wanted if id not in found]
    if others:
        found.update(actors.names(db, org_id, others))
    return {id: found.get(id, id) for id in wanted}
