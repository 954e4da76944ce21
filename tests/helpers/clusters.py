"""PostgreSQL servers of one's own, which a test may restart, kill and replace by a standby."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

from incident_service.config import ServerUrl
from tests.helpers.servers import GENEROUS, free_port
from tests.helpers.waiting import wait_for

_MEMORY = Path("/dev/shm")
_DISK = Path("/var/tmp")

_COMMON = {
    "unix_socket_directories": "''",
    "max_connections": "200",
    "log_lock_waits": "on",
    "deadlock_timeout": "1s",
    "hot_standby": "on",
}

QUICK = {
    # A test ends processes, never the machine: what they wrote is there without syncing.
    "fsync": "off",
    "shared_buffers": "64MB",
}

DURABLE = {
    # The defaults, under which nothing that was committed is lost.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    # Room for what a bench writes.
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
}


def programs() -> Path | None:
    """Return the folder of PostgreSQL's programs, the newest ones, if they are installed."""
    on_path = shutil.which("pg_basebackup")  # Debian's is a script elsewhere
    folders = [*Path("/usr/lib/postgresql").glob("*/bin")]
    if on_path:
        folders.append(Path(on_path).resolve().parent)
    found = [folder for folder in folders if (folder / "postgres").exists()]
    return max(
        found, key=lambda folder: int(re.sub(r"\D", "", folder.parent.name) or 0), default=None
    )


class Cluster:
    """A PostgreSQL server; `log` holds what it says."""

    def __init__(self, folder: Path, host: str = "127.0.0.1") -> None:
        bin_folder = programs()
        assert bin_folder is not None
        self._programs = bin_folder
        self._data = folder / "data"
        self.log = folder / "log"
        self.host = host
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        if os.getuid() == 0:  # the programs refuse to run as root
            shutil.chown(folder, "postgres", "postgres")

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    def make(self, settings: Mapping[str, str] = QUICK) -> None:
        """Make its files."""
        self._run("initdb", "-D", self._data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
                  "--locale=C", "--no-sync")  # fmt: skip
        with (self._data / "postgresql.conf").open("a") as file:
            file.writelines(
                f"{name} = {value}\n" for name, value in {**_COMMON, **settings}.items()
            )
        with (self._data / "pg_hba.conf").open("a") as file:
            file.write("host all,replication all samenet trust\n")

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = [f"--port={self.port}", f"--listen_addresses={self.host}"]
        with self.log.open("ab") as out:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self._data, *options, *self._name()],
                stdout=out,
                stderr=out,
                **_as_postgres(),
            )
        wait_for(self._answers)

    def stop(self, mode: str) -> None:
        """Stop it: `fast` ends the connections, `immediate` ends the processes as a crash does."""
        assert self._process is not None
        self._process.send_signal({"fast": signal.SIGINT, "immediate": signal.SIGQUIT}[mode])
        self._process.wait(GENEROUS)

    def kill(self) -> None:
        """Kill all of its processes outright."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)  # so that none is added meanwhile
        for pid in [*_children(self._process.pid), self._process.pid]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait(GENEROUS)

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Let none of its processes go on for a while, as if it were cut off."""
        assert self._process is not None
        pids = [self._process.pid, *_children(self._process.pid)]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def standby(self, folder: Path) -> Cluster:
        """Start a standby; what is committed from now on is there too."""
        other = Cluster(folder, self.host)
        self._run("pg_basebackup", "-D", other._data, "-h", self.host, "-p", str(self.port),
                  "-U", "postgres", "-R", "-X", "stream", "-c", "fast", "--no-sync")  # fmt: skip
        other.start()
        # Its copy of the settings was made before: once promoted, it waits for none.
        self.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.execute("SELECT pg_reload_conf()")
        query = "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"
        wait_for(lambda: self.execute(query))
        return other

    def promote(self) -> None:
        """Make a standby a server that can be written to; return once it is one."""
        self.execute("SELECT pg_promote()")

    def url(self, name: str = "service") -> ServerUrl:
        """Return a database on it."""
        return ServerUrl(f"postgresql://postgres@{self.address}/{name}")

    def execute(self, query: str) -> list[Any]:
        """Run a statement outside of any transaction; return the rows."""
        with psycopg.connect(self.url("postgres").url, autocommit=True) as connection:
            cursor = connection.execute(query.encode())
            return cursor.fetchall() if cursor.description else []

    def deadlocks(self) -> int:
        """Return how many deadlocks it has found."""
        (row,) = self.execute("SELECT sum(deadlocks) FROM pg_stat_database")
        return int(row[0])

    def _name(self) -> list[str]:
        return [f"--cluster_name={self._data.parent.name}"]

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()
        with suppress(psycopg.OperationalError):
            self.execute("SELECT 1")
            return True
        return False

    def _run(self, program: str, *arguments: str | Path) -> None:
        done = subprocess.run(
            [self._programs / program, *arguments],
            capture_output=True,
            text=True,
            timeout=GENEROUS,
            **_as_postgres(),
        )
        assert done.returncode == 0, done.stderr


@contextmanager
def folders(*, on_disk: bool = False) -> Iterator[Path]:
    """Make a folder that PostgreSQL's user may enter, and remove it afterwards.

    It is in memory, if there is a place for that.
    """
    parent = _MEMORY if _MEMORY.is_dir() and not on_disk else _DISK
    with tempfile.TemporaryDirectory(prefix="pg-", dir=parent) as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def cluster(
    folder: Path, host: str = "127.0.0.1", settings: Mapping[str, str] = QUICK
) -> Iterator[Cluster]:
    """Run a server with an empty database `service`; end it afterwards."""
    folder.mkdir()
    made = Cluster(folder, host)
    made.make(settings)
    made.start()
    try:
        made.execute("CREATE DATABASE service")
        yield made
    finally:
        made.kill()


@contextmanager
def standby_of(primary: Cluster, folder: Path) -> Iterator[Cluster]:
    """Run a synchronous standby; end it afterwards."""
    folder.mkdir()
    made = primary.standby(folder)
    try:
        yield made
    finally:
        made.kill()


def both(primary: Cluster, standby: Cluster, name: str = "service") -> ServerUrl:
    """Return the URL of a database on whichever of the two can be written to."""
    hosts = f"{primary.address},{standby.address}"
    return ServerUrl(f"postgresql://postgres@{hosts}/{name}?target_session_attrs=read-write")


def _as_postgres() -> dict[str, Any]:
    if os.getuid() != 0:
        return {}
    user = pwd.getpwnam("postgres")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": "/"}


def _children(parent: int) -> list[int]:
    lists = Path(f"/proc/{parent}/task").glob("*/children")
    return [int(pid) for each in lists for pid in each.read_text().split()]
