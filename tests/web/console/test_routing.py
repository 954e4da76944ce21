"""Routing policies in the console's settings (contract §10 and §11)."""

from __future__ import annotations

from incident_service.quickstart import Provisioned
from tests.helpers.console import as_member, fields_of, post, signed_in, text_of
from tests.helpers.world import World

ROOM = "/settings/routing"

RULES = [
    {"severity": "low", "outcome": "drop"},
    {"severity": "critical", "outcome": "provisional_page"},
    {"severity": "medium", "outcome": "notification"},
    {"severity": "high", "outcome": "incident"},
]


def made(world: World, name: str = "Staging") -> str:
    return str(world.make("routing/policies", name=name, rules=RULES)["id"])


def default(world: World) -> str:
    (policy,) = world.call("GET", "routing/policies").json["data"]
    return str(policy["id"])


def test_the_list_says_what_becomes_of_alerts(world: World) -> None:
    made(world)
    page = text_of(signed_in(world).get(ROOM).text)
    outcomes = "critical open an incident high open an incident medium send one message"
    assert f"Default default {outcomes}" in page
    assert "Staging low only record it critical page first, decide later" in page


def test_a_policy_is_made_by_a_form(world: World) -> None:
    browser = signed_in(world)
    fields = fields_of(browser.get(f"{ROOM}/new").text)
    assert fields["rules[0].severity"] == ["critical"]
    assert fields["rules[3].outcome"] == ["notification"]
    fields |= {
        "name": ["Tests"],
        "rules[3].outcome": ["drop"],
        "rules[0].escalationPolicyId": [world.made.policy_id],
    }
    sent = post(browser, f"{ROOM}/new", fields)
    assert (sent.status_code, sent.headers["Location"]) == (303, ROOM)
    (id,) = [
        policy["id"]
        for policy in world.call("GET", "routing/policies").json["data"]
        if policy["name"] == "Tests"
    ]
    rules = world.call("GET", f"routing/policies/{id}").json["data"]["rules"]
    assert [(rule["severity"], rule["outcome"]) for rule in rules] == [
        ("critical", "incident"),
        ("high", "incident"),
        ("medium", "notification"),
        ("low", "drop"),
    ]
    assert [rule["escalationPolicyId"] for rule in rules] == [world.made.policy_id, *[None] * 3]


def test_a_policy_is_changed_and_its_rules_keep_their_order(world: World) -> None:
    id = made(world)
    browser, path = signed_in(world), f"{ROOM}/{id}"
    fields = fields_of(browser.get(path).text)
    assert post(browser, path, {**fields, "name": "Lab"}).status_code == 303
    policy = world.call("GET", f"routing/policies/{id}").json["data"]
    assert policy["name"] == "Lab"
    assert [(rule["severity"], rule["outcome"]) for rule in policy["rules"]] == [
        (rule["severity"], rule["outcome"]) for rule in RULES
    ]


def test_what_is_wrong_is_said(world: World) -> None:
    browser, path = signed_in(world), f"{ROOM}/{made(world)}"
    fields = fields_of(browser.get(path).text)
    twice = post(browser, path, {**fields, "name": "Kept", "rules[0].severity": "high"})
    assert twice.status_code == 400
    assert "Rules: Must have exactly one rule for each severity." in text_of(twice.text)
    assert fields_of(twice.text)["name"] == ["Kept"]
    odd = post(browser, path, {**fields, "rules[1].outcome": "shout"})
    assert "Rule 2: what becomes of alerts: Must be one of" in text_of(odd.text)


def test_a_policy_of_another_organization_cannot_be_named(
    world: World, other_org: Provisioned
) -> None:
    browser, path = signed_in(world), f"{ROOM}/{made(world)}"
    fields = fields_of(browser.get(path).text)
    fields["rules[0].escalationPolicyId"] = [other_org.policy_id]
    sent = post(browser, path, fields)
    assert sent.status_code == 400
    assert "is not an escalation policy in your organization" in sent.text


def test_the_default_cannot_go(world: World) -> None:
    browser, path = signed_in(world), f"{ROOM}/{default(world)}"
    page = browser.get(path).text
    assert ("The default cannot be deleted." in page, "Delete it" in page) == (True, False)
    post(browser, f"{path}/delete", {}, at=path)
    assert "is the default routing policy, which cannot be deleted" in browser.get(path).text


def test_a_policy_in_use_cannot_go_and_says_what_uses_it(world: World) -> None:
    id = made(world)
    tool = world.make("integrations/inbound", name="Lab", kind="generic", routingPolicyId=id)["id"]
    browser, path = signed_in(world), f"{ROOM}/{id}"
    page = browser.get(path).text
    assert f'<a href="/settings/integrations/{tool}"><bdi>Lab</bdi></a>' in page
    assert "Delete it" not in page
    post(browser, f"{path}/delete", {}, at=path)
    assert "The integration Lab, or a selector of it, names Staging." in browser.get(path).text
    assert world.call("DELETE", f"integrations/inbound/{tool}").status_code == 204
    assert post(browser, f"{path}/delete", {}, at=path).headers["Location"] == ROOM
    assert browser.get(path).status_code == 404


def test_a_member_reads_routing_and_changes_none(world: World) -> None:
    browser, path = as_member(world), f"{ROOM}/{made(world)}"
    assert "New policy" not in browser.get(ROOM).text
    page = browser.get(path).text
    assert ("<fieldset disabled>" in page, "Save" in page, "Delete" in page) == (True, False, False)
    assert post(browser, path, {"name": "Mine"}).status_code == 403


def test_another_organizations_routing_is_not_there(world: World, other_org: Provisioned) -> None:
    answer = world.call(
        "POST", "routing/policies", {"name": "Theirs", "rules": RULES}, key=other_org.key
    )
    browser = signed_in(world)
    assert browser.get(f"{ROOM}/{answer.json['data']['id']}").status_code == 404
    assert "Theirs" not in browser.get(ROOM).text
