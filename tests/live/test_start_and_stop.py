"""Starts and ends that stumble: a port that is taken, a master that was killed, two at once."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.helpers.provisioned import body, provision
from tests.helpers.servers import (
    COMMAND,
    GENEROUS,
    free_port,
    running,
    wait_until_all_serve,
    wait_until_it_answers,
)
from tests.helpers.waiting import wait_for

TWO_WORKERS = {"INCIDENT_SERVICE_WORKERS": "2"}


def _started(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command that is to end by itself."""
    environment = {
        **os.environ,
        "INCIDENT_SERVICE_DATABASE": str(folder / "x.db"),
        "INCIDENT_SERVICE_PORT": str(free_port()),
        **{f"INCIDENT_SERVICE_{name}": value for name, value in variables.items()},
    }
    return subprocess.run(
        [*COMMAND, *arguments],
        env=environment, capture_output=True, text=True, check=False, timeout=60,
        stdin=subprocess.DEVNULL, cwd=folder,
    )  # fmt: skip


def test_a_killed_master_leaves_the_port_to_the_next_start(tmp_path: Path) -> None:
    database = tmp_path / "killed.db"
    (made,) = provision(database)
    with running(database) as first:
        idle = socket.create_connection(("127.0.0.1", first.port))
        idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert idle.recv(1)
        first.process.kill()  # it alone; its workers and the paging process are left
        first.process.wait()
        with running(database, port=first.port) as second:
            wait_for(lambda: not _group(first.process.pid))
            wait_until_it_answers(second)  # until here it may have been one of the first
            assert second.open_incident(made.key, body(made))[0] == 201
        idle.close()


def test_a_taken_port_ends_the_start_with_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        ended = _started(tmp_path, "serve", PORT=str(other.getsockname()[1]))
    assert (ended.returncode, len(ended.stderr.splitlines())) == (1, 1)
    assert "INCIDENT_SERVICE_PORT" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [
        (["--host", "192.0.2.1"], {}),
        (["--host", "no-such-host.invalid"], {}),
        ([], {"HOST": "2001:db8::1"}),
        ([], {"HOST": "x..y"}),
    ],
    ids=["no address of ours", "no such host", "no IPv6 address of ours", "no host"],
)
def test_a_host_that_is_not_here_ends_the_start_with_one_line(
    tmp_path: Path, arguments: list[str], variables: dict[str, str]
) -> None:
    ended = _started(tmp_path, "serve", *arguments, **variables)
    assert (ended.returncode, len(ended.stderr.splitlines())) == (1, 1)
    assert "INCIDENT_SERVICE_HOST" in ended.stderr


@pytest.mark.parametrize(
    ("command", "path"),
    [
        ("serve", "."),
        ("serve", "missing/x.db"),
        ("quickstart", "missing/x.db"),
        ("page", "/proc/x.db"),
        ("init-db", "/proc/x.db"),
    ],
)
def test_a_path_that_cannot_be_a_file_ends_the_start_with_one_line(
    tmp_path: Path, command: str, path: str
) -> None:
    database = tmp_path / path  # which is the path itself if that is absolute
    ended = _started(tmp_path, command, DATABASE=str(database))
    assert (ended.returncode, len(ended.stderr.splitlines())) == (1, 1), ended.stderr
    assert str(database) in ended.stderr


@pytest.mark.every_engine
def test_two_quickstarts_at_once_make_one_organization(tmp_path: Path) -> None:
    database = tmp_path / "two.db"
    with ThreadPoolExecutor(2) as pool:

        def start(_: int) -> set[str]:
            with running(database, "quickstart", "--port", "{port}") as server:
                return set(re.findall(r"org_\w+", server.log.read_text()))

        first, second = pool.map(start, range(2))
    assert len(first) == 1
    assert first == second


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGQUIT])
def test_signals_that_end_it(tmp_path: Path, number: signal.Signals) -> None:
    with running(tmp_path / "signal.db", environment=TWO_WORKERS) as server:
        wait_until_all_serve(server)
        server.process.send_signal(number)
        assert server.process.wait(GENEROUS) == 0
        assert "Traceback" not in server.log.read_text()
        wait_for(lambda: not _group(server.process.pid))


