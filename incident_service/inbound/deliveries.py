"""One request of a tool: whose it is, what it says, and its receipt (contract §10)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from flask import g, request

from incident_service.alerts import integrations, receipts
from incident_service.alerts.kinds import Kind
from incident_service.errors import InvalidRequest, NotAuthorized, PayloadTooLarge, Unreadable
from incident_service.http.acting import database
from incident_service.http.body import read_body
from incident_service.http.middleware import check_key, check_without_key
from incident_service.inbound import receiving
from incident_service.inbound.formats import Reading
from incident_service.people.caller import Caller
from incident_service.store import Row

_TOO_MUCH = receipts.Sent("", is_cut=True)


def token_in_header(scheme: str) -> str:
    """Return the token in the current request's `Authorization`; an empty one if it has none."""
    sent, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if sent.lower() == scheme.lower() else ""


def integration_of(token: str, kind: Kind | None = None) -> Row:
    """Return the integration that has the token, and is of the kind if one is given.

    Raises `NotAuthorized`, and `LimitReached`.
    """
    try:
        with database().read() as db:
            integration = integrations.of_token(db, token)
        if kind is not None and integration["kind"] != kind:
            raise NotAuthorized(f"The token is not that of an integration of the kind {kind}.")
    except NotAuthorized:
        check_without_key()
        raise
    g.caller = Caller.of_integration(integration)  # for the log
    check_key(integration["id"])
    return integration


def body_for(integration: Row) -> bytes:
    """Return the current request's body. Raises what `read_body` raises, and keeps a receipt."""
    try:
        return read_body(request)
    except (InvalidRequest, PayloadTooLarge) as error:
        receiving.keep_refused(database(), integration, _TOO_MUCH, error)
        raise


def deliver(
    token: str, integration: Row, raw: bytes, read: Callable[[bytes], Reading]
) -> tuple[Reading, list[Row]]:
    """Take in a body; return what `read` found in it, and what became of each alert.

    Its receipt is kept, whether it can be read or not. Raises what `read` raises, what
    `receiving.take_in` does, and `Busy` if too many large bodies come at once.
    """
    sent = receipts.shown(raw, token)
    with ExitStack() as stack:
        is_large = len(raw) >= receiving.LARGE_BYTES
        if is_large:  # it has its place before it is read, or refusing it would cost as much
            stack.enter_context(receiving.large.held(integration["org_id"]))
        try:
            reading = _understood(read, raw)
        except (InvalidRequest, PayloadTooLarge, Unreadable) as error:
            receiving.keep_refused(database(), integration, sent, error)
            raise
        if not is_large and len(reading.alerts) > receiving.CHUNK:
            stack.enter_context(receiving.large.held(integration["org_id"]))
        return reading, receiving.take_in(database(), integration["org_id"], token, reading, sent)


def sign(token: str, integration: Row) -> list[Row]:
    """Take in the current request as a sign of life, whatever its body is."""
    try:
        sent = receipts.shown(read_body(request), token)
    except (InvalidRequest, PayloadTooLarge):
        sent = _TOO_MUCH
    return receiving.take_sign(database(), integration["org_id"], token, sent)


def _understood(read: Callable[[bytes], Reading], raw: bytes) -> Reading:
    try:
        return read(raw)
    except RecursionError:
        raise Unreadable("The body is nested too deep.") from None
