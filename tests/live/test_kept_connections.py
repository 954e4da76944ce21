"""Connections that clients keep: they end up shared out among the workers."""

from __future__ import annotations

import http.client
import time
from collections import Counter
from pathlib import Path

from tests.helpers.servers import GENEROUS, Server, running

CLIENTS = 8
ESTABLISHED = "01"


def test_workers_end_up_with_equal_shares(tmp_path: Path) -> None:
    two_workers = {"INCIDENT_SERVICE_WORKERS": "2", "INCIDENT_SERVICE_THREADS": "8"}
    with running(tmp_path / "kept.db", environment=two_workers) as server:
        clients = [http.client.HTTPConnection("127.0.0.1", server.port) for _ in range(CLIENTS)]
        until = time.monotonic() + GENEROUS
        # A worker that starts late has none at first.
        shares: list[int] = []
        while shares != [CLIENTS // 2] * 2:
            assert time.monotonic() < until, shares
            kept = [_is_kept(client) for client in clients]
            shares = [*_connections(server).values()] if all(kept) else []
        for client in clients:
            client.close()


def _is_kept(client: http.client.HTTPConnection) -> bool:
    """Make a request, on a new connection if the last one has ended; return if this one is kept."""
    client.request("GET", "/healthz")
    answer = client.getresponse()
    assert (answer.status, answer.read()) == (200, b'{"data":{"status":"ok"}}\n')
    return client.sock is not None


def _connections(server: Server) -> Counter[int]:
    """Return how many connections to the server each of its processes has."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ours = {
        f"socket:[{line[9]}]"
        for line in lines
        if line[1].endswith(f":{server.port:04X}") and line[3] == ESTABLISHED
    }
    found: Counter[int] = Counter()
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(descriptor.readlink()) in ours:
                found[int(descriptor.parts[2])] += 1
        except OSError:  # it ended meanwhile
            continue
    return found
