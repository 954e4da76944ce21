"""Maintenance windows: times in which work on components is planned (contract §6)."""

from __future__ import annotations

from datetime import datetime, timedelta

from incident_service import ids
from incident_service.clock import LAST, format_instant, parse_instant, sortable
from incident_service.database.engine import Connection
from incident_service.errors import Conflict, NotFound, ValidationFailed
from incident_service.people.caller import Caller
from incident_service.status import components
from incident_service.store import Row, tasks
from incident_service.store import changes as log
from incident_service.store import maintenance_windows as rows

MAX_WINDOWS = 10_000
"""The most that an organization may have that are not over."""

_NEWEST = "~"
"""Comes after every id."""

_JUST_UNDER_A_MILLISECOND = timedelta(microseconds=999)


def get_slice(
    db: Connection, caller: Caller, *, before: str, limit: int
) -> tuple[list[Row], str | None]:
    """Return windows, newest first, and the id before which there are more.

    `before`: the id that the last slice gave, or an empty one.
    """
    read = rows.slice_by_id(db, caller.org_id, before=before or _NEWEST, limit=limit + 1)
    windows = read[:limit]
    next_before = windows[-1]["id"] if len(read) > limit else None
    return _with_components(db, caller.org_id, windows), next_before


def get_current(
    db: Connection, caller: Caller, *, after: str, limit: int, now: datetime
) -> tuple[list[Row], str | None]:
    """Return windows that are not over, by when they begin, and a text after which there are more.

    `after`: the text that the last slice gave, or an empty one.
    """
    read = rows.slice_not_over(db, caller.org_id, at=now, after=after, limit=limit + 1)
    windows = read[:limit]
    end = windows[-1]["starts_at_utc"] + windows[-1]["id"] if len(read) > limit else None
    return _with_components(db, caller.org_id, windows), end


def get_past(
    db: Connection, caller: Caller, *, before: str, limit: int, now: datetime
) -> tuple[list[Row], str | None]:
    """Return windows that are over, the last to end first, and a text before which there are more.

    `before`: the text that the last slice gave, or an empty one.
    """
    end = sortable(now)
    at, id = (before[: len(end)], before[len(end) :]) if before else (end, _NEWEST)
    read = rows.slice_over(db, caller.org_id, at=at, id=id, limit=limit + 1)
    windows = read[:limit]
    next_before = windows[-1]["ends_at_utc"] + windows[-1]["id"] if len(read) > limit else None
    return _with_components(db, caller.org_id, windows), next_before


def get(db: Connection, caller: Caller, id: str) -> Row:
    """Return the window. Raises `NotFound`."""
    return _with_components(db, caller.org_id, [_find(db, caller, id)])[0]


def create(db: Connection, caller: Caller, values: Row, *, now: datetime) -> Row:
    """Make a window with a `title`, `component_ids` and `starts_at`.

    Optional: `description`, `ends_at` (else it lasts until somebody ends it), `is_public` and
    `suppresses_alerts` (else both are true). The instants are RFC 3339 text, and kept as such.
    Raises `ValidationFailed` if it does not end after it begins, `Conflict`
    `too_many_maintenance_windows`, and what `components.named` raises.
    """
    at = format_instant(now)
    window = {
        "description": None,
        "ends_at": None,
        "is_public": None,
        "suppresses_alerts": None,
        **values,
        "org_id": caller.org_id,
        "id": ids.new_id(),
        "created_by": caller.actor_id,
        "created_at": at,
        "updated_at": at,
    }
    component_ids = window.pop("component_ids")
    window = _stored(window)
    _check_order(window, sent=values)
    if not _is_over(window, now):
        _refuse_one_too_many(db, caller.org_id, now)
    components.named(db, caller.org_id, component_ids)
    rows.insert(db, window)
    rows.set_components(db, caller.org_id, window["id"], component_ids)
    _set_end(db, window, now)
    window["component_ids"] = component_ids
    log.record(db, "maintenance_window", None, window, actor_id=caller.actor_id, now=now)
    return window


