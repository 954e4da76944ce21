"""The API alone, as `serve` runs it, without the paging process beside it."""

from __future__ import annotations

from incident_service.config import Settings
from incident_service.serving import logs
from incident_service.serving.server import Server

if __name__ == "__main__":
    settings = Settings.from_environ()
    logs.configure(settings.log_level)
    Server(settings).run()
