"""Lets the scripts of other sites read answers that hold only what is public."""

from __future__ import annotations

from flask import Response


def share(response: Response) -> Response:
    """Let other sites read the answer and its ETag, also if it is an error."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Expose-Headers"] = "ETag, X-Request-Id"
    return response


def preflight() -> Response:
    """Return the answer to a browser that asks before it sends a request for another site."""
    response = Response(status=204)
    del response.headers["Content-Type"]
    response.headers["Allow"] = "GET, HEAD, OPTIONS"
    response.headers["Access-Control-Allow-Methods"] = "GET, HEAD"
    response.headers["Access-Control-Allow-Headers"] = "If-None-Match, X-Request-Id"
    response.headers["Access-Control-Max-Age"] = "86400"
    return share(response)
