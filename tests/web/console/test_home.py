"""The console's home page: what is open, who is on call, what is next for me (contract §11)."""

from __future__ import annotations

import re
from typing import Any

import pytest

from incident_service.incidents import open_now
from incident_service.people.caller import Caller
from incident_service.quickstart import Provisioned
from tests.helpers.console import as_member, signed_in, text_of
from tests.helpers.plans import traced, walks
from tests.helpers.world import World


def opened(world: World, title: str, severity: str = "high", **changes: Any) -> Any:
    body = {"title": title, "severity": severity, "ownerScheduleId": world.made.schedule_id}
    answer = world.post(world.body(**{**body, **changes}))
    assert answer.status_code == 201, answer.json
    return answer.json["data"]


def ask(world: World, incident: Any, user_id: str) -> None:
    """Ask a user to help with an incident."""
    body = {"userIds": [user_id]}
    assert world.call("POST", f"incidents/{incident['id']}/responders", body).status_code == 200


def titles(page: str) -> list[str]:
    return re.findall(r'/incidents/\d+"><bdi>([^<]+)</bdi>', page)


def test_nothing_open_is_said_calmly(world: World) -> None:
    page = text_of(signed_in(world).get("/").text)
    assert "Nothing is open" in page
    assert "All is calm" in page


def test_what_is_open_is_shown_worst_first_and_then_newest_first(world: World) -> None:
    for title, severity in (("a", "low"), ("b", "critical"), ("c", "medium"), ("d", "critical")):
        opened(world, title, severity)
    done = opened(world, "over", "critical")
    for status in ("identified", "monitoring", "resolved"):
        update = {"visibility": "internal", "body": "Fixed.", "statusChange": status}
        world.make(f"incidents/{done['id']}/updates", **update)
    page = as_member(world).get("/").text
    assert titles(page) == ["d", "b", "c", "a"]
    assert "<h1>4 incidents are open</h1>" in page


def test_what_waits_for_me_comes_first(world: World) -> None:
    mia = as_member(world)
    opened(world, "of the one on call", "critical")
    mine = opened(world, "mine", "low", ownerId="mia", ownerScheduleId=...)
    helped = opened(world, "to help with", "medium")
    ask(world, helped, "mia")
    page = mia.get("/").text
    assert titles(page) == ["to help with", "mine", "of the one on call"]
    assert "<h1>3 incidents are open, 2 wait for you</h1>" in page
    assert "Waiting for you" in page
    assert "asked for help waiting" in text_of(page)

    world.call("POST", f"incidents/{mine['id']}/acknowledge")
    page = mia.get("/").text
    assert titles(page) == ["to help with", "of the one on call", "mine"]
    assert "owned by you, acknowledged by Ada Admin" in text_of(page)
    assert "<h1>3 incidents are open, 1 waits for you</h1>" in page


def test_a_provisional_incident_is_there_and_marked(world: World) -> None:
    opened(world, "by hand", "low")
    world.execute("UPDATE incidents SET is_provisional = 1")
    page = text_of(signed_in(world).get("/").text)
    assert "1 incident is open, and it waits for you" in page
    assert "provisional waiting investigating" in page


def test_more_than_a_page_holds_is_counted(world: World) -> None:
    for number in range(open_now.MAX_OTHERS + 2):
        opened(world, f"incident {number}")
    page = as_member(world).get("/")
    assert len(titles(page.text)) == open_now.MAX_OTHERS
    assert "2 more" in text_of(page.text)


def test_of_more_than_are_counted_it_says_that_there_are_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_now, "MAX_COUNTED", 3)
    for number in range(5):
        opened(world, f"incident {number}")
    with world.database.read() as db:
        caller = Caller(world.made.org_id, "key", world.made.user_id, "org:admin")
        seen = open_now.look(db, caller, "nobody")
    assert (seen.count, seen.is_counted_in_full) == (3, False)


