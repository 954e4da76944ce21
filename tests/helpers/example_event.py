"""Messages to a subscription to send."""

from __future__ import annotations

from incident_service.paging.page import EventMessage, ShiftMessage, Update, Who

ADA = Who("user_1", "Ada Lovelace")
BEN = Who("user_2", "Ben")

EVENT = EventMessage(
    id="0198aaaa-0000-7000-8000-000000000006",
    org_id="org_1",
    title="Disk *is* <almost> full",
    description="On db-1: 95 %.",
    severity="high",
    subscription_id="0198aaaa-0000-7000-8000-000000000007",
    event="incident_opened",
    at="2025-04-07T08:23:10.000Z",
    actor=ADA,
    incident_id="0198aaaa-0000-7000-8000-000000000002",
    number=42,
    status="investigating",
    opened_at="2025-04-07T08:23:10.000Z",
    components=("Payments API", "Checkout"),
)

UPDATE = Update("0198aaaa-0000-7000-8000-000000000008", "internal", "It is the disk.")

SHIFT = ShiftMessage(
    id="0198aaaa-0000-7000-8000-000000000009",
    org_id="org_1",
    title="Payments",
    description=None,
    severity="low",
    subscription_id="0198aaaa-0000-7000-8000-000000000007",
    event="shift_changed",
    at="2025-04-07T07:00:00.000Z",
    schedule_id="0198aaaa-0000-7000-8000-00000000000a",
    timezone="Europe/Berlin",
    before=BEN,
    after=ADA,
    until="2025-04-14T07:00:00.000Z",
)
