"""Status pages, as an organization manages them (contract §7); `public_view`: what they show."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from incident_service import ids
from incident_service.clock import format_instant
from incident_service.database.engine import Connection
from incident_service.errors import Conflict, InvalidRequest, NotFound
from incident_service.people.caller import Caller
from incident_service.status import components
from incident_service.store import Row, is_full
from incident_service.store import changes as log
from incident_service.store import status_pages as rows

MAX_PAGES = 1000
"""The most that an organization may have."""


def get_all(db: Connection, caller: Caller) -> list[Row]:
    """Return all status pages by title."""
    return [
        _with_components(db, status_page) for status_page in rows.all_by_title(db, caller.org_id)
    ]


def get_slice(
    db: Connection, caller: Caller, *, after: tuple[str, str], limit: int
) -> tuple[list[Row], tuple[str, str] | None]:
    """Return status pages by title, and the title and slug after which there are more.

    `after`: what the last slice gave, or empty texts. Each page has its `component_count`, and
    not its components.
    """
    read = rows.slice_by_title(db, caller.org_id, after=after, limit=limit + 1)
    found = read[:limit]
    return found, (found[-1]["title"], found[-1]["slug"]) if len(read) > limit else None


def get(db: Connection, caller: Caller, id: str) -> Row:
    """Return the status page. Raises `NotFound`."""
    return _with_components(db, _find(db, caller, id))


def create(db: Connection, caller: Caller, values: Row, *, now: datetime) -> Row:
    """Make a status page with a `slug` and a `title`.

    Optional: `published` (else false), `component_ids` and `overrides` (component id → status).
    Raises `Conflict` `slug_taken` or `too_many_status_pages`, what `components.named` raises, and
    `InvalidRequest` `invalid_component_id` if an override's component is not on the status page.
    """
    if is_full(db, "status_pages", caller.org_id, MAX_PAGES):
        raise Conflict(
            f"Your organization has {MAX_PAGES} status pages, as many as it may have.",
            code="too_many_status_pages",
        )
    _refuse_taken_slug(db, values["slug"])
    at = format_instant(now)
    status_page = {
        "org_id": caller.org_id,
        "id": ids.new_id(),
        "slug": values["slug"],
        "title": values["title"],
        "published": values.get("published", False),
        "created_at": at,
        "updated_at": at,
    }
    rows.insert(db, status_page)
    _set_components(db, status_page, values.get("component_ids", []), values.get("overrides", {}))
    status_page = _with_components(db, status_page)
    log.record(db, "status_page", None, status_page, actor_id=caller.actor_id, now=now)
    return status_page


def change(db: Connection, caller: Caller, id: str, changes: Row, *, now: datetime) -> Row:
    """Set some of a status page's values; `None` clears one.

    If a component leaves the status page, so does its override. Raises `NotFound`, and what
    `create` raises.
    """
    status_page = get(db, caller, id)
    if not changes:
        return status_page
    if changes.get("slug", status_page["slug"]) != status_page["slug"]:
        _refuse_taken_slug(db, changes["slug"])
    columns: Row = {name: changes[name] for name in ("slug", "title") if name in changes}
    if "published" in changes:
        columns["published"] = bool(changes["published"])
    columns["updated_at"] = format_instant(now)
    rows.update(db, caller.org_id, id, columns)
    if "component_ids" in changes or "overrides" in changes:
        shown = rows.components(db, caller.org_id, id)
        component_ids = changes.get("component_ids", [row["id"] for row in shown]) or []
        if "overrides" in changes:
            overrides = changes["overrides"] or {}
        else:
            overrides = _overrides(row for row in shown if row["id"] in component_ids)
        _set_components(db, status_page, component_ids, overrides)
    changed = _with_components(db, {**status_page, **columns})
    log.record(db, "status_page", status_page, changed, actor_id=caller.actor_id, now=now)
    return changed


def delete(db: Connection, caller: Caller, id: str, *, now: datetime) -> None:
    """Delete a status page; its slug becomes free. Raises `NotFound`."""
    status_page = get(db, caller, id)
    rows.update(db, caller.org_id, id, {"deleted_at": format_instant(now)})
    log.record(db, "status_page", status_page, None, actor_id=caller.actor_id, now=now)


def _find(db: Connection, caller: Caller, id: str) -> Row:
    status_page = rows.get(db, caller.org_id, id)
    if status_page is None:
        raise NotFound(f"There is no status page {id} in your organization.")
    return status_page


def _refuse_taken_slug(db: Connection, slug: str) -> None:
    if rows.with_slug(db, slug) is not None:
        raise Conflict(f"slug: another status page on this server has {slug}.", code="slug_taken")


def _set_components(
    db: Connection, status_page: Row, component_ids: list[str], overrides: dict[str, str]
) -> None:
    components.named(db, status_page["org_id"], component_ids)
    for id in overrides:
        if id not in component_ids:
            raise InvalidRequest(
                f"overrides: {id} is not a component of this status page.",
                code="invalid_component_id",
            )
    rows.set_components(db, status_page["org_id"], status_page["id"], component_ids, overrides)


def _overrides(shown: Iterable[Row]) -> dict[str, str]:
    return {row["id"]: row["status"] for row in shown if row["status"] is not None}


def _with_components(db: Connection, status_page: Row) -> Row:
    shown = rows.components(db, status_page["org_id"], status_page["id"])
    return {
        **status_page,
        "published": bool(status_page["published"]),
        "component_ids": [row["id"] for row in shown],
        "overrides": _overrides(shown),
    }
