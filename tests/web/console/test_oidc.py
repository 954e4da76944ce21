"""Signing in by OpenID Connect: who comes in, and that no provider, browser or link tricks it."""

from __future__ import annotations

import json
import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest

from incident_service import clock
from incident_service.config import Settings
from incident_service.paging import connections
from incident_service.people import sessions, users
from incident_service.quickstart import EMAIL, Provisioned
from incident_service.web.console import oidc_provider, session_cookie
from tests.helpers import openid
from tests.helpers.another_app import client_with
from tests.helpers.openid import OpenIdProvider, openid_provider
from tests.helpers.waiting import wait_for
from tests.helpers.world import World

METADATA = "/.well-known/openid-configuration"


@pytest.fixture
def provider() -> Iterator[OpenIdProvider]:
    with openid_provider() as made:
        made.email = {"email": EMAIL, "email_verified": True}
        yield made


def settings(world: World, provider: OpenIdProvider, **others: Any) -> Settings:
    return Settings(
        database=world.database.where,
        oidc_issuer=provider.issuer,
        oidc_client_id=openid.CLIENT_ID,
        oidc_client_secret=openid.CLIENT_SECRET,
        **others,
    )


@pytest.fixture
def browser(world: World, provider: OpenIdProvider) -> Any:
    return client_with(settings(world, provider))


def begun(browser: Any, path: str = "/sign-in/oidc") -> str:
    """Return the provider's URL to which the browser is sent."""
    answer = browser.get(path)
    assert answer.status_code == 303, answer.text
    return str(answer.location)


def signed_in(browser: Any, provider: OpenIdProvider, path: str = "/sign-in/oidc") -> Any:
    """Sign in, as far as it goes; return the last answer."""
    return browser.get(provider.approve(begun(browser, path)))


def people(world: World) -> list[str]:
    """Return the users of all sessions."""
    return [row["user_id"] for row in world.rows("SELECT user_id FROM sessions ORDER BY user_id")]


def assert_refused(answer: Any, world: World, *statuses: int) -> None:
    assert answer.status_code in statuses, answer.text
    assert "<h1>You are not signed in</h1>" in answer.text
    assert "Traceback" not in answer.text
    assert people(world) == []


def assert_signed_in(answer: Any, world: World, path: str = "/") -> None:
    assert (answer.status_code, answer.location) == (303, path), answer.text
    assert people(world) == [world.made.user_id]


def test_a_person_with_a_verified_email_is_signed_in(
    world: World, provider: OpenIdProvider, browser: Any
) -> None:
    answer = browser.get(
        provider.approve(begun(browser)), headers={"User-Agent": "A browser of the year 2026"}
    )
    assert_signed_in(answer, world)
    (session,) = world.rows("SELECT * FROM sessions")
    assert (session["method"], session["user_agent"]) == ("oidc", "A browser of the year 2026")
    with browser.session_transaction() as cookie:
        token = cookie["token"]
        assert set(cookie) == {"_permanent", "token"}
    with world.database.read() as db:
        caller, _ = sessions.authenticate(db, token, now=clock.now())
    assert caller.user_id == world.made.user_id


def test_letter_case_of_an_email_does_not_matter(
    world: World, provider: OpenIdProvider, browser: Any
) -> None:
    provider.email["email"] = EMAIL.upper()
    assert_signed_in(signed_in(browser, provider), world)


def test_an_email_that_only_looks_the_same_is_not_the_same(
    world: World, provider: OpenIdProvider, browser: Any
) -> None:
    world.execute("UPDATE users SET email = 'kim@example.com', email_key = 'kim@example.com'")
    provider.email["email"] = "\u212aim@example.com"
    assert str(provider.email["email"]).lower() == "kim@example.com"
    assert_refused(signed_in(browser, provider), world, 403)


@pytest.mark.parametrize("path", ["/incidents/12", "/incidents?status=open&q=payment%20error"])
def test_it_leads_to_where_the_person_was_going(
    world: World, provider: OpenIdProvider, browser: Any, path: str
) -> None:
    answer = signed_in(browser, provider, f"/sign-in/oidc?next={quote(path, safe='')}")
    assert_signed_in(answer, world, path)


@pytest.mark.parametrize("path", ["https://evil.example", "//evil.example", "/\\evil.example"])
def test_it_leads_to_no_other_host(
    world: World, provider: OpenIdProvider, browser: Any, path: str
) -> None:
    answer = signed_in(browser, provider, f"/sign-in/oidc?next={quote(path, safe='')}")
    assert_signed_in(answer, world)


