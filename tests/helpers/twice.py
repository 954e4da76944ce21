"""Runs what the service writes twice, the first time in vain (`--twice`): work may run again.

An engine may have to run work again because others were in its way. Then nothing may be left of the
first run, in the database or elsewhere. Work of tests runs once: it may well look at how it is run.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from incident_service.database.engine import Connection, Database, Owner


def install(*engines: type[Database]) -> None:
    """Let these engines run work twice from now on."""
    for engine in engines:
        engine.write_within = _twice(engine.write_within)  # type: ignore[method-assign]


def _twice(write_within: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(write_within)
    def writing(
        self: Database, seconds: float, owner: Owner, work: Any, /, *args: Any, **kwargs: Any
    ) -> Any:
        is_ours = _is_of("incident_service.", work) and not any(map(_is_of_test, args))
        run = _in_vain_first(work) if is_ours else work
        return write_within(self, seconds, owner, run, *args, **kwargs)

    return writing


def _is_of(package: str, function: object) -> bool:
    return str(getattr(function, "__module__", "")).startswith(package)


def _is_of_test(value: object) -> bool:
    """Whether a test looks at what is done: it may count."""
    return callable(value) and _is_of("tests.", value)


def _in_vain_first(work: Callable[..., Any]) -> Callable[..., Any]:
    def run(db: Connection, *args: Any, **kwargs: Any) -> Any:
        db.execute("SAVEPOINT in_vain")
        try:
            work(db, *args, **kwargs)
        except Exception:
            if not db.in_transaction:
                raise
        db.execute("ROLLBACK TO in_vain")
        db.execute("RELEASE in_vain")
        return work(db, *args, **kwargs)

    return run
