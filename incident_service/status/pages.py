"""Status pages, as an organization manages them (contract §7); `public_page` is what they show."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from incident_service import ids
from incident_service.clock import format_instant
from incident_service.database.file import Connection
from incident_service.errors import Conflict, InvalidRequest, NotFound
from incident_service.people.caller import Caller
from incident_service.status import components
from incident_service.store import Row, is_full
from incident_service.store import status_pages as rows

MAX_PAGES = 1000
"""How many an organization may have."""


def get_all(db: Connection, caller: Caller) -> list[Row]:
    """Return all status pages by title."""
    return [_shown(db, page) for page in rows.all_by_title(db, caller.org_id)]


def get(db: Connection, caller: Caller, id: str) -> Row:
    """Return the status page. Raises `NotFound`."""
    return _shown(db, _find(db, caller, id))


def create(db: Connection, caller: Caller, values: Row, *, now: datetime) -> Row:
    """Make a status page with `slug` and `title`, and the rest where given.

    That is `published` (false), `component_ids` (none) and `overrides` (component id → status,
    none). Raises `Conflict` `slug_taken` or `too_many_status_pages`, what `components.named`
    raises, and `InvalidRequest` `invalid_component_id` where an override is of no component on the
    page.
    """
    if is_full(db, "status_pages", caller.org_id, MAX_PAGES):
        raise Conflict(
            f"Your organization has {MAX_PAGES} status pages, as many as it may have.",
            code="too_many_status_pages",
        )
    _refuse_taken_slug(db, values["slug"])
    at = format_instant(now)
    page = {
        "org_id": caller.org_id,
        "id": ids.new_id(),
        "slug": values["slug"],
        "title": values["title"],
        "published": values.get("published", False),
        "created_at": at,
        "updated_at": at,
    }
    rows.insert(db, page)
    _set_components(db, page, values.get("component_ids", []), values.get("overrides", {}))
    return _shown(db, page)


def change(db: Connection, caller: Caller, id: str, changes: Row, *, now: datetime) -> Row:
    """Set some of a status page's values; `None` clears one. Raises `NotFound`, and as `create`.

    An override of a component that leaves the page goes with it.
    """
    page = _find(db, caller, id)
    if not changes:
        return _shown(db, page)
    if changes.get("slug", page["slug"]) != page["slug"]:
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
        _set_components(db, page, component_ids, overrides)
    return _shown(db, {**page, **columns})


def delete(db: Connection, caller: Caller, id: str, *, now: datetime) -> None:
    """Delete a status page; its slug is free. Raises `NotFound`."""
    _find(db, caller, id)
    rows.update(db, caller.org_id, id, {"deleted_at": format_instant(now)})


def _find(db: Connection, caller: Caller, id: str) -> Row:
    page = rows.get(db, caller.org_id, id)
    if page is None:
        raise NotFound(f"There is no status page {id} in your organization.")
    return page


def _refuse_taken_slug(db: Connection, slug: str) -> None:
    if rows.with_slug(db, slug) is not None:
        raise Conflict(f"slug: {slug} is another status page's on this server.", code="slug_taken")


def _set_components(
    db: Connection, page: Row, component_ids: list[str], overrides: dict[str, str]
) -> None:
    components.named(db, page["org_id"], component_ids)
    for id in overrides:
        if id not in component_ids:
            raise InvalidRequest(
                f"overrides: {id} is no component of this page.", code="invalid_component_id"
            )
    rows.set_components(db, page["org_id"], page["id"], component_ids, overrides)


def _overrides(shown: Iterable[Row]) -> dict[str, str]:
    return {row["id"]: row["status"] for row in shown if row["status"] is not None}


def _shown(db: Connection, page: Row) -> Row:
    shown = rows.components(db, page["org_id"], page["id"])
    return {
        **page,
        "published": bool(page["published"]),
        "component_ids": [row["id"] for row in shown],
        "overrides": _overrides(shown),
    }
