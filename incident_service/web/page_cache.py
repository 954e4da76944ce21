"""Public answers, kept as they were made until something that they show changes (contract §7)."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from cachetools import LRUCache
from flask import Flask, Response, current_app, request

from incident_service import clock
from incident_service.database.file import Connection, Database
from incident_service.http.middleware import check_without_key
from incident_service.status import public_view
from incident_service.store import Row

MAX_BYTES = 16 * 1024 * 1024
"""How much a process keeps of answers; those that were not asked for longest go first."""

PERIOD = timedelta(minutes=5)
"""Answers tell of the instant at which the last such period ended. So an open outage goes on taking
from the uptime while nothing else changes, and all processes give the same answer."""

MAKING = 64
"""How many answers a process makes at once at the most."""

CACHE_CONTROL = "public, max-age=10"

_Key = tuple[str, str]
"""What was asked for: the kind of answer, and the page's slug."""

_Version = tuple[str, int, datetime]
"""What an answer was made of: the page, its organization's revision, and the instant."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer's body, and the ETag that follows from it alone."""

    version: _Version
    body: bytes
    etag: str


class Answers:
    """The answers that this process keeps."""

    def __init__(self) -> None:
        self._kept: LRUCache[_Key, Answer] = LRUCache(
            MAX_BYTES, getsizeof=lambda answer: len(answer.body)
        )
        self._lock = threading.Lock()
        self._making = [threading.Lock() for _ in range(MAKING)]

    def get(self, key: _Key, version: _Version) -> Answer | None:
        """Return the answer, if it is of this version."""
        with self._lock:
            found = self._kept.get(key)
        return found if found is not None and found.version == version else None

    def put(self, key: _Key, version: _Version, body: bytes) -> Answer:
        """Keep an answer, unless it is too large, and return it."""
        answer = Answer(version, body, hashlib.sha256(body).hexdigest()[:32])
        with self._lock, suppress(ValueError):
            self._kept[key] = answer
        return answer

    def making(self, key: _Key) -> threading.Lock:
        """Return the lock under which an answer is made, so that only one thread makes it.

        Answers share a fixed number of locks: what may be asked for has no bound.
        """
        return self._making[hash(key) % MAKING]


def install(app: Flask) -> None:
    """Let the application keep public answers."""
    app.extensions["incident_service.page_cache"] = Answers()


def respond(
    kind: str, slug: str, mimetype: str, make: Callable[[Connection, Row, datetime], str]
) -> Response:
    """Answer with what `make` returns of the published page, or `304` where the client has it.

    `make` gets the page's row and the instant of which to tell, and is called only if this process
    has no answer of this kind, page, revision and instant. Raises `NotFound`, and `RateLimited` if
    it would be made.
    """
    database: Database = current_app.extensions["incident_service.database"]
    answers: Answers = current_app.extensions["incident_service.page_cache"]
    key = (kind, slug)
    with database.read_once() as db:
        version = _version(public_view.find(db, slug), _instant())
    answer = answers.get(key, version)
    if answer is None:
        check_without_key()  # never for one that is kept: in an outage many look, from one address
        # What is read is read after the wait, so that nothing is told that was redacted meanwhile.
        with answers.making(key), database.read() as db:
            page, now = public_view.find(db, slug), _instant()
            version = _version(page, now)
            answer = answers.get(key, version) or answers.put(
                key, version, make(db, page, now).encode()
            )
    if request.if_none_match.contains_weak(answer.etag):
        response = Response(status=304)
        del response.headers["Content-Type"]
    else:
        response = Response(answer.body, mimetype=mimetype)
    response.headers["Cache-Control"] = CACHE_CONTROL
    response.set_etag(answer.etag)
    return response


def _version(page: Row, now: datetime) -> _Version:
    return page["id"], page["public_revision"], now


def _instant() -> datetime:
    now = clock.now()
    return now - (now - clock.FIRST) % PERIOD
