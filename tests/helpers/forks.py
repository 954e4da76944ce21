"""The command in a process of its own, forked from one that has imported it already.

To import the application takes longer than most tests. What is forked is as independent as what
is started: a process group, an environment, a folder and an output of its own.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from functools import cache
from multiprocessing.context import ForkServerContext
from pathlib import Path

IMPORTED = [
    __name__,
    "incident_service.cli",
    "incident_service.serving.server",
    "incident_service.paging.pager",
]


class Forked:
    """A running command, as `subprocess.Popen` shows one."""

    def __init__(
        self, arguments: Sequence[str], *, log: Path, folder: Path, environment: Mapping[str, str]
    ) -> None:
        """Start it: it appends what it prints to `log`."""
        values = (list(arguments), str(log), str(folder), dict(environment))
        self._process = _server().Process(target=_run, args=values, daemon=True)
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def poll(self) -> int | None:
        """Return the exit status, or `None` while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status once it has ended. Raises `subprocess.TimeoutExpired`."""
        self._process.join(timeout)
        status = self.poll()
        if status is None:
            raise subprocess.TimeoutExpired("the command", timeout or 0)
        return status

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


@cache
def _server() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED)
    return context


def _run(arguments: list[str], log: str, folder: str, environment: dict[str, str]) -> None:
    """Be the command, from here on."""
    os.setsid()
    out = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    for standard in (1, 2):
        os.dup2(out, standard)
    os.close(out)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    from incident_service.cli import main  # in the fork server, which needs no other settings

    main(arguments)
