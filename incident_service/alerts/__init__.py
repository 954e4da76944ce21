"""What becomes of alerts: once, grouping, routing, storms, heartbeats (contract §10)."""
