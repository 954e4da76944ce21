"""Measurements, side by side with a baseline in one run: `python -m tests.bench --help`."""
