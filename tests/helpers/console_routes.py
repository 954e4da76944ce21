"""Every route of the console, with what stands for its parameters in an organization."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from werkzeug.routing import Rule

from incident_service.app import build_routes

ROOMS = {
    "alerts": "alert",
    "incident_acts": "update",
    "components": "component",
    "cover": "schedule",
    "incidents": "incident",
    "integration_checks": "integration",
    "integrations": "integration",
    "invitations": "invitation",
    "keys": "key",
    "layers": "schedule",
    "maintenance": "maintenance",
    "on_call": "schedule",
    "overrides": "schedule",
    "people": "user",
    "policies": "policy",
    "routing": "routing",
    "schedules": "schedule",
    "status_pages": "page",
    "subscriptions": "subscription",
    "working_hours": "hours",
}
"""What the parameter `id` of a room's routes is the id of."""

PARAMETERS = {
    "alert_id": "alert",
    "feed_id": "feed",
    "invitation_id": "invitation",
    "method_id": "contact method",
    "override_id": "override",
    "responder_id": "user",
    "schedule_id": "schedule",
    "session_id": "session",
    "update_id": "update",
    "user_id": "user",
}


@dataclass(frozen=True)
class Route:
    """A route with one of its methods."""

    endpoint: str
    method: str
    rule: Rule

    def __str__(self) -> str:
        return f"{self.method} {self.endpoint.removeprefix('console.')}"

    @property
    def room(self) -> str:
        return self.endpoint.split(".")[1]

    @property
    def names_something(self) -> bool:
        """Whether the path names a thing of an organization."""
        return bool(self.rule.arguments)

    @property
    def is_file(self) -> bool:
        """Whether it answers with a file to keep, not with a page to look at."""
        return self.rule.rule.endswith((".csv", ".md", ".html"))

    def path(self, ids: dict[str, Any]) -> str:
        """Return the path to the things that have these ids."""
        values = {name: _value(self, name, ids) for name in self.rule.arguments}
        _, path = self.rule.build(values) or ("", "")
        return str(path)


def _value(route: Route, name: str, ids: dict[str, Any]) -> Any:
    if name == "number":
        return ids["learned number" if route.room == "postmortems" else "number"]
    if name == "version":
        return ids["version"]
    if name == "layer_id":
        return ids["rungs" if route.room == "policies" else "layers"][0]
    noun = ROOMS.get(route.room) if name == "id" else PARAMETERS.get(name)
    assert noun, f"say here what stands for {name} of {route.endpoint}"
    return ids.get(noun)


def routes() -> Iterator[Route]:
    """Yield every route behind the sign-in."""
    rules = build_routes().url_map.iter_rules()
    for rule in sorted(rules, key=lambda rule: (rule.rule, rule.endpoint)):
        if rule.endpoint.startswith("console."):
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield Route(rule.endpoint, method, rule)


ROUTES = list(routes())
GETS = [route for route in ROUTES if route.method == "GET"]
POSTS = [route for route in ROUTES if route.method == "POST"]
