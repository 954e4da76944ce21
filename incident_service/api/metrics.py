"""Metrics for Prometheus: `/metrics` (contract §9)."""

from __future__ import annotations

import hmac
import logging

from flask import Response, current_app, request
from prometheus_client import CONTENT_TYPE_LATEST

from incident_service import clock
from incident_service.errors import NotAuthorized, Unavailable
from incident_service.http.acting import database, settings
from incident_service.http.blueprint import Blueprint
from incident_service.http.metrics import Kept, Metrics
from incident_service.http.middleware import request_id
from incident_service.paging import pager
from incident_service.store import deliveries, incidents

blueprint = Blueprint("metrics", description="Metrics of the service.", public=True)

_log = logging.getLogger("incident_service.errors")

_TEXT = {CONTENT_TYPE_LATEST: {"schema": {"type": "string"}}}


@blueprint.route("/metrics", methods=["GET"])
@blueprint.error_codes("not_authorized")
@blueprint.response(200)
@blueprint.doc(responses={200: {"content": _TEXT}}, security=[{}, {"metricsToken": []}])
def get_metrics() -> Response:
    """Return metrics in the Prometheus format.

    If the operator has set a token, `Authorization: Bearer` must carry it. While the database
    cannot be read, the metrics that come from it are left out.
    """
    _require_token(settings().metrics_token)
    metrics: Metrics = current_app.extensions["incident_service.metrics"]
    return Response(metrics.exposition(_read_kept()), content_type=CONTENT_TYPE_LATEST)


def _read_kept() -> Kept | None:
    """Return the metrics from the database, or `None` if it cannot be read."""
    try:
        with database().read() as db:
            open_incidents, pages = incidents.open_by_severity(db), deliveries.outcomes(db)
        late = pager.seconds_late(database(), clock.now())
        return Kept(open_incidents, pages, late, database().size())
    except Unavailable as error:
        _log.error(error.message, extra={"requestId": request_id()})
        return None


def _require_token(token: str) -> None:
    """Raise `NotAuthorized` if a token is set but was not sent."""
    if not token:
        return
    scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
    is_right = hmac.compare_digest(sent.strip().encode("utf-8", "replace"), token.encode())
    if scheme.lower() != "bearer" or not is_right:
        raise NotAuthorized("The token of /metrics is missing or wrong.")
