"""Rows of the layers of schedules, of their participants, and of what layers were before."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from incident_service.database.engine import Connection
from incident_service.store import (
    ALL,
    Row,
    insert_into,
    insert_row,
    insert_rows,
    one_or_none,
    put_rows,
    set_columns,
)

_FAR = 1_000_000_000
"""More than any layer's position."""


def layers(db: Connection, org_id: str, schedule_id: str) -> list[Row]:
    """Return the schedule's layers by position, each with its `participant_ids` in order."""
    rows = db.execute(
        """
        SELECT layer.*, (
            SELECT json_group_array(user_id) FROM (
                SELECT user_id FROM schedule_layer_participants AS participant
                WHERE participant.org_id = layer.org_id AND participant.layer_id = layer.id
                ORDER BY ordinal) AS participants) AS participant_ids
        FROM schedule_layers AS layer
        WHERE layer.org_id = :org_id AND layer.schedule_id = :schedule_id
        ORDER BY layer.position
        """,
        {"org_id": org_id, "schedule_id": schedule_id},
    ).fetchall()
    return [{**row, "participant_ids": json.loads(row["participant_ids"])} for row in rows]


_ROTA = """
    SELECT schedule.*, (
        SELECT json_group_array(json_object(
            'id', layer.id,
            'name', layer.name,
            'position', layer.position,
            'rotation_length_days', layer.rotation_length_days,
            'handoff_time', layer.handoff_time,
            'effective_from', layer.effective_from,
            'effective_until', layer.effective_until,
            'valid_from', layer.valid_from,
            'turns_from', layer.turns_from,
            'participant_ids', json((
                SELECT json_group_array(user_id) FROM (
                    SELECT user_id FROM schedule_layer_participants AS participant
                    WHERE participant.org_id = layer.org_id AND participant.layer_id = layer.id
                    ORDER BY ordinal) AS participants))))
        FROM schedule_layers AS layer
        WHERE layer.org_id = schedule.org_id AND layer.schedule_id = schedule.id
    ) AS layers, (
        SELECT json_group_array(json_object(
            'id', version.layer_id,
            'position', version.position,
            'timezone', version.timezone,
            'rotation_length_days', version.rotation_length_days,
            'handoff_time', version.handoff_time,
            'effective_from', version.effective_from,
            'effective_until', version.effective_until,
            'valid_from', version.valid_from,
            'valid_until', version.valid_until,
            'turns_from', version.turns_from,
            'participant_ids', json(version.participant_ids)))
        FROM schedule_layer_versions AS version
        WHERE version.org_id = schedule.org_id AND version.schedule_id = schedule.id
          AND version.valid_until > :at
    ) AS versions, ({overrides}) AS overrides
    FROM schedules AS schedule
    WHERE schedule.org_id = :org_id AND schedule.deleted_at IS NULL
"""

_ROTA_AT = _ROTA.format(
    overrides="""
        SELECT json_group_array(json_object(
            'id', id, 'past_of', past_of, 'user_id', user_id,
            'starts_at_utc', starts_at_utc, 'ends_at_utc', ends_at_utc))
        FROM (
            SELECT * FROM (
                SELECT * FROM schedule_overrides AS override
                WHERE override.org_id = schedule.org_id AND override.schedule_id = schedule.id
                  AND override.ends_at_utc <= :at
                ORDER BY override.ends_at_utc DESC LIMIT 1) AS past
            UNION ALL
            SELECT * FROM (
                SELECT * FROM schedule_overrides AS override
                WHERE override.org_id = schedule.org_id AND override.schedule_id = schedule.id
                  AND override.ends_at_utc > :at
                ORDER BY override.ends_at_utc LIMIT 2) AS others) AS those
    """
)

_ROTA_BETWEEN = _ROTA.format(
    overrides="""
        SELECT json_group_array(json_object(
            'id', id, 'past_of', past_of, 'user_id', user_id, 'reason', reason,
            'starts_at_utc', starts_at_utc, 'ends_at_utc', ends_at_utc))
        FROM (
            SELECT * FROM schedule_overrides AS override
            WHERE override.org_id = schedule.org_id AND override.schedule_id = schedule.id
              AND override.ends_at_utc > :at AND override.starts_at_utc < :end
            ORDER BY override.ends_at_utc LIMIT :most) AS those
    """
)


