"""An organization with so many of everything, and with as many parts of what paths name."""

from __future__ import annotations

from typing import Any

from incident_service.clock import format_instant
from incident_service.database.engine import Connection
from incident_service.database.file import FileDatabase
from incident_service.severity import SEVERITIES
from incident_service.store import audit
from tests.helpers.console import signed_in
from tests.helpers.things import Things
from tests.helpers.world import World

_files: dict[tuple[str, int], tuple[bytes, dict[str, Any]]] = {}
"""By organization and number: a file, and the ids of what paths name."""

WINDOW = {"days": [1], "start": "09:00", "end": "17:00"}


def filled(world: World, number: int) -> Things:
    """Return things in a world that is as it began, with so many others of each kind."""
    if (world.made.org_id, number) in _files:
        content, ids = _files[world.made.org_id, number]
        world.database.close()
        world.file.path.write_bytes(content)
        return Things(world, {**ids})
    things = Things.made(world)
    others = [_others(things, n) for n in range(number)]
    for n in range(number):
        _parts(things, n)
    _wholes(things, others)
    _incident(things, others)
    things.ids["session"] = world.rows("SELECT id FROM sessions")[0]["id"]
    if isinstance(world.database, FileDatabase):
        world.database.close()
        _files[world.made.org_id, number] = world.file.path.read_bytes(), {**things.ids}
    return things


def _others(things: Things, n: int) -> dict[str, str]:
    """Make one more of each kind; return the ids of those that are named again."""
    world = things.world
    user = world.make("users", email=f"user-{n}@example.com", firstName=f"{n}")["id"]
    component = world.make("components", name=f"Component {n}", groupLabel=f"{n}")["id"]
    schedule = world.make("oncall/schedules", name=f"Schedule {n}", timezone="UTC")["id"]
    turns = {"rotationType": "daily", "handoffTime": "09:00", "participantIds": [user]}
    since = {"effectiveFrom": "2026-01-01T00:00:00Z"}
    world.make(f"oncall/schedules/{schedule}/layers", name="L", **turns, **since)
    hours = world.make("working-hours", name=f"Hours {n}", timezone="UTC", windows=[WINDOW])["id"]
    step = {
        "targetType": "users",
        "userIds": [user, world.made.user_id],
        "escalateAfterSeconds": 60,
        "condition": {"workingHoursId": hours, "when": "during"},
    }
    to_schedule = {
        "targetType": "schedule",
        "targetId": things.ids["schedule"],
        "escalateAfterSeconds": 60,
    }
    policy = world.make("escalation/policies", name=f"Policy {n}", steps=[step, to_schedule])["id"]
    rules = [
        {"severity": severity, "outcome": "incident", "escalationPolicyId": policy}
        for severity in SEVERITIES
    ]
    routing = world.make("routing/policies", name=f"Routing {n}", rules=rules)["id"]
    tool = {"kind": "generic", "componentId": component, "routingPolicyId": routing}
    token = world.make("integrations/inbound", name=f"Tool {n}", **tool)["token"]
    world.client.post(f"/in/{token}", json={"title": f"Alert {n}", "severity": "critical"})
    for shown, body in (
        ("status-pages", {"slug": f"page-{n}", "title": f"Page {n}", "published": True}),
        ("maintenance-windows", {"title": f"Planned {n}", "startsAt": "2026-01-01T00:00:00Z"}),
        ("maintenance-windows", {"title": f"Later {n}", "startsAt": "2098-01-01T00:00:00Z"}),
    ):
        world.make(shown, componentIds=[component, things.ids["component"]], **body)
    over = {"startsAt": "2026-01-01T00:00:00Z", "endsAt": "2026-01-02T00:00:00Z"}
    world.make("maintenance-windows", title=f"Past {n}", componentIds=[component], **over)
    world.make("api-keys", name=f"Key {n}", userId=user)
    world.make("team/members/invite", emailAddress=f"guest-{n}@example.com")
    told = {"url": f"https://example.com/{n}", "events": ["incident_opened"]}
    world.make("subscriptions", label=f"{n}", componentIds=[component], **told)
    found = world.post(world.body(componentIds=[component], escalationPolicyId=policy))
    assert found.status_code == 201, found.json
    return {"user": user, "component": component, "schedule": schedule, "routing": routing}


