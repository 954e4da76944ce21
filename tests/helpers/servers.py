"""Real servers for tests: the installed command, in processes of its own, on a free port."""

from __future__ import annotations

import http.client
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.helpers import engines
from tests.helpers.forks import Forked

COMMAND = (sys.executable, "-c", "from incident_service.cli import main; main()")


GENEROUS = 60.0
"""Seconds that a process has for what it does in one on a machine that is not loaded."""


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on.

    It lies below the ports that the system gives to connections, and test processes that run
    side by side draw from different ones: nobody takes it before the server listens.
    """
    runner = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    ports = list(range(10_000 + runner % 16, 32_000, 16))
    random.shuffle(ports)
    for port in ports:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("every port is in use")


@dataclass
class Server:
    """A running service; `log` holds what it printed on standard error."""

    process: subprocess.Popen[bytes] | Forked
    port: int
    log: Path
    host: str = "127.0.0.1"

    def request(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, Any], dict[str, str]]:
        """Make a request on a connection of its own; return status, body and headers."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=GENEROUS)
        try:
            connection.request(
                method,
                path,
                body=None if body is None else json.dumps(body),
                headers={"Content-Type": "application/json", **(headers or {})},
            )
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or "null"), dict(answer.getheaders())
        finally:
            connection.close()

    def open_incident(
        self, key: str, body: Any, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, Any], dict[str, str]]:
        """Open an incident with the key."""
        authorization = {"Authorization": f"Bearer {key}"}
        return self.request("POST", "/v1/incidents", body, {**authorization, **(headers or {})})

    def printed(self, pattern: str) -> str:
        """Return what matches the pattern in what the command has printed so far."""
        text = self.log.read_text()
        found = re.search(pattern, text)
        assert found, f"no {pattern} in:\n{text}"
        return found[0]

    def kill(self) -> None:
        """Kill all of its processes at once, as the loss of their machine does."""
        os.killpg(self.process.pid, signal.SIGSTOP)  # so that none is started again meanwhile
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(GENEROUS)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send the whole process group a signal; return the exit status."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, number)
        return self.process.wait(GENEROUS)


@contextmanager
def running(
    database: Path,
    *arguments: str,
    command: Sequence[str] = COMMAND,
    wrap: Sequence[str] = (),
    environment: dict[str, str] | None = None,
    port: int | None = None,
    host: str = "127.0.0.1",
) -> Iterator[Server]:
    """Run a command that serves the database, wait until it answers, and end it afterwards.

    `{port}` in an argument becomes the port that the server is to listen on: `port`, else one
    that is free. It listens on `host`.
    """
    port = port or free_port()
    log = database.with_suffix(f".{port}.log")
    words = [a.format(port=port) for a in arguments or ("serve",)]
    variables = {
        **os.environ,
        "INCIDENT_SERVICE_DATABASE": engines.variable(database),
        "INCIDENT_SERVICE_PORT": str(port),
        "INCIDENT_SERVICE_HOST": host,
        **(environment or {}),
    }
    process: subprocess.Popen[bytes] | Forked
    if command == COMMAND and not wrap:
        log.write_bytes(b"")
        process = Forked(words, log=log, folder=database.parent, environment=variables)
    else:
        with log.open("wb") as out:
            process = subprocess.Popen(
                [*wrap, *command, *words],
                cwd=database.parent,
                env=variables,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
    server = Server(process, port, log, host)
    try:
        wait_until_it_answers(server)
        yield server
    finally:
        server.stop(signal.SIGKILL)


def wait_until_all_serve(server: Server, workers: int = 2) -> None:
    """Return once so many workers have started whole, and would hear a signal."""
    until = time.monotonic() + GENEROUS
    while sum(_is_serving(pid) for pid in _children(server.process.pid)) < workers:
        assert time.monotonic() < until, server.log.read_text()
        time.sleep(0.02)


def _children(parent: int) -> list[str]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if int((folder / "stat").read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(folder.name)
    return found


def _is_serving(pid: str) -> bool:
    """Whether the process watches for its master's end, as workers do once they serve."""
    with suppress(OSError):
        files = [str(file.readlink()) for file in Path(f"/proc/{pid}/fd").iterdir()]
        return "anon_inode:[pidfd]" in files
    return False


def wait_until_it_answers(server: Server) -> None:
    """Return once the database answers too."""
    until = time.monotonic() + GENEROUS
    while server.process.poll() is None and time.monotonic() < until:
        try:
            if server.request("GET", "/readyz")[0] == 200:
                return
        except OSError:
            time.sleep(0.02)
    raise AssertionError(f"the server did not come up:\n{server.log.read_text()}")
