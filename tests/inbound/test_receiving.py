"""Where tools send alerts: `/in/{token}` and `/v1/alerts/in` (contract §10)."""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, unquote, urlencode

import pytest

from incident_service.alerts import intake
from incident_service.alerts import receipts as receipts_
from incident_service.app import configure
from incident_service.config import Settings
from incident_service.database import writelock
from incident_service.errors import Busy
from incident_service.inbound import places, receiving
from incident_service.quickstart import Provisioned
from tests.helpers.waiting import wait_for
from tests.helpers.world import World

Tool = dict[str, Any]


def make(world: World, kind: str = "generic", **values: Any) -> Tool:
    if kind == "heartbeat":
        values = {"everySeconds": 300, **values}
    return world.make("integrations/inbound", **{"name": kind, "kind": kind, **values})


def send(world: World, tool: Tool, data: Any, **options: Any) -> Any:
    """Send JSON, or a text or bytes as they are."""
    raw = data if isinstance(data, str | bytes) else json.dumps(data)
    return world.client.post(f"/in/{tool['token']}", data=raw, **options)


def receipts(world: World, tool: Tool) -> list[dict[str, Any]]:
    answer = world.call("GET", f"integrations/inbound/{tool['id']}/receipts")
    found: list[dict[str, Any]] = answer.json["data"]["receipts"]
    return found


def alerts(world: World) -> list[str]:
    return [row["dedup_key"] for row in world.rows("SELECT dedup_key FROM alerts ORDER BY id")]


def test_what_is_sent_is_taken_in_and_answered_in_order(world: World) -> None:
    tool = make(world)
    answer = send(
        world,
        tool,
        [
            {"title": "A", "dedupKey": "a", "severity": "critical"},
            {"title": "B", "dedupKey": "b", "severity": "low"},
            {"title": "C", "dedupKey": "c", "status": "resolved"},
        ],
    )
    first, second, third = answer.json["data"]["alerts"]
    assert answer.status_code == 202
    (a, b) = world.rows("SELECT * FROM alerts ORDER BY id")
    (incident,) = world.rows("SELECT * FROM incidents")
    assert first == {
        "id": a["id"],
        "dedupKey": "a",
        "status": "firing",
        "outcome": "incident",
        "incidentId": incident["id"],
    }
    assert (second["id"], second["outcome"], second["incidentId"]) == (
        b["id"],
        "notification",
        None,
    )
    assert third == {
        "id": None,
        "dedupKey": "c",
        "status": "resolved",
        "outcome": None,
        "incidentId": None,
    }
    assert incident["created_by"] == tool["id"]


def test_the_token_may_be_in_a_header(world: World) -> None:
    tool = make(world)
    for scheme in ("Bearer", "bearer"):
        answer = world.client.post(
            "/v1/alerts/in",
            json={"title": "A", "dedupKey": "a"},
            headers={"Authorization": f"{scheme} {tool['token']}"},
        )
        assert answer.status_code == 202
    assert alerts(world) == ["a"]


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer x", "Basic {token}", "{token}"])
def test_a_wrong_token_in_a_header_is_refused(world: World, header: str | None) -> None:
    token = make(world)["token"]
    headers = {} if header is None else {"Authorization": header.format(token=token)}
    for method in ("POST", "GET"):
        answer = world.client.open("/v1/alerts/in", method=method, json={}, headers=headers)
        assert (answer.status_code, answer.json["code"]) == (401, "not_authorized")


def test_a_wrong_token_in_the_path_is_refused(world: World) -> None:
    token = make(world)["token"]
    for wrong in ("x", token.upper(), token + "0", world.made.key, "%00", "ü"):
        answer = world.client.post(f"/in/{wrong}", json={"title": "A"})
        assert (answer.status_code, answer.json["code"]) == (401, "not_authorized")
    assert world.client.post(f"/in/{token}/more", json={}).status_code == 404
    assert world.client.post("/in/", json={}).status_code == 404
    assert alerts(world) == []


@pytest.mark.parametrize(
    "type_",
    [
        "text/plain; charset=UTF-8",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "multipart/form-data; boundary=x",
        "",
    ],
)
def test_it_is_json_whatever_the_content_type_says(world: World, type_: str) -> None:
    # SNS says text/plain, and curl that it is a form.
    answer = send(world, make(world), {"title": "A", "dedupKey": "a"}, content_type=type_)
    assert answer.status_code == 202
    assert alerts(world) == ["a"]


