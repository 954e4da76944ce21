"""The door through which deliveries connect, against servers that hang, drip and refuse."""

from __future__ import annotations

import gzip
import smtplib
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from incident_service.config import Settings
from incident_service.paging import connections, pager
from incident_service.paging.connections import Attempt, NotPublic
from tests.helpers import openid
from tests.helpers.example_page import PAGE
from tests.helpers.openid import openid_provider
from tests.helpers.receivers import Receiver, dripping, receiving
from tests.helpers.servers import free_port
from tests.helpers.waiting import wait_for

LONG = 60.0
"""Seconds that no test waits for."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as server:
        yield server


@pytest.fixture
def deaf() -> Iterator[int]:
    """A port on which connections are made, and nothing is ever said."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield listener.getsockname()[1]


def post(url: str, **options: Any) -> int:
    return requests.post(url, data=b"x", timeout=LONG, **options).status_code


@pytest.mark.parametrize("part", ["head", "body", "handshake"])
def test_one_that_drips_is_cut_off(part: str) -> None:
    with dripping(part) as port, Attempt(0.3) as attempt:
        begin = time.monotonic()
        scheme = "https" if part == "handshake" else "http"
        with suppress(requests.RequestException):  # a head that ends early is taken for a head
            post(f"{scheme}://127.0.0.1:{port}/", verify=False)
    assert attempt.is_cut
    assert time.monotonic() - begin < 5


def test_a_mail_server_that_drips_is_cut_off() -> None:
    with (
        dripping("greeting") as port,
        Attempt(0.3),
        pytest.raises((OSError, smtplib.SMTPException)),
    ):
        smtplib.SMTP("127.0.0.1", port, timeout=LONG)


def test_it_is_cut_off_from_another_thread(deaf: int) -> None:
    with Attempt(LONG) as attempt:
        threading.Timer(0.1, attempt.cut).start()
        with pytest.raises(requests.RequestException):
            post(f"http://127.0.0.1:{deaf}/")


def test_one_that_was_cut_off_connects_nowhere(receiver: Receiver) -> None:
    with Attempt(LONG) as attempt:
        attempt.cut()
        for connect in (
            lambda: post(receiver.url("http")),
            lambda: socket.create_connection(("127.0.0.1", receiver.server_address[1])),
        ):
            with pytest.raises(OSError):
                connect()
    with Attempt(-1.0), pytest.raises(requests.RequestException):
        post(receiver.url("http"))
    assert receiver.got == []


def test_nothing_is_left_of_an_attempt(receiver: Receiver, deaf: int) -> None:
    def open_files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = open_files()
    for _ in range(20):
        with Attempt(0.05), pytest.raises(requests.RequestException):
            post(f"http://127.0.0.1:{deaf}/")
        with Attempt(LONG):
            assert post(receiver.url("http")) == 200
    wait_for(lambda: open_files() <= before)  # the receiver's own ends come a little later


def test_a_connection_has_the_time_that_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    given_up: list[float] = []

    class Deaf(socket.socket):
        def connect(self, address: Any) -> None:
            given_up.append(self.gettimeout() or 0)
            raise TimeoutError

    monkeypatch.setattr(socket, "socket", Deaf)
    with Attempt(3.0) as attempt:
        for timeout in (2.0, LONG, None):
            with pytest.raises(TimeoutError):
                attempt.connect(("127.0.0.1", 9), timeout)
    assert given_up[0] == 2.0
    assert all(2 < seconds <= 3 for seconds in given_up[1:])


