"""`/metrics`: what it counts, and who may see it (contract §9)."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from incident_service import clock
from incident_service.clock import format_instant
from incident_service.config import Settings
from incident_service.http import metrics
from incident_service.serving import logs, server
from tests.helpers.another_app import client_with
from tests.helpers.figures import Figures, parse
from tests.helpers.world import World


def figures(client: Any) -> Figures:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain; version=")
    return parse(answer.text)


def test_requests_are_counted_by_the_rule_of_their_path(world: World) -> None:
    incident = world.post().json["data"]
    for _ in range(2):
        world.call("GET", f"incidents/{incident['id']}")
    world.call("GET", "incidents/none")
    world.client.open("/nowhere/scl_live_secret?token=x", method="ODD")
    found = figures(world.client)
    name = "incident_service_requests_total"
    rule = "/v1/incidents/<uuid_text:id>"
    assert {key[1]: value for key, value in found.items() if key[0] == name} == {
        ("POST", "/v1/incidents", "201"): 1,
        ("GET", rule, "200"): 2,
        ("GET", rule, "404"): 1,
        ("", "unmatched", "404"): 1,
    }
    assert found["incident_service_request_seconds_count", (rule,)] == 3
    assert found["incident_service_request_seconds_bucket", ("10.0", rule)] == 3


def test_open_incidents_are_counted_by_severity(world: World) -> None:
    for severity in ("critical", "critical", "low"):
        incident = world.post(world.body(severity=severity)).json["data"]
    for status in ("identified", "monitoring", "resolved"):
        world.call("PATCH", f"incidents/{incident['id']}/status", {"status": status})
    found = figures(world.client)
    numbers = [("critical", 2), ("high", 0), ("medium", 0), ("low", 0)]
    for severity, number in numbers:
        assert found["incident_service_open_incidents", (severity,)] == number


def test_late_paging_is_measured(world: World) -> None:
    assert figures(world.client)["incident_service_paging_late_seconds", ()] == 0
    world.post()
    then = clock.now() - timedelta(days=365)
    world.execute("UPDATE incident_timers SET due_at = ?", format_instant(then))
    late = figures(world.client)["incident_service_paging_late_seconds", ()]
    assert abs(late - (clock.now() - then).total_seconds()) < 5


def test_both_outcomes_of_pages_are_told_from_the_start(world: World) -> None:
    found = figures(world.client)
    assert [found["incident_service_pages_total", (end,)] for end in ("sent", "failed")] == [0, 0]


def test_counts_are_told_while_the_database_cannot_be_read(world: World) -> None:
    world.call("GET", "incidents")
    world.become_version(99)
    found = figures(world.client)
    assert found["incident_service_requests_total", ("GET", "/v1/incidents", "200")] == 1
    assert not any(name == "incident_service_open_incidents" for name, _ in found)


@pytest.mark.parametrize("sent", [None, "Bearer wrong", "Basic right-token", "Bearer ü", "Bearer"])
def test_a_token_that_is_set_is_asked_for(world: World, sent: str | None) -> None:
    settings = replace(
        world.app.extensions["incident_service.settings"], metrics_token="right-token"
    )
    client: Any = client_with(settings)
    answer = client.get("/metrics", headers={"Authorization": sent} if sent else {})
    assert (answer.status_code, answer.json["code"]) == (401, "not_authorized")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    right = client.get("/metrics", headers={"Authorization": "bearer right-token"})
    assert right.status_code == 200


def make_folder_elsewhere() -> Path:
    """Let another process make a folder and end without a word."""
    program = "from incident_service.http import metrics; print(metrics.make_folder())"
    command = [sys.executable, "-c", program]
    return Path(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())


def test_the_folder_of_a_server_that_was_killed_goes_at_the_next_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(metrics.FOLDER_VARIABLE, "")
    living = metrics.make_folder()
    left = make_folder_elsewhere()
    metrics.remove_folder(make_folder_elsewhere())
    assert living.is_dir()
    assert not left.exists()
    metrics.remove_folder(living)


def test_a_start_that_fails_leaves_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    folders: list[Path] = []

    def fail(_server: server.Server) -> None:
        folders.append(Path(os.environ[metrics.FOLDER_VARIABLE]))
        assert folders[0].is_dir()
        raise SystemExit(1)  # as gunicorn does where the port is taken

    monkeypatch.setenv(metrics.FOLDER_VARIABLE, "")
    monkeypatch.setattr(logs, "configure", lambda _level: None)
    monkeypatch.setattr(server.Server, "run", fail)
    with pytest.raises(SystemExit):
        server.serve(Settings())
    assert not folders[0].exists()


def test_the_size_of_the_database_is_measured(world: World) -> None:
    assert figures(world.client)["incident_service_database_bytes", ()] == world.database.size() > 0
