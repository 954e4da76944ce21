"""Reads how an organization routes the alerts of an integration, each thing once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from incident_service.alerts.routing import Rule, Selector, folded, folded_selectors, route
from incident_service.database.engine import Connection
from incident_service.store import (
    Row,
    components,
    integrations,
    maintenance_windows,
    named,
    organizations,
    routing_policies,
)


class Routes:
    """What decides about alerts of one integration at one instant, for one transaction."""

    def __init__(self, db: Connection, integration: Row, *, now: datetime) -> None:
        self._db = db
        self._integration = integration
        self._org_id: str = integration["org_id"]
        self._now = now
        self._selectors: list[Selector] = []
        self._policies: dict[str, dict[str, Row]] | None = None
        self._default_id = ""
        self._suppressed: set[str] | None = None
        self._component_ids: dict[str, str | None] = {}
        self._components: dict[str, Row | None] = {}
        self._escalation_policies: dict[str | None, str | None] = {None: None}

    def rule(self, severity: str, attributes: Mapping[str, str]) -> Rule:
        """Return the rule for an alert."""
        if self._policies is None:
            self._default_id = routing_policies.default_id(self._db, self._org_id)
            self._selectors = folded_selectors(
                integrations.selectors(self._db, self._org_id, self._integration["id"])
            )
            named_ids = {selector.routing_policy_id for selector in self._selectors}
            named_ids |= {self._integration["routing_policy_id"] or self._default_id}
            self._policies = routing_policies.rules(
                self._db, self._org_id, {*named_ids, self._default_id}
            )
        return route(
            self._integration["routing_policy_id"],
            self._selectors,
            self._policies,
            self._default_id,
            severity=severity,
            attributes=folded(attributes.items()),
        )

    def is_suppressed(self, component_id: str | None) -> bool:
        """Whether maintenance keeps alerts about the component from being routed."""
        if component_id is None:
            return False
        if self._suppressed is None:
            self._suppressed = maintenance_windows.suppressed_component_ids(
                self._db, self._org_id, at=self._now
            )
        return component_id in self._suppressed

    def component_id(self, attributes: Mapping[str, str]) -> str | None:
        """Return the component that an alert is about.

        That is the oldest one whose name or alias equals the attribute `component`, else `service`,
        letter case aside; else the integration's.
        """
        names = {name.casefold(): value.casefold() for name, value in attributes.items()}
        for attribute in ("component", "service"):
            if attribute in names:
                found = self._named(names[attribute])
                if found is not None:
                    return found
        id: str | None = self._integration["component_id"]
        return id

    def _named(self, name: str) -> str | None:
        """Return the oldest component that has the folded name."""
        if name not in self._component_ids:
            self._component_ids[name] = components.named(self._db, self._org_id, name)
        return self._component_ids[name]

    def component(self, id: str | None) -> Row | None:
        """Return the component, unless deleted."""
        if id is None:
            return None
        if id not in self._components:
            self._components[id] = named.get(self._db, "components", self._org_id, id)
        return self._components[id]

    def escalation_policy_id(self, rule: Rule, component_id: str | None) -> str | None:
        """Return the policy by which people are told of an alert.

        That is the rule's, else the component's, else the organization's default.
        """
        return (
            self._existing(rule.escalation_policy_id)
            or self._existing((self.component(component_id) or {}).get("escalation_policy_id"))
            or self._existing(self._organization().get("default_escalation_policy_id"))
        )

    def _organization(self) -> Row:
        return organizations.get(self._db, self._org_id) or {}

    def _existing(self, policy_id: str | None) -> str | None:
        """Return the id of an escalation policy, or `None` if it is deleted."""
        if policy_id not in self._escalation_policies:
            row = named.get(self._db, "escalation_policies", self._org_id, policy_id or "")
            self._escalation_policies[policy_id] = row["id"] if row else None
        return self._escalation_policies[policy_id]
