"""Who is on call: schedules, overrides and working hours (contract §4 and §5)."""
