"""The one way by which deliveries connect: only to allowed addresses, and for a limited time.

A try runs within an `Attempt`. Whatever library sends in that thread, its connections are made here
(requests, and so Apprise's plug-ins and the service's own webhook; smtplib), so that a try ends
when its time is over, however slowly the other side answers, and connects nowhere after that.
"""

from __future__ import annotations

import ipaddress
import queue
import smtplib
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import urlsplit

import requests
import requests.sessions
import requests.utils
import urllib3.exceptions
import urllib3.util.connection

from incident_service.paging.workers import Workers

Networks = Literal["any", "public"]

MAX_LOOKUPS = 256
"""The most names that are resolved at once. A lookup cannot be stopped."""

MAX_ANSWER = 1 << 20
"""The most bytes that are read of an answer, so that no receiver can fill the memory."""

_HOST_ALWAYS = frozenset({"https", "http", "jsons", "json"})
"""In URLs of other schemes, what looks like a host may be something else."""

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

_here = threading.local()


class NotPublic(OSError):
    """The host has no address that a delivery may connect to."""


class Attempt:
    """One try to send something, made in the thread that enters it.

    It ends after `seconds`, or when it is cut off. Then its connections are shut down, so that
    whoever waits for them fails at once, and it makes no others. With `networks` `public` it only
    connects to public addresses, and ignores the environment's proxies, which would hide them.
    """

    def __init__(self, seconds: float, networks: Networks = "any") -> None:
        self.networks = networks
        self.deadline = time.monotonic() + seconds
        """In seconds of `time.monotonic`."""
        self.is_cut = False
        """Whether it was cut off before its own end."""
        self.is_refused = False
        """Whether it tried to connect to an address that is not public."""
        self._lock = threading.Lock()
        self._handles: list[socket.socket] = []

    def __enter__(self) -> Self:
        _watchdog.watch(self)
        _here.attempt = self
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        del _here.attempt
        _watchdog.forget(self)
        with self._lock:
            handles, self._handles = self._handles, []
        for handle in handles:
            handle.close()

    def cut(self) -> None:
        """End it now. Any thread may do so."""
        with self._lock:
            self.is_cut = True
            for handle in self._handles:
                with suppress(OSError):  # not connected any more
                    handle.shutdown(socket.SHUT_RDWR)

    def connect(
        self,
        address: tuple[str, int],
        timeout: float | None,
        source_address: tuple[str, int] | None = None,
        options: Any = None,
    ) -> socket.socket:
        """Return a connection to a host and port; each address of it has `timeout` seconds.

        Raises `NotPublic`, `TimeoutError` once the attempt is over, and `OSError`.
        """
        host, port = address
        addresses = _resolve(host.strip("[]"), port, self.deadline)
        allowed = [each for each in addresses if self._allows(each)]
        if not allowed:
            self.is_refused = True
            raise NotPublic(f"{host} has no public address")
        failure: OSError = TimeoutError("the attempt is over")
        for family, kind, protocol, _, endpoint in allowed:
            left = self.deadline - time.monotonic()
            if self.is_cut or left <= 0:
                break
            connection = socket.socket(family, kind, protocol)
            try:
                self._keep(connection)
                for option in options or ():
                    connection.setsockopt(*option)
                if source_address:
                    connection.bind(source_address)
                connection.settimeout(left if timeout is None else min(timeout, left))
                connection.connect(endpoint)
                connection.settimeout(timeout)
                return connection
            except OSError as error:
                connection.close()
                failure = error
        raise failure

    def _allows(self, address: Any) -> bool:
        return self.networks == "any" or is_public(address[4][0])

    def _keep(self, connection: socket.socket) -> None:
        """Keep a duplicate handle, because TLS detaches the first one."""
        with self._lock:
            if self.is_cut:
                raise TimeoutError("the attempt is over")
            self._handles.append(connection.dup())


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet, and embeds no address that does not."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
        if ip.is_site_local:
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def names_private_host(url: str) -> bool:
    """Whether the URL's host is this machine, or an IP address that is not public."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return False
    if host == "localhost" or host.endswith(".localhost"):
        return True
    if host.isalnum() and parts.scheme.lower() not in _HOST_ALWAYS:
        return False
    try:  # accepts numbers in any spelling; names are not looked up
        addresses = socket.getaddrinfo(
            host, None, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
        )
    except (OSError, UnicodeError):
        return False
    return bool(host) and not any(is_public(str(each[4][0])) for each in addresses)


class _Watchdog:
    """A thread that cuts attempts off when their time is over."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._attempts: set[Attempt] = set()
        self._thread: threading.Thread | None = None
        self._looks_at: float | None = None
        """When it looks next, in seconds of `time.monotonic`, unless it is notified."""

    def watch(self, attempt: Attempt) -> None:
        """Cut it off at its deadline. Raises `RuntimeError` if no thread is available."""
        with self._changed:
            if self._thread is None or not self._thread.is_alive():  # it is not after a fork
                thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
                thread.start()
                self._thread = thread
            self._attempts.add(attempt)
            if self._looks_at is None or attempt.deadline < self._looks_at:
                self._changed.notify()

    def forget(self, attempt: Attempt) -> None:
        with self._changed:
            self._attempts.discard(attempt)

    def _run(self) -> None:
        with self._changed:
            while True:
                now = time.monotonic()
                for attempt in [each for each in self._attempts if each.deadline <= now]:
                    attempt.cut()
                    self._attempts.discard(attempt)
                first = min((each.deadline for each in self._attempts), default=None)
                self._looks_at = first
                self._changed.wait(None if first is None else first - now)


