"""The paging process beside the API: starts it, watches it, and restarts it if it dies."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading

from incident_service.config import PREFIX, Settings

_log = logging.getLogger("incident_service.paging")

RESTART_SECONDS = 1.0
STOP_SECONDS = 1.5
"""How long a stop waits for pages that are being sent; one that is cut off is sent again later."""


class PagingProcess:
    """A child process that pages. If it dies, this process goes on."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stopped = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start it, and a thread that restarts it whenever it ends."""
        self._process = self._spawn()  # here, before this process forks its workers
        threading.Thread(target=self._watch, name="paging", daemon=True).start()

    def stop(self) -> None:
        """End it; it ends at once if it is sending nothing."""
        with self._lock:
            self._stopped.set()
            process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()

    def _watch(self) -> None:
        while self._process is not None:
            self._process.wait()
            if self._stopped.wait(RESTART_SECONDS):
                return
            _log.error("the paging process ended, and is started again")
            with self._lock:
                if not self._stopped.is_set():
                    self._process = self._spawn()

    def _spawn(self) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            f"{PREFIX}DATABASE": self._settings.database_variable,
            f"{PREFIX}BASE_URL": self._settings.public_url,
        }
        command = [sys.executable, "-m", "incident_service", "page", "--parent", str(os.getpid())]
        # close_fds=False: otherwise `Popen` uses a pipe and waits for its end, and a worker that is
        # forked at that moment would keep the pipe open. The child closes what it inherits.
        return subprocess.Popen(command, env=environment, close_fds=False)
