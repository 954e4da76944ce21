"""The trail of an incident as a story: what belongs together is one entry, people have names.

Made from the trail (contract §3), the updates and what else its events name. A part of a long
trail is a part of the story; each part is read by a number of statements that does not grow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from incident_service.database.engine import Connection
from incident_service.incidents import reading, without_trail
from incident_service.people import actors
from incident_service.people.caller import Caller
from incident_service.store import Row, alerts, audit, components, contact_methods, updates
from incident_service.store import incidents as rows

ALERTS_NAMED = 5
"""How many alerts of an event are named; the others are counted."""

TEXT_AT_MOST = 40_000
"""How many characters the updates of a part have, if they are more than one."""

PAGES: Literal["pages"] = "pages"


@dataclass(slots=True)
class Page:
    """One message to one person by one method: what became of it, its retries included.

    `at`: when it was sent, or tried last. `failures`: how many tries failed. `reason`: why the
    last of them did.
    """

    user_id: str
    contact_method_id: str | None
    details: Row
    at: str
    is_sent: bool = False
    will_retry: bool = False
    failures: int = 0
    reason: str | None = None

    def add(self, event: Row) -> None:
        """Take in what came of one try."""
        details = event["details"]
        self.at, self.is_sent = event["at"], event["event"] == "page_sent"
        self.will_retry = bool(details.get("willRetry"))
        if not self.is_sent:
            self.failures += 1
            self.reason = details.get("reason")


@dataclass(slots=True)
class Entry:
    """Something that happened.

    `number` is that of its first event. `event` is one of the trail's, or `pages` for pages that
    were sent without anything between them. `details` are the event's; of several changes of the
    status, `before` is the first one's. `update`: what was posted, as its row. `note`: how it was
    resolved.
    """

    number: int
    at: str
    event: audit.Event | Literal["pages"]
    actor_id: str | None
    details: Row
    pages: list[Page] = field(default_factory=list)
    update: Row | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """A part of the story, newest first.

    `names`, `components`, `methods` and `alerts` are what ids in details stand for. `before`: the
    number before which the story goes on, or `None`.
    """

    entries: list[Entry]
    names: dict[str, str]
    components: dict[str, str]
    methods: dict[str, str]
    alerts: dict[str, Row]
    before: int | None


def tell(
    db: Connection,
    caller: Caller,
    id: str,
    *,
    before: int | None = None,
    limit: int,
    characters: int = TEXT_AT_MOST,
) -> Story:
    """Return the latest part of the story, or the one that ends before a number.

    `limit`: how many events of the trail it is made from; fewer, if their updates have more
    `characters` together. Raises `NotFound`.
    """
    org_id = caller.org_id
    incident = reading.find(db, caller, id)
    before = audit.MAX_NUMBER if before is None else before
    if incident["trail_deleted_at"]:
        events = without_trail.latest(db, incident, limit=limit, before=before)
    else:
        events = audit.latest(db, org_id, id, limit=limit, before=before)
    posted = [event["details"]["updateId"] for event in events if "updateId" in event["details"]]
    by_id = {update["id"]: update for update in updates.with_ids(db, org_id, id, posted)}
    events = _readable(events, by_id, characters)
    entries = fold(events, by_id)
    if any(entry.details.get("after") == "resolved" for entry in entries):
        _add_notes(entries, rows.status_history(db, org_id, id, limit=reading.HISTORY_LENGTH))
    paged = {page.user_id for entry in entries for page in entry.pages}
    return Story(
        entries=entries[::-1],
        names=actors.names(db, org_id, _people(events)),
        components=components.names(db, org_id, _component_ids(events)),
        methods={
            method["id"]: method["label"]
            for methods in contact_methods.of_users(db, org_id, sorted(paged)).values()
            for method in methods
        },
        alerts={row["id"]: row for row in alerts.with_ids(db, org_id, [*_alert_ids(events)])},
        before=events[0]["number"] if events and events[0]["number"] > 1 else None,
    )


def _readable(events: list[Row], updates_by_id: dict[str, Row], characters: int) -> list[Row]:
    """Return the latest of the events, so many that the texts of their updates are not too long."""
    length = 0
    for count, event in enumerate(reversed(events)):
        id = event["details"].get("updateId")
        update = updates_by_id.get(id or "")
        length += len(update["body"] or "") if update else 0
        if count and (length > characters or (id and not update)):  # too long to be read at all
            return events[-count:]
    return events


def fold(events: Sequence[Row], updates_by_id: dict[str, Row]) -> list[Entry]:
    """Return the entries that events make, oldest first as they are.

    Tries of one page are one. Steps of one change of the status are one, with its update.
    """
    entries: list[Entry] = []
    pages: dict[tuple[object, ...], Page] = {}
    for event in events:
        name, details = event["event"], event["details"]
        last = entries[-1] if entries else None
        if name in ("page_sent", "page_failed"):
            kind = details.get("notice"), details.get("help"), details.get("layer")
            key = details["userId"], details.get("contactMethodId"), *kind
            if details.get("attempt", 0) <= 1 or key not in pages:
                pages[key] = Page(key[0], key[1], details, event["at"])
                if last is None or last.event != PAGES:
                    entries.append(Entry(event["number"], event["at"], PAGES, None, {}))
                entries[-1].pages.append(pages[key])
            pages[key].add(event)
            continue
        is_one = last and (last.at, last.actor_id) == (event["at"], event["actor_id"])
        update = updates_by_id.get(details.get("updateId", ""))
        if last and is_one and _continues(last, event):
            last.update = update
            if name != "update_posted":
                last.event = name
                last.details = {**details, "before": last.details.get("before")}
            continue
        entries.append(Entry(event["number"], event["at"], name, event["actor_id"], details))
        if name == "update_posted":
            entries[-1].update = update
    return entries


def _continues(last: Entry, event: Row) -> bool:
    """Whether an event is a part of what the one before it tells, by the same person then."""
    name, details = event["event"], event["details"]
    if last.event == "incident_acknowledged":
        return bool(name == "incident_snoozed")
    if last.event != "status_changed" or last.update is not None:
        return False
    if name == "update_posted":
        return bool(details["statusChange"] == last.details["after"])
    return bool(name == "status_changed" and details["before"] == last.details["after"])


def _add_notes(entries: Iterable[Entry], history: Iterable[Row]) -> None:
    notes = {row["changed_at"]: row["resolution_note"] for row in history}
    for entry in entries:
        if entry.event == "status_changed" and entry.details["after"] == "resolved":
            entry.note = notes.get(entry.at)


_PERSON = ("userId", "ownerId")

_BY_EVENT = {"incident_handed_off": ("before", "after")}


def _people(events: Iterable[Row]) -> Iterator[str | None]:
    for event in events:
        details = event["details"]
        yield event["actor_id"]
        yield from details.get("userIds", ())
        for name in (*_PERSON, *_BY_EVENT.get(event["event"], ())):
            yield details.get(name)


def _component_ids(events: Iterable[Row]) -> list[str]:
    changes = (each["details"] for each in events if each["event"] == "components_changed")
    return sorted({id for change in changes for id in (*change["before"], *change["after"])})


def _alert_ids(events: Iterable[Row]) -> set[str]:
    return {id for event in events for id in event["details"].get("alertIds", ())[:ALERTS_NAMED]}
