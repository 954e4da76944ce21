"""The browser's one cookie: programs never see it, and nobody can make one up."""

from __future__ import annotations

from typing import Any

import pytest
from flask import session
from flask.sessions import SecureCookieSessionInterface

from incident_service.web.console import session_cookie
from tests.helpers.world import World

FOR_PROGRAMS = ("incident_service.api.", "incident_service.inbound.")
FOR_PEOPLE = "incident_service.web.console."


def test_only_pages_for_people_have_the_cookie(world: World) -> None:
    interface = world.app.session_interface
    rooms = set()
    for rule in world.app.url_map.iter_rules():
        module = world.app.view_functions[rule.endpoint].__module__
        with world.app.test_request_context(rule.rule) as context:
            has_cookie = not interface.is_null_session(context.session)
        for room in (*FOR_PROGRAMS, FOR_PEOPLE):
            if module.startswith(room):
                assert has_cookie == (room == FOR_PEOPLE), rule.rule
                rooms.add(room)
    assert rooms == {*FOR_PROGRAMS, FOR_PEOPLE}


@pytest.mark.parametrize(
    "path", ["/v1/incidents", "/in/a-token", "/healthz", "/metrics", "/status/one", "/a/x"]
)
def test_programs_neither_pay_for_it_nor_get_one(
    world: World, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> Any:
        raise AssertionError("the cookie was read")

    monkeypatch.setattr(SecureCookieSessionInterface, "get_signing_serializer", fail)
    answer = world.client.get(path, headers={"Cookie": f"{session_cookie.NAME}=x"})
    assert "Set-Cookie" not in answer.headers
    assert "Cookie" not in answer.headers.get("Vary", "")


def test_it_holds_one_token_and_nothing_older(world: World) -> None:
    with world.app.test_request_context("/me"):
        session.update(token="old", prepared="x")
        session_cookie.begin("new")
        assert session_cookie.token() == "new"
        assert dict(session) == {"_permanent": True, "token": "new"}
        session_cookie.end()
        assert session_cookie.token() is None
        assert dict(session) == {}


@pytest.mark.parametrize("odd", [None, 7, ["a"], {"a": 1}])
def test_what_is_no_token_is_none(world: World, odd: Any) -> None:
    with world.app.test_request_context("/me"):
        session["token"] = odd
        assert session_cookie.token() is None


def test_its_key_is_that_of_the_database(world: World) -> None:
    (row,) = world.rows("SELECT value FROM secrets WHERE name = 'console'")
    assert world.app.secret_key == bytes.fromhex(row["value"])
