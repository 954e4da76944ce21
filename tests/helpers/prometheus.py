"""Prometheus and Alertmanager as Debian ships them, on loopback, watching what a test breaks."""

from __future__ import annotations

import http.server
import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from tests.helpers.servers import GENEROUS, free_port
from tests.helpers.waiting import wait_for

PROMETHEUS = shutil.which("prometheus")
ALERTMANAGER = shutil.which("prometheus-alertmanager")
ARE_INSTALLED = bool(PROMETHEUS and ALERTMANAGER)

# The last value within a minute counts: a scrape that a busy machine is too slow for mends nothing.
RULES = {
    "groups": [
        {
            "name": "parts",
            "interval": "500ms",
            "rules": [
                {
                    "alert": "Broken",
                    "expr": "last_over_time(broken[1m]) == 1",
                    "annotations": {
                        "summary": "{{ $labels.service }} is broken on {{ $labels.host }}",
                        "description": "It was asked, and said so itself.",
                    },
                }
            ],
        }
    ]
}


class Parts(http.server.ThreadingHTTPServer):
    """Parts of services that a test breaks and mends; serves their state as metrics.

    A part has a `service`, a `host` and a `severity`; `through` says which receiver of an
    Alertmanager is told.
    """

    daemon_threads = True
    LABELS = ("through", "service", "host", "severity")

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Metrics)
        self.registry = CollectorRegistry()
        self._broken = Gauge("broken", "1: it is broken", self.LABELS, registry=self.registry)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def breaks(self, **part: str) -> None:
        self._broken.labels(**part).set(1)

    def is_mended(self, **part: str) -> None:
        self._broken.labels(**part).set(0)


class _Metrics(http.server.BaseHTTPRequestHandler):
    server: Parts

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(generate_latest(self.server.registry))

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def parts() -> Iterator[Parts]:
    """Serve the metrics of parts that a test breaks."""
    with Parts() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def alertmanager(
    folder: Path,
    receivers: Mapping[str, Mapping[str, Any]],
    *,
    gossip: int | None = None,
    peer: int | None = None,
) -> Iterator[int]:
    """Run an Alertmanager; yield its port.

    A receiver has its configuration, such as `webhook_configs`, by its name. It is told of what
    breaks `through` it, one group for each service. With a port for `gossip` the Alertmanager is in
    a cluster; `peer` is that port of another in it.
    """
    assert ALERTMANAGER
    folder.mkdir()
    (folder / "config.yml").write_text(json.dumps(_configuration(receivers)))
    port = free_port()
    with _running(
        folder / "log",
        ALERTMANAGER,
        f"--config.file={folder / 'config.yml'}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        f"--cluster.listen-address={f'127.0.0.1:{gossip}' if gossip else ''}",
        *([f"--cluster.peer=127.0.0.1:{peer}"] if peer else []),
        "--cluster.gossip-interval=50ms",
        "--cluster.settle-timeout=2s",
        "--cluster.peer-timeout=1s",
    ) as runs:
        wait_for(lambda: runs() and asked(port, "/-/ready"))
        yield port


def _configuration(receivers: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return an Alertmanager's configuration: JSON is YAML."""
    return {
        "route": {
            "receiver": "nobody",
            "group_by": ["through", "service"],
            "group_wait": "0s",
            "group_interval": "1s",
            "repeat_interval": "4h",
            "routes": [{"receiver": name, "matchers": [f'through="{name}"']} for name in receivers],
        },
        "receivers": [
            {"name": "nobody"},
            *({"name": name, **configuration} for name, configuration in receivers.items()),
        ],
    }


@contextmanager
def prometheus(folder: Path, watched: Parts, alertmanagers: Sequence[int]) -> Iterator[int]:
    """Run a Prometheus that watches the parts, and tells the Alertmanagers; yield its port."""
    assert PROMETHEUS
    folder.mkdir()
    (folder / "rules.yml").write_text(json.dumps(RULES))
    configuration = {
        "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms"},
        "rule_files": [str(folder / "rules.yml")],
        "scrape_configs": [
            {"job_name": "parts", "static_configs": [{"targets": [watched.address]}]}
        ],
        "alerting": {
            "alertmanagers": [
                {"static_configs": [{"targets": [f"127.0.0.1:{port}" for port in alertmanagers]}]}
            ]
        },
    }
    (folder / "config.yml").write_text(json.dumps(configuration))
    port = free_port()
    with _running(
        folder / "log",
        PROMETHEUS,
        f"--config.file={folder / 'config.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        # An alert ends by itself if it is not sent again within four times as long.
        "--rules.alert.resend-delay=15s",
    ) as runs:

        def watches() -> bool:
            targets = asked(port, "/api/v1/targets")
            return targets and [it["health"] for it in targets["data"]["activeTargets"]] == ["up"]

        def tells() -> bool:
            told = asked(port, "/api/v1/alertmanagers")
            return told and len(told["data"]["activeAlertmanagers"]) == len(alertmanagers)

        wait_for(lambda: runs() and watches() and tells())
        yield port


def asked(port: int, path: str) -> Any:
    """Return what the program answers, parsed if it is JSON; None if it does not answer."""
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            text = answer.read().decode()
            return json.loads(text) if path.startswith("/api/") else text
    except OSError:
        return None


def tell(alertmanager: int, **labels: str) -> None:
    """Tell an Alertmanager of an alert that fires from now on, as Prometheus does."""
    body = json.dumps([{"labels": {"alertname": "Broken", **labels}}]).encode()
    url = f"http://127.0.0.1:{alertmanager}/api/v2/alerts"
    with urlopen(Request(url, body, {"Content-Type": "application/json"}), timeout=GENEROUS):
        pass


@contextmanager
def _running(log: Path, *command: str) -> Iterator[Callable[[], bool]]:
    """Run the program; yield what says that it runs, and fails if it has ended."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=log.parent, stdout=out, stderr=out)

    def runs() -> bool:
        assert process.poll() is None, log.read_text()
        return True

    try:
        yield runs
    finally:
        process.terminate()
        try:
            process.wait(GENEROUS)
        finally:
            process.kill()
