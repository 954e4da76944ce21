"""One of everything that the service keeps."""

from __future__ import annotations

from incident_service import clock, quickstart
from incident_service.paging import acknowledge_links, firing, signing_in
from incident_service.people import sessions
from incident_service.severity import SEVERITIES
from tests.helpers.duty import perform_at
from tests.helpers.world import World


def fill_every_table(world: World) -> None:
    """Make one of everything, as a new organization's."""
    world.execute("UPDATE organizations SET name = 'Another'")
    made = world.made = world.database.write(None, quickstart.provision)
    user = world.make("users", email="ben@example.com")["id"]
    world.make(f"users/{user}/contact-methods", label="Mail", url="mailto://a:b@example.com")
    (method,) = world.call("GET", f"users/{user}/contact-methods").json["data"]
    every = {"contactMethodId": method["id"], "severities": list(SEVERITIES)}
    rules = {"rules": [every]}
    assert world.call("PUT", f"users/{user}/notification-rules", rules).status_code == 200
    world.make(f"users/{user}/calendar-feeds")
    world.make("api-keys", name="Key")
    world.make("team/members/invite", emailAddress="cleo@example.com")
    schedule = world.make("oncall/schedules", name="Second", timezone="UTC")["id"]
    moved = {"name": "Second", "timezone": "Europe/Paris"}
    assert world.call("PUT", f"oncall/schedules/{schedule}", moved).status_code == 200
    (layer,) = world.call("GET", f"oncall/schedules/{made.schedule_id}").json["data"]["layers"]
    world.execute("UPDATE schedule_layers SET effective_from = '2025-01-06T09:00:00Z'")
    world.call("DELETE", f"oncall/schedules/{made.schedule_id}/layers/{layer['id']}")
    window = {"startsAt": "2025-04-07T08:00:00Z", "endsAt": "2025-04-08T08:00:00Z"}
    world.make(f"oncall/schedules/{schedule}/overrides", userId=user, **window)
    windows = [{"days": [1], "start": "09:00", "end": "17:00"}]
    world.make("working-hours", name="Office", timezone="UTC", windows=windows)
    step = {"targetType": "users", "userIds": [user], "escalateAfterSeconds": 60}
    policy = world.make("escalation/policies", name="Second", steps=[step])["id"]
    world.make("status-pages", slug="one", title="One", componentIds=[made.component_id])
    starts = {"startsAt": "2099-01-01T00:00:00Z", "endsAt": "2099-01-02T00:00:00Z"}
    planned = [made.component_id]
    world.make("maintenance-windows", title="Upgrade", componentIds=planned, **starts)
    tool = world.make("integrations/inbound", name="Tool", kind="generic")
    routing = world.call("GET", "routing/policies").json["data"][0]["id"]
    chosen = [{"matchers": [{"key": "a", "value": "b"}], "routingPolicyId": routing}]
    path = f"integrations/inbound/{tool['id']}/selectors"
    assert world.call("PUT", path, {"selectors": chosen}).status_code == 200
    told = {"label": "Chat", "url": "https://example.com/hook"}
    world.database.write(None, signing_in.request, quickstart.EMAIL, True)
    browser = {"method": "oidc", "agent": "Browser"}
    world.database.write(made.org_id, sessions.start, made.org_id, made.user_id, **browser)
    world.make("subscriptions", events=["incident_opened", "shift_changed"], **told)
    alerts = [{"title": severity, "severity": severity} for severity in ("high", "low")]
    assert world.client.post(f"/in/{tool['token']}", json=alerts).status_code == 202
    perform_at(world, clock.now(), by_email=True)
    body = world.body(ownerId=user, ownerScheduleId=..., escalationPolicyId=policy)
    incident = world.post(body, {"Idempotency-Key": "key"}).json["data"]["id"]
    world.make(f"incidents/{incident}/updates", visibility="internal", body="Looking.")
    asked = {"userIds": [made.user_id]}
    assert world.call("POST", f"incidents/{incident}/responders", asked).status_code == 200
    for _ in range(2):  # one write does less if the machine is slow
        world.database.write(made.org_id, firing.fire_due, [made.org_id], by_email=True)
    world.database.write(made.org_id, acknowledge_links.renew, [(made.org_id, incident, user)])
    assert world.call("PUT", "postmortem-template", {"body": "T"}).status_code == 200
    over = world.post(body).json["data"]["id"]
    assert world.call("POST", f"incidents/{over}/resolve").status_code == 200
    assert world.call("PUT", f"incidents/{over}/postmortem", {"body": "B"}).status_code == 200
