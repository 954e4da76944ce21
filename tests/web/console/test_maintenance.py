"""Maintenance in the console's settings (contract §6 and §11)."""

from __future__ import annotations

import re

import pytest

from incident_service.quickstart import Provisioned
from incident_service.web.console import maintenance
from tests.helpers.console import as_member, fields_of, post, signed_in, text_of
from tests.helpers.maintenance import Chosen, at, plan
from tests.helpers.plans import scans, traced
from tests.helpers.world import World

ROOM = "/settings/maintenance"


@pytest.fixture
def chosen(world: World, monkeypatch: pytest.MonkeyPatch) -> Chosen:
    return Chosen(world, monkeypatch)


def room_of(path: str) -> str:
    """Return a window's page, from its path in the API."""
    return f"{ROOM}/{path.rpartition('/')[2]}"


def test_the_list_tells_what_is_now_coming_and_past(world: World, chosen: Chosen) -> None:
    browser = signed_in(world)
    assert "Nothing is planned." in browser.get(ROOM).text
    plan(world, 60 * 24, 60 * 24 + 90, title="Tomorrow")
    plan(world, 30, 60, title="Soon", isPublic=False)
    plan(world, 60 * 48, None, title="Open end", suppressesAlerts=False)
    plan(world, -10, 10, title="Running")
    plan(world, -30, -1, title="Done")
    plan(world, -60, -5, title="Done before")
    page = text_of(browser.get(ROOM).text)
    heading = r"Now Running Payments API 30 Nov, 11:50 – 12:10 in progress Coming Soon "
    assert heading in page
    assert "Soon Payments API 30 Nov, 12:30 – 13:00 not public Tomorrow" in page
    assert "2 Dec, 12:00 – until somebody ends it alerts still page Past Done" in page
    assert [title for title in ("Done", "Done before") if title in page] == ["Done", "Done before"]
    assert page.index("Done Payments API") < page.index("Done before")


def test_a_window_that_is_exactly_over_is_past(world: World, chosen: Chosen) -> None:
    plan(world, -10, 0, title="Over")
    plan(world, 0, 10, title="Begun")
    page = text_of(signed_in(world).get(ROOM).text)
    assert re.search(r"Now Begun .* in progress Past Over", page)


