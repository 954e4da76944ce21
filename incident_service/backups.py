"""Copies of the database: whole, compact and on disk, or not there at all."""

from __future__ import annotations

import errno
import os
import sqlite3
import tempfile
from pathlib import Path

from incident_service.errors import BackupFailed

_NO_SECOND_NAMES = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP)


def copy(source: sqlite3.Connection, target: Path) -> None:
    """Copy the database as it is at this instant into a new file that its owner alone can read.

    The copy holds no byte of what was deleted earlier. It is made in a folder beside the target,
    whose name ends in `.partial`, so that a file called `target` is a copy to rely on. Readers and
    writers go on. Raises `BackupFailed` where the target exists or its folder cannot be written,
    `sqlite3.Error`.
    """
    if os.path.lexists(target):
        raise BackupFailed(f"{target} exists, and is not overwritten.")
    try:
        with tempfile.TemporaryDirectory(
            dir=target.parent, prefix=f"{target.name}.", suffix=".partial"
        ) as folder:
            partial = Path(folder, "copy")
            partial.touch(0o600)
            source.execute("VACUUM INTO ?", (str(partial),))
            sync(partial)
            _name(partial, target)
        sync(target.parent)
    except FileExistsError:
        raise BackupFailed(f"{target} exists, and is not overwritten.") from None
    except OSError as error:
        raise BackupFailed(f"{target}: {error.strerror}.") from None


def _name(partial: Path, target: Path) -> None:
    """Give a finished copy its name. Raises `FileExistsError` where it is taken."""
    try:
        os.link(partial, target)  # unlike a rename, it never takes another file's place
    except OSError as error:
        if error.errno not in _NO_SECOND_NAMES:
            raise
        os.close(os.open(target, os.O_CREAT | os.O_EXCL, 0o600))  # a place of our own to take
        try:
            partial.replace(target)
        except BaseException:
            target.unlink()
            raise


def sync(path: Path) -> None:
    """Make a file's bytes, or a folder's names, last through a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
