"""Rows of `sign_in_links`, which sign a user in once, and of `sign_in_requests`."""

from __future__ import annotations

import json
from collections.abc import Sequence

from incident_service.database.engine import Connection
from incident_service.store import Row, insert_row, one_or_none


def insert(db: Connection, link: Row) -> None:
    """Add a link; `link` has a value for each column."""
    insert_row(db, "sign_in_links", link)


_WITH_USER = """
    SELECT link.*, person.email AS user_email, person.first_name, person.last_name,
        organization.name AS organization_name
    FROM sign_in_links AS link
    JOIN users AS person ON person.org_id = link.org_id AND person.id = link.user_id
    JOIN organizations AS organization ON organization.id = link.org_id
    """


def with_token(db: Connection, token_hash: str, *, at: str) -> Row | None:
    """Return the link whose token has the hash, with its user's `user_email` and names.

    It also has its `organization_name`. None if it is over at an instant.
    """
    return one_or_none(
        db,
        f"{_WITH_USER} WHERE link.token_hash = :hash AND link.expires_at > :at",
        {"hash": token_hash, "at": at},
    )


def ended(db: Connection, *, until: str, limit: int) -> list[Row]:
    """Return the `org_id` and `id` of links that ended by an instant, of everybody's."""
    return db.execute(
        "SELECT org_id, id FROM sign_in_links WHERE expires_at <= :until LIMIT :limit",
        {"until": until, "limit": limit},
    ).fetchall()


def of_user(db: Connection, org_id: str, user_id: str) -> list[Row]:
    """Return the links of the user, over or not."""
    return db.execute(
        "SELECT * FROM sign_in_links WHERE org_id = :org_id AND user_id = :user_id",
        {"org_id": org_id, "user_id": user_id},
    ).fetchall()


def delete(db: Connection, links: Sequence[Row]) -> None:
    """Remove links, and the mails that carry them; each has its `org_id` and `id`."""
    keys = [{"org_id": row["org_id"], "id": row["id"]} for row in links]
    db.executemany("DELETE FROM deliveries WHERE org_id = :org_id AND sign_in_link_id = :id", keys)
    db.executemany("DELETE FROM sign_in_links WHERE org_id = :org_id AND id = :id", keys)


def about(db: Connection, deliveries: Sequence[tuple[str, str]]) -> dict[str, Row]:
    """Return for each delivery of a link, by its id, what its mail says.

    `deliveries`: the `org_id` and `id` of each.
    """
    rows = db.execute(
        """
        SELECT delivery.id AS delivery_id, link.*, person.email AS user_email,
            NULL AS method_url, organization.name AS organization_name
        FROM json_each(:wanted) AS each
        CROSS JOIN deliveries AS delivery
          ON delivery.org_id = json_extract(each.value, '$[0]')
            AND delivery.id = json_extract(each.value, '$[1]')
        CROSS JOIN sign_in_links AS link
          ON link.org_id = delivery.org_id AND link.id = delivery.sign_in_link_id
        CROSS JOIN users AS person ON person.org_id = link.org_id AND person.id = link.user_id
        CROSS JOIN organizations AS organization ON organization.id = link.org_id
        """,
        {"wanted": json.dumps(deliveries)},
    ).fetchall()
    return {row["delivery_id"]: row for row in rows}


def insert_request(db: Connection, request: Row) -> None:
    """Record that a link was asked for by email; `request` has a value for each column."""
    insert_row(db, "sign_in_requests", request)


def requests_since(db: Connection, email_hash: str, *, since: str, limit: int) -> int:
    """Return how often links were asked for with an email after an instant, at most `limit`."""
    row: Row = db.execute(
        """
        SELECT count(*) AS number FROM (
            SELECT 1 FROM sign_in_requests
            WHERE email_hash = :email_hash AND created_at > :since LIMIT :limit) AS those
        """,
        {"email_hash": email_hash, "since": since, "limit": limit},
    ).fetchone()
    return int(row["number"])


def delete_requests(db: Connection, *, until: str, limit: int) -> int:
    """Remove requests from before an instant; return how many."""
    removed = db.execute(
        """
        DELETE FROM sign_in_requests WHERE id IN (
            SELECT id FROM sign_in_requests WHERE created_at <= :until
            ORDER BY created_at LIMIT :limit)
        """,
        {"until": until, "limit": limit},
    )
    return removed.rowcount
