"""The page behind an invitation's link, where somebody joins (contract §6)."""

from __future__ import annotations

import html
import logging
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from incident_service import clock, create_app
from incident_service.config import Settings
from incident_service.errors import Busy, NotFound
from incident_service.people import invitations, sessions, users
from incident_service.people.caller import Caller
from tests.helpers.clocks import write_at
from tests.helpers.console import FORGERY
from tests.helpers.world import World

DAYS_7 = timedelta(days=7)
ADDRESS = "eve@example.com"


def invite(world: World, **changes: Any) -> str:
    """Invite Eve as the world's admin, now unless another time is given; return the path."""
    values: dict[str, Any] = {
        "by": world.made.user_id,
        "role": "org:member",
        "now": clock.now(),
        **changes,
    }
    caller = Caller(world.made.org_id, "key", values["by"], "org:admin")
    made = write_at(
        values["now"], world.database, invitations.create, caller, ADDRESS, values["role"]
    )
    return f"/invitations/{made['token']}"


def token_for(browser: Any, path: str) -> str:
    """Return what proves that a form is this browser's; a page that has no form gives none."""
    found = FORGERY.search(browser.get(path).text)
    return html.unescape(found[1]) if found else ""


def join(world: World, path: str, first: str = "Eve", last: str = "Ng") -> Any:
    fields = {"first_name": first, "last_name": last, "csrf_token": token_for(world.client, path)}
    return world.client.post(path, data=fields)


def welcomed(world: World, path: str, first: str) -> Any:
    """Join, and return the page that one sees then."""
    return world.client.get(join(world, path, first).headers["Location"])


def words(answer: Any) -> str:
    """Return the page's text as a person reads it."""
    (main,) = re.findall("<main[^>]*>(.*)</main>", answer.text, re.DOTALL)
    return " ".join(html.unescape(re.sub("<[^>]*>", "", main)).split())


def state(world: World) -> list[Any]:
    return [world.rows(f"SELECT * FROM {name}") for name in ("users", "invitations", "changes")]


def users_named_eve(world: World) -> list[dict[str, Any]]:
    found = world.call("GET", "users").json["data"]["users"]
    return [user for user in found if user["email"] == ADDRESS]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_looking_changes_nothing(world: World, method: str) -> None:
    path = invite(world)
    before = state(world)
    for _ in range(3):
        answer = world.client.open(path, method=method)
        assert (answer.status_code, answer.content_type) == (200, "text/html; charset=utf-8")
    assert state(world) == before


@pytest.mark.parametrize(("role", "said"), [("org:member", "a member"), ("org:admin", "an admin")])
def test_the_page_says_who_invites_to_what(world: World, role: str, said: str) -> None:
    names = {"firstName": "Ada", "lastName": "Lovelace"}
    world.call("PATCH", f"users/{world.made.user_id}", names)
    world.execute("UPDATE organizations SET name = 'Acme'")
    page = world.client.get(invite(world, role=role))
    assert f"Ada Lovelace invites you to be {said} of Acme, with the email address" in words(page)
    assert ADDRESS in words(page)
    assert [page.text.count(tag) for tag in ("<h1>", "<main", "<form", "<button")] == [1, 1, 1, 1]
    by_key = world.client.get(invite(world, by=None, role=role))
    assert f"You are invited to be {said} of Acme" in words(by_key)


def test_joining_makes_the_user(world: World) -> None:
    path = invite(world, role="org:admin")
    (invitation,) = world.call("GET", "team/members").json["data"]["invitations"]
    answer = join(world, path, " Eve ", "")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert "Welcome, Eve." in words(world.client.get("/"))
    (eve,) = users_named_eve(world)
    assert (eve["firstName"], eve["lastName"], eve["role"]) == ("Eve", None, "org:admin")
    listed = world.call("GET", "team/members").json["data"]
    assert listed["invitations"] == []
    assert listed["members"][-1]["id"] == eve["id"]
    events = world.call("GET", "audit-events", limit="3").json["data"]["auditEvents"][1:]
    assert [(e["action"], e["resourceId"], e["actorId"]) for e in events] == [
        ("created", eve["id"], eve["id"]),
        ("deleted", invitation["id"], eve["id"]),
    ]


def test_a_second_time_says_that_they_are_in(world: World) -> None:
    path = invite(world)
    join(world, path)
    before = state(world)
    for answer in (join(world, path), world.client.get(path)):
        assert answer.status_code == 404
        assert "If you have just accepted it, you are in." in words(answer)
        assert "invite you again" in words(answer)
    assert state(world) == before


