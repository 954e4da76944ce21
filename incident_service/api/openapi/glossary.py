"""What each field and parameter is, in a sentence: one word for one thing, in the whole API.

A field that means something else in one schema stands there with the schema's name before it. A
field's own `metadata` wins over both.
"""

from __future__ import annotations

from collections.abc import Iterable

GLOSSARY: dict[str, str] = {
    "ackTimeoutMinutes": "How long the layer waits for an acknowledgement before the next one; "
    "seconds that are no whole minutes are shown rounded up.",
    "acknowledgedAt": "When somebody took the incident on; null while nobody has.",
    "acknowledgedBy": "Who took the incident on; null while nobody has.",
    "actorId": "Who did it: a user, or a key that acts for itself; null is the service.",
    "affectedComponents": "The components that the incident affects, in the order sent.",
    "aliases": "Other names of the component, no two equal; sent whole.",
    "at": "When it happened.",
    "auditTrail": "What happened to the incident, oldest first; nobody can change it.",
    "auditTrailOmitted": "How many older events are left out; `/audit-trail` lists all of them.",
    "body": "What is told; null where only the status changed, and once it is redacted.",
    "changedAt": "When the incident reached the status.",
    "changedBy": "Who brought it there: a user, or a key that acts for itself.",
    "componentId": "Only incidents that affect this component.",
    "componentIds": "The components that the incident affects, no two the same.",
    "components": "The components that the page shows, in the order sent.",
    "condition": "When the layer takes part; null is always.",
    "createdAt": "When it was made.",
    "createdBy": "Who made it: a user, or a key that acts for itself.",
    "cursor": "Where the part of the list begins: `nextCursor` of the part before.",
    "data": "What the call is about.",
    "days": "Days of the week, 1 for Monday to 7 for Sunday, no two equal.",
    "delivered": "Whether the message was delivered.",
    "description": "More about it, for people.",
    "effectiveFrom": "When the layer begins, and its first shift with it.",
    "effectiveUntil": "When the layer ends, itself excluded; null, or an empty text, is never.",
    "email": "The user's email address, which no other user of the organization has, letter case "
    "aside.",
    "end": "When the time of day ends; at or before `start`, it is that of the next day.",
    "endsAt": "When it ends, itself excluded.",
    "escalateAfterSeconds": "How long the step waits for an acknowledgement before the next one.",
    "escalationPolicyId": "The policy by which people are paged. Unless given, it is the "
    "schedule's; null is none.",
    "event": "What happened.",
    "firstName": "The user's first name.",
    "from": "Where the time of interest begins.",
    "groupLabel": "Under which heading the component is shown.",
    "handoffTime": "When one shift gives over to the next, in the schedule's time zone.",
    "id": "Its id.",
    "impact": "What the incident makes of its components while it is open.",
    "incidentId": "The incident of which it tells.",
    "incidents": "The incidents of this part of the list.",
    "isPublic": "Whether status pages may show the incident; a public update makes it so. True "
    "unless given, and where null clears it.",
    "maintenanceWindow": "The maintenance window that lasts at the moment; null is none.",
    "key": "The key itself, shown this once.",
    "keyPrefix": "The first 14 characters of the key, by which people can tell it.",
    "label": "What people call the contact method.",
    "lastName": "The user's last name.",
    "lastUsedAt": "When the key was last used, to within a minute; null is never.",
    "layerId": "The layer by which the user is on call; null where it is an override.",
    "layerIds": "The ids of all layers in their new order, every one exactly once.",
    "layers": "The layers, by position.",
    "limit": "The most entries that the part of the list may have.",
    "name": "What people call it.",
    "nextCursor": "Where the next part of the list begins; null at its end.",
    "omittedIncidents": "How many open incidents more there are.",
    "omittedUpdates": "How many older public updates are left out.",
    "operationalStatus": "How the component is, by the worst open incident that affects it.",
    "orgId": "The organization to which it belongs.",
    "overrideId": "The override by which the user is on call; null where it is a layer.",
    "overrides": "Statuses set by hand for this page alone, by the id of a component on it; "
    "sent whole.",
    "ownerId": "The user who owns the incident. A new one needs this or `ownerScheduleId`; null "
    "is nobody.",
    "ownerScheduleId": "The schedule whose on-call user owns the incident, unless `ownerId` is "
    "given.",
    "paging": "Whether pages leave in time.",
    "pagingTargets": "Everyone who is on call, by position, each once.",
    "participantIds": "The users who take turns, in their order.",
    "policyId": "The policy to which the layer belongs.",
    "position": "Its place among the others.",
    "postedAt": "When it was posted.",
    "postedBy": "Who posted it: a user, or a key that acts for itself.",
    "publicTitle": "The title that customers read instead of `title`; null is none.",
    "published": "Whether everybody can see the page.",
    "reason": "Why.",
    "redactedAt": "When the text was taken out; null while it stands.",
    "redactedBy": "Who took the text out; null while it stands.",
    "resolutionNote": "How the incident was resolved; only with the status `resolved`.",
    "resolvedAt": "When the incident was resolved; null while it is not.",
    "role": "What its bearer may do: an admin everything, a member what on-call work needs.",
    "rotationLengthDays": "The length of a shift in days: 1 for `daily`, 7 for `weekly`, any for "
    "`custom`, which needs it.",
    "rotationType": "How long a shift is.",
    "schedule": "The schedule.",
    "startedAt": "When it began.",
    "scheduleId": "The schedule.",
    "scheduleOwner": "Who owns what is opened for the schedule; null is nobody.",
    "sequentialId": "The number of the incident in its organization: 1, 2, 3, with no gap.",
    "severity": "How bad it is.",
    "slug": "What the page's address ends with: `/status/{slug}`.",
    "start": "When the time of day begins.",
    "startsAt": "When it begins.",
    "status": "How far the incident is.",
    "statusChange": "The status to which the incident moved with it; null where it stayed.",
    "statusHistory": "The statuses that the incident reached, oldest first.",
    "steps": "The layers in another spelling, in their order.",
    "target": "Whom the layer pages.",
    "targetId": "The schedule whose on-call users are paged; null where users are named.",
    "targetType": "Whom the step pages: who is on call in a schedule, or users.",
    "targetUserId": "The user who owns the incident from now on.",
    "timezone": "The IANA name of a time zone, as in Europe/Berlin.",
    "title": "What is wrong, in a line.",
    "to": "Where the time of interest ends.",
    "type": "Whom the layer pages: who is on call in a schedule, or users.",
    "updatedAt": "When it last changed.",
    "updates": "What was told of the incident, oldest first.",
    "url": "An Apprise URL, or an https:// URL for the service's own webhook. Shown with "
    "everything masked that may be a secret.",
    "userId": "The user.",
    "userIds": "The users who are paged, no two equal; null where a schedule is named.",
    "users": "The users, oldest first.",
    "visibility": "Whether the organization alone may read it, or everybody.",
    "when": "Whether the layer takes part during the working hours, or outside them.",
    "windows": "The times of the week.",
    "workingHoursId": "The working hours.",
    "Component.escalationPolicyId": "The policy for alerts about the component; null is none.",
    "ComponentBody.escalationPolicyId": "The policy for alerts about the component; null is none.",
    "ComponentList.components": "The components of this part of the list.",
    "ComponentQuery.limit": "The most components that the part of the list may have.",
    "MaintenanceWindow.endsAt": "When it ends; null until somebody ends it.",
    "ApiKey.role": "The most that its bearer may do: never more than the key's user at the moment.",
    "ApiKeyBody.role": "The most that its bearer may do: never more than the key's user at the "
    "moment.",
    "ApiKey.userId": "The user whom the key acts for; null is the key itself.",
    "ApiKeyBody.userId": "The user whom the key acts for; null is the key itself.",
    "AtQuery.at": "The instant of interest; now, unless given.",
    "Author.name": "What the user or key was called then.",
    "EscalationLayerBody.position": "Its place, 1 first; one that is taken moves the rest down, "
    "and the end is where it goes unless this is given.",
    "EscalationStepBody.position": "Accepted and ignored: the order of the list is what counts.",
    "Health.status": "That the process lives.",
    "ListQuery.from": "Only incidents opened at this instant or later; a date is its first moment "
    "in UTC.",
    "ListQuery.ownerId": "Only incidents that this user owns.",
    "ListQuery.severity": "Only incidents of this severity.",
    "ListQuery.status": "Only incidents in this status.",
    "ListQuery.to": "Only incidents opened at this instant or earlier; a date is its last moment "
    "in UTC.",
    "NewUser.id": "The user's id, one that nobody here ever had; a new one unless given.",
    "Override.userId": "The user who stands in.",
    "OverrideBody.endsAt": "When it ends, itself excluded; after `startsAt`.",
    "OverrideBody.userId": "The user who stands in.",
    "OverrideQuery.from": "Only overrides that end after this instant.",
    "OverrideQuery.to": "Only overrides that begin before this instant.",
    "PublicComponent.status": "How the component is: set by hand, or by its worst open incident.",
    "PublicComponent.uptime": "For how much of the last 90 days (in UTC, today included) the "
    "component was up, in per cent, rounded down to two decimals. Partial and major outages count "
    "as down; a newer component counts from the day on which it was made.",
    "PublicStatus.incidents": "The open incidents that affect a component of the page, worst "
    "first, then newest first.",
    "PublicStatus.status": "How things are as a whole: the worst of the components and the open "
    "incidents; null while the page shows neither.",
    "PublicStatus.title": "What the page is called.",
    "PublicStatus.updatedAt": "When something that the page shows last changed.",
    "Resolved.at": "The instant of which the answer tells.",
    "StatusBody.status": "The next status after the present one.",
    "StatusPage.componentIds": "The components that the page shows, no two the same.",
    "StatusPage.title": "What the page is called.",
    "StatusPageBody.componentIds": "The components that the page shows, no two the same.",
    "StatusPageBody.title": "What the page is called.",
    "Target.endsAt": "When the shift or the override ends, or is cut.",
    "Target.startsAt": "When the shift or the override begins, or is cut.",
    "Target.userId": "The user who is on call.",
    "TestOutcome.reason": "Why the message was not delivered; null where it was.",
    "UpdateBody.body": "What is told. A public update needs it, an internal one needs it or "
    "`statusChange`.",
    "UpdateQuery.limit": "The most updates that the part of the list may have; 1,000 unless "
    "given, so that most incidents need one call.",
    "UpdateBody.statusChange": "The next status of the incident, to which it moves.",
    "WholeIncident.auditTrail": "What happened to the incident, oldest first: the latest 1,000 "
    "events, or fewer if they are long. Nobody can change it.",
    "WindowQuery.to": "Where the time of interest ends, at most 366 days after `from`.",
}


def describe(schemas: Iterable[str], field: str) -> str | None:
    """Return what a field is, by its name in the API; `None` where that is open.

    `schemas`: the name of the schema that has the field, and of those that it is built on.
    """
    specific = (GLOSSARY.get(f"{schema}.{field}") for schema in schemas)
    return next(filter(None, specific), GLOSSARY.get(field))
