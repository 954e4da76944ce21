"""One alert in the console (contract §10)."""

from __future__ import annotations

from incident_service.quickstart import Provisioned
from tests.helpers.console import as_member, post, signed_in, text_of
from tests.helpers.monitoring import Tool, fire
from tests.helpers.world import World


def test_an_alert_says_what_the_tool_said_and_what_became_of_it(world: World) -> None:
    tool = Tool(world, name="Prometheus")
    tool.send(1, fire("db", description="See https://example.com", attributes={"job": "<b>x</b>"}))
    page = signed_in(world).get(f"/alerts/{tool.alerts()[0]['id']}").text
    told = text_of(page)
    assert "db is down" in told
    assert "Came by Prometheus" in told
    assert "incident, #1" in told
    assert "<b>x</b>" not in page
    assert 'href="https://example.com"' in page


def test_a_member_resolves_it_by_hand(world: World) -> None:
    tool = Tool(world)
    tool.send(1, fire("db"))
    path = f"/alerts/{tool.alerts()[0]['id']}"
    browser = as_member(world)
    assert post(browser, f"{path}/resolve", {}, at=path).status_code == 303
    page = text_of(browser.get(path).text)
    assert "The alert is resolved." in page
    assert "by hand" not in page
    assert tool.alerts()[0]["status"] == "resolved"


def test_the_alerts_of_an_incident_come_in_parts(world: World) -> None:
    tool = Tool(world)
    tool.send(1, *(fire(f"db{n}", group="db") for n in range(35)))
    browser = signed_in(world)
    first = browser.get("/incidents/1/alerts").text
    assert first.count('href="/alerts/') == 30
    (more,) = [part.split('"')[0] for part in first.split('href="')[1:] if "cursor=" in part[:80]]
    second = browser.get(more.replace("&amp;", "&")).text
    assert second.count('href="/alerts/') == 5
    assert "All alerts" in browser.get("/incidents/1").text


def test_another_organizations_alert_is_not_there(world: World, other_org: Provisioned) -> None:
    tool = Tool(world)
    tool.send(1, fire("db"))
    browser = signed_in(world, other_org.user_id, other_org.org_id)
    assert browser.get(f"/alerts/{tool.alerts()[0]['id']}").status_code == 404
