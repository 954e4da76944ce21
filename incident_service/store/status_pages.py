"""Rows of `status_pages` and `status_page_components`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from incident_service.database.engine import Connection
from incident_service.store import Row, insert_row, insert_rows, one_or_none, set_columns


def insert(db: Connection, status_page: Row) -> None:
    """Add a status page; `status_page` has a value for each column but `deleted_at`."""
    insert_row(db, "status_pages", status_page)


def get(db: Connection, org_id: str, id: str) -> Row | None:
    """Return the status page, unless deleted."""
    return one_or_none(
        db,
        "SELECT * FROM status_pages WHERE org_id = :org_id AND id = :id AND deleted_at IS NULL",
        {"org_id": org_id, "id": id},
    )


def with_slug(db: Connection, slug: str) -> Row | None:
    """Return the status page that has this slug, of any organization, unless deleted.

    It comes with its organization's `public_revision`.
    """
    return one_or_none(
        db,
        """
        SELECT page.*, organization.public_revision
        FROM status_pages AS page
        JOIN organizations AS organization ON organization.id = page.org_id
        WHERE page.slug = :slug AND page.deleted_at IS NULL
        """,
        {"slug": slug},
    )


def all_by_title(db: Connection, org_id: str) -> list[Row]:
    """Return the organization's status pages by title, without the deleted ones."""
    return db.execute(
        """
        SELECT * FROM status_pages WHERE org_id = :org_id AND deleted_at IS NULL
        ORDER BY title, slug
        """,
        {"org_id": org_id},
    ).fetchall()


def slice_by_title(db: Connection, org_id: str, *, after: tuple[str, str], limit: int) -> list[Row]:
    """Return status pages by title and slug that come after a title and slug.

    Without the deleted ones; each has how many components it shows, `component_count`.
    """
    title, slug = after
    return db.execute(
        """
        SELECT page.*, (
            SELECT count(*) FROM status_page_components AS shown
            JOIN components AS component
              ON component.org_id = shown.org_id AND component.id = shown.component_id
            WHERE shown.org_id = page.org_id AND shown.status_page_id = page.id
              AND component.deleted_at IS NULL) AS component_count
        FROM status_pages AS page
        WHERE page.org_id = :org_id AND page.deleted_at IS NULL
          AND (page.title, page.slug) > (:title, :slug)
        ORDER BY page.title, page.slug LIMIT :limit
        """,
        {"org_id": org_id, "title": title, "slug": slug, "limit": limit},
    ).fetchall()


def update(db: Connection, org_id: str, id: str, changes: Row) -> None:
    """Change a status page; the keys of `changes` are the columns to set."""
    set_columns(db, "status_pages", changes, org_id=org_id, id=id)


def components(db: Connection, org_id: str, page_id: str) -> list[Row]:
    """Return the status page's components, without the deleted ones, in order.

    Each has `id`, `name`, `group_label`, `created_at`, and `status`: what was set by hand, or null.
    """
    return db.execute(
        """
        SELECT component.id, component.name, component.group_label, component.created_at,
               shown.status
        FROM status_page_components AS shown
        JOIN components AS component
          ON component.org_id = shown.org_id AND component.id = shown.component_id
        WHERE shown.org_id = :org_id AND shown.status_page_id = :page_id
          AND component.deleted_at IS NULL
        ORDER BY shown.ordinal
        """,
        {"org_id": org_id, "page_id": page_id},
    ).fetchall()


def set_components(
    db: Connection, org_id: str, page_id: str, ids: Sequence[str], statuses: Mapping[str, str]
) -> None:
    """Let the status page show exactly these components, in order; `statuses` are set by hand."""
    db.execute(
        "DELETE FROM status_page_components WHERE org_id = :org_id AND status_page_id = :page_id",
        {"org_id": org_id, "page_id": page_id},
    )
    rows = [
        {
            "org_id": org_id,
            "status_page_id": page_id,
            "ordinal": n,
            "component_id": id,
            "status": statuses.get(id),
        }
        for n, id in enumerate(ids)
    ]
    insert_rows(db, "status_page_components", rows)


def showing(db: Connection, org_id: str, component_ids: Iterable[str], *, limit: int) -> list[Row]:
    """Return the `title` and `slug` of published pages that show one of the components."""
    return db.execute(
        """
        SELECT DISTINCT page.title, page.slug FROM json_each(:ids) AS asked
        CROSS JOIN status_page_components AS shown
          ON shown.org_id = :org_id AND shown.component_id = asked.value
        CROSS JOIN status_pages AS page
          ON page.org_id = shown.org_id AND page.id = shown.status_page_id
        WHERE page.published = 1 AND page.deleted_at IS NULL
        ORDER BY page.title, page.slug LIMIT :limit
        """,
        {"org_id": org_id, "ids": json.dumps(list(component_ids)), "limit": limit},
    ).fetchall()


def shows_any(db: Connection, org_id: str, component_ids: Iterable[str]) -> bool:
    """Whether a published status page shows one of the components, deleted since or not."""
    row = one_or_none(
        db,
        """
        SELECT 1 FROM json_each(:ids) AS asked
        CROSS JOIN status_page_components AS shown
          ON shown.org_id = :org_id AND shown.component_id = asked.value
        CROSS JOIN status_pages AS page
          ON page.org_id = shown.org_id AND page.id = shown.status_page_id
        WHERE page.published = 1 AND page.deleted_at IS NULL
        LIMIT 1
        """,
        {"org_id": org_id, "ids": json.dumps(list(component_ids))},
    )
    return row is not None
