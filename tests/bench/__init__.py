"""Measurements, side by side in one run: `create`, `oncall` and `growth`.

`python -m tests.bench --help` says how to run them.
"""
