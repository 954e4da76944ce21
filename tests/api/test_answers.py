"""Answers show every column of their table, but for those that are left out for a reason."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from incident_service.api import (
    alerts,
    api_keys,
    audit_events,
    calendar_feeds,
    components,
    contact_methods,
    health,
    incidents,
    integrations,
    maintenance_windows,
    notification_rules,
    oncall,
    oncall_report,
    organization,
    overrides,
    policies,
    postmortems,
    preview,
    public_status,
    reports,
    routing_policies,
    schedules,
    status_pages,
    subscriptions,
    team,
    trying_out,
    updates,
    users,
    working_hours,
)
from incident_service.http.schemas import Schema
from incident_service.inbound import answers as answers_to_tools
from tests.helpers.world import World

TABLES: dict[type[Schema], str] = {
    alerts.AlertSchema: "alerts",
    api_keys.ApiKeySchema: "api_keys",
    audit_events.ChangeSchema: "changes",
    calendar_feeds.CalendarFeedSchema: "calendar_feeds",
    components.ComponentSchema: "components",
    contact_methods.ContactMethodSchema: "contact_methods",
    incidents.AuditEventSchema: "audit_events",
    incidents.HistoryEntrySchema: "status_history",
    incidents.IncidentSchema: "incidents",
    incidents.ResponderSchema: "incident_responders",
    integrations.InboundIntegrationSchema: "integrations",
    integrations.ReceiptSchema: "receipts",
    organization.OrganizationSchema: "organizations",
    maintenance_windows.MaintenanceWindowSchema: "maintenance_windows",
    notification_rules.NotificationRuleSchema: "notification_rules",
    notification_rules.NotificationRulesSchema: "notification_settings",
    overrides.OverrideSchema: "schedule_overrides",
    policies.EscalationLayerSchema: "escalation_layers",
    policies.EscalationPolicySchema: "escalation_policies",
    policies.EscalationStepSchema: "escalation_layers",
    postmortems.PostmortemSchema: "postmortem_versions",
    postmortems.PostmortemVersionSchema: "postmortem_versions",
    postmortems.TemplateSchema: "postmortem_templates",
    routing_policies.RoutingPolicySchema: "routing_policies",
    routing_policies.RoutingRuleSchema: "routing_rules",
    schedules.LayerSchema: "schedule_layers",
    schedules.ScheduleSchema: "schedules",
    status_pages.StatusPageSchema: "status_pages",
    subscriptions.SubscriptionSchema: "subscriptions",
    team.InvitationSchema: "invitations",
    team.MemberSchema: "users",
    updates.UpdateSchema: "incident_updates",
    users.UserSchema: "users",
    working_hours.WorkingHoursSchema: "working_hours",
}
"""The table whose rows each answer shows; an answer that is built on another shows them too."""

NO_TABLE: dict[type[Schema], str] = {
    alerts.AlertLinkSchema: "a part of an alert",
    alerts.AlertListSchema: "a part of a list",
    answers_to_tools.DeliverySchema: "what became of a delivery",
    answers_to_tools.TakenAlertSchema: "some columns of an alert",
    audit_events.ChangeListSchema: "a part of a list",
    calendar_feeds.CalendarFeedListSchema: "a part of a list",
    components.ActiveWindowSchema: "two columns of a maintenance window",
    components.ComponentListSchema: "a part of a list",
    health.HealthSchema: "not a row",
    incidents.AffectedComponentSchema: "the id and the name of a component",
    incidents.AuditTrailSchema: "a part of a list",
    incidents.IncidentListSchema: "a part of a list",
    integrations.InboundIntegrationListSchema: "a list",
    integrations.ReceiptListSchema: "a list",
    integrations.RefusalSchema: "a part of a receipt",
    integrations.SelectorSchema: "a part of an integration",
    maintenance_windows.MaintenanceWindowListSchema: "a part of a list",
    oncall.OnCallSchema: "calculated",
    oncall.ResolvedSchema: "calculated",
    oncall.ScheduleNameSchema: "the id and the name of a schedule",
    oncall.TargetSchema: "calculated",
    oncall_report.OnCallReportSchema: "calculated",
    oncall_report.UserOnCallSchema: "calculated",
    overrides.OverridesSchema: "a list",
    postmortems.PostmortemVersionListSchema: "a part of a list",
    postmortems.SavedSchema: "what two answers of one table have in common",
    preview.BeforeAndAfterSchema: "calculated",
    preview.GapSchema: "calculated",
    preview.HoursSchema: "calculated",
    preview.PreviewSchema: "calculated",
    public_status.PublicComponentSchema: "shows what everybody may know, and no more",
    public_status.PublicIncidentSchema: "shows what everybody may know, and no more",
    public_status.PublicMaintenanceSchema: "shows what everybody may know, and no more",
    public_status.PublicStatusSchema: "shows what everybody may know, and no more",
    public_status.PublicUpdateSchema: "shows what everybody may know, and no more",
    reports.FiguresSchema: "calculated",
    reports.PartSchema: "calculated",
    subscriptions.SubscriptionListSchema: "a part of a list",
    team.TeamSchema: "a list",
    trying_out.TestOutcomeSchema: "what came of a test",
    updates.AuthorSchema: "two columns of an update",
    updates.UpdateListSchema: "a part of a list",
    users.UsersSchema: "a list",
}
"""Answers that show no table's rows, and what they are."""

