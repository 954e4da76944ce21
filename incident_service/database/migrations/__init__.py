"""Bringing a database of an earlier version up to date, by the numbered SQL scripts in this folder.

`0002_….sql` makes version 2 of version 1, and so on. A script begins and commits nothing itself.
Foreign keys are not enforced while it runs, so that it may build a table anew (create, copy, drop,
rename; dropping asks no trigger, and takes the table's triggers and indexes with it); all of them
are checked at the end.
"""

from __future__ import annotations

import sqlite3
from importlib.resources import files

from incident_service.errors import UnusableDatabase

FOLDER = files(__name__)


def scripts() -> dict[int, str]:
    """Return each script by the version that it makes."""
    return {
        int(path.name.partition("_")[0]): path.read_text(encoding="utf-8")
        for path in FOLDER.iterdir()
        if path.name.endswith(".sql")
    }


def apply(connection: sqlite3.Connection, *, old: int, new: int) -> None:
    """Make the new version of the old one, in one transaction.

    Where this raises, the database is as it was: `UnusableDatabase` where a row would point at
    nothing, or `sqlite3.Error`.
    """
    found = scripts()
    steps = [
        f"{found[version]}\nPRAGMA user_version = {version};" for version in range(old + 1, new + 1)
    ]
    connection.execute("PRAGMA foreign_keys = OFF")
    try:
        connection.executescript("\n".join(["BEGIN IMMEDIATE;", *steps]))
        broken = connection.execute("PRAGMA foreign_key_check").fetchone()
        if broken is not None:
            raise UnusableDatabase(
                f"The database cannot be brought up to date: a row of {broken['table']} would "
                f"point at nothing in {broken['parent']}."
            )
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    finally:
        connection.execute("PRAGMA foreign_keys = ON")
