"""Alerts, as people read and resolve them (contract §10)."""

from __future__ import annotations

from typing import Any

import pytest

from incident_service.quickstart import Provisioned
from tests.helpers.world import World


class Monitoring:
    """A tool that sends alerts of the kind `generic`."""

    def __init__(self, world: World, name: str = "Tool") -> None:
        self._world = world
        made = world.make("integrations/inbound", name=name, kind="generic")
        self.id, self._token = made["id"], made["token"]

    def send(self, *alerts: dict[str, Any]) -> list[dict[str, Any]]:
        answer = self._world.client.post(f"/in/{self._token}", json=list(alerts))
        assert answer.status_code == 202, answer.json
        taken: list[dict[str, Any]] = answer.json["data"]["alerts"]
        return taken


@pytest.fixture
def tool(world: World) -> Monitoring:
    world.call("PATCH", "organization", {"defaultEscalationPolicyId": world.made.policy_id})
    return Monitoring(world)


def down(key: str, severity: str = "critical", **more: Any) -> dict[str, Any]:
    return {"title": f"{key} is down", "dedupKey": key, "severity": severity, **more}


def listed(world: World, **query: str) -> list[str]:
    answer = world.call("GET", "alerts", **query)
    return [alert["dedupKey"] for alert in answer.json["data"]["alerts"]]


def test_an_alert_shows_what_the_tool_said_and_what_became_of_it(
    world: World, tool: Monitoring
) -> None:
    (taken,) = tool.send(
        down(
            "web",
            description="No answer.",
            groupKey="shop",
            attributes={"host": "web-1", "component": "payments api"},
            links=[{"text": "Runbook", "href": "https://wiki.example.com/web"}],
        )
    )
    tool.send(down("web", description="Still none."))
    found = world.call("GET", f"alerts/{taken['id']}").json["data"]
    assert found["firstAt"] <= found["lastAt"]
    assert {name: found[name] for name in found if name not in ("firstAt", "lastAt")} == {
        "id": taken["id"],
        "integrationId": tool.id,
        "dedupKey": "web",
        "groupKey": "shop",
        "status": "firing",
        "severity": "critical",
        "title": "web is down",
        "description": "Still none.",
        "attributes": {},
        "links": [],
        "componentId": world.made.component_id,
        "incidentId": taken["incidentId"],
        "outcome": "incident",
        "count": 2,
        "resolvedAt": None,
    }
    assert world.call("GET", "alerts").json["data"] == {"alerts": [found], "nextCursor": None}


def test_the_list_is_filtered_and_newest_first(world: World, tool: Monitoring) -> None:
    other = Monitoring(world, "Other")
    first, *_ = tool.send(down("a"), down("b", "low"), down("c", "low"))
    other.send(down("d", "low"))
    tool.send(down("c", "low", status="resolved"))
    assert listed(world) == ["d", "c", "b", "a"]
    assert listed(world, status="firing") == ["d", "b", "a"]
    assert listed(world, status="resolved") == ["c"]
    assert listed(world, severity="low") == ["d", "c", "b"]
    assert listed(world, integrationId=tool.id) == ["c", "b", "a"]
    assert listed(world, incidentId=first["incidentId"]) == ["a"]
    assert listed(world, integrationId=tool.id, status="firing", severity="low") == ["b"]
    assert listed(world, integrationId=tool.id.upper(), severity="critical") == ["a"]
    assert listed(world, integrationId=world.made.component_id) == []


