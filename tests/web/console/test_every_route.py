"""What holds for every page and every form of the console, whoever adds one (contract §11)."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from incident_service.http.acting import required_role
from incident_service.ids import new_id
from incident_service.quickstart import Provisioned
from tests.helpers.console import as_member, forgery_token, signed_in
from tests.helpers.console_routes import GETS, POSTS, ROUTES, Route
from tests.helpers.things import Things
from tests.helpers.world import World

HOSTILE = "\"'><script>alert(1)</script><b onclick=alert(1)>"

TEXTS = {
    "organizations": ["name"],
    "users": ["first_name", "last_name"],
    "components": ["name", "description", "group_label"],
    "schedules": ["name", "description"],
    "schedule_layers": ["name"],
    "schedule_overrides": ["reason"],
    "escalation_policies": ["name", "description"],
    "working_hours": ["name"],
    "routing_policies": ["name", "description"],
    "integrations": ["name"],
    "incidents": ["title", "description", "public_title"],
    "alerts": ["title", "description"],
    "maintenance_windows": ["title", "description"],
    "status_pages": ["title"],
    "contact_methods": ["label"],
    "subscriptions": ["label"],
    "api_keys": ["name"],
    "postmortem_templates": ["body"],
}
"""What people and tools write, by table."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)

FOR_MEMBERS = {"alerts", "cover", "incident_acts", "me", "new_incident", "overrides", "postmortems"}
"""The rooms in which members may do everything (contract §1)."""

OF_NOBODY = frozenset({"sessions", "api_keys", "secrets", "sign_in_requests"})
"""Tables of which a refused request may change something: that a session was used."""


@pytest.fixture
def things(world: World) -> Things:
    made = Things.made(world)
    made.ids["number"] = 1
    made.ids["session"] = new_id()
    made.ids["update"] = new_id()
    return made


def state(world: World) -> dict[str, Any]:
    """Return everything that is in the database, by table."""
    return {
        table: world.rows(f"SELECT * FROM {table}")
        for table in world.columns()
        if table not in {*OF_NOBODY, "incident_words"}
    }


def test_a_stranger_is_sent_to_sign_in(things: Things) -> None:
    world = things.world
    stranger, before = FlaskClient(world.app, world.app.response_class), state(world)
    for route in ROUTES:
        data: dict[str, str] | None = {} if route.method == "POST" else None
        answer = stranger.open(route.path(things.ids), method=route.method, data=data)
        assert answer.status_code == 303, route
        assert re.fullmatch(r"/sign-in(\?next=/[!-~]*)?", answer.headers["Location"]), route
    assert state(world) == before


def test_a_form_that_was_not_given_to_this_browser_does_nothing(things: Things) -> None:
    world = things.world
    theirs = forgery_token(signed_in(world), "/settings/components/new")
    browser = signed_in(world)
    own = forgery_token(browser, "/settings/components/new")
    before = state(world)
    for route in POSTS:
        for forged in ({}, {"csrf_token": ""}, {"csrf_token": own[:-1]}, {"csrf_token": theirs}):
            answer = browser.post(route.path(things.ids), data=forged)
            assert answer.status_code == 400, route
            assert "not valid any more" in answer.text, route
    assert state(world) == before


def test_a_member_cannot_do_what_only_admins_may(things: Things) -> None:
    world = things.world
    browser = as_member(world)
    token = forgery_token(browser, "/settings/components/new")
    for route in POSTS:
        who = required_role(world.app.view_functions[route.endpoint], "POST")
        if who == "members":
            continue
        before = state(world)
        answer = browser.post(route.path(things.ids), data={"csrf_token": token})
        assert answer.status_code == 403, route
        assert "Only admins can do this" in answer.text, route
        assert state(world) == before, route