def test_who_cannot_be_signed_in_was_not_added(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = invite(world)
    before = state(world)

    def fail(*_: Any, **__: Any) -> Any:
        raise Busy("busy")

    with monkeypatch.context() as broken:
        broken.setattr(sessions, "start", fail)
        answer = join(world, path)
    assert answer.status_code == 503
    assert "Nothing was changed" in words(answer)
    assert state(world) == before
    assert join(world, path).status_code == 303


def test_two_at_once_make_one_user(world: World) -> None:
    world.database.write_timeout = 5.0
    path = invite(world)

    browsers = [world.app.test_client() for _ in range(4)]
    forms = [{"first_name": "Eve", "csrf_token": token_for(each, path)} for each in browsers]

    def press(number: int) -> int:
        return browsers[number].post(path, data=forms[number]).status_code

    with ThreadPoolExecutor(4) as threads:
        statuses = sorted(threads.map(press, range(4)))
    assert statuses == [303, 404, 404, 404]
    assert len(users_named_eve(world)) == 1


@pytest.mark.parametrize(
    ("first", "last", "field", "said"),
    [
        ("", "Ng", "first_name", "Please enter your first name."),
        (" \t\u3000", "Ng", "first_name", "Please enter your first name."),
        ("x" * 256, "Ng", "first_name", "Please enter at most 255 characters."),
        ("Eve", "🔥" * 256, "last_name", "Please enter at most 255 characters."),
        ("E\0ve", "Ng", "first_name", "a character that cannot be kept"),
    ],
    ids=["blank", "white", "long first", "long last", "NUL"],
)
def test_a_name_that_cannot_be(world: World, first: str, last: str, field: str, said: str) -> None:
    path = invite(world)
    before = state(world)
    answer = join(world, path, first, last)
    assert answer.status_code == 400
    assert said in words(answer)
    typed = {
        name: html.unescape(value)
        for name, value in re.findall(r'<input id="(\w+)" name="\w+" value="([^"]*)"', answer.text)
    }
    assert typed == {
        "first_name": first.strip().replace("\0", "\ufffd"),
        "last_name": last,
    }
    faulty = re.findall(r'<input id="(\w+)"[^>]* aria-invalid="true"', answer.text)
    assert faulty == [field]
    assert f'aria-describedby="{field}-fault"' in answer.text
    assert state(world) == before
    assert join(world, path, "x" * 255, "🔥" * 255).status_code == 303


def test_a_form_that_is_none(world: World) -> None:
    path = invite(world)
    before = state(world)
    theirs = token_for(world.app.test_client(), path)
    world.client.get(path)
    for data in ({}, {"csrf_token": ""}, {"csrf_token": theirs}):  # as one of another browser
        answer = world.client.post(path, data={"first_name": "Eve", **data})
        assert answer.status_code == 400
        assert "load the page again" in words(answer)
    assert world.client.post(path, json={"first_name": "Eve"}).status_code == 400
    answer = world.client.post(path, data={"first_name": "x" * 100_000})
    assert (answer.status_code, answer.mimetype) == (413, "text/html")
    assert "Nothing was changed" in words(answer)
    assert state(world) == before


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_a_link_that_leads_nowhere(world: World, method: str) -> None:
    replaced = invite(world)
    good = invite(world)
    before = state(world)
    wrong = {
        "/invitations",
        "/invitations/",
        "/invitations/x",
        replaced,
        f"{good}/",
        f"{good}0",
        good[:-1],
        good.upper().replace("/INVITATIONS/", "/invitations/"),
        f"/invitations/x/{good[13:]}",
        "/invitations/%00%ff",
        "/invitations/" + "0" * invitations.TOKEN_LENGTH,
    }
    for path in wrong:
        answer = world.client.open(path, method=method, data={"first_name": "Eve"})
        assert (answer.status_code, answer.mimetype) == (404, "text/html"), path
        if method != "HEAD":
            assert "This link does not work" in words(answer)
    assert state(world) == before


def test_the_link_is_good_for_seven_days(world: World) -> None:
    path = invite(world, now=clock.now() - DAYS_7)
    before = state(world)
    for answer in (world.client.get(path), join(world, path)):
        assert answer.status_code == 404
        assert "has expired. An invitation is good for 7 days." in words(answer)
    assert state(world) == before
    path = invite(world, now=clock.now() - DAYS_7 + timedelta(minutes=5))
    assert world.client.get(path).status_code == 200
    assert join(world, path).status_code == 303


def test_it_ends_at_one_instant(world: World) -> None:
    path = invite(world)
    (row,) = world.rows("SELECT expires_at FROM invitations")
    end = clock.parse_instant(row["expires_at"])
    token = path.rpartition("/")[2]
    with world.database.read() as db:
        assert invitations.find(db, token, now=end - timedelta(milliseconds=1))
        with pytest.raises(NotFound, match="expired"):
            invitations.find(db, token, now=end)


def test_the_address_is_taken_meanwhile(world: World) -> None:
    path = invite(world)
    world.make("users", email=ADDRESS.upper())
    before = state(world)
    answer = join(world, path)
    assert answer.status_code == 409
    assert "A member of the organization has your email address already" in words(answer)
    assert state(world) == before


def test_the_organization_is_full_meanwhile(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    path = invite(world)
    monkeypatch.setattr(users, "MAX_USERS", 1)
    before = state(world)
    answer = join(world, path)
    assert answer.status_code == 409
    assert "as many members as it may have" in words(answer)
    assert state(world) == before
    monkeypatch.setattr(users, "MAX_USERS", 2)  # the place that the invitation has kept
    assert join(world, path).status_code == 303


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "\"><img src=x onerror='alert(1)'>",
        "{{ 7 * 7 }}{% include 'base.html' %}",
        "&lt;b&gt;",
        "\u202egnp.exe\u2066 \u05d0",
    ],
)
def test_hostile_text_is_shown_as_it_is(world: World, hostile: str) -> None:
    world.call("PATCH", f"users/{world.made.user_id}", {"firstName": hostile, "lastName": None})
    world.execute("UPDATE organizations SET name = ?", hostile)
    path = invite(world)
    shown = hostile.replace("\u202e", "").replace("\u2066", "")
    for answer, times in (
        (world.client.get(path), 3),
        (join(world, path, hostile, "x" * 256), 3),
        (welcomed(world, path, hostile), 2),
    ):
        assert words(answer).count(shown) == times
        assert "<script>" not in answer.text
        assert "<img" not in answer.text


