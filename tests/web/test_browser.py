"""What a browser is shown where programs get JSON (contract §1)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from incident_service.app import build_app
from incident_service.config import Settings
from tests.helpers.world import World

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"

PROGRAMS = [
    None,
    "*/*",
    "application/json",
    "application/json, text/plain, */*",
    "application/json,text/html;q=0.9",
    "text/html;q=0.5, application/json",
]


def browse(app: Flask, path: str, method: str = "GET", **options: Any) -> Any:
    """Ask as a browser does; the API's description says nothing of what it gets."""
    client = FlaskClient(app, app.response_class)
    return client.open(path, method=method, headers={"Accept": BROWSER}, **options)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/docs/nothing.js", 404),
        ("GET", "/v1/nothing", 404),
        ("GET", "/v1/incidents", 401),
        ("DELETE", "/v1/incidents", 405),
        ("GET", "/healthz?x=1", 400),
    ],
)
def test_an_error_is_a_page_in_a_browser(world: World, method: str, path: str, status: int) -> None:
    page = browse(world.app, path, method)
    assert (page.status_code, page.mimetype) == (status, "text/html")
    assert page.headers["X-Request-Id"] in page.text
    assert "style-src 'sha256-" in page.headers["Content-Security-Policy"]
    assert page.headers["Cache-Control"] == "no-store"
    assert re.findall('href="([^"]+)"', page.text) == ["/docs"]
    assert ("Allow" in page.headers) == (status == 405)
    assert ("WWW-Authenticate" in page.headers) == (status == 401)


def test_a_body_that_is_too_large_is_a_page_in_a_browser(world: World) -> None:
    key = {"Authorization": f"Bearer {world.made.key}", "Accept": BROWSER}
    page = FlaskClient(world.app, world.app.response_class).post(
        "/v1/incidents", data=b" " * (1024 * 1024 + 1), headers=key
    )
    assert (page.status_code, page.mimetype) == (413, "text/html")
    assert "The body is larger than 1 MiB." in page.text


def test_a_crash_is_a_page_in_a_browser_that_tells_nothing_of_the_inside(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash() -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(world.database, "check", crash)
    page = browse(world.app, "/readyz")
    assert (page.status_code, page.mimetype) == (500, "text/html")
    assert "secret" not in page.text
    assert "An unexpected error occurred on our side." in page.text


def test_what_a_client_sends_is_shown_as_text(world: World) -> None:
    page = browse(world.app, "/healthz?<script>=1")
    assert page.status_code == 400
    assert "<script>" not in page.text
    assert "&lt;script&gt;" in page.text


def test_what_is_called_json_is_json_in_a_browser_too(world: World) -> None:
    answer = browse(world.app, "/status/nothing.json")
    assert (answer.status_code, answer.mimetype) == (404, "application/json")


@pytest.mark.parametrize("accept", PROGRAMS)
@pytest.mark.parametrize("path", ["/docs/", "/nothing"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_program_gets_json(world: World, method: str, path: str, accept: str | None) -> None:
    headers = {} if accept is None else {"Accept": accept}
    answer = world.client.open(path, method=method, headers=headers)
    assert (answer.status_code, answer.mimetype) == (404, "application/json")
    assert answer.json["code"] == "not_found"


def test_the_root_leads_to_the_sign_in(world: World) -> None:
    answer = browse(world.app, "/")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in")
    assert browse(world.app, "/sign-in").status_code == 200


def test_docs_with_a_slash_leads_to_docs(world: World) -> None:
    answer = browse(world.app, "/docs/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/docs")


def test_links_begin_with_the_path_of_the_base_url(world: World) -> None:
    app = build_app(Settings(database=world.database.where, base_url="https://example.com/ops"))
    assert browse(app, "/ops/").headers["Location"] == "/ops/sign-in"
    assert 'href="/ops/docs"' in browse(app, "/ops/nothing").text
    assert browse(app, "/ops/docs/").headers["Location"] == "/ops/docs"


@pytest.mark.parametrize(
    "path", ["/healthz", "/openapi.json", "/status/one.json", "/v1/incidents", "/nothing"]
)
def test_json_ends_with_a_new_line(world: World, path: str) -> None:
    world.make("status-pages", slug="one", title="One", published=True)
    answer = world.client.get(path)
    assert answer.mimetype == "application/json"
    assert answer.data.endswith(b"}\n")
    assert int(answer.headers["Content-Length"]) == len(answer.data)


def test_an_answer_that_is_given_again_ends_with_a_new_line_too(world: World) -> None:
    first, again = (world.post(headers={"Idempotency-Key": "one"}) for _ in range(2))
    assert again.headers["Idempotent-Replayed"] == "true"
    assert first.data == again.data
    assert first.data.endswith(b"}\n")