def test_a_name_that_is_never_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    is_over = threading.Event()
    asked: list[str] = []
    resolve = socket.getaddrinfo

    def hang(host: str, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("flags") == socket.AI_NUMERICHOST:
            return resolve(host, *args, **kwargs)
        asked.append(host)
        is_over.wait()
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    try:
        for _ in range(3):
            with Attempt(0.05), pytest.raises(requests.RequestException):
                post("http://hangs.example/")
        assert asked == ["hangs.example"]  # one thread, however many ask
    finally:
        is_over.set()


def test_a_name_without_an_address() -> None:
    with Attempt(5.0), pytest.raises(requests.ConnectionError):
        post("http://nowhere.invalid/")


PRIVATE = [
    "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "0.0.0.0", "255.255.255.255", "224.0.0.1", "240.0.0.1", "192.0.2.1", "198.18.0.1",
    "::1", "::", "fe80::1", "fe80::1%1", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1",
    "2001:db8::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1",
    "2002:7f00:1::", "2002:a00:1::", "localhost", "",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not connections.is_public(address)


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "93.184.215.14", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"],
)
def test_addresses_that_are_public(address: str) -> None:
    assert connections.is_public(address)


@given(st.ip_addresses(v=4))
def test_an_address_inside_another_counts_as_itself(address: Any) -> None:
    is_public = connections.is_public(str(address))
    assert connections.is_public(f"::ffff:{address}") == is_public
    assert connections.is_public(f"64:ff9b::{address}") == is_public


@pytest.mark.parametrize(
    ("url", "is_private"),
    [
        ("https://127.0.0.1/x", True),
        ("json://10.1.2.3:8080/x", True),
        ("https://[::1]/x", True),
        ("https://[::ffff:10.0.0.1]/x", True),
        ("https://2130706433/x", True),
        ("https://0x7f.1/x", True),
        ("https://127.1/x", True),
        ("https://LOCALHOST./x", True),
        ("mailto://me:pass@192.168.0.1?to=a@example.com", True),
        ("https://1.1.1.1/x", False),
        ("https://example.com/x", False),
        ("https://[nothing/x", False),
        ("slack://T00000000/B00000000/x", False),
        ("tgram://123:abc/456", False),
    ],
)
def test_hosts_that_are_literally_private(url: str, is_private: bool) -> None:
    assert connections.names_private_host(url) == is_private


def refused(connect: Callable[[], Any]) -> bool:
    with Attempt(5.0, "public") as attempt, pytest.raises((OSError, smtplib.SMTPException)):
        connect()
    return attempt.is_refused


def test_public_networks_alone(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    port = receiver.server_address[1]
    assert refused(lambda: post(receiver.url("http")))
    assert refused(lambda: post(f"http://localhost:{port}/"))
    assert refused(lambda: post(f"http://[::ffff:127.0.0.1]:{port}/"))
    assert refused(lambda: smtplib.SMTP("127.0.0.1", port))
    assert refused(lambda: socket.create_connection(("127.0.0.1", port)))
    assert receiver.got == []
    with Attempt(5.0):
        assert post(receiver.url("http")) == 200


def test_a_redirect_into_a_private_network(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first address counts as public here; where it leads does not."""
    receiver.status = 307
    receiver.location = f"http://localhost:{receiver.server_address[1]}/elsewhere"
    resolve = connections._resolve

    def other_address(host: str, port: int, deadline: float) -> list[Any]:
        return resolve("127.0.0.2" if host == "localhost" else host, port, deadline)

    monkeypatch.setattr(connections, "_resolve", other_address)
    monkeypatch.setattr(connections, "is_public", lambda address: address == "127.0.0.1")
    assert refused(lambda: post(receiver.url("http")))
    assert [path for path, _, _ in receiver.got] == ["/s3cret"]


def test_what_was_checked_is_what_is_connected_to(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name is resolved once: a second answer of its server cannot lead elsewhere."""
    asked: list[str] = []
    resolve = socket.getaddrinfo

    def rebind(host: str, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("flags") == socket.AI_NUMERICHOST:
            return resolve(host, *args, **kwargs)
        asked.append(host)
        return resolve("127.0.0.1" if len(asked) == 1 else "127.0.0.2", *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", rebind)
    monkeypatch.setattr(connections, "is_public", lambda address: address == "127.0.0.1")
    with Attempt(5.0, "public"):
        assert post(f"http://rebinds.example:{receiver.server_address[1]}/") == 200
    assert asked == ["rebinds.example"]


@pytest.mark.parametrize(("networks", "is_used"), [("any", True), ("public", False)])
def test_the_environments_proxies(
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    networks: connections.Networks,
    is_used: bool,
) -> None:
    monkeypatch.setattr(connections, "is_public", lambda address: address != "192.0.2.1")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{receiver.server_address[1]}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with Attempt(5.0, networks) as attempt:
        try:
            post("http://192.0.2.1/behind")
        except requests.RequestException:
            assert attempt.is_refused
    assert [path for path, _, _ in receiver.got] == (["http://192.0.2.1/behind"] if is_used else [])


def test_a_netrc_is_not_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login me password s3cret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with Attempt(5.0):
        post(receiver.url("http"))
    post(receiver.url("http"))
    inside, outside = (headers for _, headers, _ in receiver.got)
    assert "Authorization" not in inside
    assert "Authorization" in outside  # the test would see it


def test_without_an_attempt_nothing_is_different(receiver: Receiver) -> None:
    assert post(receiver.url("http")) == 200
    socket.create_connection(("127.0.0.1", receiver.server_address[1]), 5.0).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", free_port()))


def test_not_public_is_an_error_of_connecting() -> None:
    assert issubclass(NotPublic, OSError)


class _Verbose(socketserver.ThreadingTCPServer):
    """Says `first` and then `more` over and over, for as long as anybody listens."""

    daemon_threads = True

    def __init__(self, first: bytes, more: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Chatter)
        self.first, self.more = first, more
        self.said = 0


class _Chatter(socketserver.BaseRequestHandler):
    server: _Verbose

    def handle(self) -> None:
        with suppress(OSError):
            self.request.sendall(self.server.first)
            while self.server.more:
                self.request.sendall(self.server.more)
                self.server.said += len(self.server.more)


@pytest.mark.parametrize(
    ("url", "first", "more"),
    [
        ("json://127.0.0.1:{}", b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536),
        (
            "json://127.0.0.1:{}",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"10000\r\n" + b"x" * 65536 + b"\r\n",
        ),
        ("mailto://127.0.0.1:{}?from=a@b.example&mode=insecure", b"", b"220-x\r\n" * 8192),
        (None, b"", b"220-x\r\n" * 8192),
    ],
)
def test_an_answer_without_end_is_not_read_to_its_end(
    url: str | None, first: bytes, more: bytes
) -> None:
    with _Verbose(first, more) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            port = server.server_address[1]
            settings = Settings(smtp_url=f"smtp://127.0.0.1:{port}?from=a@b.example")
            began = time.monotonic()
            pager.send_within(Attempt(30), PAGE, url and url.format(port), settings)
            assert time.monotonic() - began < 25
            assert server.said < 32 << 20
        finally:
            server.shutdown()
            thread.join()


def test_a_packed_answer_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = gzip.compress(b"x" * (16 << 20))
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    with _Verbose(head + packed, b"") as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            with Attempt(30):
                answer = requests.post(f"http://127.0.0.1:{server.server_address[1]}", b"x")
            assert (answer.status_code, answer.content) == (200, packed)
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("follows", [True, False])
def test_a_redirect_of_any_size_is_bounded_too(follows: bool) -> None:
    with openid_provider() as server:  # plays any server that answers oddly
        server.answers = {
            "/hook": openid.redirect_to(f"{server.issuer}/next", is_flooding=True),
            "/next": openid.say(200, b"{}"),
        }
        with Attempt(30):
            answer = requests.post(f"{server.issuer}/hook", b"x", allow_redirects=follows)
        assert answer.status_code == (200 if follows else 302)
        assert server.flooded < 16 * connections.MAX_ANSWER
