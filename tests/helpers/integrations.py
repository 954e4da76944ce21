"""Inbound integrations of a running server, and what is sent to them (contract §10)."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from tests.helpers.place import Place
from tests.helpers.servers import GENEROUS, Server


@dataclass(frozen=True)
class Client:
    """The admin of a place's organization, who calls its server."""

    server: Server
    place: Place

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Make a call; return the answer's data."""
        key = {"Authorization": f"Bearer {self.place.made.key}"}
        status, answer, _ = self.server.request(method, f"/v1/{path}", body, key)
        assert status in (200, 201), answer
        return answer["data"]

    def policy(self, name: str, *user_ids: str) -> str:
        """Make an escalation policy that pages these users at once; return its id."""
        step = {"targetType": "users", "userIds": user_ids, "escalateAfterSeconds": 600}
        made = self.call("POST", "escalation/policies", {"name": name, "steps": [step]})
        return str(made["id"])

    def integrate(self, name: str, kind: str = "generic", **values: Any) -> Integration:
        """Make an integration whose incidents resolve as soon as their alerts are."""
        body = {"name": name, "kind": kind, "resolveAfterSeconds": 0, **values}
        made = self.call("POST", "integrations/inbound", body)
        return Integration(self.server, made["id"], name, made["token"], made["url"])


@dataclass(frozen=True)
class Integration:
    """An integration, which a tool sends to."""

    server: Server
    id: str
    name: str
    token: str
    url: str

    def send(self, body: Any) -> list[dict[str, Any]]:
        """Deliver the body, again if the service is busy; return what became of each alert.

        Raises OSError and the like if the service ends meanwhile.
        """
        until = time.monotonic() + GENEROUS
        while True:
            status, answer, _ = self.server.request("POST", f"/in/{self.token}", body)
            if status != 503 or time.monotonic() > until:
                assert status == 202, answer
                alerts: list[dict[str, Any]] = answer["data"]["alerts"]
                return alerts
            time.sleep(0.1)  # Alertmanager waits longer
