"""Taking in what a tool sent: durably, and in writes that hold up no others for long (§10).

A body is taken in in chunks, one write each: other writers have their turns in between. What is
known already is not new again: if a process dies half-way, the tool gets no answer, and its retry
finishes the rest. The receipt is written with the last chunk.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from incident_service.alerts import heartbeats, intake, integrations, receipts
from incident_service.alerts.incoming import IncomingAlert
from incident_service.alerts.receipts import Sent
from incident_service.database.engine import Connection, Database
from incident_service.errors import ServiceError, Unavailable
from incident_service.http.error_codes import CODES
from incident_service.inbound.formats import Reading
from incident_service.inbound.places import Places
from incident_service.store import Row

CHUNK = 200
"""How many alerts one write takes in."""

LARGE_BYTES = 256 * 1024
"""From this size on a body is large, however many alerts it has: to read it alone takes long."""

large = Places(3, waiting=1)
"""Of a process, for bodies that are large or of several chunks."""


def take_in(database: Database, org_id: str, token: str, reading: Reading, sent: Sent) -> list[Row]:
    """Take in what was read; return what became of each alert, once all of it is on disk.

    Raises `NotAuthorized` if the token has ended meanwhile, and `Busy` as writes do.
    """
    alerts = reading.alerts
    *chunks, last = [alerts[n : n + CHUNK] for n in range(0, len(alerts), CHUNK)] or [()]
    taken: list[Row] = []
    for chunk in chunks:
        taken += database.write(org_id, _take_chunk, token, chunk, taken)
    return database.write(org_id, _take_last, token, last, taken, reading.remarks, sent)


def take_sign(database: Database, org_id: str, token: str, sent: Sent) -> list[Row]:
    """Take in a sign of life; return the alert that it resolves, if one fires.

    Raises `NotAuthorized` if the token has ended meanwhile.
    """
    return database.write(org_id, _take_sign, token, sent)


def keep_refused(database: Database, integration: Row, sent: Sent, error: ServiceError) -> None:
    """Keep the receipt of a request that is refused, unless the database is busy."""
    status, _ = CODES[error.code]
    told = {"code": error.code, "message": error.message}
    with suppress(Unavailable):  # the tool is told what is wrong all the same
        database.write(
            integration["org_id"],
            receipts.keep_refused,
            integration["org_id"],
            integration["id"],
            sent,
            status=status,
            error=told,
        )


def _take_chunk(
    db: Connection,
    token: str,
    alerts: Sequence[IncomingAlert],
    before: Sequence[Row],
    *,
    now: datetime,
) -> list[Row]:
    return _take_some(db, integrations.of_token(db, token), alerts, before, now)


def _take_last(
    db: Connection,
    token: str,
    alerts: Sequence[IncomingAlert],
    before: Sequence[Row],
    remarks: Sequence[str],
    sent: Sent,
    *,
    now: datetime,
) -> list[Row]:
    integration = integrations.of_token(db, token)
    taken = [*before, *_take_some(db, integration, alerts, before, now)]
    receipts.keep(db, integration, sent, taken, remarks, now=now)
    return taken


def _take_some(
    db: Connection,
    integration: Row,
    alerts: Sequence[IncomingAlert],
    before: Sequence[Row],
    now: datetime,
) -> list[Row]:
    """Take in alerts of a delivery, of which those `before` are taken in and counted."""
    counted = {alert["id"] for alert in before if alert["id"] is not None}
    return intake.take_in(db, integration, alerts, now=now, counted=counted)


def _take_sign(db: Connection, token: str, sent: Sent, *, now: datetime) -> list[Row]:
    integration = integrations.of_token(db, token)
    taken = heartbeats.sign(db, integration, now=now)
    receipts.keep(db, integration, sent, taken, (), now=now)
    return taken
