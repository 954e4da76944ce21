"""Reading what tools send: JSON, whatever they say that it is (contract §10)."""

from __future__ import annotations

import io
import json
import re
from typing import Any
from urllib.parse import parse_qsl

import flask
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request

from incident_service.errors import InvalidRequest
from incident_service.http.body import MAX_BODY_BYTES

FORM_FIELD = "data"
"""The field of a form that holds the JSON, as Uptime Kuma names it."""

MAX_FIELDS = 1000

_IS_FORM = re.compile(r"(?:[\w.%+-]+=[^&]*&)*data=")


def parse(req: flask.Request, raw: bytes) -> Any:
    """Return the JSON value of a body, or of the field `data` of a form of either encoding.

    Bytes that are no text of the encoding become U+FFFD. Raises `InvalidRequest` `invalid_json`.
    """
    if req.mimetype == "multipart/form-data" and raw.lstrip().startswith(b"--"):
        text = _form_field(req, raw)
    else:
        text = raw.decode(json.detect_encoding(raw), "replace")
        # curl says of JSON too that it is such a form.
        if req.mimetype == "application/x-www-form-urlencoded" and _IS_FORM.match(text):
            text = _url_field(text)
    if not text.strip():
        raise InvalidRequest("The body is empty.", code="invalid_json")
    try:
        return json.loads(text)
    except RecursionError:
        raise InvalidRequest("The body is nested too deep.", code="invalid_json") from None
    except ValueError as error:
        raise InvalidRequest(f"The body is not JSON: {error}.", code="invalid_json") from None


def _url_field(text: str) -> str:
    try:
        fields = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise InvalidRequest("The form cannot be read.", code="invalid_json") from None
    return dict(reversed(fields)).get(FORM_FIELD, "")


def _form_field(req: flask.Request, raw: bytes) -> str:
    form = Request({**req.environ, "wsgi.input": io.BytesIO(raw), "CONTENT_LENGTH": str(len(raw))})
    form.max_form_memory_size = MAX_BODY_BYTES
    try:
        return form.form.get(FORM_FIELD, "")
    except HTTPException:
        raise InvalidRequest("The form cannot be read.", code="invalid_json") from None
