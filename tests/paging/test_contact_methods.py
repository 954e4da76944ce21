"""`/v1/users/{id}/contact-methods` (contract §8), and the settings behind it."""

from __future__ import annotations

import logging
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest
from apprise.manager_plugins import NotificationManager

from incident_service import quickstart
from incident_service.config import ALLOWED_SCHEMES, Settings
from incident_service.errors import InvalidSetting, ValidationFailed
from incident_service.mail_server import MailServer, parse_smtp_url
from incident_service.paging import channels
from incident_service.paging.contact_methods import check_url, shown_url
from incident_service.paging.page import Outcome, Page
from tests.helpers.receivers import dripping
from tests.helpers.world import World

WEBHOOK = {"label": "Hook", "url": "https://hooks.example.com/s3cret?token=s3cret"}
PATH = "users/member/contact-methods"


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


def methods(world: World, path: str = PATH) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = world.call("GET", path).json["data"]
    return listed


def test_making_listing_and_deleting(world: World, member: str) -> None:
    answer = world.call("POST", PATH, WEBHOOK)
    made = answer.json["data"]
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/v1/{PATH}/{made['id']}"
    assert list(made) == ["id", "label", "url", "createdAt"]
    assert (made["label"], made["url"]) == ("Hook", "https://hooks.example.com/***")

    second = world.make(PATH, label="Hook", url="tgram://123456789:AbCdEf/1234")
    assert second["url"] == "tgram://***"
    assert methods(world) == [made, second]
    stored = world.rows("SELECT url FROM contact_methods ORDER BY id")
    assert stored[0]["url"] == WEBHOOK["url"]

    answer = world.call("DELETE", f"{PATH}/{made['id'].upper()}")
    assert (answer.status_code, answer.data) == (204, b"")
    assert methods(world) == [second]
    assert code(world.call("DELETE", f"{PATH}/{made['id']}")) == (404, "not_found")


def test_the_paths_are_not_taken_for_a_users_id(world: World, member: str) -> None:
    world.make("users", id="a?b c", email="slash@example.com")
    path = f"users/{quote('a?b c', safe='')}/contact-methods"
    made = world.make(path, **WEBHOOK)
    assert methods(world, path) == [made]
    assert methods(world, "users/a%3Fb c/contact-methods") == [made]
    assert world.call("GET", "users/a%3Fb c").json["data"]["id"] == "a?b c"
    assert code(world.call("PATCH", path, {})) == (404, "not_found")  # it may be a user's id
    assert world.call("DELETE", f"{path}/{made['id']}").status_code == 204
    assert world.call("GET", "users/a%3Fb c").status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"url": "https://x.example.com"}, "label"),
        ({"label": "", "url": "https://x.example.com"}, "label"),
        ({"label": " ", "url": "https://x.example.com"}, "label"),
        ({"label": "x" * 256, "url": "https://x.example.com"}, "label"),
        ({"label": "x"}, "url"),
        ({"label": "x", "url": None}, "url"),
        ({"label": "x", "url": 7}, "url"),
        ({"label": "x", "url": ""}, "url"),
        ({"label": "x", "url": "gopher"}, "url"),
        ({"label": "x", "url": "syslog://localhost"}, "url"),
        ({"label": "x", "url": "https://x.example.com/\0"}, "url"),
        ({"label": "x", "url": "https://x.example.com", "kind": 1}, "kind"),
    ],
)
def test_a_body_that_will_not_do(
    world: World, member: str, body: dict[str, Any], field: str
) -> None:
    answer = world.call("POST", PATH, body)
    assert code(answer) == (400, "validation_error")
    assert list(answer.json["errors"]) == [field]
    assert methods(world) == []


def test_a_member_manages_those_of_its_own_user(
    world: World, member: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "send", lambda *_, **__: Outcome(True))
    made = world.call("POST", PATH, WEBHOOK, key=member)
    assert made.status_code == 201
    path = f"{PATH}/{made.json['data']['id']}"
    assert world.call("POST", f"{path}/test", key=member).status_code == 200
    assert world.call("DELETE", path, key=member).status_code == 204


