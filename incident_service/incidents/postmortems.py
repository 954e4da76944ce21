"""Post-mortems: what people learned from an incident, version by version (contract §12)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal, get_args

from incident_service import ids
from incident_service.clock import format_instant
from incident_service.database.engine import Connection
from incident_service.errors import Conflict, InvalidRequest, NotFound
from incident_service.incidents import lifecycle, postmortem_draft, reading, timeline
from incident_service.people import actors
from incident_service.people.caller import Caller
from incident_service.store import Row, changes, users
from incident_service.store import postmortems as rows

Status = Literal["draft", "published"]

STATUSES: tuple[Status, ...] = get_args(Status)

MAX_BODY = 100_000

MAX_TEMPLATE = 20_000

MAX_TIMELINE_IN_DRAFT = 50_000
"""How long the timeline of a draft is, so that there is room for what people write."""

MAX_AUTHORS = 20

MAX_VERSIONS = 500
"""How many versions an incident's post-mortem may have."""


def get(db: Connection, caller: Caller, incident_id: str) -> Row:
    """Return the post-mortem: its latest version, with `authors` and `created_at`.

    Raises `NotFound` if there is none yet, or no such incident.
    """
    reading.find(db, caller, incident_id)
    row = rows.latest(db, caller.org_id, incident_id)
    if row is None:
        raise NotFound(f"Incident {incident_id} has no post-mortem yet.")
    return _with_people(db, caller, [row])[0]


def save(db: Connection, caller: Caller, incident_id: str, values: Row, *, now: datetime) -> Row:
    """Save a version, unless it would equal the latest; return the post-mortem as `get` does.

    `values`: `body`, and optionally `status` and `author_ids`. What is left out stays; at first it
    is a draft by the user who acts, if a user does.

    Raises `NotFound`; `InvalidRequest` `incident_not_resolved`, or `invalid_author_id` for one who
    is not a user and was not an author before; and `Conflict` `too_many_versions`.
    """
    incident = reading.find(db, caller, incident_id)
    if incident["status"] != "resolved":
        raise InvalidRequest(
            f"Incident {incident_id} is not resolved. Its post-mortem can be saved once it is.",
            code="incident_not_resolved",
        )
    before = rows.latest(db, caller.org_id, incident_id)
    default: Row = before or {
        "status": "draft",
        "author_ids": [caller.user_id] if caller.user_id else [],
    }
    chosen = {
        "body": values["body"],
        "status": values.get("status", default["status"]),
        "author_ids": values.get("author_ids", default["author_ids"]),
    }
    _check_authors(db, caller, chosen["author_ids"], known=default["author_ids"])
    if before is None or any(before[name] != value for name, value in chosen.items()):
        _add(db, caller, incident, before, chosen, now)
    return get(db, caller, incident_id)


def _add(
    db: Connection, caller: Caller, incident: Row, before: Row | None, chosen: Row, now: datetime
) -> None:
    number = before["number"] if before else 0
    if number >= MAX_VERSIONS:
        raise Conflict(
            f"The post-mortem of incident {incident['id']} has {MAX_VERSIONS} versions, as many "
            "as it may have.",
            code="too_many_versions",
        )
    now = reading.latest_instant(db, incident, now)
    lifecycle.heed_person(db, caller, incident, now=now, only_confirms=True)
    at = format_instant(now)
    version = {
        "org_id": caller.org_id,
        "incident_id": incident["id"],
        "id": ids.new_id(),
        **chosen,
        "saved_by": caller.actor_id,
        "saved_by_name": actors.name(db, caller.org_id, caller.actor_id),
        "saved_at": max(at, before["saved_at"]) if before else at,
    }
    rows.insert(db, version)
    changes.record(
        db,
        "postmortem",
        before and _recorded(before),
        _recorded({**version, "number": number + 1}),
        actor_id=caller.actor_id,
        now=now,
    )


