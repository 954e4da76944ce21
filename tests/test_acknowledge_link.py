"""The link in a page that acknowledges without a key (contract §8)."""

from __future__ import annotations

import html
import logging
import re
import uuid
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_service import acklink, clock, ids, incidents, quickstart
from incident_service.errors import Busy, NotFound
from tests.conftest import World

KEY = bytes(range(32))
NOW = datetime(2025, 4, 7, 8, 23, 11, tzinfo=UTC)
DAYS_7 = timedelta(days=7)
MILLISECOND = timedelta(milliseconds=1)
URL_SAFE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
ORG, USER, INCIDENT = ids.new_org_id(), ids.new_user_id(), ids.new_id()
TOKEN = acklink.token(KEY, org_id=ORG, incident_id=INCIDENT, user_id=USER, now=NOW)

instants = st.datetimes(datetime(2000, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
user_ids = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=255)


@pytest.fixture
def incident(world: World) -> dict[str, Any]:
    opened: dict[str, Any] = world.post().json["data"]
    return opened


def key_of(world: World) -> bytes:
    with world.database.read() as db:
        return acklink.signing_key(db)


def link(world: World, incident: dict[str, Any], **changes: Any) -> str:
    values = {
        "org_id": world.made.org_id,
        "incident_id": incident["id"],
        "user_id": world.made.user_id,
        "now": clock.now(),
    }
    return "/ack/" + acklink.token(key_of(world), **(values | changes))


def state(world: World) -> list[Any]:
    return [
        world.rows("SELECT * FROM incidents"),
        world.rows("SELECT * FROM audit_events"),
        world.rows("SELECT * FROM status_history"),
    ]


def words(answer: Any) -> str:
    """Return the page's text as a person reads it."""
    (main,) = re.findall("<main[^>]*>(.*)</main>", answer.text, re.DOTALL)
    return " ".join(html.unescape(re.sub("<[^>]*>", "", main)).split())


@given(st.uuids(), st.uuids(), user_ids, instants)
def test_a_token_stands_for_what_it_was_made_of(
    org: uuid.UUID, incident: uuid.UUID, user_id: str, now: datetime
) -> None:
    org_id, incident_id = f"org_{org.hex}", str(incident)
    token = acklink.token(KEY, org_id=org_id, incident_id=incident_id, user_id=user_id, now=now)
    assert set(token) <= set(URL_SAFE)
    found = acklink.read(KEY, token, now=now)
    assert (found.org_id, found.incident_id, found.user_id) == (org_id, incident_id, user_id)
    assert now + DAYS_7 - MILLISECOND < found.expires_at <= now + DAYS_7


def test_a_token_fits_a_text_message() -> None:
    for user_id in (USER, "user_" + "Z9" * 16):
        token = acklink.token(KEY, org_id=ORG, incident_id=INCIDENT, user_id=user_id, now=NOW)
        assert len(token) < 250


def test_a_token_changed_in_one_character() -> None:
    for place, right in enumerate(TOKEN):
        for other in set(URL_SAFE + "=+/ é\ud800") - {right}:
            with pytest.raises(NotFound, match="not valid"):
                acklink.read(KEY, TOKEN[:place] + other + TOKEN[place + 1 :], now=NOW)


@given(st.text())
def test_what_is_no_token(text: str) -> None:
    for changed in (text, f"{TOKEN}{text or ' '}", f"{text or ' '}{TOKEN}"):
        with pytest.raises(NotFound, match="not valid"):
            acklink.read(KEY, changed, now=NOW)


def test_parts_of_two_tokens_make_none() -> None:
    values = {"org_id": ORG, "incident_id": INCIDENT, "user_id": USER, "now": NOW}
    for change in (
        {"org_id": ids.new_org_id()},
        {"incident_id": ids.new_id()},
        {"user_id": ids.new_user_id()},
        {"now": NOW + MILLISECOND},
    ):
        other = acklink.token(KEY, **{**values, **change})  # type: ignore[arg-type]
        assert acklink.read(KEY, other, now=NOW) != acklink.read(KEY, TOKEN, now=NOW)
        mixed = other.rpartition(".")[0] + "." + TOKEN.rpartition(".")[2]
        with pytest.raises(NotFound, match="not valid"):
            acklink.read(KEY, mixed, now=NOW)


def test_a_token_of_another_key() -> None:
    with pytest.raises(NotFound, match="not valid"):
        acklink.read(bytes(32), TOKEN, now=NOW)


@given(instants)
def test_a_token_is_good_for_7_days(made: datetime) -> None:
    token = acklink.token(KEY, org_id=ORG, incident_id=INCIDENT, user_id=USER, now=made)
    assert acklink.read(KEY, token, now=made + DAYS_7 - MILLISECOND).user_id == USER
    for late in (DAYS_7, DAYS_7 + MILLISECOND, timedelta(days=3650)):
        with pytest.raises(NotFound, match="expired"):
            acklink.read(KEY, token, now=made + late)


def test_each_file_has_a_key_of_its_own(world: World) -> None:
    assert len(key_of(world)) == 32
    assert key_of(world) == key_of(world) != KEY


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_looking_changes_nothing(world: World, incident: dict[str, Any], method: str) -> None:
    before = state(world)
    for _ in range(3):
        answer = world.client.open(link(world, incident), method=method)
        assert answer.status_code == 200
        assert answer.content_type == "text/html; charset=utf-8"
    assert state(world) == before


def test_the_page_says_what_it_is_about(world: World, incident: dict[str, Any]) -> None:
    page = world.client.get(link(world, incident))
    said = words(page)
    at = incident["createdAt"]
    for part in ("#1", incident["title"], "critical", "investigating", at[11:16]):
        assert part in said
    assert '<html lang="en">' in page.text
    assert [page.text.count(tag) for tag in ("<h1>", "<main", "<form")] == [1, 1, 1]
    assert '<form method="post">\n<button type="submit">Acknowledge</button>' in page.text


def test_the_button_acknowledges_as_the_user(world: World, incident: dict[str, Any]) -> None:
    ben = world.make("users", email="ben@example.com", firstName="Ben", lastName="Ng")["id"]
    answer = world.client.post(link(world, incident, user_id=ben))
    assert answer.status_code == 200
    assert "You have acknowledged this incident" in words(answer)
    assert "<form" not in answer.text
    found = world.call("GET", f"incidents/{incident['id']}").json["data"]
    assert (found["acknowledgedBy"], found["status"]) == (ben, "investigating")
    assert found["acknowledgedAt"] == found["updatedAt"]
    last = found["auditTrail"][-1]
    assert (last["event"], last["actorId"]) == ("incident_acknowledged", ben)


def test_a_second_time_says_who_has_it_and_changes_nothing(
    world: World, incident: dict[str, Any]
) -> None:
    ben = world.make("users", email="ben@example.com", firstName="Ben", lastName="Ng")["id"]
    world.client.post(link(world, incident, user_id=ben))
    before = state(world)
    for method in ("POST", "GET"):
        again = words(world.client.open(link(world, incident, user_id=ben), method=method))
        assert "You have acknowledged this incident" in again
        other = world.client.open(link(world, incident), method=method)
        assert other.status_code == 200
        assert "Ben Ng has acknowledged this incident" in words(other)
        assert "<form" not in other.text
    assert state(world) == before


def test_who_has_it_may_have_no_name(world: World, incident: dict[str, Any]) -> None:
    for by in ("a-key-or-a-deleted-user", "<b>&"):
        world.execute(
            "UPDATE incidents SET acknowledged_at = ?, acknowledged_by = ?",
            incident["createdAt"],
            by,
        )
        assert f"{by} has acknowledged" in words(world.client.get(link(world, incident)))


def test_a_link_acknowledges_again_after_a_hand_off(world: World, incident: dict[str, Any]) -> None:
    ben = world.make("users", email="ben@example.com")["id"]
    path = link(world, incident, user_id=ben)
    world.call("POST", f"incidents/{incident['id']}/acknowledge")
    world.call("POST", f"incidents/{incident['id']}/handoff", {"targetUserId": ben})
    assert "<form" in world.client.get(path).text
    assert "You have acknowledged" in words(world.client.post(path))


def test_a_resolved_incident(world: World, incident: dict[str, Any]) -> None:
    for status in ("identified", "monitoring", "resolved"):
        world.call("PATCH", f"incidents/{incident['id']}/status", {"status": status})
    before = state(world)
    for method in ("GET", "POST"):
        answer = world.client.open(link(world, incident), method=method)
        assert (answer.status_code, "<form" in answer.text) == (200, False)
        assert "it was resolved" in words(answer)
    assert state(world) == before


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_a_link_that_leads_nowhere(
    world: World, incident: dict[str, Any], other_org: quickstart.Provisioned, method: str
) -> None:
    good, before = link(world, incident), state(world)
    wrong = {
        "/ack": "not valid",
        "/ack/": "not valid",
        "/ack/x": "not valid",
        f"{good}/": "not valid",
        f"{good}.": "not valid",
        good[:-1]: "not valid",
        "/ack/%00%ff": "not valid",
        link(world, incident, now=clock.now() - DAYS_7): "expired",
        link(world, incident, user_id="nobody"): "no longer there",
        link(world, incident, user_id=other_org.user_id): "no longer there",
        link(world, incident, org_id=other_org.org_id): "no longer there",
        link(world, incident, org_id="org_none"): "no longer there",
        link(world, {"id": ids.new_id()}): "no longer there",
    }
    for path, said in wrong.items():
        answer = world.client.open(path, method=method)
        assert (answer.status_code, answer.mimetype) == (404, "text/html"), path
        assert answer.headers["Cache-Control"] == "no-store"
        if method != "HEAD":
            assert said in words(answer), path
    assert state(world) == before


def test_a_user_who_is_deleted_since(world: World, incident: dict[str, Any]) -> None:
    ben = world.make("users", email="ben@example.com")["id"]
    path = link(world, incident, user_id=ben)
    assert world.client.get(path).status_code == 200
    assert world.call("DELETE", f"users/{ben}").status_code == 204
    before = state(world)
    assert world.client.get(path).status_code == world.client.post(path).status_code == 404
    assert state(world) == before


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "\"><img src=x onerror='alert(1)'>",
        "</title></bdi><h1>",
        "{{ 7 * 7 }}{% include 'base.html' %}",
        "&lt;b&gt;",
        "\u202egnp.exe\u2066 \u05d0",
        "x" * 100,
    ],
)
def test_hostile_text_is_shown_as_it_is(world: World, hostile: str) -> None:
    ben = world.make("users", email="ben@example.com", firstName=hostile)["id"]
    incident = world.post(world.body(title=hostile)).json["data"]
    plain = hostile.replace("\u202e", "").replace("\u2066", "")
    shown = f"<bdi>{html.escape(plain).replace('&#x27;', '&#39;').replace('&quot;', '&#34;')}</bdi>"
    page = world.client.get(link(world, incident, user_id=ben))
    assert page.text.count(shown) == 2
    assert page.text.count(hostile) == (2 if shown == f"<bdi>{hostile}</bdi>" else 0)
    world.client.post(link(world, incident, user_id=ben))
    assert page.text.count("<bdi>") == 2
    assert f"{shown} has" in " ".join(world.client.get(link(world, incident)).text.split())


