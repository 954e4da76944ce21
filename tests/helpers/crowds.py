"""Clients that open incidents on several machines at once, and keep what each was answered."""

from __future__ import annotations

import http.client
import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from tests.helpers.servers import GENEROUS, Server

PAUSE_SECONDS = 0.05
"""Before a client asks again."""


class Crowd:
    """Clients; each opens an incident after another, and asks for one until it has its answer."""

    def __init__(self, servers: Sequence[Server], key: str, body: dict[str, Any]) -> None:
        """`servers`: a client asks them in turn; an entry may be replaced meanwhile."""
        self.servers = list(servers)
        self._key = key
        self._body = body
        self._is_stopped = threading.Event()
        self._lock = threading.Lock()
        self.opened: list[dict[str, Any]] = []
        """What was answered with 201, in that order."""
        self.at: list[float] = []
        """When, in seconds of `time.monotonic`."""
        self.refusals: Counter[tuple[int, str]] = Counter()
        """Status and code of what else was answered."""
        self.cuts = 0
        """How often the connection ended before the answer."""

    @contextmanager
    def at_work(self, clients: int) -> Iterator[None]:
        """Let so many work until the end of the block, and then end what they began."""
        with ThreadPoolExecutor(clients) as pool:
            all_of_them: list[Future[None]] = [
                pool.submit(self._work, number) for number in range(clients)
            ]
            try:
                yield
            finally:
                self._is_stopped.set()
        for one in all_of_them:
            one.result()

    def since(self, instant: float) -> int:
        """Return how many were opened since then, in seconds of `time.monotonic`."""
        return sum(at >= instant for at in self.at.copy())

    def longest_gap(self) -> float:
        """Return the longest time without an answer of 201, in seconds."""
        return max((after - before for before, after in itertools.pairwise(sorted(self.at))))

    def _work(self, client: int) -> None:
        for number in itertools.count():
            if self._is_stopped.is_set():
                return
            self._open(f"{client}-{number}", client + number)

    def _open(self, idempotency_key: str, turn: int) -> None:
        until = time.monotonic() + GENEROUS
        while time.monotonic() < until:
            server = self.servers[turn % len(self.servers)]
            turn += 1
            try:
                status, answer, _ = server.open_incident(
                    self._key, self._body, {"Idempotency-Key": idempotency_key}
                )
            except (OSError, http.client.HTTPException):
                with self._lock:
                    self.cuts += 1
                time.sleep(PAUSE_SECONDS)
                continue
            with self._lock:
                if status == 201:
                    self.opened.append(answer["data"])
                    self.at.append(time.monotonic())
                    return
                self.refusals[status, answer["code"]] += 1
            time.sleep(PAUSE_SECONDS)
        raise AssertionError(f"nothing but {self.refusals}")
