"""How components are, and what everybody may see of it (contract §6 and §7)."""
