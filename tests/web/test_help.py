"""The guides in a browser: `/help` (contract §11)."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from incident_service.app import build_app
from incident_service.config import Settings
from incident_service.web.console import guides, pages
from tests.helpers.console import signed_in
from tests.helpers.guides import ALL, FOLDER, README, ROOT
from tests.helpers.world import World

GUIDES = [path for path in ALL if path != README]
PAGES = ["/help", "/help/all", *(f"/help/{path.stem}" for path in GUIDES)]


class Page(HTMLParser):
    """What a page has: its elements, and the links and anchors among them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    @property
    def links(self) -> list[dict[str, str | None]]:
        return [attrs for tag, attrs in self.elements if tag == "a"]

    @property
    def anchors(self) -> list[str]:
        return [attrs["id"] or "" for _, attrs in self.elements if "id" in attrs]

    def tags(self, name: str) -> int:
        return sum(tag == name for tag, _ in self.elements)


def browse(world: World, path: str) -> Any:
    client = FlaskClient(world.app, world.app.response_class)
    return client.get(path, headers={"Accept": "text/html,*/*;q=0.8"})


def read(world: World, path: str) -> Page:
    answer = browse(world, path)
    assert (answer.status_code, answer.mimetype) == (200, "text/html"), path
    return Page(answer.text)


def words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text)


def words_of_source(text: str) -> list[str]:
    """Return the words that a reader sees: no links' addresses, no numbers of a list's items."""
    text = re.sub(r"^\[.*\]\(#.*\) · \[.*\n", "", text, flags=re.MULTILINE)  # its contents
    text = re.sub(r"^```\w*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"\]\([^)\s]+\)", " ", text)
    return words(re.sub(r"^\d+\. ", "", text, flags=re.MULTILINE))


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.stem)
def test_nothing_of_a_guide_is_lost(world: World, path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    page = browse(world, f"/help/{path.stem}").text
    html = page.partition("<h1>")[2]
    html = re.sub(r"<nav.*?</nav>", "", html, flags=re.DOTALL)
    assert words(unescape(re.sub(r"<[^>]*>", "", html))) == words_of_source(source)


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.stem)
def test_what_a_guide_tells_to_paste_is_there_to_the_letter(world: World, path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    page = browse(world, f"/help/{path.stem}").text
    shown = re.findall(r"<pre[^>]*><code>(.*?)</code></pre>", page, re.DOTALL)
    written = re.findall(r"^```\w*\n(.*?)^```$", source, re.MULTILINE | re.DOTALL)
    assert [unescape(block) for block in shown] == written


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.stem)
def test_tables_are_tables(world: World, path: Path) -> None:
    source = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
    page = read(world, f"/help/{path.stem}")
    assert page.tags("table") == len(re.findall(r"^\|[ |:-]+\|$", source, re.MULTILINE))
    assert page.tags("table") + page.tags("tr") == len(re.findall(r"^\|", source, re.MULTILINE))


@pytest.mark.parametrize("path", PAGES)
def test_every_link_leads_somewhere(world: World, path: str) -> None:
    page = read(world, path)
    anchors: dict[str, set[str]] = {}
    assert len(page.anchors) == len(set(page.anchors))
    for link in page.links:
        href = link["href"] or ""
        if "://" in href:
            assert link["rel"] == "nofollow noopener noreferrer", href
            continue
        target, _, anchor = href.partition("#")
        # A guide's links are beside it, so that they also work below the path of a base URL.
        target = (target if target.startswith("/") else f"/help/{target}") if target else path
        if target not in anchors:
            answer = browse(world, target)
            assert answer.status_code == 200, href
            anchors[target] = set(Page(answer.text).anchors)
        assert not anchor or anchor in anchors[target], href


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.stem)
def test_a_guide_begins_with_its_contents(world: World, path: Path) -> None:
    page = read(world, f"/help/{path.stem}")
    sections = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
    skip, *contents = [link["href"] for link in page.links if (link["href"] or "").startswith("#")]
    count = len(re.findall("^## ", sections, re.MULTILINE))
    of_frame = {"main", "contents"}
    assert contents[:count] == [f"#{anchor}" for anchor in page.anchors if anchor not in of_frame]
    assert skip == "#main"
    assert page.tags("h1") == 1


def test_the_front_page_names_every_guide_and_its_sections(world: World) -> None:
    text = unescape(browse(world, "/help").text)
    for path in GUIDES:
        source = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
        for heading in re.findall("^##? (.*)$", source, re.MULTILINE):
            assert f">{heading.replace('`', '')}</a>" in text, heading
    assert set(guides.SUMMARIES) == {path.stem for path in GUIDES}


