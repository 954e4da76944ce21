"""Escalation policies in the console's settings (contract §5 and §11)."""

from __future__ import annotations

from typing import Any

import pytest

from incident_service import quickstart
from incident_service.web.console import policies
from tests.helpers.console import as_member, fields_of, post, signed_in, text_of
from tests.helpers.plans import plan, scans, traced
from tests.helpers.rota import Rota
from tests.helpers.world import World

ROOM = "/settings/policies"


def steps_of(world: World, id: str) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = world.call("GET", f"escalation/policies/{id}").json["data"][
        "steps"
    ]
    return steps


def crowd(world: World, count: int = 30) -> None:
    """Let there be more people than a form shows."""
    for n in range(count):
        world.make(
            "users", id=f"u{n}", email=f"u{n}@example.com", firstName="Ada", lastName=f"N{n}"
        )


def test_the_list_says_whom_each_policy_pages_now(world: World, rota: Rota) -> None:
    rota.policy(rota.make_schedule("Nobody's"))
    rota.policy(["b", "y"])
    browser = signed_in(world)
    page = text_of(browser.get(ROOM).text)
    assert "b@example.com, y@example.com Now pages b@example.com, y@example.com" in page
    assert "Nobody's reaches nobody now" in page


def test_the_organizations_default_is_marked(world: World) -> None:
    assert "default" not in text_of(signed_in(world).get(ROOM).text)
    changes = {"defaultEscalationPolicyId": world.made.policy_id}
    assert world.call("PATCH", "organization", changes).status_code == 200
    assert "Primary on-call default" in text_of(signed_in(world).get(ROOM).text)


def test_without_policies_the_list_says_what_they_are_for(world: World) -> None:
    world.execute("UPDATE escalation_policies SET deleted_at = created_at")
    assert "No escalation policies yet." in signed_in(world).get(ROOM).text


def test_the_list_comes_in_parts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policies, "PAGE", 1)
    world.make("escalation/policies", name="Zoo")
    browser = signed_in(world)
    first = browser.get(ROOM).text
    assert "Zoo" not in first
    (rest,) = (part.partition('"')[0] for part in first.split('href="')[1:] if "cursor=" in part)
    last = browser.get(rest).text
    assert "Zoo" in last
    assert quickstart.POLICY not in last
    assert browser.get(f"{ROOM}?cursor=nonsense").status_code == 400


@pytest.mark.sqlite_only("how it finds rows")
def test_the_number_of_statements_does_not_grow(world: World, rota: Rota) -> None:
    browser = signed_in(world)
    counts: list[int] = []
    for _ in range(2):
        hours = {"workingHoursId": _hours(world), "when": "during"}
        rota.policy(rota.make_schedule(f"S{len(counts)}", "a"), ["b"], minutes=5, **hours)
        with traced(world) as statements:
            assert browser.get(ROOM).status_code == 200
        counts.append(len(statements))
        queries = [text for text in statements if text.lstrip().startswith(("SELECT", "WITH"))]
        assert [scan for text in queries for scan in scans(world, text)] == []
        assert all(plan(world, text) for text in queries)
    assert counts[0] == counts[1]


def _hours(world: World) -> str:
    window = {"days": [1], "start": "09:00", "end": "17:00"}
    number = len(world.rows("SELECT id FROM working_hours"))
    made = world.make("working-hours", name=f"Hours {number}", timezone="UTC", windows=[window])
    return str(made["id"])


def test_a_policy_says_whom_each_step_pages_now_and_why_one_pages_nobody(
    world: World, rota: Rota
) -> None:
    id = rota.policy(rota.schedule, ["x", "y"], rota.make_schedule("Empty"), ["y"])
    page = text_of(signed_in(world).get(f"{ROOM}/{id}").text)
    assert "Whoever is on call in Rota Now pages A a@example.com If nobody" in page
    assert "Now pages X x@example.com Y y@example.com cannot be reached If nobody" in page
    assert "Whoever is on call in Empty Pages nobody now Nobody is on call." in page
    assert "y@example.com Pages nobody now Nobody has a way to be reached." in page
    assert "acknowledges within 5 minutes, the steps are used up." in page
    assert "reaches nobody now" not in page


