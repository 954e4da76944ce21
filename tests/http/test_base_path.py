"""The service below a path of its host: every link that it gives begins with that."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from flask import Flask

from incident_service.app import build_routes, configure
from incident_service.config import Settings
from tests.helpers.world import World

BASE = "https://example.com/oncall"


@pytest.fixture(scope="module")
def routes() -> Flask:
    """An application of these tests' own: it describes itself once, for the path that it is at."""
    return build_routes()


@pytest.fixture
def below(world: World, routes: Flask) -> World:
    """A world that its clients reach below a path."""
    configure(routes, Settings(database=world.database.where, base_url=BASE + "/"))
    world = World(routes, world.database, routes.test_client(), world.made)
    world.post()
    component = world.made.component_id
    page = {"slug": "acme", "title": "Acme", "published": True, "componentIds": [component]}
    assert world.call("POST", "status-pages", page).status_code == 201
    return world


@pytest.mark.parametrize("prefix", ["", "/oncall"])  # as a proxy takes the path off, or not
@pytest.mark.parametrize("path", ["/docs", "/status/acme", "/status/acme/history"])
def test_every_link_of_a_page_leads_below_the_path(below: World, path: str, prefix: str) -> None:
    answer = below.client.get(prefix + path)
    assert answer.status_code == 200
    links = re.findall(r'(?:href|src|action)="([^"]*)"', answer.text)
    assert links
    for link in links:
        url = urlsplit(urljoin(BASE + path, link))
        if url.scheme == "data":
            continue
        assert url.path.startswith("/oncall/"), link
        found = below.client.get(prefix + url.path.removeprefix("/oncall"))
        assert found.status_code == 200, link


@pytest.mark.parametrize("prefix", ["", "/oncall"])
def test_feed_description_and_locations_lead_below_the_path(below: World, prefix: str) -> None:
    feed = below.client.get(f"{prefix}/status/acme/feed.atom").text
    assert re.findall(r'href="([^"]*)"', feed)
    assert all(link.startswith(BASE + "/") for link in re.findall(r'href="([^"]*)"', feed))
    described = below.client.get(f"{prefix}/openapi.json").json
    assert described["servers"][0]["url"] == "/oncall"

    def location(path: str, body: Any) -> str:
        answer = below.client.post(
            f"{prefix}/v1/{path}",
            json=body,
            headers={"Authorization": f"Bearer {below.made.key}"},
        )
        assert answer.status_code == 201
        found: str = answer.headers["Location"]
        return found

    assert location("incidents", below.body()).startswith("/oncall/v1/incidents/")
    assert location("components", {"name": "Another"}).startswith("/oncall/v1/components/")


def test_a_path_that_only_begins_alike_is_not_below(below: World) -> None:
    assert below.client.get("/oncallx/healthz").status_code == 404
    assert below.client.get("/oncall/healthz").status_code == 200
    assert below.client.get("/healthz").status_code == 200
