"""Incidents: opening them, living with them, telling of them (contract §2, §3 and §7)."""
