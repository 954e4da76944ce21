"""Status pages in the console's settings (contract §7 and §11)."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest

from incident_service.quickstart import Provisioned
from tests.helpers.console import as_member, fields_of, post, signed_in, text_of
from tests.helpers.plans import plan, scans, traced
from tests.helpers.status_pages import publish
from tests.helpers.world import World

ROOM = "/settings/status-pages"


def parts(world: World, count: int) -> list[str]:
    return [world.make("components", name=f"Part {n:02}")["id"] for n in range(count)]


def saved(world: World, id: str) -> dict[str, Any]:
    found: dict[str, Any] = world.call("GET", f"status-pages/{id}").json["data"]
    return found


def test_the_list_leads_to_what_is_published(world: World) -> None:
    publish(world, "acme")
    world.make("status-pages", slug="draft", title="Draft")
    page = signed_in(world).get(ROOM).text
    assert 'href="/status/acme"' in page
    assert 'href="/status/draft"' not in page
    assert "/status/acme 1 component published" in text_of(page)
    assert "/status/draft 0 components not published" in text_of(page)


def test_the_list_is_cut_in_parts(world: World) -> None:
    for n in range(51):
        world.make("status-pages", slug=f"page-{n:02}", title="Same title")
    browser = signed_in(world)
    first = browser.get(ROOM).text
    assert ("page-49" in first, "page-50" in first) == (True, False)
    (more,) = re.findall(r'href="([^"]+)" rel="next"', first)
    assert "page-50" in browser.get(html.unescape(more)).text


@pytest.mark.sqlite_only("how it finds rows")
def test_what_the_list_reads_is_bounded_and_found_by_indexes(world: World) -> None:
    browser, counts = signed_in(world), []
    for slug in ("one", "two"):
        publish(world, slug)
        with traced(world) as statements:
            assert browser.get(ROOM).status_code == 200
        counts.append(len(statements))
        queries = [text for text in statements if text.lstrip().startswith(("SELECT", "WITH"))]
        assert [scan for text in queries for scan in scans(world, text)] == []
        (listing,) = (text for text in queries if "FROM status_pages" in text)
        assert [step for step in plan(world, listing) if "ORDER BY" in step] == []
    assert counts[0] == counts[1]


def test_a_status_page_is_made(world: World) -> None:
    browser, (first, second) = signed_in(world), parts(world, 2)
    sent = post(
        browser,
        f"{ROOM}/new",
        {
            "title": "Acme",
            "slug": "acme",
            "published": ["false", "true"],
            "componentIds": [""],
            "added": ["", second, first],
        },
    )
    assert (sent.status_code, sent.headers["Location"]) == (303, ROOM)
    (made,) = world.call("GET", "status-pages").json["data"]
    assert (made["slug"], made["published"]) == ("acme", True)
    assert (made["componentIds"], made["overrides"]) == ([second, first], {})
    assert "Part 01" in world.client.get("/status/acme").text


def test_components_move_leave_and_have_a_status_by_hand(world: World) -> None:
    ids = parts(world, 3)
    browser = signed_in(world)
    page = {"slug": "acme", "title": "Acme", "componentIds": ids, "overrides": {ids[2]: "degraded"}}
    id = world.make("status-pages", **page)["id"]
    path = f"{ROOM}/{id}"
    fields = fields_of(browser.get(path).text)
    assert fields["componentIds"] == ["", *ids]
    assert fields[f"overrides.{ids[2]}"] == ["degraded"]
    moved = fields_of(post(browser, path, {**fields, "_up": "componentIds[3]"}).text)
    assert moved["componentIds"] == ["", ids[0], ids[2], ids[1]]
    left = fields_of(post(browser, path, {**moved, "_remove": "componentIds[1]"}).text)
    assert left["componentIds"] == ["", ids[2], ids[1]]
    assert saved(world, id)["componentIds"] == ids
    left[f"overrides.{ids[1]}"] = ["major_outage"]
    assert post(browser, path, left).status_code == 303
    page = saved(world, id)
    assert page["componentIds"] == [ids[2], ids[1]]
    assert page["overrides"] == {ids[2]: "degraded", ids[1]: "major_outage"}
    left = fields_of(browser.get(path).text)
    cleared = {**left, f"overrides.{ids[1]}": "", f"overrides.{ids[2]}": ""}
    assert post(browser, path, cleared).status_code == 303
    assert saved(world, id)["overrides"] == {}


def test_a_status_by_hand_goes_with_its_component(world: World) -> None:
    ids = parts(world, 2)
    page = {"slug": "acme", "title": "Acme", "componentIds": ids, "overrides": {ids[0]: "degraded"}}
    id = world.make("status-pages", **page)["id"]
    browser, path = signed_in(world), f"{ROOM}/{id}"
    left = post(browser, path, {**fields_of(browser.get(path).text), "_remove": "componentIds[1]"})
    assert post(browser, path, fields_of(left.text)).status_code == 303
    assert (saved(world, id)["componentIds"], saved(world, id)["overrides"]) == ([ids[1]], {})


def test_of_many_components_names_are_typed(world: World) -> None:
    ids = parts(world, 30)
    browser, id = signed_in(world), world.make("status-pages", slug="acme", title="Acme")["id"]
    path = f"{ROOM}/{id}"
    fields = {"title": "Acme", "slug": "acme", "componentIds": [""], "addedTyped": "Part 07"}
    found = fields_of(post(browser, path, {**fields, "_find": "added"}).text)
    assert found["componentIds"] == ["", ids[7]]
    unclear = post(browser, path, {**fields, "addedTyped": "Part 0"})
    assert (unclear.status_code, "Which do you mean by Part 0?" in unclear.text) == (400, True)
    assert post(browser, path, found).status_code == 303
    assert saved(world, id)["componentIds"] == [ids[7]]


def test_what_was_typed_stays_beside_what_is_wrong_with_it(world: World) -> None:
    publish(world, "taken")
    browser, ids = signed_in(world), parts(world, 1)
    typed = {"title": "Acme", "slug": "No Such", "componentIds": ["", ids[0]]}
    sent = post(browser, f"{ROOM}/new", typed)
    assert sent.status_code == 400
    assert "Address: Must be 3 to 63 characters from a-z, 0-9 and -." in text_of(sent.text)
    fields = fields_of(sent.text)
    assert (fields["slug"], fields["componentIds"]) == (["No Such"], ["", ids[0]])
    sent = post(browser, f"{ROOM}/new", {**typed, "slug": "taken"})
    assert "Address: another status page on this server has taken." in text_of(sent.text)


def test_a_status_page_is_unpublished_and_deleted(world: World) -> None:
    browser, path = signed_in(world), f"{ROOM}/{publish(world, 'acme').rpartition('/')[2]}"
    assert 'href="/status/acme"' in browser.get(path).text
    fields = {**fields_of(browser.get(path).text), "published": ["false"]}
    assert post(browser, path, fields).status_code == 303
    assert world.client.get("/status/acme").status_code == 404
    sent = post(browser, f"{path}/delete", {}, at=path)
    assert sent.headers["Location"] == ROOM
    assert browser.get(path).status_code == 404


def test_a_member_reads_and_is_offered_nothing(world: World) -> None:
    browser, path = as_member(world), f"{ROOM}/{publish(world).rpartition('/')[2]}"
    assert "New status page" not in browser.get(ROOM).text
    page = browser.get(path).text
    assert "Only admins can change this." in page
    assert ("Remove" in page, "Delete" in page, "Add components" in page) == (False,) * 3
    assert post(browser, path, {"title": "Mine"}).status_code == 403


def test_another_organizations_status_page_is_not_there(
    world: World, other_org: Provisioned
) -> None:
    body = {"slug": "theirs", "title": "Theirs"}
    theirs = world.call("POST", "status-pages", body, key=other_org.key).json["data"]["id"]
    browser = signed_in(world)
    assert browser.get(f"{ROOM}/{theirs}").status_code == 404
    assert "theirs" not in browser.get(ROOM).text
