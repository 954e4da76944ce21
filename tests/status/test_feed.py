"""The Atom feed of a status page, as feed readers take it (contract §7)."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from typing import Any

import feedparser  # type: ignore[import-untyped]
import pytest

from incident_service.config import Settings
from incident_service.http import page_cache
from incident_service.status import public_view
from tests.helpers.another_app import client_with
from tests.helpers.status_pages import (
    DIRECTIONS,
    HOSTILE,
    NO_MARKUP,
    Shown,
    fill,
    open_incident,
    publish,
    see,
    update,
)
from tests.helpers.world import World

ATOM = "{http://www.w3.org/2005/Atom}"
PAST = "2020-01-01T00:00:00.000Z"


def read(world: World, slug: str = "status") -> Any:
    """Return the feed as a feed reader understands it."""
    answer = see(world, "/feed.atom", slug)
    assert answer.mimetype == "application/atom+xml"
    found = feedparser.parse(answer.data, sanitize_html=False)
    assert (found.bozo, found.version) == (0, "atom10"), found.get("bozo_exception")
    return found


def test_a_feed_and_its_entry(world: World) -> None:
    page = publish(world)
    empty = read(world)
    assert (empty.feed.title, empty.entries) == ("Acme", [])
    assert empty.feed.id == f"urn:uuid:{page.removeprefix('status-pages/')}"
    incident = open_incident(world, title="Checkout fails", severity="high")
    update(world, incident, "public", body="First line.\nSecond line.")
    found = read(world)
    (entry,) = found.entries
    (row,) = world.rows("SELECT * FROM incidents")
    assert (entry.id, entry.title) == (f"urn:uuid:{row['id']}", "Checkout fails")
    assert (entry.published, entry.updated) == (row["created_at"], row["public_updated_at"])
    assert found.feed.updated == entry.updated
    content = entry.content[0]
    assert content.type == "text/html"
    told = Shown(content.value)
    assert told.words().startswith("Partial outage affecting Payments API ")
    assert told.words().endswith(" UTC First line. Second line.")
    assert ("p", "First line.\nSecond line.") in told.texts


def test_links_lead_back_to_the_page(world: World) -> None:
    publish(world)
    incident = open_incident(world).removeprefix("incidents/")
    settings = Settings(database=world.database.where, base_url="https://status.example.com")
    client = client_with(settings)
    found = feedparser.parse(client.get("/status/status/feed.atom").data)
    url = "https://status.example.com/status/status"
    links = {link["rel"]: link["href"] for link in found.feed.links}
    assert links == {"self": f"{url}/feed.atom", "alternate": url}
    assert found.entries[0].link == f"{url}/incidents/{incident}"
    assert client.get(f"/status/status/incidents/{incident}").status_code == 200
    # Where an older feed led to.
    history = Shown(client.get("/status/status/history").text)
    assert f"incident-{incident}" in [attrs.get("id") for _, attrs in history.elements]


def test_a_reader_sees_a_change_as_an_update_of_the_same_entry(world: World) -> None:
    page, shown = publish(world), world.made.component_id
    other, third = (world.make("components", name=name)["id"] for name in ("Other", "Third"))
    world.call("PATCH", page, {"componentIds": [shown, third]})
    incident = open_incident(world)
    (first,) = read(world).entries
    internal, public = {"visibility": "internal"}, {"visibility": "public", "body": "x"}
    steps: list[tuple[bool, str, str, Any]] = [
        (True, "PATCH", incident, {"title": "Other"}),
        (True, "PATCH", incident, {"severity": "low"}),
        (False, "PATCH", incident, {"severity": "medium"}),  # no other level
        (False, "PUT", f"{incident}/components", {"componentIds": [other, shown]}),  # not on it
        (True, "PUT", f"{incident}/components", {"componentIds": [shown, third]}),
        (False, "PATCH", incident, {"description": "Internal."}),
        (False, "POST", f"{incident}/acknowledge", ...),
        (False, "POST", f"{incident}/handoff", {"targetUserId": world.made.user_id}),
        (False, "POST", f"{incident}/updates", {**internal, "body": "x"}),
        (False, "POST", f"{incident}/updates/{{}}/redact", ...),
        (True, "POST", f"{incident}/updates", {**internal, "statusChange": "identified"}),
        (True, "POST", f"{incident}/updates", public),
        (True, "POST", f"{incident}/updates/{{}}/redact", ...),
        (False, "POST", f"{incident}/updates/{{}}/redact", ...),
        (True, "POST", f"{incident}/updates", {**public, "statusChange": "monitoring"}),
        (True, "PATCH", f"{incident}/status", {"status": "resolved"}),
    ]
    latest = ""
    for moves, method, path, body in steps:
        world.execute("UPDATE incidents SET public_updated_at = ?", PAST)
        (before,) = read(world).entries
        answer = world.call(method, path.format(latest), body)
        assert answer.status_code < 300, answer.json
        if path.endswith("/updates"):
            latest = answer.json["data"]["id"]
        (entry,) = read(world).entries
        assert (entry.id, entry.published) == (first.id, first.published), path
        assert (entry.updated > PAST) == moves, (method, path, body)
        assert moves or entry == before, (method, path, body)


def test_the_latest_change_comes_first(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(world)
    for n in range(4):
        open_incident(world, title=f"{n}")
        world.execute("UPDATE incidents SET public_updated_at = ? WHERE title = ?", PAST, f"{n}")
    world.execute("UPDATE incidents SET public_updated_at = created_at WHERE title IN ('1', '2')")
    world.execute("UPDATE incidents SET public_updated_at = '2100-01-01' WHERE title = '0'")
    assert [entry.title for entry in read(world).entries] == ["0", "2", "1", "3"]
    monkeypatch.setattr(public_view, "MAX_IN_FEED", 2)
    page_cache.install(world.app)
    assert [entry.title for entry in read(world).entries] == ["0", "2"]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_stays_a_text(world: World, text: str) -> None:
    fill(world, world.made, "mine", text)
    feed = ElementTree.fromstring(see(world, "/feed.atom", "mine").data)
    expected = NO_MARKUP.sub("\ufffd", text)
    plain = DIRECTIONS.sub("", expected)
    tags = ["id", "title", "updated", "author", "link", "link", "entry"]
    assert [child.tag for child in feed] == [ATOM + tag for tag in tags]
    assert [found.text for found in feed.iter(f"{ATOM}title")] == [plain] * 2
    assert [found.text for found in feed.iter(f"{ATOM}name")] == [plain]
    (content,) = feed.iter(f"{ATOM}content")
    assert (content.get("type"), list(content)) == ("html", [])
    told = Shown(content.text or "")
    assert "pwned" not in str(told.elements)
    assert told.texts.count(("bdi", plain)) == 1
    assert told.texts.count(("p", expected)) == 1
    assert read(world, "mine").entries[0].updated == feed.findtext(f"{ATOM}updated")
