"""The console as a person in a browser uses it, without JavaScript."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from incident_service.people import sessions, users
from tests.helpers.world import World

FORGERY = re.compile(r'name="csrf_token" value="([^"]+)"')


def signed_in(world: World, user_id: str | None = None, org_id: str | None = None) -> FlaskClient:
    """Return a browser in which a user is signed in: the organization's admin by default."""
    session = world.database.write(
        org_id or world.made.org_id,
        sessions.start,
        org_id or world.made.org_id,
        user_id or world.made.user_id,
        method="link",
        agent="tests",
    )
    browser = FlaskClient(world.app, world.app.response_class)
    with browser.session_transaction() as cookie:
        cookie["token"] = session["token"]
    return browser


def as_member(world: World, user_id: str = "mia") -> FlaskClient:
    """Return a browser in which a new member is signed in."""
    world.database.write(
        world.made.org_id,
        users.create,
        org_id=world.made.org_id,
        email=f"{user_id}@example.com",
        first_name="Mia",
        last_name="Member",
        role="org:member",
        id=user_id,
    )
    return signed_in(world, user_id)


def forgery_token(browser: FlaskClient, page: str) -> str:
    """Return what a form of the page proves its origin with."""
    found = FORGERY.search(browser.get(page).text)
    assert found, f"{page} has no form"
    return html.unescape(found[1])


def post(browser: FlaskClient, path: str, fields: dict[str, Any], *, at: str = "") -> TestResponse:
    """Send a form: the one on the page `at`, by default the page that it is sent to."""
    token = forgery_token(browser, at or path)
    return browser.post(path, data={**fields, "csrf_token": token})


class _Fields(HTMLParser):
    """Reads what the fields of a page hold."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, list[str]] = {}
        self._name = ""
        self._select = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        name, value = given.get("name", ""), given.get("value", "")
        if tag == "input" and name:
            is_ticked = given.get("type") not in ("checkbox", "radio") or "checked" in given
            if is_ticked:
                self.found.setdefault(name, []).append(value)
        elif tag == "textarea":
            self._name = name
            self.found[name] = [""]
        elif tag == "select":
            self._select = name
            self.found.setdefault(name, [])
        elif tag == "option" and "selected" in given:
            self.found[self._select].append(value)

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._name = ""

    def handle_data(self, data: str) -> None:
        if self._name:
            self.found[self._name][0] += data.removeprefix("\n")


def fields_of(page: str) -> dict[str, list[str]]:
    """Return what the fields of a page would send, by name, as the browser shows them."""
    reader = _Fields()
    reader.feed(page)
    return reader.found


def text_of(page: str) -> str:
    """Return the page's text, without its tags, in one line."""
    spaced = re.sub(r"</?(?:bdi|strong|em|a|code|time)\b[^>]*>", "", page)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", spaced)).split())


@dataclass
class SentForm:
    """A form of a page: where it is sent, what its fields hold, and its buttons by their texts."""

    action: str
    fields: dict[str, list[str]]
    buttons: dict[str, tuple[str, str]]


def forms_of(page: str) -> list[SentForm]:
    """Return the forms of a page that are posted."""
    found = []
    for opening, inside in re.findall(r"(<form method=\"post\"[^>]*>)(.*?)</form>", page, re.S):
        action = re.search(r'action="([^"]*)"', opening)
        buttons = {}
        for attributes, text in re.findall(r"<button([^>]*)>(.*?)</button>", inside, re.S):
            given = dict(re.findall(r'([\w-]+)="([^"]*)"', attributes))
            name = html.unescape(given.get("aria-label", text))
            if "aria-hidden" not in given:
                buttons[name] = (given.get("name", ""), html.unescape(given.get("value", "")))
        where = html.unescape(action[1]) if action else ""
        found.append(SentForm(where, fields_of(inside), buttons))
    return found


def press(browser: FlaskClient, path: str, button: str, **typed: Any) -> TestResponse:
    """Open a page and press a button of its, once its form's fields have been typed into."""
    return press_on(browser, browser.get(path).text, path, button, **typed)


def press_on(browser: FlaskClient, page: str, path: str, button: str, **typed: Any) -> TestResponse:
    """Press a button of a page that is open; `button`: the beginning of its name."""
    for form in forms_of(page):
        for text, (name, value) in form.buttons.items():
            if text.startswith(button):
                pressed = {name: value} if name else {}
                return browser.post(form.action or path, data={**form.fields, **typed, **pressed})
    raise AssertionError(f"{path} has no button {button}: {text_of(page)}")
