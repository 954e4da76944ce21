"""The description against a live server, for a short time; `python -m tests.fuzz` goes on."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from tests.fuzz.run import run
from tests.helpers.described import operations

DAYS = 4
"""In so many days every call has its turn."""


def test_no_answer_that_the_description_does_not_allow(tmp_path: Path) -> None:
    tags = sorted({tag for _, _, operation in operations() for tag in operation["tags"]})
    todays = tags[date.today().toordinal() % DAYS :: DAYS]
    outcome = run(tmp_path / "fuzz.db", seed=1, examples=2, tags=todays)
    assert outcome.passed, outcome.output
    assert outcome.requests > 200
