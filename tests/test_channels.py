"""Channels, against servers that really answer (contract §8)."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import json
import logging
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes, policy
from typing import Any

import pytest
import requests
from apprise import Apprise

from incident_service import logs
from incident_service.config import Settings
from incident_service.paging import apprise_urls, channels
from incident_service.paging.page import Outcome, Page
from tests.live.servers import free_port
from tests.receivers import Mailbox, Receiver, receiving, taking_mail

NOW = datetime(2025, 4, 7, 8, 23, 11, tzinfo=UTC)

PAGE = Page(
    id="0198aaaa-0000-7000-8000-000000000001",
    org_id="org_1",
    incident_id="0198aaaa-0000-7000-8000-000000000002",
    number=42,
    title="Zahlungen <gehen>\nnicht",
    description="x" * 1500,
    severity="critical",
    status="investigating",
    opened_at="2025-04-07T08:23:10.000Z",
    user_id="user_1",
    user_email="responder@example.com",
    layer=2,
    acknowledge_url="https://oncall.example.com/ack/t0ken",
    components=("Payments API", "Checkout"),
)


@pytest.fixture
def quiet() -> Iterator[None]:
    """Let the libraries log as little as they do in the service."""
    levels = {
        name: options["level"]
        for name, options in logs.as_json("DEBUG")["loggers"].items()
        if name in ("apprise", "requests", "urllib3")
    }
    before = {name: logging.getLogger(name).level for name in levels}
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    yield
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as server:
        yield server


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    with taking_mail() as box:
        yield box


@pytest.fixture
def deaf() -> Iterator[int]:
    """A port on which connections are made, and nothing is ever said."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture(autouse=True)