def test_ctrl_c_leaves_the_paging_process_to_the_master(tmp_path: Path) -> None:
    """A terminal sends the signal to all; otherwise the master would start another one."""
    with running(tmp_path / "terminal.db", environment=TWO_WORKERS) as server:
        wait_until_all_serve(server)
        _wait_until_the_pager_is_apart(server.process.pid)
        status = Path(f"/proc/{_pager(server.process.pid)}/status").read_text()
        (ignored,) = re.findall(r"^SigIgn:\s*(\w+)$", status, re.MULTILINE)
        assert int(ignored, 16) & 1 << (signal.SIGINT - 1)
        assert server.stop(signal.SIGINT) == 0
        assert "started again" not in server.log.read_text()


def test_a_stop_takes_no_connection_that_it_will_not_answer(tmp_path: Path) -> None:
    database = tmp_path / "stopped.db"
    provision(database)
    with running(database) as server:
        address = "127.0.0.1", server.port
        _wait_until_the_pager_is_apart(server.process.pid)
        with socket.create_connection(address) as unfinished:  # the stop waits for it a little
            unfinished.sendall(b"GET /healthz HTTP/1.1\r\n")
            server.process.terminate()
            resets = 0
            with pytest.raises(ConnectionRefusedError):
                while True:
                    with socket.create_connection(address, timeout=20) as late:
                        try:
                            late.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
                            assert late.recv(100).startswith(b"HTTP/1.1 200 ")
                        except ConnectionError:  # it came between the last look and the close
                            resets += 1
            assert resets <= 1


def test_a_reload_goes_on_serving(tmp_path: Path) -> None:
    with running(tmp_path / "reload.db", environment=TWO_WORKERS) as server:
        wait_until_all_serve(server)

        def ends_and_starts() -> tuple[int, int]:
            assert server.request("GET", "/healthz")[0] == 200
            log = server.log.read_text()
            return log.count("Worker exiting"), log.count("Booting worker")

        assert ends_and_starts() == (0, 2)
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: ends_and_starts() == (2, 4))
        for _ in range(10):
            assert server.request("GET", "/readyz")[0] == 200
        server.process.terminate()
        assert server.process.wait(GENEROUS) == 0


def test_an_ipv6_address_in_brackets(tmp_path: Path) -> None:
    port = free_port()
    environment = {
        **os.environ,
        "INCIDENT_SERVICE_DATABASE": str(tmp_path / "six.db"),
        "INCIDENT_SERVICE_HOST": "[::1]",
    }
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [*COMMAND, "serve", "--port", str(port)], env=environment, stderr=log,
            stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
    try:
        until = time.monotonic() + GENEROUS
        while True:
            try:
                socket.create_connection(("::1", port)).close()
                break
            except OSError:
                assert process.poll() is None, (tmp_path / "log").read_text()
                assert time.monotonic() < until
                time.sleep(0.02)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_until_the_pager_is_apart(master: int) -> None:
    """Return once the paging process has closed the listening socket that it was born with."""
    wait_for(lambda: _pagers(master))  # until then it is still a copy of the master
    pager = _pager(master)
    wait_for(lambda: not _sockets(master) & _sockets(pager))


def _pager(master: int) -> int:
    (pager,) = _pagers(master)
    return pager


def _pagers(master: int) -> list[int]:
    return [
        pid for pid in _group(master) if b"\0page\0" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


def _sockets(pid: int) -> set[str]:
    found = set()
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # it may be closed meanwhile
            found.add(str(file.readlink()))
    return {name for name in found if name.startswith("socket:")}


def _group(leader: int) -> list[int]:
    """Return the processes that live in a process group."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, _, group = (folder / "stat").read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(group) == leader and state != "Z":
            found.append(int(folder.name))
    return found
