"""Names whoever acts: a user, a key that acts for itself, or an integration."""

from __future__ import annotations

from incident_service.database.file import Connection
from incident_service.people.users import display_name
from incident_service.store import api_keys, integrations, users


def name(db: Connection, org_id: str, actor_id: str) -> str:
    """Return what a user, a key or an integration is called, or was before it was deleted.

    Of what was never in the organization, that is its id.
    """
    for user in users.with_ids(db, org_id, [actor_id]):
        return display_name(user)
    return (
        api_keys.name(db, org_id, actor_id) or integrations.name(db, org_id, actor_id) or actor_id
    )
