"""Inbound integrations: the tools that send alerts, and how theirs are read (contract §10).

An integration's values are the names of its columns; `selectors` are a list of
`{"matchers": [{"key", "value"}, …], "routing_policy_id"}`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from incident_service import ids, resources
from incident_service.alerts import heartbeats, over
from incident_service.clock import format_instant
from incident_service.database.engine import Connection
from incident_service.errors import NotAuthorized, ValidationFailed
from incident_service.people import organizations
from incident_service.people.caller import Caller
from incident_service.store import Row, alerts, receipts, tasks
from incident_service.store import changes as log
from incident_service.store import integrations as rows

DEFAULTS: Row = {
    "component_id": None,
    "routing_policy_id": None,
    "default_severity": "high",
    "severity_map": {},
    "auto_resolve": True,
    "resolve_after_seconds": 60,
    "mapping": None,
    "every_seconds": None,
    "grace_seconds": None,
}
"""The values of an integration that gives none."""

HEARTBEAT_GRACE_SECONDS = 60

_FIELDS_OF_KIND = {
    "mapping": ("mapping", "generic"),
    "every_seconds": ("everySeconds", "heartbeat"),
    "grace_seconds": ("graceSeconds", "heartbeat"),
}
"""The values that integrations of one kind alone have: the name on the wire, and the kind."""

COUNTED_AT_MOST = 1000
"""So many firing alerts of an integration are counted."""

MAX_SELECTORS = 100

MAX_MATCHERS = 1000
"""How many all selectors of an integration have together."""


def get_all(db: Connection, caller: Caller) -> list[Row]:
    """Return all integrations by name."""
    return rows.all_by_name(db, caller.org_id)


def get_slice(
    db: Connection, caller: Caller, *, after: str, limit: int
) -> tuple[list[Row], str | None]:
    """Return integrations by name, each with how many alerts are `firing`, and where more begin.

    `after`: the name that the last slice gave, or an empty one.
    """
    found, end = resources.get_slice(db, "integrations", caller.org_id, after=after, limit=limit)
    firing = count_firing(db, caller, [row["id"] for row in found])
    return [{**row, "firing": firing[row["id"]]} for row in found], end


def count_firing(db: Connection, caller: Caller, ids: Sequence[str]) -> dict[str, int]:
    """Return how many alerts of each integration fire; `COUNTED_AT_MOST` stands for more, too."""
    return alerts.count_firing(db, caller.org_id, ids, at_most=COUNTED_AT_MOST)


def get(db: Connection, caller: Caller, id: str) -> Row:
    """Return the integration. Raises `NotFound`."""
    return _find(db, caller.org_id, id)


def create(
    db: Connection, *, org_id: str, values: Row, actor_id: str | None = None, now: datetime
) -> Row:
    """Make an integration with a `name` and a `kind`; return it with its `token`.

    Nobody can read the token again. `actor_id`: who makes it, or `None` for a command. Raises
    `ValidationFailed` for values that integrations of the kind do not have, `NotFound` for the
    organization, `Conflict` `name_conflict` or `too_many_integrations`, and `InvalidRequest`
    `invalid_component_id` or `invalid_routing_policy_id`.
    """
    values = _with_defaults(values["kind"], {**DEFAULTS, **values})
    organizations.check(db, org_id)
    _check_references(db, org_id, values)
    token = ids.new_token()
    columns = rows.stored({**values, "token_hash": ids.hash_token(token)})
    id = resources.create(db, "integrations", org_id, columns, now=now)["id"]
    integration = _find(db, org_id, id)
    log.record(db, "integration", None, integration, actor_id=actor_id, now=now)
    return {**integration, "token": token}


def change(db: Connection, caller: Caller, id: str, changes: Row, *, now: datetime) -> Row:
    """Set some of an integration's values; `None` sets the default. Return the integration.

    Raises `NotFound`, and what `create` raises.
    """
    row = get(db, caller, id)
    if not changes:
        return row
    cleared = {name: DEFAULTS[name] for name, value in changes.items() if value is None}
    columns = _with_defaults(row["kind"], {**changes, **cleared})
    _check_references(db, caller.org_id, columns)
    resources.change(db, "integrations", caller.org_id, id, rows.stored(columns), now=now)
    changed = get(db, caller, id)
    log.record(db, "integration", row, changed, actor_id=caller.actor_id, now=now)
    if {"every_seconds", "grace_seconds"} & columns.keys():
        heartbeats.reschedule(db, changed, now=now)
    if changed["auto_resolve"] and not row["auto_resolve"]:
        over.resume(db, caller.org_id, id, now=now)
    return changed


def set_selectors(
    db: Connection, caller: Caller, id: str, selectors: Sequence[Row], *, now: datetime
) -> Row:
    """Replace an integration's selectors; return the integration.

    Raises `NotFound` and `InvalidRequest` `invalid_routing_policy_id`.
    """
    before = get(db, caller, id)
    checked: set[str] = set()
    for n, selector in enumerate(selectors):
        policy_id = selector["routing_policy_id"]
        if policy_id not in checked:
            field = f"selectors[{n}].routingPolicyId"
            resources.check_reference(db, "routing_policies", caller.org_id, policy_id, field)
            checked.add(policy_id)
    rows.set_selectors(db, caller.org_id, id, selectors)
    rows.update(db, caller.org_id, id, {"updated_at": format_instant(now)})
    integration = get(db, caller, id)
    log.record(db, "integration", before, integration, actor_id=caller.actor_id, now=now)
    return integration


def rotate_token(db: Connection, caller: Caller, id: str, *, now: datetime) -> Row:
    """Give an integration a new token, which ends the old one; return it with its `token`.

    Raises `NotFound`.
    """
    get(db, caller, id)
    token = ids.new_token()
    changes = {"token_hash": ids.hash_token(token), "updated_at": format_instant(now)}
    rows.update(db, caller.org_id, id, changes)
    integration = get(db, caller, id)
    log.record(
        db,
        "integration",
        integration,
        integration,
        actor_id=caller.actor_id,
        now=now,
        action="token_rotated",
    )
    return {**integration, "token": token}


def delete(db: Connection, caller: Caller, id: str, *, now: datetime) -> None:
    """Delete an integration, and resolve its alerts: the first at once, the others soon.

    Raises `NotFound`.
    """
    integration = get(db, caller, id)
    resources.hide(db, "integrations", caller.org_id, id, now=now)
    log.record(db, "integration", integration, None, actor_id=caller.actor_id, now=now)
    receipts.delete_of_integration(db, caller.org_id, id)
    tasks.delete(db, caller.org_id, "miss_heartbeat", id)
    if over.resolve_all_of(db, caller.org_id, id, limit=over.RESOLVED_A_WRITE, now=now):
        tasks.put(db, caller.org_id, "resolve_alerts", id, due_at=format_instant(now))


def of_token(db: Connection, token: str) -> Row:
    """Return the integration that has the token. Raises `NotAuthorized`."""
    row = rows.with_token(db, ids.hash_token(token))
    if row is None:
        raise NotAuthorized("The token is not an integration's: it may have been replaced.")
    return row


def url_of(base_url: str, token: str) -> str:
    """Return where a tool sends with the token."""
    return f"{base_url}/in/{token}"


def _find(db: Connection, org_id: str, id: str) -> Row:
    row = rows.get(db, org_id, id)
    if row is None:
        raise resources.not_found("integrations", id)
    return row


def _with_defaults(kind: str, values: Row) -> Row:
    """Return the values, with those defaults that depend on the kind.

    Raises `ValidationFailed` for values that integrations of the kind do not have, or must have.
    """
    faults: dict[str, list[str]] = {}
    for name, (field, needed) in _FIELDS_OF_KIND.items():
        if kind != needed and values.get(name) is not None:
            faults[field] = [f"Not allowed when the kind is {kind}."]
    if kind == "heartbeat":
        if values.get("every_seconds", 1) is None:
            faults["everySeconds"] = ["Missing data for required field."]
        if values.get("grace_seconds", 1) is None:
            values = {**values, "grace_seconds": HEARTBEAT_GRACE_SECONDS}
    if faults:
        raise ValidationFailed(faults)
    return values


def _check_references(db: Connection, org_id: str, values: dict[str, Any]) -> None:
    component_id, policy_id = values.get("component_id"), values.get("routing_policy_id")
    resources.check_reference(db, "components", org_id, component_id, "componentId")
    resources.check_reference(db, "routing_policies", org_id, policy_id, "routingPolicyId")
