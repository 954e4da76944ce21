"""Settings: read once from the environment, checked, and then only handed down."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import marshmallow as ma
from marshmallow import fields, validate

from incident_service.errors import InvalidSetting

PREFIX = "INCIDENT_SERVICE_"


def _default_workers() -> int:
    """One process a core up to four, for one writes at a time; two at least, so one may die."""
    return max(2, min(4, len(os.sched_getaffinity(0))))


@dataclass(frozen=True)
class Settings:
    """What an operator can choose (contract §9); each is `INCIDENT_SERVICE_` and its name."""

    database: Path = Path("incident-service.db")
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = _default_workers()
    threads: int = 4
    base_url: str = ""
    log_level: str = "INFO"
    write_timeout: float = 5.0
    """Seconds that a write waits for others before it is refused as `busy`: less than a stop takes,
    so that it is answered even then."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """Read the settings; those that are not set, or set to nothing, keep their defaults.

        Raises `InvalidSetting`, naming the variable, where a value makes no sense.
        """
        values = {
            name: environ[PREFIX + name.upper()]
            for name in _SettingsSchema().fields
            if environ.get(PREFIX + name.upper())
        }
        try:
            return cls(**_SettingsSchema().load(values))
        except ma.ValidationError as error:
            assert isinstance(error.messages, dict)  # every fault is a field's
            name, sentences = next(iter(error.messages.items()))
            raise InvalidSetting(f"{PREFIX}{name.upper()}: {sentences[0]}") from None

    @property
    def public_url(self) -> str:
        """Where clients reach the service: `base_url`, else where it listens."""
        if self.base_url:
            return self.base_url.rstrip("/")
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


class _SettingsSchema(ma.Schema):
    database = fields.Function(deserialize=Path)
    host = fields.String()
    port = fields.Integer(validate=validate.Range(1, 65535))
    workers = fields.Integer(validate=validate.Range(1, 64))
    threads = fields.Integer(validate=validate.Range(1, 64))
    base_url = fields.URL(schemes={"http", "https"}, require_tld=False)
    log_level = fields.String(validate=validate.OneOf(("DEBUG", "INFO", "WARNING", "ERROR")))
    write_timeout = fields.Float(validate=validate.Range(0.05, 7))
