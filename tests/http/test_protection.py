"""What every answer carries to protect its reader, and what no log line carries (contract §1)."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from incident_service.http.middleware import PROTECTION
from tests.helpers.world import World


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/incidents", 200), ("GET", "/nowhere", 404), ("PUT", "/healthz", 405),
        ("GET", "/healthz", 200), ("POST", "/v1/incidents", 415),
    ],
)  # fmt: skip
def test_every_answer_is_protected(world: World, method: str, path: str, status: int) -> None:
    headers = {"Authorization": f"Bearer {world.made.key}"}
    answer = world.client.open(path, method=method, headers=headers)
    assert answer.status_code == status
    assert PROTECTION.items() <= dict(answer.headers).items()


def test_a_page_keeps_what_it_sets_itself(world: World) -> None:
    answer = world.client.get("/ack/none")
    assert "style-src" in answer.headers["Content-Security-Policy"]
    assert answer.headers.getlist("Content-Security-Policy") == [
        answer.headers["Content-Security-Policy"]
    ]


def test_refused_requests_are_logged_whole_and_no_line_holds_a_secret(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "incident_service.access")
    secret = "s3cret-of-a-client"
    calls: list[tuple[str, str, int]] = [
        ("GET", f"/v1/incidents?cursor={secret}", 400),
        ("GET", f"/{secret}", 404),
        ("GET", f"/ack/{secret}", 404),
        ("POST", f"/ack/{secret}", 404),
        ("DELETE", "/v1/incidents", 405),
    ]
    headers = {"Authorization": f"Bearer {world.made.key}"}
    for method, path, status in calls:
        assert world.client.open(path, method=method, headers=headers).status_code == status
    wrong = {"Authorization": f"Bearer scl_live_{secret}"}
    answer: Any = world.client.post("/v1/incidents", data=secret, headers=wrong)
    assert answer.status_code == 401
    lines = [record.__dict__ for record in caplog.records if record.message == "request"]
    assert [line["status"] for line in lines] == [*(status for *_, status in calls), 401]
    names = {"method", "route", "milliseconds", "requestId", "orgId", "keyId"}
    assert all(names <= line.keys() for line in lines)
    assert lines[0]["orgId"] == world.made.org_id
    for record in caplog.records:
        assert secret not in repr(record.__dict__)
        assert world.made.key not in repr(record.__dict__)
