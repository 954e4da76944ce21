"""Many who read reports at once: one is made at a time, and the service does its other work."""

from __future__ import annotations

import queue
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from incident_service.http import report_turns
from incident_service.http.report_turns import AT_ONCE
from incident_service.reports import incidents, on_call
from tests.helpers.console import signed_in
from tests.helpers.world import World

READERS = 8

SECONDS = 60
"""How long anything may take on a busy machine."""


class Slow:
    """Reports that take until they are let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go = threading.Event()
        self.most = 0
        self._made = 0
        for module in (incidents, on_call):
            monkeypatch.setattr(module, "report", self._slow(module.report))

    def _slow(self, report: Any) -> Any:
        def wait_and_report(*args: Any, **named: Any) -> Any:
            self._made += 1
            self.most = max(self.most, self._made)
            assert self.go.wait(SECONDS)
            found = report(*args, **named)
            self._made -= 1
            return found

        return wait_and_report


@pytest.mark.parametrize("path", ["incidents", "incidents.csv", "oncall", "oncall.csv"])
def test_too_many_readers_are_refused_and_an_incident_opens_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(report_turns, "WAIT_SECONDS", SECONDS)
    slow = Slow(monkeypatch)
    answers: queue.Queue[Any] = queue.Queue()
    headers = {"Authorization": f"Bearer {world.made.key}"}

    def read() -> None:
        answers.put(world.app.test_client().get(f"/v1/reports/{path}", headers=headers))

    with ThreadPoolExecutor(READERS) as pool:
        for _ in range(READERS):
            pool.submit(read)
        try:
            for _ in range(READERS - AT_ONCE):
                refused = answers.get(timeout=SECONDS)
                assert (refused.status_code, refused.json["code"]) == (503, "busy")
                assert int(refused.headers["Retry-After"]) >= 1
            assert world.post().status_code == 201
        finally:
            slow.go.set()
        assert {answers.get(timeout=SECONDS).status_code for _ in range(AT_ONCE)} == {200}
    assert slow.most == 1
    assert world.call("GET", f"reports/{path}").status_code == 200


@pytest.mark.parametrize("path", ["", "/incidents.csv", "/oncall.csv"])
def test_the_console_waits_for_the_same_turn(
    world: World, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    slow = Slow(monkeypatch)
    answers: queue.Queue[Any] = queue.Queue()
    browsers = [signed_in(world) for _ in range(READERS)]

    def read(browser: Any) -> None:
        answers.put(browser.get(f"/reports{path}"))

    with ThreadPoolExecutor(READERS) as pool:
        for browser in browsers:
            pool.submit(read, browser)
        try:
            for _ in range(READERS - AT_ONCE):
                assert answers.get(timeout=SECONDS).status_code == 503
        finally:
            slow.go.set()
        assert {answers.get(timeout=SECONDS).status_code for _ in range(AT_ONCE)} == {200}
    assert slow.most == 1


def test_a_reader_whose_turn_does_not_come_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_turns, "WAIT_SECONDS", 0.01)
    with report_turns.report_turn():
        refused = world.call("GET", "reports/incidents")
    assert (refused.status_code, refused.json["code"]) == (503, "busy")
    assert world.call("GET", "reports/incidents").status_code == 200
