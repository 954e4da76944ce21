"""The pages as people see them: a real browser and a real server (contract §7 and §8)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from incident_service import clock, ids, quickstart
from incident_service.database import maintenance
from incident_service.database.engine import Database
from incident_service.database.file import FileDatabase
from incident_service.paging import acknowledge_links
from incident_service.people import invitations
from incident_service.people.caller import Caller
from tests.helpers.browsers import CHROMIUM, check_access, chromium, sizes, tab, words
from tests.helpers.servers import Server, running

LONG = "x" * 100
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 320, "height": 640}
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light", "viewport": WIDE},
    "dark": {"color_scheme": "dark", "viewport": WIDE},
    "phone": {"color_scheme": "light", "viewport": PHONE},
}
OF_COLOURS = ["color-contrast", "link-in-text-block"]
RULES: dict[str, dict[str, Any]] = {
    "light": {},
    "dark": {"only": OF_COLOURS},
    "phone": {"but": OF_COLOURS},
}
"""What axe looks at: all of it once, and in the other looks what is not as in the first."""
NOWHERE = "/status/nowhere"
TIME = r"\d+ \w+ \d{4}, \d\d:\d\d UTC"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")


@dataclass
class World:
    """A service that shows the status page `busy`, and a browser."""

    server: Server
    database: Database
    made: quickstart.Provisioned
    browser: Browser
    incident: str = ""
    """The one of the most and the longest updates."""
    maintenance: str = ""
    """What is planned."""

    def make(self, path: str, **fields: Any) -> str:
        """Create something; return its id."""
        headers = {"Authorization": f"Bearer {self.made.key}"}
        status, answer, _ = self.server.request("POST", f"/v1/{path}", fields, headers)
        assert status == 201, answer
        id: str = answer["data"]["id"]
        return id

    def change(self, path: str, **fields: Any) -> None:
        headers = {"Authorization": f"Bearer {self.made.key}"}
        status, answer, _ = self.server.request("PATCH", f"/v1/{path}", fields, headers)
        assert status == 200, answer

    def publish(self, slug: str, title: str, components: list[str], **fields: Any) -> None:
        shown = {"published": True, "componentIds": components, **fields}
        self.make("status-pages", slug=slug, title=title, **shown)

    def open(self, title: str, component: str, severity: str = "critical") -> str:
        fields = {"title": title, "severity": severity, "componentIds": [component]}
        fields["description"] = LONG * 10
        return self.make("incidents", ownerId=self.made.user_id, **fields)

    def tell(self, incident: str, body: str, visibility: str = "public", **fields: Any) -> None:
        self.make(f"incidents/{incident}/updates", visibility=visibility, body=body, **fields)

    def ack_link(self, title: str, component: str) -> str:
        """Open an incident; return the path at which its owner acknowledges it."""
        made, id = self.made, self.open(title, component, "high")
        return self.link_to(id, made.user_id)

    def link_to(self, incident: str, user_id: str) -> str:
        user = self.made.org_id, incident, user_id
        return f"/a/{self.database.write(self.made.org_id, acknowledge_links.renew, [user])[user]}"

    def invitation(self) -> str:
        """Invite somebody new; return the path at which they join."""
        caller = Caller(self.made.org_id, "key", self.made.user_id, "org:admin")
        address = f"{'x' * 30}.{ids.new_id()}@example.com"
        made = self.database.write(caller.org_id, invitations.create, caller, address, "org:member")
        return f"/invitations/{made['token']}"

    @contextmanager
    def page(self, **options: Any) -> Iterator[Page]:
        """Open a tab. Nobody need give it an icon: no policy forbids to ask for one."""
        missing = (NOWHERE, "/favicon.ico")
        with tab(self.browser, self.server.port, missing=missing, **options) as page:
            yield page


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    path: Path = tmp_path_factory.mktemp("browser") / "browser.db"
    database = FileDatabase(path)
    maintenance.initialise(database)
    made = database.write(None, quickstart.provision)
    with (
        running(path) as server,
        chromium() as browser,
    ):
        world = World(server, database, made, browser)
        fill(world)
        yield world


def fill(world: World) -> None:
    """Make everything that a page can show, in texts that are long and cannot be broken."""
    names = (LONG, "Maintained", "Degraded", "Partial", "Major")
    parts = [world.make("components", name=n, groupLabel=LONG[n == LONG :]) for n in names]
    calm = [world.make("components", name=f"Calm {n}", groupLabel="Calm") for n in range(9)]
    world.publish("busy", LONG, [*parts, *calm], overrides={parts[1]: "maintenance"})
    world.publish("empty", LONG, [])
    for part, severity in zip(parts[2:], ("low", "high", "critical"), strict=True):
        incident = world.open(LONG, part, severity)
        world.tell(incident, LONG * 10, statusChange="identified")
        if severity == "critical":
            world.incident = incident
    begins, ends = (clock.format_instant(clock.now() + n * timedelta(days=1)) for n in (1, 2))
    for fields in ({"startsAt": "2020-01-01T00:00:00Z"}, {"startsAt": begins, "endsAt": ends}):
        fields["description"] = LONG * 10
        world.maintenance = world.make(
            "maintenance-windows", title=LONG, componentIds=parts[:2], **fields
        )
    for _ in range(11):
        world.tell(world.incident, LONG * 10, "internal")
    over = world.open(LONG, parts[0])
    for status in ("identified", "monitoring", "resolved"):
        world.tell(over, "مرحبا", statusChange=status)


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_a_customer_s_view_of_an_incident(world: World, scripts: bool) -> None:
    slug = f"acme-{scripts}".lower()
    part = world.make("components", name=f"Checkout {slug}")
    world.publish(slug, "Acme", [part])
    with world.page(java_script_enabled=scripts) as page:

        def seen() -> str:
            page.reload()
            return words(page)

        page.goto(f"/status/{slug}")
        assert words(page).startswith("Acme All systems operational Components")
        incident = world.open("Payments fail", part)
        assert re.match(
            "Acme Major outage Open incidents Payments fail Major outage affecting "
            f"Checkout {slug} Investigating {TIME} Components Checkout {slug} Major outage",
            seen(),
        )
        world.tell(incident, "It is Bob's fault.", "internal")
        world.tell(incident, "A disk is full.", statusChange="identified")
        found = seen()
        assert re.search(f"Identified {TIME} A disk is full. Investigating {TIME} Comp", found)
        assert "Bob" not in found
        world.tell(incident, "Will it hold?", "internal", statusChange="monitoring")
        assert re.search(f"Monitoring {TIME} Identified {TIME} A disk", seen())
        world.tell(incident, "It holds.", statusChange="resolved")
        assert seen().startswith("Acme All systems operational Components")
        drawn = f"The last 90 days: major outage on {page_day()}; otherwise operational."
        assert page.get_by_role("img", name=drawn).count() == 1
        page.get_by_role("link", name="History of the last 90 days").click()
        assert page.get_by_role("heading", level=1).inner_text() == "History of the last 90 days"
        assert re.search(
            f"Payments fail .* Resolved {TIME} It holds. Monitoring {TIME} Identified {TIME} "
            f"A disk is full. Investigating {TIME}",
            words(page),
        )
        page.get_by_role("link", name="Current status").click()
        assert page.get_by_text("All systems operational").is_visible()


def test_a_customer_s_view_of_maintenance(world: World) -> None:
    part = world.make("components", name="Maintained by us")
    world.publish("planned", "Acme", [part])
    with world.page(java_script_enabled=False) as page:
        fields = {"startsAt": "2999-01-01T00:00:00Z", "componentIds": [part]}
        text = "Payments may fail."
        made = world.make("maintenance-windows", title="Upgrade", description=text, **fields)
        page.goto("/status/planned")
        assert re.match(
            "Acme All systems operational Components .* Scheduled maintenance Upgrade "
            f"Affecting Maintained by us From {TIME} until further notice Payments may fail.",
            words(page),
        )
        headings = page.get_by_role("heading").all_inner_texts()
        assert headings == ["Acme", "Components", "Scheduled maintenance", "Upgrade"]
        world.change(f"maintenance-windows/{made}", startsAt="2020-01-01T00:00:00Z")
        page.reload()
        assert words(page).startswith(
            "Acme Under maintenance 1 component is under maintenance. Maintenance in progress"
        )
        page.get_by_role("link", name="Upgrade").click()
        assert page.get_by_role("heading", level=1).inner_text() == "Upgrade"
        world.change(f"maintenance-windows/{made}", endsAt=clock.format_instant(clock.now()))
        page.get_by_role("link", name="History of the last 90 days").click()
        assert "Upgrade Maintenance completed affecting Maintained by us" in words(page)


def page_day() -> str:
    today = clock.now()
    return f"{today.day} {today:%B %Y}"


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_a_click_acknowledges(world: World, scripts: bool) -> None:
    with world.page(java_script_enabled=scripts) as page:
        page.goto(world.ack_link("Payments fail", world.made.component_id))
        page.get_by_role("button", name="Acknowledge").click()
        assert "You have acknowledged this incident" in page.get_by_role("status").inner_text()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_a_responder_s_way_through_an_incident(world: World, scripts: bool) -> None:
    with world.page(java_script_enabled=scripts, **LOOKS["phone"]) as page:
        page.goto(world.ack_link("Payments fail", world.made.component_id))
        assert not page.get_by_text(LONG * 10, exact=True).is_visible()
        page.get_by_text("Show all 1,000 characters").click()
        assert page.get_by_text(LONG * 10, exact=True).is_visible()
        for button in ("Acknowledge", "Mark as identified", "Mark as monitoring", "Resolve"):
            found = page.get_by_role("button", name=button)
            box = found.bounding_box()
            assert box and box["height"] >= 48
            found.click()
        assert "This incident is over" in page.get_by_role("status").inner_text()
        assert page.get_by_role("button").count() == 0


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_somebody_joins_by_an_invitation(world: World, scripts: bool) -> None:
    with world.page(java_script_enabled=scripts, bypass_csp=scripts, **LOOKS["phone"]) as page:
        page.goto(world.invitation())
        button = page.get_by_role("button", name="Join")
        first, last = (page.get_by_label(name) for name in ("First name", "Last name"))
        button.click()  # the browser itself asks for the first name
        assert page.get_by_text("Please enter").count() == 0
        first.fill(" ")
        last.fill("Ng")
        for field in (first, last, button):
            box = field.bounding_box()
            assert box and box["height"] >= 48
        button.click()
        assert page.get_by_text("Please enter your first name.").is_visible()
        assert (page.title()[:6], last.input_value()) == ("Error:", "Ng")
        if scripts:
            check_access(page)
        first.fill("Eve")
        button.click()
        assert "Welcome, Eve" in page.get_by_role("status").inner_text()


def everywhere(world: World) -> list[str]:
    ack = world.ack_link(LONG, world.made.component_id)
    busy = world.link_to(world.incident, world.made.user_id)
    with world.database.read() as db:
        (one,) = db.execute("SELECT id FROM incidents WHERE sequential_id = 1").fetchall()
    alone = f"/status/busy/incidents/{one['id']}"
    return [
        "/status/busy",
        "/status/busy/history",
        alone,
        f"/status/busy/maintenance/{world.maintenance}",
        "/status/empty",
        NOWHERE,
        ack,
        busy,
        world.invitation(),
        "/help",
        "/help/console",
    ]


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_fits(world: World, look: str) -> None:
    with world.page(**LOOKS[look]) as page:
        for path in everywhere(world):
            page.goto(path)
            unfold(page)
            wide, screen = sizes(page)
            assert wide <= screen == LOOKS[look]["viewport"]["width"], path


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_is_accessible(world: World, look: str) -> None:
    # axe evaluates a script of its own, which the pages' policy rightly forbids.
    with world.page(**LOOKS[look], bypass_csp=True) as page:
        for path in everywhere(world):
            page.goto(path)
            check_access(page, **RULES[look])
            if unfold(page):
                check_access(page, **RULES[look])


def unfold(page: Page) -> bool:
    """Open by click whatever is folded; return whether anything was."""
    folded = page.locator("details:not([open]) > summary:visible")
    was_folded = folded.count() > 0
    while folded.count():
        folded.first.click()
    return was_folded


@pytest.mark.parametrize("look", LOOKS)
def test_a_folded_group_and_a_day_open_by_touch(world: World, look: str) -> None:
    with world.page(**LOOKS[look], has_touch=True, java_script_enabled=False) as page:
        page.goto("/status/busy")
        folded = page.locator(".group", has_text="Calm")
        assert "Calm Operational" in " ".join(folded.inner_text().split())
        assert not page.get_by_text("Calm 1").is_visible()
        folded.locator("summary").tap()
        assert page.get_by_text("Calm 1").is_visible()
        said = page.locator("li", has_text="Major").get_by_text(f"{page_day()}: major outage").last
        assert not said.is_visible()
        page.locator("li", has_text="Major").locator("summary").last.tap()
        assert said.is_visible()


@pytest.mark.parametrize(("look", "days"), [("light", 90), ("phone", 30)])
def test_bars_are_wide_enough_to_see(world: World, look: str, days: int) -> None:
    with world.page(**LOOKS[look]) as page:
        page.goto("/status/busy")
        strip, drawn = (
            page.locator(of).first.bounding_box() for of in (".strip:visible", ".days:visible")
        )
        assert strip and drawn
        assert round(90 * strip["width"] / drawn["width"]) == days
        # Today is at the right end of both.
        assert abs(strip["x"] + strip["width"] - drawn["x"] - drawn["width"]) < 1
        scale = page.locator(".scale:visible").first.inner_text().split()
        assert " ".join(scale) == f"{days} days ago Today"


def test_a_name_cannot_turn_what_follows_it(world: World) -> None:
    parts = [world.make("components", name=name) for name in ("\u2069\u202eabc", "second")]
    world.publish("turned", "Acme", parts)
    fields = {"title": "x", "severity": "low", "componentIds": parts}
    world.make("incidents", ownerId=world.made.user_id, **fields)
    with world.page() as page:
        page.goto("/status/turned")
        first, second = (name.bounding_box() for name in page.locator(".facts bdi").all())
    assert first and second
    assert first["x"] + first["width"] <= second["x"]