def test_the_headers_keep_the_page_to_itself(world: World, incident: dict[str, Any]) -> None:
    for path in (link(world, incident), "/ack/wrong"):
        for method in ("GET", "HEAD", "POST"):
            headers = world.client.open(path, method=method).headers
            assert headers["Cache-Control"] == "no-store"
            assert headers["Referrer-Policy"] == "no-referrer"
            assert headers["X-Robots-Tag"] == "noindex"
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert "Set-Cookie" not in headers
            policy = dict(
                part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; ")
            )
            assert policy.pop("style-src").startswith("'sha256-")
            assert policy == {
                "default-src": "'none'",
                "form-action": "'self'",
                "frame-ancestors": "'none'",
                "base-uri": "'none'",
            }


def test_the_page_loads_nothing(world: World, incident: dict[str, Any]) -> None:
    for path in (link(world, incident), "/ack/wrong"):
        text = world.client.get(path).text
        assert not re.search(
            r"(?i)\b(src|href|action|style)\s*=|url\(|@import|https?:|<script", text
        )


def test_the_style_is_the_one_that_the_policy_allows(
    world: World, incident: dict[str, Any]
) -> None:
    page = world.client.get(link(world, incident))
    (style,) = re.findall("<style>(.*?)</style>", page.text, re.DOTALL)
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in page.headers["Content-Security-Policy"]


