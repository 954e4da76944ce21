"""Every error code: its status, and what it means in a sentence (contract §1)."""

from __future__ import annotations

CODES: dict[str, tuple[int, str]] = {
    "validation_error": (400, "A value is not valid; `errors` names every field at fault."),
    "invalid_request": (400, "The request is not valid HTTP, or its body is incomplete."),
    "invalid_json": (400, "The body is not JSON, is not UTF-8, or is nested too deep."),
    "invalid_cursor": (400, "The cursor is not from this list."),
    "invalid_owner_id": (400, "The owner is not a user in your organization."),
    "invalid_user_id": (400, "The user is not in your organization."),
    "invalid_schedule_id": (400, "The schedule is not in your organization."),
    "invalid_participant_id": (400, "A participant is not a user in your organization."),
    "invalid_target_user": (400, "The new owner is not a user in your organization."),
    "invalid_component_id": (400, "A component is not in your organization."),
    "duplicate_component_id": (400, "A component is listed twice."),
    "invalid_escalation_policy_id": (
        400,
        "The escalation policy is not in your organization.",
    ),
    "invalid_routing_policy_id": (400, "The routing policy is not in your organization."),
    "invalid_contact_method_id": (400, "A contact method is not the user's."),
    "invalid_author_id": (400, "An author is not a user in your organization."),
    "severity_without_rule": (400, "No rule would be left for a severity."),
    "invalid_target": (400, "A target is not a schedule or a user in your organization."),
    "invalid_condition": (400, "The working hours of a condition are not in your organization."),
    "invalid_layer_id": (400, "A layer is not one of the schedule."),
    "invalid_layer_order": (400, "The order does not name every layer exactly once."),
    "invalid_status_transition": (400, "The status is not the next one of this incident."),
    "escalation_exhausted": (400, "No layer is left that would page anybody."),
    "cannot_change_own_role": (400, "The user is the one that the key acts for."),
    "incident_resolved": (400, "The incident is resolved and can no longer change that way."),
    "incident_not_resolved": (400, "The incident is not resolved yet, or was reopened."),
    "no_public_surface": (400, "No published status page shows a component of the incident."),
    "too_many_incidents": (400, "A report would have to read too many incidents."),
    "unreadable_alert": (400, "The body holds no alert that the integration's kind understands."),
    "not_authorized": (401, "The API key is missing, malformed, unknown, revoked or expired."),
    "forbidden": (403, "The role of the key does not allow the call."),
    "not_found": (404, "There is no such path, or no such thing in your organization."),
    "method_not_allowed": (
        405,
        "The path does not take the method. `Allow` lists those it takes.",
    ),
    "name_conflict": (409, "The name is taken."),
    "email_taken": (409, "Another user has the email address."),
    "id_taken": (409, "Another user has, or had, the id."),
    "user_in_use": (409, "A layer, a policy, or a current or future override uses the user."),
    "last_admin": (
        409,
        "The last admin can be neither deleted nor made a member.",
    ),
    "schedule_in_use": (409, "A policy targets the schedule."),
    "policy_in_use": (
        409,
        "An unresolved incident or a routing rule uses the escalation policy, or an integration "
        "or a selector uses the routing policy.",
    ),
    "default_policy": (409, "The default routing policy cannot be deleted."),
    "working_hours_in_use": (409, "A policy uses the working hours."),
    "override_overlaps": (409, "Another override of the schedule overlaps that time."),
    "override_over": (409, "The change is about a time of the override that is over."),
    "too_many_contact_methods": (409, "The user has as many contact methods as they may have."),
    "too_many_calendar_feeds": (409, "The user has as many calendar feeds as they may have."),
    "too_many_layers": (409, "The policy or schedule has as many layers as it may have."),
    "too_many_responders": (409, "The incident has as many responders as it may have."),
    "too_many_versions": (409, "The post-mortem has as many versions as it may have."),
    "too_many_overrides": (409, "The schedule has as many overrides as it may have."),
    "too_many_components": (409, "The organization has as many components as it may have."),
    "too_many_maintenance_windows": (
        409,
        "The organization has as many maintenance windows that are not over as it may have.",
    ),
    "too_many_schedules": (409, "The organization has as many schedules as it may have."),
    "too_many_escalation_policies": (
        409,
        "The organization has as many escalation policies as it may have.",
    ),
    "too_many_working_hours": (
        409,
        "The organization has as many sets of working hours as it may have.",
    ),
    "too_many_routing_policies": (
        409,
        "The organization has as many routing policies as it may have.",
    ),
    "too_many_integrations": (409, "The organization has as many integrations as it may have."),
    "too_many_status_pages": (409, "The organization has as many status pages as it may have."),
    "too_many_users": (
        409,
        "The organization has as many users and pending invitations as it may have.",
    ),
    "too_many_invitations": (
        409,
        "The organization has as many pending invitations as it may have, or has invited as often "
        "within 24 hours, or the same address, as it may.",
    ),
    "too_many_subscriptions": (409, "The organization has as many subscriptions as it may have."),
    "too_many_api_keys": (409, "The organization has as many API keys as it may have."),
    "slug_taken": (409, "Another status page on this server has the slug."),
    "idempotency_key_reused": (409, "The key was used within 24 hours with another body."),
    "payload_too_large": (413, "The body is larger than 1 MiB."),
    "uri_too_long": (414, "The request line is too long."),
    "unsupported_media_type": (415, "The body must be application/json."),
    "rate_limited": (429, "There were too many requests."),
    "headers_too_large": (431, "The headers are too large, or too many."),
    "server_error": (500, "An unexpected error occurred on our side."),
    "busy": (503, "The service is busy; nothing was written."),
    "storage_full": (503, "The disk is full; nothing was written."),
    "not_ready": (503, "The database does not answer, or has another version."),
}


def type_of(code: str) -> str:
    """Return the `type` of an error with the code."""
    status, _ = CODES[code]
    if code == "validation_error":
        return code
    if status in (401, 403):
        return "not_authorized_error"
    if status == 429:
        return "rate_limit_error"
    return "internal_error" if status >= 500 else "invalid_request_error"
