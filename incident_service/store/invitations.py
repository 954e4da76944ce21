"""Rows of `invitations`: people who were asked to join and are not users yet."""

from __future__ import annotations

import json
from collections.abc import Sequence

from incident_service.database.engine import Connection
from incident_service.store import Row, insert_row, one_or_none


def insert(db: Connection, invitation: Row) -> None:
    """Add an invitation; `invitation` has a value for each column."""
    insert_row(db, "invitations", invitation)


def get(db: Connection, org_id: str, id: str) -> Row | None:
    """Return the invitation, over or not."""
    return one_or_none(
        db,
        "SELECT * FROM invitations WHERE org_id = :org_id AND id = :id",
        {"org_id": org_id, "id": id},
    )


def with_email(db: Connection, org_id: str, email_key: str) -> Row | None:
    """Return the invitation of an email, given with letter case folded, over or not."""
    return one_or_none(
        db,
        "SELECT * FROM invitations WHERE org_id = :org_id AND email_key = :email_key",
        {"org_id": org_id, "email_key": email_key},
    )


def with_token(db: Connection, token_hash: str) -> Row | None:
    """Return the invitation whose token has the hash, with its `organization_name`."""
    return one_or_none(
        db,
        """
        SELECT invitation.*, organization.name AS organization_name
        FROM invitations AS invitation
        JOIN organizations AS organization ON organization.id = invitation.org_id
        WHERE invitation.token_hash = :hash
        """,
        {"hash": token_hash},
    )


def pending(db: Connection, org_id: str, *, at: str) -> list[Row]:
    """Return the organization's invitations that end after an instant, oldest first."""
    return db.execute(
        """
        SELECT * FROM invitations WHERE org_id = :org_id AND expires_at > :at
        ORDER BY expires_at, id
        """,
        {"org_id": org_id, "at": at},
    ).fetchall()


def is_full(db: Connection, org_id: str, limit: int, *, at: str) -> bool:
    """Whether the organization has `limit` invitations that end after an instant."""
    row = one_or_none(
        db,
        """
        SELECT 1 FROM invitations WHERE org_id = :org_id AND expires_at > :at
        LIMIT 1 OFFSET :last
        """,
        {"org_id": org_id, "at": at, "last": limit - 1},
    )
    return row is not None


def ended(db: Connection, *, until: str, limit: int) -> list[Row]:
    """Return the `org_id` and `id` of invitations that ended by an instant, of everybody's."""
    return db.execute(
        "SELECT org_id, id FROM invitations WHERE expires_at <= :until LIMIT :limit",
        {"until": until, "limit": limit},
    ).fetchall()


def delete(db: Connection, invitations: Sequence[Row]) -> None:
    """Remove invitations, and the mails about them; each has its `org_id` and `id`."""
    keys = [{"org_id": row["org_id"], "id": row["id"]} for row in invitations]
    db.executemany("DELETE FROM deliveries WHERE org_id = :org_id AND invitation_id = :id", keys)
    db.executemany("DELETE FROM invitations WHERE org_id = :org_id AND id = :id", keys)


def about(db: Connection, deliveries: Sequence[tuple[str, str]]) -> dict[str, Row]:
    """Return for each delivery of an invitation, by its id, what its mail says.

    `deliveries`: the `org_id` and `id` of each.
    """
    rows = db.execute(
        """
        SELECT delivery.id AS delivery_id, invitation.*, invitation.email AS user_email,
            NULL AS method_url, organization.name AS organization_name
        FROM json_each(:wanted) AS each
        CROSS JOIN deliveries AS delivery
          ON delivery.org_id = json_extract(each.value, '$[0]')
            AND delivery.id = json_extract(each.value, '$[1]')
        CROSS JOIN invitations AS invitation
          ON invitation.org_id = delivery.org_id AND invitation.id = delivery.invitation_id
        CROSS JOIN organizations AS organization ON organization.id = invitation.org_id
        """,
        {"wanted": json.dumps(deliveries)},
    ).fetchall()
    return {row["delivery_id"]: row for row in rows}
