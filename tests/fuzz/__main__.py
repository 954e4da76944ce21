"""The long run: at least 20,000 requests, over several seeds; takes some minutes."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.fuzz.run import run

REQUESTS = 20_000


def main() -> int:
    """Run until there were enough requests, or a run found something; return the exit status."""
    done = 0
    for seed in range(1, 100):
        with tempfile.TemporaryDirectory() as directory:
            outcome = run(Path(directory) / "fuzz.db", seed=seed, examples=40)
        print(outcome.output)
        done += outcome.requests
        print(f"{done} requests so far", flush=True)
        if not outcome.passed or done >= REQUESTS:
            return 0 if outcome.passed else 1
    return 1


sys.exit(main())