def test_below_a_path_behind_tls(world: World, provider: OpenIdProvider) -> None:
    browser = client_with(settings(world, provider, base_url="https://example.com/oncall/"))
    answer = browser.get("/oncall/sign-in/oidc?next=/me", base_url="https://example.com")
    asked = dict(parse_qsl(urlsplit(answer.location).query))
    assert asked["redirect_uri"] == "https://example.com/oncall/sign-in/oidc/callback"
    answer = browser.get(provider.approve(answer.location), base_url="https://example.com")
    assert_signed_in(answer, world, "/oncall/me")
    attributes = answer.headers["Set-Cookie"].split("; ")[1:]
    assert {"Secure", "HttpOnly", "Path=/oncall", "SameSite=Lax"} <= set(attributes)
    assert not [each for each in attributes if each.startswith("Domain")]


def test_what_the_cookie_held_before_is_gone(
    world: World, provider: OpenIdProvider, browser: Any
) -> None:
    with browser.session_transaction() as cookie:
        cookie.update(token="of-an-attacker", prepared="by an attacker")
    assert_signed_in(signed_in(browser, provider), world)
    with browser.session_transaction() as cookie:
        assert cookie["token"] != "of-an-attacker"
        assert "prepared" not in cookie


def test_without_a_provider_it_says_so(world: World) -> None:
    browser = client_with(Settings(database=world.database.where))
    for path in ("/sign-in/oidc", "/sign-in/oidc/callback?code=1&state=2"):
        assert_refused(browser.get(path), world, 404)


def test_somebody_unknown_is_told_what_to_do(
    world: World, provider: OpenIdProvider, browser: Any
) -> None:
    provider.email["email"] = "stranger&co@example.com"
    answer = signed_in(browser, provider)
    assert_refused(answer, world, 403)
    assert "stranger&amp;co@example.com" in answer.text
    assert "Ask an admin of your organization to invite you" in answer.text


def test_a_deleted_user_is_unknown(world: World, provider: OpenIdProvider, browser: Any) -> None:
    world.execute("UPDATE users SET deleted_at = '2026-01-01T00:00:00.000Z'")
    assert_refused(signed_in(browser, provider), world, 403)


LIES: dict[str, dict[str, Any]] = {
    "another nonce": {"nonce": "another"},
    "no nonce": {"nonce": ...},
    "odd nonce": {"nonce": ["another"]},
    "another audience": {"aud": "another"},
    "another audience, with our azp": {"aud": "another", "azp": openid.CLIENT_ID},
    "other audiences": {"aud": ["another", "third"], "azp": openid.CLIENT_ID},
    "two audiences without azp": {"aud": [openid.CLIENT_ID, "another"]},
    "another azp": {"azp": "another"},
    "no audience": {"aud": ...},
    "odd audience": {"aud": {"a": 1}},
    "another issuer": {"iss": "https://evil.example"},
    "issuer with a slash": {"iss": "{issuer}/"},
    "no issuer": {"iss": ...},
    "no subject": {"sub": ...},
    "expired": {"exp": int(time.time()) - 120},
    "never expires": {"exp": ...},
    "odd expiry": {"exp": "tomorrow"},
    "expiry that is no number": {"exp": float("nan")},
    "not yet": {"nbf": int(time.time()) + 3600},
    "from the future": {"iat": int(time.time()) + 3600},
    "another access token": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
    "odd hash": {"at_hash": {"a": 1}},
}


@pytest.mark.parametrize("claims", LIES.values(), ids=LIES)
def test_a_token_that_says_something_else_is_refused(
    world: World, provider: OpenIdProvider, browser: Any, claims: dict[str, Any]
) -> None:
    provider.claims = {
        name: value.format(issuer=provider.issuer) if isinstance(value, str) else value
        for name, value in claims.items()
    }
    assert_refused(signed_in(browser, provider), world, 502)
    provider.claims = {}
    assert_signed_in(signed_in(browser, provider), world)


@pytest.mark.parametrize(
    "sign",
    [
        openid.unsigned,
        openid.signed_with_secret,
        openid.signed_with_public_key,
        openid.signed_by_stranger,
        openid.tampered,
        lambda *_: "",
        lambda *_: "a.b.c",
        lambda *_: ["not", "text"],
        lambda *_: None,
    ],
    ids=["none", "secret", "public key", "stranger", "tampered", "empty", "odd", "list", "null"],
)
def test_a_token_that_the_provider_did_not_sign_is_refused(
    world: World, provider: OpenIdProvider, browser: Any, sign: openid.Sign
) -> None:
    provider.sign = sign
    assert_refused(signed_in(browser, provider), world, 502)
    provider.sign = openid.signed
    assert_signed_in(signed_in(browser, provider), world)


@pytest.mark.parametrize("verified", [False, None, ..., 1, 0, "false", "yes", "TRUE", [True], {}])
def test_only_a_verified_email_counts(
    world: World, provider: OpenIdProvider, browser: Any, verified: Any
) -> None:
    provider.email["email_verified"] = verified
    answer = signed_in(browser, provider)
    assert_refused(answer, world, 403)
    assert "does not say that your email address is verified" in answer.text


def test_true_may_be_text(world: World, provider: OpenIdProvider, browser: Any) -> None:
    provider.email["email_verified"] = "true"
    assert_signed_in(signed_in(browser, provider), world)


@pytest.mark.parametrize("email", [..., None, "", 7, [EMAIL], "ada", f"{EMAIL}, x@example.com"])
def test_without_one_email_nobody_is_signed_in(
    world: World, provider: OpenIdProvider, browser: Any, email: Any
) -> None:
    provider.email["email"] = email
    answer = signed_in(browser, provider)
    assert_refused(answer, world, 403)
    assert "does not say what your email address is" in answer.text


def test_an_email_may_be_in_the_user_information(
    world: World, provider: OpenIdProvider, browser: Any
) -> None:
    provider.userinfo, provider.email = provider.email, {}
    provider.metadata = {"userinfo_endpoint": f"{provider.issuer}/userinfo"}
    assert_signed_in(signed_in(browser, provider), world)


@pytest.mark.parametrize("subject", ["ben", ..., None])
def test_user_information_about_somebody_else_is_refused(
    world: World, provider: OpenIdProvider, browser: Any, subject: Any
) -> None:
    provider.userinfo, provider.email = {**provider.email, "sub": subject}, {}
    provider.metadata = {"userinfo_endpoint": f"{provider.issuer}/userinfo"}
    assert_refused(signed_in(browser, provider), world, 502)


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.example"},
        {"issuer": "{issuer}/"},
        {"issuer": ...},
        {"authorization_endpoint": "http://evil.example/authorize"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": ...},
        {"token_endpoint": "http://evil.example/token"},
        {"token_endpoint": "file:///etc/passwd"},
        {"jwks_uri": "http://evil.example/keys"},
        {"jwks_uri": 7},
        {"userinfo_endpoint": "http://169.254.169.254/"},
        {"token_endpoint_auth_methods_supported": 7},
    ],
    ids=str,
)
def test_a_provider_that_is_another_one_is_refused(
    world: World, provider: OpenIdProvider, browser: Any, metadata: dict[str, Any]
) -> None:
    provider.metadata = {
        name: value.format(issuer=provider.issuer) if isinstance(value, str) else value
        for name, value in metadata.items()
    }
    assert_refused(browser.get("/sign-in/oidc"), world, 502)
    provider.metadata = {}
    assert_signed_in(signed_in(browser, provider), world)


def test_metadata_cannot_change_how_it_is_asked(
    world: World, provider: OpenIdProvider, browser: Any
) -> None:
    provider.metadata = {
        "code_challenge_method": "plain",
        "client_id": "another",
        "redirect_uri": "https://evil.example",
        "scope": "everything",
        "verify": False,
        "response_type": "token",
    }
    assert_signed_in(signed_in(browser, provider), world)


def test_the_secret_may_have_to_be_posted(
    world: World, provider: OpenIdProvider, browser: Any
) -> None:
    provider.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    assert_signed_in(signed_in(browser, provider), world)


def test_a_sign_in_of_another_browser_is_refused(
    world: World, provider: OpenIdProvider, browser: Any
) -> None:
    back = provider.approve(begun(browser))
    another = browser.application.test_client()
    assert_refused(another.get(back), world, 400)
    begun(another)
    assert_refused(another.get(back), world, 400)
    assert "/token" not in provider.asked
    assert_signed_in(browser.get(back), world)


