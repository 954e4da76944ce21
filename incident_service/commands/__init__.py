"""What commands do that need more than `cli.py` has room for, one module a command."""
