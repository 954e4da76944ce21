"""Routing policies: what becomes of alerts, by their severity (contract §10)."""

from __future__ import annotations

from typing import Any

import pytest

from incident_service import resources
from incident_service.quickstart import Provisioned
from tests.helpers.world import World

PATH = "routing/policies"


def rules(**changes: Any) -> list[dict[str, Any]]:
    """Return four rules in an order of their own, with changes by severity."""
    return [
        {
            "severity": severity,
            "outcome": outcome,
            "escalationPolicyId": None,
            **changes.get(severity, {}),
        }
        for severity, outcome in (
            ("low", "drop"),
            ("critical", "incident"),
            ("medium", "notification"),
            ("high", "provisional_page"),
        )
    ]


def body(**changes: Any) -> dict[str, Any]:
    return {"name": "Payments", "description": "Ours.", "rules": rules(), **changes}


def default_policy(world: World) -> dict[str, Any]:
    (found,) = (row for row in world.call("GET", PATH).json["data"] if row["isDefault"])
    return dict(found)


def test_an_organization_is_born_with_the_default_one(world: World) -> None:
    listed = default_policy(world)
    assert (listed["name"], listed["description"]) == ("Default", None)
    assert listed["orgId"] == world.made.org_id
    assert "rules" not in listed
    found = world.call("GET", f"{PATH}/{listed['id']}").json["data"]
    assert [(rule["severity"], rule["outcome"]) for rule in found["rules"]] == [
        ("critical", "incident"),
        ("high", "incident"),
        ("medium", "notification"),
        ("low", "notification"),
    ]
    assert {rule["escalationPolicyId"] for rule in found["rules"]} == {None}


def test_it_comes_back_exactly_as_sent(world: World) -> None:
    # The escalation policy is kept where the outcome does not use it, too.
    sent = rules(low={"escalationPolicyId": world.made.policy_id})
    answer = world.call("POST", PATH, body(rules=sent))
    made = answer.json["data"]
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/v1/{PATH}/{made['id']}"
    assert made["rules"] == sent
    assert (made["name"], made["description"], made["isDefault"]) == ("Payments", "Ours.", False)
    assert world.call("GET", f"{PATH}/{made['id']}").json["data"] == made


def test_put_replaces_all(world: World) -> None:
    made = world.make(PATH, **body())
    turned = rules()[::-1]
    answer = world.call("PUT", f"{PATH}/{made['id']}", {"name": "Other", "rules": turned})
    changed = answer.json["data"]
    assert answer.status_code == 200
    assert changed["rules"] == turned
    assert (changed["name"], changed["description"]) == ("Other", None)
    assert (changed["id"], changed["createdAt"]) == (made["id"], made["createdAt"])
    assert world.call("GET", f"{PATH}/{made['id']}").json["data"] == changed


def test_the_default_one_can_be_changed_but_cannot_go(world: World) -> None:
    id = default_policy(world)["id"]
    changed = world.call("PUT", f"{PATH}/{id}", body(name="Usual")).json["data"]
    assert (changed["name"], changed["isDefault"]) == ("Usual", True)
    answer = world.call("DELETE", f"{PATH}/{id}")
    assert (answer.status_code, answer.json["code"]) == (409, "default_policy")


def test_the_list_is_by_name(world: World) -> None:
    for name in ("Zebra", "Apple"):
        world.make(PATH, **body(name=name))
    listed = world.call("GET", PATH).json["data"]
    assert [row["name"] for row in listed] == ["Apple", "Default", "Zebra"]


def without(severity: str) -> list[dict[str, Any]]:
    return [rule for rule in rules() if rule["severity"] != severity]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"rules": ...}, "rules"),
        ({"rules": None}, "rules"),
        ({"rules": []}, "rules"),
        ({"rules": without("low")}, "rules"),
        ({"rules": [*without("low"), without("low")[0]]}, "rules"),
        ({"rules": [*rules(), rules()[0]]}, "rules"),
        ({"rules": rules(low={"outcome": "page"})}, "rules"),
        ({"rules": rules(low={"severity": "worst"})}, "rules"),
        ({"rules": rules(low={"outcome": None})}, "rules"),
        ({"rules": rules(low={"escalationPolicyId": "x"})}, "rules"),
        ({"rules": rules(low={"more": 1})}, "rules"),
        ({"isDefault": True}, "isDefault"),
    ],
)
def test_what_makes_no_sense_is_refused(world: World, changes: dict[str, Any], field: str) -> None:
    sent = {name: value for name, value in body(**changes).items() if value is not ...}
    made = world.make(PATH, **body(name="Other"))
    for method, path in (("POST", PATH), ("PUT", f"{PATH}/{made['id']}")):
        answer = world.call(method, path, sent)
        assert (answer.status_code, list(answer.json["errors"])) == (400, [field])


