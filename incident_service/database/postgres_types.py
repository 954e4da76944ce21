"""Values as they come back from a PostgreSQL server: the same in Python as with SQLite.

Sums come back as `int`, what a statement compares as 1 or 0, and JSON as its text.
"""

from __future__ import annotations

from psycopg import Connection
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.types.string import TextLoader


class _BoolLoader(Loader):
    def load(self, data: Buffer) -> int:
        return int(data == b"t")


class _NumericLoader(Loader):
    def load(self, data: Buffer) -> int | float:
        text = bytes(data).decode()
        return float(text) if "." in text or "N" in text else int(text)


def register(connection: Connection[object]) -> None:
    """Let a connection give values back like this."""
    adapters = connection.adapters
    for name in ("json", "jsonb"):
        adapters.register_loader(name, TextLoader)
    adapters.register_loader("bool", _BoolLoader)
    adapters.register_loader("numeric", _NumericLoader)
