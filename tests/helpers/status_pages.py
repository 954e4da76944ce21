"""Status pages as everybody sees them, and what is published on them."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

from incident_service import quickstart
from incident_service.http import page_cache
from tests.helpers.world import World

PATHS = ("", "/history", "/feed.atom", ".json")


BROWSER = "text/html,application/xhtml+xml,*/*;q=0.8"


HOSTILE = [
    "<script>pwned()</script>\"><img src=x onerror='pwned()'>",
    "</title></style></bdi></p><b class='pwned'>&lt;pwned&amp;",
    "<!-- pwned --> ]]> <![CDATA[ pwned ]]> {{ pwned }}",
    "pwned \u202e gnp.exe \u2066\u2067\u2068\u2069\u202a\u202b\u202c\u202d",
    "pwned \x01\x0b\x1f\x7f\x9f\ufffe\uffff",
]


NO_MARKUP = re.compile("[\x01\x0b\x1f\x7f\x9f\ufffe\uffff]")


DIRECTIONS = re.compile("[\u202a-\u202e\u2066-\u2069]")


class Shown(HTMLParser):
    """A page as a browser takes it: `elements` with attributes, `texts` with their element."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "link"):
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def handle_data(self, data: str) -> None:
        if data.strip() and self._open[-1] != "style":
            self.texts.append((self._open[-1], data))

    def words(self) -> str:
        return " ".join(" ".join(text for _, text in self.texts).split())


def publish(world: World, slug: str = "status", **fields: Any) -> str:
    """Publish a page of the world's component, unless told otherwise; return its API path."""
    shown = {"componentIds": [world.made.component_id], "title": "Acme", "published": True}
    return f"status-pages/{world.make('status-pages', slug=slug, **shown | fields)['id']}"


def see(world: World, path: str = "", slug: str = "status") -> Any:
    answer = world.client.get(f"/status/{slug}{path}")
    assert answer.status_code == 200, answer.text
    return answer


def words(world: World, path: str = "") -> str:
    return Shown(see(world, path).text).words()


def data(world: World) -> dict[str, Any]:
    found: dict[str, Any] = see(world, ".json").json["data"]
    return found


def open_incident(world: World, **changes: Any) -> str:
    """Open an incident; return its API path."""
    return f"incidents/{world.post(world.body(**changes)).json['data']['id']}"


def update(world: World, incident: str, visibility: str, **fields: Any) -> str:
    """Post an update; return its API path."""
    made = world.make(f"{incident}/updates", visibility=visibility, **fields)
    return f"{incident}/updates/{made['id']}"


def etags(world: World) -> list[str]:
    """Return the ETag of each answer that is kept; it is the same once rendered again."""
    kept = [see(world, path).headers["ETag"] for path in PATHS]
    page_cache.install(world.app)
    assert [see(world, path).headers["ETag"] for path in PATHS] == kept
    return kept


def fill(world: World, made: quickstart.Provisioned, slug: str, text: str) -> None:
    """Publish a page on which every text of a user is this one."""

    def send(method: str, path: str, body: Any) -> str:
        answer = world.call(method, path, body, key=made.key)
        assert answer.status_code < 300, answer.json
        id: str = answer.json["data"]["id"]
        return id

    mine = [made.component_id]
    send("PATCH", f"components/{mine[0]}", {"name": text, "groupLabel": text})
    page = {"slug": slug, "title": text, "published": True, "componentIds": mine}
    send("POST", "status-pages", page)
    body = {"title": text, "severity": "low", "ownerId": made.user_id, "componentIds": mine}
    incident = send("POST", "incidents", body)
    send("POST", f"incidents/{incident}/updates", {"visibility": "public", "body": text})