@pytest.mark.parametrize("state", ["", "another", "\u00fc", "\0"])
def test_a_link_with_another_state_takes_nothing_away(
    world: World, provider: OpenIdProvider, browser: Any, state: str
) -> None:
    back = provider.approve(begun(browser))
    query = urlencode({"code": "a-strangers-code", "state": state})
    assert_refused(browser.get(f"/sign-in/oidc/callback?{query}"), world, 400)
    assert_refused(browser.get("/sign-in/oidc/callback"), world, 400)
    assert_signed_in(browser.get(back), world)


def test_a_sign_in_is_finished_once(world: World, provider: OpenIdProvider, browser: Any) -> None:
    url = begun(browser)
    kept = browser.get_cookie(session_cookie.NAME).value
    back = provider.approve(url)
    assert browser.get(back).status_code == 303
    world.execute("DELETE FROM sessions")
    assert_refused(browser.get(back), world, 400)
    browser.set_cookie(session_cookie.NAME, kept)  # as whoever copied the cookie would
    answer = browser.get(back)
    assert_refused(answer, world, 400)
    assert "perhaps because it was used before" in answer.text


def test_a_sign_in_takes_ten_minutes_at_most(
    world: World, provider: OpenIdProvider, browser: Any
) -> None:
    back = provider.approve(begun(browser))
    with browser.session_transaction() as cookie:
        cookie["oidc"] = {**cookie["oidc"], "until": cookie["oidc"]["until"] - 600}
    answer = browser.get(back)
    assert_refused(answer, world, 400)
    assert "it took more than 10 minutes" in answer.text


def test_a_cookie_that_the_service_did_not_sign_is_nothing(
    world: World, provider: OpenIdProvider, browser: Any
) -> None:
    back = provider.approve(begun(browser))
    kept = browser.get_cookie(session_cookie.NAME).value
    browser.set_cookie(session_cookie.NAME, kept[:-2] + "xx")
    assert_refused(browser.get(back), world, 400)


def test_who_says_no_at_the_provider_can_try_again(
    world: World, provider: OpenIdProvider, browser: Any, caplog: pytest.LogCaptureFixture
) -> None:
    for error in ("access_denied", "server_error"):
        state = dict(parse_qsl(urlsplit(begun(browser)).query))["state"]
        query = urlencode({"error": error, "error_description": "<b>Pay here", "state": state})
        answer = browser.get(f"/sign-in/oidc/callback?{query}")
        assert_refused(answer, world, 400)
        assert "Pay here" not in answer.text
    (record,) = [each for each in caplog.records if each.name == "incident_service.oidc"]
    assert "server_error" in str(vars(record)["reason"])


@pytest.mark.parametrize(
    ("promised", "named", "is_refused"),
    [
        (True, "{issuer}", False),
        (False, "{issuer}", False),
        (True, None, True),
        (True, "https://evil.example", True),
        (False, "https://evil.example", True),
    ],
)
def test_a_code_of_another_provider_is_refused(
    world: World,
    provider: OpenIdProvider,
    browser: Any,
    promised: bool,
    named: str | None,
    is_refused: bool,
) -> None:
    provider.metadata = {"authorization_response_iss_parameter_supported": promised}
    back = provider.approve(begun(browser))
    if named is not None:
        back += "&" + urlencode({"iss": named.format(issuer=provider.issuer)})
    answer = browser.get(back)
    if is_refused:
        assert_refused(answer, world, 502)
        assert "/token" not in provider.asked
    else:
        assert_signed_in(answer, world)


ODD: dict[str, Callable[[Any], None]] = {
    "500": openid.say(500, b"{}"),
    "404": openid.say(404, b"{}"),
    "nothing": openid.say(200, b""),
    "HTML": openid.say(200, b"<html>"),
    "list": openid.say(200, b"[]"),
    "null": openid.say(200, b"null"),
    "empty": openid.say(200, b"{}"),
    "deep": openid.say(200, b"[" * 100_000),
    "not UTF-8": openid.say(200, b'{"issuer": "\xff"}'),
    "flood": openid.flood,
    "redirect": openid.redirect_to("http://127.0.0.1/"),
    "redirect with a flood": openid.redirect_to("http://127.0.0.1/", is_flooding=True),
}

ENDLESS = {"hang": openid.hang, "drip": openid.drip, "drip headers": openid.drip_headers}


