"""Rows of `components`, as other tables name them."""

from __future__ import annotations

from incident_service.database.file import Connection


def open_severities(db: Connection, org_id: str) -> dict[str, list[str]]:
    """Return the severities of the open incidents that name each component, by its id."""
    rows = db.execute(
        """
        SELECT DISTINCT affected.component_id, incident.severity FROM incidents AS incident
        CROSS JOIN incident_components AS affected  -- in this order: few incidents are open
          ON affected.org_id = incident.org_id AND affected.incident_id = incident.id
        WHERE incident.org_id = :org_id
          AND incident.status IN ('investigating', 'identified', 'monitoring')
        """,
        {"org_id": org_id},
    ).fetchall()
    severities: dict[str, list[str]] = {}
    for row in rows:
        severities.setdefault(row["component_id"], []).append(row["severity"])
    return severities


def forget_policy(db: Connection, org_id: str, policy_id: str, *, at: str) -> None:
    """Remove the escalation policy from the components that name it."""
    db.execute(
        """
        UPDATE components SET escalation_policy_id = NULL, updated_at = :at
        WHERE org_id = :org_id AND escalation_policy_id = :policy_id
        """,
        {"org_id": org_id, "policy_id": policy_id, "at": at},
    )