def test_a_form_of_the_other_encoding_has_it_in_a_field(world: World) -> None:
    tool = make(world)
    type_ = "application/x-www-form-urlencoded"
    form = urlencode({"a": "1", "data": json.dumps({"title": "A & B", "dedupKey": "ü"})})
    assert send(world, tool, form, content_type=type_).status_code == 202
    assert alerts(world) == ["ü"]
    for bad in ("a=1", "data=", "data=x", "&".join(["a=1"] * 2000) + "&data={}"):
        answer = send(world, tool, bad, content_type=type_)
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_json")


def test_a_form_has_it_in_a_field(world: World) -> None:
    tool = make(world)
    form = {"data": json.dumps({"title": "A", "dedupKey": "a", "description": "x" * 700_000})}
    answer = world.client.post(
        f"/in/{tool['token']}", data=form, content_type="multipart/form-data"
    )
    assert answer.status_code == 202
    assert alerts(world) == ["a"]
    answer = world.client.post(
        f"/in/{tool['token']}", data={"other": "{}"}, content_type="multipart/form-data"
    )
    assert (answer.status_code, answer.json["code"]) == (400, "invalid_json")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32-le"])
def test_any_encoding_of_json_is_read(world: World, encoding: str) -> None:
    raw = json.dumps({"title": "Störung", "dedupKey": "ü"}, ensure_ascii=False).encode(encoding)
    assert send(world, make(world), raw).status_code == 202
    assert alerts(world) == ["ü"]


def test_what_cannot_be_stored_is_replaced(world: World) -> None:
    raw = b'{"title": "a\\u0000b\\ud800c\xffd", "dedupKey": "k", "attributes": {"x\\u0000": NaN}}'
    assert send(world, make(world), raw).status_code == 202
    (row,) = world.rows("SELECT title, attributes FROM alerts")
    assert row["title"] == "a\ufffdb\ufffdc\ufffdd"
    assert json.loads(row["attributes"]) == {"x\ufffd": "NaN"}


@pytest.mark.parametrize(
    ("kind", "raw", "code"),
    [
        ("generic", "", "invalid_json"),
        ("generic", "   ", "invalid_json"),
        ("generic", "title=A", "invalid_json"),
        ("generic", '{"title": "A"', "invalid_json"),
        ("generic", "[" * 100_000, "invalid_json"),
        ("generic", '"A"', "unreadable_alert"),
        ("generic", "3", "unreadable_alert"),
        ("generic", "null", "unreadable_alert"),
        ("generic", "[1, 2]", "unreadable_alert"),
        ("alertmanager", "[]", "unreadable_alert"),
        ("alertmanager", '{"alerts": 3}', "unreadable_alert"),
        ("pagerduty", '{"event_action": "dance"}', "unreadable_alert"),
        ("opsgenie", "{}", "unreadable_alert"),
    ],
)
def test_what_cannot_be_understood_is_refused_and_kept(
    world: World, kind: str, raw: str, code: str
) -> None:
    tool = make(world, kind)
    answer = send(world, tool, raw)
    assert (answer.status_code, answer.json["code"]) == (400, code)
    (receipt,) = receipts(world, tool)
    assert (receipt["status"], receipt["body"]) == (400, raw[:8192])
    assert receipt["error"] == {"code": code, "message": answer.json["message"]}
    assert (receipt["alerts"], receipt["more"]) == ([], 0)


def test_deep_nesting_is_no_crash(world: World) -> None:
    for kind in ("generic", "alertmanager", "grafana", "pagerduty", "opsgenie", "uptime_kuma"):
        for depth in (200, 900, 5000):
            nested = '{"a":' * depth + "1" + "}" * depth
            raw = (
                f'{{"title": "A", "message": "A", "event_action": "trigger", "alerts": [{nested}],'
                f'"payload": {{"summary": "A", "custom_details": {nested}}},'
                f'"attributes": {nested}, "details": {nested}}}'
            )
            tool = make(world, kind, name=f"{kind} {depth}")
            assert send(world, tool, raw).status_code in (202, 400)


