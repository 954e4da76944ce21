"""Takes in what a tool says of alerts: each is one for as long as it fires (contract §10)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from incident_service import ids
from incident_service.alerts import over
from incident_service.alerts.incoming import IncomingAlert
from incident_service.alerts.severity_words import severity_of
from incident_service.alerts.triage import Triage
from incident_service.clock import format_instant
from incident_service.database.engine import Connection
from incident_service.incidents import lifecycle
from incident_service.people.caller import Caller
from incident_service.severity import Severity, is_worse
from incident_service.store import Row
from incident_service.store import alerts as rows


def take_in(
    db: Connection,
    integration: Row,
    alerts: Sequence[IncomingAlert],
    *,
    now: datetime,
    counted: Collection[str] = (),
) -> list[Row]:
    """Take in alerts of an integration, in their order, and return what became of each.

    That is its `id`, `dedup_key`, `status`, `outcome` and `incident_id`. What resolves or
    acknowledges an alert that does not fire changes nothing, and has neither id nor outcome.
    `counted`: the ids of the alerts that an earlier part of the same delivery counted.
    Nothing is sent: what is to be sent is a task or a timer, due at once.
    """
    return _Intake(db, integration, now, counted).take(alerts)


class _Intake:
    """One write's worth of alerts of an integration."""

    def __init__(
        self, db: Connection, integration: Row, now: datetime, counted: Collection[str]
    ) -> None:
        self._db = db
        self._integration = integration
        self._org_id: str = integration["org_id"]
        self._now = now
        self._at = format_instant(now)
        self._caller = Caller.of_integration(integration)
        self._triage = Triage(db, integration, now=now)
        self._severities: dict[str | None, Severity] = {}
        self._firing: dict[str, Row] = {}
        self._lapsed: set[str] = set()
        self._counted = {*counted}
        self._new: dict[str, Row] = {}
        self._repeated: dict[str, Row] = {}
        self._worse: dict[str, Row] = {}
        self._resolved: dict[str, Row] = {}

    def take(self, alerts: Sequence[IncomingAlert]) -> list[Row]:
        """Take in alerts, and return what became of each."""
        keys = {alert.dedup_key for alert in alerts}
        self._firing = rows.firing(self._db, self._org_id, self._integration["id"], keys)
        # People have resolved the incidents of these: what fires after that is a new alert.
        self._lapsed = {
            alert["id"]
            for alert in self._firing.values()
            if alert.pop("incident_status") == "resolved"
        }
        self._triage.prepare(self._groups(alerts))
        answers = [self._take(alert) for alert in alerts]
        self._store()
        return answers

    def _groups(self, alerts: Sequence[IncomingAlert]) -> set[str]:
        """Return the groups of those alerts about which something is to be decided."""
        ends = {alert.dedup_key for alert in alerts if alert.action == "resolve"}
        groups: set[str] = set()
        for incoming in alerts:
            if incoming.action == "fire":
                alert = self._firing.get(incoming.dedup_key)
                is_new = alert is None or alert["id"] in self._lapsed
                if is_new or incoming.dedup_key in ends:
                    groups.add(incoming.group_key)
                if alert is not None and is_worse(self._severity(incoming), alert["severity"]):
                    groups.add(alert["group_key"])  # it stays in it for as long as it fires
        return groups

    def _take(self, incoming: IncomingAlert) -> Row:
        alert = self._firing.get(incoming.dedup_key)
        if incoming.action == "fire":
            if alert is not None and alert["id"] in self._lapsed:
                self._resolve(alert)
                alert = None
            alert = self._begin(incoming) if alert is None else self._repeat(alert, incoming)
        elif alert is None:
            return _answer({"dedup_key": incoming.dedup_key, "status": "resolved"})
        elif incoming.action == "resolve":
            self._resolve(alert)
        elif alert["incident_id"] is not None:
            lifecycle.acknowledge(self._db, self._caller, alert["incident_id"], now=self._now)
        return _answer(alert)

    def _begin(self, incoming: IncomingAlert) -> Row:
        """Take in an alert that did not fire before."""
        texts = self._texts(incoming)
        alert: Row = {
            "org_id": self._org_id,
            "id": ids.new_id(),
            "integration_id": self._integration["id"],
            "dedup_key": incoming.dedup_key,
            "group_key": incoming.group_key,
            "status": "firing",
            "severity": self._severity(incoming),
            **texts,
            "component_id": self._triage.component_id(texts["attributes"]),
            "incident_id": None,
            "outcome": None,
            "count": 1,
            "first_at": self._at,
            "last_at": self._at,
            "resolved_at": None,
            "notified_at": None,
            "is_storm": False,
        }
        self._triage.decide(alert)
        self._new[alert["id"]] = alert
        self._counted.add(alert["id"])
        self._firing[incoming.dedup_key] = alert
        return alert

    def _repeat(self, alert: Row, incoming: IncomingAlert) -> Row:
        """Take in an alert that fires already."""
        alert.update(self._texts(incoming))
        if alert["id"] not in self._counted:  # a delivery counts once, whatever it repeats
            self._counted.add(alert["id"])
            alert["count"] += 1
            alert["last_at"] = max(alert["last_at"], self._at)
        self._repeated[alert["id"]] = alert
        severity = self._severity(incoming)
        if is_worse(severity, alert["severity"]):
            alert["severity"] = severity
            self._triage.worsen(alert)
            self._worse[alert["id"]] = alert
        return alert

    def _resolve(self, alert: Row) -> None:
        alert["status"] = "resolved"
        alert["resolved_at"] = max(alert["last_at"], self._at)
        self._resolved[alert["id"]] = alert
        del self._firing[alert["dedup_key"]]

    def _store(self) -> None:
        """Store what was taken in, and what comes of it for incidents."""
        rows.repeat(self._db, self._known(self._repeated))
        rows.decide(self._db, self._known(self._worse))
        over_ids = [alert["id"] for alert in self._known(self._resolved)]
        rows.resolve(self._db, self._org_id, over_ids, at=self._at)
        rows.insert(self._db, [*self._new.values()])
        self._triage.finish()
        resolved = over.by_incident([*self._resolved.values()])
        over.settle(self._db, self._caller, resolved, now=self._now)

    def _known(self, alerts: dict[str, Row]) -> list[Row]:
        """Return those of the alerts that are stored already."""
        return [alert for id, alert in alerts.items() if id not in self._new]

    def _texts(self, incoming: IncomingAlert) -> Row:
        title = incoming.title if incoming.title.strip() else self._integration["name"]
        return {
            "title": title,
            "description": incoming.description,
            "attributes": dict(incoming.attributes),
            "links": [{"text": link.text, "href": link.href} for link in incoming.links],
        }

    def _severity(self, incoming: IncomingAlert) -> Severity:
        word = incoming.severity
        if word not in self._severities:
            own, default = self._integration["severity_map"], self._integration["default_severity"]
            self._severities[word] = severity_of(word, own, default)
        return self._severities[word]


def _answer(alert: Row) -> Row:
    return {
        name: alert.get(name) for name in ("id", "dedup_key", "status", "outcome", "incident_id")
    }
