"""The clients of a soak: people and programs, each in a thread, who do what they do all day."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.soak.asking import Asker, Cut
from tests.soak.journal import Journal, Pages


class Stopped(Exception):
    """All clients are to stop."""


@dataclass(frozen=True)
class Place:
    """Where the service is, and what it has to open incidents with."""

    port: int
    key: str
    schedule_id: str
    on_call_id: str
    second_id: str
    """Whom the policy's second layer pages, after a minute."""
    component_id: str
    """On the status page."""
    inner_id: str
    """A component on no page."""
    slug: str


class Clients:
    """All of them; they share a journal, and stop when they are told to."""

    def __init__(self, place: Place, journal: Journal, pages: Pages) -> None:
        self._place = place
        self._journal = journal
        self._pages = pages
        self._asker = Asker(place.port, place.key, journal)
        self._is_stopped = threading.Event()
        self._threads: list[threading.Thread] = []
        self.faults: list[BaseException] = []

    def start(self) -> None:
        """Let them begin."""
        crowd: dict[Callable[[random.Random], None], int] = {
            self._live: 20, self._sleep_through: 4, self._read: 2, self._watch: 2, self._probe: 1,
        }  # fmt: skip
        for work, number in crowd.items():
            for n in range(number):
                thread = threading.Thread(
                    target=self._repeat, args=(work, random.Random(f"{work.__name__} {n}"))
                )
                thread.start()
                self._threads.append(thread)

    def stop(self) -> None:
        """Let each come to the end of what it is doing."""
        self._is_stopped.set()
        for thread in self._threads:
            thread.join()

    def _repeat(self, work: Callable[[random.Random], None], dice: random.Random) -> None:
        try:
            while not self._is_stopped.is_set():
                work(dice)
        except Stopped:
            pass
        except BaseException as error:
            self.faults.append(error)
            raise

    def _live(self, dice: random.Random) -> None:
        """Open an incident, be paged, acknowledge, tell of it, resolve it."""
        place = self._place
        is_shown = dice.random() < 0.1
        incident_id = self._open(place.component_id if is_shown else place.inner_id)
        link = None
        if dice.random() < 0.9:  # else somebody is faster than the page
            link = self._wait_for_page(incident_id, place.on_call_id)
        self._asker.get(f"/v1/incidents/{incident_id}")
        if link and dice.random() < 0.5:
            path = urlsplit(link).path
            acknowledged = self._asker.write("POST", path)
        else:
            acknowledged = self._asker.write("POST", f"/v1/incidents/{incident_id}/acknowledge")
        assert acknowledged.status == 200, acknowledged
        self._journal.note_acknowledged(incident_id)
        visibility = "public" if is_shown else "internal"
        for status in ("identified", "monitoring", "resolved"):
            self._update(incident_id, visibility)
            self._advance(incident_id, status)
            time.sleep(dice.uniform(0, 0.3))

    def _sleep_through(self, dice: random.Random) -> None:
        """Open an incident that nobody acknowledges until the second layer is paged."""
        incident_id = self._open(self._place.inner_id)
        self._wait_for_page(incident_id, self._place.on_call_id)
        self._wait_for_page(incident_id, self._place.second_id)
        answer = self._asker.write("POST", f"/v1/incidents/{incident_id}/acknowledge")
        assert answer.status == 200, answer
        self._journal.note_acknowledged(incident_id)

    def _read(self, dice: random.Random) -> None:
        """Look at the list, its next page, and who is on call."""
        found = self._asker.get("/v1/incidents?limit=50")
        if found and found.data["nextCursor"]:
            self._asker.get(f"/v1/incidents?limit=50&cursor={found.data['nextCursor']}")
        self._asker.get("/v1/incidents?severity=high&status=resolved")
        self._asker.get("/v1/oncall")
        self._asker.get(f"/v1/oncall/schedules/{self._place.schedule_id}/resolve")
        time.sleep(dice.uniform(0, 0.2))

    def _watch(self, dice: random.Random) -> None:
        """Look at the status page as customers do, with what was seen before in hand."""
        for path in ("", "/feed.atom", ".json"):
            path = f"/status/{self._place.slug}{path}"
            seen = self._asker.get(path, kind="page")
            if seen:
                headers = {"If-None-Match": seen.headers["ETag"]}
                self._asker.get(path, kind="page", headers=headers)
            time.sleep(dice.uniform(0, 0.2))

    def _probe(self, dice: random.Random) -> None:
        for path in ("/healthz", "/readyz"):
            self._asker.get(path, kind=path)
        time.sleep(0.5)

    def _open(self, component_id: str) -> str:
        """Open an incident, with one key however often it must be asked for; return its id."""
        body = {
            "title": "Payment service elevated error rate",
            "severity": "high",
            "ownerScheduleId": self._place.schedule_id,
            "componentIds": [component_id],
        }
        key = {"Idempotency-Key": str(uuid.uuid4())}
        answer = self._asker.write("POST", "/v1/incidents", body, key)
        assert answer.status == 201, answer
        self._journal.note_opened(answer.data["id"], answer.data["sequentialId"])
        return str(answer.data["id"])

    def _wait_for_page(self, incident_id: str, user_id: str) -> str:
        """Return the page's link. Raises `Stopped`; that it comes later is then checked."""
        self._journal.await_page(incident_id, user_id)
        while not self._is_stopped.is_set():
            if link := self._pages.link(incident_id, user_id):
                return link
            time.sleep(0.1)
        raise Stopped

    def _update(self, incident_id: str, visibility: str) -> None:
        path = f"/v1/incidents/{incident_id}/updates"
        body = {"visibility": visibility, "body": "We are looking into it."}
        try:
            answer = self._asker.write("POST", path, body, once=True)
        except Cut:
            return  # it may be there or not; sent again it would be there twice
        assert answer.status == 201, answer
        self._journal.note_update(incident_id, answer.data["id"])

    def _advance(self, incident_id: str, status: str) -> None:
        path = f"/v1/incidents/{incident_id}/status"
        answer = self._asker.write("PATCH", path, {"status": status})
        # Sent again after a cut, it may find itself done.
        assert answer.status == 200 or answer.code == "invalid_status_transition", answer
        if answer.status == 200:
            self._journal.note_status(incident_id, status)
