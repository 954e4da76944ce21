"""Prometheus and Alertmanager, as Debian ships them, page the right person (contract §10)."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from incident_service.alerts import integrations
from tests.helpers import figures
from tests.helpers.guides import FOLDER, blocks
from tests.helpers.integrations import Client, Integration
from tests.helpers.place import SCHEMES, Place
from tests.helpers.prometheus import (
    ARE_INSTALLED,
    Parts,
    alertmanager,
    asked,
    parts,
    prometheus,
    tell,
)
from tests.helpers.receivers import Receiver, receiving
from tests.helpers.servers import free_port, running
from tests.helpers.waiting import wait_for

pytestmark = pytest.mark.skipif(
    not ARE_INSTALLED, reason="needs prometheus and prometheus-alertmanager"
)

GUIDE = FOLDER / "monitoring.md"
SECTIONS = {
    "alertmanager": "Prometheus Alertmanager",
    "pagerduty": "What speaks to PagerDuty",
    "opsgenie": "What speaks to Opsgenie",
    "replicas": "Prometheus Alertmanager",
    "strangers": "Prometheus Alertmanager",
}
"""The guide's sections by the integration through which alerts come."""

KINDS = {name: name for name in SECTIONS} | dict.fromkeys(("replicas", "strangers"), "alertmanager")


@dataclass
class Site:
    """A service that is told of parts which break; what breaks in Checkout is Ada's affair."""

    client: Client
    receiver: Receiver
    parts: Parts
    integrations: dict[str, Integration]
    replicas: tuple[int, int]

    def alerts(self, through: str) -> list[dict[str, Any]]:
        id = self.integrations[through].id
        found: list[dict[str, Any]] = self.client.call("GET", f"alerts?integrationId={id}")[
            "alerts"
        ]
        return found

    def incidents(self, through: str) -> list[dict[str, Any]]:
        found = self.client.call("GET", "incidents?limit=100")["incidents"]
        return [i for i in found if i["createdBy"] == self.integrations[through].id]

    def paged(self, incident: dict[str, Any]) -> list[str]:
        """Return who was paged for the incident."""
        got = [(path, json.loads(body)) for path, _, body in self.receiver.got.copy()]
        return [
            path
            for path, page in got
            if page["type"] == "page" and page["incident"]["id"] == incident["id"]
        ]

    def breaks(self, through: str, host: str) -> None:
        self.parts.breaks(through=through, service="checkout", host=host, severity="critical")

    def is_mended(self, through: str, host: str) -> None:
        self.parts.is_mended(through=through, service="checkout", host=host, severity="critical")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder: Path = tmp_path_factory.mktemp("monitoring")
    place = Place(folder / "alerts.db")
    with ExitStack() as stack:
        receiver, watched = stack.enter_context(receiving()), stack.enter_context(parts())
        place.user("ada", receiver.url("http", "/ada"))
        place.user("ben", receiver.url("http", "/ben"))
        client = Client(stack.enter_context(running(place.path, environment=SCHEMES)), place)
        of_ada, of_ben = client.policy("Ada", "ada"), client.policy("Ben", "ben")
        component = {"name": "Checkout", "escalationPolicyId": of_ada}
        checkout_id = client.call("POST", "components", component)["id"]
        client.call("PATCH", "organization", {"defaultEscalationPolicyId": of_ben})
        tools = {
            # To PagerDuty no labels are sent that name a component.
            name: client.integrate(name, kind, componentId=checkout_id)
            if kind == "pagerduty"
            else client.integrate(name, kind)
            for name, kind in KINDS.items()
        }

        def manager(name: str, *throughs: str, **options: Any) -> int:
            told = {it: receiver_for(tools[it]) for it in throughs}
            return stack.enter_context(alertmanager(folder / name, told, **options))

        gossip = free_port()
        alone = manager("alone", "alertmanager", "pagerduty", "opsgenie", "strangers")
        stranger = manager("stranger", "strangers")
        first = manager("first", "replicas", gossip=gossip)
        second = manager("second", "replicas", gossip=free_port(), peer=gossip)
        told = (alone, stranger, first, second)
        stack.enter_context(prometheus(folder / "prometheus", watched, told))
        yield Site(client, receiver, watched, tools, (first, second))


def receiver_for(tool: Integration) -> dict[str, Any]:
    """Return the guide's receiver for Alertmanager, with the integration's token in it."""
    (block,) = (it for it in blocks(GUIDE, SECTIONS[tool.name], "yaml") if "receivers:" in it)
    base = f"http://127.0.0.1:{tool.server.port}"
    pasted = block.replace("https://incidents.example.com", base).replace("TOKEN", tool.token)
    (receiver,) = yaml.safe_load(pasted)["receivers"]
    del receiver["name"]
    found: dict[str, Any] = receiver
    return found


def test_through_alertmanagers_own_webhook(site: Site) -> None:
    incident = opens(site, "alertmanager")
    assert incident["title"] == "checkout is broken on a"
    site.breaks("alertmanager", "b")
    wait_for(lambda: len(site.alerts("alertmanager")) == 2)
    attached = site.client.call("GET", f"incidents/{incident['id']}/alerts")["alerts"]
    assert [alert["attributes"]["host"] for alert in attached] == ["b", "a"]
    resolves(site, "alertmanager", incident)
    assert [alert["status"] for alert in site.alerts("alertmanager")] == ["resolved"] * 2


