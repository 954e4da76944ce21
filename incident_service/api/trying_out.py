"""Sending test messages: a few at a time, and an answer that says what came of each (§8)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from marshmallow import fields

from incident_service.config import Settings
from incident_service.errors import Busy
from incident_service.http.schemas import Schema
from incident_service.paging import pager
from incident_service.paging.connections import Attempt
from incident_service.paging.page import Message, Outcome

TEST_SECONDS = 9.0
"""Less than the 10 seconds within which the answer must be there (contract §8)."""

TESTS_AT_ONCE = 2
"""In one process, because each test keeps a thread of the API busy."""


class TestOutcomeSchema(Schema):
    """The outcome of a test message."""

    delivered = fields.Boolean()
    """Whether the message was delivered."""
    reason = fields.String(allow_none=True)
    """Why the message was not delivered; null if it was."""


class _Tests:
    """The tests that this process is sending."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._receivers: set[tuple[str, str]] = set()

    @contextmanager
    def one_of(self, receiver: tuple[str, str]) -> Iterator[None]:
        """Hold a place for a receiver, given organization and id. Raises `Busy` if none is free."""
        with self._lock:
            if receiver in self._receivers or len(self._receivers) >= TESTS_AT_ONCE:
                raise Busy("Another test message is being sent. Try again in a few seconds.")
            self._receivers.add(receiver)
        try:
            yield
        finally:
            with self._lock:
                self._receivers.discard(receiver)


_tests = _Tests()


def try_out(message: Message, url: str, settings: Settings, *, receiver_id: str) -> Outcome:
    """Send the message now, and return what came of it.

    `receiver_id`: whom it is for. Raises `Busy` if another one for them is being sent, or too many.
    """
    with _tests.one_of((message.org_id, receiver_id)):
        attempt = Attempt(TEST_SECONDS, settings.delivery_networks)
        return pager.send_within(attempt, message, url, settings)
