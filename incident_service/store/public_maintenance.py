"""What status pages may show of maintenance windows. Nothing internal is read here."""

from __future__ import annotations

from datetime import datetime

from incident_service.clock import sortable
from incident_service.database.engine import Connection
from incident_service.store import Row
from incident_service.store.maintenance_windows import NOT_OVER

_ROWS = """
    SELECT maintenance.id, maintenance.title, maintenance.description,
           maintenance.starts_at_utc, maintenance.ends_at_utc,
           maintenance.created_at, maintenance.updated_at,
           affected.component_id, component.name AS component_name
    FROM {windows} AS maintenance
    CROSS JOIN maintenance_window_components AS affected
      ON affected.org_id = maintenance.org_id
     AND affected.maintenance_window_id = maintenance.id
    CROSS JOIN status_page_components AS shown
      ON shown.org_id = affected.org_id AND shown.component_id = affected.component_id
     AND shown.status_page_id = :page_id
    CROSS JOIN components AS component
      ON component.org_id = shown.org_id AND component.id = shown.component_id
    WHERE maintenance.is_public = 1
      AND (component.deleted_at IS NULL OR maintenance.ends_at_utc <= :now)
    ORDER BY maintenance.starts_at_utc, maintenance.id, shown.ordinal
    """


def affected_components(
    db: Connection, org_id: str, page_id: str, *, since: datetime, now: datetime
) -> list[Row]:
    """Return which of the page's components each public window is about, the earliest first.

    Of the windows that end after `since`. A row has the window's `id`, `title`, `description`,
    `starts_at_utc`, `ends_at_utc`, `created_at` and `updated_at`, and a component's `component_id`
    and `component_name`. A component that was deleted is among them if the window is over.
    """
    values = {"org_id": org_id, "page_id": page_id, "at": sortable(since), "now": sortable(now)}
    return db.execute(_ROWS.format(windows=NOT_OVER), values).fetchall()


def components_affected_by(
    db: Connection, org_id: str, page_id: str, window_id: str, *, now: datetime
) -> list[Row]:
    """Return the rows of `affected_components` for one public window, however old."""
    one = """(
        SELECT * FROM maintenance_windows
        WHERE org_id = :org_id AND id = :window_id AND deleted_at IS NULL)"""
    values = {"org_id": org_id, "page_id": page_id, "window_id": window_id, "now": sortable(now)}
    return db.execute(_ROWS.format(windows=one), values).fetchall()