def _parts(things: Things, n: int) -> None:
    """Make one more part of each of the things."""
    world, ids = things.world, things.ids
    for user_id in (ids["user"], world.made.user_id):
        way = {"label": f"{n}", "url": f"https://example.com/{user_id}/{n}"}
        world.make(f"users/{user_id}/contact-methods", **way)
        world.make(f"users/{user_id}/calendar-feeds", scheduleId=ids["schedule"])
        signed_in(world, user_id)
    for schedule_id in (ids["schedule"], world.made.schedule_id):
        path = f"oncall/schedules/{schedule_id}"
        begins = {"effectiveFrom": "2026-01-01T00:00:00Z", "handoffTime": "09:00"}
        people = {"rotationType": "daily", "participantIds": [ids["user"], world.made.user_id]}
        world.make(f"{path}/layers", name=f"Layer {n}", **begins, **people)
        day = {
            "startsAt": f"2097-01-{n + 1:02}T00:00:00Z",
            "endsAt": f"2097-01-{n + 2:02}T00:00:00Z",
        }
        world.make(f"{path}/overrides", userId=ids["user"], **day)
    rung = {"ackTimeoutMinutes": 5, "target": {"type": "users", "userIds": [ids["user"]]}}
    world.make(f"escalation/policies/{ids['policy']}/layers", **rung)


def _wholes(things: Things, others: list[dict[str, str]]) -> None:
    """Let the things name all of the others."""
    ids = things.ids
    components = [ids["component"], *(other["component"] for other in others)]
    _set(things, "PATCH", f"status-pages/{ids['page']}", componentIds=components, published=True)
    _set(things, "PATCH", f"maintenance-windows/{ids['maintenance']}", componentIds=components)
    _set(
        things,
        "PATCH",
        f"subscriptions/{ids['subscription']}",
        componentIds=components,
        scheduleIds=[other["schedule"] for other in others],
    )
    selectors = [
        {
            "matchers": [{"key": "team", "value": other["routing"]}],
            "routingPolicyId": other["routing"],
        }
        for other in others
    ]
    path = f"integrations/inbound/{ids['integration']}"
    _set(things, "PUT", f"{path}/selectors", selectors=selectors)
    ways = things.world.rows(
        "SELECT id FROM contact_methods WHERE user_id = ?", things.world.made.user_id
    )
    rules = [
        {"contactMethodId": way["id"], "severities": [*SEVERITIES], "delayMinutes": n}
        for n, way in enumerate(ways)
    ]
    path = f"users/{things.world.made.user_id}/notification-rules"
    _set(things, "PUT", path, rules=rules)


def _incident(things: Things, others: list[dict[str, str]]) -> None:
    """Let the integration's alerts open an incident, to which all sorts of things happen."""
    world, ids = things.world, things.ids
    tool = f"integrations/inbound/{ids['integration']}"
    token = world.call("POST", f"{tool}/rotate-token").json["data"]["token"]
    sent = [
        {"title": f"Disk {n}", "severity": "critical", "dedupKey": f"{n}", "groupKey": "disks"}
        for n, _ in enumerate(others)
    ]
    for alert in sent:
        answer = world.client.post(f"/in/{token}", json=alert)
        assert answer.status_code == 202, answer.json
    (found,) = world.rows("SELECT DISTINCT incident_id AS id FROM alerts WHERE group_key = 'disks'")
    incident = world.rows("SELECT * FROM incidents WHERE id = ?", found["id"])[0]
    ids["incident"], ids["number"] = incident["id"], incident["sequential_id"]
    ids["alert"] = world.rows("SELECT id FROM alerts WHERE incident_id = ?", found["id"])[0]["id"]
    path = f"incidents/{incident['id']}"
    for n, _ in enumerate(others):
        world.make(f"{path}/updates", visibility="internal", body=f"Look at {n}.")
    people = [other["user"] for other in others]
    _set(things, "POST", f"{path}/responders", userIds=people)
    _set(things, "PUT", f"{path}/components", componentIds=[o["component"] for o in others])

    def tell(db: Connection, **_: Any) -> None:
        at = format_instant(world.database.clock())
        for user_id in people:
            page = {"userId": user_id, "layer": 0, "contactMethodId": None, "attempt": 1}
            audit.append(db, incident, "page_sent", page, actor_id=None, at=at)
            audit.append(db, incident, "incident_acknowledged", {}, actor_id=user_id, at=at)

    world.database.write(None, tell)
    for n, _ in enumerate(people):
        learned = {"body": f"# {n}\n", "authorIds": people[: n + 1]}
        _set(things, "PUT", f"incidents/{ids['learned']}/postmortem", **learned)


def _set(things: Things, method: str, path: str, **body: Any) -> None:
    answer = things.world.call(method, path, body)
    assert answer.status_code in (200, 201), (path, answer.json)
