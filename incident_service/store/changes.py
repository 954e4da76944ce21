"""Rows of `changes`: the audit log of everything but incidents, which have trails of their own."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Literal, get_args

from incident_service import ids
from incident_service.clock import format_instant
from incident_service.database.engine import Connection
from incident_service.names import camel_case
from incident_service.store import Row, insert_row, one_or_none, take

Action = Literal["created", "changed", "deleted", "token_rotated"]

ACTIONS: tuple[Action, ...] = get_args(Action)

ResourceType = Literal[
    "organization",
    "user",
    "invitation",
    "api_key",
    "session",
    "contact_method",
    "notification_rules",
    "calendar_feed",
    "component",
    "schedule",
    "schedule_layer",
    "schedule_override",
    "working_hours",
    "escalation_policy",
    "escalation_layer",
    "routing_policy",
    "integration",
    "alert",
    "maintenance_window",
    "status_page",
    "subscription",
    "postmortem",
    "postmortem_template",
]

RECORDED: dict[ResourceType, tuple[str, ...]] = {
    "organization": ("name", "timezone", "default_escalation_policy_id"),
    "user": ("email", "first_name", "last_name", "role"),
    "invitation": ("email_address", "role", "expires_at"),
    "api_key": ("name", "role", "user_id", "key_prefix", "expires_at"),
    "session": ("user_id", "method", "user_agent"),
    "contact_method": ("user_id", "label", "url"),
    "notification_rules": ("rules", "resolved_notice", "is_default"),
    "calendar_feed": ("user_id", "schedule_id"),
    "component": ("name", "description", "group_label", "aliases", "escalation_policy_id"),
    "schedule": ("name", "description", "timezone", "layer_ids"),
    "schedule_layer": (
        "schedule_id",
        "name",
        "rotation_type",
        "rotation_length_days",
        "handoff_time",
        "effective_from",
        "effective_until",
        "participant_ids",
    ),
    "schedule_override": ("schedule_id", "user_id", "starts_at", "ends_at", "reason"),
    "working_hours": ("name", "timezone", "windows"),
    "escalation_policy": ("name", "description", "repeat", "layers"),
    "escalation_layer": (
        "policy_id",
        "position",
        "escalate_after_seconds",
        "target",
        "condition",
    ),
    "routing_policy": ("name", "description", "rules"),
    "integration": (
        "name",
        "kind",
        "component_id",
        "routing_policy_id",
        "selectors",
        "default_severity",
        "severity_map",
        "auto_resolve",
        "resolve_after_seconds",
        "mapping",
        "every_seconds",
        "grace_seconds",
    ),
    "alert": ("status",),
    "maintenance_window": (
        "title",
        "description",
        "component_ids",
        "starts_at",
        "ends_at",
        "is_public",
        "suppresses_alerts",
    ),
    "status_page": ("slug", "title", "published", "component_ids", "overrides"),
    "subscription": ("label", "url", "events", "severities", "schedule_ids", "component_ids"),
    "postmortem": ("status", "author_ids", "version"),
    "postmortem_template": ("body", "is_default"),
}
"""The values of each kind of thing that the log shows: what people set, and no secret."""

RESOURCE_TYPES: tuple[ResourceType, ...] = tuple(RECORDED)

MAX_VALUE = 2000
"""The most characters of JSON that the log keeps of one value."""

_FLAGS = {"auto_resolve", "is_public", "suppresses_alerts", "published"}
"""Values that are true or false."""

_KEYS_ARE_DATA = {"severity_map", "mapping", "overrides"}
"""Values that are objects whose keys are not names of fields."""


def record(
    db: Connection,
    resource_type: ResourceType,
    before: Row | None,
    after: Row | None,
    *,
    actor_id: str | None,
    now: datetime,
    action: Action | None = None,
) -> None:
    """Add what a change did to one thing to the log, in the transaction of the change (§6).

    `before` is `None` if the thing is new, `after` if it is gone; each has `org_id`, `id` and the
    values of `RECORDED`, as the API shows them. Of a thing that stays, only what changed is kept,
    and nothing is recorded if that is nothing, unless `action` says what happened. `actor_id` is
    the id of a user or a key, or `None` for a command or the service itself.
    """
    thing = after or before
    if thing is None:
        raise ValueError("A change is to a thing that was, or is, there.")
    old, new = _shown(resource_type, before), _shown(resource_type, after)
    if old is not None and new is not None:
        changed = [name for name in new if old.get(name) != new[name]]
        if not changed and action is None:
            return
        old = {name: old.get(name) for name in changed}
        new = {name: new[name] for name in changed}
    if action is None:
        action = "created" if before is None else "deleted" if after is None else "changed"
    row = {
        "org_id": thing["org_id"],
        "id": ids.new_id(),
        "at": format_instant(now),
        "actor_id": actor_id,
        "action": action,
        "resource_type": resource_type,
        "resource_id": thing["id"],
        "before": _text(old),
        "after": _text(new),
    }
    insert_row(
        db,
        "changes",
        row,
        number="1 + (SELECT coalesce(max(number), 0) FROM changes WHERE org_id = :org_id)",
        at="""max(:at, coalesce((
            SELECT last.at FROM changes AS last
            WHERE last.org_id = :org_id ORDER BY last.number DESC LIMIT 1), :at))""",
    )


FILTERS = {
    "resource_type": "resource_type = :resource_type",
    "resource_id": "resource_id = :resource_id",
    "actor_id": "actor_id = :actor_id",
}
"""The condition of each filter of the log."""


def newest(
    db: Connection, org_id: str, filters: Row, *, after: int, before: int, limit: int
) -> list[Row]:
    """Return the newest changes numbered `after < number < before`, newest first.

    `filters`: values for any of `FILTERS`. Fewer if their values are long.
    """
    rows = db.execute(
        f"""
        SELECT * FROM changes
        WHERE org_id = :org_id AND number > :after AND number < :before
          {"".join(f" AND {FILTERS[name]}" for name in filters)}
        ORDER BY number DESC LIMIT :limit
        """,
        {**filters, "org_id": org_id, "after": after, "before": before, "limit": limit},
    )
    return [_parsed(row) for row in take(take(rows, "before"), "after")]


def last(db: Connection, org_id: str) -> int:
    """Return the number of the organization's last change; 0 if there is none."""
    row = db.execute(
        "SELECT max(number) AS number FROM changes WHERE org_id = :org_id", {"org_id": org_id}
    ).fetchone()
    return row["number"] or 0


