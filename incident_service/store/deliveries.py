"""Rows of `deliveries`: pages and other messages on their way, one row a contact method."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import NamedTuple

from incident_service.clock import LAST, format_instant
from incident_service.database.engine import Connection
from incident_service.store import (
    Row,
    insert_row,
    insert_rows,
    invitations,
    one_or_none,
    set_columns,
    sign_in_links,
)

_NOTHING: Row = {
    "incident_id": None,
    "alert_id": None,
    "user_id": None,
    "subscription_id": None,
    "invitation_id": None,
    "sign_in_link_id": None,
    "layer_position": None,
    "contact_method_id": None,
    "delay_minutes": 0,
    "details": None,
}
"""What a new row has where nothing else is said."""


def insert(db: Connection, rows: Sequence[Row]) -> None:
    """Add deliveries that were not tried yet; each is due at once, unless it has a `due_at`."""
    whole = [{**_NOTHING, "due_at": row["created_at"], **row} for row in rows]
    insert_rows(db, "deliveries", whole)


PARKED = format_instant(LAST)
"""When an event is due that waits for the ones before it."""


def insert_event(db: Connection, row: Row, *, waiting: int) -> None:
    """Add an event for a subscription: due at once, or once those that wait have come to their end.

    `waiting`: how many do.
    """
    due_at = PARKED if waiting else row["created_at"]
    insert_row(db, "deliveries", {**_NOTHING, **row, "kind": "event", "due_at": due_at})


class Queue(NamedTuple):
    """What of an organization has one rank: first tries or retries, of pages or of the rest."""

    org_id: str
    rank: int


class Lane(NamedTuple):
    """What goes to one receiver for one recipient, in one queue."""

    queue: Queue
    recipient_id: str
    receiver: str


def queues(db: Connection, *, after: str, limit: int) -> list[Queue]:
    """Return the queues that are not empty, of organizations after one."""
    rows = db.execute(
        """
        WITH RECURSIVE queue (org_id, rank) AS (
            SELECT * FROM (
                SELECT org_id, rank FROM deliveries WHERE org_id > :after
                ORDER BY org_id, rank LIMIT 1) AS first
            UNION ALL
            SELECT found.org_id, found.rank
            FROM queue JOIN deliveries AS found ON found.rowid = coalesce(
                (SELECT rowid FROM deliveries
                 WHERE org_id = queue.org_id AND rank > queue.rank ORDER BY rank LIMIT 1),
                (SELECT rowid FROM deliveries
                 WHERE org_id > queue.org_id ORDER BY org_id, rank LIMIT 1)))
        SELECT org_id, rank FROM queue LIMIT :limit
        """,
        {"after": after, "limit": limit},
    ).fetchall()
    return [Queue(row["org_id"], row["rank"]) for row in rows]


_NEXT_LANE = """coalesce(
    (SELECT rowid FROM deliveries
     WHERE org_id = :org_id AND rank = :rank
        AND recipient_id = {recipient_id} AND receiver > {receiver}
     ORDER BY receiver LIMIT 1),
    (SELECT rowid FROM deliveries
     WHERE org_id = :org_id AND rank = :rank
        AND recipient_id > {recipient_id}
     ORDER BY recipient_id, receiver LIMIT 1))"""
"""The first row of the lane after one."""

_LANES = f"""
    WITH RECURSIVE lane (recipient_id, receiver) AS (
        SELECT recipient_id, receiver FROM deliveries
        WHERE rowid = {_NEXT_LANE.format(recipient_id=":recipient_id", receiver=":receiver")}
        UNION ALL
        SELECT found.recipient_id, found.receiver
        FROM lane JOIN deliveries AS found
          ON found.rowid =
            {_NEXT_LANE.format(recipient_id="lane.recipient_id", receiver="lane.receiver")})
    SELECT recipient_id, receiver FROM lane LIMIT :limit
    """


def lanes(db: Connection, queue: Queue, *, after: Lane | None, limit: int) -> list[Lane]:
    """Return the first lanes of a queue, or the first ones after one of them."""
    values = {
        **queue._asdict(),
        "recipient_id": after.recipient_id if after else "",
        "receiver": after.receiver if after else "",
        "limit": limit,
    }
    rows = db.execute(_LANES, values).fetchall()
    return [Lane(queue, row["recipient_id"], row["receiver"]) for row in rows]


def due(db: Connection, lanes: Sequence[Lane], *, at: str, each: int) -> list[Row]:
    """Return the first deliveries that are due of each lane, up to `each`, those due first, first.

    However much waits in a lane, this reads no more of it.
    """
    rows = db.execute(
        """
        SELECT lane.key AS number, (
            SELECT json_group_array(json_object('id', id, 'due_at', due_at)) FROM (
                SELECT id, due_at FROM deliveries
                WHERE org_id = json_extract(lane.value, '$[0]')
                    AND rank = CAST(json_extract(lane.value, '$[1]') AS INTEGER)
                    AND recipient_id = json_extract(lane.value, '$[2]')
                    AND receiver = json_extract(lane.value, '$[3]')
                    AND due_at <= :at
                ORDER BY due_at LIMIT :each) AS those) AS due
        FROM json_each(:lanes) AS lane
        """,
        {
            "at": at,
            "each": each,
            "lanes": json.dumps([(*lane.queue, *lane[1:]) for lane in lanes]),
        },
    ).fetchall()
    found = []
    for row in rows:
        lane = lanes[row["number"]]
        receiver = {"recipient_id": lane.recipient_id, "receiver": lane.receiver}
        of_lane = lane.queue._asdict() | receiver
        found += [of_lane | delivery for delivery in json.loads(row["due"])]
    return sorted(found, key=lambda row: (row["due_at"], row["id"]))


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

    That is the columns of its incident, alert, invitation or link to sign in, and `components`, the
    names of those that an incident affects, in order; for an alert, the names of its integration
    and its component, if it has one; for an invitation or a link, `organization_name`. `user_email`
    and `method_url` are null if the user or the contact method is deleted.
    """
    wanted: dict[Callable[..., dict[str, Row]], list[tuple[str, str]]] = {}
    for row in claimed:
        read = _READERS.get(row["kind"], _about_incidents)
        wanted.setdefault(read, []).append((row["org_id"], row["id"]))
    return {id: found for read, some in wanted.items() for id, found in read(db, some).items()}


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
                    ORDER BY affected.ordinal) AS names) AS components
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


