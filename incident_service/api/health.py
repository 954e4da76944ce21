"""Whether the service is alive and ready: `/healthz` and `/readyz` (contract §9)."""

from __future__ import annotations

import logging
from typing import Any

from marshmallow import fields

from incident_service import clock
from incident_service.http.acting import database
from incident_service.http.blueprint import Blueprint
from incident_service.http.schemas import Schema
from incident_service.paging import pager

blueprint = Blueprint("health", description="Whether the service is up.", public=True)


_log = logging.getLogger("incident_service.paging")


class HealthSchema(Schema):
    """How the service is."""

    status = fields.String(metadata={"enum": ["ok"]})
    """The process answers."""


class ReadinessSchema(HealthSchema):
    """How the service is, and whether pages leave in time."""

    paging = fields.String(metadata={"enum": ["ok", "late"]})
    """`late` if a page has been due for more than a minute."""


@blueprint.route("/healthz", methods=["GET"])
@blueprint.response(200, HealthSchema)
def healthz() -> Any:
    """Answer if the process is alive."""
    return {"status": "ok"}


@blueprint.route("/readyz", methods=["GET"])
@blueprint.error_codes("busy", "storage_full", "not_ready")
@blueprint.response(200, ReadinessSchema)
def readyz() -> Any:
    """Answer `200` if the database answers and its schema has the right version, else `503`.

    Late paging is reported, but is no reason to take the API out of service.
    """
    database().check()
    late = pager.is_late(database(), clock.now())
    if late:
        _log.warning("pages are late: something has been due for a minute")
    return {"status": "ok", "paging": "late" if late else "ok"}
