"""A PostgreSQL server of the bench's own, which loses nothing that it has committed."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

from tests.helpers.servers import GENEROUS, free_port

SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "max_connections": "100",
    "unix_socket_directories": "",
    "listen_addresses": "127.0.0.1",
}
"""Those that lose nothing are the defaults, and so is the rest but for buffers and WAL."""


@contextmanager
def server() -> Iterator[str]:
    """Run a server; return the URL of a role that may do everything. Its files go afterwards."""
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parts[-2]))
    port = free_port()
    # Not in memory, nor in a folder that PostgreSQL's user may not enter.
    with tempfile.TemporaryDirectory(prefix="bench-postgres-", dir="/var/tmp") as folder:
        if os.getuid() == 0:  # the programs refuse to run as root
            shutil.chown(folder, "postgres", "postgres")
        data, log = f"{folder}/data", Path(folder, "log")
        made: list[str | Path] = [
            programs / "initdb",
            "-D",
            data,
            "-U",
            "postgres",
            "-A",
            "trust",
            "--locale=C",
        ]
        subprocess.run([*made, "-E", "UTF8"], check=True, capture_output=True, **_as_postgres())
        options = [f"--{name}={value}" for name, value in {**SETTINGS, "port": port}.items()]
        with log.open("wb") as out:
            process = subprocess.Popen(
                [programs / "postgres", "-D", data, *options],
                stdout=out,
                stderr=out,
                **_as_postgres(),
            )
        url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        try:
            _wait_until_it_answers(url, process, log)
            yield url
        finally:
            process.terminate()
            process.wait(GENEROUS)


def _wait_until_it_answers(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + GENEROUS
    while process.poll() is None and time.monotonic() < until:
        with suppress(psycopg.OperationalError):
            psycopg.connect(url).close()
            return
        time.sleep(0.05)
    raise AssertionError(f"the server did not come up:\n{log.read_text()}")


def _as_postgres() -> dict[str, Any]:
    if os.getuid() != 0:
        return {}
    user = pwd.getpwnam("postgres")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": "/"}
