"""Bringing a database of an earlier version up to date, by the numbered SQL scripts in this folder.

`0002_….sql` turns version 1 into version 2, and so on. A script has no `BEGIN` or `COMMIT` of its
own; it may call `casefold(text)`, and `index_words` as the schema's triggers do. Foreign keys are
not enforced while it runs, so it may rebuild a table: create, copy, drop, rename. (Dropping a table
fires no trigger, and drops its triggers and indexes.) All foreign keys are checked at the end.
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

    Raises `UnusableDatabase` if a row would refer to a row that is not there, and `sqlite3.Error`;
    the database is then as it was.
    """
    sql = scripts()
    steps = [
        f"{sql[version]}\nPRAGMA user_version = {version};" for version in range(old + 1, new + 1)
    ]
    connection.create_function("casefold", 1, str.casefold, deterministic=True)
    connection.execute("PRAGMA foreign_keys = OFF")
    try:
        connection.executescript("\n".join(["BEGIN IMMEDIATE;", *steps]))
        broken = connection.execute("PRAGMA foreign_key_check").fetchone()
        if broken is not None:
            raise UnusableDatabase(
                f"The database cannot be brought up to date: a row of {broken['table']} would "
                f"refer to a row of {broken['parent']} that is not there."
            )
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    finally:
        connection.execute("PRAGMA foreign_keys = ON")
