"""Whether the service lives and is ready: `/healthz` and `/readyz` (contract §9)."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from incident_service.api.blueprint import Blueprint, database
from incident_service.api.fields import Schema

blueprint = Blueprint("health", description="Whether the service is up.", public=True)


class HealthSchema(Schema):
    """How the service is."""

    status = fields.String()


@blueprint.route("/healthz", methods=["GET"])
@blueprint.response(200, HealthSchema)
def healthz() -> Any:
    """Answer: the process lives."""
    return {"status": "ok"}


@blueprint.route("/readyz", methods=["GET"])
@blueprint.response(200, HealthSchema)
def readyz() -> Any:
    """Answer `200` where the database answers and its schema is the right one, else `503`."""
    database().check()
    return {"status": "ok"}
