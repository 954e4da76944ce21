"""Decides what becomes of alerts: which join an incident, open one, or send a message (§10)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from incident_service.alerts.incoming import cut
from incident_service.alerts.routes import Routes
from incident_service.alerts.routing import Rule
from incident_service.clock import format_instant
from incident_service.database.engine import Connection
from incident_service.incidents import lifecycle, opening, owners
from incident_service.people.caller import Caller
from incident_service.severity import is_worse
from incident_service.store import Row, audit, incidents, open_groups, tasks
from incident_service.store import alerts as rows

STORM_AFTER = 20
"""How many incidents of an integration within the window make a storm of the alerts that follow."""

MAX_MESSAGES = 20
"""How many messages about alerts of an integration are sent within the window."""

WINDOW = timedelta(minutes=5)

MAX_NAMED = 50
"""The most alerts that one event of a trail names. It counts the others."""

STORM_DESCRIPTION = (
    f"{STORM_AFTER} incidents came from {{name}} within 5 minutes. "
    "Alerts that belong to none of them are collected here."
)


class Triage:
    """Decides about alerts of one integration at one instant, in one write."""

    def __init__(self, db: Connection, integration: Row, *, now: datetime) -> None:
        self._db = db
        self._integration = integration
        self._org_id: str = integration["org_id"]
        self._now = now
        self._at = format_instant(now)
        self._since = format_instant(now - WINDOW)
        self._caller = Caller.of_integration(integration)
        self._routes = Routes(db, integration, now=now)
        self._open_groups: dict[str, Row] = {}
        self._new_groups: dict[str, str] = {}
        self._storm: Row | None = None
        self._attached: dict[str, list[str]] = {}
        self._severities: dict[str, str] = {}
        self._opened: set[str] = set()
        self._confirmed: set[str] = set()
        self._number_opened: int | None = None
        self._number_notified: int | None = None
        self._owners: dict[str, tuple[str | None, str | None]] = {}

    def prepare(self, group_keys: Collection[str]) -> None:
        """Find the incidents that alerts of these groups join. Called once, before `decide`."""
        if group_keys:
            self._open_groups = open_groups.incidents(
                self._db, self._org_id, self._integration["id"], group_keys
            )

    def component_id(self, attributes: dict[str, str]) -> str | None:
        """Return the component that an alert with these attributes is about."""
        return self._routes.component_id(attributes)

    def decide(self, alert: Row) -> None:
        """Set what becomes of an alert: its `outcome`, and its `incident_id` if it has one.

        Also `notified_at` and `is_storm`, if a message about it is due. The incident is opened,
        but what the alert does to it is recorded by `finish`.
        """
        if self._routes.is_suppressed(alert["component_id"]):
            alert["outcome"] = "suppressed"
            return
        incident = self._open_groups.get(alert["group_key"])
        if incident is not None:
            self._confirm(alert, incident)
        else:
            rule = self._routes.rule(alert["severity"], alert["attributes"])
            if rule.outcome == "drop":
                alert["outcome"] = rule.outcome
                return
            if rule.outcome == "notification":
                self._notify(alert)
                return
            if self._is_storm():
                incident = self._join_storm(alert, rule)
                self._confirm(alert, incident)
            else:
                incident = self._open(alert, rule)
            self._open_groups[alert["group_key"]] = incident
            self._new_groups[alert["group_key"]] = incident["id"]
        self._attach(alert, incident)

    def worsen(self, alert: Row) -> None:
        """Let an alert that fires again and is worse now have its effect.

        It raises the severity of its incident, and confirms it if its rule is to open one now. If
        it has none, it is decided about again.
        """
        if alert["incident_id"] is None:
            if alert["outcome"] != "suppressed":
                self.decide(alert)
            return
        self._raise(alert["incident_id"], alert["severity"])
        if alert["outcome"] == "provisional_page":
            incident = incidents.get(self._db, self._org_id, alert["incident_id"])
            if incident is not None and self._confirm(alert, incident):
                alert["outcome"] = "incident"

    def finish(self) -> None:
        """Record what the alerts did to incidents. Called once, after the last `decide`."""
        open_groups.put(self._db, self._org_id, self._integration["id"], self._new_groups)
        for id, alert_ids in self._attached.items():
            record(self._db, self._caller, id, "alert_attached", alert_ids, at=self._at)
            if id not in self._opened:  # what is new is not waiting to be resolved
                tasks.delete(self._db, self._org_id, "resolve_incident", id)
        for id, severity in self._severities.items():
            incident = incidents.get(self._db, self._org_id, id)
            if incident is not None and is_worse(severity, incident["severity"]):
                lifecycle.raise_severity(self._db, self._caller, incident, severity, now=self._now)

    def _notify(self, alert: Row) -> None:
        """Let a message about the alert be sent, unless there are too many already."""
        alert["outcome"] = "notification"
        if self._number_notified is None:
            self._number_notified = rows.notified_between(
                self._db,
                self._org_id,
                self._integration["id"],
                self._since,
                self._at,
                limit=MAX_MESSAGES + 1,
            )
        if self._number_notified <= MAX_MESSAGES:
            # The last one says that there are many.
            alert["is_storm"] = self._number_notified == MAX_MESSAGES
            alert["notified_at"] = self._at
            self._number_notified += 1
            tasks.put(self._db, self._org_id, "notify", alert["id"], due_at=self._at)

    def _is_storm(self) -> bool:
        """Whether so many incidents were opened lately that no other one is."""
        if self._number_opened is None:
            self._number_opened = incidents.opened_between(
                self._db,
                self._org_id,
                self._integration["id"],
                self._since,
                self._at,
                limit=STORM_AFTER,
            )
        return self._number_opened >= STORM_AFTER

    def _join_storm(self, alert: Row, rule: Rule) -> Row:
        """Return the incident that all alerts of a storm join; the first one opens it."""
        if self._storm is None:
            self._storm = incidents.open_storm(self._db, self._org_id, self._integration["id"])
        if self._storm is None:
            name = self._integration["name"]
            self._storm = self._open(
                alert,
                rule,
                title=cut(f"Alert storm: {name}", opening.MAX_TITLE),
                description=STORM_DESCRIPTION.format(name=name),
                component_ids=(),
                is_storm=True,
            )
        return self._storm

    def _open(self, alert: Row, rule: Rule, **values: Any) -> Row:
        """Open an incident for an alert; `values` are in place of the alert's own."""
        policy_id = self._routes.escalation_policy_id(rule, alert["component_id"])
        owner_id, schedule_id = self._owner(policy_id)
        component = self._routes.component(alert["component_id"])
        new = opening.NewIncident(
            **{
                "title": cut(alert["title"], opening.MAX_TITLE),
                "description": _description(alert),
                "component_ids": (component["id"],) if component else (),
                **values,
            },
            severity=alert["severity"],
            owner_id=owner_id,
            owner_schedule_id=schedule_id,
            escalation_policy_id=policy_id,
            is_public=False,
            integration_id=self._integration["id"],
            is_provisional=rule.outcome == "provisional_page",
        )
        incident = opening.open_incident(self._db, self._caller, new, now=self._now)
        self._number_opened = (self._number_opened or 0) + 1
        self._opened.add(incident["id"])
        return incident

    def _owner(self, policy_id: str | None) -> tuple[str | None, str | None]:
        if policy_id is None:
            return None, None
        if policy_id not in self._owners:
            self._owners[policy_id] = owners.of_policy(self._db, self._org_id, policy_id, self._now)
        return self._owners[policy_id]

    def _confirm(self, alert: Row, incident: Row) -> bool:
        """Let an incident be a real one if the alert's rule says so. Return whether it is one."""
        if self._is_provisional(incident):
            rule = self._routes.rule(alert["severity"], alert["attributes"])
            if rule.outcome != "incident":
                return False
            lifecycle.confirm(self._db, self._caller, incident, now=self._now)
            self._confirmed.add(incident["id"])
        return True

    def _is_provisional(self, incident: Row) -> bool:
        return bool(incident["is_provisional"]) and incident["id"] not in self._confirmed

    def _attach(self, alert: Row, incident: Row) -> None:
        alert["incident_id"] = incident["id"]
        is_provisional = self._is_provisional(incident)
        alert["outcome"] = "provisional_page" if is_provisional else "incident"
        self._attached.setdefault(incident["id"], []).append(alert["id"])
        if is_worse(alert["severity"], incident["severity"]):
            self._raise(incident["id"], alert["severity"])

    def _raise(self, incident_id: str, severity: str) -> None:
        """Let the incident be as bad as this in the end, unless it is worse."""
        worst = self._severities.setdefault(incident_id, severity)
        if is_worse(severity, worst):
            self._severities[incident_id] = severity


def record(
    db: Connection,
    caller: Caller,
    incident_id: str,
    event: audit.Event,
    alert_ids: Sequence[str],
    *,
    at: str,
) -> None:
    """Record on an incident's trail what happened to alerts of it."""
    details: Row = {"alertIds": alert_ids[:MAX_NAMED]}
    if len(alert_ids) > MAX_NAMED:
        details["more"] = len(alert_ids) - MAX_NAMED
    incident = {"org_id": caller.org_id, "id": incident_id}
    audit.append(db, incident, event, details, actor_id=caller.actor_id, at=at)


def _description(alert: Row) -> str | None:
    """Return the alert's description with its attributes and links, a line each."""
    parts = [
        alert["description"] or "",
        "\n".join(f"{name}: {value}" for name, value in alert["attributes"].items()),
        "\n".join(
            f"{link['text']}: {link['href']}" if link["text"] else link["href"]
            for link in alert["links"]
        ),
    ]
    whole = "\n\n".join(part for part in parts if part)
    return cut(whole, opening.MAX_DESCRIPTION) if whole else None