def test_a_policy_that_reaches_nobody_says_so(world: World, rota: Rota) -> None:
    id = rota.policy(["y"])
    assert "This policy reaches nobody now." in signed_in(world).get(f"{ROOM}/{id}").text
    empty = world.make("escalation/policies", name="Empty")["id"]
    assert "No steps yet, so it pages nobody." in signed_in(world).get(f"{ROOM}/{empty}").text


def test_a_step_out_of_its_hours_says_so(world: World, rota: Rota) -> None:
    everyday = [{"days": [1, 2, 3, 4, 5, 6, 7], "start": "00:00", "end": "00:00"}]
    hours = world.make("working-hours", name="Always", timezone="UTC", windows=everyday)["id"]
    id = rota.policy(["a"], ["b"], workingHoursId=hours, when="outside")
    page = text_of(signed_in(world).get(f"{ROOM}/{id}").text)
    assert "Only outside Always Pages nobody now Not outside its working hours." in page


def test_a_policy_says_what_uses_it(world: World) -> None:
    id = world.made.policy_id
    world.call("PATCH", f"components/{world.made.component_id}", {"escalationPolicyId": id})
    world.post()
    markup = signed_in(world).get(f"{ROOM}/{id}").text
    page = text_of(markup)
    assert "Component Payments API" in page
    assert "Open incident 1: Payment service elevated error rate" in page
    assert 'href="/incidents/1"' in markup
    assert "It cannot be deleted while" in page
    assert "Delete it" not in page


def test_a_policy_is_made_by_a_form(world: World, rota: Rota) -> None:
    browser = signed_in(world)
    hours = _hours(world)
    sent = post(
        browser,
        f"{ROOM}/new",
        {
            "name": "Night",
            "description": "One.\r\nTwo.",
            "repeat": "2",
            "steps[0].targetType": "schedule",
            "steps[0].targetId": rota.schedule,
            "steps[0].userIds": "",
            "steps[0].minutes": "5",
            "steps[0].condition": f"outside:{hours}",
            "steps[1].targetType": "users",
            "steps[1].targetId": "",
            "steps[1].userIds": ["", "b", "x"],
            "steps[1].minutes": "1.5",
            "steps[1].condition": "",
        },
    )
    assert sent.status_code == 303, text_of(sent.text)
    id = sent.headers["Location"].rpartition("/")[2]
    assert "Night is there." in browser.get(sent.headers["Location"]).text
    made = world.call("GET", f"escalation/policies/{id}").json["data"]
    assert (made["name"], made["description"], made["repeat"]) == ("Night", "One.\nTwo.", 2)
    first, second = made["steps"]
    assert (first["targetId"], first["escalateAfterSeconds"]) == (rota.schedule, 300)
    assert first["condition"] == {"workingHoursId": hours, "when": "outside"}
    assert (second["userIds"], second["escalateAfterSeconds"]) == (["b", "x"], 90)
    assert second["condition"] is None


def test_a_form_that_is_saved_as_it_is_changes_nothing(world: World, rota: Rota) -> None:
    hours = {"workingHoursId": _hours(world), "when": "during"}
    id = rota.policy(rota.schedule, ["x", "a"], minutes=5, **hours)
    before = world.call("GET", f"escalation/policies/{id}").json["data"]
    browser, path = signed_in(world), f"{ROOM}/{id}/edit"
    fields = fields_of(browser.get(path).text)
    assert fields["steps[0].minutes"] == ["5"]
    assert post(browser, path, fields).status_code == 303
    after = world.call("GET", f"escalation/policies/{id}").json["data"]
    moved = ("updatedAt",)
    for step in (*before["steps"], *after["steps"], *before["layers"], *after["layers"]):
        step.pop("updatedAt")
    assert {k: v for k, v in after.items() if k not in moved} == {
        k: v for k, v in before.items() if k not in moved
    }


