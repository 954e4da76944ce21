"""A message about an alert to send."""

from __future__ import annotations

from incident_service.paging.page import AlertMessage, Link

GRAPH = "https://prometheus.example.com/graph?g0.expr=up%7Bjob%3D%22a%22%7D+%3D%3D+0&g0.tab=1"
RUNBOOK = "https://wiki.example.com/runbooks/@ada/disk_full_(db)#what-to-do"

MESSAGE = AlertMessage(
    id="0198aaaa-0000-7000-8000-000000000003",
    org_id="org_1",
    user_id="user_1",
    user_email="responder@example.com",
    title="Disk *is* <almost> full",
    description="On db-1: 95 %.",
    severity="high",
    alert_id="0198aaaa-0000-7000-8000-000000000004",
    integration_id="0198aaaa-0000-7000-8000-000000000005",
    integration="Prometheus",
    component="Payments API",
    attributes={"host": "db-1", "severity": "warning"},
    links=(Link("Graph", GRAPH), Link("Runbook", RUNBOOK)),
    first_at="2025-04-07T08:23:10.000Z",
)
