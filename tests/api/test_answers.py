"""Answers show every column of their table, but for those that are left out for a reason."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from incident_service.api import (
    api_keys,
    components,
    contact_methods,
    health,
    incidents,
    oncall,
    overrides,
    policies,
    public_status,
    schedules,
    status_pages,
    updates,
    users,
    working_hours,
)
from incident_service.http.schemas import Schema
from tests.helpers.world import World

TABLES: dict[type[Schema], str] = {
    api_keys.ApiKeySchema: "api_keys",
    components.ComponentSchema: "components",
    contact_methods.ContactMethodSchema: "contact_methods",
    incidents.AuditEventSchema: "audit_events",
    incidents.HistoryEntrySchema: "status_history",
    incidents.IncidentSchema: "incidents",
    overrides.OverrideSchema: "schedule_overrides",
    policies.EscalationLayerSchema: "escalation_layers",
    policies.EscalationPolicySchema: "escalation_policies",
    policies.EscalationStepSchema: "escalation_layers",
    schedules.LayerSchema: "schedule_layers",
    schedules.ScheduleSchema: "schedules",
    status_pages.StatusPageSchema: "status_pages",
    updates.UpdateSchema: "incident_updates",
    users.UserSchema: "users",
    working_hours.WorkingHoursSchema: "working_hours",
}
"""The table whose rows each answer shows; an answer that is built on another shows them too."""

NO_TABLE: dict[type[Schema], str] = {
    components.ComponentListSchema: "a part of a list",
    components.MaintenanceWindowSchema: "no maintenance is kept yet",
    contact_methods.TestOutcomeSchema: "what came of a test",
    health.HealthSchema: "not a row",
    incidents.AffectedComponentSchema: "the id and the name of a component",
    incidents.AuditTrailSchema: "a part of a list",
    incidents.IncidentListSchema: "a part of a list",
    oncall.OnCallSchema: "calculated",
    oncall.ResolvedSchema: "calculated",
    oncall.ScheduleNameSchema: "the id and the name of a schedule",
    oncall.TargetSchema: "calculated",
    public_status.PublicComponentSchema: "shows what everybody may know, and no more",
    public_status.PublicIncidentSchema: "shows what everybody may know, and no more",
    public_status.PublicStatusSchema: "shows what everybody may know, and no more",
    public_status.PublicUpdateSchema: "shows what everybody may know, and no more",
    updates.AuthorSchema: "two columns of an update",
    updates.UpdateListSchema: "a part of a list",
    users.UsersSchema: "a list",
}
"""Answers that show no table's rows, and what they are."""

NOT_SHOWN: dict[str, dict[str, str]] = {
    "acknowledge_links": {"*": "a link is a secret"},
    "api_keys": {
        "org_id": "it is the caller's",
        "key_hash": "a secret",
        "deleted_at": "what is deleted is not shown",
    },
    "audit_events": {
        "org_id": "shown by the incident",
        "incident_id": "shown by the incident",
        "number": "the order",
    },
    "components": {"deleted_at": "what is deleted is not shown"},
    "contact_methods": {"org_id": "it is the caller's", "user_id": "it is in the path"},
    "deliveries": {"*": "the trail tells of them"},
    "escalation_layer_users": {"*": "shown as userIds of the layer"},
    "escalation_layers": {
        "org_id": "shown by the policy",
        "target_type": "shown as target",
        "schedule_id": "shown as target",
        "working_hours_id": "shown as condition",
        "working_hours_when": "shown as condition",
    },
    "escalation_policies": {"deleted_at": "what is deleted is not shown"},
    "escalation_progress": {"*": "the trail tells of it"},
    "idempotency_keys": {"*": "what a client sent"},
    "incident_components": {"*": "shown as affectedComponents of the incident"},
    "incident_timers": {"*": "the trail tells what they did"},
    "incident_updates": {
        "org_id": "shown by the incident",
        "number": "the order",
        "posted_by_name": "shown in postedBy",
        "redacted_by_name": "shown in redactedBy",
    },
    "incidents": {
        "handed_off_at": "the trail tells of it",
        "is_paged": "the trail tells of it",
        "latest_at": "for searching by time",
        "public_updated_at": "shown by status pages",
    },
    "organizations": {"*": "its id is shown as orgId"},
    "page_outcomes": {"*": "shown by /metrics"},
    "schedule_layer_participants": {"*": "shown as participantIds of the layer"},
    "schedule_layers": {"org_id": "shown by the schedule"},
    "schedule_overrides": {
        "org_id": "shown by the schedule",
        "starts_at_utc": "for comparing in SQL",
        "ends_at_utc": "for comparing in SQL",
    },
    "schedules": {"deleted_at": "what is deleted is not shown"},
    "secrets": {"*": "a secret"},
    "status_history": {
        "org_id": "shown by the incident",
        "incident_id": "shown by the incident",
        "number": "the order",
    },
    "status_page_components": {"*": "shown as componentIds and overrides of the page"},
    "status_pages": {"deleted_at": "what is deleted is not shown"},
    "users": {
        "org_id": "it is the caller's",
        "email_key": "for comparing in SQL",
        "deleted_at": "what is deleted is not shown",
    },
    "working_hours": {"deleted_at": "what is deleted is not shown"},
}
"""The columns that no answer shows, and why; `*`: none of the table's is."""

NOT_SHOWN_BY: dict[type[Schema], dict[str, str]] = {
    policies.EscalationStepSchema: {"policy_id": "shown by the policy around it"},
}
"""The columns that one of several answers of a table does not show, and why."""


def answers(base: type[Schema] = Schema) -> Iterator[type[Schema]]:
    for schema in base.__subclasses__():
        yield schema
        yield from answers(schema)


def columns(world: World, table: str) -> set[str]:
    return {row["name"] for row in world.rows(f"PRAGMA table_info({table})")}


@pytest.mark.parametrize(
    ("schema", "table"), TABLES.items(), ids=[schema.__name__ for schema in TABLES]
)
def test_an_answer_shows_every_column_that_is_not_left_out_for_a_reason(
    world: World, schema: type[Schema], table: str
) -> None:
    shown = {field.attribute or name for name, field in schema().fields.items()}
    left_out = NOT_SHOWN.get(table, {}).keys() | NOT_SHOWN_BY.get(schema, {}).keys()
    assert columns(world, table) - shown == left_out, f"{schema.__name__} and {table}"


def test_every_table_is_shown_or_left_out_for_a_reason(world: World) -> None:
    tables = {
        row["name"]
        for row in world.rows(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        )
    }
    hidden = {table for table, reasons in NOT_SHOWN.items() if "*" in reasons}
    assert tables == set(TABLES.values()) | hidden
    assert not hidden & set(TABLES.values())


def test_every_answer_is_compared_with_its_table() -> None:
    known = (*TABLES, *NO_TABLE)
    assert [schema.__name__ for schema in answers() if not issubclass(schema, known)] == []