def test_a_body_of_a_thousand_is_taken_and_one_more_is_too_many(world: World) -> None:
    tool = make(world)
    many = [{"title": str(n), "dedupKey": str(n), "severity": "low"} for n in range(1001)]
    answer = send(world, tool, many)
    assert (answer.status_code, answer.json["code"]) == (413, "payload_too_large")
    assert "1,001" in answer.json["message"]
    assert alerts(world) == []
    answer = send(world, tool, many[:1000])
    assert answer.status_code == 202
    keys = [alert["dedupKey"] for alert in answer.json["data"]["alerts"]]
    assert keys == [str(n) for n in range(1000)]
    assert len(alerts(world)) == 1000
    taken, refused = receipts(world, tool)
    assert (len(taken["alerts"]), taken["more"]) == (50, 950)
    assert (refused["status"], refused["error"]["code"]) == (413, "payload_too_large")


def test_more_than_a_mebibyte_is_too_much(world: World) -> None:
    tool = make(world)
    answer = send(world, tool, {"title": "A", "description": "x" * 1024 * 1024})
    assert (answer.status_code, answer.json["code"]) == (413, "payload_too_large")
    (receipt,) = receipts(world, tool)
    assert (receipt["status"], receipt["body"], receipt["isCut"]) == (413, "", True)


def test_a_known_alert_is_the_same_one_also_within_a_body(world: World) -> None:
    tool = make(world)
    alert = {"title": "A", "dedupKey": "a"}
    first, again = send(world, tool, [alert, alert]).json["data"]["alerts"]
    (later,) = send(world, tool, alert).json["data"]["alerts"]
    assert first == again == later
    assert [row["count"] for row in world.rows("SELECT count FROM alerts")] == [2]


def test_the_same_alert_by_many_requests_at_once_is_one(world: World) -> None:
    tool = make(world)
    world.database.write_timeout = 5.0
    statuses = []
    start = threading.Barrier(8)

    def run() -> None:
        client = world.app.test_client()
        start.wait()
        for n in range(5):
            answer = client.post(f"/in/{tool['token']}", json={"title": "A", "dedupKey": str(n)})
            statuses.append(answer.status_code)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [202] * 40
    assert sorted(alerts(world)) == ["0", "1", "2", "3", "4"]
    assert {row["count"] for row in world.rows("SELECT count FROM alerts")} == {8}
    assert len(world.rows("SELECT 1 FROM incidents")) == 5


def test_keys_of_two_integrations_are_apart(world: World, other_org: Provisioned) -> None:
    first, second = make(world, name="One"), make(world, name="Two")
    theirs = world.call(
        "POST", "integrations/inbound", {"name": "One", "kind": "generic"}, key=other_org.key
    ).json["data"]
    alert = {"title": "A", "dedupKey": "a"}
    for tool in (first, second, theirs):
        assert send(world, tool, alert).status_code == 202
    assert send(world, second, {**alert, "status": "ok"}).status_code == 202
    found = world.rows("SELECT integration_id, status FROM alerts ORDER BY id")
    assert [(row["integration_id"], row["status"]) for row in found] == [
        (first["id"], "firing"),
        (second["id"], "resolved"),
        (theirs["id"], "firing"),
    ]


