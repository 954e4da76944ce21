"""Rows of `deliveries`: pages and other messages on their way, one row a contact method."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from incident_service.database.file import Connection
from incident_service.store import Row, insert_rows


def insert(db: Connection, rows: Sequence[Row]) -> None:
    """Add deliveries that are due at once and were not tried yet."""
    insert_rows(db, "deliveries", rows, due_at=":created_at")


class Lane(NamedTuple):
    """What goes to one receiver for one user; tries made again are a lane of their own."""

    org_id: str
    is_retry: bool
    user_id: str
    receiver: str


def queues(db: Connection, *, after: str, limit: int) -> list[tuple[str, bool]]:
    """Return organizations after one, each with its first tries, its retries, or both.

    Those are the first two parts of a `Lane`.
    """
    rows = db.execute(
        """
        WITH RECURSIVE queue (org_id, is_retry) AS (
            SELECT * FROM (
                SELECT org_id, attempts > 0 FROM deliveries WHERE org_id > :after
                ORDER BY org_id, attempts > 0 LIMIT 1)
            UNION ALL
            SELECT found.org_id, found.attempts > 0
            FROM queue JOIN deliveries AS found ON found.rowid = coalesce(
                (SELECT rowid FROM deliveries
                 WHERE org_id = queue.org_id AND (attempts > 0) > queue.is_retry LIMIT 1),
                (SELECT rowid FROM deliveries
                 WHERE org_id > queue.org_id ORDER BY org_id, attempts > 0 LIMIT 1))
            LIMIT :limit)
        SELECT org_id, is_retry FROM queue
        """,
        {"after": after, "limit": limit},
    ).fetchall()
    return [(row["org_id"], bool(row["is_retry"])) for row in rows]


def lanes(
    db: Connection, org_id: str, is_retry: bool, *, after: Lane | None, limit: int
) -> list[Lane]:
    """Return the first lanes of an organization, or the first ones after one of them."""
    rows = db.execute(
        """
        WITH RECURSIVE lane (user_id, receiver) AS (
            VALUES (:user_id, :receiver)
            UNION ALL
            SELECT found.user_id, found.receiver
            FROM lane JOIN deliveries AS found ON found.rowid = coalesce(
                (SELECT rowid FROM deliveries
                 WHERE org_id = :org_id AND (attempts > 0) = :is_retry
                    AND user_id = lane.user_id AND receiver > lane.receiver
                 ORDER BY receiver LIMIT 1),
                (SELECT rowid FROM deliveries
                 WHERE org_id = :org_id AND (attempts > 0) = :is_retry
                    AND user_id > lane.user_id
                 ORDER BY user_id, receiver LIMIT 1))
            LIMIT 1 + :limit)
        SELECT user_id, receiver FROM lane LIMIT -1 OFFSET 1
        """,
        {
            "org_id": org_id,
            "is_retry": is_retry,
            "user_id": after.user_id if after else "",
            "receiver": after.receiver if after else "",
            "limit": limit,
        },
    ).fetchall()
    return [Lane(org_id, is_retry, row["user_id"], row["receiver"]) for row in rows]


def due(db: Connection, lanes: Sequence[Lane], *, at: str, each: int) -> list[Row]:
    """Return the first deliveries that are due of each lane, up to `each`, those due first, first.

    However much waits in a lane, this reads no more of it.
    """
    return db.execute(
        """
        SELECT due.org_id, due.id, due.user_id, due.receiver, due.attempts, due.due_at
        FROM json_each(:lanes) AS lane CROSS JOIN deliveries AS due ON due.rowid IN (
            SELECT rowid FROM deliveries
            WHERE org_id = json_extract(lane.value, '$[0]')
                AND (attempts > 0) = json_extract(lane.value, '$[1]')
                AND user_id = json_extract(lane.value, '$[2]')
                AND receiver = json_extract(lane.value, '$[3]')
                AND due_at <= :at
            ORDER BY due_at LIMIT :each)
        ORDER BY due.due_at, due.id
        """,
        {"at": at, "each": each, "lanes": json.dumps(lanes)},
    ).fetchall()


def claim(db: Connection, wanted: Sequence[tuple[str, str]], *, at: str, until: str) -> list[Row]:
    """Take those of the deliveries that are still due, and count the attempt.

    `wanted`: the `org_id` and `id` of each. Until an instant, nobody else takes them.
    """
    return db.execute(
        """
        UPDATE deliveries SET
            due_at = :until, attempts = attempts + 1,
            first_tried_at = coalesce(first_tried_at, :at)
        WHERE due_at <= :at AND (org_id, id) IN (
            SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]')
            FROM json_each(:wanted))
        RETURNING *
        """,
        {"at": at, "until": until, "wanted": json.dumps(wanted)},
    ).fetchall()


_RECEIVERS = """
        LEFT JOIN users AS person
          ON person.org_id = delivery.org_id AND person.id = delivery.user_id
            AND person.deleted_at IS NULL
        LEFT JOIN contact_methods AS method
          ON method.org_id = delivery.org_id AND method.user_id = delivery.user_id
            AND method.id = delivery.contact_method_id
