"""Every allowed scheme takes a page of the greatest length, whole where it counts (contract §8)."""

from __future__ import annotations

import base64
import dataclasses
import email
import html
import json
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email import policy
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from apprise.manager_plugins import NotificationManager

from incident_service.config import ALLOWED_SCHEMES, Settings
from incident_service.errors import ValidationFailed
from incident_service.paging import apprise_channel, apprise_urls, channels
from incident_service.paging.contact_methods import check_url
from incident_service.paging.page import Outcome, Page
from incident_service.severity import SEVERITIES
from tests.helpers.apprise_services import NEEDS_MORE, documented
from tests.helpers.example_event import EVENT, SHIFT
from tests.helpers.playing import Request, playing_every_service
from tests.helpers.receivers import taking_mail

NOW = datetime(2025, 4, 7, 8, 23, 11, tzinfo=UTC)

GREATEST = dataclasses.replace(
    channels.test_page(
        {"org_id": "o", "id": "u", "email": "u@example.com"},
        now=NOW,
        base_url="https://oncall.example.com",
    ),
    title=("Zahlungen *gehen* nicht: <b>&amp; _alle_ `Kassen` stehen 🔥 " + "x" * 100)[:100],
    severity="critical",
)

SCHEMES = sorted(ALLOWED_SCHEMES - {"https"})
BY_HTTP = [scheme for scheme in SCHEMES if not scheme.startswith("mailto")]

ASKS_FIRST = {
    "tgram://123456789:abcdefg_hijklmnop": "it asks Telegram who wrote to the bot",
    "twist://s3cret:ada@example.com": "it asks Twist for the channels of a team",
    "rocket://ada:s3cret@": "it signs in and out around the message",
    "rockets://ada:s3cret@": "it signs in and out around the message",
}
"""Documented forms whose whole conversation is not played here."""

TITLE_IS_CUT = {"voipms": "its API takes 160 characters, and never a second part"}


def usable(scheme: str) -> Iterator[str]:
    for url in documented(scheme):
        if not any(re.match(form, url) for form in NEEDS_MORE):
            yield url


def asks_first(url: str) -> bool:
    return any(url == start or (start[-1] == "@" and url.startswith(start)) for start in ASKS_FIRST)


