"""`/metrics` over several processes, of which some die (contract §9)."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from pathlib import Path
from urllib.request import urlopen

import pytest

from incident_service.http import metrics
from tests.helpers.figures import Figures, parse
from tests.helpers.place import SCHEMES, Place
from tests.helpers.provisioned import body, provision
from tests.helpers.receivers import receiving
from tests.helpers.servers import GENEROUS, Server, running
from tests.helpers.waiting import wait_for

OPENED = ("incident_service_requests_total", ("POST", "/v1/incidents", "201"))
WAITS = ("incident_service_write_wait_seconds_count", ())
RETRIES = ("incident_service_write_retries_total", ())
SENT = ("incident_service_pages_total", ("sent",))


def figures(server: Server) -> Figures:
    with urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=GENEROUS) as answer:
        return parse(answer.read().decode())


def workers(server: Server) -> list[int]:
    """Return the processes that answer, without the one that pages."""
    found = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(server.process.pid)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [int(line.split()[0]) for line in found.splitlines() if " page " not in line]


def folder_of(server: Server) -> Path:
    """Return where it counts: its paging process got it with its environment."""
    paging = subprocess.run(
        ["pgrep", "-f", f"page --parent {server.process.pid}$"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    variables = Path(f"/proc/{paging}/environ").read_text().split("\0")
    (found,) = (text for text in variables if text.startswith(metrics.FOLDER_VARIABLE))
    return Path(found.partition("=")[2])


def test_counts_of_all_processes_are_added_up_and_outlive_them(tmp_path: Path) -> None:
    (made,) = provision(tmp_path / "metrics.db")
    with running(tmp_path / "metrics.db", environment={"INCIDENT_SERVICE_WORKERS": "2"}) as server:
        for number in range(1, 3):
            for _ in range(20):
                assert server.open_incident(made.key, body(made))[0] == 201
            assert figures(server)[OPENED] == number * 20
            folder = folder_of(server)
            killed = {*workers(server)}
            for worker in killed:
                os.kill(worker, signal.SIGKILL)
            wait_for(lambda killed=killed: len({*workers(server)} - killed) == 2)  # type: ignore[misc]
        assert figures(server)[OPENED] == 40
        # The workers, their master, and on a server what pages: none of those that were killed.
        assert len(list(folder.glob("counter_*.db"))) <= 4
        server.stop()
    assert not folder.exists()


def test_requests_that_never_reach_the_application_are_counted(tmp_path: Path) -> None:
    with running(tmp_path / "refused.db") as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=GENEROUS) as client:
            client.sendall(b"no HTTP\r\n\r\n")
            assert client.makefile("rb").readline().split()[1] == b"400"
        refused = ("incident_service_requests_total", ("", "unmatched", "400"))
        assert figures(server)[refused] == 1


def test_pages_are_counted_whoever_sends_them_and_over_restarts(tmp_path: Path) -> None:
    place = Place(tmp_path / "pages.db")
    with receiving() as receiver, running(place.path, environment=SCHEMES) as server:
        place.open(5, owner_id=place.user("ben", receiver.url("http")))
        wait_for(lambda: figures(server).get(SENT) == 5)
    with running(place.path) as server:
        assert figures(server)[SENT] == 5


@pytest.mark.usefixtures("postgres")
def test_waits_of_the_paging_process_are_counted_on_a_server(tmp_path: Path) -> None:
    place = Place(tmp_path / "waits.db")
    with receiving() as receiver, running(place.path, environment=SCHEMES) as machine:
        place.open(owner_id=place.user("ben", receiver.url("http")))
        wait_for(lambda: figures(machine).get(SENT) == 1)
        # The test opened the incident itself, so the service's only writer is what pages.
        assert figures(machine)[WAITS] > 0
        assert figures(machine)[RETRIES] == 0
