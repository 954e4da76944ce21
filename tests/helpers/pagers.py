"""Paging processes of a test's own, and what they send."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.helpers.place import SCHEMES, Place
from tests.helpers.receivers import Receiver
from tests.helpers.servers import COMMAND

PROMPT = 9.0
"""Seconds: a page leaves within 2 (contract §8), and a busy machine may add some. Waiting for
receivers that hang would add 10 and more."""


@contextmanager
def paging(place: Place, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a paging process alone."""
    with place.path.with_suffix(".page.log").open("ab") as out:
        process = subprocess.Popen(
            [*COMMAND, "page"],
            env={
                **os.environ,
                **SCHEMES,
                "INCIDENT_SERVICE_DATABASE": str(place.path),
                **environment,
            },
            stdout=out,
            stderr=out,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def bodies(receiver: Receiver) -> list[dict[str, Any]]:
    return [json.loads(body) for _, _, body in receiver.got.copy()]