def test_what_is_planned_comes_in_parts(
    world: World, chosen: Chosen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintenance, "PAGE", 2)
    for n in range(5):
        plan(world, 10 - n // 2, None, title=f"W{n}")
    assert _walk(world, ROOM) == ["W4", "W2", "W3", "W0", "W1"]


def test_what_is_past_comes_in_parts(
    world: World, chosen: Chosen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintenance, "PAGE", 2)
    for n in range(7):
        plan(world, -100, -10 - n // 2, title=f"W{n}")
    browser = signed_in(world)
    assert re.findall(r"<bdi>(W\d)</bdi>", browser.get(ROOM).text) == ["W1", "W0", "W3", "W2", "W5"]
    assert "All past maintenance" in browser.get(ROOM).text
    assert _walk(world, f"{ROOM}/past") == ["W1", "W0", "W3", "W2", "W5", "W4", "W6"]


def _walk(world: World, page: str) -> list[str]:
    """Return the titles of a list, read from part to part."""
    browser, titles = signed_in(world), []
    while page:
        html = browser.get(page).text
        titles += re.findall(r"<bdi>(W\d)</bdi>", html)
        found = re.search(r'href="([^"]*cursor=[^"]*)"', html)
        page = found[1] if found else ""
    return titles


@pytest.mark.sqlite_only("how it finds rows")
def test_the_lists_are_read_by_indexes(world: World, chosen: Chosen) -> None:
    plan(world, -10, 10)
    plan(world, -30, -1)
    browser = signed_in(world)
    for page in (ROOM, f"{ROOM}/past"):
        with traced(world) as statements:
            assert browser.get(page).status_code == 200
        queries = [text for text in statements if "FROM maintenance_windows" in text]
        assert queries
        found = [scan for text in queries for scan in scans(world, text)]
        assert [scan for scan in found if scan != "SCAN maintenance"] == []


def test_maintenance_is_planned_by_a_form(world: World, chosen: Chosen) -> None:
    world.call("PATCH", "organization", {"timezone": "Europe/Berlin"})
    browser = signed_in(world)
    sent = post(
        browser,
        f"{ROOM}/new",
        {
            "title": "Upgrade",
            "description": "Slow for a while.",
            "componentIds": ["", world.made.component_id],
            "startsAt": "2026-12-01T10:00",
            "endsAt": "",
            "isPublic": ["false", "true"],
            "suppressesAlerts": "false",
        },
    )
    assert (sent.status_code, sent.headers["Location"]) == (303, ROOM)
    (window,) = world.call("GET", "maintenance-windows").json["data"]["maintenanceWindows"]
    assert (window["title"], window["description"]) == ("Upgrade", "Slow for a while.")
    assert (window["startsAt"], window["endsAt"]) == ("2026-12-01T09:00:00.000Z", None)
    assert (window["isPublic"], window["suppressesAlerts"]) == (True, False)
    assert window["componentIds"] == [world.made.component_id]


def test_instants_that_are_not_touched_stay_as_they_were_spelt(
    world: World, chosen: Chosen
) -> None:
    begins, ends = "2026-12-01T10:00:30+02:00", "2026-12-01T12:00:45.123+02:00"
    api = plan(world, 0, 1, startsAt=begins, endsAt=ends)
    browser, path = signed_in(world), room_of(api)
    fields = fields_of(browser.get(path).text)
    assert (fields["startsAt"], fields["endsAt"]) == (["2026-12-01T08:00"], ["2026-12-01T10:00"])
    fields |= {"title": ["Another"], "endsAt": ["2026-12-01T11:00"]}
    assert post(browser, path, fields).status_code == 303
    window = world.call("GET", api).json["data"]
    assert (window["title"], window["startsAt"]) == ("Another", begins)
    assert window["endsAt"] == "2026-12-01T11:00:00.000Z"
    fields = fields_of(browser.get(path).text)
    assert post(browser, path, {**fields, "endsAt": ""}).status_code == 303
    assert world.call("GET", api).json["data"]["endsAt"] is None


def test_what_is_wrong_is_said_where_it_is(world: World, chosen: Chosen) -> None:
    browser = signed_in(world)
    fields = {"title": "", "startsAt": "2026-12-01T10:00", "endsAt": "2026-12-01T09:00"}
    sent = post(browser, f"{ROOM}/new", {**fields, "componentIds": "", "description": "Kept."})
    assert sent.status_code == 400
    page = text_of(sent.text)
    assert "Title: " in page
    assert "Components: Shorter than minimum length 1." in page
    assert fields_of(sent.text)["description"] == ["Kept."]
    whole = {**fields, "title": "A", "componentIds": world.made.component_id}
    sent = post(browser, f"{ROOM}/new", whole)
    assert "Ends: Must be after startsAt." in text_of(sent.text)
    assert fields_of(sent.text)["endsAt"] == ["2026-12-01T09:00"]


def test_what_is_in_progress_is_ended_by_a_button(world: World, chosen: Chosen) -> None:
    api = plan(world, -10, None)
    browser, path = signed_in(world), room_of(api)
    assert "End it now" in browser.get(path).text
    sent = post(browser, f"{path}/end", {}, at=path)
    assert (sent.status_code, sent.headers["Location"]) == (303, ROOM)
    assert world.call("GET", api).json["data"]["endsAt"] == at(0)
    chosen.be(5)
    assert "End it now" not in browser.get(path).text
    post(browser, f"{path}/end", {}, at=path)
    assert world.call("GET", api).json["data"]["endsAt"] == at(0)


def test_what_has_not_begun_is_not_ended(world: World, chosen: Chosen) -> None:
    api = plan(world, 10, 20)
    browser, path = signed_in(world), room_of(api)
    assert "End it now" not in browser.get(path).text
    sent = post(browser, f"{path}/end", {}, at=path)
    assert (sent.status_code, sent.headers["Location"]) == (303, path)
    assert "Must be after startsAt" in browser.get(path).text
    assert world.call("GET", api).json["data"]["endsAt"] == at(20)


def test_maintenance_is_deleted(world: World, chosen: Chosen) -> None:
    browser, path = signed_in(world), room_of(plan(world, 10, 20))
    assert post(browser, f"{path}/delete", {}, at=path).headers["Location"] == ROOM
    assert browser.get(path).status_code == 404


def test_components_are_found_by_what_is_typed_if_they_are_many(
    world: World, chosen: Chosen
) -> None:
    ids = [world.make("components", name=f"Part {n}")["id"] for n in range(30)]
    browser, path = signed_in(world), room_of(plan(world, 10, 20))
    fields = fields_of(browser.get(path).text)
    assert fields["componentIds"] == ["", world.made.component_id]
    assert post(browser, path, {**fields, "componentIdsTyped": "part 17"}).status_code == 303
    (window,) = world.call("GET", "maintenance-windows").json["data"]["maintenanceWindows"]
    assert window["componentIds"] == [world.made.component_id, ids[17]]


def test_a_member_reads_maintenance_and_changes_none(world: World, chosen: Chosen) -> None:
    api = plan(world, -10, 10)
    browser, path = as_member(world), room_of(api)
    assert "Plan maintenance" not in browser.get(ROOM).text
    page = browser.get(path).text
    assert "<fieldset disabled>" in page
    assert [word for word in ("Save", "Delete", "End it now") if word in page] == []
    assert post(browser, f"{path}/end", {}, at=path).status_code == 403
    assert world.call("GET", api).json["data"]["endsAt"] == at(10)


def test_another_organizations_maintenance_is_not_there(
    world: World, other_org: Provisioned
) -> None:
    body = {"title": "Theirs", "componentIds": [other_org.component_id], "startsAt": at(0)}
    answer = world.call("POST", "maintenance-windows", body, key=other_org.key)
    browser = signed_in(world)
    assert browser.get(f"{ROOM}/{answer.json['data']['id']}").status_code == 404
    assert "Theirs" not in browser.get(ROOM).text