def test_buttons_add_move_and_remove_steps_without_saving(world: World, rota: Rota) -> None:
    id = rota.policy(["a"], ["b"])
    before = steps_of(world, id)
    browser, path = signed_in(world), f"{ROOM}/{id}/edit"
    fields = fields_of(browser.get(path).text)

    moved = fields_of(post(browser, path, {**fields, "_up": "steps[1]"}).text)
    assert (moved["steps[0].userIds"], moved["steps[1].userIds"]) == (["", "b"], ["", "a"])

    added = fields_of(post(browser, path, {**moved, "_add": "steps"}).text)
    assert (added["steps[2].targetType"], added["steps[2].minutes"]) == (["schedule"], ["5"])

    left = fields_of(post(browser, path, {**added, "_remove": "steps[0]"}).text)
    assert left["steps[0].userIds"] == ["", "a"]
    assert "steps[2].targetType" not in left
    assert steps_of(world, id) == before

    left["steps[1].targetId"] = [rota.schedule]
    assert post(browser, path, left).status_code == 303
    after = steps_of(world, id)
    assert [step["id"] for step in after] == [step["id"] for step in before]
    assert (after[0]["userIds"], after[1]["targetId"]) == (["a"], rota.schedule)


def test_many_steps_keep_their_order(world: World, rota: Rota) -> None:
    id = rota.policy(*([user] for user in "abxy" * 5))
    before = [step["userIds"] for step in steps_of(world, id)]
    browser, path = signed_in(world), f"{ROOM}/{id}/edit"
    assert post(browser, path, fields_of(browser.get(path).text)).status_code == 303
    assert [step["userIds"] for step in steps_of(world, id)] == before


@pytest.mark.parametrize("button", ["", "_up", "_remove"])
def test_rows_that_no_form_has_are_refused(world: World, button: str) -> None:
    browser = signed_in(world)
    fields = {"name": "A", "repeat": "0", "steps[1].x": "1", "steps.foo": "2"}
    sent = post(browser, f"{ROOM}/new", {**fields, button or "x": "steps[1]"})
    assert sent.status_code == (200 if button else 400)


def test_what_another_saved_meanwhile_is_not_undone_unasked(world: World, rota: Rota) -> None:
    id = rota.policy(["a"], ["b"])
    ada, bo, path = signed_in(world), signed_in(world), f"{ROOM}/{id}/edit"
    of_ada, of_bo = (fields_of(browser.get(path).text) for browser in (ada, bo))
    assert post(bo, path, {**of_bo, "_remove": "steps[1]"}).status_code == 200
    assert post(bo, path, {**of_bo, "steps[0].userIds": "x"}).status_code == 303

    added = fields_of(post(ada, path, {**of_ada, "name": "Ada's", "_add": "steps"}).text)
    del added["steps[2].targetType"]
    refused = post(ada, path, {**of_ada, **added, "steps[2].minutes": ""})
    assert refused.status_code == 400
    assert "it was changed since you opened this page" in text_of(refused.text)
    assert steps_of(world, id)[0]["userIds"] == ["x"]

    again = fields_of(refused.text)
    assert again["name"] == ["Ada's"]
    assert post(ada, path, again).status_code == 303
    assert steps_of(world, id)[0]["userIds"] == ["a"]


def test_all_steps_can_be_removed(world: World) -> None:
    browser, path = signed_in(world), f"{ROOM}/{world.made.policy_id}/edit"
    fields = fields_of(browser.get(path).text)
    none_left = fields_of(post(browser, path, {**fields, "_remove": "steps[0]"}).text)
    assert post(browser, path, none_left).status_code == 303
    assert steps_of(world, world.made.policy_id) == []


@pytest.mark.parametrize("minutes", ["0.5", "10081", "-5", "soon", "", "9" * 400])
def test_minutes_that_make_no_sense_are_refused_in_minutes(world: World, minutes: str) -> None:
    browser, path = signed_in(world), f"{ROOM}/{world.made.policy_id}/edit"
    fields = fields_of(browser.get(path).text)
    sent = post(browser, path, {**fields, "steps[0].minutes": minutes})
    assert sent.status_code == 400
    assert fields_of(sent.text)["steps[0].minutes"] == [minutes]
    page = text_of(sent.text)
    assert "Step 1: minutes to wait: Must be from 1 to 10,080 minutes" in page


