"""Whether an integration works: what a sample would do, and what came in (contract §10)."""

from __future__ import annotations

from flask import Blueprint

from incident_service.alerts import integrations, receipts
from incident_service.http.acting import caller, database, for_admins, write
from incident_service.inbound import trying
from incident_service.web.console import amounts
from incident_service.web.console.pages import render

pages = Blueprint("integration_checks", __name__)


@pages.post("/settings/integrations/<uuid_text:id>/test")
def test(id: str) -> str:
    """Say what would become of a sample; nothing is kept or sent."""
    with database().read() as db:
        integration = integrations.get(db, caller(), id)
        reading = trying.read_sample(db, caller(), id)
    taken = write(trying.try_reading, id, reading)
    return render(
        "integration_test.html",
        integration=integration,
        taken=taken,
        remarks=reading.remarks,
        in_words=amounts.in_words,
    )


@pages.get("/settings/integrations/<uuid_text:id>/receipts")
@for_admins
def list_receipts(id: str) -> str:
    """Show the latest requests that came, and what became of each."""
    with database().read() as db:
        integration = integrations.get(db, caller(), id)
        found = receipts.get_all(db, caller(), id)
        numbers = receipts.numbers_of_incidents(db, caller(), found)
    return render("receipts.html", integration=integration, receipts=found, numbers=numbers)
