"""`python -m incident_service`: the console command."""

from incident_service.cli import main

main(prog_name="incident-service")
