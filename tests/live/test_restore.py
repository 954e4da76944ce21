"""The guide's steps to restore a backup give a running service with everything in it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.helpers.commands import run
from tests.helpers.guides import FOLDER, blocks
from tests.helpers.provisioned import body, provision
from tests.helpers.servers import COMMAND, Server, running


def everything(server: Server, key: str) -> list[Any]:
    """Return what the service answers to whoever asks for all there is."""
    found = []
    for path in (
        "/v1/users", "/v1/api-keys", "/v1/oncall/schedules", "/v1/escalation/policies",
        "/v1/components", "/v1/incidents", "/v1/status-pages", "/status/acme.json",
    ):  # fmt: skip
        status, answer, _ = server.request("GET", path, headers={"Authorization": f"Bearer {key}"})
        assert status == 200
        found.append(answer["data"])
    for each in found[1]:
        del each["lastUsedAt"]  # the key is in use while this asks
    return found


def restore_steps() -> str:
    """Return the guide's block that puts a backup in a database's place."""
    (steps,) = (
        block
        for block in blocks(FOLDER / "operating.md", "Back up, and restore")
        if "$BACKUP" in block
    )
    return steps


def restore(backup: Path, database: Path, commands: Path) -> None:
    """Do as the guide says, with `incident-service` as it is installed here."""
    commands.mkdir(exist_ok=True)
    command = commands / "incident-service"
    command.write_text("#!/bin/sh\nexec " + " ".join(f"'{word}'" for word in COMMAND) + ' "$@"\n')
    command.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{commands}:{os.environ['PATH']}",
        "INCIDENT_SERVICE_DATABASE": str(commands / "another.db"),
        "BACKUP": str(backup),
        "DATABASE": str(database),
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", restore_steps()],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {"database": str(database), "copy": None}


def test_a_restored_backup_has_everything(tmp_path: Path) -> None:
    database, backup = tmp_path / "here" / "incidents.db", tmp_path / "backup.db"
    elsewhere = tmp_path / "there" / "incidents.db"
    database.parent.mkdir()
    elsewhere.parent.mkdir()
    (made,) = provision(database)
    with running(database) as server:
        headers = {"Authorization": f"Bearer {made.key}"}
        page = {
            "slug": "acme",
            "title": "Acme",
            "published": True,
            "componentIds": [made.component_id],
        }
        assert server.request("POST", "/v1/status-pages", page, headers)[0] == 201
        assert server.open_incident(made.key, body(made))[0] == 201
        before = everything(server, made.key)
        assert run(database, "backup", str(backup)).returncode == 0
        # After the backup: not in it, and to be gone where it is put back.
        assert server.open_incident(made.key, body(made))[0] == 201

    restore(backup, elsewhere, tmp_path / "bin")
    with running(elsewhere) as server:
        assert everything(server, made.key) == before
        _, answer, _ = server.open_incident(made.key, body(made))
        assert answer["data"]["sequentialId"] == 2

    # In place, over a file and a log that were left by processes that were killed.
    assert database.with_name("incidents.db-wal").stat().st_size > 0
    restore(backup, database, tmp_path / "bin")
    with running(database) as server:
        assert everything(server, made.key) == before
    assert list(database.parent.glob("replaced-*/incidents.db-wal"))
