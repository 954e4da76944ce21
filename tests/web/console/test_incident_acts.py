"""What people do about an incident in the console, each as the API's call (contract §3 and §7)."""

from __future__ import annotations

from typing import Any

import pytest

from incident_service.paging import firing
from tests.helpers.console import as_member, fields_of, post, signed_in, text_of
from tests.helpers.world import World

PAGE = "/incidents/1"

OVERTAKEN = "has changed since this page was shown"


@pytest.fixture
def incident(world: World) -> dict[str, Any]:
    """An incident with a policy of two layers, the first of which has fired."""
    for name in ("bo", "cy"):
        world.make("users", id=name, email=f"{name}@example.com", firstName=name)
        world.make(f"users/{name}/contact-methods", label="Phone", url="https://example.com/x")
    steps = [
        {"targetType": "users", "userIds": [id], "escalateAfterSeconds": 600}
        for id in ("bo", "cy", world.made.user_id)
    ]
    policy = world.make("escalation/policies", name="Two", steps=steps)
    made: dict[str, Any] = world.post(world.body(escalationPolicyId=policy["id"])).json["data"]
    world.database.write(world.made.org_id, firing.fire_due, [world.made.org_id], by_email=True)
    return made


@pytest.fixture
def browser(world: World, incident: dict[str, Any]) -> Any:
    return signed_in(world)


def now(world: World, incident: dict[str, Any]) -> dict[str, Any]:
    """Return the incident as it is."""
    found: dict[str, Any] = world.call("GET", f"incidents/{incident['id']}").json["data"]
    return found


def events(world: World, incident: dict[str, Any], event: str) -> int:
    return [each["event"] for each in now(world, incident)["auditTrail"]].count(event)


def act(browser: Any, name: str, **fields: str) -> str:
    """Press a button on the incident's page; return what the page says then."""
    sent = post(browser, f"{PAGE}/{name}", fields, at=PAGE)
    assert (sent.status_code, sent.headers.get("Location")) == (303, PAGE), text_of(sent.text)
    return text_of(browser.get(PAGE).text)


def seen(browser: Any, page: str = PAGE) -> list[str]:
    """Return where things stand, as the forms of a page say."""
    return fields_of(browser.get(page).text)["seen"]


def test_acknowledge_and_take_it_back(world: World, incident: Any, browser: Any) -> None:
    assert "You have acknowledged it. No more pages are sent." in act(browser, "acknowledge")
    assert now(world, incident)["acknowledgedBy"] == world.made.user_id
    act(browser, "unacknowledge", seen=seen(browser)[-1])
    assert now(world, incident)["acknowledgedAt"] is None


def test_an_old_page_takes_back_no_other_acknowledgement(
    world: World, incident: Any, browser: Any
) -> None:
    act(browser, "acknowledge")
    shown = seen(browser)[-1]
    world.call("POST", f"incidents/{incident['id']}/handoff", {"targetUserId": "cy"})
    act(as_member(world), "acknowledge")
    assert OVERTAKEN in act(browser, "unacknowledge", seen=shown)
    assert now(world, incident)["acknowledgedBy"] == "mia"


def test_acknowledging_what_another_has_says_so(world: World, incident: Any, browser: Any) -> None:
    act(as_member(world), "acknowledge")
    page = act(browser, "acknowledge")
    assert OVERTAKEN in page
    assert now(world, incident)["acknowledgedBy"] == "mia"


def test_snooze(world: World, incident: Any, browser: Any) -> None:
    assert "It is snoozed." in act(browser, "snooze", minutes="60")
    assert now(world, incident)["snoozedUntil"] is not None


@pytest.mark.parametrize("minutes", ["1", "x", "", "99999"])
def test_a_snooze_that_is_not_offered_is_refused(
    world: World, incident: Any, browser: Any, minutes: str
) -> None:
    act(browser, "snooze", minutes=minutes)
    assert now(world, incident)["snoozedUntil"] is None


def test_escalate_pages_the_next_layer(world: World, incident: Any, browser: Any) -> None:
    position = seen(browser)[0]
    page = act(browser, "escalate", seen=position)
    assert "The next layer is paged." in page
    assert "escalated: layer 2 pages cy" in page