NOT_SHOWN: dict[str, dict[str, str]] = {
    "alerts": {
        "org_id": "it is the caller's",
        "notified_at": "for counting messages",
        "is_storm": "its incident's title tells it",
    },
    "acknowledge_links": {"*": "a link is a secret"},
    "api_keys": {
        "org_id": "it is the caller's",
        "key_hash": "a secret",
        "expires_at_utc": "for comparing in SQL",
        "deleted_at": "what is deleted is not shown",
    },
    "audit_events": {
        "org_id": "shown by the incident",
        "incident_id": "shown by the incident",
        "number": "the order",
        "paged_user_id": "for counting pages",
        "paged_schedule_id": "for counting pages",
    },
    "changes": {"org_id": "it is the caller's", "number": "the order"},
    "calendar_feeds": {
        "org_id": "it is the caller's",
        "user_id": "it is in the path",
        "token_hash": "a secret",
    },
    "components": {"deleted_at": "what is deleted is not shown"},
    "contact_methods": {
        "org_id": "it is the caller's",
        "user_id": "it is in the path",
        "works_since": "for the steps of setting up",
    },
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
    "incident_responders": {
        "org_id": "shown by the incident",
        "incident_id": "shown by the incident",
    },
    "incident_words": {"*": "the index for search"},
    "incident_timers": {"*": "the trail tells what they did"},
    "incident_updates": {
        "org_id": "shown by the incident",
        "number": "the order",
        "posted_by_name": "shown in postedBy",
        "redacted_by_name": "shown in redactedBy",
    },
    "incidents": {
        "handed_off_at": "the trail tells of it",
        "integration_id": "shown as createdBy",
        "is_left_to_people": "the trail tells what people did",
        "is_paged": "the trail tells of it",
        "is_storm": "the title says so",
        "repeats": "the trail tells of it",
        "trail_deleted_at": "shown beside the trail",
        "first_acknowledged_by": "the trail tells of it, and reports",
        "acknowledge_ms": "reports tell it",
        "resolve_ms": "reports tell it",
        "latest_at": "for searching by time",
        "public_updated_at": "shown by status pages",
    },
    "component_names": {"*": "shown as the name and the aliases of the component"},
    "integration_selectors": {"*": "shown as selectors of the integration"},
    "integrations": {
        "token_hash": "a secret",
        "receipts": "for finding the place of the next receipt",
        "deleted_at": "what is deleted is not shown",
    },
    "notification_rules": {
        "org_id": "it is the caller's",
        "user_id": "it is in the path",
        "ordinal": "the order",
    },
    "notification_settings": {
        "org_id": "it is the caller's",
        "user_id": "it is in the path",
        "updated_at": "the audit log tells",
    },
    "open_groups": {"*": "the alerts show their incident"},
    "organizations": {
        "last_incident_number": "shown by the latest incident",
        "last_incident_at": "shown by the latest incident",
        "clock_setback_ms": "for searching by time",
        "public_revision": "for keeping status pages",
        "number": "for the index of words",
    },
    "invitations": {
        "org_id": "it is the caller's",
        "email_key": "for comparing in SQL",
        "token_hash": "a secret",
        "created_by": "the audit log tells",
        "expires_at": "7 days after createdAt",
    },
    "maintenance_window_components": {"*": "shown as componentIds of the window"},
    "maintenance_windows": {
        "starts_at_utc": "for comparing in SQL",
        "ends_at_utc": "for comparing in SQL",
        "deleted_at": "what is deleted is not shown",
    },
    "page_outcomes": {"*": "shown by /metrics"},
    "paging_presence": {"*": "for telling late signs of life from a service that was down"},
    "postmortem_templates": {
        "org_id": "it is the caller's",
        "updated_by": "the audit log tells",
    },
    "postmortem_versions": {
        "org_id": "shown by the incident",
        "saved_by_name": "shown in savedBy",
    },
    "retention": {"*": "how far back history goes shows in what is left"},
    "receipts": {
        "org_id": "it is the caller's",
        "integration_id": "it is in the path",
        "slot": "for finding the place of the next receipt",
        "result": "shown as alerts, more, remarks and error",
    },
    "routing_policies": {"deleted_at": "what is deleted is not shown"},
    "routing_rules": {
        "org_id": "shown by the policy",
        "routing_policy_id": "shown by the policy around it",
        "ordinal": "the order",
    },
    "schedule_layer_participants": {"*": "shown as participantIds of the layer"},
    "schedule_zones": {"*": "for telling night from day in reports"},
    "schedule_layer_versions": {"*": "what they were shows in the shifts of the past"},
    "schedule_layers": {
        "org_id": "shown by the schedule",
        "valid_from": "shown by where shifts are cut",
        "turns_from": "shown by where shifts are cut",
    },
    "schedule_overrides": {
        "org_id": "shown by the schedule",
        "starts_at_utc": "for comparing in SQL",
        "ends_at_utc": "for comparing in SQL",
        "past_of": "what is over of a changed one shows in the shifts of the past",
    },
    "schedules": {"deleted_at": "what is deleted is not shown"},
    "secrets": {"*": "a secret"},
    "sessions": {"*": "the console shows them"},
    "sign_in_links": {"*": "a secret"},
    "sign_in_requests": {"*": "for limiting how many there are"},
    "status_history": {
        "org_id": "shown by the incident",
        "incident_id": "shown by the incident",
        "number": "the order",
    },
    "status_page_components": {"*": "shown as componentIds and overrides of the page"},
    "status_pages": {"deleted_at": "what is deleted is not shown"},
    "tasks": {"*": "what they do shows where it is done"},
    "users": {
        "org_id": "it is the caller's",
        "email_key": "for comparing in SQL",
        "deleted_at": "what is deleted is not shown",
    },
    "watched_schedules": {"*": "the messages tell of the changes"},
    "working_hours": {"deleted_at": "what is deleted is not shown"},
}
"""The columns that no answer shows, and why; `*`: none of the table's is."""

NOT_SHOWN_BY: dict[type[Schema], dict[str, str]] = {
    policies.EscalationStepSchema: {"policy_id": "shown by the policy around it"},
    postmortems.PostmortemVersionSchema: {
        "incident_id": "it is in the path",
        "body": "too long for a list; the version by itself shows it",
    },
    team.MemberSchema: {"updated_at": "shown by the user"},
}
"""The columns that one of several answers of a table does not show, and why."""


def answers(base: type[Schema] = Schema) -> Iterator[type[Schema]]:
    for schema in base.__subclasses__():
        yield schema
        yield from answers(schema)


def columns(world: World, table: str) -> set[str]:
    return set(world.columns()[table])


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
    tables = set(world.columns())
    hidden = {table for table, reasons in NOT_SHOWN.items() if "*" in reasons}
    assert tables == set(TABLES.values()) | hidden
    assert not hidden & set(TABLES.values())


def test_every_answer_is_compared_with_its_table() -> None:
    known = (*TABLES, *NO_TABLE)
    assert [schema.__name__ for schema in answers() if not issubclass(schema, known)] == []
