"""Settings: the audit log, `/settings/audit` (contract §6)."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import Blueprint

from incident_service.api.audit_events import ChangeQuerySchema
from incident_service.http import cursor
from incident_service.http.acting import caller, database, for_admins
from incident_service.people import actors, audit_log
from incident_service.store.changes import RESOURCE_TYPES
from incident_service.web.console.pages import arguments, render

pages = Blueprint("audit", __name__)


@pages.get("/settings/audit")
@for_admins
def show() -> str | tuple[str, int]:
    """List who changed what, the newest first."""
    given = arguments()
    faults: dict[str, Any] = {}
    try:
        query = ChangeQuerySchema().load({"limit": "50", **given})
    except ma.ValidationError as error:
        assert isinstance(error.messages, dict)  # every fault is a parameter's
        faults, query = error.messages, {"limit": 0}
    before = cursor.decode_number("audit-events", query.pop("cursor", None)) or None
    since, until, limit = query.pop("from_", None), query.pop("to", None), query.pop("limit")
    with database().read() as db:
        changes, end = audit_log.get_slice(
            db, caller(), query, since=since, until=until, before=before, limit=limit
        )
        ids = {change["actor_id"] for change in changes if change["actor_id"]}
        names = actors.names(db, caller().org_id, ids)
    html = render(
        "audit.html",
        changes=changes,
        names=names,
        more=cursor.encode("audit-events", end),
        kinds=RESOURCE_TYPES,
        given=given,
        faults=faults,
    )
    return html, 400 if faults else 200
