"""`python -m tests.bench create`, `oncall`, `growth`, `paging` and `status`."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from incident_service import clock
from tests.bench.create import create
from tests.bench.growth import growth
from tests.bench.oncall import oncall
from tests.bench.paging import paging
from tests.bench.status import status


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    commands = parser.add_subparsers(dest="what", required=True)
    of_create = commands.add_parser("create", help="opening incidents, beside a bare Flask route")
    of_create.add_argument("--rounds", type=int, default=5)
    of_create.add_argument("--seconds", type=float, default=4.0, help="of each round")
    of_create.add_argument("--memory-after", type=int, default=0, help="creates, e.g. 50000")
    of_oncall = commands.add_parser("oncall", help="who is on call, over file size and time")
    of_oncall.add_argument("--rounds", type=int, default=15)
    of_growth = commands.add_parser("growth", help="calls about incidents, over their number")
    of_growth.add_argument("--rounds", type=int, default=15)
    of_growth.add_argument("--incidents", type=int, default=1_000_000, help="in the large file")
    of_paging = commands.add_parser("paging", help="how soon a page arrives, and what it costs")
    of_paging.add_argument("--seconds", type=float, default=20.0, help="at each rate")
    of_paging.add_argument("--rounds", type=int, default=5, help="with paging and without")
    of_status = commands.add_parser("status", help="the public page, beside a bare Flask route")
    of_status.add_argument("--rounds", type=int, default=5)
    of_status.add_argument("--seconds", type=float, default=4.0, help="of each round")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        if options.what == "create":
            create(Path(folder), options.rounds, options.seconds, options.memory_after)
        elif options.what == "growth":
            growth(Path(folder), options.rounds, options.incidents)
        elif options.what == "paging":
            paging(Path(folder), options.seconds, options.rounds)
        elif options.what == "status":
            status(Path(folder), options.rounds, options.seconds)
        else:
            oncall(Path(folder), options.rounds, clock.now())


if __name__ == "__main__":
    main()
