"""Overrides: a user stands in on a schedule for a while (contract §4).

What an override did stays: once it began, a change or its deletion counts from now on, and the part
that is over is kept as a row of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from incident_service import ids, resources
from incident_service.clock import (
    FIRST,
    LAST,
    format_instant,
    parse_instant,
    sortable,
    whole_milliseconds,
)
from incident_service.database.engine import Connection
from incident_service.errors import Conflict, InvalidRequest, NotFound, ValidationFailed
from incident_service.oncall import watching
from incident_service.people.caller import Caller
from incident_service.store import ALL, Row, users
from incident_service.store import changes as log
from incident_service.store import overrides as rows

MAX_OVERRIDES = 10_000
"""How many a schedule may have, those that are over too."""


def get_all(
    db: Connection,
    caller: Caller,
    schedule_id: str,
    start: datetime | None,
    end: datetime | None,
    *,
    limit: int = ALL,
) -> list[Row]:
    """Return the schedule's overrides in their order in time. Raises `NotFound`.

    With `start` and `end`, only those that cover any of `start <= t < end`. `limit`: so many at
    most.
    """
    resources.find(db, "schedules", caller.org_id, schedule_id)
    window = (sortable(start or FIRST), sortable(end or LAST))
    return rows.between(db, caller.org_id, schedule_id, *window, limit=limit)


def get(db: Connection, caller: Caller, schedule_id: str, id: str) -> Row:
    """Return the override. Raises `NotFound`."""
    resources.find(db, "schedules", caller.org_id, schedule_id)
    return _find(db, caller, schedule_id, id)


def create(db: Connection, caller: Caller, schedule_id: str, values: Row, *, now: datetime) -> Row:
    """Make an override of `user_id`, `starts_at`, `ends_at` and a `reason`, and return it.

    The two instants are RFC 3339 text, and kept as such. It counts in the past, too. Raises
    `NotFound`, `InvalidRequest` `invalid_user_id`, and `Conflict` `override_overlaps` or
    `too_many_overrides`.
    """
    schedule = resources.find(db, "schedules", caller.org_id, schedule_id)
    (override,) = proposed(db, caller, schedule, [values], now=now)
    rows.insert(db, override)
    log.record(db, "schedule_override", None, override, actor_id=caller.actor_id, now=now)
    watching.look_again(db, caller.org_id, schedule_id, now=now)
    return override


def create_all(
    db: Connection, caller: Caller, schedule_id: str, values: Sequence[Row], *, now: datetime
) -> list[Row]:
    """Make several overrides or none, and return them as given. Raises as `create`."""
    schedule = resources.find(db, "schedules", caller.org_id, schedule_id)
    made = proposed(db, caller, schedule, values, now=now, field="overrides")
    for override in made:
        rows.insert(db, override)
        log.record(db, "schedule_override", None, override, actor_id=caller.actor_id, now=now)
    watching.look_again(db, caller.org_id, schedule_id, now=now)
    return made


def proposed(
    db: Connection,
    caller: Caller,
    schedule: Row,
    values: Sequence[Row],
    *,
    now: datetime,
    field: str | None = None,
) -> list[Row]:
    """Return the rows of overrides that could be made, and make none.

    `field`: the list in the body that errors name; else each is a body of its own. Raises as
    `create`.
    """
    key = (caller.org_id, schedule["id"])
    places = [f"{field}[{number}]." if field else "" for number in range(len(values))]
    _check_users(db, caller.org_id, values, places)
    made: list[Row] = []
    for each, place in zip(values, places, strict=True):
        override = {
            "reason": None,
            **each,
            "org_id": caller.org_id,
            "id": ids.new_id(),
            "schedule_id": schedule["id"],
            "starts_at_utc": _utc(each["starts_at"]),
            "ends_at_utc": _utc(each["ends_at"]),
            "created_by": caller.actor_id,
            "created_at": format_instant(now),
            "past_of": None,
        }
        past = rows.last_past(db, *key, override["starts_at_utc"], override["ends_at_utc"])
        if past is not None:
            override["starts_at_utc"] = past["ends_at_utc"]
        if override["starts_at_utc"] >= override["ends_at_utc"]:
            raise _overlap(schedule, past or {}, place)
        _refuse_overlap(db, schedule, override, made, place)
        made.append(override)
    if rows.count(db, *key, MAX_OVERRIDES) + len(made) > MAX_OVERRIDES:
        raise Conflict(
            f"{schedule['name']} can have {MAX_OVERRIDES} overrides at most. Delete old ones.",
            code="too_many_overrides",
        )
    return made


def change(
    db: Connection, caller: Caller, schedule_id: str, id: str, changes: Row, *, now: datetime
) -> Row:
    """Set some of an override's values from now on, and return it; `None` clears the reason.

    Raises `ValidationFailed` if it would not end after it begins, `Conflict` `override_over` if
    the change is about the past alone, and what `create` raises.
    """
    schedule = resources.find(db, "schedules", caller.org_id, schedule_id)
    override = _find(db, caller, schedule_id, id)
    if not changes:
        return override
    changed = {**override, **changes}
    _check_order(changed, sent=changes)
    _check_users(db, caller.org_id, [changed] if "user_id" in changes else [], [""])
    if _who_and_when(changed) != _who_and_when(override):
        at = sortable(whole_milliseconds(now))
        changed |= _counted_from(at, override, changed)
        _refuse_overlap(db, schedule, changed, [], "")
        if _began_otherwise(override, changed, at):
            _keep_past(db, override, at)
    columns = {name: changed[name] for name in (*changes, "starts_at_utc", "ends_at_utc")}
    rows.update(db, caller.org_id, id, columns)
    log.record(db, "schedule_override", override, changed, actor_id=caller.actor_id, now=now)
    watching.look_again(db, caller.org_id, schedule_id, now=now)
    return changed


def delete(db: Connection, caller: Caller, schedule_id: str, id: str, *, now: datetime) -> None:
    """Delete an override. One that runs ends now; what it did stays. Raises `NotFound`."""
    resources.find(db, "schedules", caller.org_id, schedule_id)
    override = _find(db, caller, schedule_id, id)
    rows.delete(db, caller.org_id, id)
    at = sortable(whole_milliseconds(now))
    if override["starts_at_utc"] < at:
        _keep_past(db, override, at)
    log.record(db, "schedule_override", override, None, actor_id=caller.actor_id, now=now)
    watching.look_again(db, caller.org_id, schedule_id, now=now)


def _find(db: Connection, caller: Caller, schedule_id: str, id: str) -> Row:
    override = rows.get(db, caller.org_id, schedule_id, id)
    if override is None:
        raise NotFound(f"There is no override {id} of schedule {schedule_id}.")
    return override


def _counted_from(at: str, override: Row, changed: Row) -> Row:
    """Return for which time a changed override counts. Raises `Conflict` `override_over`.

    One that runs, and goes on with the same user, has counted all along; it ends now if its new end
    is past. Another counts from now on at the earliest.
    """
    starts_at, ends_at = _utc(changed["starts_at"]), _utc(changed["ends_at"])
    goes_on = changed["user_id"] == override["user_id"] and starts_at <= at
    if override["starts_at_utc"] < at < override["ends_at_utc"] and goes_on:
        return {"starts_at_utc": override["starts_at_utc"], "ends_at_utc": max(ends_at, at)}
    starts_at = max(starts_at, at)
    if override["ends_at_utc"] <= at or ends_at <= starts_at:
        raise Conflict(
            f"What override {override['id']} did until now stays as it was. "
            "Only its reason can change once it is over; delete it to end it now.",
            code="override_over",
        )
    return {"starts_at_utc": starts_at, "ends_at_utc": ends_at}


def _began_otherwise(override: Row, changed: Row, at: str) -> bool:
    return bool(override["starts_at_utc"] < at and changed["starts_at_utc"] >= at)


def _keep_past(db: Connection, override: Row, at: str) -> None:
    """Keep what an override did until the instant."""
    ended = min(override["ends_at_utc"], at)
    past = {"id": ids.new_id(), "past_of": override["id"], "ends_at_utc": ended}
    rows.insert(db, {**override, **past})


def _check_users(db: Connection, org_id: str, values: Sequence[Row], places: list[str]) -> None:
    present = users.present(db, org_id, [each["user_id"] for each in values])
    for each, place in zip(values, places, strict=False):
        if each["user_id"] not in present:
            raise InvalidRequest(
                f"{place}userId: {each['user_id']} is not a user in your organization.",
                code="invalid_user_id",
            )


def _refuse_overlap(
    db: Connection, schedule: Row, override: Row, others: Sequence[Row], place: str
) -> None:
    """Raise `Conflict` `override_overlaps`; `others` are those to be made with it."""
    starts_at, ends_at = override["starts_at_utc"], override["ends_at_utc"]
    stored = rows.first_between(
        db, schedule["org_id"], schedule["id"], starts_at, ends_at, but=override["id"]
    )
    for other in (stored, *others):
        if other and other["starts_at_utc"] < ends_at and starts_at < other["ends_at_utc"]:
            raise _overlap(schedule, other, place)


def _overlap(schedule: Row, other: Row, place: str) -> Conflict:
    return Conflict(
        f"{place}startsAt: override {other['past_of'] or other['id']} of {schedule['name']} lasts "
        f"from {other['starts_at']} until {other['ends_at']}.",
        code="override_overlaps",
    )


def _check_order(changed: Row, *, sent: Row) -> None:
    """Raise `ValidationFailed`, for what was sent, unless the override ends after it begins."""
    if _utc(changed["starts_at"]) < _utc(changed["ends_at"]):
        return
    if "ends_at" in sent:
        raise ValidationFailed({"endsAt": [f"Must be after startsAt, {changed['starts_at']}."]})
    raise ValidationFailed({"startsAt": [f"Must be before endsAt, {changed['ends_at']}."]})


def _who_and_when(override: Row) -> tuple[str, str, str]:
    return override["user_id"], _utc(override["starts_at"]), _utc(override["ends_at"])


def _utc(text: str) -> str:
    return sortable(parse_instant(text))
