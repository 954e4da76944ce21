"""Looking back: how incidents went, and what being on call took (contract §12)."""
