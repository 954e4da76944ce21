"""Public answers, kept as they were made until something that they show changes (contract §7)."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from flask import Flask, Response, current_app, request

from incident_service import clock, public_page
from incident_service.db import Connection, Database
from incident_service.store import Row

MAX_KEPT = 32
"""How many answers a process keeps."""

CACHE_CONTROL = "public, max-age=10"

_Version = tuple[str, int, date]
"""What an answer was made of: the page, its organization's revision, and the day."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer's body, and the ETag that follows from it alone."""

    version: _Version
    body: bytes
    etag: str


class Answers:
    """The answers that this process keeps, by what was asked for."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], Answer] = {}
        self._lock = threading.Lock()

    def get(self, key: tuple[str, str], version: _Version, make: Callable[[], str]) -> Answer:
        """Return the answer of this version; many who ask at once wait while one makes it."""
        found = self._kept.get(key)
        if found is not None and found.version == version:
            return found
        with self._lock:
            found = self._kept.get(key)
            if found is not None and found.version == version:
                return found
            body = make().encode()
            found = Answer(version, body, hashlib.sha256(body).hexdigest()[:32])
            self._kept.pop(key, None)
            self._kept[key] = found
            while len(self._kept) > MAX_KEPT:
                del self._kept[next(iter(self._kept))]
            return found


def install(app: Flask) -> None:
    """Let the application keep public answers."""
    app.extensions["incident_service.rendered"] = Answers()


def respond(
    kind: str, slug: str, mimetype: str, make: Callable[[Connection, Row, datetime], str]
) -> Response:
    """Answer with what `make` returns of the published page, or `304` where the client has it.

    `make` gets the page's row and the instant, and is called only where this process has no answer
    of this kind, page, revision and day. Raises `NotFound`.
    """
    database: Database = current_app.extensions["incident_service.database"]
    answers: Answers = current_app.extensions["incident_service.rendered"]
    now = clock.now()
    with database.read() as db:
        page = public_page.find(db, slug)
        version = (page["id"], page["public_revision"], now.date())
        answer = answers.get((kind, slug), version, lambda: make(db, page, now))
    if request.if_none_match.contains_weak(answer.etag):
        response = Response(status=304)
        del response.headers["Content-Type"]
    else:
        response = Response(answer.body, mimetype=mimetype)
    response.headers["Cache-Control"] = CACHE_CONTROL
    response.set_etag(answer.etag)
    return response