def test_an_old_page_escalates_nothing(world: World, incident: Any, browser: Any) -> None:
    position = seen(browser)[0]
    act(browser, "escalate", seen=position)
    assert OVERTAKEN in act(browser, "escalate", seen=position)
    assert events(world, incident, "layer_escalated") == 2
    assert OVERTAKEN in act(browser, "escalate")


def test_where_no_layer_is_left_escalating_is_not_offered_and_refused(world: World) -> None:
    world.make("users", id="bo", email="bo@example.com")
    incident = world.post(world.body(ownerScheduleId=..., ownerId="bo")).json["data"]
    browser = signed_in(world)
    assert "Escalate" not in browser.get(PAGE).text
    assert "Nobody was paged" in act(browser, "escalate", seen="0.0")
    assert events(world, incident, "layer_escalated") == 0


def test_the_next_status_once(world: World, incident: Any, browser: Any) -> None:
    assert "Mark as identified" in browser.get(PAGE).text
    assert "The incident is identified now." in act(browser, "status", status="identified")
    assert OVERTAKEN in act(browser, "status", status="identified")
    assert now(world, incident)["status"] == "identified"
    act(browser, "status", status="closed")
    assert now(world, incident)["status"] == "identified"


def test_resolve_with_a_note_and_reopen(world: World, incident: Any, browser: Any) -> None:
    page = act(browser, "resolve", resolutionNote="Rolled back.\r\nAll is well.")
    assert "The incident is resolved." in page
    assert now(world, incident)["statusHistory"][-1]["resolutionNote"] == (
        "Rolled back.\nAll is well."
    )
    assert OVERTAKEN in act(browser, "resolve", resolutionNote="Again")
    assert "The incident is open again." in act(browser, "reopen")
    assert now(world, incident)["status"] == "investigating"
    assert OVERTAKEN in act(browser, "reopen")


def test_a_note_that_is_too_long_stays(world: World, incident: Any, browser: Any) -> None:
    note = "n" * 10_001
    sent = post(browser, f"{PAGE}/resolve", {"resolutionNote": note}, at=PAGE)
    assert sent.status_code == 400
    assert "Longer than maximum length 10000." in sent.text
    assert fields_of(sent.text)["resolutionNote"] == [note]
    assert now(world, incident)["status"] == "investigating"


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("snooze", {"minutes": "60"}),
        ("escalate", {"seen": "0.1"}),
        ("ask", {"userIds": "cy"}),
        ("hand-off", {"targetUserId": "cy"}),
    ],
)
def test_what_a_resolved_one_does_not_allow_is_refused_kindly(
    world: World, incident: Any, browser: Any, name: str, fields: dict[str, str]
) -> None:
    path, given = f"{PAGE}/{name}", dict(fields)
    if name == "hand-off":
        given["seen"] = seen(browser, path)[0]
    world.call("POST", f"incidents/{incident['id']}/resolve")
    before = len(now(world, incident)["auditTrail"])
    sent = post(browser, path, given, at=PAGE)
    assert sent.status_code == 303
    page = text_of(browser.get(PAGE).text)
    assert "Nothing was changed" in page
    assert incident["id"] not in page
    assert len(now(world, incident)["auditTrail"]) == before


class TestHandingOff:
    PATH = f"{PAGE}/hand-off"

    def test_who_is_on_call_now_comes_first(self, world: World, browser: Any) -> None:
        page = browser.get(self.PATH).text
        told = text_of(page)
        assert told.index("On call now") < told.index("Everybody")
        assert "Ada Admin Primary on-call" in told
        assert 'name="targetUserId" value="cy"' in page

    def test_one_click_hands_it_off_once(self, world: World, incident: Any, browser: Any) -> None:
        given = {"targetUserId": "cy", "seen": seen(browser, self.PATH)[0]}
        for sentence in ("It is handed off.", OVERTAKEN):
            assert post(browser, self.PATH, given).status_code == 303
            assert sentence in text_of(browser.get(PAGE).text)
        assert now(world, incident)["ownerId"] == "cy"
        assert events(world, incident, "incident_handed_off") == 1

    def test_a_stranger_is_refused(self, world: World, incident: Any, browser: Any) -> None:
        given = {"targetUserId": "nobody", "seen": seen(browser, self.PATH)[0]}
        post(browser, self.PATH, given)
        assert "nobody is not a user" in text_of(browser.get(PAGE).text)
        assert now(world, incident)["ownerId"] == world.made.user_id

    @pytest.mark.parametrize("text", ["CY%40example", "élan+cy", "ÉLAN", "cy+Élan"])
    def test_people_are_found_by_name(self, world: World, browser: Any, text: str) -> None:
        world.call("PATCH", "users/cy", {"lastName": "Élan"})
        page = browser.get(f"{self.PATH}?q={text}").text
        assert ('value="cy"' in page, 'value="bo"' in page) == (True, False)
        assert "Nobody has such a name" in browser.get(f"{self.PATH}?q=zebra").text

    def test_a_list_of_thousands_is_cut(self, world: World, browser: Any) -> None:
        world.execute(
            """
            WITH RECURSIVE n (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM n WHERE n < 3000)
            INSERT INTO users (org_id, id, email, email_key, role, created_at, updated_at)
            SELECT ?, 'u' || n, n || '@example.com', n || '@example.com', 'org:member', '', ''
            FROM n
            """,
            world.made.org_id,
        )
        page = browser.get(self.PATH).text
        assert page.count('name="targetUserId"') <= 110
        assert "These are the first 100 by name." in page