def test_a_step_without_anybody_is_refused_where_it_is(world: World) -> None:
    browser, path = signed_in(world), f"{ROOM}/new"
    step = {"steps[0].targetType": "schedule", "steps[0].targetId": "", "steps[0].minutes": "5"}
    sent = post(browser, path, {"name": "A", "repeat": "0", **step})
    assert sent.status_code == 400
    assert 'href="#f-steps-0-targetId">Step 1: schedule</a>' in sent.text
    step["steps[0].targetType"] = "users"
    sent = post(browser, path, {"name": "A", "repeat": "0", **step})
    assert 'href="#f-steps-0-userIds">Step 1: people</a>' in sent.text


def test_a_schedule_that_is_gone_is_said(world: World, other_org: quickstart.Provisioned) -> None:
    browser, path = signed_in(world), f"{ROOM}/{world.made.policy_id}/edit"
    fields = fields_of(browser.get(path).text)
    sent = post(browser, path, {**fields, "steps[0].targetId": other_org.schedule_id})
    assert sent.status_code == 400
    assert f"{other_org.schedule_id} is not a schedule in your organization" in sent.text


def test_people_are_found_by_what_is_typed_if_they_are_many(world: World) -> None:
    crowd(world)
    id = world.make(
        "escalation/policies",
        name="Crowd",
        steps=[{"targetType": "users", "userIds": ["u3"], "escalateAfterSeconds": 60}],
    )["id"]
    browser, path = signed_in(world), f"{ROOM}/{id}/edit"
    page = browser.get(path).text
    fields = fields_of(page)
    assert fields["steps[0].userIds"] == ["", "u3"]
    assert '<option value="u29@example.com">Ada N29</option>' in page

    typed = {**fields, "steps[0].userIdsTyped": "U7@example.com", "_find": "steps[0].userIds"}
    found = fields_of(post(browser, path, typed).text)
    assert found["steps[0].userIds"] == ["", "u3", "u7"]
    assert found["steps[0].userIdsTyped"] == [""]

    # Typed and saved at once.
    assert post(browser, path, {**found, "steps[0].userIdsTyped": "ada n21"}).status_code == 303
    assert steps_of(world, id)[0]["userIds"] == ["u3", "u7", "u21"]


def test_a_name_that_may_mean_several_is_asked_about(world: World) -> None:
    crowd(world)
    step = {"steps[0].targetType": "users", "steps[0].minutes": "5"}
    fields = {"name": "A", "repeat": "0", **step, "steps[0].userIdsTyped": "ada n2"}
    browser, path = signed_in(world), f"{ROOM}/new"
    exact = post(browser, path, {**fields, "_find": "1"})
    assert fields_of(exact.text)["steps[0].userIds"] == ["", "u2"]

    fields["steps[0].userIdsTyped"] = "n2"
    asked = post(browser, path, fields)
    assert asked.status_code == 400
    assert "Which do you mean by n2? 1 more fit: type more of the name." in text_of(asked.text)
    assert asked.text.count('name="steps[0].userIds" value="u2') == 10
    again = {**fields_of(asked.text), "steps[0].userIds": ["", "u22"]}
    assert post(browser, path, again).status_code == 303

    fields["steps[0].userIdsTyped"] = "nobody like this"
    unknown = post(browser, path, {**fields, "name": "B"})
    assert unknown.status_code == 400
    assert "Nothing here is called nobody like this." in text_of(unknown.text)
    assert fields_of(unknown.text)["steps[0].userIdsTyped"] == ["nobody like this"]


