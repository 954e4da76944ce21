"""SQL, one module a table family: functions that take a connection and plain values."""

from typing import Any

Row = dict[str, Any]
"""A row as its columns by name."""