class TestAskingForHelp:
    PATH = f"{PAGE}/ask"

    def test_asked_once_and_no_more(self, world: World, incident: Any, browser: Any) -> None:
        for _ in range(2):
            held = fields_of(browser.get(self.PATH).text)
            del held["q"]  # of the other form
            sent = browser.post(self.PATH, data={**held, "userIds": "cy"})
            assert sent.status_code == 303, text_of(sent.text)
        assert [each["userId"] for each in now(world, incident)["responders"]] == ["cy"]
        assert events(world, incident, "responder_added") == 1
        assert "asked already" in browser.get(self.PATH).text
        for sentence in ("not asked to help any more", OVERTAKEN):
            assert sentence in act(browser, "responders/cy/remove")
        assert now(world, incident)["responders"] == []


class TestUpdates:
    def send(self, browser: Any, **fields: str) -> Any:
        given = {"visibility": "internal", "statusChange": "", **fields}
        return post(browser, f"{PAGE}/updates", given, at=PAGE)

    def test_posted_with_a_status(self, world: World, incident: Any, browser: Any) -> None:
        assert self.send(browser, body="Found it.", statusChange="identified").status_code == 303
        (update,) = world.call("GET", f"incidents/{incident['id']}/updates").json["data"]["updates"]
        assert (update["body"], update["statusChange"]) == ("Found it.", "identified")

    def test_the_same_one_twice_is_one(self, world: World, incident: Any, browser: Any) -> None:
        number = seen(browser)[1]
        for _ in range(2):
            assert self.send(browser, body="Found it.", seen=number).status_code == 303
        self.send(browser, body="Something else.", seen=number)
        updates = world.call("GET", f"incidents/{incident['id']}/updates").json["data"]["updates"]
        assert [each["body"] for each in updates] == ["Found it.", "Something else."]
        later = seen(browser)[1]
        self.send(browser, body="Found it.", seen=later)
        updates = world.call("GET", f"incidents/{incident['id']}/updates").json["data"]["updates"]
        assert len(updates) == 3

    @pytest.mark.parametrize(
        ("fields", "sentence"),
        [
            ({"body": " "}, "At least one of body and statusChange is required."),
            ({"body": "", "visibility": "public"}, "A public update needs a text."),
            ({"body": "b" * 10_001}, "Longer than maximum length 10000."),
            ({"body": "Kept", "visibility": "public"}, "no published status page shows"),
            ({"body": "Kept", "statusChange": "resolved"}, OVERTAKEN),
        ],
    )
    def test_what_is_wrong_is_said_beside_what_was_typed(
        self,
        world: World,
        incident: Any,
        browser: Any,
        fields: dict[str, str],
        sentence: str,
    ) -> None:
        sent = self.send(browser, **fields)
        assert sent.status_code == 400
        assert sentence in text_of(sent.text)
        assert fields_of(sent.text)["body"] == [fields["body"]]
        updates = world.call("GET", f"incidents/{incident['id']}/updates").json["data"]["updates"]
        assert updates == []

    def test_to_a_resolved_one_it_is_refused_and_kept(
        self, world: World, incident: Any, browser: Any
    ) -> None:
        world.call("POST", f"incidents/{incident['id']}/resolve")
        sent = self.send(browser, body="Too late")
        assert sent.status_code == 400
        assert "the incident is resolved by now" in text_of(sent.text)

    def test_a_public_one_appears_on_the_status_page(
        self, world: World, incident: Any, browser: Any
    ) -> None:
        shown = {"componentIds": [world.made.component_id], "published": True}
        world.make("status-pages", slug="acme", title="Acme status", **shown)
        assert "Everybody, on Acme status" in browser.get(PAGE).text
        assert self.send(browser, body="We know.", visibility="public").status_code == 303
        assert "We know." in world.client.get("/status/acme").text

    def test_redacting_is_for_admins_and_recent_authors(
        self, world: World, incident: Any, browser: Any
    ) -> None:
        member = as_member(world)
        self.send(member, body="Mine")
        self.send(browser, body="Hers")
        updates = world.call("GET", f"incidents/{incident['id']}/updates").json["data"]["updates"]
        mine, hers = (f"updates/{update['id']}/redact" for update in updates)
        page = member.get(PAGE).text
        assert (mine in page, hers in page) == (True, False)
        assert post(member, f"{PAGE}/{hers}", {}, at=PAGE).status_code == 403
        assert "Hers" in browser.get(PAGE).text
        act(member, mine)
        page = browser.get(PAGE).text
        assert ("Mine" in text_of(page), hers in page) == (False, True)


