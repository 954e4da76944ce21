"""Concurrency, durability and shutdown, with real gunicorn processes and a real file."""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import re
import shlex
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from incident_service.quickstart import Provisioned
from tests.helpers.provisioned import assert_whole, body, provision
from tests.helpers.servers import COMMAND, GENEROUS, Server, running
from tests.helpers.systemcalls import SystemCall, completed


@pytest.mark.every_engine
def test_600_incidents_from_16_clients_over_4_processes(tmp_path: Path) -> None:
    database = tmp_path / "load.db"
    organizations = provision(database, 2)
    with (
        running(database, environment={"INCIDENT_SERVICE_WORKERS": "4"}) as server,
        ThreadPoolExecutor(16) as clients,
    ):
        answers = list(
            clients.map(
                lambda n: server.open_incident(
                    organizations[n % 2].key, body(organizations[n % 2], f"incident {n}")
                ),
                range(600),
            )
        )
        log = server.log.read_text()
    assert {status for status, _, _ in answers} == {201}
    assert "database is locked" not in log
    assert_whole(database, [answer["data"] for _, answer, _ in answers])
    for made in organizations:
        numbers = [
            a["data"]["sequentialId"] for _, a, _ in answers if a["data"]["orgId"] == made.org_id
        ]
        assert sorted(numbers) == list(range(1, 301))


def test_five_kills_in_the_middle_of_it_lose_nothing(tmp_path: Path) -> None:
    database = tmp_path / "kill.db"
    organizations = provision(database, 2)
    answered: list[dict[str, Any]] = []
    for _ in range(5):
        before = len(answered)
        with running(database) as server:
            stopped = threading.Event()

            def client(n: int, server: Server = server, stopped: Any = stopped) -> None:
                made = organizations[n % 2]
                while not stopped.is_set():
                    try:
                        status, answer, _ = server.open_incident(made.key, body(made))
                    except (OSError, ValueError, http.client.HTTPException):
                        return  # killed before it could answer
                    assert status == 201
                    answered.append(answer["data"])

            threads = [threading.Thread(target=client, args=(n,)) for n in range(16)]
            for thread in threads:
                thread.start()
            while len(answered) < before + 60:
                time.sleep(0.001)
            server.stop(signal.SIGKILL)
            stopped.set()
            for thread in threads:
                thread.join()
        assert_whole(database, answered)
    assert len(answered) >= 300


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_the_log_is_synced_after_the_commit_and_before_the_answer(tmp_path: Path) -> None:
    database = tmp_path / "sync.db"
    (made,) = provision(database)
    trace = tmp_path / "trace"
    calls = "trace=pwrite64,write,sendto,sendmsg,fsync,fdatasync"
    wrap = ("strace", "-f", "-y", "-s", "16", "-e", calls, "-o", str(trace))
    with running(
        database,
        wrap=wrap,
        environment={"INCIDENT_SERVICE_WORKERS": "1", "INCIDENT_SERVICE_THREADS": "1"},
    ) as server:
        for _ in range(20):
            assert server.open_incident(made.key, body(made))[0] == 201
        server.stop()
    done = list(completed(trace))
    # One thread of the API does it all. The paging process writes to the same log meanwhile.
    (thread,) = {call.thread for call in done if call.sends('"HTTP/1.1 201')}
    order = "".join(_step(call) for call in done if call.thread == thread)
    # w: written to the log; s: the log synced; a: an answer 201 sent. That a key was used is
    # recorded in a commit of its own, once a minute.
    assert re.fullmatch(r"((w+s)+a){20}(w+s)?", order), order


def _step(call: SystemCall) -> str:
    if call.writes_to("sync.db-wal"):
        return "w"
    if call.syncs("sync.db-wal"):
        return "s"
    return "a" if call.sends('"HTTP/1.1 201') else ""


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_each_of_many_at_once_is_synced_before_its_answer(tmp_path: Path) -> None:
    database = tmp_path / "sync.db"
    (made,) = provision(database)
    trace = tmp_path / "trace"
    calls = "trace=pwrite64,sendto,fdatasync"
    wrap = ("strace", "-f", "-y", "-s", "5000", "-e", calls, "-o", str(trace))
    with (
        running(database, wrap=wrap, environment={"INCIDENT_SERVICE_WORKERS": "1"}) as server,
        ThreadPoolExecutor(8) as clients,
    ):
        answers = list(clients.map(lambda _: server.open_incident(made.key, body(made)), range(80)))
        server.stop()
    done = list(completed(trace))
    shared = set()
    for _, answer, _ in answers:
        id = answer["data"]["id"]
        # The first write of a new id is the API's: the thread that commits syncs too.
        written, writer = next(
            (n, call.thread)
            for n, call in enumerate(done)
            if call.writes_to("sync.db-wal") and id in call.text
        )
        synced = next(
            n
            for n, call in enumerate(done)
            if n > written and call.thread == writer and call.syncs("sync.db-wal")
        )
        told = next(n for n, call in enumerate(done) if call.sends(id))
        assert written < synced < told
        shared.add(synced)
    assert len(shared) < 80  # some shared a sync, or this has shown nothing new


