"""Paging processes of a test's own, and what they send."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.helpers import engines
from tests.helpers.forks import Forked
from tests.helpers.place import SCHEMES, Place
from tests.helpers.receivers import Receiver
from tests.helpers.servers import GENEROUS

PROMPT = 9.0
"""Seconds: a page leaves within 2 (contract §8), and a busy machine may add some. Waiting for
receivers that hang would add 10 and more."""


@contextmanager
def paging(place: Place, **environment: str) -> Iterator[Forked]:
    """Run a paging process alone."""
    variables = {
        **os.environ,
        **SCHEMES,
        "INCIDENT_SERVICE_DATABASE": engines.variable(place.path),
        **environment,
    }
    log = place.path.with_suffix(".page.log")
    process = Forked(["page"], log=log, folder=place.path.parent, environment=variables)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def end(processes: Iterable[Forked]) -> None:
    """Let paging processes end by themselves, so that what they send is recorded first."""
    processes = list(processes)
    for process in processes:
        process.terminate()
    for process in processes:
        # The last one may still have been starting, and not have listened to signals yet.
        assert process.wait(GENEROUS) in (0, -signal.SIGTERM)


def bodies(receiver: Receiver) -> list[dict[str, Any]]:
    return [json.loads(body) for _, _, body in receiver.got.copy()]
