"""Whom policies would page now, as settings show it (contract §5)."""

from __future__ import annotations

import pytest

from incident_service.paging import reach
from incident_service.paging.roster import Roster, Skipped
from tests.helpers.rota import Rota, at


def reached(rota: Rota, *ids: str, by_email: bool = False) -> dict[str, reach.Reach]:
    with rota.world.database.read() as db:
        return reach.of_policies(db, rota.caller, ids, by_email=by_email, now=at(0))


def test_it_says_what_firing_would_do(rota: Rota) -> None:
    window = {"days": [3], "start": "09:00", "end": "17:00"}
    hours = rota.world.make("working-hours", name="H", timezone="UTC", windows=[window])["id"]
    empty = rota.make_schedule("Empty")
    late = rota.make_schedule("Late", "b", since=at(60))
    override = {"userId": "c", "startsAt": "2025-04-02T00:00:00Z", "endsAt": "2025-04-03T00:00:00Z"}
    rota.world.make(f"oncall/schedules/{late}/overrides", **override)
    ids = [
        rota.policy(rota.schedule, ["x", "y"], empty, late),
        rota.policy(["a"], late, minutes=5, workingHoursId=hours, when="outside"),
        rota.policy(["b"], minutes=5, workingHoursId=hours, when="during"),
        rota.policy(["b"], minutes=5, workingHoursId=hours, when="outside"),
        rota.policy(["y"], empty),
        rota.policy(),
    ]
    found = reached(rota, *ids)
    with rota.world.database.read() as db:
        for id in ids:
            roster = Roster(db, rota.caller.org_id, now=at(0), by_email=False)
            assert [person.id for person in found[id].first] == roster.first_targets(id)
            for layer, told in zip(roster.layers(id), found[id].layers, strict=True):
                if told.skipped:
                    with pytest.raises(Skipped, match=told.skipped):
                        roster.targets(layer)
                else:
                    assert [person.id for person in told.people] == roster.targets(layer)
    firsts = ["".join(person.id for person in found[id].first) for id in ids]
    assert firsts == ["a", "c", "b", "b", "", ""]


def test_who_cannot_be_reached_is_told(rota: Rota) -> None:
    id = rota.policy(["x", "y"], ["y"])
    first, second = reached(rota, id)[id].layers
    assert [(person.id, person.is_reachable) for person in first.people] == [
        ("x", True),
        ("y", False),
    ]
    assert (second.people, second.skipped) == ([], "nobody has a way to be reached")
    assert [person.name for person in second.named] == ["y@example.com"]


def test_by_email_everybody_can_be_reached(rota: Rota) -> None:
    id = rota.policy(["y"])
    assert reached(rota, id)[id].first == []
    assert [person.id for person in reached(rota, id, by_email=True)[id].first] == ["y"]