@dataclass(frozen=True)
class Served:
    """A service that tests share, and its organization."""

    server: Server
    database: Path
    made: Provisioned


@contextmanager
def serving(folder: Path, **environment: str) -> Iterator[Served]:
    database = folder / "shared.db"
    (made,) = provision(database)
    with running(database, environment=environment) as server:
        yield Served(server, database, made)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("served")) as served:
        yield served


@pytest.fixture(scope="module")
def by_one_worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("one"), INCIDENT_SERVICE_WORKERS="1") as served:
        yield served.server


@pytest.mark.every_engine
def test_one_idempotency_key_from_16_clients_at_once(served: Served) -> None:
    server, made = served.server, served.made
    with ThreadPoolExecutor(16) as clients:
        barrier = threading.Barrier(16)

        def open_it(_: int) -> Any:
            barrier.wait()
            return server.open_incident(made.key, body(made), {"Idempotency-Key": "same"})

        answers = list(clients.map(open_it, range(16)))
    assert [status for status, _, _ in answers] == [201] * 16
    assert all(answer == answers[0][1] for _, answer, _ in answers)
    replays = [headers.get("Idempotent-Replayed") for _, _, headers in answers]
    assert sorted(replays, key=str) == [None] + ["true"] * 15
    assert_whole(served.database, [answers[0][1]["data"]])


def test_a_stop_answers_the_request_under_way(tmp_path: Path) -> None:
    database = tmp_path / "stop.db"
    (made,) = provision(database)
    with running(database) as server:
        outsider = sqlite3.connect(database, isolation_level=None)
        outsider.execute("BEGIN IMMEDIATE")  # the request has to wait for this
        with ThreadPoolExecutor(1) as client:
            under_way = client.submit(server.open_incident, made.key, body(made))
            lock = Path(f"{database}.lock")
            while not _is_held(lock):
                time.sleep(0.005)
            os.kill(server.process.pid, signal.SIGTERM)
            outsider.execute("ROLLBACK")
            status, answer, _ = under_way.result()
        assert server.process.wait(GENEROUS) == 0
        outsider.close()
    assert status == 201
    assert_whole(database, [answer["data"]])