def test_a_member_only_reads_those_of_others(world: World, member: str) -> None:
    world.make("users", id="other", email="other@example.com")
    path = "users/other/contact-methods"
    made = world.make(path, **WEBHOOK)
    assert world.call("GET", path, key=member).json["data"] == [made]
    for method, which, body in [
        ("POST", path, {"nonsense": 1}),
        ("POST", f"{path}/{made['id']}/test", ...),
        ("DELETE", f"{path}/{made['id']}", ...),
        ("POST", "users/nobody/contact-methods", {}),
    ]:
        assert code(world.call(method, which, body, key=member)) == (403, "forbidden")
    assert methods(world, path) == [made]


def test_a_member_key_that_acts_for_itself_manages_none(world: World, member: str) -> None:
    key = world.make("api-keys", name="robot", role="org:member")["key"]
    assert code(world.call("POST", PATH, WEBHOOK, key=key)) == (403, "forbidden")


def test_what_is_not_there(world: World, member: str) -> None:
    id = world.make(PATH, **WEBHOOK)["id"]
    world.make("users", id="other", email="other@example.com")
    for method, path, body in [
        ("GET", "users/nobody/contact-methods", ...),
        ("POST", "users/nobody/contact-methods", WEBHOOK),
        ("DELETE", f"users/nobody/contact-methods/{id}", ...),
        ("DELETE", f"users/other/contact-methods/{id}", ...),
        ("POST", f"users/other/contact-methods/{id}/test", ...),
        ("DELETE", f"{PATH}/no-uuid", ...),
        ("POST", f"{PATH}/no-uuid/test", ...),
    ]:
        assert code(world.call(method, path, body)) == (404, "not_found")


def test_another_organization_sees_none(
    world: World, member: str, other_org: quickstart.Provisioned
) -> None:
    made = world.make(PATH, **WEBHOOK)
    key = other_org.key
    for method, path, body in [
        ("GET", PATH, ...),
        ("POST", PATH, WEBHOOK),
        ("DELETE", f"{PATH}/{made['id']}", ...),
        ("POST", f"{PATH}/{made['id']}/test", ...),
    ]:
        assert code(world.call(method, path, body, key=key)) == (404, "not_found")
    world.call("POST", "users", {"id": "member", "email": "m@example.com"}, key=key)
    assert world.call("GET", PATH, key=key).json["data"] == []
    assert methods(world) == [made]


@pytest.mark.parametrize(
    ("outcome", "shown"),
    [
        (Outcome(True), {"delivered": True, "reason": None}),
        (Outcome(False, "timed out"), {"delivered": False, "reason": "timed out"}),
    ],
)
def test_a_test_message(
    world: World,
    member: str,
    monkeypatch: pytest.MonkeyPatch,
    outcome: Outcome,
    shown: dict[str, Any],
) -> None:
    sent = []

    def send(page: Page, url: str, *_: Any, **__: Any) -> Outcome:
        sent.append((page.user_id, page.user_email, page.acknowledge_url, url))
        return outcome

    monkeypatch.setattr(channels, "send", send)
    id = world.make(PATH, **WEBHOOK)["id"]
    answer = world.call("POST", f"{PATH}/{id}/test")
    assert (answer.status_code, answer.json["data"]) == (200, shown)
    link = "http://127.0.0.1:8000/a/" + "0" * 22
    assert sent == [("member", "member@example.com", link, WEBHOOK["url"])]
    (kept,) = world.rows("SELECT works_since FROM contact_methods WHERE id = ?", id)
    assert (kept["works_since"] is not None) == outcome.delivered


