"""The loop of the paging process: performs and fires what is due, and sends it in threads."""

from __future__ import annotations

import logging
import queue
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from incident_service import clock
from incident_service.clock import format_instant, parse_instant
from incident_service.config import Settings
from incident_service.database.engine import Connection, Database, savepoint
from incident_service.errors import Unavailable
from incident_service.paging import channels, delivery, fairness, firing, performing, presence
from incident_service.paging.connections import Attempt
from incident_service.paging.lookout import Lookout
from incident_service.paging.page import Mail, Message, Outcome
from incident_service.paging.turns import beginning_after
from incident_service.paging.workers import Workers
from incident_service.store import deliveries, tasks, timers

_log = logging.getLogger("incident_service.paging")

Purge = Callable[..., bool]
"""Deletes some of what is kept for a time only, in a write; returns whether there may be more."""

PURGE_EVERY = timedelta(hours=1)

PERFORMED_A_WRITE = 10
FIRED_A_WRITE = 10
"""Tasks, and incidents: few of them, so that the API does not wait long for its turn."""

DUE_SECONDS_A_ROUND = 0.25
"""For how long a round performs tasks, and fires, before what was fired is sent."""

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
    """Return for how long the oldest thing that no process has begun has been due, or 0.

    What goes to subscriptions does not count.
    """
    with database.read() as db:
        page_due_at = deliveries.page_due_at(db, format_instant(now))
        due_at = _earliest(timers.next_due_at(db), page_due_at, tasks.next_due_at(db))
    return max((now - due_at).total_seconds(), 0.0) if due_at else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class _Try:
    """A delivery under way."""

    delivery: delivery.Delivery
    attempt: Attempt
    began: float
    """In seconds of `time.monotonic`."""

    def running(self, now: float) -> fairness.Running:
        row = self.delivery.row
        return fairness.Running(
            row["id"],
            row["org_id"],
            row["recipient_id"],
            row["receiver"],
            now - self.began,
            row["rank"],
        )


Ended = tuple[_Try, Outcome]
"""A try, and its outcome."""


