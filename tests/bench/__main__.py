"""`python -m tests.bench`: every bench and one table of the whole, or the bench that is named."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from incident_service import clock
from tests.bench.alerts import alerts
from tests.bench.console import console
from tests.bench.create import create
from tests.bench.engines import engines
from tests.bench.growth import growth
from tests.bench.inside import inside
from tests.bench.oncall import oncall
from tests.bench.oncall_rate import oncall_rate
from tests.bench.paging import paging
from tests.bench.reports import reports
from tests.bench.search import search
from tests.bench.status import status
from tests.bench.table import Figure, machine, table

BENCHES: dict[str, Callable[[Path, argparse.Namespace], list[Figure]]] = {
    "create": lambda folder, of: create(folder, of.rounds or 5, of.seconds or 4, of.memory_after),
    "inside": lambda folder, of: inside(folder),
    "oncall": lambda folder, of: [
        *oncall(folder, of.rounds or 15, clock.now()),
        *oncall_rate(folder, of.rounds or 5, of.seconds or 4),
    ],
    "growth": lambda folder, of: growth(folder, of.rounds or 15, of.incidents),
    "search": lambda folder, of: search(folder, of.rounds or 15, of.incidents),
    "paging": lambda folder, of: paging(folder, of.seconds or 20, of.rounds or 5),
    "status": lambda folder, of: status(folder, of.rounds or 5, of.seconds or 4),
    "alerts": lambda folder, of: alerts(folder, of.rounds or 5, of.seconds or 4, of.alerts),
    "engines": lambda folder, of: engines(folder, of.rounds or 5, of.seconds or 4, of.incidents),
    "console": lambda folder, of: console(of.file or folder / "large.db", of.rounds or 3, 1.0),
    "reports": lambda folder, of: reports(folder, of.rounds or 9, of.incidents),
}


def main() -> None:
    options = parser().parse_args(sys.argv[1:] or ["all"])
    found: dict[str, list[Figure]] = {}
    for what in BENCHES if options.what == "all" else (options.what,):
        if options.what == "all":
            print(f"\n{what}\n")
        with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
            found[what] = BENCHES[what](Path(folder), options)
    if options.what == "all":
        print(f"\n{machine(clock.now())}\n\n{table(found)}")


def parser() -> argparse.ArgumentParser:
    """Return the parser; `all` has every option of the benches."""
    rounds, seconds, memory = (argparse.ArgumentParser(add_help=False) for _ in range(3))
    rounds.add_argument(
        "--rounds", type=int, help="default: 5, and 15 of oncall, growth and search"
    )
    seconds.add_argument(
        "--seconds", type=float, help="of each round: 4; of paging at each rate: 20, at least 2"
    )
    memory.add_argument("--memory-after", type=int, default=0, help="creates, e.g. 50000")
    file = argparse.ArgumentParser(add_help=False)
    file.add_argument("--file", type=Path, help="of the console: keep it, and take it again")
    whole = argparse.ArgumentParser(prog="python -m tests.bench")
    commands = whole.add_subparsers(dest="what", required=True)

    def add(name: str, help: str, *options: argparse.ArgumentParser) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=help, parents=options)

    of_all = add("all", "all of them, and one table at the end", rounds, seconds, memory, file)
    of_all.add_argument("--incidents", type=int, default=100_000, help="in the large files")
    of_all.add_argument("--alerts", type=int, default=1_000_000, help="in the large file of alerts")
    add("create", "opening incidents, beside a bare Flask route", rounds, seconds, memory)
    add("inside", "where the processor's time of a create goes, function by function")
    add("oncall", "who is on call: over size and time, and by a bare route", rounds, seconds)
    of_growth = add("growth", "calls about incidents, over their number", rounds)
    of_growth.add_argument("--incidents", type=int, default=1_000_000, help="in the large file")
    of_search = add("search", "finding incidents by words, and what it costs a create", rounds)
    of_search.add_argument("--incidents", type=int, default=1_000_000, help="in the large file")
    add("paging", "how soon a page arrives, and what it costs", rounds, seconds)
    add("status", "the public page, beside a bare Flask route", rounds, seconds)
    of_alerts = add("alerts", "what monitoring sends, over its number too", rounds, seconds)
    of_alerts.add_argument("--alerts", type=int, default=1_000_000, help="in the large file")
    of_engines = add("engines", "SQLite and PostgreSQL side by side", rounds, seconds)
    of_engines.add_argument(
        "--incidents", type=int, default=1_000_000, help="in the large database"
    )
    add("console", "pages of the console, beside a bare Flask route", rounds, file)
    of_reports = add("reports", "looking back on a year, beside reading its rows", rounds)
    of_reports.add_argument("--incidents", type=int, default=100_000, help="in the year")
    return whole


if __name__ == "__main__":
    main()