@pytest.mark.sqlite_only("the file")
def test_what_came_of_a_test_message_is_told_if_it_cannot_be_recorded(
    world: World, member: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "send", lambda *_, **__: Outcome(True))
    id = world.make(PATH, **WEBHOOK)["id"]
    holder = sqlite3.connect(world.file.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    answer = world.call("POST", f"{PATH}/{id}/test")
    holder.close()
    assert (answer.status_code, answer.json["data"]["delivered"]) == (200, True)


def test_deleting_a_user_deletes_how_to_reach_them(world: World, member: str) -> None:
    world.make(PATH, **WEBHOOK)
    assert world.call("DELETE", "users/member").status_code == 204
    assert world.rows("SELECT * FROM contact_methods") == []
    assert code(world.call("GET", PATH)) == (404, "not_found")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://hooks.example.com/a/b?c=d#e", "https://hooks.example.com/***"),
        ("HTTPS://Hooks.example.com:8443", "https://hooks.example.com/***"),
        ("http://[::1]:80/x", "http://[::1]/***"),
        ("json://user:pass@example.com/x", "json://example.com/***"),
        ("jsons://example.com/?+X-Key=secret", "jsons://example.com/***"),
        ("mailtos://user:pass@example.com", "mailtos://example.com/***"),
        ("mailto://user:pa/ss@example.com", "mailto://***"),
        ("mailto://user:p@ss?word@example.com", "mailto://***"),
        ("mailto://?user=me&pass=secret", "mailto://***"),
        ("slack://TokenA/TokenB/TokenC", "slack://***"),
        ("tgram://123:abc/456", "tgram://***"),
        ("https://[x", "https://***"),
        ("nothing", "***"),
    ],
)
def test_what_is_shown_of_a_url(url: str, shown: str) -> None:
    assert shown_url(url) == shown


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.com",
        "HTTPS://hooks.example.com:8443/a?b=c#d",
        "https://[::1]/x",
        "json://x.example.com/?:message=text&:title=subject&+X-Key=a%20b%C3%A9",
        "https://bücher.example/x",
        "http://127.0.0.1:8080/x",
        "https://x.example.com/" + "x" * 1978,
        "json://127.0.0.1:9000/x",
        "mailto://user:secret@example.com",
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ",
        "ntfys://topic",
    ],
)
def test_a_url_that_will_do(url: str) -> None:
    check_url(url, {*ALLOWED_SCHEMES, "http"})


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("s3cret", "Not a URL"),
        ("://s3cret", "Not a URL"),
        ("syslog://s3cret", "syslog are not allowed"),
        ("dbus://", "dbus are not allowed"),
        ("http://s3cret.example.com", "http are not allowed"),
        ("file:///etc/s3cret", "file are not allowed"),
        ("https://", "no host"),
        ("https:///s3cret", "no host"),
        ("https://me:s3cret@x.example.com", "user or a password"),
        ("https://s3cret@x.example.com", "user or a password"),
        ("https://x.example.com:s3cret", "Not a URL"),
        ("https://x..s3cret", "Not a URL"),
        ("https://[s3cret", "Not a URL"),
        ("https://x.example.com/s3cret x", "white space"),
        ("https://x.example.com/s3cret\0", "control character"),
        ("https://x.example.com/s3cret\n", "white space"),
        (" https://x.example.com/s3cret", "white space"),
        ("https://x.example.com/" + "x" * 1979, "Longer than maximum length 2000"),
        ("json://", "Apprise can use for json"),
        ("json://s3cret?:message=", "leaves out some of the page's text"),
        ("json://s3cret?:message=message", "leaves out some of the page's text"),
        ("json://s3cret?:title=message", "leaves out some of the page's text"),
        ("json://s3cret?+X%0d%0aHost=x", "a header that cannot be sent"),
        ("json://s3cret?+X%00=x", "a header that cannot be sent"),
        ("json://s3cret?+X=a%0d%0aHost:x", "a header that cannot be sent"),
        ("json://s3cret?+X=%F0%9F%94%A5", "a header that cannot be sent"),
        ("slack://s3cret", "Apprise can use for slack"),
        ("workflows://host:443/w/s/?template=/etc/s3cret", "Apprise can use for workflows"),
        ("workflows://host:443/w/s/?%74emplate=/etc/s3cret", "Apprise can use for workflows"),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ?template=/s3cret", "for slack"),
        ("mailto://u:p@example.com?pgpprv=/etc/s3cret", "Apprise can use for mailto"),
    ],
)
def test_a_url_that_will_not_do(
    url: str, said: str, caplog: pytest.LogCaptureFixture, quiet: None
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(ValidationFailed) as raised:
        check_url(url, ALLOWED_SCHEMES)
    assert list(raised.value.errors) == ["url"]
    assert said in raised.value.message
    assert "s3cret" not in raised.value.message + caplog.text


def test_the_schemes_allowed_by_default() -> None:
    manager: Any = NotificationManager  # has no types
    assert ALLOWED_SCHEMES - {"https"} <= set(manager().schemas())
    harmful = {"dbus", "kde", "gnome", "glib", "gio", "macosx", "windows", "syslog", "blink1"}
    assert not ALLOWED_SCHEMES & (harmful | {"file", "http", "growl", "apprise"})


def test_the_operator_chooses_the_schemes(world: World, member: str) -> None:
    settings = Settings.from_environ(
        {"INCIDENT_SERVICE_ALLOWED_NOTIFICATION_SCHEMES": " HTTP, ntfy,,"}
    )
    assert settings.allowed_notification_schemes == {"http", "ntfy"}
    world.app.extensions["incident_service.settings"] = settings
    world.make(PATH, label="x", url="http://127.0.0.1/")
    assert code(world.call("POST", PATH, WEBHOOK)) == (400, "validation_error")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALLOWED_NOTIFICATION_SCHEMES", ","),
        ("ALLOWED_NOTIFICATION_SCHEMES", "mailto slack"),
        ("ALLOWED_NOTIFICATION_SCHEMES", "slack://s3cret"),
        ("ALLOWED_NOTIFICATION_SCHEMES", "mailto,pigeon"),
        ("SMTP_URL", "s3cret"),
        ("SMTP_URL", "http://mail.example.com?from=a@s3cret"),
        ("SMTP_URL", "smtp://?from=a@s3cret"),
        ("SMTP_URL", "smtp://u:s3cret@mail.example.com"),
        ("SMTP_URL", "smtp://u:s3cret@mail.example.com?from=nobody"),
        ("SMTP_URL", "smtp://u:s3cret@mail.example.com?from=a@b&from=c@d"),
        ("SMTP_URL", "smtp://u:s3cret@mail.example.com?from=a@b%0d%0ac"),
        ("SMTP_URL", "smtp://u:s3cret@mail.example.com/x?from=a@b"),
        ("SMTP_URL", "smtp://u:s3cret@mail.example.com?from=a@b&starttls=perhaps"),
        ("SMTP_URL", "smtps://u:s3cret@mail.example.com?from=a@b&starttls=required"),
        ("SMTP_URL", "smtp://u:s3cret@mail.example.com?from=a@b&certificate=none"),
        ("SMTP_URL", "smtp://u:s3cret@mail.example.com?from=a@b&other=1"),
        ("SMTP_URL", "smtp://u:s3cret%C3%BC@mail.example.com?from=a@b"),
        ("SMTP_URL", "smtp://u:s3cret@mail.example.com?from=%C3%BC@b"),
        ("SMTP_URL", "smtp://u:s3cret@mail.example.com?from=a,c@b"),
        ("SMTP_URL", "smtp://u:s3/cret@mail.example.com?from=a@b"),
        ("SMTP_URL", "smtp://mail.example.com:s3cret?from=a@b"),
    ],
)
def test_a_setting_that_makes_no_sense(name: str, value: str) -> None:
    with pytest.raises(InvalidSetting, match=f"^INCIDENT_SERVICE_{name}: .+$") as raised:
        Settings.from_environ({f"INCIDENT_SERVICE_{name}": value})
    assert "s3cret" not in raised.value.message


