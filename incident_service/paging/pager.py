"""The loop of the paging process: fires what is due and sends it, each try in a thread."""

from __future__ import annotations

import logging
import queue
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from incident_service import clock
from incident_service.clock import format_instant, parse_instant
from incident_service.config import Settings
from incident_service.database.file import Connection, Database, savepoint
from incident_service.paging import channels, delivery, fairness, firing
from incident_service.paging.connections import Attempt
from incident_service.paging.lookout import Lookout
from incident_service.paging.page import Outcome, Page
from incident_service.paging.workers import Workers
from incident_service.store import deliveries, timers

_log = logging.getLogger("incident_service.paging")

FIRED_A_WRITE = 10
"""Incidents, few of them, so that the API does not wait long for its turn."""

WRITES_A_ROUND = 20
"""Writes that fire incidents before what they fired is sent."""

STARTED_A_ROUND = 32
"""Deliveries, few of them, so that rounds stay short and newcomers wait for one round only."""

TAKEN_A_WRITE = 16
RECORDED_A_WRITE = 16
"""Deliveries."""

TRY_SECONDS = 10.0
"""How long a try may last, which is far less than a claim."""

MAX_HUNG_KNOWN = 10_000
"""The most receivers that are remembered as hung."""

MAX_ENDED_KNOWN = 1000
"""The most tries that are remembered as turns."""

LOOK_EVERY_SECONDS = 0.2
LOOK_AGAIN_AFTER_A_TRY_SECONDS = 0.03
"""So that tries that end together are recorded together."""

LOOK_AGAIN_SECONDS = 1.0
PAUSE_AFTER_FAULT_SECONDS = 1.0
LATE_AFTER_SECONDS = 60.0
STOP_SECONDS = 5.0


def is_late(database: Database, now: datetime) -> bool:
    """Whether something has been due for a minute and no process has begun it.

    Something that was begun but did not end within its claim counts too.
    """
    return seconds_late(database, now) > LATE_AFTER_SECONDS


def seconds_late(database: Database, now: datetime) -> float:
    """Return for how long the oldest thing that no process has begun has been due, or 0."""
    due_at = _next_due_at(database)
    return max((now - due_at).total_seconds(), 0.0) if due_at else 0.0


@dataclass(frozen=True, slots=True)
class _Try:
    """A delivery under way."""

    delivery: delivery.Delivery
    attempt: Attempt
    began: float
    """In seconds of `time.monotonic`."""

    def running(self, now: float) -> fairness.Running:
        row = self.delivery.row
        return fairness.Running(
            row["id"], row["org_id"], row["user_id"], row["receiver"], now - self.began
        )


Ended = tuple[_Try, Outcome]
"""A try, and its outcome."""