def logged(caplog: pytest.LogCaptureFixture, quiet: None) -> Iterator[None]:
    """No test may log a secret."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.ERROR, "mail.log")  # the test's own server
    yield
    said = caplog.text
    assert "s3cret" not in said
    assert "t0ken" not in said


def send(url: str | None, page: Page = PAGE, **settings: Any) -> Outcome:
    outcome = channels.send(page, url, Settings(**settings), now=NOW)
    assert "s3cret" not in (outcome.reason or "")
    assert outcome.delivered == (outcome.reason is None)
    return outcome


def smtp_url(port: int, credentials: str = "") -> str:
    return f"smtp://{credentials}127.0.0.1:{port}?from=oncall@example.org"


def test_the_webhook_says_all(receiver: Receiver) -> None:
    assert send(receiver.url("http")) == Outcome(True)
    [(path, headers, body)] = receiver.got
    assert path == "/s3cret"
    assert (headers["User-Agent"], headers["Content-Type"]) == (
        "incident-service",
        "application/json",
    )
    assert channels.SIGNATURE_HEADER not in headers
    assert json.loads(body) == {
        "version": 1,
        "type": "page",
        "id": PAGE.id,
        "sentAt": "2025-04-07T08:23:11.000Z",
        "incident": {
            "id": PAGE.incident_id,
            "orgId": "org_1",
            "number": 42,
            "title": PAGE.title,
            "description": PAGE.description,
            "severity": "critical",
            "status": "investigating",
            "createdAt": "2025-04-07T08:23:10.000Z",
            "components": ["Payments API", "Checkout"],
        },
        "user": {"id": "user_1"},
        "layer": 2,
        "acknowledgeUrl": "https://oncall.example.com/ack/t0ken",
    }


def test_the_webhook_is_signed(receiver: Receiver) -> None:
    assert send(receiver.url("http"), webhook_secret="s3cret").delivered
    [(_, headers, body)] = receiver.got
    fields = dict(part.split("=") for part in headers[channels.SIGNATURE_HEADER].split(","))
    assert fields["t"] == str(int(NOW.timestamp()))
    signed = fields["t"].encode() + b"." + body
    assert fields["v1"] == hmac.new(b"s3cret", signed, hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("status", "delivered", "permanent"),
    [
        (200, True, False), (204, True, False),
        (302, False, False), (308, False, False),
        (400, False, True), (404, False, True), (410, False, True),
        (408, False, False), (425, False, False), (429, False, False),
        (500, False, False), (503, False, False),
    ],
)  # fmt: skip
def test_what_the_webhooks_answer_means(
    receiver: Receiver, status: int, delivered: bool, permanent: bool
) -> None:
    receiver.status = status
    outcome = send(receiver.url("http"))
    assert (outcome.delivered, outcome.permanent) == (delivered, permanent)
    assert delivered or str(status) in (outcome.reason or "")
    assert [path for path, _, _ in receiver.got] == ["/s3cret"]  # no redirect was followed


def test_a_webhook_that_does_not_answer(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "READ_TIMEOUT", 0.1)
    receiver.hang.clear()
    assert send(receiver.url("http")) == Outcome(False, "timed out")


def test_a_webhook_that_cannot_be_reached(receiver: Receiver) -> None:
    assert send(f"http://127.0.0.1:{free_port()}/s3cret") == Outcome(False, "no connection")
    assert send(receiver.url("https")).reason == "no secure connection"
    assert send("https://nobody.invalid/s3cret") == Outcome(False, "no connection")


@pytest.mark.parametrize("url", ["https://", "http://[s3cret", "http://a..s3cret/", "http://:x/"])
def test_a_webhook_that_is_none(url: str) -> None:
    outcome = send(url)
    assert (outcome.delivered, outcome.permanent) == (False, True)


def test_apprise_delivers(receiver: Receiver) -> None:
    assert send(receiver.url("json", "/s3cret?+X-Key=s3cret")) == Outcome(True)
    [(path, headers, body)] = receiver.got
    sent = json.loads(body)
    assert (path, headers["X-Key"], headers["User-Agent"]) == (
        "/s3cret",
        "s3cret",
        "incident-service",
    )
    assert sent["title"] == "[critical] #42 Zahlungen <gehen> nicht"
    assert "Escalation layer 2." in sent["message"]
    assert "Components: Payments API, Checkout" in sent["message"]
    assert "x" * 1000 + "…" in sent["message"]
    assert "x" * 1001 not in sent["message"]
    assert "Acknowledge: https://oncall.example.com/ack/t0ken" in sent["message"]


@pytest.mark.parametrize("status", [302, 404, 500])
def test_apprise_does_not_deliver(receiver: Receiver, status: int) -> None:
    receiver.status = status
    url = receiver.url("json", "/s3cret?redirect=yes&retry=3&optional=yes")
    assert send(url) == Outcome(False, "json did not take the message")
    assert len(receiver.got) == 1


def test_apprise_does_not_wait_for_as_long_as_the_url_says(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "READ_TIMEOUT", 0.1)
    receiver.hang.clear()
    assert not send(receiver.url("json", "/s3cret?rto=100")).delivered


@pytest.mark.parametrize(
    "url", ["json://", "slack://s3cret", "pigeon://s3cret", "s3cret", "", "workflows://s3cret"]
)
def test_apprise_cannot_use_the_url(url: str) -> None:
    assert send(url) == Outcome(False, "not a URL that Apprise can use", permanent=True)


def test_apprise_raises(monkeypatch: pytest.MonkeyPatch, receiver: Receiver) -> None:
    def fail(*_: Any, **__: Any) -> bool:
        raise RuntimeError("s3cret")

    monkeypatch.setattr(Apprise, "notify", fail)
    assert send(receiver.url("json")) == Outcome(False, "failed with RuntimeError")


def test_an_owner_is_told_so(receiver: Receiver) -> None:
    page = dataclasses.replace(PAGE, layer=None, description=None, components=())
    assert send(receiver.url("json"), page).delivered
    message = json.loads(receiver.got[0][2])["message"]
    assert "You own this incident." in message
    assert "Components" not in message


def test_a_test_page(receiver: Receiver) -> None:
    user = {"org_id": "o", "id": "u", "email": "u@example.com"}
    page = channels.test_page(user, now=NOW, base_url="https://oncall.example.com")
    assert send(receiver.url("http"), page).delivered
    assert send(receiver.url("json"), page).delivered
    (_, _, webhook), (_, _, text) = receiver.got
    incident = json.loads(webhook)["incident"]
    assert (len(incident["title"]), len(incident["description"])) == (100, 10_000)
    assert [len(name) for name in incident["components"]] == [100] * 50
    link = "https://oncall.example.com/a/" + "0" * 22
    assert json.loads(webhook)["acknowledgeUrl"] == link
    assert link in json.loads(text)["message"]


@pytest.mark.parametrize("credentials", ["", "me:p%40s3cret@"])
def test_a_mail(mailbox: tuple[Mailbox, int], credentials: str) -> None:
    box, port = mailbox
    assert send(None, smtp_url=smtp_url(port, credentials)) == Outcome(True)
    [envelope] = box.got
    assert (envelope.mail_from, envelope.rcpt_tos) == (
        "oncall@example.org",
        ["responder@example.com"],
    )
    assert isinstance(envelope.content, bytes)
    message = message_from_bytes(envelope.content, policy=policy.default)
    assert message["Subject"] == "[critical] #42 Zahlungen <gehen> nicht"
    assert (message["From"], message["To"]) == ("oncall@example.org", "responder@example.com")
    assert message["Message-ID"] == f"<{PAGE.id}@example.org>"
    text = message.get_content()
    assert "https://oncall.example.com/ack/t0ken" in text
    assert "Payments API, Checkout" in text


@pytest.mark.parametrize(
    ("answer", "permanent"), [("550 no such user", True), ("450 later", False)]
)
def test_a_mail_to_nobody(mailbox: tuple[Mailbox, int], answer: str, permanent: bool) -> None:
    box, port = mailbox
    box.to_recipient = answer
    outcome = send(None, smtp_url=smtp_url(port))
    reason = f"the mail server refused the address with {answer[:3]}"
    assert outcome == Outcome(False, reason, permanent)


def test_a_mail_that_is_not_taken(mailbox: tuple[Mailbox, int]) -> None:
    box, port = mailbox
    box.to_data = "451 s3cret"
    outcome = send(None, smtp_url=smtp_url(port))
    assert outcome == Outcome(False, "the mail server answered with 451")
    outcome = send(None, smtp_url=smtp_url(port, "me:wrong@"))
    assert outcome == Outcome(False, "the mail server answered with 535")


def test_a_mail_server_that_is_not_there(deaf: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "MAIL_TIMEOUT", 0.1)
    assert send(None, smtp_url=smtp_url(deaf)) == Outcome(False, "timed out")
    assert send(None, smtp_url=smtp_url(free_port())) == Outcome(False, "no connection")
    assert send(None) == Outcome(False, "no SMTP server is configured", permanent=True)


def test_apprise_sends_in_the_thread_that_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[threading.Thread] = []

    def post(*args: Any, **kwargs: Any) -> Any:
        threads.append(threading.current_thread())
        raise requests.ConnectionError

    monkeypatch.setattr(requests, "request", post)
    monkeypatch.setattr(requests, "post", post)
    assert not send("json://127.0.0.1/s3cret").delivered
    assert threads == [threading.current_thread()]


def test_apprise_does_not_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not between two recipients, and not because the other side asks it to."""

    def sleep(seconds: float) -> None:
        raise AssertionError(f"slept for {seconds} seconds")

    found: Any = apprise_urls.service(
        "mailto://me:p@example.com", connect_timeout=1, read_timeout=1
    )
    assert found is not None
    monkeypatch.setattr("time.sleep", sleep)
    for _ in range(2):
        found.throttle()
        found.throttle(wait=3600)
