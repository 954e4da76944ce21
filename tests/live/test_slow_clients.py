"""Clients that send, read or close slowly, or never: none of them holds up anybody else."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

import pytest

from incident_service.database.writelock import WriteLock
from tests.helpers.provisioned import body, provision
from tests.helpers.servers import GENEROUS, Server, running, wait_until_all_serve

CLIENTS = 200
SOON = 8.0
"""Seconds; even on a loaded machine. Each of these clients could hold a thread for 10 or more."""

HEAD = b"POST /v1/incidents HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"

GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"

SLOW = {
    "that send nothing": (b"", b""),
    "that send half a head": (HEAD, b""),
    "that drip a head": (b"GET /healthz HTTP/1.1\r\nX: ", b"x"),
    "that send half a body": (HEAD + b"Content-Length: 1000\r\n\r\n{", b""),
    "that drip a body": (HEAD + b"Content-Length: 1000\r\n\r\n{", b" "),
    "that drip a chunk's line": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n5;", b"x"),
    "that drip a chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\nfff\r\n{", b" "),
    "that drip trailers": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: ", b"x"),
    "that speak something else": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\x16"),
    "that wait to be told to go on": (
        HEAD + b"Expect: 100-continue\r\nContent-Length: 9\r\n\r\n",
        b"",
    ),
}


@contextmanager
def clients(server: Server, first: bytes, then: bytes) -> Iterator[list[socket.socket]]:
    """Keep many clients connected, each of which goes on sending a little."""
    with ExitStack() as stack:
        open_ = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            for _ in range(CLIENTS)
        ]
        for client in open_:
            client.sendall(first)
        is_over = threading.Event()

        def drip() -> None:
            while then and not is_over.wait(0.2):
                for client in open_:
                    try:
                        client.sendall(then)
                    except OSError:
                        continue

        dripping = threading.Thread(target=drip)
        dripping.start()
        try:
            yield open_
        finally:
            is_over.set()
            dripping.join()


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Server, str, dict[str, object]]]:
    database = tmp_path_factory.mktemp("slow") / "slow.db"
    (made,) = provision(database)
    one_worker = {"INCIDENT_SERVICE_WORKERS": "1", "INCIDENT_SERVICE_THREADS": "2"}
    with running(database, environment=one_worker) as server:
        yield server, made.key, body(made)


@pytest.mark.parametrize("what", SLOW)
def test_many_clients(served: tuple[Server, str, dict[str, object]], what: str) -> None:
    server, key, incident = served
    with clients(server, *SLOW[what]):
        for _ in range(5):
            began = time.monotonic()
            assert server.request("GET", "/healthz")[0] == 200
            assert server.open_incident(key, incident)[0] == 201
            assert time.monotonic() - began < SOON


def test_many_clients_that_never_read_their_answers(
    served: tuple[Server, str, dict[str, object]],
) -> None:
    server, key, incident = served
    for _ in range(60):
        large = {**incident, "description": "x" * 10_000}
        assert server.open_incident(key, large)[0] == 201
    request = (
        f"GET /v1/incidents?limit=100 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n"
    ).encode()
    with ExitStack() as stack:
        for _ in range(CLIENTS // 4):
            client = stack.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", server.port))
            client.sendall(request * 4)
        for _ in range(5):
            began = time.monotonic()
            assert server.request("GET", "/healthz")[0] == 200
            assert server.open_incident(key, incident)[0] == 201
            assert time.monotonic() - began < 3 * SOON  # the answers have to be made


def test_many_clients_that_do_not_close(served: tuple[Server, str, dict[str, object]]) -> None:
    server, _, _ = served
    with clients(server, b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b""):
        began = time.monotonic()
        assert server.request("GET", "/healthz")[0] == 200
        assert time.monotonic() - began < SOON


def test_more_connections_than_there_is_room_for(
    served: tuple[Server, str, dict[str, object]],
) -> None:
    server, key, incident = served
    with ExitStack() as stack:
        for _ in range(700):
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
        began = time.monotonic()
        assert server.open_incident(key, incident)[0] == 201
        assert time.monotonic() - began < SOON


def test_bodies_that_stay_unfinished_take_a_bounded_part_of_the_memory(
    served: tuple[Server, str, dict[str, object]],
) -> None:
    server, key, incident = served
    before = _memory(server)
    part = HEAD + b"Content-Length: 1048000\r\n\r\n" + b" " * 1_000_000
    with ExitStack() as stack:
        for _ in range(150):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            try:
                client.sendall(part)
            except OSError:
                continue  # it was given up
        assert server.open_incident(key, incident)[0] == 201
        assert _memory(server) - before < 130 * 1024 * 1024


def test_a_request_that_does_not_arrive_in_time_is_told_so(
    served: tuple[Server, str, dict[str, object]],
) -> None:
    server, _, _ = served
    began = time.monotonic()
    with ExitStack() as stack:
        silent = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
        half = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
        half.sendall(HEAD)
        answer = http.client.HTTPResponse(half)
        answer.begin()
        assert (answer.status, json.loads(answer.read())["code"]) == (400, "invalid_request")
        assert silent.recv(1) == b""
    assert 9 < time.monotonic() - began < 20


def test_a_stop_does_not_wait_for_slow_clients(tmp_path: Path) -> None:
    two_workers = {"INCIDENT_SERVICE_WORKERS": "2"}
    with (
        running(tmp_path / "stop.db", environment=two_workers) as server,
        clients(server, *SLOW["that drip a head"]),
    ):
        wait_until_all_serve(server)
        server.process.terminate()
        assert server.process.wait(GENEROUS) == 0
        # Each worker gave its clients up and ended by itself, before the master would kill it.
        log = server.log.read_text()
        assert log.count("Worker exiting") == log.count("Booting worker") == 2


def test_requests_in_one_go_are_answered_in_their_order(
    served: tuple[Server, str, dict[str, object]],
) -> None:
    server, key, incident = served
    payload = json.dumps(incident).encode()
    head = HEAD + f"Authorization: Bearer {key}\r\n".encode()
    chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(payload), payload)
    requests = (
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
        + head + b"Content-Length: %d\r\n\r\n" % len(payload) + payload
        + head + b"Transfer-Encoding: chunked\r\n\r\n" + chunked
        + b"HEAD /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
        + b"\r\nGET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )  # fmt: skip
    for size in (len(requests), 97):  # at once, and in small pieces
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            for start in range(0, len(requests), size):
                client.sendall(requests[start : start + size])
            stream = client.makefile("rb")
            statuses = [_answer(stream, has_body=n != 3) for n in range(5)]
        assert statuses == [200, 201, 201, 200, 404]


def test_a_client_is_told_to_go_on_unless_its_body_is_too_large(
    served: tuple[Server, str, dict[str, object]],
) -> None:
    server, key, incident = served
    payload = json.dumps(incident).encode()
    head = HEAD + f"Authorization: Bearer {key}\r\nExpect: 100-continue\r\n".encode()
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        stream = client.makefile("rb")
        client.sendall(head + b"Content-Length: %d\r\n\r\n" % len(payload))
        assert stream.readline() + stream.readline() == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(payload)
        assert stream.readline() == b"HTTP/1.1 201 CREATED\r\n"
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(head + b"Content-Length: 2000000\r\n\r\n")
        assert client.makefile("rb").readline().startswith(b"HTTP/1.1 413 ")


def test_what_follows_a_refused_body_is_not_a_request(
    served: tuple[Server, str, dict[str, object]],
) -> None:
    server, key, _ = served
    hidden = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    head = HEAD + f"Authorization: Bearer {key}\r\n".encode()
    for framing in (
        b"Content-Length: 2000000\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n200000\r\n",
    ):
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall(head + framing + b" " * 1_100_000 + hidden)
            client.shutdown(socket.SHUT_WR)
            answers = client.makefile("rb").read()
        assert answers.startswith(b"HTTP/1.1 413 ")
        assert answers.count(b"HTTP/1.1 ") == 1


def _answer(stream: BinaryIO, *, has_body: bool) -> int:
    """Read an answer; return its status."""
    status = int(stream.readline().split()[1])
    headers = http.client.parse_headers(stream)
    if has_body:
        stream.read(int(headers["Content-Length"]))
    return status


def _memory(server: Server) -> int:
    """Return the resident bytes of the server's largest process."""
    pages = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(stat[1]) == server.process.pid:
            pages.append(int(stat[21]))
    return max(pages) * 4096


def test_connections_that_find_no_thread_end_after_their_answer(tmp_path: Path) -> None:
    database = tmp_path / "busy.db"
    (made,) = provision(database)
    payload = json.dumps(body(made)).encode()
    head = HEAD + f"Authorization: Bearer {made.key}\r\nContent-Length: {len(payload)}\r\n".encode()
    head += b"Expect: 100-continue\r\n\r\n"  # which takes no thread
    one_worker = {"INCIDENT_SERVICE_WORKERS": "1", "INCIDENT_SERVICE_THREADS": "2"}
    with running(database, environment=one_worker) as server, ExitStack() as stack:
        last, *kept = (
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            for _ in range(6)
        )
        with WriteLock(database).held(time.monotonic() + SOON):
            for client in kept:
                client.sendall(head)
                assert client.recv(65536) == GO_ON
            for client in kept:
                client.sendall(payload)
            last.sendall(head)
            assert last.recv(65536) == GO_ON  # so what came before has been taken in
        answers = [http.client.HTTPResponse(client) for client in kept]
        for answer in answers:
            answer.begin()
        assert [answer.status for answer in answers] == [201] * 5
        ends = {answer.getheader("Connection") for answer in answers}
        assert ends == {"close", "keep-alive"}
