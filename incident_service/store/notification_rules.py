"""Rows of `notification_settings` and `notification_rules`: how users want to be paged."""

from __future__ import annotations

import json
from collections.abc import Sequence

from incident_service.database.engine import Connection
from incident_service.store import Row, insert_rows, put_rows


def of_users(db: Connection, org_id: str, user_ids: Sequence[str]) -> dict[str, Row]:
    """Return the settings of those users who have rules of their own, by user.

    Each with its `resolved_notice` and its `rules` in order, whose `severities` are a list.
    """
    rows = db.execute(
        """
        SELECT chosen.user_id, chosen.resolved_notice,
            rule.contact_method_id, rule.severities, rule.delay_minutes
        FROM notification_settings AS chosen
        LEFT JOIN notification_rules AS rule
          ON rule.org_id = chosen.org_id AND rule.user_id = chosen.user_id
        WHERE chosen.org_id = :org_id AND chosen.user_id IN (SELECT value FROM json_each(:ids))
        ORDER BY chosen.user_id, rule.ordinal
        """,
        {"org_id": org_id, "ids": json.dumps(user_ids)},
    ).fetchall()
    found: dict[str, Row] = {}
    for row in rows:
        settings = found.setdefault(
            row["user_id"], {"resolved_notice": bool(row["resolved_notice"]), "rules": []}
        )
        if row["severities"] is not None:
            settings["rules"].append(
                {
                    "contact_method_id": row["contact_method_id"],
                    "severities": json.loads(row["severities"]),
                    "delay_minutes": row["delay_minutes"],
                }
            )
    return found


def put(
    db: Connection,
    org_id: str,
    user_id: str,
    rules: Sequence[Row],
    *,
    resolved_notice: bool,
    at: str,
) -> None:
    """Set the user's rules in their order, in place of those there were."""
    of_user = {"org_id": org_id, "user_id": user_id}
    settings = {**of_user, "resolved_notice": resolved_notice, "updated_at": at}
    put_rows(db, "notification_settings", [settings], key=("org_id", "user_id"))
    _delete_rules(db, org_id, user_id)
    rows = [
        {**of_user, **rule, "ordinal": ordinal, "severities": json.dumps(rule["severities"])}
        for ordinal, rule in enumerate(rules)
    ]
    insert_rows(db, "notification_rules", rows)


def delete_of_method(db: Connection, org_id: str, user_id: str, method_id: str) -> None:
    """Remove the user's rules that name a contact method."""
    db.execute(
        """
        DELETE FROM notification_rules
        WHERE org_id = :org_id AND user_id = :user_id AND contact_method_id = :method_id
        """,
        {"org_id": org_id, "user_id": user_id, "method_id": method_id},
    )


def delete(db: Connection, org_id: str, user_id: str) -> list[Row]:
    """Remove the user's rules and settings; return them, if there were any, as `of_users` does."""
    own = of_users(db, org_id, [user_id]).get(user_id)
    _delete_rules(db, org_id, user_id)
    db.execute(
        "DELETE FROM notification_settings WHERE org_id = :org_id AND user_id = :user_id",
        {"org_id": org_id, "user_id": user_id},
    )
    return [{"org_id": org_id, "id": user_id, **own}] if own else []


def _delete_rules(db: Connection, org_id: str, user_id: str) -> None:
    db.execute(
        "DELETE FROM notification_rules WHERE org_id = :org_id AND user_id = :user_id",
        {"org_id": org_id, "user_id": user_id},
    )
