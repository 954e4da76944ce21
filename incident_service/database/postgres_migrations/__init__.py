"""Numbered SQL scripts that bring a server's tables of an earlier version up to date.

`0009_….sql` turns version 8, the first that a server can have, into version 9, and so on. A script
has no `BEGIN` or `COMMIT` of its own: all of them run in one transaction.
"""
