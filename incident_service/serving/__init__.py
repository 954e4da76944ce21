"""Serving: gunicorn, the paging process beside it, logs."""