@pytest.mark.parametrize("route", POSTS, ids=str)
def test_members_may_do_what_the_contract_says_and_nothing_else(wired: Flask, route: Route) -> None:
    who = required_role(wired.view_functions[route.endpoint], "POST")
    assert (who == "members") == (route.room in FOR_MEMBERS)


def test_a_member_sees_no_page_that_only_admins_may(things: Things) -> None:
    world = things.world
    browser = as_member(world)
    for route in GETS:
        view = world.app.view_functions[route.endpoint]
        expected = 403 if required_role(view, "GET") == "admins" else 200
        answer = browser.get(route.path(things.ids))
        assert answer.status_code == expected, route


def test_another_organizations_thing_is_as_one_that_does_not_exist(
    things: Things, other_org: Provisioned
) -> None:
    world = things.world
    nothing: dict[str, Any] = dict.fromkeys(things.ids, new_id())
    nothing |= {"layers": [new_id()], "rungs": [new_id()]}
    nothing |= {"number": 10**9, "learned number": 10**9, "version": 1}
    theirs = nothing | {
        "schedule": other_org.schedule_id,
        "policy": other_org.policy_id,
        "component": other_org.component_id,
        "user": other_org.user_id,
    }
    browser = signed_in(world)
    token = forgery_token(browser, "/settings/components/new")
    before = state(world)
    for route in ROUTES:
        if not route.names_something:
            continue
        data = {"csrf_token": token} if route.method == "POST" else None
        for found in (nothing, theirs):
            answer = browser.open(route.path(found), method=route.method, data=data)
            is_refused = answer.status_code == 404
            if route.method == "POST" and answer.status_code == 303:
                page = browser.get(answer.headers["Location"])  # the page it leads to says so
                is_refused = page.status_code == 404 or 'class="notice fault"' in page.text
            assert is_refused, (str(route), answer.status_code)
    assert state(world) == before


class _Dangers(HTMLParser):
    """Finds what a browser would run, load from elsewhere, or show as a style of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        own = ("/", "#", "?", "data:image/svg+xml,")
        for name, value in given.items():
            if name.startswith("on") or name in ("style", "srcdoc"):
                self.found.append(f"{tag} {name}")
            if name in ("src", "action", "formaction") and value and not value.startswith(own):
                self.found.append(f"{tag} {name}={value}")
            if name == "href":
                is_outward = tag == "a" and given.get("rel", "").startswith("nofollow")
                if not value.startswith((*own, "mailto:")) and not is_outward:
                    self.found.append(f"{tag} {name}={value}")
        if tag in ("style", "iframe", "object", "embed", "base", "meta") and tag != "meta":
            self.found.append(tag)
        if tag == "script" and not given.get("src", "").startswith("/assets/"):
            self.found.append("script")


@pytest.mark.sqlite_only("texts that its functions make")
def test_a_page_shows_every_text_as_text(things: Things) -> None:
    world = things.world
    world.execute("DROP TRIGGER incident_updates_keeps_values")
    for table, columns in TEXTS.items():
        for column in columns:
            world.execute(f"UPDATE {table} SET {column} = ? || hex(randomblob(3))", HOSTILE)
    update = {"visibility": "internal", "body": HOSTILE}
    world.call("POST", f"incidents/{things.ids['incident']}/updates", update)
    learned = {"body": f"{HOSTILE}\n\n[a](javascript:alert(1)) ![a](https://a.b/c.png)"}
    world.call("PUT", f"incidents/{things.ids['learned']}/postmortem", learned)
    browser = signed_in(world)
    for route in GETS:
        page = browser.get(route.path(things.ids))
        assert page.status_code == 200, route
        dangers = _Dangers()
        dangers.feed(page.text)
        if page.mimetype == "text/html":
            assert dangers.found == (["style"] if route.is_file else []), route
        assert route.is_file == ("Content-Disposition" in page.headers), route
        assert page.headers["Content-Security-Policy"] == POLICY, route
        assert page.headers["Cache-Control"] == "no-store", route