class Pager:
    """Pages until it is stopped. Any number of pagers may work on one file."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        *,
        perform: performing.Perform,
        purge: Purge,
    ) -> None:
        self._database = database
        self._settings = settings
        self._perform = perform
        self._purge = purge
        self._purged_at: datetime | None = None
        self._under_way: dict[str, _Try] = {}
        self._outcomes: queue.SimpleQueue[Ended] = queue.SimpleQueue()
        self._has_ended = threading.Event()
        self._unrecorded: list[Ended] = []
        self._hung: dict[tuple[str, str], None] = {}
        self._ended: deque[_Try] = deque(maxlen=MAX_ENDED_KNOWN)
        self._performed_last = ""
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
            except Unavailable as error:
                _log.error("paging waits for the database: %s", error.message)
                time.sleep(PAUSE_AFTER_FAULT_SECONDS)
            except Exception as error:  # the next round may succeed
                _log.error("paging failed", exc_info=error)
                time.sleep(PAUSE_AFTER_FAULT_SECONDS)
        self._stop()

    def work(self) -> bool:
        """Record what was sent, perform and fire what is due, begin to send what is due.

        Each in small writes: between them the API has its turns. Return whether all was performed
        and fired, and all was begun that has a place.
        """
        now = self._database.clock()
        presence.show(self._database, now)
        self._record_outcomes()
        is_performed = self._perform_tasks(now)
        is_fired = self._fire(now)
        is_begun = self._hand_out(now)
        self._purge_some(now)
        return is_performed and is_fired and is_begun

    def _stop(self) -> None:
        """Wait a short time for the tries under way, and record those that end."""
        until = time.monotonic() + STOP_SECONDS
        while self._under_way and time.monotonic() < until:
            self._record_outcomes()
            time.sleep(0.05)
        self._record_outcomes()

    def _perform_tasks(self, now: datetime) -> bool:
        """Perform what is due, a task of each organization in turn; return whether that is all."""

        def perform(org_ids: list[str]) -> None:
            last = self._database.write_some(
                beginning_after(self._performed_last, org_ids),
                PERFORMED_A_WRITE,
                performing.perform_due,
                self._perform,
                by_email=bool(self._settings.smtp_url),
                limit=PERFORMED_A_WRITE,
            )
            self._performed_last = last or self._performed_last

        return self._while_due(tasks.due_organizations, perform, now)

    def _purge_some(self, now: datetime) -> None:
        """Delete some of what has expired, if it was not done for a time."""
        if self._purged_at is not None and abs(now - self._purged_at) < PURGE_EVERY:
            return
        is_more = False
        try:
            is_more = self._database.write(None, self._purge)
        except Exception as error:  # pages go on
            _log.error("what has expired could not be deleted", exc_info=error)
        if not is_more:
            self._purged_at = now

    def _fire(self, now: datetime) -> bool:
        """Fire what is due, an incident of each organization in turn; return whether it is all."""

        def fire(org_ids: list[str]) -> None:
            last = self._database.write_some(
                beginning_after(self._fired_last, org_ids),
                FIRED_A_WRITE,
                firing.fire_due,
                by_email=bool(self._settings.smtp_url),
                limit=FIRED_A_WRITE,
            )
            self._fired_last = last or self._fired_last

        return self._while_due(timers.due_organizations, fire, now)

    def _while_due(
        self,
        due: Callable[[Connection, str], list[str]],
        work: Callable[[list[str]], None],
        now: datetime,
    ) -> bool:
        """Do work for the organizations that have something due, for a short time.

        Return whether nothing is due any more.
        """
        until = time.monotonic() + DUE_SECONDS_A_ROUND
        while True:
            with self._database.read() as db:
                org_ids = due(db, format_instant(now))
            if not org_ids or time.monotonic() >= until:
                return not org_ids
            work(org_ids)

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
                row["id"], row["org_id"], row["recipient_id"], row["receiver"], row["rank"]
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
            taken = self._database.write_some(
                _distinct(org_id for org_id, _ in some),
                TAKEN_A_WRITE,
                self._claim,
                some,
                base_url=self._settings.public_url,
                by_email=bool(self._settings.smtp_url),
            )
            for one in taken:
                self._begin(one)
        return len(wanted) <= STARTED_A_ROUND

    def _begin(self, one: delivery.Delivery) -> None:
        # The operator chose the mail server, so it may be anywhere.
        networks = self._settings.delivery_networks if one.url is not None else "any"
        this = _Try(one, Attempt(TRY_SECONDS, networks), time.monotonic())
        self._under_way[one.message.id] = this
        try:
            self._workers.do(partial(self._send, this), partial(self._end, this))
        except RuntimeError:
            self._end(this, Outcome(False, "no thread was available"))

    def _send(self, this: _Try) -> Outcome:
        try:
            return send_within(
                this.attempt, this.delivery.message, this.delivery.url, self._settings
            )
        except BaseException as error:
            return Outcome(False, f"failed with {type(error).__name__}")

    def _end(self, this: _Try, outcome: Outcome) -> None:
        self._outcomes.put((this, outcome))
        self._has_ended.set()
        delivery.log_outcome(this.delivery.row, outcome)

    def _record_outcomes(self) -> None:
        """Record the tries that have ended; if that fails, the next round tries again."""
        self._has_ended.clear()
        while not self._outcomes.empty():
            ended = self._outcomes.get()
            self._unrecorded.append(ended)
            self._ended.append(ended[0])
            self._remember(ended)
            del self._under_way[ended[0].delivery.message.id]
        while self._unrecorded:
            some = self._unrecorded[:RECORDED_A_WRITE]
            recorded = self._database.write_some(
                _distinct(each.delivery.row["org_id"] for each, _ in some),
                RECORDED_A_WRITE,
                self._record,
                some,
            )
            if not recorded:
                return
            self._unrecorded = [each for each in self._unrecorded if each[0] not in recorded]

    def _remember(self, ended: Ended) -> None:
        """Remember whether the receiver hung."""
        this, outcome = ended
        row = this.delivery.row
        if fairness.is_event(row["rank"]):  # a page that goes there too must not wait for it
            return
        key = row["org_id"], row["receiver"]
        self._hung.pop(key, None)
        is_slow = time.monotonic() - this.began >= fairness.SLOW_SECONDS
        if is_slow and not outcome.delivered:
            self._hung[key] = None
            if len(self._hung) > MAX_HUNG_KNOWN:
                del self._hung[next(iter(self._hung))]

    @staticmethod
    def _claim(
        db: Connection, org_ids: Sequence[str], wanted: Sequence[tuple[str, str]], **options: Any
    ) -> list[delivery.Delivery]:
        """Claim those of the organizations, as `delivery.claim` does."""
        return delivery.claim(db, [one for one in wanted if one[0] in org_ids], **options)

    @staticmethod
    def _record(
        db: Connection, org_ids: Sequence[str], outcomes: Sequence[Ended], *, now: datetime
    ) -> list[_Try]:
        """Record the outcomes of tries of the organizations; return those tries."""
        recorded = []
        for this, outcome in outcomes:
            if this.delivery.row["org_id"] not in org_ids:
                continue
            recorded.append(this)
            try:
                with savepoint(db):
                    delivery.record(db, this.delivery, outcome, now=now, jitter=random.random())
            except Exception:
                if not db.in_transaction:
                    raise
                _log.exception(
                    "an outcome could not be recorded",
                    extra={"deliveryId": this.delivery.message.id},
                )
        return recorded

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


def _distinct(org_ids: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(org_ids))


def send_within(
    attempt: Attempt, message: Message | Mail, url: str | None, settings: Settings
) -> Outcome:
    """Send the message within the attempt's time and networks. Never raises."""
    try:
        with attempt:
            outcome = channels.send(message, url, settings, now=clock.now())
    except RuntimeError:  # the watchdog thread could not be started
        return Outcome(False, "no thread was available")
    if attempt.is_refused and not outcome.delivered:
        return Outcome(False, "leads to an address that is not public")
    # To a library, a connection that was shut down may look like an answer.
    return Outcome(False, "took too long") if attempt.is_cut else outcome


def _next_due_at(database: Database) -> datetime | None:
    with database.read() as db:
        return _earliest(timers.next_due_at(db), deliveries.next_due_at(db), tasks.next_due_at(db))


def _earliest(*instants: str | None) -> datetime | None:
    return min((parse_instant(at) for at in instants if at is not None), default=None)
