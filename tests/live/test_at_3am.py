"""The calls of the guide for the night work, in the order in which they are there."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from tests.helpers.guides import FOLDER
from tests.helpers.servers import running

GUIDE = FOLDER / "at-3am.md"


def test_the_calls_of_the_night_work(tmp_path: Path) -> None:
    text = GUIDE.read_text(encoding="utf-8")
    settings, *calls = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert [line.partition("=")[0] for line in settings.splitlines()] == ["KEY", "BASE", "N"]
    # What only the reader knows is given with the environment.
    assert [call for call in calls if "…" in call.partition("\n")[0]]
    calls = [re.sub(r"^\w+=.*…\n", "", call, flags=re.MULTILINE) for call in calls]
    calls = [call for call in calls if not call.startswith("journalctl")]  # the server's own log
    with running(tmp_path / "night.db", "quickstart", "--port", "{port}") as server:
        printed = server.log.read_text()
        (key,) = set(re.findall(r"scl_live_[\w-]+", printed))
        (admin,) = re.findall(r"user_\w+", printed)
        headers = {"Authorization": f"Bearer {key}"}
        body = {"title": "Night", "severity": "low", "ownerId": admin}
        assert server.request("POST", "/v1/incidents", body, headers)[0] == 201
        method = {"label": "Bot", "url": "https://127.0.0.1:1/"}
        path = f"/v1/users/{admin}/contact-methods"
        _, made, _ = server.request("POST", path, method, headers)
        variables = {
            "KEY": key,
            "BASE": f"http://127.0.0.1:{server.port}/v1",
            "N": "1",
            "ME": admin,
            "METHOD": made["data"]["id"],
        }
        answers = [
            subprocess.run(
                ["bash", "-euo", "pipefail", "-c", call],
                env={**os.environ, **variables},
                capture_output=True,
                text=True,
                timeout=60,
                check=True,
            ).stdout
            for call in calls
        ]
    on_call, trail, methods, tested, *paged, acknowledged, ready, figures, disk = answers
    escalated, asked, handed_off = paged
    primary, secondary = on_call.splitlines()
    assert primary == f"Primary on-call: {admin}"
    assert secondary.startswith("Secondary on-call: user_")
    assert trail.splitlines()[0].split()[1:3] == ["incident_opened", admin]
    assert made["data"]["id"] in methods
    assert '"delivered":false' in tested
    assert '"code":"escalation_exhausted"' in escalated  # the incident has no policy
    assert f'"responders":[{{"userId":"{admin}"' in asked
    assert f'"ownerId":"{admin}"' in handed_off
    assert f'"acknowledgedBy":"{admin}"' in acknowledged
    assert "200 OK" in ready
    assert '"paging":"ok"' in ready
    assert "incident_service_paging_late_seconds" in figures
    assert "/" in disk