@pytest.mark.parametrize("through", ["pagerduty", "opsgenie"])
def test_through_what_alertmanager_has_for_another_service(site: Site, through: str) -> None:
    """There each group is one alert, which says how many of it fire."""
    incident = opens(site, through)
    assert incident["title"].startswith("[FIRING:1] checkout")
    site.breaks(through, "b")
    wait_for(lambda: site.alerts(through)[0]["title"].startswith("[FIRING:2] checkout"))
    (alert,) = site.alerts(through)
    assert (alert["incidentId"], alert["count"]) == (incident["id"], 2)
    resolves(site, through, incident)


def test_two_replicas_that_know_each_other_open_one_incident(site: Site) -> None:
    wait_for(lambda: [peers_of(port) for port in site.replicas] == [2, 2])
    incident = opens(site, "replicas")
    site.breaks("replicas", "b")
    wait_for(lambda: len(site.alerts("replicas")) == 2)
    resolves(site, "replicas", incident)


def test_two_replicas_that_do_not_know_each_other_open_one_incident(site: Site) -> None:
    incident = opens(site, "strangers")
    wait_for(lambda: site.alerts("strangers")[0]["count"] >= 2)
    site.breaks("strangers", "b")
    wait_for(lambda: len(site.alerts("strangers")) == 2)
    resolves(site, "strangers", incident)
    wait_for(lambda: len(told_that_all_is_over(site, "strangers")) >= 2)
    assert [found["status"] for found in site.incidents("strangers")] == ["resolved"]


def test_what_fires_while_the_service_is_down_opens_an_incident_once_it_is_up(
    tmp_path: Path,
) -> None:
    place, port = Place(tmp_path / "down.db"), free_port()
    values = {"name": "Alertmanager", "kind": "alertmanager"}
    made = place.database.write(
        place.made.org_id, integrations.create, org_id=place.made.org_id, values=values
    )
    url = f"http://127.0.0.1:{port}/in/{made['token']}"
    receivers = {"service": {"webhook_configs": [{"url": url}]}}
    with alertmanager(tmp_path / "alertmanager", receivers) as told:
        tell(told, through="service", service="checkout", severity="critical")
        tries = ("alertmanager_notification_requests_failed_total", ("webhook",))
        wait_for(lambda: figures.parse(asked(told, "/metrics"))[tries] > 0)
        with running(place.path, port=port):
            wait_for(lambda: place.count("incidents"))
    assert place.count("alerts", "incident_id IS NOT NULL") == place.count("incidents") == 1


def test_the_receiver_that_quickstart_prints(tmp_path: Path) -> None:
    database = tmp_path / "quickstart.db"
    with running(database, "quickstart", "--port", "{port}") as server:
        printed = server.printed(r"receivers:\n(?: .*\n)+")
        (receiver,) = yaml.safe_load(printed)["receivers"]
        del receiver["name"]
        with alertmanager(tmp_path / "alertmanager", {"service": receiver}) as told:
            tell(told, through="service", service="checkout", severity="critical")
            wait_for(lambda: incidents_in(database))
    assert incidents_in(database) == [("Broken", "critical", "investigating")]


def incidents_in(database: Path) -> list[tuple[str, str, str]]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute("SELECT title, severity, status FROM incidents").fetchall()


def peers_of(port: int) -> int:
    """Return how many Alertmanagers are in the cluster of this one, with it."""
    cluster = asked(port, "/api/v2/status")["cluster"]
    return len(cluster["peers"]) if cluster["status"] == "ready" else 0


def told_that_all_is_over(site: Site, through: str) -> list[Any]:
    """Return the deliveries that came of a group of which nothing fires any more."""
    receipts = f"integrations/inbound/{site.integrations[through].id}/receipts"
    bodies = [json.loads(it["body"]) for it in site.client.call("GET", receipts)["receipts"]]
    return [body for body in bodies if body["status"] == "resolved"]


def opens(site: Site, through: str) -> dict[str, Any]:
    """Break a part; return the one incident that it opens, for which Ada is paged."""
    site.breaks(through, "a")
    wait_for(lambda: site.incidents(through))
    (incident,) = site.incidents(through)
    assert incident["status"] == "investigating"
    assert [part["name"] for part in incident["affectedComponents"]] == ["Checkout"]
    assert (incident["ownerId"], incident["isPublic"]) == ("ada", False)
    wait_for(lambda: site.paged(incident))
    return incident


def resolves(site: Site, through: str, incident: dict[str, Any]) -> None:
    """Mend both parts; the incident resolves by itself, and only Ada was paged, once."""
    for host in ("a", "b"):
        assert [found["status"] for found in site.incidents(through)] == ["investigating"]
        site.is_mended(through, host)
    wait_for(lambda: site.incidents(through)[0]["status"] == "resolved")
    assert [found["id"] for found in site.incidents(through)] == [incident["id"]]
    assert site.paged(incident) == ["/ada"]
