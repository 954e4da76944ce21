"""The description against a live server, for a short time; `python -m tests.fuzz` goes on."""

from __future__ import annotations

from pathlib import Path

from tests.fuzz.run import run


def test_no_answer_that_the_description_does_not_allow(tmp_path: Path) -> None:
    outcome = run(tmp_path / "fuzz.db", seed=1, examples=2)
    assert outcome.passed, outcome.output
    assert outcome.requests > 1000
