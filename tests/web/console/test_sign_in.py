"""Signing in and out: who comes in, who does not, and what nobody can trick a browser into."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.cookies import SimpleCookie
from typing import Any

import pytest
from flask.testing import FlaskClient

from incident_service import clock
from incident_service.config import Settings
from incident_service.database.engine import Database
from incident_service.errors import Busy, StorageFull
from incident_service.people import keys, sign_in_links, users
from incident_service.people.caller import Caller
from incident_service.quickstart import EMAIL
from incident_service.web.console import pages, session_cookie, sign_in
from tests.helpers.another_app import client_with
from tests.helpers.clocks import write_at
from tests.helpers.console import FORGERY, as_member, forgery_token, post, signed_in, text_of
from tests.helpers.world import World

LIMIT_OF_BROWSERS = 4096
"""Bytes of a cookie's name and value; they drop a longer one."""

ELSEWHERE = (
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "/sign-out",
    "javascript:",
)


def stranger(world: World) -> FlaskClient:
    """Return a browser in which nobody is signed in."""
    return FlaskClient(world.app, world.app.response_class)


def link(world: World, user_id: str | None = None, **made: Any) -> str:
    """Return the path of a new link."""
    now = made.get("now", clock.now())
    user_id = user_id or world.made.user_id
    created = write_at(now, world.database, sign_in_links.create, world.made.org_id, user_id)
    return f"/sign-in/{created['token']}"


def key_for(world: World, **values: Any) -> str:
    """Return a new key for the admin."""
    made = {"user_id": world.made.user_id, "role": "org:admin", **values}
    return str(
        world.database.write(
            world.made.org_id, keys.create, org_id=world.made.org_id, name="mine", **made
        )["key"]
    )


def by_key(browser: FlaskClient, key: str, **fields: str) -> Any:
    return post(browser, "/sign-in/key", {"key": key, **fields}, at="/sign-in")


def is_in(browser: FlaskClient) -> bool:
    return browser.get("/me").status_code == 200


def number_of(world: World, table: str) -> int:
    return len(world.rows(f"SELECT 1 FROM {table}"))


