"""What the README tells to paste works, as it stands there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

from tests.helpers.guides import blocks
from tests.helpers.servers import running


def test_set_up_live_and_tell(tmp_path: Path) -> None:
    assert shutil.which("curl")
    settings, rota = blocks("Set up your rota")
    (life,) = blocks("Live with an incident")
    (telling,) = blocks("Tell your customers")
    assert [line.partition("=")[0] for line in settings.splitlines()] == ["KEY", "BASE"]
    with running(tmp_path / "rota.db", "quickstart", "--port", "{port}") as server:
        key = re.search(r"scl_live_\S+", server.log.read_text())
        assert key
        variables = {"KEY": key[0], "BASE": f"http://127.0.0.1:{server.port}/v1"}
        pasted = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", rota + life + telling],
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        _, seen, _ = server.request("GET", "/status/acme.json")
    assert (pasted.returncode, pasted.stderr) == (0, "")
    answers = [json.loads(line) for line in pasted.stdout.splitlines()]
    assert [answer for answer in answers if "data" not in answer] == []
    found = [answer["data"] for answer in answers]
    _, _, schedule, layer, override, resolved, shifts, _, policy, component, incident, *lived = (
        found
    )
    assert override["userId"] == "cleo"
    assert resolved["scheduleOwner"]["overrideId"] == override["id"]
    assert shifts[0]["overrideId"] == override["id"]
    assert {shift["layerId"] for shift in shifts[1:]} == {layer["id"]}
    assert {shift["userId"] for shift in shifts} == {"ben", "cleo"}
    assert [step["targetType"] for step in policy["steps"]] == ["schedule", "users"]
    assert (incident["sequentialId"], incident["ownerId"]) == (1, "cleo")
    assert incident["ownerScheduleId"] == schedule["id"]
    assert incident["escalationPolicyId"] == policy["id"]
    assert incident["affectedComponents"] == [{"id": component["id"], "name": "Checkout"}]
    listed, got, *_, last = lived[:9]
    assert listed == {"incidents": [incident], "nextCursor": None}
    assert {name: got[name] for name in incident} == incident
    assert (last["title"], last["severity"]) == ("Checkout times out", "critical")
    assert (last["ownerId"], last["acknowledgedBy"]) == ("ben", None)
    assert (last["status"], last["resolvedAt"]) == ("resolved", last["updatedAt"])
    assert [entry["status"] for entry in last["statusHistory"]] == [
        "investigating", "identified", "monitoring", "resolved",
    ]  # fmt: skip
    assert last["statusHistory"][-1]["resolutionNote"] == "Rolled back release 4711."
    # What the paging process does meanwhile comes when it comes.
    paging = (
        "page_sent",
        "page_failed",
        "layer_escalated",
        "layer_skipped",
        "escalation_exhausted",
    )
    events = [entry["event"] for entry in last["auditTrail"]]
    assert [event for event in events if event not in paging] == [
        "incident_opened",
        "incident_edited",
        "incident_acknowledged",
        "incident_handed_off",
        *["status_changed", "update_posted"] * 3,
    ]
    page, told, public, internal, fix, redacted, by_hand = lived[9:]
    assert (page["slug"], page["published"]) == ("acme", True)
    assert (redacted["id"], redacted["body"]) == (internal["id"], None)
    assert by_hand["overrides"] == {component["id"]: "maintenance"}
    shown = seen["data"]
    assert shown["status"] == "partial_outage"
    assert [c["status"] for c in shown["components"]] == ["maintenance"]
    assert [i["id"] for i in shown["incidents"]] == [told["id"]]
    updates = shown["incidents"][0]["updates"]
    assert [(u["statusChange"], u["body"]) for u in updates] == [
        ("investigating", None), (None, public["body"]), ("identified", fix["body"]),
    ]  # fmt: skip
