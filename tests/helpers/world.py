"""A world of its own for a test: an application, its file and an organization in it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from flask import Flask

from incident_service import quickstart
from incident_service.database.file import Database


@dataclass
class World:
    """An organization with somebody on call, and a client that has its key."""

    app: Flask
    database: Database
    client: Any
    made: quickstart.Provisioned

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
        self.database.write(lambda db, **_: db.execute(sql, values))

    def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        with self.database.read() as db:
            return db.execute(sql, values).fetchall()
