"""Receivers of pages, which really listen and can be told to fail, to hang or to be down."""

from __future__ import annotations

import http.server
import selectors
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope

from tests.helpers.servers import free_port


class Receiver(http.server.ThreadingHTTPServer):
    """Keeps what it was sent, and answers with `status`, or not until `hang` is over."""

    request_queue_size = 512

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.status = 200
        self.location = "/elsewhere"
        self.hang = threading.Event()
        self.hang.set()
        self.got: list[tuple[str, dict[str, str], bytes]] = []

    def url(self, scheme: str, path: str = "/s3cret") -> str:
        return f"{scheme}://127.0.0.1:{self.server_address[1]}{path}"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) < length:  # the sender was killed before its end: no page
            return
        self.server.got.append((self.path, dict(self.headers), body))
        self.server.hang.wait(10)
        self.send_response(self.server.status)
        self.send_header("Location", self.server.location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST

    def log_message(self, *_: Any) -> None:
        pass


class Mailbox:
    """Keeps the mail that arrives; answers to a recipient or to data as told."""

    def __init__(self) -> None:
        self.got: list[Envelope] = []
        self.to_recipient = "250 OK"
        self.to_data = "250 OK"

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.to_recipient.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.to_recipient

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        self.got.append(envelope)
        return self.to_data


@contextmanager
def receiving(port: int = 0) -> Iterator[Receiver]:
    """Run a receiver; it is down before and after."""
    server = Receiver(port)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.hang.set()
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def hanging_at(addresses: list[str]) -> Iterator[list[str]]:
    """Take connections at each address, and say nothing; yield host and port of each."""
    with ExitStack() as stack, selectors.DefaultSelector() as selector:
        where = []
        for address in addresses:
            listening = stack.enter_context(socket.create_server((address, 0), backlog=128))
            selector.register(listening, selectors.EVENT_READ)
            where.append(f"{address}:{listening.getsockname()[1]}")
        is_over = threading.Event()

        def accept() -> None:
            while not is_over.is_set():
                for ready, _ in selector.select(0.05):
                    assert isinstance(ready.fileobj, socket.socket)
                    stack.enter_context(ready.fileobj.accept()[0])

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield where
        finally:
            is_over.set()
            thread.join()


class _Dripping(socketserver.ThreadingTCPServer):
    """Says one byte after the other, and never comes to an end."""

    daemon_threads = True
    request_queue_size = 512

    def __init__(self, part: str) -> None:
        super().__init__(("127.0.0.1", 0), _Drip)
        self.first, self.drop = _DRIPS[part]
        self.is_over = threading.Event()
        self.got = 0


_DRIPS = {
    "head": (b"HTTP/1.1 200 OK\r\n", b"X-Drip: 1\r\n"),
    "body": (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"x"),
    # A record of TLS that is announced, and comes in crumbs.
    "handshake": (b"\x16\x03\x03\x40\x00", b"\x02"),
    "greeting": (b"220", b"-"),
}


class _Drip(socketserver.BaseRequestHandler):
    server: _Dripping

    def handle(self) -> None:
        self.server.got += 1
        with suppress(OSError):
            self.request.sendall(self.server.first)
            while not self.server.is_over.wait(0.1):
                self.request.sendall(self.server.drop)


@contextmanager
def dripping(part: str) -> Iterator[int]:
    """Run a server that drips a `head`, `body`, `handshake` or `greeting`; yield its port."""
    with _Dripping(part) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            port: int = server.server_address[1]
            yield port
        finally:
            server.is_over.set()
            server.shutdown()
            thread.join()


@contextmanager
def taking_mail(**options: Any) -> Iterator[tuple[Mailbox, int]]:
    """Run a mail server, which takes mail with credentials or without; yield its port too.

    `options` are aiosmtpd's, as for STARTTLS.
    """
    box, port = Mailbox(), free_port()
    controller = Controller(
        box,
        hostname="127.0.0.1",
        port=port,
        authenticator=_authenticate,
        auth_require_tls=False,
        enable_SMTPUTF8=True,
        **options,
    )
    controller.start()
    try:
        yield box, port
    finally:
        controller.stop()


def _authenticate(
    server: Any, session: Any, envelope: Envelope, mechanism: str, data: Any
) -> AuthResult:
    is_known = (data.login, data.password) == (b"me", b"p@s3cret")
    return AuthResult(success=is_known, handled=False)
