"""Measurements, side by side in one run.

`python -m tests.bench` runs them all and ends with one table; `--help` says how to run one.
"""
