"""Copies of the database. A copy is complete, compact and on disk, or it does not exist."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from incident_service.errors import BackupFailed

_PARTIAL = ".partial"
_CONTENT = {"copy", "copy-journal", "copy-wal", "copy-shm"}
_NO_SECOND_NAMES = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP)


def copy(source: sqlite3.Connection, target: Path) -> None:
    """Copy the database as it is now into a new file that only its owner can read.

    The copy holds no byte of what was deleted earlier. It is made in a folder beside the target,
    whose name ends in `.partial`, so a file called `target` is always complete. Readers and writers
    go on. Raises `BackupFailed` if the target exists or its folder cannot be written, and
    `sqlite3.Error`.
    """
    if os.path.lexists(target):
        raise BackupFailed(f"{target} exists, and is not overwritten.")
    try:
        _remove_abandoned(target.parent)
        with _folder_for(target) as folder:
            partial = folder / "copy"
            partial.touch(0o600)
            source.execute("VACUUM INTO ?", (str(partial),))
            sync(partial)
            _name(partial, target)
        sync(target.parent)
    except FileExistsError:
        raise BackupFailed(f"{target} exists, and is not overwritten.") from None
    except OSError as error:
        raise BackupFailed(f"{target}: {error.strerror}.") from None


@contextmanager
def _folder_for(target: Path) -> Iterator[Path]:
    """Make a folder beside the target and remove it at the end; meanwhile it is locked."""
    while True:
        folder = Path(
            tempfile.mkdtemp(dir=target.parent, prefix=f"{target.name}.", suffix=_PARTIAL)
        )
        try:
            descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:  # another process removed it as abandoned before it was locked
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if not folder.exists():  # the same
                continue
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            return
        finally:
            os.close(descriptor)


def _remove_abandoned(parent: Path) -> None:
    """Remove the partial copies that killed processes left in this folder."""
    for folder in parent.glob(f"*.????????{_PARTIAL}"):
        with suppress(OSError):  # another's, or gone already
            if folder.is_symlink() or {path.name for path in folder.iterdir()} - _CONTENT:
                continue  # not one of ours
            descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
            finally:
                os.close(descriptor)


def _name(partial: Path, target: Path) -> None:
    """Give a finished copy its name. Raises `FileExistsError` if the name is taken."""
    try:
        os.link(partial, target)  # unlike a rename, it never replaces another file
    except OSError as error:
        if error.errno not in _NO_SECOND_NAMES:
            raise
        os.close(os.open(target, os.O_CREAT | os.O_EXCL, 0o600))  # reserve the name
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
