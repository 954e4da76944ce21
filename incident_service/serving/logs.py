"""Logs: one JSON object a line on standard error."""

from __future__ import annotations

import logging.config
from typing import Any

from pythonjsonlogger.json import JsonEncoder


def as_json(level: str) -> dict[str, Any]:
    """Return the standard library's logging configuration for this service and its server."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": "pythonjsonlogger.json.JsonFormatter",
                "fmt": "%(asctime)s %(levelname)s %(name)s %(message)s",
                "datefmt": "%Y-%m-%dT%H:%M:%S%z",
                "rename_fields": {"asctime": "at", "levelname": "level", "name": "logger"},
                "json_serializer": _as_text,
            }
        },
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "json",
                "stream": "ext://sys.stderr",
            }
        },
        "root": {"level": "WARNING", "handlers": ["stderr"]},
        "loggers": {
            "incident_service": {"level": level},
            "gunicorn.error": {"level": level, "handlers": [], "propagate": True},
            # These name the URLs that they call, and such a URL holds secrets.
            **{name: {"level": "CRITICAL"} for name in ("apprise", "requests", "urllib3")},
        },
    }


_encode = JsonEncoder().encode


def _as_text(values: dict[str, Any], **_options: Any) -> str:
    """Return the JSON by an encoder that is made once, and not for each line."""
    return _encode(values)


def configure(level: str) -> None:
    """Log from `level` up: `DEBUG`, `INFO`, `WARNING` or `ERROR`."""
    logging.config.dictConfig(as_json(level))
    # No line shows where it was logged. To find that out would cost a tenth of a line; the standard
    # library's documentation says how to leave it out.
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
