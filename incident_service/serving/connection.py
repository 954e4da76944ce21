"""One client's connection: the part of a request that arrived, the part of an answer to send."""

from __future__ import annotations

import re
import socket
from enum import Enum
from typing import Any

from gunicorn.http import get_parser
from gunicorn.http.body import ChunkedReader, LengthReader
from gunicorn.http.errors import LimitRequestHeaders, NoMoreData, ParseException

from incident_service.http.body import MAX_BODY_BYTES

HEAD_BYTES = 64 * 1024
"""The largest head of a request; each line has a limit of its own."""

CHUNKED_BYTES = 4 * MAX_BODY_BYTES
"""The most that is received of a body in chunks, with the lines between them."""

READ_BYTES = 256 * 1024
LINE_BYTES = 8190
"""The longest line before a chunk; gunicorn's own limit."""

_SIZE = re.compile(rb"[0-9a-fA-F]+")


class Step(Enum):
    """What a connection waits for. It holds no thread meanwhile."""

    IDLE = "the next request"
    HEAD = "the rest of a request's head"
    BODY = "the rest of its body"
    SENDING = "the client to take more of the answer"
    CLOSING = "the client to close its side"


class RequestTimedOut(ParseException):  # type: ignore[misc]  # gunicorn has no types
    """A request that did not arrive in time."""

    def __str__(self) -> str:
        return "the request did not arrive in time"


