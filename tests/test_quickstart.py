"""The quickstart organization, and how tools are connected to it (contract §9)."""

from __future__ import annotations

import json
import re

from incident_service import quickstart
from incident_service.cli import _greeting
from incident_service.config import Settings
from tests.helpers.world import World


def connect(world: World) -> quickstart.Tools:
    return world.database.write(quickstart.connect, world.made)


def test_tools_can_be_connected_at_once(world: World) -> None:
    tools = connect(world)
    for token, body in (
        (tools.generic_token, {"title": "Down", "severity": "critical"}),
        (tools.alertmanager_token, {"alerts": [{"labels": {"alertname": "A"}}]}),
    ):
        answer = world.client.post(f"/in/{token}", json=body)
        (alert,) = answer.json["data"]["alerts"]
        incident = world.call("GET", f"incidents/{alert['incidentId']}").json["data"]
        assert incident["escalationPolicyId"] == world.made.policy_id
        assert incident["ownerId"] == world.made.user_id


def test_a_token_that_a_tool_uses_is_kept(world: World) -> None:
    first = connect(world)
    world.client.post(f"/in/{first.alertmanager_token}", json={"alerts": []})
    again = connect(world)
    assert again.alertmanager_token is None
    assert again.generic_token not in (None, first.generic_token)
    for token, status in (
        (first.alertmanager_token, 202),
        (first.generic_token, 401),
        (again.generic_token, 202),
    ):
        answer = world.client.post(f"/in/{token}", json={"title": "Down", "alerts": []})
        assert answer.status_code == status
    assert len(world.call("GET", "integrations/inbound").json["data"]["integrations"]) == 2


def test_a_policy_that_was_chosen_is_kept(world: World) -> None:
    chosen = world.make("escalation/policies", name="Chosen")["id"]
    world.call("PATCH", "organization", {"defaultEscalationPolicyId": chosen})
    connect(world)
    found = world.call("GET", "organization").json["data"]
    assert found["defaultEscalationPolicyId"] == chosen


def test_what_it_prints_can_be_pasted(world: World) -> None:
    tools = connect(world)
    settings = Settings(base_url="https://oncall.example.com")
    printed = _greeting(settings, world.made, tools)
    (curl,) = re.findall(r"^curl .*/in/.*?^  --data '(.*?)'$", printed, re.M | re.S)
    assert json.loads(curl)["dedupKey"] == "disk-web-1"
    assert f"https://oncall.example.com/in/{tools.generic_token}" in printed
    snippet = f"""
route:
  receiver: incident-service
  group_by: [alertname]
receivers:
  - name: incident-service
    webhook_configs:
      - url: "https://oncall.example.com/in/{tools.alertmanager_token}"
        max_alerts: 1000
"""
    assert snippet in printed
    in_use = _greeting(settings, world.made, quickstart.Tools(None, None))
    assert "/in/" not in in_use