def test_who_is_on_call_until_when_and_who_is_next(world: World) -> None:
    schedule = world.make("oncall/schedules", name="Search", timezone="UTC")["id"]
    as_member(world)
    layer = {
        "name": "Daily",
        "rotationType": "daily",
        "handoffTime": "09:00",
        "effectiveFrom": "2026-01-05T00:00:00Z",
        "participantIds": ["mia", world.made.user_id],
    }
    world.make(f"oncall/schedules/{schedule}/layers", **layer)
    world.make("oncall/schedules", name="Nobody's", timezone="UTC")
    page = text_of(signed_in(world).get("/").text)
    (search,) = [
        each
        for each in world.call("GET", "oncall").json["data"]
        if each["schedule"]["id"] == schedule
    ]
    now, after = search["scheduleOwner"]["userName"], search["next"]["userName"]
    assert {now, after} == {"Mia Member", "Ada Admin"}
    assert re.search(rf"Search \w\w {now} until \d+ \w+, 09:00 ?, then {after}", page)
    assert "Nobody's Nobody is on call and nobody is next" in page
    assert "You are on call on" in page
    assert "Your next shift:" in page


def test_of_many_schedules_mine_are_shown_and_a_few_others(world: World) -> None:
    for number in range(20):
        world.make("oncall/schedules", name=f"A{number:02}", timezone="UTC")
    page = text_of(signed_in(world).get("/").text)
    assert page.index("Primary on-call") < page.index("A00")
    assert "A03" in page
    assert "A04" not in page
    assert "All schedules" in page


def test_an_open_page_fetches_what_is_going_on_alone(world: World) -> None:
    browser = signed_in(world)
    assert 'data-fresh="/home/now"' in browser.get("/").text
    before = browser.get("/home/now").text
    assert "Nothing is open" in before
    assert "<html" not in before
    opened(world, "new")
    assert titles(browser.get("/home/now").text) == ["new"]


def test_another_organizations_are_not_there(world: World, other_org: Provisioned) -> None:
    opened(world, "ours")
    theirs = signed_in(world, other_org.user_id, other_org.org_id)
    assert titles(theirs.get("/").text) == []


def test_somebody_on_call_whom_nothing_reaches_is_told(world: World) -> None:
    schedule = f"oncall/schedules/{world.made.schedule_id}/overrides"
    mia = as_member(world)
    sentence = "nothing reaches you: you would not be paged"
    assert sentence not in mia.get("/").text
    world.make(
        schedule, userId="mia", startsAt="2026-01-01T00:00:00Z", endsAt="2040-01-01T00:00:00Z"
    )
    assert sentence in mia.get("/").text
    world.make("users/mia/contact-methods", label="Hook", url="https://example.com/")
    assert sentence not in mia.get("/").text


@pytest.mark.sqlite_only("how it finds rows")
def test_its_statements_are_few_however_much_there_is_and_walk_through_nothing(
    world: World,
) -> None:
    mia = as_member(world)

    def statements() -> list[str]:
        with traced(world) as found:
            assert mia.get("/").status_code == 200
        return [text for text in found if re.match(r"\s*(SELECT|WITH)\b", text)]

    for number in range(2):
        incident = opened(world, f"first {number}", ownerId="mia")
        ask(world, incident, world.made.user_id)
        world.make("oncall/schedules", name=f"First {number}", timezone="UTC")
    few = statements()
    for number in range(12):
        opened(world, f"incident {number}")
        world.make("oncall/schedules", name=f"Schedule {number}", timezone="UTC")
    many = statements()
    assert len(many) == len(few)
    of_all_that_grows = [
        walk
        for text in many
        for walk in walks(world, text)
        if " schedule" not in walk and "LIMIT" not in text
    ]
    assert of_all_that_grows == []
    of_what_is_open = [text for text in many if re.search(r"FROM incidents\b", text)]
    assert len(of_what_is_open) == 3
    assert all("INDEXED BY incidents_" in text for text in of_what_is_open)