class Pager:
    """Pages until it is stopped. Any number of pagers may work on one file."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._under_way: dict[str, _Try] = {}
        self._outcomes: queue.SimpleQueue[Ended] = queue.SimpleQueue()
        self._has_ended = threading.Event()
        self._unrecorded: list[Ended] = []
        self._hung: dict[tuple[str, str], None] = {}
        self._ended: deque[_Try] = deque(maxlen=MAX_ENDED_KNOWN)
        self._fired_last = ""
        self._limits = fairness.Limits()
        self._lookout = Lookout()
        self._workers = Workers("delivery")

    def run(self, is_stopped: Callable[[], bool]) -> None:
        """Page until `is_stopped`; it is asked several times a second."""
        while not is_stopped():
            try:
                began = time.monotonic()
                is_done = self.work()
                worked = time.monotonic() - began
                time.sleep(min(worked / 4, LOOK_AGAIN_SECONDS / 4))  # the API has its share
                if is_done:
                    self._sleep(is_stopped)
            except Exception as error:  # the next round may succeed
                _log.error("paging failed", exc_info=error)
                time.sleep(PAUSE_AFTER_FAULT_SECONDS)
        self._stop()

    def work(self) -> bool:
        """Record what was sent, fire what is due, begin to send what is due.

        Each in small writes: between them the API has its turns. Return whether all was begun that
        has a place.
        """
        now = self._database.clock()
        self._record_outcomes()
        self._fire(now)
        return self._hand_out(now)

    def _stop(self) -> None:
        """Wait a short time for the tries under way, and record those that end."""
        until = time.monotonic() + STOP_SECONDS
        while self._under_way and time.monotonic() < until:
            self._record_outcomes()
            time.sleep(0.05)
        self._record_outcomes()

    def _fire(self, now: datetime) -> None:
        """Fire what is due, an incident of each organization in turn."""
        for _ in range(WRITES_A_ROUND):
            with self._database.read() as db:
                due = timers.due_organizations(db, format_instant(now))
            if not due:
                return
            after = [org_id for org_id in due if org_id > self._fired_last]
            before = [org_id for org_id in due if org_id <= self._fired_last]
            last = self._database.write(
                firing.fire_due,
                [*after, *before],
                by_email=bool(self._settings.smtp_url),
                limit=FIRED_A_WRITE,
            )
            self._fired_last = last or self._fired_last

    def _hand_out(self, now: datetime) -> bool:
        """Begin what is due and has a place; cut off what keeps others from a place for too long.

        Return whether nothing else has a place.
        """
        at = format_instant(now)
        with self._database.read() as db:
            due_at = deliveries.next_due_at(db)
            if due_at is None or due_at > at:
                return True
            due = self._lookout.due(db, at=at, each=self._limits.receiver)
        unrecorded = {each.delivery.row["id"] for each, _ in self._unrecorded}
        waiting = [
            fairness.Waiting(
                row["id"], row["org_id"], row["user_id"], row["receiver"], row["attempts"] > 0
            )
            for row in due
            # A try that outlasts its claim is not begun again while it is still running here.
            if row["id"] not in self._under_way and row["id"] not in unrecorded
        ]
        time_now = time.monotonic()
        running = [each.running(time_now) for each in self._under_way.values()]
        made = fairness.plan(
            waiting,
            running,
            ended=[each.running(time_now) for each in self._ended],
            hung=self._hung.keys(),
            limits=self._limits,
        )
        for each in made.cut:
            self._under_way[each.id].attempt.cut()
        wanted = [(each.org_id, each.id) for each in made.start]
        for first in range(0, min(len(wanted), STARTED_A_ROUND), TAKEN_A_WRITE):
            some = wanted[first : first + TAKEN_A_WRITE]
            taken = self._database.write(delivery.claim, some, base_url=self._settings.public_url)
            for one in taken:
                self._begin(one)
        return len(wanted) <= STARTED_A_ROUND

    def _begin(self, one: delivery.Delivery) -> None:
        # The operator chose the mail server, so it may be anywhere.
        networks = self._settings.delivery_networks if one.url is not None else "any"
        this = _Try(one, Attempt(TRY_SECONDS, networks), time.monotonic())
        self._under_way[one.page.id] = this
        try:
            self._workers.do(partial(self._send, this), partial(self._end, this))
        except RuntimeError:
            self._end(this, Outcome(False, "no thread was available"))

    def _send(self, this: _Try) -> Outcome:
        try:
            return send_within(this.attempt, this.delivery.page, this.delivery.url, self._settings)
        except BaseException as error:
            return Outcome(False, f"failed with {type(error).__name__}")

    def _end(self, this: _Try, outcome: Outcome) -> None:
        self._outcomes.put((this, outcome))
        self._has_ended.set()
        page = this.delivery.page
        _log.info(
            "page sent" if outcome.delivered else "page failed",
            extra={
                "deliveryId": page.id,
                "incidentId": page.incident_id,
                "userId": page.user_id,
                "reason": outcome.reason,
            },
        )

    def _record_outcomes(self) -> None:
        """Record the tries that have ended; if that fails, the next round tries again."""
        self._has_ended.clear()
        while not self._outcomes.empty():
            ended = self._outcomes.get()
            self._unrecorded.append(ended)
            self._ended.append(ended[0])
            self._remember(ended)
            del self._under_way[ended[0].delivery.page.id]
        while self._unrecorded:
            self._database.write(self._record, self._unrecorded[:RECORDED_A_WRITE])
            del self._unrecorded[:RECORDED_A_WRITE]

    def _remember(self, ended: Ended) -> None:
        """Remember whether the receiver hung."""
        this, outcome = ended
        row = this.delivery.row
        key = row["org_id"], row["receiver"]
        self._hung.pop(key, None)
        is_slow = time.monotonic() - this.began >= fairness.SLOW_SECONDS
        if is_slow and not outcome.delivered:
            self._hung[key] = None
            if len(self._hung) > MAX_HUNG_KNOWN:
                del self._hung[next(iter(self._hung))]

    @staticmethod
    def _record(db: Connection, outcomes: Sequence[Ended], *, now: datetime) -> None:
        for this, outcome in outcomes:
            try:
                with savepoint(db):
                    delivery.record(db, this.delivery, outcome, now=now, jitter=random.random())
            except Exception:
                if not db.in_transaction:
                    raise
                _log.exception(
                    "an outcome could not be recorded", extra={"deliveryId": this.delivery.page.id}
                )

    def _sleep(self, is_stopped: Callable[[], bool]) -> None:
        """Sleep until a try ends, the next thing falls due, or somebody has written something.

        For a second at the longest: a claim may end, too.
        """
        version = self._database.version()
        due_at = _next_due_at(self._database)
        until = time.monotonic() + LOOK_AGAIN_SECONDS
        while not is_stopped() and time.monotonic() < until:
            if self._has_ended.wait(LOOK_EVERY_SECONDS):
                time.sleep(LOOK_AGAIN_AFTER_A_TRY_SECONDS)
                return
            is_due = due_at is not None and due_at <= self._database.clock()
            if is_due or self._database.version() != version:
                return


def send_within(attempt: Attempt, page: Page, url: str | None, settings: Settings) -> Outcome:
    """Send the page within the attempt's time and networks. Never raises."""
    try:
        with attempt:
            outcome = channels.send(page, url, settings, now=clock.now())
    except RuntimeError:  # the watchdog thread could not be started
        return Outcome(False, "no thread was available")
    if attempt.is_refused and not outcome.delivered:
        return Outcome(False, "leads to an address that is not public")
    # To a library, a connection that was shut down may look like an answer.
    return Outcome(False, "took too long") if attempt.is_cut else outcome


def _next_due_at(database: Database) -> datetime | None:
    with database.read() as db:
        next_ones = [timers.next_due_at(db), deliveries.next_due_at(db)]
    due = [parse_instant(due_at) for due_at in next_ones if due_at is not None]
    return min(due) if due else None
