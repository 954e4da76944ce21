"""What holds for every call: keys, bodies, errors (contract §1)."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from incident_service.http import parser
from incident_service.incidents import opening
from tests.helpers.world import World


def send(world: World, raw: bytes, **headers: str) -> Any:
    return world.client.post(
        "/v1/incidents",
        data=raw,
        headers={
            "Authorization": f"Bearer {world.made.key}",
            "Content-Type": "application/json",
            **headers,
        },
    )


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"not json",
        b'{"title": "\xff"}',
        b'{"title": "\xed\xa0\x80"}',
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'\xef\xbb\xbf{"a": 1}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b"9" * 5000,
        b'{"title": "a\x00b"}',
        '{"title": "x"}'.encode("utf-16"),
    ],
)
def test_what_is_no_json(world: World, raw: bytes) -> None:
    answer = send(world, raw)
    assert (answer.status_code, answer.json["code"]) == (400, "invalid_json")


@pytest.mark.parametrize("body", [[], [1], "text", 7, 1e400, None, True, [[["x"]]]])
def test_a_body_that_is_no_object(world: World, body: Any) -> None:
    raw = json.dumps(body).replace("Infinity", "1e999").encode()
    answer = send(world, raw)
    assert (answer.status_code, list(answer.json["errors"])) == (400, ["body"])


def test_a_body_over_1_mib(world: World) -> None:
    fits = json.dumps(world.body(description="x")).encode().ljust(1024 * 1024)
    assert send(world, fits).status_code == 201
    answer = send(world, fits + b" ")
    assert (answer.status_code, answer.json["code"]) == (413, "payload_too_large")


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_another_media_type(world: World, media_type: str) -> None:
    answer = send(world, json.dumps(world.body()).encode(), **{"Content-Type": media_type})
    assert (answer.status_code, answer.json["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (None, "missing"),
        ("", "malformed"),
        ("Bearer", "malformed"),
        ("Bearer ", "malformed"),
        ("Basic scl_live_abc", "malformed"),
        ("Bearer something", "malformed"),
        ("Bearer scl_live_\xff\xfe", "malformed"),
        ("Bearer scl_live_nobody", "unknown"),
        ("Bearer scl_live_" + "x" * 5000, "unknown"),
    ],
)
def test_a_key_that_opens_nothing(world: World, header: str | None, said: str) -> None:
    answer = world.client.post(
        "/v1/incidents",
        json=world.body(),
        headers={"Authorization": header} if header is not None else {},
    )
    assert (answer.status_code, answer.json["code"]) == (401, "not_authorized")
    assert answer.json["type"] == "not_authorized_error"
    assert said in answer.json["message"]
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_revoked_key(world: World) -> None:
    world.execute("UPDATE api_keys SET deleted_at = 'now'")
    answer = world.post()
    assert (answer.status_code, "revoked" in answer.json["message"]) == (401, True)


def test_the_scheme_is_taken_in_any_letter_case(world: World) -> None:
    for scheme in ("bearer", "BEARER"):
        answer = world.post(headers={"Authorization": f"{scheme} {world.made.key}"})
        assert answer.status_code == 201


@pytest.mark.sqlite_only("the file")
def test_only_the_hash_of_a_key_is_kept(world: World) -> None:
    key = world.make("api-keys", name="New")["key"]
    stored = world.file.path.read_bytes()
    stored += world.file.path.with_name("test.db-wal").read_bytes()
    assert world.made.key.encode() not in stored
    assert key.encode() not in stored


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("POST", "/v1/nothing", 404, "not_found"),
        ("POST", "/v1/incidents/", 404, "not_found"),
        ("POST", "/v1//incidents", 404, "not_found"),
        ("DELETE", "/v1/incidents", 405, "method_not_allowed"),
        ("OPTIONS", "/v1/incidents", 405, "method_not_allowed"),
        ("BREW", "/v1/incidents", 405, "method_not_allowed"),
    ],
)
def test_unknown_paths_and_methods_come_before_the_key(
    world: World, method: str, path: str, status: int, code: str
) -> None:
    answer = world.client.open(path, method=method)
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert answer.json["requestId"] == answer.headers["X-Request-Id"]
    assert ("Allow" in answer.headers) == (status == 405)


def test_unknown_query_parameters_are_named(world: World) -> None:
    answer = world.client.post(
        "/v1/incidents?dry_run=1&x=%00",
        json=world.body(),
        headers={"Authorization": f"Bearer {world.made.key}"},
    )
    assert (answer.status_code, set(answer.json["errors"])) == (400, {"dry_run", "x"})


def test_a_request_id_that_is_no_uuid_is_replaced(world: World) -> None:
    answer = world.client.get("/healthz", headers={"X-Request-Id": "42"})
    assert uuid.UUID(answer.headers["X-Request-Id"])


def test_the_checks_come_in_their_order(world: World) -> None:
    big = b"x" * (1024 * 1024 + 1)
    assert send(world, big, Authorization="", **{"Content-Type": "a/b"}).status_code == 401
    assert send(world, big, **{"Content-Type": "text/plain"}).status_code == 413
    assert send(world, b"{", **{"Content-Type": "text/plain"}).status_code == 415


def test_a_crash_tells_the_client_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def crash(*_: Any, **__: Any) -> None:
        raise RuntimeError("secret path /etc/x and SELECT 1")

    monkeypatch.setattr(opening, "open_incident", crash)
    answer = world.post()
    assert (answer.status_code, answer.json["code"]) == (500, "server_error")
    assert "secret" not in answer.text
    record = next(r for r in caplog.records if r.exc_info)
    assert record.__dict__["requestId"] == answer.json["requestId"]
    assert world.rows("SELECT * FROM incidents") == []


def test_health(world: World, caplog: pytest.LogCaptureFixture) -> None:
    assert world.client.get("/healthz").json == {"data": {"status": "ok"}}
    assert world.client.get("/readyz").json == {"data": {"status": "ok", "paging": "ok"}}
    world.become_version(99)
    answer = world.client.get("/readyz")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert "test.db" not in answer.text
    assert "is version 99" not in answer.text
    assert "is version 99" in caplog.text
    assert world.client.get("/healthz").status_code == 200


def test_a_long_list_is_refused_in_a_word(world: World) -> None:
    for path, body, field in (
        ("incidents", world.body(componentIds=[0] * 10_000), "componentIds"),
        ("escalation/policies", {"name": "x", "steps": [{}] * 10_000}, "steps"),
        ("working-hours", {"name": "x", "timezone": "UTC", "windows": [{}] * 10_000}, "windows"),
    ):
        answer = world.call("POST", path, body)
        assert (answer.status_code, list(answer.json["errors"])) == (400, [field])
        assert len(answer.data) < 1000


def test_a_lone_surrogate_is_found_wherever_it_is(world: World) -> None:
    deep = "[" * 500 + '"\\udfff"' + "]" * 500
    for raw, field in (
        (f'{{"x": {deep}}}', "x"),
        ('{"\\ud800": 1}', "\\ud800"),
        ('"\\u0000"', "body"),
    ):
        answer = send(world, raw.encode())
        assert (answer.status_code, list(answer.json["errors"])) == (400, [field])
    wide = '{"x": "\\u0061", "y": ' + "[" * 500 + "0," * 100_000 + "0" + "]" * 500 + "}"
    assert send(world, wide.encode()).status_code == 400


def test_no_text_in_a_query_either(world: World) -> None:
    for value in ("%00", "a%00"):
        answer = world.client.get(
            f"/v1/incidents?ownerId={value}", headers={"Authorization": f"Bearer {world.made.key}"}
        )
        assert (answer.status_code, list(answer.json["errors"])) == (400, ["ownerId"])


def test_a_key_revoked_while_a_request_waits_writes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_json(request: Any, **_: Any) -> Any:
        world.execute("UPDATE api_keys SET deleted_at = 'now'")
        return json.loads(request.get_data())

    monkeypatch.setattr(parser, "read_json", read_json)
    answer = world.post()
    assert (answer.status_code, "revoked" in answer.json["message"]) == (401, True)
    assert world.rows("SELECT * FROM incidents") == []
