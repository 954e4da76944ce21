"""Compacting and copying the file under a running service (contract §9)."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from tests.helpers.commands import run
from tests.helpers.provisioned import assert_whole, body, provision
from tests.helpers.servers import COMMAND, GENEROUS, running
from tests.helpers.traces import SECRET, traces


def test_compacting_under_load_removes_what_was_deleted_and_loses_nothing(tmp_path: Path) -> None:
    database = tmp_path / "compact.db"
    (made,) = provision(database)
    authorization = {"Authorization": f"Bearer {made.key}"}
    methods = f"/v1/users/{made.user_id}/contact-methods"
    answers: list[tuple[int, Any]] = []
    is_stopped = threading.Event()
    with running(database) as server:
        for number in range(20):
            method = {"label": "Bot", "url": f"https://example.com/{SECRET}/{number}"}
            _, answer, _ = server.request("POST", methods, method, authorization)
            deleted = f"{methods}/{answer['data']['id']}"
            server.request("DELETE", deleted, headers=authorization)
        assert traces(tmp_path)

        def open_incidents() -> None:
            while not is_stopped.is_set():
                status, answer, _ = server.open_incident(made.key, body(made))
                answers.append((status, answer["data"]))

        clients = [threading.Thread(target=open_incidents) for _ in range(4)]
        for client in clients:
            client.start()
        results = [run(database, "compact") for _ in range(2)]
        is_stopped.set()
        for client in clients:
            client.join()
        assert traces(tmp_path) == []
        for result in results:
            assert set(json.loads(result.stdout)) == {"database", "bytesBefore", "bytesAfter"}
    assert {status for status, _ in answers} == {201}
    assert_whole(database, [incident for _, incident in answers])


def test_copies_under_load_are_whole_and_hold_all_that_was_answered_before(tmp_path: Path) -> None:
    database = tmp_path / "backup.db"
    (made,) = provision(database)
    answered: list[Any] = []
    is_stopped = threading.Event()

    with running(database) as server:

        def open_incidents() -> None:
            while not is_stopped.is_set():
                status, answer, _ = server.open_incident(made.key, body(made))
                assert status == 201
                answered.append(answer["data"])

        clients = [threading.Thread(target=open_incidents) for _ in range(4)]
        for client in clients:
            client.start()
        for number in range(3):
            before = len(answered)
            copy = tmp_path / f"copy-{number}.db"
            result = run(database, "backup", str(copy))
            assert json.loads(result.stdout) == {"backup": str(copy), "bytes": copy.stat().st_size}
            assert_whole(copy, answered[:before])
        is_stopped.set()
        for client in clients:
            client.join()
    assert 0 < before < len(answered)


def test_a_copy_that_is_stopped_leaves_nothing(tmp_path: Path) -> None:
    database, folder = tmp_path / "backup.db", tmp_path / "copies"
    provision(database)
    folder.mkdir()
    with sqlite3.connect(database) as connection:  # enough to be stopped in the middle of it
        connection.execute("CREATE TABLE ballast (bytes BLOB)")
        connection.execute(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200) "
            "INSERT INTO ballast SELECT randomblob(500000) FROM n"
        )
    connection.close()
    copy = folder / "copy.db"
    command = [*COMMAND, "backup", str(copy)]
    environment = {**os.environ, "INCIDENT_SERVICE_DATABASE": str(database)}
    status = 0
    while status == 0:  # once more if the copy was ready before the signal came
        copy.unlink(missing_ok=True)
        process = subprocess.Popen(command, env=environment)
        while not any(folder.glob("*/copy")) and process.poll() is None:
            time.sleep(0.001)
        process.terminate()
        status = process.wait(GENEROUS)
    assert status == 143
    assert list(folder.iterdir()) == []