def test_the_headers_keep_the_page_to_itself(world: World) -> None:
    good = invite(world)
    for path in (good, "/invitations/wrong"):
        for method in ("GET", "HEAD", "POST"):
            headers = world.client.open(path, method=method).headers
            assert headers["Cache-Control"] == "no-store"
            assert headers["Referrer-Policy"] == "no-referrer"
            assert headers["X-Robots-Tag"] == "noindex"
            assert "HttpOnly" in headers.get("Set-Cookie", "HttpOnly")
            policy = headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'none'; style-src 'sha256-")
            assert "form-action 'self'; frame-ancestors 'none'; base-uri 'none'" in policy
        text = world.client.get(path).text
        assert not re.search(r"(?i)\b(src|href|action|style)\s*=|url\(|@import|https?:", text)


def test_the_log_never_has_the_token(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    path = invite(world)
    for method in ("GET", "DELETE", "POST"):
        world.client.open(path, method=method, data={"first_name": "Eve"})
    world.client.get(f"{path}x")
    routes = {r.__dict__["route"] for r in caplog.records if r.message == "request"}
    assert routes == {"/invitations/<path:token>", None}
    assert all(path[13:] not in repr(record.__dict__) for record in caplog.records)


def test_a_failure_is_a_page_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    path = invite(world)

    def fail(error: Exception) -> Any:
        def work(*_: Any, **__: Any) -> None:
            raise error

        monkeypatch.setattr(invitations, "accept", work)
        return join(world, path)

    for answer, status in ((fail(Busy("secret")), 503), (fail(RuntimeError("secret")), 500)):
        assert (answer.status_code, answer.mimetype) == (status, "text/html")
        assert "secret" not in answer.text


def test_it_counts_among_what_has_no_key(world: World) -> None:
    app = create_app(
        Settings(
            database=world.database.where,
            rate_limit_public="2/minute",
            trusted_proxies=1,
        )
    )
    path = invite(world)
    answers = [app.test_client().get(path) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].mimetype == "text/html"
    assert int(answers[2].headers["Retry-After"]) >= 1


@pytest.mark.parametrize("prefix", ["", "/oncall"])
def test_it_works_below_a_path(world: World, prefix: str) -> None:
    base = "https://example.com/oncall"
    app = create_app(Settings(database=world.database.where, base_url=base))
    below = World(app, world.database, app.test_client(use_cookies=False), world.made)
    made = below.make("team/members/invite", emailAddress=ADDRESS)
    assert made["url"].startswith(f"{base}/invitations/")
    path = prefix + made["url"].removeprefix(base)
    page = below.client.get(path)
    assert "invites you" in words(page)
    fields = {"first_name": "Eve", "csrf_token": html.unescape(FORGERY.findall(page.text)[0])}
    cookie = page.headers["Set-Cookie"].partition(";")[0]  # for https, and the path of the proxy
    answer = below.client.post(path, data=fields, headers={"Cookie": cookie})
    assert answer.headers["Location"] == "/oncall/"
