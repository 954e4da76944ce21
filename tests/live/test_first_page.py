"""From the README's first command to the first page, with nothing but what it tells to paste."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.helpers.guides import README, blocks
from tests.helpers.servers import GENEROUS, free_port, running


@contextmanager
def pasted(commands: str) -> Iterator[subprocess.Popen[str]]:
    """Run commands in a terminal of their own for a while, with this Python as theirs."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    process = subprocess.Popen(
        ["bash", "-c", f"exec {commands}"],
        env={**os.environ, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    limit = threading.Timer(GENEROUS, process.kill)
    limit.start()
    try:
        yield process
    finally:
        limit.cancel()
        process.kill()
        process.communicate()


def paste(commands: str) -> str:
    done = subprocess.run(
        ["bash", "-euc", commands], capture_output=True, text=True, timeout=GENEROUS, check=True
    )
    return done.stdout


def test_the_first_page(tmp_path: Path) -> None:
    _, receiver, settings, method = blocks(README, "Start it")
    assert [line.partition("=")[0] for line in settings.splitlines()] == ["KEY", "ADMIN"]
    port = str(free_port())
    with (
        pasted(receiver.replace("9000", port)) as terminal,
        running(tmp_path / "first.db", "quickstart", "--port", "{port}") as server,
    ):
        printed = server.log.read_text()
        (curl,) = re.findall(r"^curl .*?\n  }'$", printed, re.MULTILINE | re.DOTALL)
        (key,) = set(re.findall(r"scl_live_[\w-]+", printed))
        (admin,) = re.findall(r"user_\w+", printed)
        method = method.replace("9000", port).replace("8000", str(server.port))
        assert "data" in paste(curl)
        assert "data" in paste(f"KEY={key} ADMIN={admin}\n{method}")
        assert "data" in paste(curl)
        assert terminal.stdout
        # The first incident's page may come too, where nobody had looked after it yet.
        page = next(line for line in terminal.stdout if "#2 " in line)
    assert "Payment service elevated error rate" in page
    assert "/a/" in page