def change(db: Connection, caller: Caller, id: str, changes: Row, *, now: datetime) -> Row:
    """Set some of a window's values; `None` clears one.

    Raises `NotFound`, and what `create` raises.
    """
    window = get(db, caller, id)
    if not changes:
        return window
    suppressed = rows.suppressed_component_ids(db, caller.org_id, at=now)
    columns = {name: value for name, value in changes.items() if name != "component_ids"}
    columns = {**_stored(columns), "updated_at": format_instant(now)}
    changed = {**window, **columns}
    _check_order(changed, sent=changes)
    if _is_over(window, now) and not _is_over(changed, now):
        _refuse_one_too_many(db, caller.org_id, now)
    rows.update(db, caller.org_id, id, columns)
    if "component_ids" in changes:
        components.named(db, caller.org_id, changes["component_ids"])
        rows.set_components(db, caller.org_id, id, changes["component_ids"])
    _set_end(db, changed, now)
    _release(db, caller.org_id, suppressed, now)
    changed = _with_components(db, caller.org_id, [changed])[0]
    log.record(db, "maintenance_window", window, changed, actor_id=caller.actor_id, now=now)
    return changed


def end(db: Connection, caller: Caller, id: str, *, now: datetime) -> Row:
    """End a window that is in progress, now; one that is over stays as it was.

    Raises `NotFound`, and `ValidationFailed` if it has not begun.
    """
    window = get(db, caller, id)
    if _is_over(window, now):
        return window
    return change(db, caller, id, {"ends_at": format_instant(now)}, now=now)


def delete(db: Connection, caller: Caller, id: str, *, now: datetime) -> None:
    """Delete a window, as if it had never been. Raises `NotFound`."""
    window = get(db, caller, id)
    suppressed = rows.suppressed_component_ids(db, caller.org_id, at=now)
    rows.update(db, caller.org_id, id, {"deleted_at": format_instant(now)})
    _release(db, caller.org_id, suppressed, now)
    log.record(db, "maintenance_window", window, None, actor_id=caller.actor_id, now=now)


def _find(db: Connection, caller: Caller, id: str) -> Row:
    window = rows.get(db, caller.org_id, id)
    if window is None:
        raise NotFound(f"There is no maintenance window {id} in your organization.")
    return window


def _with_components(db: Connection, org_id: str, windows: list[Row]) -> list[Row]:
    found = rows.component_ids(db, org_id, [window["id"] for window in windows])
    return [{**window, "component_ids": found[window["id"]]} for window in windows]


def _stored(values: Row) -> Row:
    """Return the columns for what was sent, `None` as what it stands for."""
    columns = dict(values)
    for flag in ("is_public", "suppresses_alerts"):
        if flag in columns:
            columns[flag] = columns[flag] is not False
    for name in ("starts_at", "ends_at"):
        if name in columns:
            text = columns[name]
            columns[f"{name}_utc"] = None if text is None else sortable(parse_instant(text))
    return columns


def _check_order(window: Row, *, sent: Row) -> None:
    """Raise `ValidationFailed`, for what was sent, if the window does not end after it begins."""
    if window["ends_at_utc"] is None or window["starts_at_utc"] < window["ends_at_utc"]:
        return
    if "ends_at" in sent:
        raise ValidationFailed({"endsAt": [f"Must be after startsAt, {window['starts_at']}."]})
    raise ValidationFailed({"startsAt": [f"Must be before endsAt, {window['ends_at']}."]})


def _is_over(window: Row, now: datetime) -> bool:
    return window["ends_at_utc"] is not None and window["ends_at_utc"] <= sortable(now)


def _refuse_one_too_many(db: Connection, org_id: str, now: datetime) -> None:
    if rows.is_full(db, org_id, MAX_WINDOWS, at=now):
        raise Conflict(
            f"Your organization has {MAX_WINDOWS} maintenance windows that are not over, as many "
            "as it may have.",
            code="too_many_maintenance_windows",
        )


def _set_end(db: Connection, window: Row, now: datetime) -> None:
    """Let what the window suppressed and still fires be routed when it ends.

    At the first whole millisecond at which it is over. A task for another end that this leaves in
    place finds nothing to do, or what nobody has done yet.
    """
    if window["suppresses_alerts"] and window["ends_at"] and not _is_over(window, now):
        ends = min(parse_instant(window["ends_at"]), LAST - _JUST_UNDER_A_MILLISECOND)
        due_at = format_instant(ends + _JUST_UNDER_A_MILLISECOND)
        tasks.put(db, window["org_id"], "end_maintenance", window["id"], due_at=due_at)


def _release(db: Connection, org_id: str, suppressed: set[str], now: datetime) -> None:
    """Let what fires be routed at once if a component of `suppressed` is not suppressed any more.

    The task is of the organization, because the window may have an end of its own to come.
    """
    if suppressed - rows.suppressed_component_ids(db, org_id, at=now):
        tasks.put(db, org_id, "end_maintenance", org_id, due_at=format_instant(now))
