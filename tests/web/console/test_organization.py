"""The index of the settings, and the organization's own (contract §6 and §11)."""

from __future__ import annotations

import re

from incident_service import quickstart
from tests.helpers.console import as_member, fields_of, post, signed_in, text_of
from tests.helpers.world import World

ROOM = "/settings/organization"


def test_the_index_leads_to_every_room(world: World) -> None:
    browser = as_member(world)
    page = browser.get("/settings").text
    rooms = re.findall('<a href="(/settings/[^"]+)"', page)
    assert len(rooms) >= 6
    for room in rooms:
        assert browser.get(room).status_code == 200, room


def test_the_organization_is_changed(world: World) -> None:
    browser = signed_in(world)
    fields = fields_of(browser.get(ROOM).text)
    assert (fields["name"], fields["timezone"]) == ([quickstart.ORGANIZATION], ["UTC"])
    changes = {
        "name": "Acme",
        "timezone": "Europe/Berlin",
        "defaultEscalationPolicyId": world.made.policy_id,
    }
    assert post(browser, ROOM, changes).headers["Location"] == ROOM
    page = browser.get(ROOM).text
    assert ("The organization is saved." in page, "Acme" in page) == (True, True)
    assert fields_of(page)["defaultEscalationPolicyId"] == [world.made.policy_id]
    organization = world.call("GET", "organization").json["data"]
    assert {name: organization[name] for name in changes} == changes


def test_without_a_default_policy_it_says_who_is_paged(world: World) -> None:
    browser = signed_in(world)
    assert "There is no default escalation policy" in browser.get(ROOM).text
    changes = {"name": "Acme", "timezone": "UTC"}
    post(browser, ROOM, {**changes, "defaultEscalationPolicyId": world.made.policy_id})
    assert "There is no default escalation policy" not in browser.get(ROOM).text
    post(browser, ROOM, {**changes, "defaultEscalationPolicyId": ""})
    assert world.call("GET", "organization").json["data"]["defaultEscalationPolicyId"] is None


def test_what_is_wrong_is_said(world: World, other_org: quickstart.Provisioned) -> None:
    browser = signed_in(world)
    sent = post(browser, ROOM, {"name": " ", "timezone": "Mars/Olympus"})
    assert sent.status_code == 400
    page = text_of(sent.text)
    assert "Time zone: Not an IANA time zone." in page
    theirs = {"name": "A", "timezone": "UTC", "defaultEscalationPolicyId": other_org.policy_id}
    sent = post(browser, ROOM, theirs)
    assert sent.status_code == 400
    assert "is not an escalation policy in your organization" in sent.text
    assert fields_of(sent.text)["name"] == ["A"]


def test_a_member_reads_it_and_changes_nothing(world: World) -> None:
    browser = as_member(world)
    page = browser.get(ROOM).text
    assert ("<fieldset disabled>" in page, "Save" in page) == (True, False)
    assert post(browser, ROOM, {"name": "Mine"}).status_code == 403
