"""What open incidents say of components, and what components say of policies."""

from __future__ import annotations

from incident_service.database.file import Connection


def open_severities(db: Connection, org_id: str) -> dict[str, list[str]]:
    """Return, for each component that an open incident names, the severities of these."""
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
    """Let no component name the escalation policy."""
    db.execute(
        """
        UPDATE components SET escalation_policy_id = NULL, updated_at = :at
        WHERE org_id = :org_id AND escalation_policy_id = :policy_id
        """,
        {"org_id": org_id, "policy_id": policy_id, "at": at},
    )