@pytest.fixture
def played(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[Request]]:
    logging.getLogger("apprise").setLevel(logging.CRITICAL)
    with playing_every_service(tmp_path_factory.mktemp("ca")) as (got, environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield got


def strings(value: Any) -> Iterator[str]:
    """Yield every text in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from strings(each)


def said(request: Request) -> str:
    """Return what the request says, its own encoding undone."""
    form = parse_qsl(urlsplit(request.url).query)
    if request.body[:1] == b"{":
        texts = list(strings(json.loads(request.body)))
    else:
        form += parse_qsl(request.body.decode())
        texts = []
    for name, value in form:
        if name == "RawMessage.Data":
            raw = email.message_from_bytes(base64.b64decode(value), policy=policy.default)
            texts += [raw["Subject"], raw.get_content()]
        else:
            texts.append(value)
    return "\n".join(texts)


def shown(text: str, scheme: str = "") -> str:
    """Return the text without what escapes it, as the service shows it."""
    text = html.unescape(text) if scheme in ("flock", "slack", "tgram") else text
    text = text.replace("\\", "").replace("\u200b", "")
    return " ".join(text.split())


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_documented_forms_are_accepted(scheme: str) -> None:
    urls = list(usable(scheme))
    assert urls
    for url in urls:
        check_url(url, ALLOWED_SCHEMES)


@pytest.mark.parametrize("scheme", BY_HTTP)
def test_a_page_of_the_greatest_length(scheme: str, played: list[Request]) -> None:
    for url in usable(scheme):
        if asks_first(url):
            continue
        played.clear()
        assert channels.send(GREATEST, url, Settings(), now=NOW) == Outcome(True), url
        carrying = [request for request in played if GREATEST.acknowledge_url in said(request)]
        assert len(carrying) == 1, (url, played)
        text = said(carrying[0])
        visible = shown(text, scheme)
        assert f"#{GREATEST.number}" in visible
        assert GREATEST.severity in visible
        assert f"layer {GREATEST.layer}" in visible
        assert (shown(GREATEST.title) in visible) is (scheme not in TITLE_IS_CUT), visible[:300]


@pytest.mark.parametrize("scheme", BY_HTTP)
def test_an_event_for_a_subscription(scheme: str, played: list[Request]) -> None:
    url = next(url for url in usable(scheme) if not asks_first(url))
    for message in (EVENT, SHIFT):
        played.clear()
        assert channels.send(message, url, Settings(), now=NOW) == Outcome(True), url
        visible = shown("\n".join(map(said, played)), scheme)
        assert "Ada Lovelace" in visible


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(
    "title",
    ["x" * 100, "ж" * 100, "🔥" * 100, "*_<&@" * 20, "短い"],
    ids=["latin", "cyrillic", "emoji", "special", "short"],
)
def test_what_is_sent_fits(scheme: str, title: str) -> None:
    url = next(usable(scheme))
    page = dataclasses.replace(GREATEST, title=title, description=title * 100)
    service = apprise_urls.service(url, connect_timeout=1, read_timeout=1)
    how = apprise_channel.manner(service)
    heading, body = apprise_channel.compose(page, service)
    assert how.size(body) <= (how.limit or service.body_maxlen)
    assert len(heading.encode("utf-16-le")) // 2 <= service.title_maxlen
    assert page.acknowledge_url in body


def test_every_idea_of_priority_follows_the_severity() -> None:
    manager: Any = NotificationManager
    for scheme in SCHEMES:
        plugin = manager()[scheme]
        ideas = {"priority", "severity", "urgency", "level"} & set(plugin.template_args)
        urgency = apprise_channel.manner(plugin).urgency
        assert ideas == ({urgency[0]} - {"action"} if urgency else set()), scheme


def sent(page: Page, url: str, played: list[Request]) -> Request:
    played.clear()
    assert channels.send(page, url, Settings(), now=NOW) == Outcome(True)
    [request] = played
    return request


def at(severity: str) -> Page:
    return dataclasses.replace(GREATEST, severity=severity)


@pytest.mark.parametrize(
    ("url", "field", "values"),
    [
        ("gotify://example.com/Aa.s3cret12345", "priority", [10, 8, 5, 3]),
        ("opsgenie://12345678-abcd-4444-8888-abcdefabcdef", "priority", ["P1", "P2", "P3", "P4"]),
        ("squadcast://aB3-_x", "priority", ["P1", "P2", "P3", "P4"]),
        ("pagertree://int_abcdefghijkl", "urgency", ["critical", "high", "medium", "low"]),
        ("ilert://aB3-_x", "priority", ["HIGH", "HIGH", "LOW", "LOW"]),
        ("simplepush://HuxgBB", "priority", [5, 4, 3, 2]),
        ("json://example.com", "type", ["failure", "failure", "warning", "info"]),
        ("splunk://database@a1b2c3d4e5", "message_type",
         ["CRITICAL", "CRITICAL", "WARNING", "WARNING"]),
    ],
)  # fmt: skip
def test_the_severity_reaches_the_service(
    url: str, field: str, values: list[Any], played: list[Request]
) -> None:
    bodies = [json.loads(sent(at(severity), url, played).body) for severity in SEVERITIES]
    assert [body[field] for body in bodies] == values


def test_the_severity_reaches_pagerduty_and_pushover(played: list[Request]) -> None:
    url = "pagerduty://int3gration@a1b2c3d4e5"
    bodies = [json.loads(sent(at(each), url, played).body) for each in SEVERITIES]
    assert [body["payload"]["severity"] for body in bodies] == [
        "critical", "error", "warning", "info",
    ]  # fmt: skip
    url = f"pover://{'u' * 30}@{'t' * 30}"
    forms = [dict(parse_qsl(sent(at(each), url, played).body.decode())) for each in SEVERITIES]
    assert [form["priority"] for form in forms] == ["2", "1", "0", "-1"]
    assert {form["url"] for form in forms} == {GREATEST.acknowledge_url}


def test_ntfy_has_a_priority_and_a_button(played: list[Request]) -> None:
    link = GREATEST.acknowledge_url
    for url in ("ntfys://ada:s3cret@push.example.com/oncall", "https://ntfy.sh/oncall"):
        got = [sent(at(each), url, played).headers for each in SEVERITIES]
        assert [headers.get("X-Priority") for headers in got] == ["max", "high", None, "low"]
        assert {headers["X-Click"] for headers in got} == {link}
        assert {headers["X-Actions"] for headers in got} == {
            f"http, Acknowledge, {link}, method=POST, clear=true"
        }


def test_what_the_url_sets_stays(played: list[Request]) -> None:
    url = "ntfys://push.example.com/oncall?priority=1&click=https://wiki.example.com"
    headers = sent(GREATEST, url, played).headers
    assert (headers["X-Priority"], headers["X-Click"]) == ("min", "https://wiki.example.com")


def test_a_notice_asks_for_nothing(played: list[Request]) -> None:
    notice = dataclasses.replace(GREATEST, notice="Ada acknowledged this incident.")
    request = sent(notice, "ntfys://push.example.com/oncall", played)
    assert "X-Actions" not in request.headers
    body = json.loads(request.body)
    assert body["message"] == notice.notice
    assert body["title"].startswith(f"[critical] #{GREATEST.number} ")
    sms = f"twilio://AC{'a' * 32}:{'b' * 32}@15551234567"
    assert said(sent(notice, sms, played)).count(notice.notice or "") == 1


def test_the_title_is_said_once(played: list[Request]) -> None:
    page = dataclasses.replace(GREATEST, title="Checkout fails")
    for scheme in BY_HTTP:
        if scheme in ("ringc", "twist") or scheme.startswith(("matrix", "rocket")):
            continue
        text = said(
            sent(
                page,
                next(usable(scheme))
                if scheme != "tgram"
                else "tgram://123456789:abcdefg_hijklmnop/12315544",
                played,
            )
        )
        assert text.count("Checkout fails") == 1, scheme


def test_a_telephone_gets_160_characters(played: list[Request]) -> None:
    page = dataclasses.replace(GREATEST, title="x" * 70)
    request = sent(page, f"twilio://AC{'a' * 32}:{'b' * 32}@15551234567", played)
    text = dict(parse_qsl(request.body.decode()))["Body"]
    assert len(text) <= 160
    assert text.startswith(f"critical #{page.number}, layer 10: {'x' * 70} https://")


def test_nobody_is_mentioned_and_text_shows_as_itself(played: list[Request]) -> None:
    page = dataclasses.replace(
        GREATEST,
        title="@here <!channel> @everyone *all* `x` [a](b)",
        description="# no\n- list",
        components=(),
    )
    url = "discord://123456789012345678/aB3-_x"
    text = json.loads(sent(page, url, played).body)["content"]
    assert "@everyone" not in text and "@here" not in text
    assert "\\*all\\* \\`x\\` \\[a\\](b)" in text
    assert "\\# no  \n\\- list" in text
    slack = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
    assert b"<!channel>" not in sent(page, slack, played).body


@pytest.mark.parametrize(
    "url",
    [
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ",
        "discord://123456789012345678/aB3-_x",
        "tgram://123456789:abcdefg_hijklmnop/12315544",
        "mmosts://chat.example.com/a1b2c3d4e5a1b2c3d4e5a1b2c3",
        "gchat://AAAA/kkkk/token",
        "squadcast://a1B2c3D4e5",
    ],
)
def test_addresses_and_times_in_a_text_arrive_as_they_are(url: str, played: list[Request]) -> None:
    address = "https://grafana.example.com/d/a_b/@ada?from=2025-04-07T08:23:11&to=~now_1_"
    page = dataclasses.replace(
        GREATEST, description=f"At 08:23:11 on fe80::1:2:3: see {address}.", components=()
    )
    text = html.unescape(said(sent(page, url, played)))
    assert f"see {address}." in text
    assert "At 08:23:11 on fe80::1:2:3: see" in text.replace("\\", "")


def test_nobody_is_mentioned_by_an_address(played: list[Request]) -> None:
    page = dataclasses.replace(
        GREATEST, description="https://example.com/@everyone/x", components=()
    )
    text = said(sent(page, "discord://123456789012345678/aB3-_x", played))
    assert "@everyone" not in text and "https://example.com/%40everyone/x" in text


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ",
        "https://discord.com/api/webhooks/123456789012345678/aB3-_x",
        "https://ntfy.sh/oncall",
        "https://chat.googleapis.com/v1/spaces/AAAA/messages?key=k&token=t",
        "https://webexapis.com/v1/webhooks/incoming/" + "a" * 80,
        "https://prod-1.westus.logic.azure.com:443/workflows/w1/triggers/manual/paths/invoke"
        "?api-version=2016-06-01&sig=abc",
        "https://open.larksuite.com/open-apis/bot/v2/hook/a1b2c3d4-e5f6-4444-8888-abcdefabcdef",
        "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=KEY",
        "https://alert.victorops.com/integrations/generic/20131114/alert/key/routing",
        "https://api.squadcast.com/v2/incidents/api/key1",
        "https://api.flock.com/hooks/sendMessage/a1b2c3d4e5a1b2c3d4e5a1b2",
        "https://webhooks.t2bot.io/api/v1/matrix/hook/" + "a" * 64,
    ],
)
def test_a_pasted_webhook_is_its_services(url: str, played: list[Request]) -> None:
    check_url(url, ALLOWED_SCHEMES)
    request = sent(GREATEST, url, played)
    assert b'"version": 1, "type": "page"' not in request.body
    assert GREATEST.acknowledge_url in said(request)


@pytest.mark.parametrize(
    ("url", "scheme"),
    [
        ("https://discord.com/api/v10/webhooks/123456789012345678/aB3-_x", "discord"),
        ("https://canary.discord.com/api/webhooks/123456789012345678/aB3-_x", "discord"),
        ("https://HOOKS.slack.com:443/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazk", "slack"),
        ("https://open.feishu.cn/open-apis/bot/v2/hook/a1b2c3d4", "feishu"),
        ("https://oapi.dingtalk.com/robot/send?access_token=a1b2c3d4", "dingtalk"),
        ("https://connect.signl4.com/webhook/a1B2c3D4e5", "signl4"),
    ],
)
def test_a_webhook_that_its_service_would_refuse_is_refused_at_once(url: str, scheme: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        check_url(url, ALLOWED_SCHEMES)
    assert caught.value.errors == {
        "url": [f"Leads to {scheme}, which takes no other webhook; write it as {scheme}://."]
    }


@pytest.mark.parametrize(
    "url",
    [
        "https://bot.example.com/ntfy.sh/x",
        "https://ntfy.sh.example.com/x",
        "https://hooks.slack.com.example.com/services/T1/A1/x",
        "https://example.com/api/webhooks/1/x",
    ],
)
def test_any_other_webhook_is_our_own(url: str, played: list[Request]) -> None:
    check_url(url, {"https"})
    assert json.loads(sent(GREATEST, url, played).body)["type"] == "page"


def test_a_mail_by_apprise() -> None:
    with taking_mail() as (box, port):
        url = f"mailto://127.0.0.1:{port}?from=a@example.com&to=ben@example.com&mode=insecure"
        page = dataclasses.replace(GREATEST, title="=?utf-8?q?=61?= is no word")
        assert channels.send(page, url, Settings(), now=NOW) == Outcome(True)
        [envelope] = box.got
    assert isinstance(envelope.content, bytes)
    mail = email.message_from_bytes(envelope.content, policy=policy.default)
    assert mail["Subject"].replace("\u200b", "") == (
        f"[critical] #{page.number} =?utf-8?q?=61?= is no word"
    )
    assert page.acknowledge_url in mail.get_content()
    assert f"layer {page.layer}" in mail.get_content()
