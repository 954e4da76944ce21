"""The paging process beside the API: started, watched, started again when it dies."""

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
"""How long a stop waits for pages under way; one that is cut off is sent again later."""


class PagingProcess:
    """A child process that pages. Its death never takes this process down."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stopped = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start it, and a thread that starts it again whenever it ends."""
        threading.Thread(target=self._watch, name="paging", daemon=True).start()

    def stop(self) -> None:
        """End it: at once, if it has nothing under way."""
        self._stopped.set()
        with self._lock:
            process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()

    def _watch(self) -> None:
        while not self._stopped.is_set():
            with self._lock:
                if self._stopped.is_set():
                    return
                process = self._process = self._spawn()
            process.wait()
            if not self._stopped.wait(RESTART_SECONDS):
                _log.error("the paging process ended, and is started again")

    def _spawn(self) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            f"{PREFIX}DATABASE": str(self._settings.database.resolve()),
            f"{PREFIX}BASE_URL": self._settings.public_url,
        }
        command = [sys.executable, "-m", "incident_service", "page", "--parent", str(os.getpid())]
        return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL)
