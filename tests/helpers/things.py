"""One of each thing that a path or a body of the API's description may name."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from incident_service.database.file import FileDatabase
from incident_service.severity import SEVERITIES
from tests.helpers.world import World

_files: dict[str, tuple[bytes, dict[str, Any]]] = {}
"""By organization: a file with one of each thing, and their ids."""


@dataclass
class Things:
    """What the ids in examples stand for, in the organization at hand."""

    world: World
    ids: dict[str, Any]

    @classmethod
    def made(cls, world: World) -> Things:
        """Make them in a world that is as it began; from the second time on, copy the first."""
        database = world.database
        if not isinstance(database, FileDatabase):
            return cls(world, cls._make(world))
        if world.made.org_id in _files:
            content, ids = _files[world.made.org_id]
            database.close()
            database.path.write_bytes(content)
        else:
            ids = cls._make(world)
            database.close()
            _files[world.made.org_id] = database.path.read_bytes(), ids
        return cls(world, {**ids})

    @staticmethod
    def _make(world: World) -> dict[str, Any]:
        user = world.make("users", email="ada@example.com")["id"]
        schedule = world.make("oncall/schedules", name="S", timezone="UTC")["id"]
        layer = {
            "rotationType": "daily",
            "handoffTime": "09:00",
            "effectiveFrom": "2026-01-01T00:00:00Z",
            "participantIds": [user],
        }
        layers = [
            world.make(f"oncall/schedules/{schedule}/layers", name=name, **layer)["id"]
            for name in "ab"
        ]
        policy = world.make("escalation/policies", name="P")["id"]
        rung = {"ackTimeoutMinutes": 5, "target": {"type": "users", "userIds": [user]}}
        rungs = [world.make(f"escalation/policies/{policy}/layers", **rung)["id"] for _ in range(2)]
        window = {"days": [1], "start": "09:00", "end": "17:00"}
        hours = world.make("working-hours", name="H", timezone="UTC", windows=[window])["id"]
        component = world.make("components", name="C")["id"]
        routing = world.make(
            "routing/policies",
            name="R",
            rules=[{"severity": severity, "outcome": "drop"} for severity in SEVERITIES],
        )["id"]
        tool = world.make("integrations/inbound", name="I", kind="generic")
        sent = world.client.post(f"/in/{tool['token']}", json={"title": "A", "severity": "low"})
        (alert,) = sent.json["data"]["alerts"]
        page = world.make("status-pages", slug="one", title="One")["id"]
        planned = {"startsAt": "2026-01-01T00:00:00Z", "componentIds": [component]}
        maintenance = world.make("maintenance-windows", title="M", **planned)["id"]
        incident = world.post().json["data"]["id"]
        resolved = world.post().json["data"]
        learned = resolved["id"]
        world.call("POST", f"incidents/{learned}/resolve")
        world.call("PUT", f"incidents/{learned}/postmortem", {"body": "L"})
        key = world.make("api-keys", name="K")["id"]
        invitation = world.make("team/members/invite", emailAddress="eve@example.com")["id"]
        method = {"label": "L", "url": "mailto://ada:word@example.com"}
        contact_method = world.make(f"users/{user}/contact-methods", **method)["id"]
        feed = world.make(f"users/{user}/calendar-feeds")["id"]
        told = {"label": "L", "url": "https://example.com/hook", "events": ["shift_changed"]}
        subscription = world.make("subscriptions", **told)["id"]
        stands_in = {"startsAt": "2098-12-31T00:00:00Z", "endsAt": "2099-01-01T00:00:00Z"}
        override = world.make(f"oncall/schedules/{schedule}/overrides", userId=user, **stands_in)[
            "id"
        ]
        return {
            "user": user,
            "schedule": schedule,
            "layers": layers,
            "policy": policy,
            "rungs": rungs,
            "hours": hours,
            "component": component,
            "page": page,
            "routing": routing,
            "integration": tool["id"],
            "alert": alert["id"],
            "maintenance": maintenance,
            "incident": incident,
            "learned": learned,
            "learned number": resolved["sequentialId"],
            "key": key,
            "invitation": invitation,
            "contact method": contact_method,
            "feed": feed,
            "subscription": subscription,
            "override": override,
            "version": "1",
        }

    def path(self, path: str) -> str:
        """Return a path of the description with ids in place of its parameters."""
        ids = self.ids
        of_layer = ids["rungs" if "escalation" in path else "layers"][0]
        first = {
            "incidents": "learned" if "postmortem" in path else "incident",
            "components": "component",
            "schedules": "schedule",
            "policies": "policy",
            "working-hours": "hours",
            "status-pages": "page",
            "inbound": "integration",
            "maintenance-windows": "maintenance",
            "users": "user",
            "api-keys": "key",
            "subscriptions": "subscription",
            "alerts": "alert",
        }
        named = {
            "{feedId}": "feed",
            "{userId}": "user",
            "{invitationId}": "invitation",
            "{methodId}": "contact method",
            "{overrideId}": "override",
            "{number}": "version",
        }
        segments = path.removeprefix("/v1/").split("/")
        for n, segment in enumerate(segments):
            if segment in named:
                segments[n] = ids[named[segment]]
            elif segment == "{layerId}":
                segments[n] = of_layer
            elif segment.startswith("{"):
                noun = "routing" if "routing" in path else first[segments[n - 1]]
                segments[n] = ids[noun]
        return "/".join(segments)

    def body(self, example: Any, path: str) -> Any:
        """Return an example with the ids of things that are there."""
        ids = self.ids
        if path.endswith("layers/order"):
            return {"layerIds": ids["rungs" if "escalation" in path else "layers"][::-1]}
        text = json.dumps(example)
        for key, id in (
            ("ownerScheduleId|scheduleId|targetId", ids["schedule"]),
            ("escalationPolicyId|defaultEscalationPolicyId", ids["policy"]),
            ("routingPolicyId", ids["routing"]),
            ("contactMethodId", ids["contact method"]),
            ("componentId", ids["component"]),
            ("workingHoursId", ids["hours"]),
            ("userId|targetUserId|ownerId", ids["user"]),
        ):
            text = re.sub(rf'"({key})": "[^"]+"', rf'"\1": "{id}"', text)
        text = re.sub(
            r'"(userIds|participantIds|authorIds)": \[[^]]+\]', rf'"\1": ["{ids["user"]}"]', text
        )
        text = re.sub(r'"scheduleIds": \[[^]]+\]', f'"scheduleIds": ["{ids["schedule"]}"]', text)
        (component,) = re.findall(r'"componentIds": \["([^"]+)"\]', text) or [""]
        return json.loads(text.replace(component, ids["component"]) if component else text)
