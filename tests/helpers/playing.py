"""A proxy that plays every paged service: what goes out by HTTP or HTTPS ends here, and is kept."""

from __future__ import annotations

import http.server
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import trustme

_ANSWER = {
    "ok": True, "success": True, "status": "success", "id": "1", "code": 0, "errcode": 0,
    "StatusCode": 0, "event_id": "e", "access_token": "x", "room_id": "!room:example.com",
    "user_id": "@ada:example.com", "joined_rooms": ["!room:example.com"], "home_server": "x",
    "result": {"message_id": 1}, "messages": [{"status": 0, "message-id": "1", "to": "x"}],
    "data": {"id": 1, "authToken": "x", "userId": "u"}, "default_channel": 1, "workspace_id": 1,
    "channel": {"id": "C1"},
    "m.homeserver": {"base_url": "https://chat.example.com"}, "requestId": "r", "took": 1,
}  # fmt: skip

_STATUSES = {"api.opsgenie.com": 202, "api.squadcast.com": 202, "events.pagerduty.com": 202}


@dataclass
class Request:
    method: str
    url: str
    headers: dict[str, str]
    body: bytes


class _Proxy(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, authority: trustme.CA) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.authority = authority
        self.contexts: dict[str, ssl.SSLContext] = {}
        self.got: list[Request] = []

    def context(self, host: str) -> ssl.SSLContext:
        if host not in self.contexts:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.authority.issue_cert(host).configure_cert(context)
            self.contexts[host] = context
        return self.contexts[host]


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Proxy
    protocol_version = "HTTP/1.1"
    origin = ""

    def do_CONNECT(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.origin = f"https://{self.path}"
        host = self.path.rpartition(":")[0]
        self.connection = self.server.context(host).wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb", -1)
        self.wfile = self.connection.makefile("wb", 0)
        self.close_connection = False

    def _take(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        url = self.origin + self.path
        self.server.got.append(Request(self.command, url, dict(self.headers), body))
        host = urlsplit(url).hostname or ""
        # Slack says "ok" to a webhook, and JSON elsewhere.
        answer = b"ok" if host == "hooks.slack.com" else json.dumps(_ANSWER).encode()
        self.send_response(_STATUSES.get(host, 200))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = do_PUT = _take

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def playing_every_service(folder: Path) -> Iterator[tuple[list[Request], dict[str, str]]]:
    """Run the proxy; yield what it gets, and the environment in which `requests` goes to it."""
    authority = trustme.CA()
    certificate = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(certificate))
    proxy = _Proxy(authority)
    thread = threading.Thread(target=proxy.serve_forever, args=(0.02,))
    thread.start()
    address = f"http://127.0.0.1:{proxy.server_address[1]}"
    try:
        yield (
            proxy.got,
            {
                "HTTP_PROXY": address,
                "HTTPS_PROXY": address,
                "http_proxy": address,
                "https_proxy": address,
                "NO_PROXY": "",
                "no_proxy": "",
                "REQUESTS_CA_BUNDLE": str(certificate),
            },
        )
    finally:
        proxy.shutdown()
        thread.join()
        proxy.server_close()