class TestEditing:
    PATH = f"{PAGE}/edit"

    def test_what_people_change(self, world: World, incident: Any, browser: Any) -> None:
        shown = {
            name: values[-1] for name, values in fields_of(browser.get(self.PATH).text).items()
        }
        assert shown["title"] == incident["title"]
        assert shown["severity"] == "critical"
        changes = {"title": "Better", "severity": "low", "description": "", "isPublic": "false"}
        assert post(browser, self.PATH, {**shown, **changes}).status_code == 303
        found = now(world, incident)
        assert (found["title"], found["severity"]) == ("Better", "low")
        assert (found["description"], found["isPublic"]) == (None, False)
        assert found["publicTitle"] is None

    def test_what_another_changed_meanwhile_is_not_lost(
        self, world: World, incident: Any, browser: Any
    ) -> None:
        shown = {
            name: values[-1] for name, values in fields_of(browser.get(self.PATH).text).items()
        }
        world.call("PATCH", f"incidents/{incident['id']}", {"severity": "high"})
        sent = post(browser, self.PATH, {**shown, "title": "Better"})
        assert sent.status_code == 400
        assert "somebody changed it meanwhile" in sent.text
        assert fields_of(sent.text)["title"] == ["Better"]
        assert now(world, incident)["severity"] == "high"
        again = {name: values[-1] for name, values in fields_of(sent.text).items()}
        assert post(browser, self.PATH, again).status_code == 303

    def test_what_is_wrong_is_said(self, world: World, incident: Any, browser: Any) -> None:
        given = {"title": "", "severity": "awful", "seen": seen(browser, self.PATH)[0]}
        sent = post(browser, self.PATH, given)
        assert sent.status_code == 400
        assert "Must be one of" in sent.text

    def test_components(self, world: World, incident: Any, browser: Any) -> None:
        path = f"{PAGE}/components"
        search = world.make("components", name="Search")["id"]
        page = browser.get(path).text
        assert fields_of(page)["componentIds"] == ["", world.made.component_id]
        given = {"componentIds": ["", search], "seen": seen(browser, path)[0]}
        assert post(browser, path, given).status_code == 303
        assert [each["id"] for each in now(world, incident)["affectedComponents"]] == [search]
        late = post(browser, path, given)
        assert (late.status_code, "changed them meanwhile" in late.text) == (400, True)
        wrong = {"componentIds": ["x"], "seen": seen(browser, path)[0]}
        assert post(browser, path, wrong).status_code == 400


def test_a_member_does_all_of_it(world: World, incident: Any) -> None:
    browser = as_member(world)
    act(browser, "acknowledge")
    act(browser, "status", status="identified")
    act(browser, "resolve")
    assert now(world, incident)["status"] == "resolved"


def test_nothing_is_done_without_the_forms_own_proof(
    world: World, incident: Any, browser: Any
) -> None:
    for name in ("acknowledge", "resolve", "escalate", "hand-off", "ask", "edit", "updates"):
        assert browser.post(f"{PAGE}/{name}", data={}).status_code == 400
    assert len(now(world, incident)["auditTrail"]) == 2
