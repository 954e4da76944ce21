"""Keeps rendered status pages until something that they show changes (contract §7)."""

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
from incident_service.database.engine import Connection, Database
from incident_service.http.middleware import check_without_key
from incident_service.status import public_maintenance, public_view
from incident_service.store import Row

MAX_BYTES = 16 * 1024 * 1024
"""How much one process keeps. The least recently requested answers go first."""

PERIOD = timedelta(minutes=5)
"""Answers show the state at the end of the last full period, or at the latest begin or end of
maintenance since. So an open outage keeps lowering the uptime while nothing else changes, and all
processes give the same answer."""

RENDER_LOCKS = 64
"""The most answers that one process renders at once."""

CACHE_CONTROL = "public, max-age=10"

_Key = tuple[str, str]
"""What was requested: the kind of answer, and the status page's slug."""


@dataclass(frozen=True, slots=True)
class Version:
    """What an answer shows: a status page at a revision of its organization, and at an instant.

    It is right while `since <= t < until`, and shows the instant `since`.
    """

    page_id: str
    revision: int
    since: datetime
    until: datetime

    def is_right(self, status_page: Row, now: datetime) -> bool:
        """Whether this is still what the status page shows."""
        shown = (status_page["id"], status_page["public_revision"])
        return (self.page_id, self.revision) == shown and self.since <= now < self.until


@dataclass(frozen=True, slots=True)
class Answer:
    """A rendered body, and its ETag, which depends on nothing but the body."""

    version: Version
    body: bytes
    etag: str


class PageCache:
    """The answers that this process keeps."""

    def __init__(self) -> None:
        self._kept: LRUCache[_Key, Answer] = LRUCache(
            MAX_BYTES, getsizeof=lambda answer: len(answer.body)
        )
        self._lock = threading.Lock()
        self._render_locks = [threading.Lock() for _ in range(RENDER_LOCKS)]

    def get(self, key: _Key, status_page: Row, now: datetime) -> Answer | None:
        """Return the answer if the cache has it, and it is right."""
        with self._lock:
            answer = self._kept.get(key)
        return answer if answer and answer.version.is_right(status_page, now) else None

    def put(self, key: _Key, version: Version, body: bytes) -> Answer:
        """Keep an answer, unless it is too large. Return it in any case."""
        answer = Answer(version, body, hashlib.sha256(body).hexdigest()[:32])
        with self._lock, suppress(ValueError):
            self._kept[key] = answer
        return answer

    def render_lock(self, key: _Key) -> threading.Lock:
        """Return the lock to hold while rendering, so that only one thread renders this answer.

        Answers share a fixed number of locks, because the number of possible keys has no bound.
        """
        return self._render_locks[hash(key) % RENDER_LOCKS]


def install(app: Flask) -> None:
    """Give the application an empty cache."""
    app.extensions["incident_service.page_cache"] = PageCache()


def respond(
    kind: str, slug: str, mimetype: str, render: Callable[[Connection, Row, datetime], str]
) -> Response:
    """Answer with what `render` returns for the published status page, or `304` if unchanged.

    `render` gets a connection, the status page's row and the instant to show. It is called only if
    the cache has no answer of this kind that is right for this status page now. Raises
    `NotFound`, and `RateLimited` if the answer is not in the cache and the client asks too often.
    """
    database: Database = current_app.extensions["incident_service.database"]
    cache: PageCache = current_app.extensions["incident_service.page_cache"]
    key = (kind, slug)
    with database.read_once() as db:
        status_page = public_view.find(db, slug)
    answer = cache.get(key, status_page, clock.now())
    if answer is None:
        # Never for a kept answer: in an outage, many people look, often from one address.
        check_without_key()
        # Read after the wait for the lock, so that what was redacted meanwhile is not shown.
        with cache.render_lock(key), database.read() as db:
            status_page, now = public_view.find(db, slug), clock.now()
            answer = cache.get(key, status_page, now)
            if answer is None:
                version = _version(db, status_page, now)
                body = render(db, status_page, version.since).encode()
                answer = cache.put(key, version, body)
    if request.if_none_match.contains_weak(answer.etag):
        response = Response(status=304)
        del response.headers["Content-Type"]
    else:
        response = Response(answer.body, mimetype=mimetype)
    response.headers["Cache-Control"] = CACHE_CONTROL
    response.set_etag(answer.etag)
    return response


def _version(db: Connection, status_page: Row, now: datetime) -> Version:
    """Return what to show now: since the last full period, or the maintenance that turned later."""
    start = now - (now - clock.FIRST) % PERIOD
    since, until = public_maintenance.unchanged(db, status_page, start, start + PERIOD, now=now)
    return Version(status_page["id"], status_page["public_revision"], since, until)
