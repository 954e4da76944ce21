"""Rows of `incidents`, their components and their status history."""

from __future__ import annotations

from incident_service.db import Connection
from incident_service.store import Row


def insert(db: Connection, incident: Row) -> None:
    """Add an incident that is neither acknowledged nor resolved."""
    db.execute(
        """
        INSERT INTO incidents (
            org_id, id, sequential_id, title, description, severity, status, owner_id,
            owner_schedule_id, escalation_policy_id, created_by, created_at, updated_at)
        VALUES (
            :org_id, :id, :sequential_id, :title, :description, :severity, :status, :owner_id,
            :owner_schedule_id, :escalation_policy_id, :created_by, :created_at, :updated_at)
        """,
        incident,
    )


def insert_components(
    db: Connection, org_id: str, incident_id: str, component_ids: list[str]
) -> None:
    """Name the components that the incident affects, in their order."""
    db.executemany(
        """
        INSERT INTO incident_components (org_id, incident_id, ordinal, component_id)
        VALUES (:org_id, :incident_id, :ordinal, :component_id)
        """,
        [
            {"org_id": org_id, "incident_id": incident_id, "ordinal": n, "component_id": id}
            for n, id in enumerate(component_ids)
        ],
    )


def insert_status(db: Connection, entry: Row) -> None:
    """Add an entry to an incident's status history."""
    db.execute(
        """
        INSERT INTO status_history (
            org_id, incident_id, id, status, changed_at, changed_by, resolution_note)
        VALUES (:org_id, :incident_id, :id, :status, :changed_at, :changed_by, :resolution_note)
        """,
        entry,
    )
