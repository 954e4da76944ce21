"""What the guide to using the service tells to paste works, in the order in which it is there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from incident_service.paging.webhook import sign
from tests.helpers.guides import FOLDER, blocks
from tests.helpers.servers import running

USING = FOLDER / "using.md"


def objects(text: str) -> Iterator[Any]:
    """Yield the JSON objects of a text, with or without line breaks between them."""
    while text := text.strip():
        found, end = json.JSONDecoder().raw_decode(text)
        yield found
        text = text[end:]


def test_set_up_live_and_tell(tmp_path: Path) -> None:
    assert shutil.which("curl")
    settings, rota = blocks(USING, "Set up your rota")
    opening, retried = blocks(USING, "Open an incident")
    (life,) = blocks(USING, "Live with an incident")
    (telling,) = blocks(USING, "Tell your customers")
    (planning,) = blocks(USING, "Plan maintenance")
    (paged,) = blocks(USING, "Get paged")
    (choosing,) = blocks(USING, "Choose what wakes you")
    (chatty,) = blocks(USING, "Tell your chat what happens")
    (routed,) = blocks(USING, "Let alerts in")
    (inviting,) = blocks(USING, "Invite your team")
    # Real messages would leave to somebody else's servers.
    assert "/test\n" in paged and "/test\n" in chatty
    paged, chatty = (re.sub(r"^.*/test\n", "", it, flags=re.MULTILINE) for it in (paged, chatty))
    scripts = [rota, opening, retried, life, telling, planning]
    scripts += [paged, choosing, chatty, routed, inviting]
    assert [line.partition("=")[0] for line in settings.splitlines()] == ["KEY", "BASE"]
    with running(tmp_path / "rota.db", "quickstart", "--port", "{port}") as server:
        key = server.printed(r"scl_live_\S+")
        variables = {"KEY": key, "BASE": f"http://127.0.0.1:{server.port}/v1"}
        pasted = subprocess.run(
            [
                "bash",
                "-euo",
                "pipefail",
                "-c",
                "".join(scripts),
            ],
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        _, shown_to_all, _ = server.request("GET", "/status/acme.json")
    assert (pasted.returncode, pasted.stderr) == (0, "")
    answers = list(objects(pasted.stdout))
    assert [answer for answer in answers if "data" not in answer] == []
    data = [answer["data"] for answer in answers]
    _, _, schedule, layer, override, resolved, shifts, tried, _, policy, component, *lived = data
    incident, again, *lived = lived
    assert override["userId"] == "cleo"
    assert resolved["scheduleOwner"]["overrideId"] == override["id"]
    assert shifts[0]["overrideId"] == override["id"]
    assert {shift["layerId"] for shift in shifts[1:]} == {layer["id"]}
    assert {shift["userId"] for shift in shifts} == {"ben", "cleo"}
    assert tried["now"]["before"] == tried["now"]["after"] == resolved["scheduleOwner"]
    assert {each["userId"] for each in tried["hours"]} == {"ben", "cleo"}
    assert [step["targetType"] for step in policy["steps"]] == ["schedule", "users"]
    assert (incident["sequentialId"], incident["ownerId"]) == (1, "cleo")
    assert incident["ownerScheduleId"] == schedule["id"]
    assert incident["escalationPolicyId"] == policy["id"]
    assert incident["affectedComponents"] == [{"id": component["id"], "name": "Checkout"}]
    assert (again["sequentialId"], again["ownerId"]) == (2, "cleo")
    listed, got, found, *_, last = lived[:12]
    assert listed == {"incidents": [incident], "nextCursor": None}
    assert found == {"incidents": [], "nextCursor": None}
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
        "incident_snoozed",
        "incident_handed_off",
        "responder_added",
        *["status_changed", "update_posted"] * 3,
    ]
    page, told, public, internal, fix, redacted, by_hand, *planned = lived[12:]
    assert (page["slug"], page["published"]) == ("acme", True)
    assert (redacted["id"], redacted["body"]) == (internal["id"], None)
    assert by_hand["overrides"] == {component["id"]: "maintenance"}
    shown = shown_to_all["data"]
    assert shown["status"] == "partial_outage"
    assert [c["status"] for c in shown["components"]] == ["maintenance"]
    assert [i["id"] for i in shown["incidents"]] == [told["id"]]
    updates = shown["incidents"][0]["updates"]
    assert [(u["statusChange"], u["body"]) for u in updates] == [
        ("investigating", None), (None, public["body"]), ("identified", fix["body"]),
    ]  # fmt: skip
    window, put_off, running_one, during, ended, *methods = planned
    assert (window["componentIds"], window["isPublic"]) == ([component["id"]], True)
    assert (put_off["id"], put_off["endsAt"]) == (window["id"], None)
    active = {"startedAt": running_one["startsAt"], "endsAt": None}
    assert during["maintenanceWindow"] == active
    assert (ended["id"], ended["isPublic"]) == (running_one["id"], False)
    assert ended["endsAt"] > ended["startsAt"]
    assert shown["maintenanceWindows"] == []
    *methods, invited, team = methods
    bot, slack, mail, of_cleo, chosen, rules, chat, wall, wider, told_of, *alerting = methods
    _, routing, tool, selecting, fired, over, firing, kept = alerting
    assert (chat["url"], wall["url"]) == ("slack://***", "https://wall.example.com/***")
    assert (wider["id"], wider["severities"]) == (chat["id"], None)
    assert told_of["subscriptions"] == [wider]
    assert [bot["label"], slack["label"]] == ["Bot", "Slack"]
    assert [method["id"] for method in of_cleo] == [mail["id"]]
    assert chosen == rules
    named = [rule["contactMethodId"] for rule in rules["rules"]]
    assert (named, rules["isDefault"]) == ([slack["id"], bot["id"], bot["id"]], False)
    assert selecting["selectors"][0]["routingPolicyId"] == routing["id"]
    (alert,) = fired["alerts"]
    assert alert["outcome"] == "incident"
    assert over["alerts"] == [{**alert, "status": "resolved"}]
    assert firing["alerts"] == []
    assert [receipt["alerts"] for receipt in kept["receipts"]] == [over["alerts"], [alert]]
    assert tool["token"] not in json.dumps(kept)
    assert invited["url"].startswith("http://127.0.0.1:")
    assert [each["id"] for each in team["invitations"]] == [invited["id"]]
    assert "XXXX" not in pasted.stdout
    assert "app-password" not in pasted.stdout


def test_the_signature_of_a_webhook_is_checked() -> None:
    (code,) = blocks(USING, "Get paged", "python")
    names: dict[str, Any] = {}
    exec(code, names)
    is_genuine, now = names["is_genuine"], int(time.time())
    assert is_genuine(sign(b"{}", "secret", at=now), b"{}", "secret")
    assert not is_genuine(sign(b"{}", "secret", at=now), b"{ }", "secret")
    assert not is_genuine(sign(b"{}", "secret", at=now), b"{}", "another")
    assert not is_genuine(sign(b"{}", "secret", at=now - 400), b"{}", "secret")


def test_the_fixture_for_your_own_tests_makes_a_client(tmp_path: Path) -> None:
    (code,) = blocks(USING, "From your own tests", "python")
    uses_it = """

def test_it(client):
    assert client.get("/readyz").status_code == 200
"""
    (tmp_path / "test_own.py").write_text(code + uses_it)
    command = [sys.executable, "-m", "pytest", "--quiet", "-p", "no:cacheprovider", "test_own.py"]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout.split()[-4:-2]) == (0, ["1", "passed"]), done.stdout
