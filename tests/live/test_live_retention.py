"""The paging process deletes what a retention lets go (contract §9)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from incident_service import clock
from incident_service.clock import format_instant
from incident_service.incidents import updates
from tests.helpers.clocks import write_at
from tests.helpers.pagers import end, paging
from tests.helpers.place import Place
from tests.helpers.waiting import wait_for


def test_a_paging_process_deletes_old_trails_under_the_setting(tmp_path: Path) -> None:
    place = Place(tmp_path / "kept.db")
    young, old, *others = place.open(8, owner_id=place.made.user_id)
    write_at(clock.now(), place.database, updates.resolve, place.caller, young, None)
    for id in (old, *others):
        write_at(clock.now(), place.database, updates.resolve, place.caller, id, None)
    long_ago = format_instant(clock.now() - timedelta(days=31))
    place.database.write(
        None,
        lambda db, **_: db.execute(
            "UPDATE incidents SET resolved_at = ? WHERE id <> ?", (long_ago, young)
        ),
    )
    with paging(place, INCIDENT_SERVICE_RETENTION_DAYS="30") as pager:
        wait_for(lambda: {row["id"] for row in trails(place)} == {young})
        end([pager])
    assert place.count("incidents") == 8


def trails(place: Place) -> list[dict[str, str]]:
    return place.rows("SELECT DISTINCT incident_id AS id FROM audit_events")
