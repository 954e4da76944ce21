"""Setting up that leads: what an organization still lacks, and what of it does not work."""
