"""One run of schemathesis against a server on a fresh file."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from incident_service.database.file import FileDatabase
from incident_service.people import keys
from tests.helpers.servers import running

CONFIG = Path(__file__).with_name("schemathesis.toml")
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Outcome:
    """What came of a run: schemathesis' own words, and how many requests it checked."""

    passed: bool
    output: str
    requests: int


def run(
    database: Path, *, seed: int, examples: int, phases: str = "", tags: Sequence[str] = ()
) -> Outcome:
    """Serve the quickstart organization from a new file, and try the whole description.

    `examples`: how many requests at most each call gets in each phase. `tags`: try the calls that
    have one of these alone. The run's key acts for itself, so that it outlives every user, and is
    an admin's.
    """
    environment = {
        "INCIDENT_SERVICE_ALLOWED_NOTIFICATION_SCHEMES": "http",
        "http_proxy": "http://127.0.0.1:9",  # nobody listens there: no page leaves this machine
    }
    arguments = ("quickstart", "--port", "{port}")
    with running(database, *arguments, environment=environment) as server:
        made = FileDatabase(database).write(
            server.printed("org_\\w+"),
            keys.create,
            org_id=server.printed(r"org_\w+"),
            role="org:admin",
            name="fuzz",
        )
        calls = database.with_suffix(".calls")
        calls.touch()
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run"]
        command += [f"http://127.0.0.1:{server.port}/openapi.json", "--seed", str(seed)]
        # One worker: CPython 3.11's parser, which Hypothesis uses, fails in threads at times.
        command += ["--max-examples", str(examples), "--workers", "1"]
        command += ["--phases", phases] if phases else []
        command += [f"--include-tag={tag}" for tag in tags]
        finished = subprocess.run(
            command,
            cwd=database.parent,  # where it leaves what it remembers from run to run: nothing here
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "FUZZ_KEY": made["key"],
                "FUZZ_KEY_ID": made["id"],
                "FUZZ_CALLS": str(calls),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return Outcome(finished.returncode == 0, finished.stdout, calls.stat().st_size)
