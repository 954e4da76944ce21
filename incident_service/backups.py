"""Copies of the database: whole, compact and on disk, or not there at all."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import suppress
from pathlib import Path

from incident_service.errors import BackupFailed


def copy(source: sqlite3.Connection, target: Path) -> None:
    """Copy the database as it is at this instant into a new file that its owner alone can read.

    The copy holds no byte of what was deleted earlier. It is made under another name that ends in
    `.partial`, so that a file called `target` is a copy to rely on. Readers and writers go on.
    Raises `BackupFailed` where the target exists or its folder cannot be written, `sqlite3.Error`.
    """
    if os.path.lexists(target):
        raise BackupFailed(f"{target} exists, and is not overwritten.")
    try:
        descriptor, name = tempfile.mkstemp(
            dir=target.parent, prefix=f"{target.name}.", suffix=".partial"
        )
        os.close(descriptor)
        partial = Path(name)
        try:
            source.execute("VACUUM INTO ?", (name,))
            sync(partial)
            os.link(partial, target)  # unlike a rename, it never takes another file's place
        finally:
            partial.unlink()
            with suppress(FileNotFoundError):
                Path(f"{name}-journal").unlink()  # SQLite's, where it failed
        sync(target.parent)
    except FileExistsError:
        raise BackupFailed(f"{target} exists, and is not overwritten.") from None
    except OSError as error:
        raise BackupFailed(f"{target}: {error.strerror}.") from None


def sync(path: Path) -> None:
    """Make a file's bytes, or a folder's names, last through a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