def _is_held(lock: Path) -> bool:
    with lock.open() as probe:
        try:
            fcntl.flock(probe, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_what_quickstart_prints_works_as_pasted_and_its_data_stays(tmp_path: Path) -> None:
    database = tmp_path / "quick start's.db"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    numbers: list[int] = []
    for _ in range(2):
        with running(database, "quickstart", "--port", "{port}") as server:
            printed = server.log.read_text()
            command = re.search(r"^curl (?:.*\\\n)+(?:.*\n)*?  }'$", printed, re.MULTILINE)
            assert command, printed
            words = shlex.split(command[0].replace("\\\n", ""))
            assert shutil.which("curl")
            pasted = subprocess.run([*words, "-s"], capture_output=True, check=True)
            incident = json.loads(pasted.stdout)["data"]
            (command,) = re.findall(r"^INCIDENT_SERVICE_DATABASE=.*\\\n.*$", printed, re.MULTILINE)
            added = subprocess.run(
                ["env", "-i", "bash", "-c", command.replace("colleague", f"number{len(numbers)}")],
                cwd=elsewhere,
                capture_output=True,
                check=True,
            )
            colleague = json.loads(added.stdout)["id"]
            key = {"Authorization": f"Bearer {words[words.index('--header') + 1].split()[-1]}"}
            status, answer, _ = server.request("GET", f"/v1/users/{colleague}", headers=key)
            assert (status, answer["data"]["email"]) == (200, f"number{len(numbers)}@example.com")
            # The server's connection is known to others: none of them takes itself for the last
            # one, and clears the log away, when it closes.
            other = sqlite3.connect(database)
            other.execute("SELECT * FROM incidents").fetchall()
            other.close()
            assert Path(f"{database}-wal").stat().st_size > 0
        assert incident["ownerId"]
        assert incident["escalationPolicyId"]
        assert [c["name"] for c in incident["affectedComponents"]] == ["Payments API"]
        numbers.append(incident["sequentialId"])
    assert numbers == [1, 2]


def test_two_services_and_plain_gunicorn_run_beside_each_other(tmp_path: Path) -> None:
    (made,) = provision(tmp_path / "a.db")
    (other,) = provision(tmp_path / "b.db")
    gunicorn = (sys.executable, "-m", "gunicorn", "--no-control-socket", "wsgi:app")
    bind = ("--bind", "127.0.0.1:{port}", "--workers", "2")
    home = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    with (
        running(tmp_path / "a.db", environment=home) as one,
        running(tmp_path / "b.db", *bind, command=gunicorn, environment=home) as two,
    ):
        assert one.open_incident(made.key, body(made))[0] == 201
        assert two.open_incident(other.key, body(other))[0] == 201
        assert one.open_incident(other.key, body(other))[0] == 401
    assert not list(tmp_path.rglob("*.ctl"))


def test_each_log_line_is_a_json_object_and_none_has_a_secret(tmp_path: Path) -> None:
    database = tmp_path / "log.db"
    (made,) = provision(database)
    request_id = "550e8400-e29b-41d4-a716-446655440000"
    with running(database) as server:
        server.open_incident(made.key, body(made, "a title"), {"X-Request-Id": request_id})
        server.open_incident("scl_live_wrong", body(made))
        server.stop()
        text = server.log.read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    (line,) = [entry for entry in lines if entry.get("requestId") == request_id]
    assert (line["method"], line["route"], line["status"]) == ("POST", "/v1/incidents", 201)
    assert line["orgId"] == made.org_id
    assert not any(secret in text for secret in (made.key, "scl_live_wrong", "a title"))


def test_a_header_moves_no_path(served: Served) -> None:
    for name in ("SCRIPT_NAME", "PATH_INFO"):
        assert served.server.request("GET", "/healthz", headers={name: "/healthz"})[0] == 200


def test_clients_that_keep_their_connections_open_delay_nobody(by_one_worker: Server) -> None:
    server = by_one_worker
    with ExitStack() as open_:
        began = time.monotonic()
        for _ in range(16):
            client = open_.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert client.makefile("rb").read().startswith(b"HTTP/1.1 200")
        assert server.request("GET", "/healthz")[0] == 200
        assert time.monotonic() - began < 16  # gunicorn waits 2 seconds for each


def test_a_body_over_1_mib_gets_its_answer_over_a_real_connection(served: Served) -> None:
    server, made = served.server, served.made
    big = {**body(made), "description": "x" * 1_150_000}
    assert server.open_incident(made.key, big)[0] == 413
    # The connection is closed while the client still sends: the answer comes nevertheless.
    huge, close = {"title": "x" * 5_000_000}, {"Connection": "close"}
    for key, status in (("scl_live_wrong", 401), (made.key, 413)) * 5:
        assert server.open_incident(key, huge, close)[0] == status


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b"POST /v1/incidents HTTP/1.1\r\nHost: x\r\nX-Y: a\x00b\r\n\r\n", 400, "invalid_request"),
        (b"POST /v1/incidents\r\n\r\n", 400, "invalid_request"),
        (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n", 414, "uri_too_long"),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n", 431, "headers_too_large"),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * 9000 + b"\r\n\r\n", 431, "headers_too_large"),
    ],
)
def test_what_is_no_http_gets_the_error_body_too(
    served: Served, raw: bytes, status: int, code: str
) -> None:
    with socket.create_connection(("127.0.0.1", served.server.port)) as connection:
        connection.sendall(raw)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        found = json.loads(answer.read())
    assert (answer.status, found["statusCode"], found["code"]) == (status, status, code)
    assert found["requestId"] == answer.headers["X-Request-Id"]
    assert served.server.request("GET", "/healthz")[0] == 200


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"ZZ\r\n{}\r\n0\r\n\r\n", 400, "invalid_request"),
        (b"2\r\n{}XX0\r\n\r\n", 400, "invalid_request"),
        (b"100002\r\n{}" + b" " * 0x100000 + b"\r\n0\r\n\r\n", 413, "payload_too_large"),
        (b"2\r\n{}\r\n0\r\n\r\n", 400, "validation_error"),
    ],
)
def test_a_body_in_chunks(served: Served, body: bytes, status: int, code: str) -> None:
    with socket.create_connection(("127.0.0.1", served.server.port)) as it:
        head = (
            f"POST /v1/incidents HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {served.made.key}\r\n"
            "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        it.sendall(head.encode() + body)
        answer = http.client.HTTPResponse(it)
        answer.begin()
        assert (answer.status, json.loads(answer.read())["code"]) == (status, code)


def test_clients_that_stall_do_not_take_the_service_away(by_one_worker: Server) -> None:
    server = by_one_worker
    stalled = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(4)]
    for connection in stalled:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
    assert server.request("GET", "/healthz")[0] == 200
    for connection in stalled:
        connection.close()


def test_a_newer_database_ends_the_start_with_one_line(tmp_path: Path) -> None:
    database = tmp_path / "new.db"
    provision(database)
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    environment = {**os.environ, "INCIDENT_SERVICE_DATABASE": str(database)}
    ended = subprocess.run(
        [*COMMAND, "serve"], env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
    assert "newer incident-service" in ended.stderr
