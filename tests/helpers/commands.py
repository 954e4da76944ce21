"""The data commands, run as an operator runs them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import IO

from tests.helpers import engines
from tests.helpers.servers import COMMAND


def run(
    database: Path, *arguments: str, stdout: int | IO[bytes] = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    """Run a data command on the database."""
    return subprocess.run(
        [*COMMAND, *arguments],
        env={**os.environ, "INCIDENT_SERVICE_DATABASE": engines.variable(database)},
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )
