"""Organizations, users, keys, and who makes a call (contract §1 and §6)."""
