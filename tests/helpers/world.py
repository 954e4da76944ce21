"""A world of its own for a test: an application, its file and an organization in it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from flask import Flask

from incident_service import quickstart
from incident_service.database.engine import Database
from incident_service.database.file import FileDatabase

_COLUMNS_OF_FILE = """
    SELECT t.name AS table_name, c.name AS column_name
    FROM sqlite_schema AS t, pragma_table_info(t.name) AS c
    WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' AND t.name NOT LIKE 'incident_words_%'
    ORDER BY t.name, c.cid
    """

_COLUMNS_ON_SERVER = """
    SELECT table_name::text, column_name::text FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name <> 'schema_version' AND is_generated = 'NEVER'
    ORDER BY table_name, ordinal_position
    """


@dataclass
class World:
    """An organization with somebody on call, and a client that has its key."""

    app: Flask
    database: Database
    client: Any
    made: quickstart.Provisioned

    @property
    def file(self) -> FileDatabase:
        """The database, for a test that is marked as `sqlite_only`."""
        assert isinstance(self.database, FileDatabase)
        return self.database

    def columns(self) -> dict[str, list[str]]:
        """Return the names of all tables, and of their columns that are not generated."""
        found: dict[str, list[str]] = {}
        is_file = isinstance(self.database, FileDatabase)
        for row in self.rows(_COLUMNS_OF_FILE if is_file else _COLUMNS_ON_SERVER):
            found.setdefault(row["table_name"], []).append(row["column_name"])
        return found

    def become_version(self, version: int) -> None:
        """Let the tables be of another version."""
        is_file = isinstance(self.database, FileDatabase)
        pragma = f"PRAGMA user_version = {version}"
        self.execute(pragma if is_file else f"UPDATE schema_version SET number = {version}")

    def body(self, **changes: Any) -> dict[str, Any]:
        """Return the seed's body; a change to `...` leaves the field out."""
        body = {
            "title": "Payment service elevated error rate",
            "description": "The payment processing service is returning 5xx errors.",
            "severity": "critical",
            "ownerScheduleId": self.made.schedule_id,
            "componentIds": [self.made.component_id],
            **changes,
        }
        return {name: value for name, value in body.items() if value is not ...}

    def post(self, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        """Open an incident as the organization's admin."""
        return self.client.post(
            "/v1/incidents",
            data=json.dumps(self.body() if body is None else body),
            content_type="application/json",
            headers={"Authorization": f"Bearer {self.made.key}", **(headers or {})},
        )

    def call(
        self, method: str, path: str, body: Any = ..., *, key: str | None = None, **query: str
    ) -> Any:
        """Make a call, as the organization's admin unless another key is given."""
        return self.client.open(
            f"/v1/{path}",
            method=method,
            query_string=query,
            headers={"Authorization": f"Bearer {key or self.made.key}"},
            **({} if body is ... else {"json": body}),
        )

    def make(self, path: str, **fields: Any) -> dict[str, Any]:
        """Create something, and return it."""
        answer = self.call("POST", path, fields)
        assert answer.status_code == 201, answer.json
        made: dict[str, Any] = answer.json["data"]
        return made

    def execute(self, sql: str, *values: Any) -> None:
        """Change rows as no client can."""
        self.database.write(None, lambda db, **_: db.execute(sql, values))

    def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        with self.database.read() as db:
            return db.execute(sql, values).fetchall()
