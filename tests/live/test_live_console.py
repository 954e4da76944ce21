"""The console as people use it: in a real browser, with a real server and receivers (§11)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from incident_service import clock
from incident_service.clock import parse_instant
from incident_service.people import sign_in_links
from tests.helpers import commands
from tests.helpers.browsers import CHROMIUM, chromium, tab, words
from tests.helpers.integrations import Client
from tests.helpers.openid import CLIENT_ID, CLIENT_SECRET, OpenIdProvider, openid_provider
from tests.helpers.place import SCHEMES, Place
from tests.helpers.receivers import Mailbox, Receiver, receiving, taking_mail
from tests.helpers.servers import GENEROUS, Server, free_port, running
from tests.helpers.waiting import wait_for

PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
}
BOTH = pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])

expect.set_options(timeout=1000 * GENEROUS)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")


@dataclass
class Office:
    """An organization with people, where they are reached, and a browser."""

    place: Place
    server: Server
    browser: Browser
    receiver: Receiver
    box: Mailbox
    provider: OpenIdProvider

    @property
    def client(self) -> Client:
        return Client(self.server, self.place)

    @contextmanager
    def tab(self, **options: Any) -> Iterator[Page]:
        with tab(self.browser, self.server.port, **options) as page:
            yield page

    @contextmanager
    def signed_in(self, user_id: str, **options: Any) -> Iterator[Page]:
        """Open a tab in which a user has signed in by a link."""
        link = self.place.database.write(
            self.place.made.org_id, sign_in_links.create, self.place.made.org_id, user_id
        )
        with self.tab(**options) as page:
            page.goto(f"/sign-in/{link['token']}")
            press(page, "Sign in")
            page.get_by_role("link", name="Me", exact=True).wait_for()
            yield page

    def policy(self, name: str, *steps: list[str]) -> str:
        """Make a policy of steps that each page users, and wait longer than any test takes."""
        users = [
            {"targetType": "users", "userIds": ids, "escalateAfterSeconds": 3600} for ids in steps
        ]
        made = self.client.call("POST", "escalation/policies", {"name": name, "steps": users})
        return str(made["id"])

    def reached(self, user_id: str) -> list[dict[str, Any]]:
        """Return what a user was sent, in the order in which it came."""
        return [json.loads(body) for path, _, body in self.receiver.got if path == f"/{user_id}"]

    def person(self, id: str) -> str:
        """Make a member who can be reached."""
        return self.place.user(id, self.receiver.url("http", f"/{id}"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def office(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    place = Place(tmp_path_factory.mktemp("console") / "console.db")
    with (
        receiving() as receiver,
        taking_mail() as (box, smtp_port),
        openid_provider() as provider,
    ):
        port = free_port()
        provider.answers["/authorize"] = lambda handler: approve(handler, port)
        environment = {
            **SCHEMES,
            "INCIDENT_SERVICE_SMTP_URL": f"smtp://127.0.0.1:{smtp_port}?from=pages@example.com",
            "INCIDENT_SERVICE_OIDC_ISSUER": provider.issuer,
            "INCIDENT_SERVICE_OIDC_CLIENT_ID": CLIENT_ID,
            "INCIDENT_SERVICE_OIDC_CLIENT_SECRET": CLIENT_SECRET,
        }
        with running(place.path, environment=environment, port=port) as server:
            yield Office(place, server, browser, receiver, box, provider)


def approve(handler: Any, port: int) -> None:
    """Send the browser back to the service, as somebody whom the provider knows."""
    provider: OpenIdProvider = handler.server
    path = provider.approve(provider.issuer + handler.path)
    handler.send_response(302)
    handler.send_header("Location", f"http://127.0.0.1:{port}{path}")
    handler.send_header("Content-Length", "0")
    handler.end_headers()


def press(page: Page | Locator, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def follow(page: Page | Locator, name: str) -> None:
    page.get_by_role("link", name=name, exact=True).click()


def unfold(page: Page, text: str) -> None:
    page.locator("summary", has_text=text).click()


def says(page: Page, text: str | re.Pattern[str]) -> None:
    """Wait until the page says what was done."""
    expect(page.locator(".notice").first).to_have_text(text)


def is_at(page: Page, path: str) -> None:
    """Wait until the page is the one at a path."""
    page.wait_for_url(f"**{path}")


def check_signed_in(page: Page, name: str) -> None:
    """Check that somebody of that name is, by a cookie that no script can read."""
    follow(page, "Me")
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")


def test_from_an_empty_organization_to_the_first_page(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "empty.db"

    def run(*arguments: str) -> str:
        return str(next(iter(json.loads(commands.run(path, *arguments).stdout).values())))

    org_id = run("create-org", "Acme")
    user = ["--email", "ada@example.com", "--first-name", "Ada", "--role", "org:admin"]
    run("create-user", "--org", org_id, *user)
    link = urlsplit(run("sign-in-link", "--user", "ada@example.com")).path
    with (
        receiving() as receiver,
        running(path, environment=SCHEMES) as server,
        tab(browser, server.port, java_script_enabled=False) as page,
    ):
        page.goto(link)
        press(page, "Sign in")

        follow(page, "Me")
        follow(page, "Add a way to reach you")
        page.get_by_label("Name").fill("Phone")
        page.get_by_label("Address").fill(receiver.url("http", "/ada"))
        press(page, "Add it")
        press(page, "Send a test page")
        says(page, "The test page went to Phone. Has it arrived?")
        (_, _, test) = receiver.got.pop()
        assert b"test" in test

        room(page, "On call")
        page.get_by_role("link", name="New schedule").first.click()
        page.get_by_label("Name").fill("Primary")
        press(page, "Make it, and add who takes turns")
        page.get_by_label("Name").fill("Everybody in turn")
        page.get_by_label("First").select_option("Ada")
        press(page, "Add")
        page.get_by_label("A week").check()
        press(page.get_by_role("main"), "Preview")
        expect(page.locator(".before-and-after")).to_contain_text("Nobody")
        press(page, "Save")
        expect(page.locator(".now-and-next .card").first).to_contain_text("Ada")

        room(page, "Settings")
        follow(page, "Escalation policies")
        page.get_by_role("link", name="New policy").first.click()
        page.get_by_label("Name", exact=True).fill("Page them")
        page.get_by_label("Schedule").select_option("Primary")
        press(page.locator(".actions").last, "Save")
        expect(page.get_by_role("heading", level=1)).to_have_text("Page them")

        room(page, "Incidents")
        follow(page, "Open an incident")
        page.get_by_label("What is wrong?").fill("Payments fail")
        page.get_by_label("Critical:").check()
        page.get_by_label("Whoever is on call now for").select_option("Primary: Ada")
        press(page, "Open and page")
        says(page, "Incident 1 is open.")
        wait_for(lambda: receiver.got)
        assert b"Payments fail" in receiver.got[0][2]

        def is_told() -> bool:
            page.reload()
            return "You were paged by Phone: sent" in words(page)

        wait_for(is_told)  # the page arrives before it is recorded


def room(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Main").get_by_role("link", name=name).click()


class TestSigningIn:
    """Each way, without scripts: none of them needs any."""

    def test_by_a_mailed_link(self, office: Office) -> None:
        with office.tab(java_script_enabled=False) as page:
            page.goto("/incidents")
            is_at(page, "/sign-in?next=/incidents")
            before = len(office.box.got)
            page.get_by_label("Your email address").fill("Admin@example.com ")
            press(page, "Mail me a link")
            expect(page.get_by_role("heading", level=1)).to_have_text("Look in your mail")
            wait_for(lambda: len(office.box.got) > before)
            content = office.box.got[-1].content
            assert isinstance(content, bytes)
            mail = message_from_bytes(content, policy=policy.default)
            body = mail.get_body(("plain",))
            assert body
            (link,) = re.findall(r"http://\S+/sign-in/\S+", body.get_content())
            page.goto(link)
            assert "admin@example.com" in words(page)
            press(page, "Sign in")
            check_signed_in(page, "Ada Admin")

    def test_by_a_link_of_the_command(self, office: Office) -> None:
        made = commands.run(office.place.path, "sign-in-link", "--user", "admin@example.com")
        (token,) = re.findall(r"/sign-in/([\w-]+)", made.stdout)
        with office.tab(java_script_enabled=False) as page:
            page.goto(f"/sign-in/{token}")
            press(page, "Sign in")
            check_signed_in(page, "Ada Admin")
            press(page.get_by_role("main").locator(".head"), "Sign out")
            is_at(page, "/sign-in")
        with office.tab(java_script_enabled=False, missing=(token,)) as page:
            page.goto(f"/sign-in/{token}")
            assert "This link was used before" in words(page)

    def test_by_an_api_key(self, office: Office) -> None:
        with office.tab(java_script_enabled=False) as page:
            page.goto("/settings/keys")
            field = page.get_by_label("An API key that acts for you")
            field.fill("scl_live_wrong")
            press(page, "Sign in with the key")
            expect(page).to_have_title("Error: Sign in")
            assert field.get_attribute("aria-invalid") == "true"
            field.fill(office.place.made.key)
            press(page, "Sign in with the key")
            is_at(page, "/settings/keys")
            check_signed_in(page, "Ada Admin")

    def test_by_an_invitation(self, office: Office) -> None:
        with office.signed_in(office.place.made.user_id, java_script_enabled=False) as page:
            follow(page, "Settings")
            follow(page, "People")
            follow(page, "Invite somebody")
            page.get_by_label("Email address").fill("eve@example.com")
            press(page, "Invite")
            link = page.locator(".secret").inner_text()
        with office.tab(java_script_enabled=False, **PHONE) as page:
            page.goto(link)
            page.get_by_label("First name").fill("Eve")
            page.get_by_label("Last name").fill("Ng")
            press(page, "Join")
            says(page, re.compile("^Welcome, Eve"))
            check_signed_in(page, "Eve Ng")
            follow(page, "Settings")
            follow(page, "Components")
            assert page.get_by_role("link", name="New component").count() == 0

    def test_at_a_provider(self, office: Office) -> None:
        office.provider.email = {"email": "admin@example.com", "email_verified": True}
        with office.tab(allowed=(office.provider.issuer,), java_script_enabled=False) as page:
            page.goto("/incidents")
            follow(page, "Sign in with your company account")
            is_at(page, "/incidents")
            check_signed_in(page, "Ada Admin")


@BOTH
def test_an_alert_is_worked_on_from_a_phone(office: Office, scripts: bool) -> None:
    bo, cy = (office.person(f"{name}-{scripts}".lower()) for name in ("bo", "cy"))
    title = f"Disk full on db{scripts:d}"
    policy_id = office.policy(f"Disks {scripts}", [bo], [cy])
    office.client.call("PATCH", "organization", {"defaultEscalationPolicyId": policy_id})
    tool = office.client.integrate(f"Monitoring {scripts}")
    (alert,) = tool.send({"title": title, "severity": "critical", "dedupKey": title})
    wait_for(lambda: office.reached(bo))
    with office.signed_in(bo, java_script_enabled=scripts, **PHONE) as page:

        def incident() -> dict[str, Any]:
            found: dict[str, Any] = office.client.call("GET", f"incidents/{alert['incidentId']}")
            return found

        tap(page.get_by_role("link", name="Incidents", exact=True))
        tap(page.get_by_role("link", name=title))
        is_at(page, "/incidents/*")
        assert f"Waiting for you to acknowledge it. Layer 2 pages {cy}" in words(page)
        tap(page.get_by_role("button", name="Acknowledge"))
        says(page, "You have acknowledged it. No more pages are sent.")
        assert incident()["acknowledgedBy"] == bo

        tap(page.locator("summary", has_text="Escalate"))
        tap(page.get_by_role("button", name="Page layer 2 now"))
        says(page, re.compile("^The next layer is paged"))
        wait_for(lambda: office.reached(cy))
        assert f"You escalated: layer 2 pages {cy}" in words(page)
        assert incident()["acknowledgedAt"] is None

        tap(page.get_by_role("link", name="Hand off…"))
        page.get_by_label("Find a person").fill(cy)
        tap(page.get_by_role("button", name="Find"))
        tap(page.get_by_role("button", name=f"Hand off to {cy}"))
        says(page, "It is handed off. The new owner is paged.")
        assert incident()["ownerId"] == cy
        wait_for(lambda: len(office.reached(cy)) == 2)

        tap(page.locator("summary", has_text="Update"))
        page.get_by_label("What is new?").fill("Old backups fill it.\nI delete them.")
        page.get_by_label("Status").select_option("identified")
        tap(page.get_by_role("button", name="Post"))
        says(page, "The update is posted.")
        assert "Old backups fill it." in page.locator(".story").inner_text()
        assert incident()["status"] == "identified"

        tap(page.locator("summary", has_text="Resolve"))
        page.get_by_label("How was it resolved?").fill("Deleted them.")
        tap(page.get_by_role("button", name="Resolve", exact=True))
        says(page, "The incident is resolved.")
        assert "Deleted them." in page.locator(".standing").inner_text()
        assert page.locator("summary", has_text="Reopen").is_visible()
    assert incident()["status"] == "resolved"
    assert incident()["statusHistory"][-1]["resolutionNote"] == "Deleted them."


def tap(control: Locator) -> None:
    """Tap a control, which is large enough for a thumb and on the screen."""
    control.scroll_into_view_if_needed()
    box = control.bounding_box()
    assert box and box["height"] >= 24 and box["width"] >= 24
    assert box["x"] >= 0 and box["x"] + box["width"] <= 390
    control.tap()


class TestOnARota:
    @pytest.fixture(scope="class")
    def rota(self, office: Office) -> tuple[str, str, str]:
        """Two people who take turns week by week, and their schedule's id."""
        ana, ben = office.person("ana"), office.person("ben")
        call = office.client.call
        id = call("POST", "oncall/schedules", {"name": "Weeks", "timezone": "UTC"})["id"]
        monday = clock.now() - timedelta(days=clock.now().weekday() + 7)
        layer = {
            "name": "In turn",
            "rotationType": "weekly",
            "handoffTime": "09:00",
            "effectiveFrom": f"{monday:%Y-%m-%d}T09:00:00Z",
            "participantIds": [ana, ben],
        }
        call("POST", f"oncall/schedules/{id}/layers", layer)
        return ana, ben, id

    def test_a_weekend_is_swapped(self, office: Office, rota: tuple[str, str, str]) -> None:
        ana, ben, id = rota
        with office.signed_in(ana, java_script_enabled=False, **PHONE) as page:
            room(page, "On call")
            page.get_by_role("link", name="Weeks").first.tap()
            page.locator(".by-day a", has_text=ben).last.tap()
            page.get_by_role("button", name=re.compile("^Weekends only")).first.tap()
            says(page, re.compile(f"^{ana}@.* is on call from .* and {ben}@.* is on call from "))
        made = office.client.call("GET", f"oncall/schedules/{id}/overrides")
        assert {(each["userId"], each["reason"]) for each in made} == {
            (ana, "Swapped"),
            (ben, "Swapped"),
        }
        days = {parse_instant(each["startsAt"]).weekday() for each in made}
        assert len(made) == 2 and days <= {4, 5}, "from Friday evening or Saturday on"

    def test_a_layer_is_edited_with_its_preview(
        self, office: Office, rota: tuple[str, str, str]
    ) -> None:
        _, _, id = rota
        cem = office.person("cem")

        def turns() -> list[str]:
            layers = office.client.call("GET", f"oncall/schedules/{id}")["layers"]
            found: list[str] = layers[0]["participantIds"]
            return found

        before = turns()
        with office.signed_in(office.place.made.user_id) as page:
            page.goto(f"/on-call/{id}")
            follow(page, "Edit In turn")
            page.get_by_label("Then").select_option(cem)
            press(page, "Add")
            expect(page.locator(".participants li")).to_have_count(3)
            press(page.get_by_role("main"), "Preview")
            expect(page.get_by_role("heading", name="The next four weeks")).to_be_visible()
            assert re.search(rf"{cem}@example.com 0 [1-9]", words(page)), "the hours that they get"
            assert turns() == before
            press(page, "Back to the form")
            press(page.get_by_role("main"), "Preview")
            press(page, "Save")
            expect(page.locator(".layers")).to_contain_text(cem)
        assert turns() == [*before, cem]


