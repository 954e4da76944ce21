"""`python -m tests.soak.everything`: no deadlock, and no fault, when everything happens at once.

Two machines serve and page on one PostgreSQL server of their own. Clients of both open incidents
and work on them, edit users, schedules, policies, components and status pages, sign in, and make
organizations, while what expired is deleted. At the end the server must have found no deadlock, and
nobody may have been answered with a fault. The exit status is 1 where a check fails.
"""

from __future__ import annotations

import argparse
import itertools
import os
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, HTTPRedirectHandler, build_opener, urlopen

from incident_service import clock
from incident_service.alerts.purges import purge
from incident_service.config import ServerUrl, Settings
from incident_service.database.server import ServerDatabase
from incident_service.people import organizations, sign_in_links
from tests.helpers import clusters
from tests.helpers.figures import Figures, parse
from tests.helpers.place import SCHEMES, Place
from tests.helpers.receivers import receiving
from tests.helpers.servers import Server, running
from tests.soak.checks import Check

WAITS = "incident_service_write_wait_seconds"
PAUSE_SECONDS = 0.1
RETRIES = "incident_service_write_retries_total"


class _Stays(HTTPRedirectHandler):
    """Follows no redirect: where a sign-in leads is not what is asked here."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Crowd:
    """Clients, each of which does one thing over and over; what they were answered is counted."""

    def __init__(self, servers: list[Server], place: Place, where: ServerUrl) -> None:
        self._servers = servers
        self._place = place
        self._where = where
        self._turns = itertools.count()
        self._is_stopped = threading.Event()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self.answers: Counter[str] = Counter()
        self.faults: list[str] = []

    def start(self) -> None:
        """Let them begin."""
        crowd: dict[Callable[[Any], None], int] = {
            self._respond: 6, self._alert: 1, self._edit_user: 1, self._edit_schedule: 1,
            self._edit_policy: 1, self._edit_page: 1, self._sign_in: 1, self._make_organization: 1,
            self._purge: 1, self._move_on: 1,
        }  # fmt: skip
        for work, number in crowd.items():
            for _ in range(number):
                thread = threading.Thread(target=self._repeat, args=(work,))
                thread.start()
                self._threads.append(thread)

    def stop(self) -> None:
        """Let each come to the end of what it is doing."""
        self._is_stopped.set()
        for thread in self._threads:
            thread.join()

    def _repeat(self, work: Callable[[Any], None]) -> None:
        database = ServerDatabase(self._where)
        database.retried = lambda: self._count("retry of the soak's own")
        for number in itertools.count():
            if self._is_stopped.is_set():
                return
            try:
                work((f"{work.__name__}-{threading.get_ident()}-{number}", database))
            except Exception as error:
                with self._lock:
                    self.faults.append(f"{work.__name__}: {error!r}")
                self._is_stopped.wait(0.2)

    def _count(self, what: str) -> None:
        with self._lock:
            self.answers[what] += 1

    def _ask(self, method: str, path: str, body: Any = None, *, key: str = "") -> Any:
        server = self._servers[next(self._turns) % len(self._servers)]
        headers = {"Authorization": f"Bearer {key or self._place.made.key}"}
        status, answer, _ = server.request(method, path, body, headers)
        code = answer.get("code", "") if answer else ""
        route = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "…", path) if code else ""
        self._count(f"{status} {code} {method if code else ''} {route}".strip())
        if status >= 500 and status != 503:
            with self._lock:
                self.faults.append(f"{method} {path}: {answer}")
        if status >= 400:
            return None
        return answer["data"] if answer else None

    def _make(self, path: str, body: Any) -> str | None:
        made = self._ask("POST", path, body)
        return made and str(made["id"])

    def _respond(self, turn: Any) -> None:
        """Open an incident, and work on it to its end."""
        made = self._place.made
        new = {
            "title": turn[0],
            "severity": "high",
            "ownerScheduleId": made.schedule_id,
            "componentIds": [made.component_id],
        }
        id = self._make("/v1/incidents", new)
        if id is None:
            return
        path = f"/v1/incidents/{id}"
        self._ask("POST", f"{path}/acknowledge")
        self._ask("POST", f"{path}/responders", {"userIds": ["ada"]})
        self._ask("POST", f"{path}/updates", {"visibility": "public", "body": "We look into it."})
        self._ask("PATCH", path, {"severity": "critical"})
        self._ask("POST", f"{path}/snooze", {"minutes": 5})
        self._ask("POST", f"{path}/handoff", {"targetUserId": "ben"})
        self._ask("POST", f"{path}/escalate")
        self._ask("POST", f"{path}/resolve", {"resolutionNote": "Rolled back."})

    def _alert(self, turn: Any) -> None:
        """Connect a monitoring tool, send its alerts, and disconnect it."""
        made = self._ask("POST", "/v1/integrations/inbound", {"name": turn[0], "kind": "generic"})
        if made is None:
            return
        for status in ("firing", "resolved"):
            alert = {"title": turn[0], "status": status, "dedupKey": turn[0]}
            self._ask("POST", "/v1/alerts/in", alert, key=made["token"])
        self._ask("DELETE", f"/v1/integrations/inbound/{made['id']}")

    def _edit_user(self, turn: Any) -> None:
        id = self._make("/v1/users", {"email": f"{turn[0]}@example.com", "role": "org:member"})
        self._ask("PATCH", "/v1/users/ada", {"firstName": turn[0]})
        if id is None:
            return
        method = {"label": "test", "url": "https://chat.example.com/hooks/7f3a9c21"}
        self._ask("POST", f"/v1/users/{id}/contact-methods", method)
        self._ask("PATCH", f"/v1/users/{id}", {"lastName": "Hopper"})
        self._ask("DELETE", f"/v1/users/{id}")

    def _edit_schedule(self, turn: Any) -> None:
        path = f"/v1/oncall/schedules/{self._place.made.schedule_id}/overrides"
        begins = clock.now() + timedelta(days=1)
        override = {
            "userId": "ben",
            "startsAt": clock.format_instant(begins),
            "endsAt": clock.format_instant(begins + timedelta(hours=1)),
        }
        id = self._make(path, override)
        if id is not None:
            self._ask("PATCH", f"{path}/{id}", {"reason": turn[0]})
            self._ask("DELETE", f"{path}/{id}")
        schedule = {"name": turn[0], "timezone": "Europe/Berlin"}
        id = self._make("/v1/oncall/schedules", schedule)
        if id is not None:
            self._ask("DELETE", f"/v1/oncall/schedules/{id}")

    def _edit_policy(self, turn: Any) -> None:
        path = f"/v1/escalation/policies/{self._place.made.policy_id}"
        self._ask("PATCH", path, {"description": turn[0]})
        layer = {"ackTimeoutMinutes": 1, "target": {"type": "users", "userIds": ["ben"]}}
        id = self._make(f"{path}/layers", layer)
        if id is not None:
            self._ask("DELETE", f"{path}/layers/{id}")

    def _edit_page(self, turn: Any) -> None:
        component_id = self._make("/v1/components", {"name": turn[0]})
        if component_id is None:
            return
        page = {
            "slug": re.sub("[^a-z0-9]+", "-", turn[0]).strip("-"),
            "title": "Acme",
            "published": True,
            "componentIds": [component_id, self._place.made.component_id],
        }
        id = self._make("/v1/status-pages", page)
        if id is not None:
            self._ask("PATCH", f"/v1/status-pages/{id}", {"title": turn[0][:100]})
            self._ask("DELETE", f"/v1/status-pages/{id}")
        self._ask("DELETE", f"/v1/components/{component_id}")

    def _sign_in(self, turn: Any) -> None:
        """Sign in by a link and with a key, and ask for a link by mail; each in a new browser."""
        made, database = self._place.made, turn[1]
        link = database.write(made.org_id, sign_in_links.create, made.org_id, "ada")
        self._sign(f"/sign-in/{link['token']}", f"/sign-in/{link['token']}", {})
        self._sign("/sign-in", "/sign-in/key", {"key": made.key})
        self._sign("/sign-in", "/sign-in/mail", {"email": "ada@example.com"})

    def _sign(self, at: str, path: str, form: dict[str, str]) -> None:
        server = self._servers[next(self._turns) % len(self._servers)]
        address = f"http://127.0.0.1:{server.port}"
        browser = build_opener(HTTPCookieProcessor(), _Stays())
        try:
            with browser.open(address + at, timeout=60) as page:
                (token,) = {*re.findall(r'name="csrf_token" value="([^"]+)"', page.read().decode())}
            values = urlencode({"csrf_token": token, **form}).encode()
            status = browser.open(address + path, values, timeout=60).status
        except HTTPError as error:
            status = error.code
        self._count(f"{path.rpartition('/')[0]}/… {status}")
        if status >= 500 and status != 503:
            with self._lock:
                self.faults.append(f"POST {path}: {status}")

    def _make_organization(self, turn: Any) -> None:
        turn[1].write(None, organizations.create, name=turn[0])
        self._count("organization made")
        self._is_stopped.wait(PAUSE_SECONDS)

    def _purge(self, turn: Any) -> None:
        """Delete what has expired, as if much time had passed."""
        turn[1].clock = lambda: clock.now() + timedelta(days=8)
        turn[1].write(None, purge)
        self._count("purge")
        self._is_stopped.wait(PAUSE_SECONDS)

    def _move_on(self, turn: Any) -> None:
        """Let the time of layers and of what is tried again come early, so that pagers work."""
        self._is_stopped.wait(2)
        self._place.let_a_minute_pass()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.soak.everything")
    parser.add_argument("--minutes", type=float, default=10.0)
    minutes = parser.parse_args().minutes
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the servers end
    with tempfile.TemporaryDirectory() as folder:
        failed = 0
        for check in soak(Path(folder), 60 * minutes):
            print(f"{'ok  ' if check.holds else 'FAIL'}  {check.name:40}{check.figure}", flush=True)
            failed += not check.holds
    sys.exit(1 if failed else 0)


def soak(folder: Path, seconds: float) -> Iterator[Check]:
    """Run it, and return what was found."""
    with ExitStack() as stack:
        data = stack.enter_context(clusters.folders())
        cluster = stack.enter_context(clusters.cluster(data / "server"))
        receiver = stack.enter_context(receiving())
        place = Place(folder / "soak.db", cluster.url())
        for user in ("ada", "ben"):
            place.user(user, receiver.url("http"))
        variable = Settings(database=cluster.url()).database_variable
        environment = {**SCHEMES, "INCIDENT_SERVICE_DATABASE": variable}
        servers = [
            stack.enter_context(running(place.path, environment=environment)) for _ in range(2)
        ]
        crowd = Crowd(servers, place, cluster.url())
        began = time.monotonic()
        crowd.start()
        try:
            time.sleep(seconds)
        finally:
            crowd.stop()
        took = time.monotonic() - began
        counted = ", ".join(f"{number} × {what}" for what, number in sorted(crowd.answers.items()))
        load = "/".join(f"{each:.0f}" for each in os.getloadavg())
        figure = f"{took / 60:.1f} min, load {load}: {counted}"
        yield Check("nobody was answered with a fault", not crowd.faults, figure)
        for fault in crowd.faults[:10]:
            yield Check("fault", False, fault)
        log = cluster.log.read_text()
        waits = len(re.findall("still waiting for", log))
        found = cluster.deadlocks()
        yield Check("no deadlock", not found, f"{found}; {waits} waits of more than a second")
        figures = [_figures(server) for server in servers]
        retries = sum(each.get((RETRIES, ()), 0) for each in figures)
        turns = sum(each.get((f"{WAITS}_count", ()), 0) for each in figures)
        waited = sum(each.get((f"{WAITS}_sum", ()), 0) for each in figures)
        average = f"{waited / max(turns, 1) * 1000:.1f} ms"
        yield Check("no write ran again", not retries, f"{retries:.0f} of {turns:.0f}; {average}")
        errors = sum(server.log.read_text().count("Traceback") for server in servers)
        yield Check("no fault in the logs", not errors, f"{errors}")
        pages = f"{len(receiver.got)} pages, {place.count('incidents')} incidents"
        yield Check("people were paged", len(receiver.got) > 0, pages)
        if errors or found:
            _keep([cluster.log, *(server.log for server in servers)])


def _keep(logs: list[Path]) -> None:
    """Copy what was logged to where it outlives the soak, and say where."""
    folder = Path(tempfile.mkdtemp(prefix="soak-"))
    for log in logs:
        shutil.copy(log, folder / f"{log.parent.name}-{log.name}")
    print(f"The logs are in {folder}.", file=sys.stderr)


def _figures(server: Server) -> Figures:
    with urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=60) as answer:
        return parse(answer.read().decode())


if __name__ == "__main__":
    main()
