"""What comes next, as people are told: it is what escalating then does (contract §5 and §11)."""

from __future__ import annotations

from datetime import datetime

import pytest

from incident_service.clock import format_instant
from incident_service.database.engine import Connection
from incident_service.errors import InvalidRequest
from incident_service.incidents import lifecycle, responding
from incident_service.paging import coming
from incident_service.store import Row, audit, incidents
from tests.helpers.clocks import write_at
from tests.helpers.rota import Rota, at
from tests.helpers.world import World


def told(world: World, id: str, minutes: float) -> coming.Coming | None:
    with world.database.read() as db:
        incident = incidents.get(db, world.made.org_id, id)
        assert incident is not None
        return coming.coming(db, incident, now=at(minutes), by_email=False)


def escalated(world: World, rota: Rota, id: str, minutes: float) -> tuple[int, list[str]]:
    """Escalate by hand; return the layer's position and whom it pages."""

    def escalate(db: Connection, *, now: datetime) -> Row:
        responding.escalate(db, rota.caller, id, False, now=now)
        event = audit.latest(db, world.made.org_id, id, limit=1)[0]
        assert event["event"] == "layer_escalated"
        return event

    details = write_at(at(minutes), world.database, escalate)["details"]
    return details["position"], details["userIds"]


@pytest.mark.parametrize("targets", ["a b c", "a y b", "y y a", "ab c", "a a a", "y a b"])
def test_it_is_what_escalating_does(world: World, rota: Rota, targets: str) -> None:
    """`y` cannot be reached, so a layer of nobody else is passed over."""
    id = rota.open(rota.policy(*(list(target) for target in targets.split())), owner="x")
    rota.fire(0)
    for minutes in range(1, 4):
        said = told(world, id, minutes)
        if said is None:
            break
        assert not said.is_again
        assert escalated(world, rota, id, minutes) == (said.position, said.user_ids)
    with pytest.raises(InvalidRequest, match="no layer left"):
        escalated(world, rota, id, 5)


def test_when_it_comes_by_itself(world: World, rota: Rota) -> None:
    id = rota.open(rota.policy(["a"], ["b"], minutes=5), owner="a")
    rota.fire(0)
    said = told(world, id, 1)
    assert said == coming.Coming(2, ["b"], format_instant(at(5)), is_again=False)
    write_at(at(1), world.database, lifecycle.acknowledge, rota.caller, id)
    assert told(world, id, 2) == coming.Coming(2, ["b"], None, is_again=False)


def test_a_policy_that_begins_again_is_told_but_not_begun_by_hand(world: World, rota: Rota) -> None:
    policy = rota.policy(["a"], minutes=5)
    assert world.call("PATCH", f"escalation/policies/{policy}", {"repeat": 1}).status_code == 200
    id = rota.open(policy, owner="a")
    rota.fire(0)
    rota.deliver(0)
    assert told(world, id, 1) == coming.Coming(1, ["a"], format_instant(at(5)), is_again=True)
    with pytest.raises(InvalidRequest, match="no layer left"):
        escalated(world, rota, id, 1)
    assert rota.fire(5) == ["a/1"]
    assert told(world, id, 6) is None


def test_outside_working_hours_it_is_what_fires_then(world: World, rota: Rota) -> None:
    hours = world.make(
        "working-hours",
        name="Nights",
        timezone="UTC",
        windows=[{"days": [3], "start": "22:00", "end": "23:00"}],
    )["id"]
    condition = {"workingHoursId": hours, "when": "during"}
    id = rota.open(rota.policy(["a"], ["b"], **condition))
    said = told(world, id, 0)
    assert said is not None
    assert rota.fire(0) == [f"{said.user_ids[0]}/{said.position}"] == ["b/2"]


def test_without_a_policy_nothing_comes(world: World, rota: Rota) -> None:
    assert told(world, rota.open(None, owner="a"), 1) is None
