"""An incident's story as Markdown, to read by itself or in a post-mortem (contract §12)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from incident_service.clock import parse_instant
from incident_service.database.engine import Connection
from incident_service.incidents import markdown_text, reading, story
from incident_service.incidents.timeline_words import Clock, Words
from incident_service.people import actors, organizations
from incident_service.people.caller import Caller
from incident_service.store import Row, incidents

EVENTS = 1000
"""How many events of the trail a timeline tells: the latest, as the incident's own answer does."""

CHARACTERS = 400_000
"""How long the entries of a timeline are together, at most."""

_UNITS = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


@dataclass(frozen=True, slots=True)
class Timeline:
    """The parts of a timeline, each in Markdown without an end of line.

    `title`: the incident's, escaped. `summary` and `events` are lists.
    """

    number: int
    title: str
    summary: str
    events: str

    @property
    def markdown(self) -> str:
        """All of it, as a document."""
        heading = f"# Incident {self.number}: {self.title}"
        return f"{heading}\n\n{self.summary}\n\n## Timeline\n\n{self.events}\n"


def tell(
    db: Connection, caller: Caller, id: str, *, base_url: str, at_most: int = CHARACTERS
) -> Timeline:
    """Return the timeline of an incident, in the organization's time zone.

    `base_url`: where the service is reached, for links. `at_most`: how many characters its entries
    have together. If they would have more, the oldest are left out, and a line says how many events
    that are. Raises `NotFound`.
    """
    incident = reading.find(db, caller, id)
    told = story.tell(db, caller, id, limit=EVENTS, characters=at_most)
    zone = organizations.get(db, caller)["timezone"]
    clock = Clock(zone)
    return Timeline(
        number=incident["sequential_id"],
        title=markdown_text.line(incident["title"]),
        summary=_summary(db, incident, clock),
        events=_events(incident, told, Words(told, base_url, clock), at_most),
    )


def _summary(db: Connection, incident: Row, clock: Clock) -> str:
    org_id, opened = incident["org_id"], incident["created_at"]
    last = incidents.last_status(db, org_id, incident["id"])
    names = actors.names(
        db,
        org_id,
        [
            incident["created_by"],
            incident["first_acknowledged_by"],
            incident["owner_id"],
            last["changed_by"],
        ],
    )

    def by(id: str | None) -> str:
        return f", by {markdown_text.line(names[id])}" if id else ""

    acknowledged, resolved = incident["first_acknowledged_at"], incident["resolved_at"]
    owner = incident["owner_id"]
    parts = {
        "Severity": incident["severity"],
        "Status": incident["status"],
        "Opened": f"{clock(opened)} {clock.offset(opened)}{by(incident['created_by'])}",
        "Acknowledged": f"after {duration(opened, acknowledged)}"
        + by(incident["first_acknowledged_by"])
        if acknowledged
        else "by nobody",
        "Resolved": f"after {duration(opened, resolved)}{by(last['changed_by'])}"
        if resolved
        else "not yet",
        "Owner": markdown_text.line(names[owner]) if owner else "nobody",
        "Components": ", ".join(
            markdown_text.line(component["name"]) for component in reading.affected(db, incident)
        )
        or "none",
        "Times": f"in the zone {markdown_text.line(clock.zone)}",
    }
    return "\n".join(f"- **{name}**: {value}" for name, value in parts.items())


def _events(incident: Row, told: story.Story, words: Words, at_most: int) -> str:
    kept: list[tuple[story.Entry, str]] = []
    length = 0
    for entry in told.entries:  # newest first
        text = words.text(entry)
        length += len(text)
        if kept and length > at_most:
            break
        kept.append((entry, text))
    kept.reverse()
    lines, clock = _missing(incident, kept[0][0] if kept else None), words.clock
    offset = clock.offset(incident["created_at"])
    for entry, text in kept:
        before, offset = offset, clock.offset(entry.at)
        at = clock(entry.at) if offset == before else f"{clock(entry.at)} {offset}"
        lines.append(f"- **{at}** (+{elapsed(incident['created_at'], entry.at)}) {text}")
    return "\n".join(lines)


def _missing(incident: Row, first: story.Entry | None) -> list[str]:
    """Return a line about what happened before the first entry that is told, if anything did."""
    deleted = "was deleted: history is kept for a limited time."
    if first is not None and first.number > 1:
        count = first.number - 1
        events, them = ("event is", "it") if count == 1 else ("events are", "them")
        where = f"The audit trail {deleted if incident['trail_deleted_at'] else f'has {them}.'}"
        return [f"- *{count} earlier {events} left out. {where}*"]
    if first is None or first.event != "incident_opened":
        return [f"- *What happened until then {deleted}*"]
    return []


def elapsed(begins: str, ends: str) -> str:
    """Return how long it was from one instant to another: `1:02:03`, or `2d 1:02:03`."""
    days, seconds = divmod(_seconds(begins, ends), 86_400)
    clock = str(timedelta(seconds=seconds))
    return f"{days}d {clock}" if days else clock


def duration(begins: str, ends: str) -> str:
    """Return how long it was from one instant to another, in words: `2 hours 5 minutes`.

    In the two largest units.
    """
    left = _seconds(begins, ends)
    parts: list[str] = []
    for seconds, unit in _UNITS:
        count, left = divmod(left, seconds)
        if count or parts:
            parts.append(f"{count} {unit}{'' if count == 1 else 's'}" if count else "")
    return " ".join(part for part in parts[:2] if part) or "less than a second"


def _seconds(begins: str, ends: str) -> int:
    return max(parse_instant(ends) - parse_instant(begins), timedelta()) // timedelta(seconds=1)
