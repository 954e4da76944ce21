"""One client's connection: what was received of its request, and what is unsent of its answer."""

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
"""The largest head; its lines have limits of their own."""

CHUNKED_BYTES = 4 * MAX_BODY_BYTES
"""The most that is received of a body in chunks, the lines between them included."""

READ_BYTES = 256 * 1024
LINE_BYTES = 8190
"""The longest line before a chunk; gunicorn's own limit."""

_SIZE = re.compile(rb"[0-9a-fA-F]+")


class Step(Enum):
    """What a connection waits for. In all of these no thread is held."""

    IDLE = "the next request"
    HEAD = "the rest of a request's head"
    BODY = "the rest of its body"
    SENDING = "the client to take more of the answer"
    CLOSING = "the client to close its side"


class RequestTimedOut(ParseException):  # type: ignore[misc]  # gunicorn has no types
    """A request that did not arrive in time."""

    def __str__(self) -> str:
        return "the request did not arrive in time"


class Conn:
    """A connection. Only one thread at a time uses it: the poller's, or the one that answers.

    Gunicorn's parser decides what a request is; it reads from memory and never waits. This class
    only decides when the parser has all that it needs.
    """

    def __init__(self, sock: socket.socket, client: Any, server: Any, cfg: Any, who: str) -> None:
        """`who`: whose connection it is when connections are shared out."""
        sock.setblocking(False)
        self.sock = sock
        self.client = client
        self.server = server
        self.who = who
        self.step = Step.HEAD
        self.deadline = 0.0
        self.is_polled = False
        self.request: Any = None
        """Gunicorn's, once its head is there."""
        self.fault: Exception | None = None
        """Why there is no request to answer."""
        self.may_be_kept = True
        """Whether the client may go on to use it after this answer."""
        self.is_kept = False
        self.drained = 0
        self.counted = 0
        """How many bytes of it the worker has counted."""
        self._parser = get_parser(cfg, (), client)
        self._limit_line: int = cfg.limit_request_line
        self._received = bytearray()
        self._searched = 0
        self._chunks: _Chunks | None = None
        self._unsent = memoryview(b"")

    @property
    def held(self) -> int:
        """How many bytes of memory its request and its answer take."""
        return len(self._received) + len(self._unsent)

    @property
    def has_received(self) -> bool:
        """Whether a part of a request is there."""
        return bool(self._received) or self.request is not None

    @property
    def is_sent(self) -> bool:
        """Whether the client's side has all of the answer."""
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
        """Throw away what has arrived. Return `False` at the end of the stream."""
        try:
            data = self.sock.recv(READ_BYTES)
        except BlockingIOError:
            return True
        self.drained += len(data)
        return bool(data)

    def is_complete(self) -> bool:
        """Whether there is a whole request to answer, or a fault.

        Raises `OSError` if the client is gone.
        """
        if self.request is None and self._head_is_there():
            self._read_head()
        return self.fault is not None or (self.request is not None and self._body_is_there())

    def hand_over(self) -> Any:
        """Return the request, with its body in memory. Raises what is wrong with it."""
        self._parser.unreader.unread(bytes(self._received))
        self._received.clear()
        if self.fault is not None:
            raise self.fault
        return self.request

    def next_request(self) -> None:
        """Forget the request that was answered; what came after it begins the next one."""
        self.request = self._chunks = None
        self._searched = 0
        try:
            self._parser.finish_body()  # one that the application did not read
        except Exception:
            self.is_kept = False  # nobody knows where the next request would begin
            return
        self.is_kept = not self._parser.mesg.body.failed
        self._received += self._parser.unreader.take_buffered()

    def send(self, answer: bytes = b"") -> None:
        """Send what the client's side takes now of the answer. Raises `OSError`."""
        if answer:
            self._unsent = memoryview(answer)
        while self._unsent:
            try:
                self._unsent = self._unsent[self.sock.send(self._unsent) :]
            except BlockingIOError:
                return
        self._unsent = memoryview(b"")

    def _head_is_there(self) -> bool:
        """Whether gunicorn's parser comes to an end with what is there: a head, or an error."""
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
        # A newline alone ends no line: gunicorn refuses it, and the head would never end.
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
        if expects and not self._body_is_there():
            self.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _body_is_there(self) -> bool:
        """Whether all of the body is there, or enough of it to be refused."""
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
    """Finds the end of a body in chunks, as far as it has arrived."""

    def __init__(self) -> None:
        self.size = 0
        """How many bytes the body has, or will have once the last known chunk is there."""
        self._at = 0
        self._searched = 0
        self._is_trailer = False

    def is_over(self, data: bytearray) -> bool:
        """Whether the body has ended, or breaks the rules so that no more is to be read of it."""
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
        found = data.find(b"\r\n\r\n", max(self._at, self._searched - 3))
        self._searched = len(data)
        return found >= 0 or len(data) - self._at > HEAD_BYTES
