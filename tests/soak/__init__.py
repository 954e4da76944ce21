"""Soak the service: `python -m tests.soak`, ten minutes of load, kills, backups and a full disk.

On PostgreSQL, with servers of their own: `python -m tests.soak.everything`, two machines and
everything at once; `python -m tests.soak.writers`, 32 writers.
"""