def test_a_cursor_goes_on_where_a_part_ended(world: World, tool: Monitoring) -> None:
    tool.send(*(down(str(n), "low") for n in range(5)))
    found, cursor = [], None
    while True:
        query = {"limit": "2", **({"cursor": cursor} if cursor else {})}
        page = world.call("GET", "alerts", **query).json["data"]
        found += [alert["dedupKey"] for alert in page["alerts"]]
        cursor = page["nextCursor"]
        if cursor is None:
            break
        tool.send(down(f"new {len(found)}", "low"))
    assert found == ["4", "3", "2", "1", "0"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"status": "open"}, "status"),
        ({"severity": "bad"}, "severity"),
        ({"integrationId": "x"}, "integrationId"),
        ({"incidentId": "7"}, "incidentId"),
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"title": "x"}, "title"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(
    world: World, query: dict[str, str], field: str
) -> None:
    answer = world.call("GET", "alerts", **query)
    assert (answer.status_code, list(answer.json["errors"])) == (400, [field])


def test_a_cursor_of_another_list_is_refused(world: World, tool: Monitoring) -> None:
    first, *_ = tool.send(*(down(str(n), groupKey="all") for n in range(3)))
    of_alerts = world.call("GET", "alerts", limit="1").json["data"]["nextCursor"]
    path = f"incidents/{first['incidentId']}/alerts"
    of_incident = world.call("GET", path, limit="1").json["data"]["nextCursor"]
    for to, cursor in ((path, of_alerts), ("alerts", of_incident), ("alerts", ""), (path, "x")):
        answer = world.call("GET", to, cursor=cursor)
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_cursor")


def test_the_alerts_of_an_incident(world: World, tool: Monitoring) -> None:
    first, *_ = tool.send(*(down(str(n), groupKey="all") for n in range(3)))
    tool.send(down("another", "low"))
    path = f"incidents/{first['incidentId']}/alerts"
    found = world.call("GET", path).json["data"]
    assert [alert["dedupKey"] for alert in found["alerts"]] == ["2", "1", "0"]
    page = world.call("GET", path, limit="2").json["data"]
    rest = world.call("GET", path, limit="2", cursor=page["nextCursor"]).json["data"]
    assert [*page["alerts"], *rest["alerts"]] == found["alerts"]
    assert rest["nextCursor"] is None
    assert world.call("GET", "incidents/1/alerts").json["data"] == found  # by its number too


def test_an_incident_without_alerts_has_none(world: World) -> None:
    assert world.post().status_code == 201
    found = world.call("GET", "incidents/1/alerts").json["data"]
    assert found == {"alerts": [], "nextCursor": None}
    assert world.call("GET", "incidents/2/alerts").status_code == 404


def test_a_member_resolves_an_alert(world: World, tool: Monitoring, member: str) -> None:
    (taken,) = tool.send(down("web"))
    path = f"alerts/{taken['id']}"
    answer = world.call("POST", f"{path}/resolve", key=member)
    resolved = answer.json["data"]
    assert (answer.status_code, resolved["status"]) == (200, "resolved")
    assert resolved["resolvedAt"] >= resolved["lastAt"]
    assert world.call("POST", f"{path}/resolve").json["data"] == resolved
    assert world.call("GET", path, key=member).json["data"] == resolved
    (again,) = tool.send(down("web"))
    assert again["id"] != taken["id"]


def test_an_alert_of_another_organization_is_not_there(
    world: World, tool: Monitoring, other_org: Provisioned
) -> None:
    (taken,) = tool.send(down("web"))
    theirs = other_org.key
    assert world.call("GET", "alerts", key=theirs).json["data"]["alerts"] == []
    for method, path in (
        ("GET", f"alerts/{taken['id']}"),
        ("POST", f"alerts/{taken['id']}/resolve"),
        ("GET", f"incidents/{taken['incidentId']}/alerts"),
    ):
        assert world.call(method, path, key=theirs).status_code == 404
    assert listed(world, status="firing") == ["web"]


@pytest.mark.parametrize("id", ["x", "7", "01a22aa9-42d2-72c4-b94d-e89f9af4ea19"])
def test_what_is_no_alert_is_not_found(world: World, id: str) -> None:
    assert world.call("GET", f"alerts/{id}").status_code == 404
    assert world.call("POST", f"alerts/{id}/resolve").status_code == 404
