"""The one place that turns errors into answers (contract §1)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, current_app, jsonify, request
from werkzeug.exceptions import HTTPException

from incident_service import errors
from incident_service.http.error_codes import CODES, type_of
from incident_service.http.middleware import request_id

_log = logging.getLogger("incident_service.errors")

_CODES_OF_FLASK = {404: "not_found", 405: "method_not_allowed", 413: "payload_too_large"}
"""By status; every other one is `invalid_request`."""


_PAGE = "incident_service.error_page"


def install(app: Flask) -> None:
    """Answer every error of the application with the contract's body."""
    app.register_error_handler(errors.ServiceError, _service_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)


def show_to_people(app: Flask, page: Callable[[dict[str, Any]], Response]) -> None:
    """Let `page`, which takes an error's body, show errors to those who ask for HTML."""
    app.extensions[_PAGE] = page


def is_for_a_person() -> bool:
    """Whether to answer with HTML: the client prefers it to JSON, and the path is not a `.json`.

    Browsers say that they prefer it; a client that has no preference is a program.
    """
    best = request.accept_mimetypes.best_match(["application/json", "text/html"])
    return best == "text/html" and not request.path.endswith(".json")


def answer(error: Exception) -> Response:
    """Return the answer to any error."""
    if isinstance(error, errors.ServiceError):
        return _service_error(error)
    return _http_error(error) if isinstance(error, HTTPException) else _unexpected(error)


def _service_error(error: errors.ServiceError) -> Response:
    status, _ = CODES[error.code]
    if status >= 500 and not isinstance(error, errors.LimitReached):
        # Whoever floods the service must not fill the log: being busy needs no traceback.
        fault = None if isinstance(error, errors.Unavailable) else error
        _log.error(error.message, exc_info=fault, extra={"requestId": request_id()})
    # What went wrong on our side is only for the log: the message may name paths or SQL.
    message = error.message if status < 500 else None
    faults = error.errors if isinstance(error, errors.ValidationFailed) else None
    response = _answer(error.code, message, faults)
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, errors.RateLimited | errors.Unavailable):
        response.headers["Retry-After"] = str(error.seconds)
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
    code: str, message: str | None = None, faults: dict[str, list[str]] | None = None
) -> Response:
    body = error_body(code, request_id(), message)
    if faults is not None:
        body["errors"] = faults
    if is_for_a_person():
        page: Callable[[dict[str, Any]], Response] = current_app.extensions[_PAGE]
        return page(body)
    response = jsonify(body)
    response.status_code = body["statusCode"]
    return response