def test_where_mail_is_handed_in() -> None:
    assert Settings().mail_server is None
    server = parse_smtp_url("smtps://me%40x:p%2Fw@mail.example.com?from=on+call%40example.com")
    assert server == MailServer("mail.example.com", 465, "on+call@example.com", True, "me@x", "p/w")
    server = parse_smtp_url("smtp://mail:2525/?from=a@b")
    assert server == MailServer("mail", 2525, "a@b", False)
    assert parse_smtp_url("smtp://mail?from=a@b").port == 25


def test_how_mail_is_encrypted() -> None:
    def needs_encryption(url: str) -> bool:
        return parse_smtp_url(url).needs_encryption

    assert needs_encryption("smtp://me:pw@mail?from=a@b")
    assert not needs_encryption("smtp://mail?from=a@b")
    assert not needs_encryption("smtp://me:pw@mail?from=a@b&starttls=optional")
    assert needs_encryption("smtp://mail?starttls=required&from=a@b")
    assert parse_smtp_url("smtp://mail?from=a@b").is_verified
    assert not parse_smtp_url("smtps://mail?from=a@b&certificate=any").is_verified
    assert parse_smtp_url("smtp://mail?from=a@b%C3%BCcher.example").sender == (
        "a@xn--bcher-kva.example"
    )


def test_the_settings_show_no_secret() -> None:
    settings = Settings(smtp_url="smtp://u:s3cret@mail?from=a@b", webhook_secret="s3cret")
    assert "s3cret" not in repr(settings) + repr(settings.mail_server)


