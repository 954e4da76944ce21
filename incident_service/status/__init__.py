"""Components, their status, and the status pages that show it to everybody (contract §6, §7)."""
