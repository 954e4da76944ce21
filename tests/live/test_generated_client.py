"""The description is good enough for a client that is made from it alone."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.described import description
from tests.helpers.servers import running

PACKAGE = "generated_client"


def generate(directory: Path) -> None:
    """Make the client's package in the directory; a part of the document left out is a failure."""
    document, config = directory / "openapi.json", directory / "config.json"
    document.write_text(json.dumps(description()))
    config.write_text(json.dumps({"post_hooks": []}))
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--fail-on-warning"]
    options = {"path": document, "output-path": directory / PACKAGE, "config": config}
    command += [f"--{name}={value}" for name, value in options.items()] + ["--meta=none"]
    made = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert made.returncode == 0, made.stdout + made.stderr


def test_from_a_user_to_a_resolved_incident(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generate(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    models = importlib.import_module(f"{PACKAGE}.models")
    client_module = importlib.import_module(f"{PACKAGE}.client")

    with running(tmp_path / "client.db", "quickstart", "--port", "{port}") as server:
        key = server.printed(r"scl_live_\S+")
        client = client_module.AuthenticatedClient(f"http://127.0.0.1:{server.port}", key)

        def call(tag: str, name: str, *ids: Any, body: Any = None) -> Any:
            """Make a call; return its data."""
            function = importlib.import_module(f"{PACKAGE}.api.{tag}.{name}").sync
            answer = function(*ids, client=client, **({} if body is None else {"body": body}))
            assert not isinstance(answer, models.Error), answer
            return answer.data

        user = call("users", "create_user", body=models.NewUser(email="ben@example.com", id="ben"))
        schedule = call(
            "schedules",
            "create_schedule",
            body=models.ScheduleBody(name="Checkout", timezone="Europe/Berlin"),
        )
        layer = models.LayerBody(
            name="Weekly",
            rotation_type=models.RotationType.WEEKLY,
            handoff_time="09:00",
            effective_from=datetime(2025, 1, 6, 9, tzinfo=UTC),
            participant_ids=[user.id],
        )
        call("schedules", "create_schedule_layer", schedule.id, body=layer)
        step = models.EscalationStepBody(
            target_type=models.TargetType.SCHEDULE,
            target_id=schedule.id,
            escalate_after_seconds=300,
        )
        policy = call(
            "policies",
            "create_policy",
            body=models.EscalationPolicyBody(name="Checkout", steps=[step]),
        )
        opened = call(
            "incidents",
            "open_incident",
            body=models.OpenIncident(
                title="Checkout is slow",
                severity=models.Severity.HIGH,
                owner_schedule_id=schedule.id,
            ),
        )
        assert (opened.owner_id, opened.escalation_policy_id) == ("ben", policy.id)
        taken = call("incidents", "acknowledge_incident", opened.id)
        assert isinstance(taken.acknowledged_at, datetime)
        for status in ("identified", "monitoring", "resolved"):
            body = models.StatusBody(status=models.IncidentStatus(status))
            last = call("incidents", "advance_incident", opened.id, body=body)
        reached = [entry.status.value for entry in last.status_history]
        assert reached == ["investigating", "identified", "monitoring", "resolved"]

        refused = importlib.import_module(f"{PACKAGE}.api.incidents.advance_incident").sync(
            opened.id, client=client, body=body
        )
        assert isinstance(refused, models.Error)
        assert refused.code == "invalid_status_transition"
