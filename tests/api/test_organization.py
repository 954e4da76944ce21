"""The caller's organization (contract §6)."""

from __future__ import annotations

import pytest

from incident_service.quickstart import Provisioned
from tests.helpers.world import World


def test_it_shows_what_it_is_born_with(world: World) -> None:
    found = world.call("GET", "organization").json["data"]
    created_at = found.pop("createdAt")
    assert created_at.endswith("Z")
    assert found == {
        "id": world.made.org_id,
        "name": "Quickstart",
        "defaultEscalationPolicyId": None,
        "timezone": "UTC",
    }


def test_an_admin_changes_it(world: World) -> None:
    changes = {
        "name": "Acme",
        "timezone": "Europe/Berlin",
        "defaultEscalationPolicyId": world.made.policy_id,
    }
    changed = world.call("PATCH", "organization", changes).json["data"]
    assert {name: changed[name] for name in changes} == changes
    assert world.call("GET", "organization").json["data"] == changed
    cleared = world.call("PATCH", "organization", {"defaultEscalationPolicyId": None})
    assert cleared.json["data"]["defaultEscalationPolicyId"] is None
    assert world.call("PATCH", "organization", {}).json["data"]["name"] == "Acme"


def test_a_member_reads_it_alone(world: World, member: str) -> None:
    assert world.call("GET", "organization", key=member).status_code == 200
    assert world.call("PATCH", "organization", {"name": "X"}, key=member).status_code == 403


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": None}, "name"),
        ({"name": ""}, "name"),
        ({"timezone": "Mars/Base"}, "timezone"),
        ({"timezone": None}, "timezone"),
        ({"defaultEscalationPolicyId": "x"}, "defaultEscalationPolicyId"),
        ({"createdAt": "2026-01-01T00:00:00Z"}, "createdAt"),
    ],
)
def test_what_makes_no_sense_is_refused(
    world: World, changes: dict[str, object], field: str
) -> None:
    answer = world.call("PATCH", "organization", changes)
    assert (answer.status_code, list(answer.json["errors"])) == (400, [field])


def test_its_policy_must_be_its_own(world: World, other_org: Provisioned) -> None:
    changes = {"defaultEscalationPolicyId": other_org.policy_id}
    answer = world.call("PATCH", "organization", changes)
    assert answer.status_code == 400
    assert answer.json["code"] == "invalid_escalation_policy_id"
    assert other_org.policy_id in answer.json["message"]


def test_a_name_is_taken_once_on_a_server(world: World, other_org: Provisioned) -> None:
    # `quickstart` goes by the name: nobody may give theirs to another organization.
    answer = world.call("PATCH", "organization", {"name": "Quickstart"})
    assert (answer.status_code, answer.json["code"]) == (409, "name_conflict")
    assert world.call("PATCH", "organization", {"name": "First"}).status_code == 200


def test_a_policy_that_goes_is_no_default_any_more(world: World) -> None:
    policy = world.make("escalation/policies", name="Spare")["id"]
    world.call("PATCH", "organization", {"defaultEscalationPolicyId": policy})
    assert world.call("DELETE", f"escalation/policies/{policy}").status_code == 204
    found = world.call("GET", "organization").json["data"]
    assert found["defaultEscalationPolicyId"] is None
