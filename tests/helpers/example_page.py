"""A page to send."""

from __future__ import annotations

from incident_service.paging.page import Page

PAGE = Page(
    id="0198aaaa-0000-7000-8000-000000000001",
    org_id="org_1",
    incident_id="0198aaaa-0000-7000-8000-000000000002",
    number=42,
    title="Zahlungen <gehen>\nnicht",
    description="x" * 1500,
    severity="critical",
    status="investigating",
    opened_at="2025-04-07T08:23:10.000Z",
    user_id="user_1",
    user_email="responder@example.com",
    layer=2,
    acknowledge_url="https://oncall.example.com/ack/t0ken",
    components=("Payments API", "Checkout"),
)