def test_the_log_never_has_the_token(
    world: World,
    incident: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    path = link(world, incident)
    world.client.get(path)
    world.client.get(f"{path}x")
    world.client.delete(path)
    monkeypatch.setattr(incidents, "acknowledge", lambda *_, **__: 1 / 0)
    assert world.client.post(path).status_code == 500
    formatter = logging.Formatter()
    for record in caplog.records:
        text = formatter.format(record) + repr(record.__dict__)
        assert path[5:40] not in text
        assert path.rpartition(".")[2] not in text
    assert {r.__dict__["route"] for r in caplog.records if r.message == "request"} == {
        "/ack/<path:token>", None,
    }  # fmt: skip


def test_a_failure_is_a_page_too(
    world: World, incident: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(error: Exception) -> Any:
        def work(*_: Any, **__: Any) -> None:
            raise error

        monkeypatch.setattr(incidents, "acknowledge", work)
        return world.client.post(link(world, incident))

    busy = fail(Busy("secret path"))
    assert (busy.status_code, busy.headers["Retry-After"]) == (503, "1")
    crash = fail(RuntimeError("secret path"))
    assert crash.status_code == 500
    for answer in (busy, crash):
        assert answer.mimetype == "text/html"
        assert "secret" not in answer.text
        assert answer.headers["X-Request-Id"] in words(answer)


def test_other_methods_are_refused(world: World, incident: dict[str, Any]) -> None:
    before = state(world)
    for method in ("PUT", "DELETE", "OPTIONS", "PATCH"):
        answer = world.client.open(link(world, incident), method=method)
        assert (answer.status_code, answer.json["code"]) == (405, "method_not_allowed")
    assert state(world) == before