@pytest.mark.parametrize("path", [METADATA, "/token", "/keys", "/userinfo"])
@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_a_provider_that_answers_oddly_is_not_believed(
    world: World, provider: OpenIdProvider, browser: Any, path: str, odd: Callable[[Any], None]
) -> None:
    provider.userinfo, provider.email = provider.email, {}
    provider.metadata = {"userinfo_endpoint": f"{provider.issuer}/userinfo"}
    provider.answers = {path: odd}
    if path == METADATA:
        assert_refused(browser.get("/sign-in/oidc"), world, 502)
    else:
        assert_refused(signed_in(browser, provider), world, 502)
    assert path in provider.asked
    assert provider.flooded < 16 * connections.MAX_ANSWER
    provider.answers = {}
    assert_signed_in(signed_in(browser, provider), world)


@pytest.mark.parametrize("path", [METADATA, "/token"])
@pytest.mark.parametrize("endless", ENDLESS.values(), ids=ENDLESS)
def test_a_provider_that_never_finishes_is_given_up(
    world: World,
    provider: OpenIdProvider,
    browser: Any,
    path: str,
    endless: Callable[[Any], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asking = "/sign-in/oidc" if path == METADATA else provider.approve(begun(browser))
    provider.answers = {path: endless}
    with monkeypatch.context() as patch:
        patch.setattr(oidc_provider, "SECONDS", 0.3)
        answer = browser.get(asking)
    assert_refused(answer, world, 502)
    assert path in provider.asked
    assert not provider.is_over.is_set()
    provider.answers = {}
    assert_signed_in(signed_in(browser, provider), world)


@pytest.mark.parametrize("path", [METADATA, "/token", "/keys", "/userinfo"])
def test_no_redirect_is_followed(
    world: World, provider: OpenIdProvider, browser: Any, path: str
) -> None:
    with openid_provider() as another:
        provider.userinfo, provider.email = provider.email, {}
        provider.metadata = {"userinfo_endpoint": f"{provider.issuer}/userinfo"}
        provider.answers = {path: openid.redirect_to(f"{another.issuer}{path}")}
        if path == METADATA:
            assert_refused(browser.get("/sign-in/oidc"), world, 502)
        else:
            assert_refused(signed_in(browser, provider), world, 502)
        assert path in provider.asked
        assert another.asked == []


def test_a_provider_that_hangs_holds_few_threads(
    world: World, provider: OpenIdProvider, browser: Any
) -> None:
    provider.answers = {METADATA: openid.hang}
    answers: list[Any] = []

    def wait() -> None:
        answers.append(browser.application.test_client().get("/sign-in/oidc"))

    threads = [threading.Thread(target=wait) for _ in range(oidc_provider.MAX_AT_ONCE)]
    for thread in threads:
        thread.start()
    wait_for(lambda: provider.asked.count(METADATA) == len(threads))
    answer = browser.get("/sign-in/oidc")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert browser.get("/healthz").status_code == 200
    provider.answers = {}
    provider.is_over.set()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [502, 502]
    assert_signed_in(signed_in(browser, provider), world)


def test_who_is_busy_can_load_the_page_again(
    world: World, provider: OpenIdProvider, browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    back = provider.approve(begun(browser))
    its = browser.application.extensions["incident_service.oidc"]
    monkeypatch.setattr(its, "_turns", threading.BoundedSemaphore(1))
    with its._turns:
        assert browser.get(back).status_code == 503
    assert_signed_in(browser.get(back), world)


def test_a_provider_that_is_away_is_said_kindly(world: World, provider: OpenIdProvider) -> None:
    browser = client_with(settings(world, provider))
    provider.server_close()
    provider.socket.close()
    answer = browser.get("/sign-in/oidc")
    assert_refused(answer, world, 502)
    assert "does not answer" in answer.text


def test_what_the_provider_says_of_itself_is_kept(
    world: World, provider: OpenIdProvider, browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        assert signed_in(browser, provider).status_code == 303
    assert [provider.asked.count(path) for path in (METADATA, "/keys", "/token")] == [1, 1, 2]
    monkeypatch.setattr(oidc_provider, "KEPT", timedelta())
    assert signed_in(browser, provider).status_code == 303
    assert provider.asked.count(METADATA) > 1
    assert provider.asked.count("/keys") > 1


def test_new_keys_are_fetched_but_not_over_and_over(
    world: World, provider: OpenIdProvider, browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert signed_in(browser, provider).status_code == 303
    world.execute("DELETE FROM sessions")
    provider.key = openid.rsa_key("second")
    provider.keys = [provider.key]
    for _ in range(3):
        assert_refused(signed_in(browser, provider), world, 502)
    assert provider.asked.count("/keys") == 1
    monkeypatch.setattr(oidc_provider, "MIN_AGE", timedelta())
    assert_signed_in(signed_in(browser, provider), world)
    assert provider.asked.count("/keys") == 2


def test_keys_that_nobody_understands_are_left_out(
    world: World, provider: OpenIdProvider, browser: Any
) -> None:
    keys = [
        {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA", "kid": "first"},
        {"kty": "OKP", "crv": "X999", "x": "AAAA"},
        {"kty": "RSA"},
        {"kty": "oct", "k": "AAAA", "kid": "first"},
        {**provider.key.as_dict(private=False), "kid": "other", "use": "enc"},
        provider.key.as_dict(private=False),
    ]
    provider.answers = {"/keys": openid.say(200, json.dumps({"keys": keys}).encode())}
    assert_signed_in(signed_in(browser, provider), world)


def test_the_log_says_why_and_holds_no_secret(
    world: World, provider: OpenIdProvider, browser: Any, caplog: pytest.LogCaptureFixture
) -> None:
    provider.claims = {"nonce": "another"}
    with caplog.at_level(logging.DEBUG):
        back = provider.approve(begun(browser))
        code = dict(parse_qsl(urlsplit(back).query))["code"]
        assert_refused(browser.get(back), world, 502)
    (record,) = [each for each in caplog.records if each.name == "incident_service.oidc"]
    assert "nonce" in str(vars(record)["reason"])
    everything = "\n".join(str(vars(each)) for each in caplog.records)
    for secret in (openid.CLIENT_SECRET, code, "an-access-token"):
        assert secret not in everything


def chosen(browser: Any, provider: OpenIdProvider) -> tuple[str, str]:
    """Come to the choice of an organization; return the page, and what its form holds."""
    answer = signed_in(browser, provider, "/sign-in/oidc?next=/me")
    assert (answer.status_code, answer.location) == (303, "/sign-in/oidc/organization")
    page = browser.get(answer.location).text
    return page, page.partition('name="form" value="')[2].partition('"')[0]


def test_a_user_in_several_organizations_chooses_one(
    world: World, provider: OpenIdProvider, browser: Any, other_org: Provisioned
) -> None:
    page, form = chosen(browser, provider)
    names = [row["name"] for row in world.rows("SELECT name FROM organizations ORDER BY id")]
    assert re.findall(r"<bdi>(.*?)</bdi>", page) == names
    assert len(names) == 2
    assert people(world) == []
    sent = {"form": form, "organization": other_org.org_id}
    answer = browser.post("/sign-in/oidc/organization", data=sent)
    assert (answer.status_code, answer.location) == (303, "/me")
    (session,) = world.rows("SELECT org_id, user_id FROM sessions")
    assert session == {"org_id": other_org.org_id, "user_id": other_org.user_id}
    world.execute("DELETE FROM sessions")
    assert_refused(browser.post("/sign-in/oidc/organization", data=sent), world, 400)


def test_nobody_else_makes_the_choice(
    world: World, provider: OpenIdProvider, browser: Any, other_org: Provisioned
) -> None:
    _, form = chosen(browser, provider)
    post = "/sign-in/oidc/organization"
    for wrong in ({}, {"form": ""}, {"form": "another"}):
        sent = {**wrong, "organization": other_org.org_id}
        assert_refused(browser.post(post, data=sent), world, 400)
    another = browser.application.test_client()
    sent = {"form": form, "organization": other_org.org_id}
    assert_refused(another.post(post, data=sent), world, 400)
    assert_refused(another.get(post), world, 400)
    assert browser.post(post, data=sent).status_code == 303


def test_only_an_organization_of_that_person_can_be_chosen(
    world: World, provider: OpenIdProvider, browser: Any, other_org: Provisioned
) -> None:
    _, form = chosen(browser, provider)
    world.execute("UPDATE users SET email_key = 'x' WHERE org_id = ?", other_org.org_id)
    sent = {"form": form, "organization": other_org.org_id}
    assert_refused(browser.post("/sign-in/oidc/organization", data=sent), world, 400)


def test_users_are_found_over_organizations(world: World, other_org: Provisioned) -> None:
    with world.database.read() as db:
        found = users.everywhere_with_email(db, EMAIL.title())
        assert {row["org_id"] for row in found} == {world.made.org_id, other_org.org_id}
        assert all(row["organization_name"] for row in found)
