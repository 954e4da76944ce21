"""The one place that turns errors into answers (contract §1)."""

from __future__ import annotations

import logging
from typing import Any

from flask import Flask, Response, jsonify
from werkzeug.exceptions import HTTPException

from incident_service import errors
from incident_service.http.error_codes import CODES, type_of
from incident_service.http.middleware import request_id

_log = logging.getLogger("incident_service.errors")

RETRY_AFTER_SECONDS = 1
"""When to ask again after a `503`."""

_CODES_OF_FLASK = {404: "not_found", 405: "method_not_allowed", 413: "payload_too_large"}
"""By status; of every other, `invalid_request`."""


def install(app: Flask) -> None:
    """Answer every error of the application with the contract's body."""
    app.register_error_handler(errors.ServiceError, _service_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)


def answer(error: Exception) -> Response:
    """Return the answer to any error."""
    if isinstance(error, errors.ServiceError):
        return _service_error(error)
    return _http_error(error) if isinstance(error, HTTPException) else _unexpected(error)


def _service_error(error: errors.ServiceError) -> Response:
    status, _ = CODES[error.code]
    if status >= 500:
        _log.error(error.message, exc_info=error, extra={"requestId": request_id()})
    # What is wrong on our side is for the log: its message may name paths, or be SQLite's.
    message = error.message if status < 500 else None
    found = error.errors if isinstance(error, errors.ValidationFailed) else None
    response = _answer(error.code, message, found)
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, errors.RateLimited):
        response.headers["Retry-After"] = str(error.seconds)
    if status == 503:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    if status >= 500:
        return _unexpected(error)
    response = _answer(_CODES_OF_FLASK.get(status, "invalid_request"))
    for name, value in error.get_headers():
        if name == "Allow":
            response.headers["Allow"] = value
    return response


def _unexpected(error: Exception) -> Response:
    _log.error("unexpected error", exc_info=error, extra={"requestId": request_id()})
    return _answer("server_error")


def error_body(code: str, request_id: str, message: str | None = None) -> dict[str, Any]:
    """Return the body that every error has (contract §1); the message is the code's by default."""
    status, sentence = CODES[code]
    return {
        "statusCode": status,
        "type": type_of(code),
        "code": code,
        "message": sentence if message is None else message,
        "requestId": request_id,
    }


def _answer(
    code: str, message: str | None = None, found: dict[str, list[str]] | None = None
) -> Response:
    body = error_body(code, request_id(), message)
    if found is not None:
        body["errors"] = found
    response = jsonify(body)
    response.status_code = body["statusCode"]
    return response