def last_before(db: Connection, org_id: str, at: str) -> int:
    """Return the number of the last change before an instant; 0 if there is none."""
    row = one_or_none(
        db,
        """
        SELECT number FROM changes WHERE org_id = :org_id AND at < :at
        ORDER BY at DESC, number DESC LIMIT 1
        """,
        {"org_id": org_id, "at": at},
    )
    return row["number"] if row else 0


def created_since(
    db: Connection, org_id: str, resource_type: ResourceType, at: str, *, limit: int
) -> list[Row]:
    """Return the newest `limit` creations of a kind of thing, from an instant on."""
    rows = db.execute(
        """
        SELECT * FROM changes
        WHERE org_id = :org_id AND resource_type = :resource_type AND number > :after
          AND action = 'created'
        ORDER BY number DESC LIMIT :limit
        """,
        {
            "org_id": org_id,
            "resource_type": resource_type,
            "after": last_before(db, org_id, at),
            "limit": limit,
        },
    )
    return [_parsed(row) for row in rows]


def _shown(resource_type: ResourceType, thing: Row | None) -> Row | None:
    """Return the recorded values by their names on the wire; `None` for `None`."""
    if thing is None:
        return None
    return {
        camel_case(name): _on_the_wire(name, thing[name])
        for name in RECORDED[resource_type]
        if name in thing
    }


def _on_the_wire(name: str, value: Any) -> Any:
    if name in _FLAGS:
        return bool(value)
    if isinstance(value, dict) and name not in _KEYS_ARE_DATA:
        return {camel_case(part): _on_the_wire(part, value[part]) for part in value}
    if isinstance(value, list):
        return [_on_the_wire(name, part) for part in value]
    return value


def _text(values: Row | None) -> str | None:
    if values is None:
        return None
    return json.dumps({name: _cut(value) for name, value in values.items()}, ensure_ascii=False)


def _cut(value: Any) -> Any:
    """Return the value; if it is long, the beginning of it as text."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return value if len(text) <= MAX_VALUE else f"{text[:MAX_VALUE]}…"


def _parsed(row: Row) -> Row:
    values = {name: row[name] and json.loads(row[name]) for name in ("before", "after")}
    return {**row, **values}
