"""Trying an integration: what would become of a sample, without keeping anything (contract §10)."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime
from typing import Any

from incident_service.alerts import heartbeats, intake, integrations, receipts
from incident_service.database.engine import Connection, savepoint
from incident_service.errors import PayloadTooLarge, Unreadable
from incident_service.inbound.formats import FORMATS, Reading
from incident_service.people import actors
from incident_service.people.caller import Caller
from incident_service.store import Row, alerts, incidents, named

_OF_RECEIPT = "This is the body of the latest receipt, of {received_at}."
_OF_SAMPLE = "This is our sample: no whole body has come yet that the mapping could be tried on."


def read_sample(db: Connection, caller: Caller, id: str) -> Reading:
    """Return what a sample of the integration's kind holds.

    A mapping fits bodies of one tool alone: it is tried on the latest one that came, if there is a
    receipt of a whole one. If nothing is found, a remark says why. Raises `NotFound`.
    """
    integration = integrations.get(db, caller, id)
    if integration["kind"] == "heartbeat":
        return Reading(())
    format = FORMATS[integration["kind"]]
    body, remarks = format.sample, []
    if integration["mapping"]:
        body, remark = _latest(receipts.get_all(db, caller, id)) or (body, _OF_SAMPLE)
        remarks.append(remark)
    try:
        reading = format.read(body, integration)
    except (PayloadTooLarge, Unreadable) as error:
        reading = Reading((), (error.message,))
    return Reading(reading.alerts, (*remarks, *reading.remarks))


def try_reading(
    db: Connection, caller: Caller, id: str, reading: Reading, *, now: datetime
) -> list[Row]:
    """Return what would become of the alerts that were read, as a delivery answers.

    Each also has the `alert` and the `incident` as they would be, or `None`, with the names of the
    `component`, `owner` and `policy`. What would be made has no id. Raises `NotFound`.
    """
    integration = integrations.get(db, caller, id)
    taken: list[Row] = []
    try:
        with savepoint(db):
            taken = _in_detail(db, caller.org_id, _take(db, integration, reading, now))
            raise _Undo
    except _Undo:
        pass
    return [
        {
            **alert,
            "id": _if_there(alerts.get(db, caller.org_id, alert["id"] or "")),
            "incident_id": _if_there(incidents.get(db, caller.org_id, alert["incident_id"] or "")),
        }
        for alert in taken
    ]


def _latest(receipts: list[Row]) -> tuple[Any, str] | None:
    """Return the latest body that is whole, and a sentence on it."""
    for receipt in receipts:
        with suppress(ValueError, RecursionError):
            if not receipt["is_cut"]:
                return json.loads(receipt["body"]), _OF_RECEIPT.format_map(receipt)
    return None


def _take(db: Connection, integration: Row, reading: Reading, now: datetime) -> list[Row]:
    if integration["kind"] == "heartbeat":
        return heartbeats.sign(db, integration, now=now)
    return intake.take_in(db, integration, reading.alerts, now=now)


def _in_detail(db: Connection, org_id: str, taken: list[Row]) -> list[Row]:
    """Return what became of alerts, each with the rows of its alert and incident."""
    fired = {id: alerts.get(db, org_id, id) for id in _ids(taken, "id")}
    opened = {id: incidents.get(db, org_id, id) for id in _ids(taken, "incident_id")}
    found, joined = [*filter(None, fired.values())], [*filter(None, opened.values())]
    components = named.names(db, "components", org_id, _ids(found, "component_id"))
    policies = named.names(db, "escalation_policies", org_id, _ids(joined, "escalation_policy_id"))
    owners = actors.names(db, org_id, _ids(joined, "owner_id"))
    for alert in found:
        alert["component"] = components.get(alert["component_id"])
    for incident in joined:
        incident["owner"] = owners.get(incident["owner_id"])
        incident["policy"] = policies.get(incident["escalation_policy_id"])
    return [
        {**each, "alert": fired.get(each["id"]), "incident": opened.get(each["incident_id"])}
        for each in taken
    ]


def _ids(rows: list[Row], column: str) -> list[str]:
    return [*dict.fromkeys(row[column] for row in rows if row[column])]


def _if_there(row: Row | None) -> str | None:
    return row["id"] if row else None


class _Undo(Exception):
    """Ends the part of a write that is undone."""
