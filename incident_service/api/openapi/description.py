"""The API's description, for programs: `/openapi.json` (contract §9)."""

from __future__ import annotations

from flask import Response, request

from incident_service.api.openapi import spec
from incident_service.http.blueprint import Blueprint

blueprint = Blueprint("description", description="What this API is.", public=True)

_DOCUMENT = {"application/json": {"schema": {"type": "object"}}}


@blueprint.route("/openapi.json", methods=["GET"])
@blueprint.response(200)
@blueprint.alt_response(304, success=True, description="The client has the current version.")
@blueprint.doc(responses={200: {"content": _DOCUMENT}})
def get_description() -> Response:
    """Return the API's description in OpenAPI 3.1."""
    response = Response(spec.document_text(), mimetype="application/json")
    response.headers["Cache-Control"] = "no-cache"  # clients keep it, but ask first
    response.add_etag()
    response.make_conditional(request)
    return response