"""


def about(db: Connection, claimed: Sequence[Row]) -> dict[str, Row]:
    """Return for each delivery, by its id, what its message says.

    That is the columns of its incident or alert, and `components`, the names of those that an
    incident affects, in order; for an alert, the names of its integration and its component, if it
    has one. `user_email` and `method_url` are null if the user or the contact method is deleted.
    """
    pages = [(row["org_id"], row["id"]) for row in claimed if row["kind"] != "alert"]
    messages = [(row["org_id"], row["id"]) for row in claimed if row["kind"] == "alert"]
    return {
        **(_about_incidents(db, pages) if pages else {}),
        **(_about_alerts(db, messages) if messages else {}),
    }


def _about_incidents(db: Connection, wanted: Sequence[tuple[str, str]]) -> dict[str, Row]:
    rows = db.execute(
        f"""
        SELECT delivery.id AS delivery_id, incident.*, person.email AS user_email,
            method.url AS method_url, (
                SELECT json_group_array(name) FROM (
                    SELECT component.name FROM incident_components AS affected
                    JOIN components AS component
                      ON component.org_id = affected.org_id AND component.id = affected.component_id
                    WHERE affected.org_id = incident.org_id AND affected.incident_id = incident.id
                    ORDER BY affected.ordinal)) AS components
        FROM json_each(:wanted) AS each
        CROSS JOIN deliveries AS delivery
          ON delivery.org_id = json_extract(each.value, '$[0]')
            AND delivery.id = json_extract(each.value, '$[1]')
        CROSS JOIN incidents AS incident
          ON incident.org_id = delivery.org_id AND incident.id = delivery.incident_id
        {_RECEIVERS}
        """,
        {"wanted": json.dumps(wanted)},
    ).fetchall()
    for row in rows:
        row["components"] = json.loads(row["components"])
    return {row["delivery_id"]: row for row in rows}


def _about_alerts(db: Connection, wanted: Sequence[tuple[str, str]]) -> dict[str, Row]:
    rows = db.execute(
        f"""
        SELECT delivery.id AS delivery_id, alert.*, person.email AS user_email,
            method.url AS method_url, integration.name AS integration_name,
            component.name AS component_name
        FROM json_each(:wanted) AS each
        CROSS JOIN deliveries AS delivery
          ON delivery.org_id = json_extract(each.value, '$[0]')
            AND delivery.id = json_extract(each.value, '$[1]')
        CROSS JOIN alerts AS alert
          ON alert.org_id = delivery.org_id AND alert.id = delivery.alert_id
        CROSS JOIN integrations AS integration
          ON integration.org_id = alert.org_id AND integration.id = alert.integration_id
        LEFT JOIN components AS component
          ON component.org_id = alert.org_id AND component.id = alert.component_id
            AND component.deleted_at IS NULL
        {_RECEIVERS}
        """,
        {"wanted": json.dumps(wanted)},
    ).fetchall()
    for row in rows:
        row["attributes"] = json.loads(row["attributes"])
        row["links"] = json.loads(row["links"])
    return {row["delivery_id"]: row for row in rows}


def postpone(db: Connection, delivery: Row, *, due_at: str) -> bool:
    """Let the delivery be tried again at an instant.

    Return whether it can be: not if it was called off, or another process has taken it since.
    """
    changed = db.execute(
        """
        UPDATE deliveries SET due_at = :due_at
        WHERE org_id = :org_id AND id = :id AND attempts = :attempts
        """,
        {**delivery, "due_at": due_at},
    )
    return changed.rowcount > 0


def user_ids(db: Connection, org_id: str, incident_id: str, *, limit: int) -> list[str]:
    """Return users who have a page about the incident on its way, tried already or not."""
    rows = db.execute(
        """
        SELECT DISTINCT user_id FROM deliveries
        WHERE org_id = :org_id AND incident_id = :incident_id AND kind IN ('page', 'help')
        ORDER BY user_id LIMIT :limit
        """,
        {"org_id": org_id, "incident_id": incident_id, "limit": limit},
    ).fetchall()
    return [row["user_id"] for row in rows]


def delete(db: Connection, org_id: str, id: str) -> None:
    """Remove a delivery that has come to its end."""
    db.execute(
        "DELETE FROM deliveries WHERE org_id = :org_id AND id = :id", {"org_id": org_id, "id": id}
    )


def call_off(db: Connection, org_id: str, incident_ids: Sequence[str], *kinds: str) -> None:
    """Remove what is on its way about incidents, of some kinds."""
    db.execute(
        """
        DELETE FROM deliveries
        WHERE org_id = :org_id AND incident_id IN (SELECT value FROM json_each(:ids))
          AND kind IN (SELECT value FROM json_each(:kinds))
        """,
        {"org_id": org_id, "ids": json.dumps(incident_ids), "kinds": json.dumps(kinds)},
    )


def call_off_help(db: Connection, org_id: str, incident_id: str, user_id: str) -> None:
    """Remove the pages that ask one user to help with an incident."""
    db.execute(
        """
        DELETE FROM deliveries
        WHERE org_id = :org_id AND incident_id = :incident_id AND user_id = :user_id
          AND kind = 'help'
        """,
        {"org_id": org_id, "incident_id": incident_id, "user_id": user_id},
    )


def delete_for_owners(db: Connection, org_id: str, incident_ids: Sequence[str]) -> None:
    """Call off what is on its way to the owners of incidents; pages of layers stay."""
    db.execute(
        """
        DELETE FROM deliveries
        WHERE org_id = :org_id AND incident_id IN (SELECT value FROM json_each(:ids))
          AND layer_position IS NULL AND kind IN ('page', 'acknowledged')
        """,
        {"org_id": org_id, "ids": json.dumps(incident_ids)},
    )


def delete_about_alerts(db: Connection, alerts: Sequence[Row]) -> None:
    """Call off the messages about alerts; each has its `org_id` and `id`."""
    db.executemany("DELETE FROM deliveries WHERE org_id = :org_id AND alert_id = :id", alerts)


def count_outcome(db: Connection, outcome: str) -> None:
    """Count a try whose outcome is `sent` or `failed`."""
    db.execute(
        "UPDATE page_outcomes SET number = number + 1 WHERE outcome = :outcome",
        {"outcome": outcome},
    )


def outcomes(db: Connection) -> dict[str, int]:
    """Return how many tries were ever `sent` and `failed`, in all organizations."""
    rows = db.execute("SELECT outcome, number FROM page_outcomes").fetchall()
    return {row["outcome"]: row["number"] for row in rows}


def next_due_at(db: Connection) -> str | None:
    """Return when the next delivery falls due, or the first that did and was not taken since."""
    row = db.execute("SELECT min(due_at) AS due_at FROM deliveries").fetchone()
    due_at: str | None = row["due_at"]
    return due_at
