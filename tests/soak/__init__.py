"""Soak the service: `python -m tests.soak`, ten minutes of load, kills, backups and a full disk."""