class Connection:
    """A connection. Only one thread at a time uses it: the poller's, or the one that answers.

    Gunicorn's parser decides what a request is. It reads from memory and never waits: this class
    decides when everything that the parser needs has arrived.
    """

    def __init__(
        self, sock: socket.socket, client: Any, server: Any, cfg: Any, network: str
    ) -> None:
        """`network`: what counts as one client when there are too many connections."""
        sock.setblocking(False)
        self.sock = sock
        self.client = client
        self.server = server
        self.network = network
        self.step = Step.HEAD
        self.deadline = 0.0
        self.is_polled = False
        self.request: Any = None
        """Gunicorn's request, once its head has arrived."""
        self.fault: Exception | None = None
        """Why the request cannot be answered."""
        self.may_be_kept_alive = True
        """Whether the client may use the connection again after this answer."""
        self.is_kept_alive = False
        self.drained_bytes = 0
        self.counted_bytes = 0
        """How many of `held_bytes` are in the worker's sum."""
        self._parser = get_parser(cfg, (), client)
        self._limit_line: int = cfg.limit_request_line
        self._received = bytearray()
        self._searched = 0
        self._chunks: _Chunks | None = None
        self._unsent = memoryview(b"")

    @property
    def held_bytes(self) -> int:
        """How many bytes of memory the request and the answer take."""
        return len(self._received) + len(self._unsent)

    @property
    def has_received(self) -> bool:
        """Whether a part of a request has arrived."""
        return bool(self._received) or self.request is not None

    @property
    def is_sent(self) -> bool:
        """Whether the whole answer was sent."""
        return not self._unsent

    def receive(self) -> bool:
        """Take what has arrived. Return `False` at the end of the stream. Raises `OSError`."""
        try:
            data = self.sock.recv(READ_BYTES)
        except BlockingIOError:
            return True
        self._received += data
        return bool(data)

    def drain(self) -> bool:
        """Discard what has arrived. Return `False` at the end of the stream. Raises `OSError`."""
        try:
            data = self.sock.recv(READ_BYTES)
        except BlockingIOError:
            return True
        self.drained_bytes += len(data)
        return bool(data)

    def is_complete(self) -> bool:
        """Whether a whole request has arrived, or a fault.

        Raises `OSError` if the client is gone.
        """
        if self.request is None and self._head_has_arrived():
            self._read_head()
        return self.fault is not None or (self.request is not None and self._body_has_arrived())

    def hand_over(self) -> Any:
        """Return the request, with its body in memory. Raises `fault` if there is one."""
        self._parser.unreader.unread(bytes(self._received))
        self._received.clear()
        if self.fault is not None:
            raise self.fault
        return self.request

    def next_request(self) -> None:
        """Forget the answered request; what arrived after it begins the next one."""
        self.request = self._chunks = None
        self._searched = 0
        try:
            self._parser.finish_body()  # if the application did not read it
        except Exception:
            self.is_kept_alive = False  # where the next request would begin is unknown
            return
        self.is_kept_alive = not self._parser.mesg.body.failed
        self._received += self._parser.unreader.take_buffered()

    def send(self, answer: bytes = b"") -> None:
        """Send as much of the answer as the client's side takes now. Raises `OSError`."""
        if answer:
            self._unsent = memoryview(answer)
        while self._unsent:
            try:
                self._unsent = self._unsent[self.sock.send(self._unsent) :]
            except BlockingIOError:
                return
        self._unsent = memoryview(b"")

    def _head_has_arrived(self) -> bool:
        """Whether what has arrived is enough for gunicorn's parser: a head, or an error."""
        data = self._received
        since = max(0, self._searched - 3)
        self._searched = len(data)
        if data.find(b"\r\n\r\n", since) >= 0:
            return True
        if len(data) > HEAD_BYTES:
            self.fault = LimitRequestHeaders("the head is too large")
            return False
        if len(data) - 2 > self._limit_line and data.find(b"\r\n", 0, self._limit_line + 2) < 0:
            return True
        # A newline without a carriage return: gunicorn refuses it. The head would never end.
        return data.count(b"\n", since) != data.count(b"\r\n", max(0, since - 1))

    def _read_head(self) -> None:
        unreader = self._parser.unreader
        unreader.unread(bytes(self._received))
        self._received.clear()
        try:
            request = next(self._parser)
        except (NoMoreData, StopIteration):
            self.fault = ParseException("not a request")
            return
        except Exception as error:
            self.fault = error
            return
        self.request = request
        self._received += unreader.take_buffered()
        if isinstance(request.body.reader, ChunkedReader):
            self._chunks = _Chunks()
        expects, request._expected_100_continue = request._expected_100_continue, False
        if expects and not self._body_has_arrived():
            self.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _body_has_arrived(self) -> bool:
        """Whether the whole body has arrived, or enough of it to refuse it."""
        reader = self.request.body.reader
        if self._chunks is not None:
            if self._chunks.is_over(self._received):
                return True
            is_too_large = (
                self._chunks.size > MAX_BODY_BYTES + 1 and len(self._received) > MAX_BODY_BYTES
            ) or len(self._received) > CHUNKED_BYTES
        else:
            assert isinstance(reader, LengthReader)
            if len(self._received) >= reader.length:
                return True
            is_too_large = reader.length > MAX_BODY_BYTES + 1
        if is_too_large:
            self.request.force_close()  # the rest of the body is not the next request
        return is_too_large


class _Chunks:
    """Finds the end of a body in chunks while it arrives."""

    def __init__(self) -> None:
        self.size = 0
        """How many bytes the body has, or will have once the last known chunk has arrived."""
        self._at = 0
        self._searched = 0
        self._is_trailer = False

    def is_over(self, data: bytearray) -> bool:
        """Whether the body has ended, or is wrong so that reading on is of no use."""
        while not self._is_trailer:
            if self._at > len(data):
                return False
            if self._at and data[self._at - 2 : self._at] != b"\r\n":
                return True
            end = data.find(b"\r\n", max(self._at, self._searched - 1))
            self._searched = len(data)
            if end < 0:
                return len(data) - self._at > LINE_BYTES
            size = _SIZE.match(data, self._at, end)
            if size is None:
                return True
            length = int(size[0], 16)
            self.size += length
            self._is_trailer = length == 0
            self._at = end + 2 if length == 0 else end + 2 + length + 2
            self._searched = self._at
        if data[self._at : self._at + 2] == b"\r\n":
            return True
        end = data.find(b"\r\n\r\n", max(self._at, self._searched - 3))
        self._searched = len(data)
        return end >= 0 or len(data) - self._at > HEAD_BYTES