_READERS = {
    "alert": _about_alerts,
    "invitation": invitations.about,
    "sign_in": sign_in_links.about,
}


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
    """Return users who have a page about the incident on its way, tried already or not.

    One that rules delay counts once it was tried.
    """
    rows = db.execute(
        """
        SELECT DISTINCT user_id FROM deliveries
        WHERE org_id = :org_id AND incident_id = :incident_id AND kind IN ('page', 'help')
          AND (delay_minutes = 0 OR attempts > 0)
        ORDER BY user_id LIMIT :limit
        """,
        {"org_id": org_id, "incident_id": incident_id, "limit": limit},
    ).fetchall()
    return [row["user_id"] for row in rows]


def delayed(db: Connection, org_id: str, incident_id: str) -> list[Row]:
    """Return the pages about an incident that wait because rules say so, those due first, first."""
    return db.execute(
        """
        SELECT * FROM deliveries
        WHERE org_id = :org_id AND incident_id = :incident_id
          AND kind = 'page' AND delay_minutes > 0 AND attempts = 0
        ORDER BY due_at, id
        """,
        {"org_id": org_id, "incident_id": incident_id},
    ).fetchall()


def of_user(db: Connection, org_id: str, incident_id: str, user_id: str) -> list[Row]:
    """Return the pages about an incident that are on their way to one user, tried or not."""
    return db.execute(
        """
        SELECT * FROM deliveries
        WHERE org_id = :org_id AND incident_id = :incident_id AND user_id = :user_id
          AND kind IN ('page', 'help')
        """,
        {"org_id": org_id, "incident_id": incident_id, "user_id": user_id},
    ).fetchall()


def update_layer(db: Connection, org_id: str, id: str, layer_position: int) -> None:
    """Let a page be one of a layer."""
    set_columns(db, "deliveries", {"layer_position": layer_position}, org_id=org_id, id=id)


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


def call_off_delayed(db: Connection, org_id: str, incident_id: str) -> None:
    """Remove what is on its way about an incident later than at once, because rules say so."""
    db.execute(
        """
        DELETE FROM deliveries
        WHERE org_id = :org_id AND incident_id = :incident_id AND delay_minutes > 0
        """,
        {"org_id": org_id, "incident_id": incident_id},
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


_OF_SUBSCRIPTION = """
    org_id = :org_id AND rank IN (2, 3) AND recipient_id = :subscription_id"""
"""The events that wait for a subscription: no page has these ranks, and an index finds them."""


def events_waiting(db: Connection, org_id: str, subscription_id: str, *, limit: int) -> int:
    """Return how many events wait for a subscription, at most `limit`."""
    row: Row = db.execute(
        f"""
        SELECT count(*) AS number FROM (
            SELECT 1 FROM deliveries WHERE {_OF_SUBSCRIPTION} LIMIT :limit) AS those
        """,
        {"org_id": org_id, "subscription_id": subscription_id, "limit": limit},
    ).fetchone()
    return int(row["number"])


def release_event(db: Connection, org_id: str, subscription_id: str, *, at: str) -> None:
    """Let the oldest event that waits for a subscription be due, unless it is, or was tried."""
    key = {"org_id": org_id, "subscription_id": subscription_id}
    oldest = one_or_none(
        db,
        f"""
        SELECT id, attempts FROM deliveries WHERE {_OF_SUBSCRIPTION}
        ORDER BY created_at, id LIMIT 1
        """,
        key,
    )
    if oldest is not None and not oldest["attempts"]:
        db.execute(
            """
            UPDATE deliveries SET due_at = :at
            WHERE org_id = :org_id AND id = :id AND due_at > :at
            """,
            {"org_id": org_id, "id": oldest["id"], "at": at},
        )


def redirect_events(db: Connection, org_id: str, subscription_id: str, receiver: str) -> None:
    """Let the events that wait for a subscription go to another receiver."""
    db.execute(
        f"UPDATE deliveries SET receiver = :receiver WHERE {_OF_SUBSCRIPTION}",
        {"org_id": org_id, "subscription_id": subscription_id, "receiver": receiver},
    )


def delete_events(db: Connection, org_id: str, subscription_id: str) -> None:
    """Call off the events that wait for a subscription."""
    db.execute(
        f"DELETE FROM deliveries WHERE {_OF_SUBSCRIPTION}",
        {"org_id": org_id, "subscription_id": subscription_id},
    )


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


def page_due_at(db: Connection, at: str) -> str | None:
    """Return when the first delivery fell due of those that are due by an instant, but events."""
    row = db.execute(
        "SELECT min(due_at) AS due_at FROM deliveries WHERE due_at <= :at AND rank < 2", {"at": at}
    ).fetchone()
    due_at: str | None = row["due_at"]
    return due_at
