"""Asking the service: each answer goes into the journal, and so does each that never came."""

from __future__ import annotations

import http.client
import json
import time
from dataclasses import dataclass
from typing import Any

from tests.soak.journal import Journal

RETRY_SECONDS = 1.0
"""After a 503."""

CUT_SECONDS = 0.05
"""After a cut."""

GIVE_UP_SECONDS = 90.0


class Cut(Exception):
    """The connection ended before the answer did."""


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def data(self) -> Any:
        """The `data` of a JSON answer."""
        return json.loads(self.body)["data"]

    @property
    def code(self) -> str:
        """The error's code, or nothing."""
        if self.status < 400 or not self.body.startswith(b"{"):
            return ""
        return str(json.loads(self.body)["code"])


class Asker:
    """Asks with one key, each time on a connection of its own."""

    def __init__(self, port: int, key: str, journal: Journal) -> None:
        self._port = port
        self._key = key
        self._journal = journal

    def get(
        self, path: str, *, kind: str = "read", headers: dict[str, str] | None = None
    ) -> Answer | None:
        """Return an answer, or `None` where the connection was cut."""
        try:
            return self._ask("GET", path, kind, headers=headers)
        except Cut:
            return None

    def write(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        *,
        once: bool = False,
    ) -> Answer:
        """Return an answer that is not 503. Raises `Cut` with `once`; else it asks again."""
        until = time.monotonic() + GIVE_UP_SECONDS
        while time.monotonic() < until:
            try:
                answer = self._ask(method, path, "write", body, headers)
                if answer.status != 503:
                    return answer
                time.sleep(RETRY_SECONDS)
            except Cut:
                if once:
                    raise
                time.sleep(CUT_SECONDS)
        raise TimeoutError(f"{method} {path}")

    def _ask(
        self,
        method: str,
        path: str,
        kind: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        payload = None if body is None else json.dumps(body)
        always = {
            "Authorization": f"Bearer {self._key}",
            "Connection": "close",
            "Content-Type": "application/json",
        }
        try:
            connection.request(method, path, payload, {**always, **(headers or {})})
            got = connection.getresponse()
            answer = Answer(got.status, got.read(), dict(got.getheaders()))
        except (OSError, http.client.HTTPException) as error:
            self._journal.note_cut()
            raise Cut from error
        finally:
            connection.close()
        self._journal.note(kind, answer.status, answer.code, answer.body.decode())
        return answer