@BOTH
def test_somebody_leaves(office: Office, scripts: bool) -> None:
    place, call = office.place, office.client.call
    leaver, stayer = (office.person(f"{name}-{scripts}".lower()) for name in ("lea", "sam"))
    schedule = call("POST", "oncall/schedules", {"name": f"Nights {scripts}", "timezone": "UTC"})
    layer = {
        "name": "Both",
        "rotationType": "daily",
        "handoffTime": "09:00",
        "effectiveFrom": "2026-01-01T00:00:00Z",
        "participantIds": [leaver, stayer],
    }
    call("POST", f"oncall/schedules/{schedule['id']}/layers", layer)
    policy_id = office.policy(f"Nights {scripts}", [leaver, stayer])
    (incident,) = place.open(owner_id=leaver)
    with (
        office.signed_in(leaver, java_script_enabled=scripts) as theirs,
        office.signed_in(place.made.user_id, java_script_enabled=scripts) as page,
    ):

        def offboard() -> None:
            page.goto("/settings/people")
            follow(page, f"{leaver}@example.com")
            unfold(page, "Offboard")
            press(page, "Offboard them")

        offboard()
        says(page, re.compile(f"Nights {scripts}.*Nights {scripts}"))

        page.goto(f"/settings/policies/{policy_id}/edit")
        page.get_by_label(leaver).uncheck()
        press(page, "Save")
        says(page, re.compile("saved"))
        page.goto(f"/on-call/{schedule['id']}")
        follow(page, "Edit Both")
        press(page, f"Remove {leaver}@example.com")
        expect(page.locator(".participants li")).to_have_count(1)
        press(page.get_by_role("main"), "Preview")
        press(page, "Save")
        expect(page.locator(".layers")).not_to_contain_text(leaver)
        offboard()
        says(page, "They are gone. Their open incidents went to whoever is on call.")
        assert page.get_by_role("link", name=f"{leaver}@example.com").count() == 0

        theirs.goto("/me")
        assert "/sign-in" in theirs.url
    assert call("GET", f"incidents/{incident}")["ownerId"] != leaver


