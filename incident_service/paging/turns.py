"""Gives organizations their turns: however much of one is due, another's does not wait for it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence

LONG_WRITE_SECONDS = 0.05
"""A write that has lasted for so long gives no further turn, because others wait for it."""


def in_turn(org_ids: Sequence[str], do_next: Callable[[str], bool], *, limit: int) -> str | None:
    """Do up to `limit` things, one of each organization in turn, or fewer if they take long.

    `do_next` does the next thing of an organization, and returns whether there was one. Return the
    organization whose turn was last, or `None` if there was nothing to do.
    """
    turns = deque(org_ids)
    done, last = 0, None
    until = time.monotonic() + LONG_WRITE_SECONDS
    while turns and done < limit and (done == 0 or time.monotonic() < until):
        org_id = turns.popleft()
        if do_next(org_id):
            turns.append(org_id)
            done, last = done + 1, org_id
    return last


def beginning_after(last: str, org_ids: Sequence[str]) -> list[str]:
    """Return the organizations in the order of their turns, if `last` had the latest one."""
    after = [org_id for org_id in org_ids if org_id > last]
    return [*after, *(org_id for org_id in org_ids if org_id <= last)]
