"""The whole description against a live server, by schemathesis; `python -m tests.fuzz`."""
