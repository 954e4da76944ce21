"""What tests of paging share."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from incident_service.serving import logs


@pytest.fixture
def quiet() -> Iterator[None]:
    """Let the libraries log as little as they do in the service."""
    levels = {
        name: options["level"]
        for name, options in logs.as_json("DEBUG")["loggers"].items()
        if name in ("apprise", "requests", "urllib3")
    }
    before = {name: logging.getLogger(name).level for name in levels}
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    yield
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)
