"""Opening an incident by the console's form (contract §2)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from incident_service.severity import MEANINGS
from tests.helpers.console import as_member, fields_of, forgery_token, post, signed_in, text_of
from tests.helpers.world import World

PATH = "/incidents/new"


def filled(world: World, browser: Any, **changes: str) -> dict[str, str]:
    """Return the form as somebody fills it in."""
    key = fields_of(browser.get(PATH).text)["key"][0]
    return {
        "key": key,
        "title": "Payments fail",
        "severity": "critical",
        "ownerScheduleId": world.made.schedule_id,
        "ownerId": "",
        "description": "Since 10:02.\r\nAll cards.",
        "componentIds": world.made.component_id,
        "isPublic": "true",
        "publicTitle": "",
        "escalationPolicyId": "",
        **changes,
    }


def test_the_form_says_what_one_chooses_from(world: World) -> None:
    page = text_of(signed_in(world).get(PATH).text)
    for word, meaning in MEANINGS.items():
        assert f"{word.capitalize()}: {meaning}" in page
    assert "Primary on-call: Ada Admin" in page
    assert "Payments API" in page


def test_it_opens_an_incident_as_the_api_does(world: World) -> None:
    browser = signed_in(world)
    sent = post(browser, PATH, filled(world, browser))
    assert (sent.status_code, sent.headers["Location"]) == (303, "/incidents/1")
    assert "Incident 1 is open." in browser.get("/incidents/1").text
    (found,) = world.call("GET", "incidents").json["data"]["incidents"]
    assert (found["title"], found["description"]) == ("Payments fail", "Since 10:02.\nAll cards.")
    assert found["ownerId"] == found["createdBy"] == world.made.user_id
    assert found["escalationPolicyId"] == world.made.policy_id
    assert [each["name"] for each in found["affectedComponents"]] == ["Payments API"]


def test_sent_again_it_leads_to_the_one_that_it_opened(world: World) -> None:
    browser = signed_in(world)
    form = filled(world, browser)
    for _ in range(2):
        assert post(browser, PATH, form).headers["Location"] == "/incidents/1"
    assert len(world.call("GET", "incidents").json["data"]["incidents"]) == 1


def test_a_double_click_opens_one(world: World) -> None:
    browsers = [signed_in(world) for _ in range(2)]
    form = filled(world, browsers[0])
    tokens = [forgery_token(browser, PATH) for browser in browsers]

    def press(n: int) -> str:
        sent = browsers[n].post(PATH, data={**form, "csrf_token": tokens[n]})
        return sent.headers.get("Location", sent.text)

    with ThreadPoolExecutor(2) as pool:
        assert [*pool.map(press, range(2))] == ["/incidents/1", "/incidents/1"]


def test_a_form_that_was_changed_after_it_opened_one_is_asked_about(world: World) -> None:
    browser = signed_in(world)
    form = filled(world, browser)
    post(browser, PATH, form)
    sent = post(browser, PATH, {**form, "title": "Another thing"})
    assert sent.status_code == 400
    assert "has opened an incident already" in text_of(sent.text)
    fields = fields_of(sent.text)
    assert fields["title"] == ["Another thing"]
    again = {**form, "title": "Another thing", "key": fields["key"][0]}
    assert post(browser, PATH, again).headers["Location"] == "/incidents/2"


def test_what_is_wrong_is_said_beside_what_was_typed(world: World) -> None:
    browser = signed_in(world)
    wrong = {"title": " ", "severity": "", "ownerScheduleId": "", "publicTitle": "p" * 101}
    sent = post(browser, PATH, {**filled(world, browser), **wrong})
    assert sent.status_code == 400
    fields = fields_of(sent.text)
    assert fields["description"] == ["Since 10:02.\nAll cards."]
    assert fields["componentIds"] == ["", world.made.component_id]
    page = text_of(sent.text)
    for sentence in ("Choose a schedule or a person.", "Longer than maximum length 100."):
        assert sentence in page
    assert sent.text.count('aria-invalid="true"') == 4
    assert world.call("GET", "incidents").json["data"]["incidents"] == []


def test_the_same_key_serves_a_form_that_was_wrong_at_first(world: World) -> None:
    browser = signed_in(world)
    form = filled(world, browser)
    wrong = post(browser, PATH, {**form, "title": ""})
    assert fields_of(wrong.text)["key"] == [form["key"]]
    assert post(browser, PATH, form).headers["Location"] == "/incidents/1"


def test_what_is_gone_meanwhile_is_said(world: World) -> None:
    browser = signed_in(world)
    gone = {"escalationPolicyId": "0198f2a0-0000-7000-8000-000000000000"}
    sent = post(browser, PATH, filled(world, browser, **gone))
    assert sent.status_code == 400
    assert "is not an escalation policy" in text_of(sent.text)


def test_a_member_opens_one_for_a_person(world: World) -> None:
    browser = as_member(world)
    form = filled(world, browser, ownerScheduleId="", ownerId=world.made.user_id)
    assert post(browser, PATH, form).status_code == 303
    (found,) = world.call("GET", "incidents").json["data"]["incidents"]
    assert (found["ownerId"], found["createdBy"]) == (world.made.user_id, "mia")


@pytest.mark.parametrize("key", ["", "k" * 255, "k\0"])
def test_a_key_that_no_form_had_is_as_none(world: World, key: str) -> None:
    browser = signed_in(world)
    form = {**filled(world, browser), "key": key}
    assert post(browser, PATH, form).headers["Location"] == "/incidents/1"
    assert post(browser, PATH, form).headers["Location"] == "/incidents/2"
