"""Values as they go to a PostgreSQL server and come back: the same in Python as with SQLite.

Text goes as text, numbers and what is true or false as BIGINT. Sums come back as `int`, what a
statement compares as 1 or 0, and JSON as its text.
"""

from __future__ import annotations

from psycopg import Connection
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.types.numeric import Int8Dumper
from psycopg.types.string import StrDumper, TextLoader


class _BoolLoader(Loader):
    def load(self, data: Buffer) -> int:
        return int(data == b"t")


class _NumericLoader(Loader):
    def load(self, data: Buffer) -> int | float:
        text = bytes(data).decode()
        return float(text) if "." in text or "N" in text else int(text)


class _TextDumper(StrDumper):
    def dump(self, obj: str) -> Buffer | None:
        # PostgreSQL has no text with a NUL. Bodies with one are refused; a path may have one, and
        # is to find nothing.
        return super().dump(obj.replace("\0", "\ufffd") if "\0" in obj else obj)


class _BoolDumper(Int8Dumper):
    def dump(self, obj: bool) -> Buffer | None:
        return super().dump(int(obj))


def register(connection: Connection[object]) -> None:
    """Let a connection take values and give them back like this."""
    adapters = connection.adapters
    adapters.register_dumper(str, _TextDumper)
    adapters.register_dumper(int, Int8Dumper)
    adapters.register_dumper(bool, _BoolDumper)
    for name in ("json", "jsonb"):
        adapters.register_loader(name, TextLoader)
    adapters.register_loader("bool", _BoolLoader)
    adapters.register_loader("numeric", _NumericLoader)
