"""What forms about incidents let one choose from: severities, people, who is on call now."""

from __future__ import annotations

from incident_service.database.engine import Connection
from incident_service.http.acting import caller
from incident_service.oncall import schedules
from incident_service.oncall.names import NamedTarget
from incident_service.severity import MEANINGS
from incident_service.web.console.pages import now

COMPONENTS_LISTED = 200

PEOPLE_LISTED = 100

SEVERITIES = [(word, f"{word.capitalize()}: {text}") for word, text in MEANINGS.items()]
"""Each severity, and when to choose it."""


def on_call(db: Connection) -> list[tuple[str, str, str]]:
    """Return who owns a schedule now: their ids and names, and the schedules that they own."""
    by_person: dict[tuple[str, str], list[str]] = {}
    for each in schedules.owned(db, caller(), None, now=now()):
        owner = each.schedule_owner
        if isinstance(owner, NamedTarget):
            by_person.setdefault((owner.user_id, owner.user_name), []).append(each.schedule["name"])
    return [(id, name, ", ".join(of)) for (id, name), of in by_person.items()]