def test_one_page_has_all_guides(world: World) -> None:
    whole = browse(world, "/help/all").text
    shown = re.sub(r"<nav.*?</nav>", "", whole.partition("All guides</h1>")[2], flags=re.DOTALL)
    written = [(FOLDER / f"{name}.md").read_text(encoding="utf-8") for name in guides.SUMMARIES]
    assert words(unescape(re.sub(r"<[^>]*>", "", shown))) == words_of_source("\n".join(written))
    assert Page(whole).tags("h1") == 1


@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_the_console_s_script_and_style_alone(world: World, path: str) -> None:
    answer = browse(world, path)
    page = Page(answer.text)
    assert answer.headers["Content-Security-Policy"] == pages.HEADERS["Content-Security-Policy"]
    assert not {tag for tag, _ in page.elements} & {"style", "img", "iframe", "object", "form"}
    loaded = [
        attrs.get("src") or attrs.get("href") or ""
        for tag, attrs in page.elements
        if tag == "script" or (tag == "link" and attrs["rel"] == "stylesheet")
    ]
    assert [asset.partition("?")[0] for asset in loaded] == [
        "/assets/console.css",
        "/assets/console.js",
    ]
    names = {name for _, attrs in page.elements for name in attrs}
    assert [name for name in names if name == "style" or name.startswith("on")] == []
    assert page.tags("pre") + page.tags("table") == sum(
        attrs.get("tabindex") == "0" for _, attrs in page.elements
    )


def test_a_file_that_a_guide_links_to(world: World) -> None:
    answer = browse(world, "/help/zabbix-media-type.yaml")
    assert answer.text == (FOLDER / "zabbix-media-type.yaml").read_text(encoding="utf-8")
    assert answer.headers["Content-Disposition"] == "attachment; filename=zabbix-media-type.yaml"
    offered = {path.name for path in FOLDER.iterdir()} - {path.name for path in GUIDES}
    assert offered == set(guides.ATTACHMENTS)


@pytest.mark.parametrize("name", ["nothing", "nothing.yaml", "using.md", "..%2fapp", "<b>"])
def test_a_guide_that_is_none(world: World, name: str) -> None:
    page = browse(world, f"/help/{name}")
    assert (page.status_code, page.mimetype) == (404, "text/html")
    assert "/help" in [link["href"] for link in Page(page.text).links] or "%2f" in name
    assert "<b>" not in page.text
    answer = world.client.get(f"/help/{name}")
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")


def test_links_begin_with_the_path_of_the_base_url(world: World) -> None:
    app = build_app(Settings(database=world.database.where, base_url="https://example.com/ops"))
    client = FlaskClient(app, app.response_class)
    for path in ("/ops/help", "/ops/help/using"):
        hrefs = [link["href"] or "" for link in Page(client.get(path).text).links]
        assert "/ops/help" in hrefs or "/ops/help/using" in hrefs
        assert [href for href in hrefs if href.startswith("/") and href[:5] != "/ops/"] == []


def test_a_stranger_is_offered_to_sign_in(world: World) -> None:
    page = browse(world, "/help")
    main = page.text.partition('<nav aria-label="Main">')[2].partition("</nav>")[0]
    assert [link["href"] for link in Page(main).links] == ["/sign-in", "/help"]
    assert "Set-Cookie" not in page.headers


def test_who_has_signed_in_stays_in_the_console(world: World) -> None:
    browser = signed_in(world)
    for path in (*PAGES, "/help/nothing"):
        page = browser.get(path, headers={"Accept": "text/html"}).text
        main = page.partition('<nav aria-label="Main">')[2].partition("</nav>")[0]
        links = [link["href"] for link in Page(main).links]
        assert links[0] == "/"
        assert links[-2:] == ["/help", "/me"]
        assert 'href="/help" aria-current="page"' in main
    assert 'href="/help">Help</a>' in browser.get("/").text


def test_a_session_that_ended_does_not_keep_one_from_the_guides(world: World) -> None:
    browser = signed_in(world)
    world.execute("DELETE FROM sessions")
    assert browser.get("/help/using").status_code == 200


def test_what_leads_to_a_guide_leads_somewhere(world: World) -> None:
    """Whatever page, message or guide names a guide and a section of it."""
    sources = [
        path.read_text(encoding="utf-8")
        for path in (ROOT / "incident_service" / "web").rglob("*")
        if path.suffix in (".py", ".html", ".js")
    ]
    named = {found for text in sources for found in re.findall(r"/help/([\w-]+)#([\w-]+)", text)}
    assert [link for link in named if link[1] not in read(world, f"/help/{link[0]}").anchors] == []
