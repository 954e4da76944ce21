"""What the guide says about backups of a server's database."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from incident_service import quickstart
from incident_service.database.server import ServerDatabase
from tests.helpers import engines

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"


def test_a_dump_is_restored_with_the_tools_of_the_server(
    postgres: engines.Server, tmp_path: Path
) -> None:
    if shutil.which("pg_restore") is None:
        pytest.skip("needs pg_dump and pg_restore")
    dumped, restored = postgres.named(tmp_path / "dumped"), postgres.bare()
    database, other = ServerDatabase(dumped), ServerDatabase(restored)
    database.write(None, quickstart.provision)
    dump = str(tmp_path / "incidents.dump")
    run("pg_dump", "--format=custom", f"--file={dump}", dumped.url)
    run("pg_restore", "--exit-on-error", "--no-owner", f"--dbname={restored.url}", dump)
    other.check()
    with database.read() as db, other.read() as copy:
        names = [row["tablename"] for row in db.execute(TABLES)]
        assert [row["tablename"] for row in copy.execute(TABLES)] == names
        for name in names:
            query = f"SELECT {name}::text AS whole FROM {name} ORDER BY 1"
            assert copy.execute(query).fetchall() == db.execute(query).fetchall(), name
    database.close()
    other.close()


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