_watchdog = _Watchdog()

_Answer = tuple[list[Any], OSError | None]
_lookups: dict[tuple[str, int], list[queue.SimpleQueue[_Answer]]] = {}
_lookups_lock = threading.Lock()
_lookup_workers = Workers("lookup")


def _resolve(host: str, port: int, deadline: float) -> list[Any]:
    """Return the addresses of a host; raise `TimeoutError` at `deadline`, else `OSError`.

    The system's resolver cannot be stopped. So it runs in a thread of its own, which all attempts
    share that look up the same name meanwhile. What it finds after the deadline is dropped.
    """
    with suppress(OSError):
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    answer: queue.SimpleQueue[_Answer] = queue.SimpleQueue()
    with _lookups_lock:
        waiting = _lookups.get((host, port))
        if waiting is not None:
            waiting.append(answer)
        elif len(_lookups) >= MAX_LOOKUPS:
            raise OSError("too many names are being resolved")
        else:
            _lookups[host, port] = [answer]
            try:
                _lookup_workers.do(partial(_look_up, host, port), partial(_tell, host, port))
            except RuntimeError:
                del _lookups[host, port]
                raise OSError("no thread was available") from None
    try:
        addresses, error = answer.get(timeout=max(0.0, deadline - time.monotonic()))
    except queue.Empty:
        raise TimeoutError(f"{host} was not resolved in time") from None
    if error is not None:
        raise error
    return addresses


def _look_up(host: str, port: int) -> _Answer:
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM), None
    except OSError as error:
        return [], error
    except Exception:  # a name that cannot be encoded
        return [], OSError(f"{host} is not a name that can be resolved")


def _tell(host: str, port: int, found: _Answer) -> None:
    with _lookups_lock:
        waiting = _lookups.pop((host, port))
    for answer in waiting:
        answer.put(found)


def _current() -> Attempt | None:
    """Return this thread's attempt."""
    return getattr(_here, "attempt", None)


def _guarded(connect: Callable[..., socket.socket]) -> Callable[..., socket.socket]:
    """Return a `create_connection` (socket's or urllib3's) that knows attempts."""

    def create_connection(
        address: tuple[str, int],
        timeout: Any = None,
        source_address: tuple[str, int] | None = None,
        socket_options: Any = None,
        **others: Any,
    ) -> socket.socket:
        attempt = _current()
        if attempt is not None:
            seconds = timeout if isinstance(timeout, int | float) else None
            return attempt.connect(address, seconds, source_address, socket_options)
        if socket_options is not None:
            others["socket_options"] = socket_options
        if timeout is not None:
            others["timeout"] = timeout
        return connect(address, source_address=source_address, **others)

    return create_connection


