"""The paging process: a loop that fires what is due, and delivers it from a pool of threads."""

from __future__ import annotations

import logging
import queue
import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from incident_service import clock
from incident_service.clock import format_instant, parse_instant
from incident_service.config import Settings
from incident_service.db import Connection, Database, savepoint
from incident_service.paging import channels, delivery, escalation
from incident_service.paging.page import Outcome
from incident_service.store import deliveries, timers

_log = logging.getLogger("incident_service.paging")

THREADS = 32
"""Deliveries under way at once: one that hangs until its time-out does not delay the others."""

FIRED_A_ROUND = 50
"""Incidents."""

TRY_SECONDS = 45.0
"""Less than a claim lasts."""

LOOK_EVERY_SECONDS = 0.2
"""So a process makes up to 160 tries a second, and leaves the API its share of the machine."""

LOOK_AGAIN_SECONDS = 1.0
PAUSE_AFTER_FAULT_SECONDS = 1.0
LATE_AFTER_SECONDS = 60.0
STOP_SECONDS = 5.0


def is_late(database: Database, now: datetime) -> bool:
    """Whether something has been due for a minute, and no paging process took it on."""
    return seconds_late(database, now) > LATE_AFTER_SECONDS


def seconds_late(database: Database, now: datetime) -> float:
    """Return how long the oldest thing that no paging process took on has been due; 0 for none."""
    due_at = _next_due_at(database, now)
    return max((now - due_at).total_seconds(), 0.0) if due_at else 0.0


Ended = tuple[delivery.Delivery, Outcome, datetime]
"""A delivery that was tried, what came of it, and when."""


class Pager:
    """Pages until it is stopped. Any number of them may run on one file."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._under_way = threading.Semaphore(THREADS)
        self._ids_under_way: set[str] = set()
        self._outcomes: queue.SimpleQueue[Ended] = queue.SimpleQueue()
        self._unrecorded: list[Ended] = []
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="delivery")

    def run(self, is_stopped: Callable[[], bool]) -> None:
        """Page until `is_stopped`; it is asked several times a second."""
        while not is_stopped():
            try:
                self.work(clock.now())
                self._sleep(is_stopped)
            except Exception as error:  # whatever it is, the next round may do
                _log.error("paging failed", exc_info=error)
                time.sleep(PAUSE_AFTER_FAULT_SECONDS)
        self._stop()

    def work(self, now: datetime) -> None:
        """Record what was sent, fire what is due at the instant, hand out what is to be sent.

        Each is one write a round, however much there is: between them the API has its turns.
        """
        self._record_outcomes()
        if self._is_timer_due(now):
            self._database.write(self._fire, now)
        for each in self._claim(now):
            if each.page.id in self._ids_under_way:  # it outlasts its claim; one thread is enough
                self._under_way.release()
                continue
            self._ids_under_way.add(each.page.id)
            self._pool.submit(self._deliver, each)

    def _stop(self) -> None:
        """Let what is under way come to its end, if it does so soon, and record it as it does."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        until = time.monotonic() + STOP_SECONDS
        while self._ids_under_way and time.monotonic() < until:
            self._record_outcomes()
            time.sleep(0.05)

    def _is_timer_due(self, now: datetime) -> bool:
        with self._database.read() as db:
            return timers.first_due(db, format_instant(now)) is not None

    def _fire(self, db: Connection, now: datetime) -> None:
        for _ in range(FIRED_A_ROUND):
            if not escalation.fire_due(db, now=now, by_email=bool(self._settings.smtp_url)):
                return

    def _claim(self, now: datetime) -> list[delivery.Delivery]:
        """Take as many deliveries as there are threads free, and no write where none is due."""
        with self._database.read() as db:
            due_at = deliveries.next_due_at(db, at=format_instant(now))
        if due_at is None or due_at > format_instant(now):
            return []
        free = 0
        while free < THREADS and self._under_way.acquire(blocking=False):
            free += 1
        taken: list[delivery.Delivery] = []
        try:
            if free:
                taken = self._database.write(
                    delivery.claim_due, now=now, limit=free, base_url=self._settings.public_url
                )
        finally:
            for _ in range(free - len(taken)):
                self._under_way.release()
        return taken

    def _deliver(self, each: delivery.Delivery) -> None:
        try:
            outcome = self._send(each)
            self._outcomes.put((each, outcome, clock.now()))
            _log.info(
                "page sent" if outcome.delivered else "page failed",
                extra={
                    "deliveryId": each.page.id,
                    "incidentId": each.page.incident_id,
                    "userId": each.page.user_id,
                    "reason": outcome.reason,
                },
            )
        finally:
            self._under_way.release()

    def _send(self, each: delivery.Delivery) -> Outcome:
        """Send, but wait no longer than `TRY_SECONDS`, however slowly the other side answers."""
        outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()

        def send() -> None:
            outcomes.put(channels.send(each.page, each.url, self._settings, now=clock.now()))

        try:
            threading.Thread(target=send, name="send", daemon=True).start()
            return outcomes.get(timeout=TRY_SECONDS)
        except queue.Empty:
            return Outcome(False, "took too long")
        except RuntimeError:  # no thread is to be had
            return Outcome(False, "could not be sent for want of a thread")

    def _record_outcomes(self) -> None:
        """Keep what came of the tries that have ended; where that fails, the next round does."""
        while not self._outcomes.empty():
            self._unrecorded.append(self._outcomes.get())
        if self._unrecorded:
            self._database.write(self._record, self._unrecorded)
            self._ids_under_way.difference_update(each.page.id for each, _, _ in self._unrecorded)
            self._unrecorded = []

    @staticmethod
    def _record(db: Connection, outcomes: Sequence[Ended]) -> None:
        for each, outcome, at in outcomes:
            try:
                with savepoint(db):
                    delivery.record(db, each, outcome, now=at, jitter=random.random())
            except Exception:
                if not db.in_transaction:
                    raise
                _log.exception("an outcome was lost", extra={"deliveryId": each.page.id})

    def _sleep(self, is_stopped: Callable[[], bool]) -> None:
        """Sleep until the next thing falls due, or another connection has written something.

        For a second at the longest: a claim may end, too.
        """
        version = self._database.version()
        due_at = _next_due_at(self._database, clock.now())
        until = time.monotonic() + LOOK_AGAIN_SECONDS
        while not is_stopped() and time.monotonic() < until:
            time.sleep(LOOK_EVERY_SECONDS)
            is_due = due_at is not None and due_at <= clock.now()
            if is_due or not self._outcomes.empty() or self._database.version() != version:
                return


def _next_due_at(database: Database, now: datetime) -> datetime | None:
    with database.read() as db:
        found = [timers.next_due_at(db), deliveries.next_due_at(db, at=format_instant(now))]
    due = [parse_instant(due_at) for due_at in found if due_at is not None]
    return min(due) if due else None
