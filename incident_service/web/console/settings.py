"""Settings: what there is to set up, `/settings`."""

from __future__ import annotations

from typing import NamedTuple

from flask import Blueprint, g

from incident_service.web.console.pages import render


class Room(NamedTuple):
    """A room of the settings: its first page, its name, and what it is for."""

    page: str
    text: str
    hint: str
    is_for_admins: bool = False


GROUPS: dict[str, list[Room]] = {
    "Paging": [
        Room("policies.show", "Escalation policies", "Whom an incident pages, in which order."),
        Room("working_hours.show", "Working hours", "When steps of policies take part."),
        Room("routing.show", "Routing policies", "What becomes of alerts, by severity."),
    ],
    "Catalogue": [
        Room("components.show", "Components", "The parts of your product."),
        Room("maintenance.show", "Maintenance", "Planned work, and what it keeps quiet."),
    ],
    "Alerts in": [
        Room("integrations.show", "Integrations", "The tools that send alerts."),
    ],
    "People": [
        Room("people.show", "People", "Who is in the organization, and who is invited."),
        Room("keys.show", "API keys", "What scripts and tools use."),
        Room("audit.show", "Audit log", "Who changed what.", is_for_admins=True),
    ],
    "Tell others": [
        Room("subscriptions.show", "Subscriptions", "Chats and tools that are told what happens."),
        Room("status_pages.show", "Status pages", "What the public sees."),
    ],
    "Looking back": [
        Room("postmortem_template.edit", "Post-mortem template", "What new ones start from."),
    ],
    "Organization": [
        Room("organization.edit", "Organization", "Its name, time zone and default policy."),
        Room("set_up.show", "Set-up", "What works, and what needs attention.", is_for_admins=True),
    ],
}
"""The rooms, in groups by their headings."""

pages = Blueprint("settings", __name__)


@pages.get("/settings")
def show() -> str:
    """Lead to all settings that the viewer may see."""
    seen = {
        heading: [room for room in rooms if g.is_admin or not room.is_for_admins]
        for heading, rooms in GROUPS.items()
    }
    groups = [(heading, rooms) for heading, rooms in seen.items() if rooms]
    return render("settings.html", groups=groups)