def break_writes(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Let every write fail."""

    def fail(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(Database, "write", fail)
    monkeypatch.setattr(Database, "write_within", fail)


# By a link


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT"])
def test_looking_at_a_link_does_not_use_it(world: World, method: str) -> None:
    path = link(world)
    for _ in range(3):
        answer = stranger(world).open(path, method=method)
        assert answer.status_code == (200 if method in ("GET", "HEAD") else 405)
    browser = stranger(world)
    assert post(browser, path, {}).headers["Location"] == "/"
    assert is_in(browser)


def test_a_link_works_once(world: World) -> None:
    path = link(world)
    post(stranger(world), path, {})
    again = stranger(world)
    assert again.get(path).status_code == 404
    answer = post(again, path, {}, at="/sign-in")
    assert answer.status_code == 404
    assert "A link signs you in once." in text_of(answer.text)
    assert not is_in(again)


def test_of_several_who_use_a_link_at_once_one_comes_in(world: World) -> None:
    path = link(world)
    browsers = [stranger(world) for _ in range(4)]
    tokens = [forgery_token(browser, path) for browser in browsers]

    def press(number: int) -> int:
        data = {"csrf_token": tokens[number]}
        return browsers[number].post(path, data=data).status_code

    with ThreadPoolExecutor(4) as threads:
        statuses = sorted(threads.map(press, range(4)))
    assert statuses == [303, 404, 404, 404]
    assert sum(map(is_in, browsers)) == 1


@pytest.mark.parametrize("token", ["x", "%00", "%ff", "a%0d%0aSet-Cookie:x", "0" * 40, "é"])
def test_a_link_that_is_none(world: World, token: str) -> None:
    browser = stranger(world)
    for answer in (
        browser.get(f"/sign-in/{token}"),
        post(browser, f"/sign-in/{token}", {}, at="/sign-in"),
    ):
        assert answer.status_code == 404
        assert "This link does not work" in text_of(answer.text)
    assert not is_in(browser)


def test_a_link_lasts_a_quarter_of_an_hour(world: World) -> None:
    old = link(world, now=clock.now() - timedelta(minutes=15))
    assert stranger(world).get(old).status_code == 404
    assert (
        stranger(world).get(link(world, now=clock.now() - timedelta(minutes=14))).status_code == 200
    )


# By a key


def test_a_key_signs_its_user_in(world: World) -> None:
    browser = stranger(world)
    answer = by_key(browser, f" {key_for(world)} ", next="/settings/people?q=a")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/settings/people?q=a")
    assert is_in(browser)


@pytest.mark.parametrize("key", ["", "scl_live_x", "\ud800", "\0", "🔥" * 1000, "x" * 9000])
def test_a_wrong_key_signs_nobody_in_and_waits_for_no_turn_to_write(
    world: World, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    browser = stranger(world)
    token = forgery_token(browser, "/sign-in")
    break_writes(monkeypatch, Busy("busy"))
    data = {"csrf_token": token, "key": key.encode("utf-8", "surrogatepass")}
    answer = browser.post("/sign-in/key", data=data)
    assert answer.status_code == 400
    assert "The API key is unknown." in text_of(answer.text)
    assert not key or f'value="{key}' not in answer.text
    assert not is_in(browser)


def test_a_key_that_acts_for_itself_signs_nobody_in(world: World) -> None:
    browser = stranger(world)
    answer = by_key(browser, key_for(world, user_id=None))
    assert answer.status_code == 400
    assert "Use a key of a user." in text_of(answer.text)
    assert not is_in(browser)


def test_a_session_from_a_key_may_no_more_than_the_key_and_ends_with_it(world: World) -> None:
    browser = stranger(world)
    by_key(browser, key_for(world, role="org:member"))
    assert browser.get("/settings/audit").status_code == 403
    (row,) = world.rows("SELECT id FROM api_keys WHERE name = 'mine'")
    world.call("DELETE", f"api-keys/{row['id']}")
    assert not is_in(browser)


@pytest.mark.parametrize("place", ELSEWHERE)
def test_nobody_is_sent_elsewhere(world: World, place: str) -> None:
    answer = by_key(stranger(world), key_for(world), next=place)
    assert answer.headers["Location"] == "/"
    page = stranger(world).get("/sign-in", query_string={"next": place})
    assert place not in page.text


@pytest.mark.parametrize("query", ["q=\xff", "\xfe\x80", "q=%ff%00", "?q=a"])
def test_a_stranger_may_ask_for_anything(world: World, query: str) -> None:
    answer = stranger(world).get("/me", environ_overrides={"QUERY_STRING": query})
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/sign-in?next=/me%3F")


# By mail


@pytest.fixture
def mailing(world: World) -> FlaskClient:
    settings = Settings(
        database=world.database.where, smtp_url="smtp://127.0.0.1:1?from=a@example.org"
    )
    browser: FlaskClient = client_with(settings)
    return browser


def test_nothing_tells_whether_somebody_has_the_email(mailing: FlaskClient) -> None:
    told = set()
    for email in (EMAIL, "nobody@example.com", EMAIL.upper()):
        answer = post(mailing, "/sign-in/mail", {"email": email}, at="/sign-in")
        headers = {**answer.headers, "X-Request-Id": "", "Content-Length": ""}
        told.add((answer.status_code, answer.text.replace(email, ""), str(headers)))
    assert len(told) == 1


@pytest.mark.parametrize("email", ["", "x", "a@example.com, b@example.com", "a@b\r\nBcc: x@y.z"])
def test_what_is_no_email_is_refused(world: World, mailing: FlaskClient, email: str) -> None:
    answer = post(mailing, "/sign-in/mail", {"email": email}, at="/sign-in")
    assert answer.status_code == 400
    assert "Please enter your email address." in text_of(answer.text)
    assert number_of(world, "sign_in_requests") == 0


# The browser


@pytest.mark.parametrize("path", ["/sign-in/key", "/sign-in/mail", "/sign-in/x", "/sign-out"])
def test_a_form_from_elsewhere_does_nothing(world: World, path: str) -> None:
    theirs = forgery_token(stranger(world), "/sign-in")
    browser, key = signed_in(world), key_for(world)
    for data in ({}, {"csrf_token": ""}, {"csrf_token": theirs}, {"csrf_token": "\0é🔥"}):
        answer = browser.post(path, data={"key": key, "email": EMAIL, **data})
        assert answer.status_code == 400
    assert browser.post(path, json={"csrf_token": theirs, "key": key}).status_code == 400
    assert is_in(browser)
    assert number_of(world, "sign_in_requests") == 0


def test_a_prepared_browser_keeps_nothing_that_somebody_else_knows(world: World) -> None:
    browser = stranger(world)
    before = forgery_token(browser, "/sign-in")
    by_key(browser, key_for(world))
    assert browser.post("/me/time-zone", data={"csrf_token": before}).status_code == 400
    own = forgery_token(browser, "/me")
    assert browser.post("/me/time-zone", data={"csrf_token": own}).status_code == 303
    post(browser, "/sign-out", {}, at="/me")
    assert browser.post("/sign-in/mail", data={"csrf_token": own}).status_code == 400


def test_who_is_signed_in_goes_on(world: World) -> None:
    browser = signed_in(world)
    assert browser.get("/sign-in").headers["Location"] == "/"
    going = browser.get("/sign-in?next=/settings/people").headers["Location"]
    assert going == "/settings/people"
    world.execute("DELETE FROM sessions")
    assert browser.get("/sign-in").status_code == 200


def test_a_stranger_s_form_is_small(world: World) -> None:
    browser = stranger(world)
    token = forgery_token(browser, "/sign-in")
    data = {"csrf_token": token, "key": "x" * sign_in.MAX_FORM_BYTES}
    answer = browser.post("/sign-in/key", data=data)
    assert answer.status_code == 413
    assert "<h1>" in answer.text


@pytest.mark.parametrize("base", ["https://example.com", "https://example.com/ops", "http://h:1"])
def test_the_cookie_is_for_this_service_alone(world: World, base: str) -> None:
    browser = client_with(Settings(database=world.database.where, base_url=base))
    host, root, _ = base.partition("/ops")
    (token,) = set(FORGERY.findall(browser.get(f"{root}/sign-in", base_url=host).text))
    data = {"csrf_token": token, "key": key_for(world), "next": "/me"}
    answer = browser.post(f"{root}/sign-in/key", data=data, base_url=host)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{root}/me")
    made = SimpleCookie(answer.headers["Set-Cookie"])[session_cookie.NAME]
    assert made["path"] == (root or "/")
    assert made["httponly"]
    assert made["samesite"] == "Lax"
    assert bool(made["secure"]) == base.startswith("https:")
    assert not made["domain"]


def test_a_message_never_makes_the_cookie_too_long(world: World) -> None:
    browser, dice = signed_in(world), random.Random(7)

    def odd(length: int) -> str:
        return "".join(chr(dice.randrange(0x10000, 0x3FFFE)) for _ in range(length))

    path, token = f"/settings/people/{world.made.user_id}", _token(browser)
    for _ in range(4):  # the messages of pages that were not looked at add up
        fields = {"firstName": odd(255), "lastName": odd(255), "email": EMAIL, "role": "org:admin"}
        answer = browser.post(path, data={**fields, "csrf_token": token})
        assert answer.status_code == 303
        (cookie,) = answer.headers.getlist("Set-Cookie")
        assert len(cookie.partition(";")[0]) <= LIMIT_OF_BROWSERS
    page = browser.get("/settings/people")
    assert f'<p class="notice done" role="status">{fields["firstName"][:50]}' in page.text
    assert is_in(browser)


# Out again


def test_what_was_copied_of_the_cookie_is_worth_nothing_afterwards(world: World) -> None:
    browser = signed_in(world)
    copied = browser.get_cookie(session_cookie.NAME)
    assert copied is not None
    post(browser, "/sign-out", {}, at="/me")
    thief = stranger(world)
    thief.set_cookie(session_cookie.NAME, copied.value)
    assert not is_in(thief)
    assert not is_in(browser)
    assert number_of(world, "sessions") == 0


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_link_or_a_picture_signs_nobody_out(world: World, method: str) -> None:
    browser = signed_in(world)
    assert browser.open("/sign-out", method=method).status_code == 405
    assert is_in(browser)


@pytest.mark.parametrize("error", [Busy("secret"), StorageFull("secret")])
def test_signing_out_can_be_tried_again(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    browser = signed_in(world)
    token = _token(browser)
    with monkeypatch.context() as broken:
        break_writes(broken, error)
        answer = browser.post("/sign-out", data={"csrf_token": token})
        assert answer.status_code == 503
        assert answer.headers["Retry-After"]
        assert "secret" not in answer.text
    assert browser.post("/sign-out", data={"csrf_token": token}).status_code == 303
    assert number_of(world, "sessions") == 0


def test_signing_out_of_a_session_that_is_over(world: World) -> None:
    browser = signed_in(world)
    token = _token(browser)
    world.execute("DELETE FROM sessions")
    answer = browser.post("/sign-out", data={"csrf_token": token})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in")


# Meanwhile


def test_a_session_ends_with_its_user(world: World) -> None:
    browser = as_member(world)
    assert is_in(browser)
    world.call("DELETE", "users/mia")
    assert not is_in(browser)


def test_a_role_counts_from_the_moment_that_it_changes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    boss = world.make("users", email="boss@example.com", role="org:admin")["id"]
    browser = signed_in(world, boss)
    token = _token(browser)
    admin = Caller(world.made.org_id, "key", world.made.user_id, "org:admin")
    check = pages.check_forgery

    def check_and_lower(*args: Any) -> None:
        check(*args)
        world.database.write(world.made.org_id, users.change, admin, boss, {"role": "org:member"})

    monkeypatch.setattr(pages, "check_forgery", check_and_lower)  # the role was checked before
    answer = browser.post("/settings/components/new", data={"csrf_token": token, "name": "New"})
    assert answer.status_code == 403
    names = {row["name"] for row in world.rows("SELECT name FROM components")}
    assert "New" not in names


# What goes wrong


@pytest.mark.parametrize(
    ("error", "status"),
    [(Busy("secret"), 503), (StorageFull("secret"), 503), (KeyError("secret"), 500)],
)
def test_an_error_is_a_page_in_the_console_s_style(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    for browser, path in (
        (signed_in(world), "/me/sessions/end-others"),
        (stranger(world), link(world)),
    ):
        token = _token(browser)
        with monkeypatch.context() as broken:
            break_writes(broken, error)
            answer = browser.post(path, data={"csrf_token": token})
        assert answer.status_code == status
        assert "secret" not in answer.text
        assert "<style" not in answer.text  # which the policy of these pages forbids
        assert "/assets/console.css" in answer.text
        assert answer.headers["X-Request-Id"] in answer.text
        assert ("Retry-After" in answer.headers) == (status == 503)


def test_too_many_requests_without_a_session_are_refused_kindly(world: World) -> None:
    settings = Settings(
        database=world.database.where, rate_limit_public="2/minute", trusted_proxies=1
    )
    browser: FlaskClient = client_with(settings)
    answers = [browser.get("/sign-in") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert "Too many requests." in text_of(answers[2].text)
    assert "/assets/console.css" in answers[2].text
    assert int(answers[2].headers["Retry-After"]) >= 1


def test_who_is_signed_in_does_not_share_a_limit_with_the_neighbours(world: World) -> None:
    settings = Settings(
        database=world.database.where, rate_limit_public="2/minute", trusted_proxies=1
    )
    neighbour: FlaskClient = client_with(settings)
    copied = signed_in(world).get_cookie(session_cookie.NAME)
    assert copied is not None
    assert [neighbour.get("/sign-in").status_code for _ in range(3)] == [200, 200, 429]
    neighbour.set_cookie(session_cookie.NAME, copied.value)
    assert is_in(neighbour)


def _token(browser: FlaskClient) -> str:
    """Return what proves that a form is this browser's, wherever it is."""
    me = browser.get("/me")
    return forgery_token(browser, "/me" if me.status_code == 200 else "/sign-in")
