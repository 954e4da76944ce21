"""Receipts: the latest requests that came for an integration, and what became of them (§10)."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote

from incident_service import ids
from incident_service.alerts import integrations
from incident_service.alerts.incoming import clean
from incident_service.clock import format_instant
from incident_service.database.engine import Connection
from incident_service.people.caller import Caller
from incident_service.store import Row, incidents
from incident_service.store import integrations as integration_rows
from incident_service.store import receipts as rows

MAX_BODY_BYTES = 8192
"""How much of a body is kept."""

MAX_ALERTS = 50
"""How many of a request's alerts are kept with it."""

MAX_REMARK = 1000

MASK = "********"

_MAX_SPELLED = 1024
"""How many characters spell a token at most."""

_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
_BETWEEN = re.compile(r"[\0\ufffd\\]")
"""What a wrong encoding, or an escape within an escape, leaves between characters."""

_MAX_ESCAPES = 8


@dataclass(frozen=True, slots=True)
class Sent:
    """The beginning of a body that came, without the integration's token."""

    text: str
    is_cut: bool


def shown(body: bytes, token: str) -> Sent:
    """Return what is kept of a body that came with the token, however the token is spelled."""
    beginning = body[: 4 * (MAX_BODY_BYTES + _MAX_SPELLED)]  # a character takes up to four bytes
    text = beginning.decode(json.detect_encoding(beginning), "replace")
    kept = _without(token, text).encode("utf-8", "replace")
    is_cut = len(kept) > MAX_BODY_BYTES or len(text) > MAX_BODY_BYTES
    return Sent(clean(kept[:MAX_BODY_BYTES].decode("utf-8", "replace")), is_cut)


def _without(token: str, text: str) -> str:
    """Return the first 8,192 characters of a text, or the mask if the token cannot be cut out."""
    if not _is_legible(text[: MAX_BODY_BYTES + _MAX_SPELLED], token):
        return text[:MAX_BODY_BYTES]
    masked = _masked(text, token)
    return MASK if _is_legible(masked, token) else masked


def _masked(text: str, token: str) -> str:
    """Return the first 8,192 characters of a text, without the token in its usual spellings."""
    spelled = re.compile("".join(map(_spelled, token)), re.IGNORECASE)
    parts, end = [], 0
    for found in spelled.finditer(text, 0, MAX_BODY_BYTES + _MAX_SPELLED):
        if found.start() >= MAX_BODY_BYTES:
            break
        parts += [text[end : found.start()], MASK]
        end = found.end()
    return "".join([*parts, text[end:MAX_BODY_BYTES]])


def _spelled(character: str) -> str:
    """Return a pattern for a character: as it is, or escaped for JSON or for a form."""
    code = ord(character)
    in_form = rf"%(?:25){{0,2}}{code:02x}"
    in_json = rf"(?:\\|%5c){{1,4}}u{code:04x}"
    return rf"[\0\ufffd]{{0,3}}(?:{re.escape(character)}|{in_form}|{in_json})"


def _is_legible(text: str, token: str) -> bool:
    """Whether the token is in a text once everything in it is unescaped, whatever spells it so."""
    for _ in range(_MAX_ESCAPES):
        if token in _BETWEEN.sub("", text).lower():
            return True
        plain = unquote(_ESCAPE.sub(lambda found: chr(int(found[1], 16)), text))
        if plain == text:
            return False
        text = plain
    return True


def keep(
    db: Connection,
    integration: Row,
    sent: Sent,
    alerts: Sequence[Row],
    remarks: Sequence[str],
    *,
    now: datetime,
) -> None:
    """Keep a request that was taken, with what became of its alerts, and remarks on the rest."""
    result: Row = {
        "alerts": alerts[:MAX_ALERTS],
        "more": max(0, len(alerts) - MAX_ALERTS),
        "remarks": [clean(remark[:MAX_REMARK]) for remark in remarks],
        "error": None,
    }
    _put(db, integration, sent, 202, result, now)


def keep_refused(
    db: Connection,
    org_id: str,
    integration_id: str,
    sent: Sent,
    *,
    status: int,
    error: Row,
    now: datetime,
) -> None:
    """Keep a request that was refused, with its status and its `code` and `message`."""
    integration = integration_rows.get(db, org_id, integration_id)
    if integration is not None:
        told = {"code": error["code"], "message": clean(error["message"][:MAX_REMARK])}
        result: Row = {"alerts": [], "more": 0, "remarks": [], "error": told}
        _put(db, integration, sent, status, result, now)


def get_all(db: Connection, caller: Caller, integration_id: str) -> list[Row]:
    """Return an integration's receipts, newest first. Raises `NotFound`.

    Each has the columns of its row and the parts of its result.
    """
    integrations.get(db, caller, integration_id)
    kept = rows.all_by_arrival(db, caller.org_id, integration_id)
    return [{**row, **row["result"]} for row in kept]


def numbers_of_incidents(db: Connection, caller: Caller, receipts: Sequence[Row]) -> dict[str, int]:
    """Return the numbers of the incidents that receipts name, by id."""
    named = {alert["incident_id"] for receipt in receipts for alert in receipt["alerts"]}
    return incidents.numbers(db, caller.org_id, sorted(named - {None}))


def _put(
    db: Connection, integration: Row, sent: Sent, status: int, result: Row, now: datetime
) -> None:
    at = format_instant(now)
    org_id, id = integration["org_id"], integration["id"]
    rows.put(
        db,
        org_id=org_id,
        integration_id=id,
        number=integration_rows.count_receipt(db, org_id, id, at=at),
        id=ids.new_id(),
        at=at,
        status=status,
        body=sent.text,
        result={**result, "is_cut": sent.is_cut},
    )