def versions(
    db: Connection, caller: Caller, incident_id: str, *, before: int | None, limit: int
) -> tuple[list[Row], int | None]:
    """Return versions without their `body`, newest first, and the number before which more follow.

    `before`: the number that came with the last slice. Raises `NotFound` if there is no such
    incident.
    """
    reading.find(db, caller, incident_id)
    newest = rows.newest(
        db, caller.org_id, incident_id, before=before or rows.MAX_NUMBER, limit=limit + 1
    )
    found = _with_people(db, caller, newest[:limit])
    return found, found[-1]["number"] if len(newest) > limit else None


def version(db: Connection, caller: Caller, incident_id: str, number: int) -> Row:
    """Return one version with its `body`. Raises `NotFound`."""
    reading.find(db, caller, incident_id)
    row = rows.get(db, caller.org_id, incident_id, number)
    if row is None:
        raise NotFound(f"The post-mortem of incident {incident_id} has no version {number}.")
    return _with_people(db, caller, [row])[0]


def draft(db: Connection, caller: Caller, incident_id: str, *, base_url: str) -> str:
    """Return the text that a new post-mortem starts from: the template, filled.

    At most `MAX_BODY` characters. `base_url`: where the service is reached, for links. Raises
    `NotFound`.
    """
    told = timeline.tell(db, caller, incident_id, base_url=base_url, at_most=MAX_TIMELINE_IN_DRAFT)
    return postmortem_draft.fill(template(db, caller)["body"], told, at_most=MAX_BODY)


def template(db: Connection, caller: Caller) -> Row:
    """Return what new post-mortems start from: `body`, `is_default` and `updated_at` or `None`."""
    own = rows.template(db, caller.org_id)
    if own is None:
        return {"body": postmortem_draft.DEFAULT, "is_default": True, "updated_at": None}
    return {"body": own["body"], "is_default": False, "updated_at": own["updated_at"]}


def save_template(db: Connection, caller: Caller, body: str, *, now: datetime) -> Row:
    """Set what new post-mortems start from, and return it as `template` does."""
    before = template(db, caller)
    if before["is_default"] or before["body"] != body:
        own = {
            "org_id": caller.org_id,
            "body": body,
            "updated_by": caller.actor_id,
            "updated_at": format_instant(now),
        }
        rows.put_template(db, own)
    after = template(db, caller)
    _record_template(db, caller, before, after, now)
    return after


def delete_template(db: Connection, caller: Caller, *, now: datetime) -> None:
    """Let new post-mortems start from the template that comes with the service again."""
    before = template(db, caller)
    if not before["is_default"]:
        rows.delete_template(db, caller.org_id)
        _record_template(db, caller, before, None, now)


def _record_template(
    db: Connection, caller: Caller, before: Row, after: Row | None, now: datetime
) -> None:
    thing = {"org_id": caller.org_id, "id": caller.org_id}
    changes.record(
        db,
        "postmortem_template",
        {**before, **thing},
        after and {**after, **thing},
        actor_id=caller.actor_id,
        now=now,
    )


def _check_authors(
    db: Connection, caller: Caller, author_ids: list[str], *, known: Iterable[str]
) -> None:
    added = [id for id in author_ids if id not in known]
    present = users.present(db, caller.org_id, added)
    for id in added:
        if id not in present:
            raise InvalidRequest(
                f"authorIds: {id} is not a user in your organization.", code="invalid_author_id"
            )


def _recorded(version: Row) -> Row:
    """Return a version as the audit log shows it: as a change of the incident's post-mortem."""
    return {**version, "id": version["incident_id"], "version": version["number"]}


def _with_people(db: Connection, caller: Caller, versions: list[Row]) -> list[Row]:
    """Return versions with `authors`, as they are called now, and `saved_by`, as they were then."""
    author_ids = {id for version in versions for id in version["author_ids"]}
    names = actors.names(db, caller.org_id, author_ids)
    return [
        {
            **version,
            "authors": [{"id": id, "name": names[id]} for id in version["author_ids"]],
            "saved_by": {"id": version["saved_by"], "name": version["saved_by_name"]},
        }
        for version in versions
    ]