def test_a_retry_finishes_what_broke_off_half_way(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = make(world)
    many = [{"title": str(n), "dedupKey": str(n), "severity": "low"} for n in range(500)]
    real, calls = intake.take_in, []

    def fails_at_the_third(*args: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise OSError("the power is gone")
        return real(*args, **options)

    monkeypatch.setattr(intake, "take_in", fails_at_the_third)
    assert send(world, tool, many).status_code == 500
    assert len(alerts(world)) == 400
    assert receipts(world, tool) == []
    answer = send(world, tool, many)
    assert answer.status_code == 202
    assert len(answer.json["data"]["alerts"]) == 500
    assert sorted(map(int, alerts(world))) == list(range(500))


def test_a_token_that_ends_meanwhile_takes_nothing_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = make(world)
    real, done = receiving.take_in, []

    def rotated_first(*args: Any, **options: Any) -> Any:
        world.call("POST", f"integrations/inbound/{tool['id']}/rotate-token")
        done.append(1)
        return real(*args, **options)

    monkeypatch.setattr(receiving, "take_in", rotated_first)
    assert send(world, tool, {"title": "A"}).status_code == 401
    assert done == [1]
    assert alerts(world) == []


@pytest.mark.sqlite_only("the file")
def test_a_busy_database_is_told_so(world: World) -> None:
    tool = make(world)
    import time

    with writelock.WriteLock(world.file.path).held(time.monotonic() + 1):
        answer = send(world, tool, {"title": "A"})
        assert (answer.status_code, answer.json["code"]) == (503, "busy")
        assert int(answer.headers["Retry-After"]) >= 1
    assert send(world, tool, {"title": "A"}).status_code == 202


def test_large_bodies_come_one_at_a_time_of_each_organization(
    world: World, other_org: Provisioned, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "WAIT_SECONDS", 0.0)
    monkeypatch.setattr(receiving, "large", places.Places(2, waiting=1))
    tool = make(world)
    values = {"name": "Theirs", "kind": "generic"}
    theirs = world.call("POST", "integrations/inbound", values, key=other_org.key).json["data"]
    many = [{"title": str(n), "severity": "low"} for n in range(receiving.CHUNK + 1)]
    long = {"title": "A", "description": "x" * receiving.LARGE_BYTES}
    with receiving.large.held(world.made.org_id):
        for body in (many, long):
            answer = send(world, tool, body)
            assert (answer.status_code, answer.json["code"]) == (503, "busy")
            assert send(world, theirs, body).status_code == 202
        assert send(world, tool, many[1:]).status_code == 202  # a small one needs no place
        with (
            receiving.large.held(other_org.org_id),
            pytest.raises(Busy),
            receiving.large.held("a third one"),
        ):
            pass
    assert send(world, tool, many).status_code == 202
    assert send(world, tool, long).status_code == 202


def test_a_large_body_is_refused_before_it_is_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "large", places.Places(0, waiting=0))
    answer = send(world, make(world), "{" * receiving.LARGE_BYTES)
    assert (answer.status_code, answer.json["code"]) == (503, "busy")


def test_who_waits_for_a_place_gets_it_in_order(world: World) -> None:
    hall, order, entered = places.Places(1, waiting=1), [], threading.Semaphore(0)

    def run(org_id: str) -> None:
        with hall.held(org_id, 30.0):
            order.append(org_id)
        entered.release()

    threads = [threading.Thread(target=run, args=(org_id,)) for org_id in "abc"]
    with hall.held("a", 0.0):
        for number, thread in enumerate(threads, 1):
            thread.start()
            wait_for(lambda number=number: len(hall._waiting) == number)  # type: ignore[misc]
        with pytest.raises(Busy), hall.held("a", 30.0):  # one of an organization waits, no more
            pass
    for thread in threads:
        thread.join()
    assert order == ["a", "b", "c"]


LIMITS: list[tuple[dict[str, str], Callable[[World, Tool], Any]]] = [
    ({"rate_limit_key": "2/hour"}, lambda world, tool: send(world, tool, {"title": "A"})),
    ({"rate_limit_address": "2/hour"}, lambda world, tool: send(world, tool, {"title": "A"})),
    (
        {"rate_limit_public": "2/hour"},
        lambda world, _: world.client.post("/in/wrong", json={}),
    ),
    (
        {"rate_limit_public": "2/hour"},
        lambda world, _: world.client.post("/v1/alerts/in", json={}),
    ),
    (
        {"rate_limit_public": "2/hour"},
        lambda world, _: world.client.post("/v2/alerts", json={}),
    ),
    (
        {"rate_limit_public": "2/hour"},
        lambda world, _: world.client.post("/v2/enqueue", json={"routing_key": "x"}),
    ),
]


@pytest.mark.parametrize(("setting", "ask"), LIMITS)
def test_a_limit_is_told_as_busy_and_never_429(
    world: World, setting: dict[str, str], ask: Callable[[World, Tool], Any]
) -> None:
    tool = make(world)
    configure(
        world.app,
        Settings(database=world.database.where, trusted_proxies=1, **setting),  # type: ignore[arg-type]
    )
    statuses = [ask(world, tool).status_code for _ in range(2)]
    assert 503 not in statuses
    answer = ask(world, tool)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 1


def test_nothing_extra_is_an_error(world: World) -> None:
    tool = make(world)
    answer = world.client.post(
        f"/in/{tool['token']}?a=1&b=2", json={"title": "A", "dedupKey": "a", "more": {"x": [None]}}
    )
    assert answer.status_code == 202


def test_only_heartbeats_take_a_get(world: World) -> None:
    tool = make(world)
    for method in ("GET", "HEAD"):
        answer = world.client.open(f"/in/{tool['token']}", method=method)
        assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
        headers = {"Authorization": f"Bearer {tool['token']}"}
        answer = world.client.open("/v1/alerts/in", method=method, headers=headers)
        assert answer.status_code == 405
    assert world.client.put(f"/in/{tool['token']}").status_code == 405
    assert world.client.get("/in/wrong").status_code == 401


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_any_request_is_a_sign_of_life(world: World, method: str) -> None:
    tool = make(world, "heartbeat")
    path = f"integrations/inbound/{tool['id']}"
    headers = {"Authorization": f"Bearer {tool['token']}"}
    for to, more in ((f"/in/{tool['token']}", {}), ("/v1/alerts/in", {"headers": headers})):
        answer = world.client.open(to, method=method, **more)
        assert answer.status_code == 202
        if method != "HEAD":
            assert answer.json["data"] == {"alerts": []}
    assert world.call("GET", path).json["data"]["lastReceivedAt"] is not None
    assert [task["subject_id"] for task in world.rows("SELECT * FROM tasks")] == [tool["id"]]
    assert [receipt["status"] for receipt in receipts(world, tool)] == [202, 202]


def test_a_heartbeat_need_not_be_json(world: World) -> None:
    tool = make(world, "heartbeat")
    assert send(world, tool, b"\xff done\x00").status_code == 202
    assert send(world, tool, b"x" * (1024 * 1024 + 1)).status_code == 202
    large, small = receipts(world, tool)
    assert small["body"] == "\ufffd done\ufffd"
    assert (large["body"], large["isCut"]) == ("", True)


def test_receipts_are_the_latest_fifty_newest_first(world: World) -> None:
    tool = make(world)
    for n in range(53):
        send(world, tool, {"title": f"{n}", "severity": "low"})
    found = receipts(world, tool)
    assert [json.loads(receipt["body"])["title"] for receipt in found] == [
        str(n) for n in range(52, 2, -1)
    ]
    latest = found[0]
    assert (
        latest["receivedAt"]
        == world.call("GET", f"integrations/inbound/{tool['id']}").json["data"]["lastReceivedAt"]
    )
    (alert,) = latest["alerts"]
    (row,) = world.rows("SELECT id FROM alerts WHERE title = '52'")
    assert (alert["id"], alert["outcome"]) == (row["id"], "notification")
    assert (latest["isCut"], latest["remarks"], latest["error"]) == (False, [], None)


def test_a_receipt_has_the_beginning_of_the_body(world: World) -> None:
    tool = make(world)
    raw = json.dumps({"title": "ü" * 10_000, "severity": "low"}, ensure_ascii=False)
    send(world, tool, raw.encode())
    (receipt,) = receipts(world, tool)
    assert receipt["isCut"] is True
    assert len(receipt["body"].encode()) <= 8192 + 2
    assert raw.startswith(receipt["body"].rstrip("\ufffd"))


def test_what_could_not_be_read_is_remarked(world: World) -> None:
    tool = make(world)
    answer = send(world, tool, [{"title": "A", "dedupKey": "a"}, 3])
    assert answer.status_code == 202
    assert alerts(world) == ["a"]
    (receipt,) = receipts(world, tool)
    assert len(receipt["remarks"]) == 1
    assert "[1]" in receipt["remarks"][0]


def test_the_token_is_in_no_receipt_log_error_or_metric(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    tool = make(world, "pagerduty")
    token = tool["token"]
    event = {"routing_key": token, "event_action": "trigger", "payload": {"summary": token}}
    texts = [
        send(world, tool, event).text,
        send(world, tool, {**event, "event_action": token}).text,
        send(world, tool, token).text,
        world.client.get(f"/in/{token}").text,
        world.client.get(f"/in/{token}/x").text,
        world.client.post("/v2/enqueue", json={**event, "event_action": "x"}).text,
        world.client.get("/metrics").text,
    ]
    assert [text for text in texts if token in text] == []
    found = receipts(world, tool)
    assert len(found) == 4
    assert [receipt for receipt in found if token in receipt["body"]] == []
    assert any('"routing_key": "********"' in receipt["body"] for receipt in found)
    assert token not in caplog.text
    assert [record for record in caplog.records if token in str(vars(record))] == []


def in_json(text: str) -> str:
    return "".join(f"\\u{ord(character):04X}" for character in text)


def in_form(text: str) -> str:
    return "".join(f"%{ord(character):02x}" for character in text)


SPELLED: list[Callable[[str], bytes]] = [
    lambda token: json.dumps({"routing_key": token}).encode("utf-16"),
    lambda token: json.dumps({"routing_key": token}).encode("utf-16-be"),
    lambda token: json.dumps({"routing_key": token}).encode("utf-32"),
    lambda token: b"text " + token.encode("utf-16-le"),
    lambda token: f'{{"routing_key": "{in_json(token)}"}}'.encode(),
    lambda token: f'{{"routing_key": "{token[:9]}{in_json(token[9:])}"}}'.encode(),
    lambda token: json.dumps({"a": json.dumps({"b": "#"})}).replace("#", in_json(token)).encode(),
    lambda token: f"routing_key={in_form(token)}".encode(),
    lambda token: quote(f'{{"routing_key": "{in_json(token)}"}}').encode(),
    lambda token: quote(quote(in_form(token))).encode(),
    lambda token: in_form(in_json(in_form(token))).encode(),
    lambda token: token.upper().encode(),
    lambda token: b"x" * 8180 + in_json(token).encode() + b"y" * 9000,
    lambda token: b"x" * 8180 + token.encode() + b"y" * 9000,
    lambda token: "ü".encode() * 4090 + token.encode() + b"y" * 9000,
]


def unescaped(text: str) -> str:
    """Return a text with all in it undone that may spell a character."""
    for _ in range(9):
        text = unquote(re.sub(r"\\+u([0-9a-fA-F]{4})", lambda m: chr(int(m[1], 16)), text))
    return re.sub("[\0\ufffd]", "", text).lower()


@pytest.mark.parametrize("spell", SPELLED)
def test_no_spelling_of_the_token_is_kept(spell: Callable[[str], bytes]) -> None:
    token = "0123456789abcdef" * 2
    sent = receipts_.shown(spell(token), token)
    assert token[:20] not in unescaped(sent.text)
    assert sent.text
    assert len(sent.text.encode()) <= 8192 + 2


def test_what_is_kept_besides_the_token_is_as_it_came() -> None:
    token = "0123456789abcdef" * 2
    raw = f'{{"a": "50%25 \\u00e9", "routing_key": "{token}", "b": "ü"}}'
    assert receipts_.shown(raw.encode(), token).text == raw.replace(token, "********")


def test_a_request_is_logged_with_its_integration(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    tool = make(world)
    caplog.set_level(logging.INFO, "incident_service.access")
    caplog.clear()
    send(world, tool, {"title": "A"})
    (record,) = caplog.records
    logged = vars(record)
    assert (logged["route"], logged["status"]) == ("/in/<token>", 202)
    assert (logged["orgId"], logged["keyId"]) == (world.made.org_id, tool["id"])


def test_the_request_sends_nothing(world: World) -> None:
    world.call("PATCH", "organization", {"defaultEscalationPolicyId": world.made.policy_id})
    send(world, make(world), [{"title": "A", "severity": s} for s in ("critical", "low")])
    assert world.rows("SELECT 1 FROM deliveries") == []
    assert len(world.rows("SELECT 1 FROM incident_timers")) >= 1


def test_an_alert_counts_once_in_a_delivery_of_several_writes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "CHUNK", 2)
    tool = make(world)
    body = [{"title": key, "dedupKey": key} for key in "abacaa"]
    for _ in range(2):
        assert send(world, tool, body).status_code == 202
    found = world.rows("SELECT dedup_key, count FROM alerts ORDER BY id")
    assert [(row["dedup_key"], row["count"]) for row in found] == [("a", 2), ("b", 2), ("c", 2)]