def _unless_public(proxies: Callable[[], dict[str, str]]) -> Callable[[], dict[str, str]]:
    """Return a `getproxies` that gives no proxies to an attempt that may not use them."""

    def getproxies() -> dict[str, str]:
        attempt = _current()
        return {} if attempt is not None and attempt.networks == "public" else proxies()

    return getproxies


def _unless_attempting(credentials: Callable[..., Any]) -> Callable[..., Any]:
    """Return a `get_netrc_auth` that gives nothing to attempts: a .netrc is not for them."""

    def get_netrc_auth(*args: Any, **kwargs: Any) -> Any:
        return None if _current() is not None else credentials(*args, **kwargs)

    return get_netrc_auth


def _without_answer(goodbye: Callable[[smtplib.SMTP], Any]) -> Callable[[smtplib.SMTP], Any]:
    """Return a `quit` for smtplib that does not wait for an answer within an attempt.

    The server has accepted the mail by then. If the attempt were cut off there, the mail
    would be sent again.
    """

    def quit(connection: smtplib.SMTP) -> Any:
        if _current() is None:
            return goodbye(connection)
        with suppress(OSError):
            connection.putcmd("quit")
        connection.close()
        return None

    return quit


def _of_bounded_answer(send: Callable[..., requests.Response]) -> Callable[..., requests.Response]:
    """Return a `Session.send` that reads at most `MAX_ANSWER` bytes of a body within an attempt.

    It asks for an uncompressed body and unpacks nothing, because few bytes can become very many.
    """

    def send_within_bounds(
        session: requests.Session, request: requests.PreparedRequest, **options: Any
    ) -> requests.Response:
        if _current() is None:
            return send(session, request, **options)
        request.headers["Accept-Encoding"] = "identity"
        answer = send(session, request, **{**options, "stream": True})
        if not options.get("stream"):
            _read(answer)
        return answer

    return send_within_bounds


def _of_bounded_redirect(
    target: Callable[..., str | None],
) -> Callable[..., str | None]:
    """Return a `Session.get_redirect_target` that first reads a redirect's body as `_read` does.

    Whether it follows a redirect or not, requests then reads the body, as large as it may be.
    """

    def get_redirect_target(session: requests.Session, answer: requests.Response) -> str | None:
        found = target(session, answer)
        if found is not None and _current() is not None:
            _read(answer)
        return found

    return get_redirect_target


def _read(answer: requests.Response) -> None:
    """Read an answer's body, unless that was done, up to `MAX_ANSWER` bytes."""
    unread: Any = answer
    if unread._content_consumed:
        return
    try:
        unread._content = answer.raw.read(MAX_ANSWER, decode_content=False)
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise requests.ConnectionError(error, request=answer.request) from error
    finally:
        answer.close()
    unread._content_consumed = True


class _Replies:
    """A mail server's replies, up to `MAX_ANSWER` bytes."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._left = MAX_ANSWER

    def readline(self, limit: int) -> bytes:
        line: bytes = self._file.readline(limit)
        self._left -= len(line)
        if self._left < 0:
            raise OSError("the mail server's replies are too long")
        return line

    def close(self) -> None:
        self._file.close()


def _of_bounded_replies(getreply: Callable[..., Any]) -> Callable[..., Any]:
    """Return a `getreply` for smtplib that reads `_Replies` within an attempt."""

    def getreply_within_bounds(connection: smtplib.SMTP) -> Any:
        reading: Any = connection
        if _current() is not None and reading.file is None and reading.sock is not None:
            reading.file = _Replies(reading.sock.makefile("rb"))
        return getreply(connection)

    return getreply_within_bounds


def _install() -> None:
    """Patch the libraries where they connect. Threads without an attempt notice nothing."""
    socket.create_connection = _guarded(socket.create_connection)
    library: Any = urllib3.util.connection
    library.create_connection = _guarded(library.create_connection)
    library = requests.utils
    library.getproxies = _unless_public(library.getproxies)
    library = requests.sessions
    library.get_netrc_auth = _unless_attempting(library.get_netrc_auth)
    library = requests.Session
    library.send = _of_bounded_answer(library.send)
    library.get_redirect_target = _of_bounded_redirect(library.get_redirect_target)
    library = smtplib.SMTP
    library.getreply = _of_bounded_replies(library.getreply)
    library.quit = _without_answer(library.quit)


_install()