def rota(db: Connection, org_id: str, id: str, at_utc: str) -> Row | None:
    """Return the schedule with all that decides who is on call at an instant, unless deleted.

    `layers`: each with its `participant_ids` in order, and what those that changed after the
    instant were before. `overrides`: the last that ended, and two that end later; so the one that
    covers the instant, if there is one, and the next to begin.
    """
    row = one_or_none(
        db, f"{_ROTA_AT} AND schedule.id = :id", {"org_id": org_id, "id": id, "at": at_utc}
    )
    return _parsed(row) if row else None


def rotas(db: Connection, org_id: str, at_utc: str) -> Iterator[Row]:
    """Yield what `rota` returns of each schedule, by name, one at a time: together they are big."""
    rows = db.execute(f"{_ROTA_AT} ORDER BY schedule.name", {"org_id": org_id, "at": at_utc})
    return map(_parsed, rows)


def rotas_of(db: Connection, org_id: str, ids: Sequence[str], at_utc: str) -> Iterator[Row]:
    """Yield what `rota` returns of those of the schedules that there are, one at a time."""
    rows = db.execute(
        f"{_ROTA_AT} AND schedule.id IN (SELECT value FROM json_each(:ids))",
        {"org_id": org_id, "at": at_utc, "ids": json.dumps(ids)},
    )
    return map(_parsed, rows)


def rotas_between(
    db: Connection,
    org_id: str,
    start_utc: str,
    end_utc: str,
    *,
    most: int,
    ids: Sequence[str] | None = None,
    after: str = "",
    limit: int = ALL,
) -> Iterator[Row]:
    """Yield schedules with all that decides who is on call in `start <= t < end`, by name.

    As `rota` has it, but `overrides` are those that cover any of the window, each with its
    `reason`; if there are more than `most`, the first. `ids`: of these schedules alone. `after`:
    those whose names come after it. `limit`: so many at most.
    """
    chosen = "" if ids is None else "AND schedule.id IN (SELECT value FROM json_each(:ids))"
    rows = db.execute(
        f"{_ROTA_BETWEEN} {chosen} AND schedule.name > :after ORDER BY schedule.name LIMIT :limit",
        {
            "org_id": org_id,
            "at": start_utc,
            "end": end_utc,
            "most": most,
            "ids": json.dumps(ids),
            "after": after,
            "limit": limit,
        },
    )
    return map(_parsed, rows)


def _parsed(row: Row) -> Row:
    layers = json.loads(row["layers"]) + json.loads(row["versions"])
    return {**row, "layers": layers, "overrides": json.loads(row["overrides"])}


def versions(db: Connection, org_id: str, schedule_id: str, after_utc: str) -> list[Row]:
    """Return what the schedule's layers were, as far as that counted after the instant."""
    rows = db.execute(
        """
        SELECT *, layer_id AS id FROM schedule_layer_versions
        WHERE org_id = :org_id AND schedule_id = :schedule_id AND valid_until > :after
        """,
        {"org_id": org_id, "schedule_id": schedule_id, "after": after_utc},
    ).fetchall()
    return [{**row, "participant_ids": json.loads(row["participant_ids"])} for row in rows]


def keep_versions(db: Connection, versions: Sequence[Row]) -> None:
    """Add what layers were until now; each has a value for each column."""
    rows = [{**row, "participant_ids": json.dumps(row["participant_ids"])} for row in versions]
    put_rows(db, "schedule_layer_versions", rows, key=("org_id", "layer_id", "valid_until"))


def keep_zone(db: Connection, schedule: Row, *, until_utc: str) -> None:
    """Add which time zone the schedule was in until an instant.

    If it had more than one at the instant, the first of them was its zone until then.
    """
    row = {
        "org_id": schedule["org_id"],
        "schedule_id": schedule["id"],
        "valid_until": until_utc,
        "timezone": schedule["timezone"],
    }
    db.execute(f"{insert_into('schedule_zones', row)} ON CONFLICT DO NOTHING", row)