def test_the_keyboard_alone_suffices(office: Office) -> None:
    kim, lou = office.person("kim"), office.person("lou")
    policy_id = office.policy("Keyboards", [kim], [lou])
    (incident,) = office.place.open(owner_id=kim, escalation_policy_id=policy_id)
    number = office.client.call("GET", f"incidents/{incident}")["sequentialId"]
    wait_for(lambda: office.reached(kim))
    with office.signed_in(kim) as page:
        page.goto(f"/incidents/{number}")
        assert next_stop(page) == "Skip to the content"
        page.keyboard.press("Enter")
        assert next_stop(page) == "Incidents", "the first link of the content, not of the top"
        page.goto(f"/incidents/{number}")  # from the top again
        stops = list(all_stops(page))
        acts = ["Acknowledge", "Resolve…", "Escalate…", "Update…", "Mark as identified", "Snooze…"]
        others = ["Hand off…", "Ask for help…", "Edit", "Change the components"]
        assert set(stops) >= {*acts, *others, "Home", "Incidents", "Settings", "Me"}
        assert [stop for stop in stops if stop in acts] == acts

        go_to(page, "Acknowledge")
        page.keyboard.press("Enter")
        says(page, "You have acknowledged it. No more pages are sent.")
        go_to(page, "Resolve…")
        page.keyboard.press("Enter")
        assert next_stop(page) == "How was it resolved?"
        page.keyboard.type("With the keyboard.")
        assert next_stop(page) == "Resolve"
        page.keyboard.press("Space")
        says(page, "The incident is resolved.")


FOCUSED = """
() => {
  const element = document.activeElement, style = getComputedStyle(element);
  const box = element.getBoundingClientRect();
  const label = element.labels && element.labels[0];
  return {
    name: (label ? label.firstChild.textContent : element.innerText || "").trim(),
    isMarked: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    isSeen: box.width > 0 && box.top >= 0 && box.bottom <= innerHeight,
    isNothing: element === document.body,
  };
}
"""


def next_stop(page: Page) -> str:
    """Press the tabulator key; return what has the focus, and shows it. Nothing: an empty text."""
    page.keyboard.press("Tab")
    focused = page.evaluate(FOCUSED)
    assert focused["isNothing"] or (focused["isMarked"] and focused["isSeen"]), focused
    return str(focused["name"]) if not focused["isNothing"] else ""


def all_stops(page: Page) -> Iterator[str]:
    """Yield every stop of the keyboard on the page once."""
    for _ in range(100):
        stop = next_stop(page)
        if not stop:
            return
        yield stop
    raise AssertionError("the focus is in a trap")


def go_to(page: Page, name: str) -> None:
    for stop in all_stops(page):
        if stop == name:
            return
    raise AssertionError(f"no way to {name}")
