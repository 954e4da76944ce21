"""Every page of the console, from the list of its routes, in a real browser (contract §11)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, ViewportSize

from incident_service.people import sign_in_links
from tests.helpers.browsers import CHROMIUM, check_access, chromium, sizes, tab
from tests.helpers.console_routes import GETS
from tests.helpers.servers import Server, running
from tests.helpers.things import Things
from tests.helpers.world import World

WIDE: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
NARROWEST: ViewportSize = {"width": 320, "height": 640}
LOOKS: tuple[tuple[Literal["light", "dark"], ViewportSize], ...] = (
    ("light", WIDE),
    ("dark", PHONE),
    ("dark", WIDE),
    ("light", PHONE),
)
"""How axe looks at a page: at each in one way, in turn, because it takes long."""

DAYS = 4
"""In so many days axe has looked at every page."""

TODAY = datetime.now(UTC).toordinal() % DAYS

TEXT = re.compile(
    r"\b((?:group_|public_)?(?:name|title|label|description|reason|body)|(?:first|last)_name|email)"
    r" +TEXT[^(]*CHECK \(length\(\1\) (?:<=|BETWEEN 1 AND) (\d+)\)"
)
"""A column of the schema that people write to, and how long its texts may be."""

ICON = ("/favicon.ico",)
"""What a browser asks for when it is shown a part of a page, which names no icon."""

IS_PAGE = "document.doctype !== null"
UNFOLD = """
for (const part of document.querySelectorAll("details")) {
  part.removeAttribute("name");  // of those that share one, one is open at a time
  part.open = true;
}
"""

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")


@pytest.fixture
def things(world: World) -> Things:
    """One of each thing, with texts as long as they may be, which cannot be broken."""
    things = Things.made(world)
    things.ids["number"] = 1
    learned = {"body": f"# {'x' * 1000}\n\n`{'x' * 1000}`\n\n| {'x' * 1000} |\n| --- |\n"}
    world.call("PUT", f"incidents/{things.ids['learned']}/postmortem", learned)
    for table in world.rows("SELECT name, sql FROM sqlite_schema WHERE type = 'table'"):
        if table["name"] in ("incident_updates", "postmortem_versions"):  # they never change
            continue
        for column, length in TEXT.findall(table["sql"]):
            end = "hex(randomblob(4))" + (" || '@example.com'" if column == "email" else "")
            changed = f"{column} = substr(? || {end}, -{length})"
            world.execute(f"UPDATE {table['name']} SET {changed}", "x" * int(length))
    return things


@pytest.fixture
def server(things: Things) -> Iterator[Server]:
    things.world.database.close()
    with running(things.world.file.path) as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


def every_page(page: Page, things: Things) -> Iterator[str]:
    """Sign in, and go from page to page; yield the path of each."""
    made = things.world.made
    link = things.world.database.write(made.org_id, sign_in_links.create, made.org_id, made.user_id)
    page.goto("/sign-in")
    yield "/sign-in"
    page.goto(f"/sign-in/{link['token']}")
    yield "/sign-in/{token}"
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Me", exact=True).wait_for()
    for route in GETS:
        if route.is_file:
            continue
        page.goto(route.path(things.ids))
        if page.evaluate(IS_PAGE):  # else it is a part of one, which keeps it fresh
            yield route.path(things.ids)


def test_every_page_fits_and_is_accessible(
    things: Things, server: Server, browser: Browser
) -> None:
    too_wide = []
    with tab(browser, server.port, viewport=PHONE, bypass_csp=True, missing=ICON) as page:
        for number, path in enumerate(every_page(page, things)):
            page.evaluate(UNFOLD)
            for screen in (PHONE, NARROWEST):
                page.set_viewport_size(screen)
                wide, width = sizes(page)
                if wide > width:
                    too_wide.append((path, wide, width))
            if number % DAYS == TODAY:
                scheme, screen = LOOKS[number // DAYS % len(LOOKS)]
                page.emulate_media(color_scheme=scheme)
                page.set_viewport_size(screen)
                check_access(page)
    assert too_wide == []
