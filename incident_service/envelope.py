"""The one place that turns errors into answers (contract §1)."""

from __future__ import annotations

import logging
from typing import Any

from flask import Flask, Response, jsonify
from werkzeug.exceptions import HTTPException

from incident_service import errors
from incident_service.middleware import request_id

_log = logging.getLogger("incident_service.errors")

RETRY_AFTER_SECONDS = "1"

# Looked up along the error's class hierarchy: the first that fits.
_STATUS_AND_TYPE: dict[type[errors.ServiceError], tuple[int, str]] = {
    errors.ValidationFailed: (400, "validation_error"),
    errors.InvalidRequest: (400, "invalid_request_error"),
    errors.NotAuthorized: (401, "not_authorized_error"),
    errors.Forbidden: (403, "not_authorized_error"),
    errors.NotFound: (404, "invalid_request_error"),
    errors.Conflict: (409, "invalid_request_error"),
    errors.PayloadTooLarge: (413, "invalid_request_error"),
    errors.UnsupportedMediaType: (415, "invalid_request_error"),
    errors.RateLimited: (429, "rate_limit_error"),
    errors.Unavailable: (503, "internal_error"),
    errors.ServiceError: (500, "internal_error"),
}

_HTTP_CODES = {
    404: ("not_found", "There is nothing at this path."),
    405: ("method_not_allowed", "This path does not take this method."),
    413: ("payload_too_large", "The body is larger than 1 MiB."),
    415: ("unsupported_media_type", "The body must be application/json."),
}


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
    status, type_ = next(
        _STATUS_AND_TYPE[cls] for cls in type(error).__mro__ if cls in _STATUS_AND_TYPE
    )
    if status >= 500:
        _log.error(error.message, exc_info=error, extra={"requestId": request_id()})
    found = error.errors if isinstance(error, errors.ValidationFailed) else None
    response = _answer(status, type_, error.code, error.message, found)
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, errors.RateLimited):
        response.headers["Retry-After"] = str(error.seconds)
    if status == 503:
        response.headers["Retry-After"] = RETRY_AFTER_SECONDS
    return response


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    if status >= 500:
        return _unexpected(error)
    code, message = _HTTP_CODES.get(status, ("invalid_request", "The request makes no sense."))
    response = _answer(status, "invalid_request_error", code, message)
    for name, value in error.get_headers():
        if name == "Allow":
            response.headers["Allow"] = value
    return response


def _unexpected(error: Exception) -> Response:
    _log.error("unexpected error", exc_info=error, extra={"requestId": request_id()})
    return _answer(
        500, "internal_error", "server_error", "An unexpected error occurred on our side."
    )


def error_body(status: int, type_: str, code: str, message: str, request_id: str) -> dict[str, Any]:
    """Return the body that every error has (contract §1)."""
    return {
        "statusCode": status,
        "type": type_,
        "code": code,
        "message": message,
        "requestId": request_id,
    }


def _answer(
    status: int, type_: str, code: str, message: str, found: dict[str, list[str]] | None = None
) -> Response:
    body = error_body(status, type_, code, message, request_id())
    if found is not None:
        body["errors"] = found
    response = jsonify(body)
    response.status_code = status
    return response
