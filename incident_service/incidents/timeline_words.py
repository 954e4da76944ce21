"""What an entry of an incident's story says in Markdown, without its instant. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from incident_service.clock import parse_instant
from incident_service.incidents import markdown_text
from incident_service.incidents.story import ALERTS_NAMED, PAGES, Entry, Page, Story
from incident_service.store import Row

THE_SERVICE = "The service"
"""Who does what nobody does."""

INDENT = "  "
"""What lines begin with that belong to an item of a list."""

_FIELDS = {
    "title": "the title",
    "description": "the description",
    "severity": "the severity",
    "isPublic": "whether it is public",
    "publicTitle": "the title for customers",
}


@dataclass(frozen=True, slots=True)
class Clock:
    """Writes instants in an IANA time zone."""

    zone: str

    def __call__(self, at: str) -> str:
        """Return the instant as the zone's clocks show it."""
        return f"{self._local(at):%Y-%m-%d %H:%M:%S}"

    def offset(self, at: str) -> str:
        """Return how far the zone's clocks are from UTC then: `UTC+01:00`."""
        return f"UTC{self._local(at).isoformat(timespec='seconds')[19:]}"

    def _local(self, at: str) -> datetime:
        return parse_instant(at).astimezone(ZoneInfo(self.zone))


@dataclass(frozen=True, slots=True)
class Words:
    """Writes entries of a story. `base_url`: where the service is reached, for links."""

    story: Story
    base_url: str
    clock: Clock

    def text(self, entry: Entry) -> str:
        """Return what an item of a list says; the lines after the first belong to the item."""
        if entry.event == PAGES:
            pages = [self._page(page) for page in entry.pages]
            return pages[0] if len(pages) == 1 else "\n  - ".join(["Pages:", *pages])
        says = self._says(entry)
        if entry.details.get("via") == "link":
            says += ", by the link in a page"
        return "\n\n".join([f"{says}.", *filter(None, self._below(entry))])

    def name(self, id: str | None) -> str:
        """Return who did something."""
        return THE_SERVICE if id is None else markdown_text.line(self.story.names.get(id, id))

    def _below(self, entry: Entry) -> list[str]:
        below = []
        if entry.note:
            below.append(markdown_text.quote(entry.note, INDENT))
        update = entry.update
        if update and update["redacted_at"]:
            by, at = markdown_text.line(update["redacted_by_name"]), update["redacted_at"]
            below.append(f"{INDENT}The text was removed by {by}, {self.clock(at)}.")
        elif update and update["body"]:
            below.append(markdown_text.quote(update["body"], INDENT))
        return below

    def _page(self, page: Page) -> str:
        who, reason = self.name(page.user_id), markdown_text.line(page.reason or "")
        if page.details.get("attempt") == 0:
            return f"{who} was not paged: {reason}"
        done = {
            "resolved": "told that it is resolved",
            "acknowledged": "told that somebody else acknowledged it",
        }.get(page.details.get("notice", ""))
        done = done or ("asked to help" if page.details.get("help") else "paged")
        label = page.contact_method_id and self.story.methods.get(page.contact_method_id)
        method = markdown_text.line(label) if label else "a contact method deleted since"
        says = f"{who} was {done} by {'mail' if page.contact_method_id is None else method}:"
        if page.is_sent:
            failed = f", after {_count(page.failures, 'failed try', 'failed tries')}"
            return f"{says} sent {self.clock(page.at)}{failed if page.failures else ''}."
        tries = f" {page.failures} times" if page.failures > 1 else ""
        again = "It is tried again." if page.will_retry else "It is not tried again."
        return f"{says} **failed{tries}**, last {self.clock(page.at)}: {reason}. {again}"

    def _says(self, entry: Entry) -> str:
        who, details = self.name(entry.actor_id), entry.details
        match entry.event:
            case "incident_opened":
                owner = details.get("ownerId")
                owned = f"owned by {self.name(owner)}" if owner else "with nobody to own it"
                return f"{who} opened it as {details['severity']}, {owned}"
            case "incident_edited":
                return f"{who} changed {self._edited(details)}"
            case "status_changed":
                return f"{who} moved it from {details['before']} to **{details['after']}**"
            case "components_changed":
                return f"{who} changed the components{self._components(details)}"
            case "incident_acknowledged":
                return f"{who} **acknowledged** it"
            case "incident_unacknowledged":
                ended = "The snooze was over: it is unacknowledged again"
                return f"{who} took the acknowledgement back" if entry.actor_id else ended
            case "incident_snoozed":
                until = self.clock(details["until"])
                return f"{who} **acknowledged** it, and snoozed it until {until}"
            case "incident_handed_off":
                return self._handed_off(who, entry)
            case "incident_reopened":
                return f"{who} **reopened** it"
            case "incident_confirmed":
                return f"{who} acted on it: it is not provisional any more"
            case "responder_added":
                return f"{who} asked {self._people(details['userIds'])} to help"
            case "responder_removed":
                return f"{who} asked {self.name(details['userId'])} to help no more"
            case "layer_escalated":
                return self._escalated(who, entry)
            case "layer_skipped":
                reason = markdown_text.line(details["reason"])
                return f"Layer {details['position']} was passed over: {reason}"
            case "escalation_exhausted":
                return "**No layer is left**: nobody else is paged automatically"
            case "last_resort_paged":
                more = f" and {details['more']} more" if details.get("more") else ""
                admins = self._people(details["userIds"])
                return f"**Nobody could be reached**, so the admins are paged: {admins}{more}"
            case "alert_attached":
                return f"Alerts joined: {self._alerts(details)}"
            case "alert_resolved":
                return f"Alerts resolved: {self._alerts(details)}"
            case "update_posted":
                kind = "a public" if details["visibility"] == "public" else "an internal"
                return f"{who} posted {kind} update"
            case "update_redacted":
                return f"{who} removed the text of an update"
        raise ValueError(f"An entry of the story is {entry.event}.")

    def _edited(self, details: Row) -> str:
        before, after = details["before"], details["after"]
        if [*after] == ["severity"]:
            return f"the severity from {before['severity']} to **{after['severity']}**"
        if [*after] == ["title"]:
            return f"the title from “{markdown_text.line(before['title'])}”"
        return _joined([_FIELDS[name] for name in after])

    def _components(self, details: Row) -> str:
        said = ""
        for verb, here, there in (("added", "after", "before"), ("removed", "before", "after")):
            ids = [id for id in details[here] if id not in details[there]]
            names = [markdown_text.line(self.story.components.get(id, id)) for id in ids]
            said += f", {verb} {_joined(names)}" if names else ""
        return said

    def _handed_off(self, who: str, entry: Entry) -> str:
        before, after = entry.details["before"], entry.details["after"]
        from_ = f" from {self.name(before)}" if before and before != entry.actor_id else ""
        reason = entry.details.get("reason")
        why = f": {markdown_text.line(reason)}" if reason else ""
        return f"{who} handed it off{from_} to {self.name(after) if after else 'nobody'}{why}"

    def _escalated(self, who: str, entry: Entry) -> str:
        details = entry.details
        begins = f"{who} **escalated**: layer" if entry.actor_id else "Layer"
        said = f"{begins} {details['position']} pages {self._people(details['userIds'])}"
        if details.get("repeat"):
            said += f"; the policy has begun again, in round {details['repeat'] + 1}"
        if details.get("conditionIgnored"):
            said += "; its working hours were ignored, because nobody else could be paged"
        return said

    def _alerts(self, details: Row) -> str:
        named = [self._alert(id) for id in details["alertIds"][:ALERTS_NAMED]]
        more = len(details["alertIds"]) - len(named) + details.get("more", 0)
        return ", ".join(named) + (f" and {more} more" if more else "")

    def _alert(self, id: str) -> str:
        alert = self.story.alerts.get(id)
        if alert is None:
            return "one that was deleted"
        return f"[{markdown_text.line(alert['title'])}](<{self.base_url}/alerts/{id}>)"

    def _people(self, ids: Iterable[str]) -> str:
        return _joined([self.name(id) for id in ids])


def _joined(parts: Sequence[str]) -> str:
    *most, last = parts or ["nobody"]
    return f"{', '.join(most)} and {last}" if most else last


def _count(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"