def zones(db: Connection, org_id: str, after_utc: str) -> dict[str, list[Row]]:
    """Return by schedule, deleted or not, the zones that it was in after an instant.

    Each is a `timezone` and `valid_until`, in order, without the zone that it is in now.
    """
    found: dict[str, list[Row]] = {}
    rows = db.execute(
        """
        SELECT schedule_id, valid_until, timezone FROM schedule_zones
        WHERE org_id = :org_id AND valid_until > :after
        ORDER BY schedule_id, valid_until
        """,
        {"org_id": org_id, "after": after_utc},
    )
    for row in rows:
        found.setdefault(row["schedule_id"], []).append(row)
    return found


def ever(db: Connection, org_id: str) -> list[Row]:
    """Return the schedules that there are, and those that were deleted."""
    return db.execute(
        "SELECT * FROM schedules WHERE org_id = :org_id ORDER BY id", {"org_id": org_id}
    ).fetchall()


def next_position(db: Connection, org_id: str, schedule_id: str) -> int:
    """Return the position after all that the schedule's layers have, or had before an edit.

    So a new layer comes last in the past, too.
    """
    row = db.execute(
        """
        SELECT 1 + max(
            coalesce((SELECT max(position) FROM schedule_layers
                      WHERE org_id = :org_id AND schedule_id = :schedule_id), -1),
            coalesce((SELECT max(position) FROM schedule_layer_versions
                      WHERE org_id = :org_id AND schedule_id = :schedule_id), -1)) AS position
        """,
        {"org_id": org_id, "schedule_id": schedule_id},
    ).fetchone()
    return int(row["position"])


def insert_layer(db: Connection, layer: Row) -> None:
    """Add a layer; `layer` has a value for each column, and its `participant_ids` in order."""
    columns = dict(layer)
    user_ids = columns.pop("participant_ids")
    insert_row(db, "schedule_layers", columns)
    _insert_participants(db, layer["org_id"], layer["id"], user_ids)


def update_layer(db: Connection, org_id: str, id: str, changes: Row) -> None:
    """Change a layer; the keys of `changes` are the columns to set, and maybe `participant_ids`."""
    columns = dict(changes)
    user_ids = columns.pop("participant_ids", None)
    set_columns(db, "schedule_layers", columns, org_id=org_id, id=id)
    if user_ids is None:
        return
    db.execute(
        "DELETE FROM schedule_layer_participants WHERE org_id = :org_id AND layer_id = :id",
        {"org_id": org_id, "id": id},
    )
    _insert_participants(db, org_id, id, user_ids)


def delete_layer(db: Connection, org_id: str, id: str) -> None:
    """Remove a layer and its participants."""
    db.execute(
        "DELETE FROM schedule_layers WHERE org_id = :org_id AND id = :id",
        {"org_id": org_id, "id": id},
    )


def move_layers(db: Connection, org_id: str, changes: Sequence[Row]) -> None:
    """Give layers other positions; `changes` have `id`, `position`, `valid_from`, `updated_at`."""
    # No two layers may share a position, not even for a moment: move them all out of the way.
    db.executemany(
        """
        UPDATE schedule_layers SET position = position + :far WHERE org_id = :org_id AND id = :id
        """,
        [{"org_id": org_id, "id": change["id"], "far": _FAR} for change in changes],
    )
    for change in changes:
        columns = {name: value for name, value in change.items() if name != "id"}
        set_columns(db, "schedule_layers", columns, org_id=org_id, id=change["id"])


def policies_that_target(db: Connection, org_id: str, schedule_id: str, *, limit: int) -> list[Row]:
    """Return the `id` and `name` of policies, not deleted, that target the schedule; by name."""
    return db.execute(
        """
        SELECT DISTINCT policy.id, policy.name FROM escalation_layers AS layer
        JOIN escalation_policies AS policy
          ON policy.org_id = layer.org_id AND policy.id = layer.policy_id
        WHERE layer.org_id = :org_id AND layer.schedule_id = :schedule_id
          AND policy.deleted_at IS NULL
        ORDER BY policy.name LIMIT :limit
        """,
        {"org_id": org_id, "schedule_id": schedule_id, "limit": limit},
    ).fetchall()


def _insert_participants(
    db: Connection, org_id: str, layer_id: str, user_ids: Sequence[str]
) -> None:
    rows = [
        {"org_id": org_id, "layer_id": layer_id, "ordinal": n, "user_id": user_id}
        for n, user_id in enumerate(user_ids)
    ]
    insert_rows(db, "schedule_layer_participants", rows)