def test_what_is_asked_about_moves_with_its_step(world: World) -> None:
    crowd(world)
    fields: dict[str, Any] = {"name": "A", "repeat": "0"}
    for n, typed in enumerate(("u1@example.com", "zzz")):
        fields[f"steps[{n}].targetType"] = "users"
        fields[f"steps[{n}].userIdsTyped"] = typed
    sent = post(signed_in(world), f"{ROOM}/new", {**fields, "_up": "steps[1]"})
    shown = fields_of(sent.text)
    assert shown["steps[0].userIdsTyped"] == ["zzz"]
    assert shown["steps[1].userIds"] == ["", "u1"]


def test_a_policy_is_deleted_if_nothing_uses_it(world: World) -> None:
    browser, path = signed_in(world), f"{ROOM}/{world.made.policy_id}"
    assert world.post().status_code == 201
    sent = post(browser, f"{path}/delete", {}, at=f"{path}/edit")
    assert (sent.status_code, sent.headers["Location"]) == (303, path)
    assert "Incident 1 is not resolved, and escalates by" in text_of(browser.get(path).text)
    world.execute("UPDATE incidents SET status = 'resolved'")
    assert "Delete it" in browser.get(path).text
    sent = post(browser, f"{path}/delete", {}, at=path)
    assert (sent.status_code, sent.headers["Location"]) == (303, ROOM)
    assert browser.get(path).status_code == 404


def test_a_member_reads_policies_and_changes_none(world: World) -> None:
    browser, path = as_member(world), f"{ROOM}/{world.made.policy_id}"
    for page in (ROOM, path):
        shown = text_of(browser.get(page).text)
        assert quickstart.POLICY in shown
        assert not {"New policy", "Edit", "Delete"} & set(shown.split())
    edit = browser.get(f"{path}/edit")
    assert (edit.status_code, "<fieldset disabled>" in edit.text, "Save" in edit.text) == (
        200,
        True,
        False,
    )
    refused = post(browser, f"{path}/edit", {"name": "Mine", "repeat": "0"})
    assert (refused.status_code, "Only admins" in refused.text) == (403, True)


def test_another_organizations_policy_is_not_there(
    world: World, other_org: quickstart.Provisioned
) -> None:
    browser = signed_in(world)
    path = f"{ROOM}/{other_org.policy_id}"
    assert browser.get(path).status_code == 404
    assert browser.get(f"{path}/edit").status_code == 404
    at = f"{ROOM}/new"
    assert post(browser, f"{path}/edit", {"name": "Mine", "repeat": "0"}, at=at).status_code == 404
    post(browser, f"{path}/delete", {}, at=at)
    assert len(world.rows("SELECT id FROM escalation_policies WHERE deleted_at IS NULL")) == 2


def test_what_people_typed_is_shown_as_text(world: World, rota: Rota) -> None:
    script = "<script>alert(1)</script>"
    world.call("PATCH", "users/a", {"firstName": script})
    schedule = rota.make_schedule(script, "a")
    steps = [rota.step(schedule), rota.step(["a"])]
    id = world.make("escalation/policies", name=script, description=script, steps=steps)["id"]
    browser = signed_in(world)
    for path in (ROOM, f"{ROOM}/{id}", f"{ROOM}/{id}/edit"):
        page = browser.get(path).text
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page


@pytest.mark.parametrize(
    "fields",
    [
        {"steps": "all"},
        {"steps.first": "a"},
        {"steps[0]": "a"},
        {"steps[0].condition.when.deeper": "a", "steps[0].targetType": "users"},
        {"steps[0].condition": ":", "steps[0].targetType[0]": "users"},
        {"steps[0].userIds.a": "x", "steps[0].targetType": "users", "steps[0].userIdsTyped": "x"},
        {"steps[0].minutes.a": "5", "steps[99].minutes": "5", "steps[100].minutes": "5"},
    ],
)
def test_a_form_that_nobody_has_is_refused(world: World, fields: dict[str, str]) -> None:
    browser, path = signed_in(world), f"{ROOM}/new"
    sent = post(browser, path, {"name": "A", "repeat": "0", **fields})
    assert sent.status_code == 400
    assert len(world.rows("SELECT id FROM escalation_policies")) == 1
