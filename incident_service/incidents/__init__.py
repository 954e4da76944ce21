"""Incidents: opening, reading, changing them, and news of them (contract §2, §3 and §7)."""