def test_no_other_request_than_a_post_and_not_to_many(world: World) -> None:
    path = f"users/{world.made.user_id}/contact-methods"
    numbers = "/".join(f"1555000{n:04}" for n in range(11))
    for url in (
        "json://127.0.0.1/x?method=DELETE",
        "jsons://example.com/?method=get",
        f"twilio://AC{'a' * 32}:{'b' * 32}@15551234567/{numbers}",
        "json://example.com/?+Host=elsewhere.example",
        "json://example.com/?+transfer-Encoding=chunked",
        "https://maker.ifttt.com/use/abc/event",
        "whatsapp://page:a1b2@1234567890/+15555550123",
        "goalert://example.com/none",
    ):
        answer = world.call("POST", path, {"label": "x", "url": url})
        assert (answer.status_code, list(answer.json["errors"])) == (400, ["url"]), url
    sms = f"twilio://AC{'a' * 32}:{'b' * 32}@15551234567/15551230000"
    call = f"{sms}?method=call"
    for url in ("json://example.com/x?method=post", "jsons://example.com/x", sms, call):
        assert world.call("POST", path, {"label": "x", "url": url}).status_code == 201


def test_no_more_than_twenty(world: World, member: str) -> None:
    world.database.write_timeout = 5.0
    for _ in range(19):
        world.make(PATH, **WEBHOOK)
    with ThreadPoolExecutor(2) as two:
        answers = list(two.map(lambda _: world.call("POST", PATH, WEBHOOK), range(2)))
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert code(world.call("POST", PATH, WEBHOOK)) == (409, "too_many_contact_methods")
    found = methods(world)
    assert len(found) == 20
    assert world.call("DELETE", f"{PATH}/{found[0]['id']}").status_code == 204
    assert world.call("POST", PATH, WEBHOOK).status_code == 201


def test_few_tests_at_a_time_and_one_of_each_user(
    world: World, member: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, is_over = threading.Semaphore(0), threading.Event()

    def hang(*args: Any, **kwargs: Any) -> Outcome:
        begun.release()
        is_over.wait(30)
        return Outcome(True)

    monkeypatch.setattr(channels, "send", hang)
    paths = []
    for id in ("one", "two", "three"):
        world.make("users", id=id, email=f"{id}@example.com")
        method = world.make(f"users/{id}/contact-methods", **WEBHOOK)
        paths.append(f"users/{id}/contact-methods/{method['id']}/test")
    with ThreadPoolExecutor(2) as two:
        first = two.submit(world.call, "POST", paths[0])
        assert begun.acquire(timeout=30)
        again = world.call("POST", paths[0])
        second = two.submit(world.call, "POST", paths[1])
        assert begun.acquire(timeout=30)
        third = world.call("POST", paths[2])
        is_over.set()
        assert first.result().status_code == second.result().status_code == 200
    for refused in (again, third):
        assert code(refused) == (503, "busy")
        assert int(refused.headers["Retry-After"]) >= 1
    assert world.call("POST", paths[2]).status_code == 200


@pytest.mark.parametrize("part", ["head", "body"])
def test_a_test_of_one_that_drips_ends(
    world: World, member: str, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    monkeypatch.setattr("incident_service.api.trying_out.TEST_SECONDS", 0.3)
    with dripping(part) as port:
        id = world.make(PATH, label="x", url=f"json://127.0.0.1:{port}/")["id"]
        answer = world.call("POST", f"{PATH}/{id}/test")
    assert answer.json["data"] == {"delivered": False, "reason": "took too long"}


def test_public_networks_alone(world: World, member: str, monkeypatch: pytest.MonkeyPatch) -> None:
    id = world.make(PATH, label="x", url="json://127.0.0.1:9/")["id"]
    public = replace(world.app.extensions["incident_service.settings"], delivery_networks="public")
    monkeypatch.setitem(world.app.extensions, "incident_service.settings", public)
    for host in ("10.0.0.1", "[::1]", "localhost", "2130706433"):
        refused = world.call("POST", PATH, {"label": "x", "url": f"https://{host}/"})
        assert code(refused) == (400, "validation_error")
        assert refused.json["errors"] == {"url": ["Leads to an address that is not public."]}
    answer = world.call("POST", f"{PATH}/{id}/test").json["data"]
    assert answer == {"delivered": False, "reason": "leads to an address that is not public"}
    assert world.call("POST", PATH, WEBHOOK).status_code == 201