def test_the_escalation_policies_must_be_the_organizations(
    world: World, other_org: Provisioned
) -> None:
    made = world.make(PATH, **body(name="Other"))
    sent = body(rules=rules(medium={"escalationPolicyId": other_org.policy_id}))
    for method, path in (("POST", PATH), ("PUT", f"{PATH}/{made['id']}")):
        answer = world.call(method, path, sent)
        assert answer.status_code == 400
        assert answer.json["code"] == "invalid_escalation_policy_id"
        assert other_org.policy_id in answer.json["message"]
    assert world.call("GET", f"{PATH}/{made['id']}").json["data"] == made


def test_a_name_is_taken_once(world: World, other_org: Provisioned) -> None:
    made = world.make(PATH, **body())
    answer = world.call("POST", PATH, body())
    assert (answer.status_code, answer.json["code"]) == (409, "name_conflict")
    answer = world.call("PUT", f"{PATH}/{made['id']}", body(name="Default"))
    assert (answer.status_code, answer.json["code"]) == (409, "name_conflict")
    assert world.call("PUT", f"{PATH}/{made['id']}", body()).status_code == 200
    assert world.call("POST", PATH, body(), key=other_org.key).status_code == 201
    assert world.call("DELETE", f"{PATH}/{made['id']}").status_code == 204
    assert world.call("POST", PATH, body()).status_code == 201


def test_what_is_deleted_is_not_there(world: World) -> None:
    id = world.make(PATH, **body())["id"]
    assert world.call("DELETE", f"{PATH}/{id}").status_code == 204
    for method, sent in (("GET", ...), ("PUT", body()), ("DELETE", ...)):
        assert world.call(method, f"{PATH}/{id}", sent).status_code == 404


def test_one_that_an_integration_names_cannot_go(world: World) -> None:
    id = world.make(PATH, **body())["id"]
    made = world.make(
        "integrations/inbound", name="Tool", kind="generic", routingPolicyId=id.upper()
    )
    path = f"integrations/inbound/{made['id']}"
    assert made["routingPolicyId"] == id
    answer = world.call("DELETE", f"{PATH}/{id}")
    assert (answer.status_code, answer.json["code"]) == (409, "policy_in_use")
    assert "Tool" in answer.json["message"]
    world.call("PATCH", path, {"routingPolicyId": None})
    selector = {"matchers": [{"key": "team", "value": "a"}], "routingPolicyId": id}
    world.call("PUT", f"{path}/selectors", {"selectors": [selector]})
    answer = world.call("DELETE", f"{PATH}/{id}")
    assert (answer.status_code, answer.json["code"]) == (409, "policy_in_use")
    world.call("DELETE", path)
    assert world.call("DELETE", f"{PATH}/{id}").status_code == 204


def test_an_escalation_policy_of_a_rule_cannot_go(world: World) -> None:
    escalation = world.make("escalation/policies", name="Spare")["id"]
    id = world.make(PATH, **body(rules=rules(low={"escalationPolicyId": escalation})))["id"]
    answer = world.call("DELETE", f"escalation/policies/{escalation}")
    assert (answer.status_code, answer.json["code"]) == (409, "policy_in_use")
    assert "Payments" in answer.json["message"]
    world.call("DELETE", f"{PATH}/{id}")
    assert world.call("DELETE", f"escalation/policies/{escalation}").status_code == 204


def test_members_read_alone_and_others_see_nothing(
    world: World, member: str, other_org: Provisioned
) -> None:
    id = world.make(PATH, **body())["id"]
    assert world.call("GET", PATH, key=member).status_code == 200
    assert world.call("GET", f"{PATH}/{id}", key=member).status_code == 200
    for method, path, sent in (
        ("POST", PATH, body()),
        ("PUT", f"{PATH}/{id}", body()),
        ("DELETE", f"{PATH}/{id}", ...),
    ):
        assert world.call(method, path, sent, key=member).status_code == 403
    listed = world.call("GET", PATH, key=other_org.key).json["data"]
    assert [row["name"] for row in listed] == ["Default"]
    for method, sent in (("GET", ...), ("PUT", body()), ("DELETE", ...)):
        answer = world.call(method, f"{PATH}/{id}", sent, key=other_org.key)
        assert answer.status_code == 404


def test_there_are_only_so_many(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(resources.MAX_THINGS, "routing_policies", 2)
    world.make(PATH, **body())
    answer = world.call("POST", PATH, body(name="Third"))
    assert (answer.status_code, answer.json["code"]) == (409, "too_many_routing_policies")
