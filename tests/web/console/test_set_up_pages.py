"""What the console says of an organization's set-up: to do next, and in vain (contract §11)."""

from __future__ import annotations

import dataclasses
import re
from datetime import timedelta

import pytest

from incident_service import clock
from incident_service.people import organizations, users
from tests.helpers.console import as_member, signed_in, text_of
from tests.helpers.world import World

HEADING = "Set it up"
VAIN = "Needs attention"


def ticks(page: str) -> list[bool]:
    """Return whether each step is ticked."""
    return [mark == "✓" for mark in re.findall(r'<span class="tick"[^>]*>(.)</span>', page)]


def reach(world: World) -> None:
    path = f"users/{world.made.user_id}/contact-methods"
    world.make(path, label="Hook", url="https://example.com/")


def finish(world: World) -> None:
    """Let every step work."""
    reach(world)
    world.execute("UPDATE contact_methods SET works_since = '2026-01-01T00:00:00.000Z'")
    tool = world.make("integrations/inbound", name="Tool", kind="generic")
    world.client.post(f"/in/{tool['token']}", json={"title": "Low", "severity": "low"})


def test_an_empty_organization_is_led_to_its_first_step(world: World) -> None:
    org_id = world.database.write(None, organizations.create, name="New")
    admin = {"email": "first@example.com", "role": "org:admin", "id": "first"}
    world.database.write(org_id, users.create, org_id=org_id, **admin)
    browser = signed_in(world, "first", org_id)
    page = browser.get("/").text
    assert ticks(page) == [False] * 5
    assert "0 of 5 steps work" in text_of(page)
    (following,) = re.findall(r'<a class="button" href="([^"]+)">Do this next', page)
    assert following == "/settings/people/first/reached"
    assert browser.get(following).status_code == 200
    assert VAIN not in page


def test_each_step_leads_to_what_it_is_about(world: World) -> None:
    page = signed_in(world).get("/").text
    assert ticks(page) == [False, False, True, False, False]
    assert f'href="/settings/policies/{world.made.policy_id}"' in page
    assert 'href="/settings/integrations/new"' in page


def test_a_step_is_ticked_as_soon_as_what_it_needs_is_made(world: World) -> None:
    browser = signed_in(world)
    assert ticks(browser.get("/").text)[0] is False
    reach(world)
    assert ticks(browser.get("/").text)[0] is True


def test_once_all_works_nothing_is_left_to_say(world: World) -> None:
    finish(world)
    page = signed_in(world).get("/").text
    assert HEADING not in page
    assert VAIN not in page


def test_what_is_in_vain_is_said_when_every_step_works(world: World) -> None:
    finish(world)
    for name in ("One", "Two", "Three", "Four"):
        world.make("escalation/policies", name=name)
    page = signed_in(world).get("/")
    assert HEADING not in page.text
    text = text_of(page.text)
    assert f"{VAIN} Four has no layers, so it pages nobody." in text
    assert "1 more" in text
    everything = signed_in(world).get("/settings/set-up").text
    assert text_of(everything).count("has no layers") == 4
    assert ticks(everything) == [True] * 5


def test_members_are_not_asked_to_set_things_up(world: World) -> None:
    mia = as_member(world)
    page = mia.get("/").text
    assert HEADING not in page
    assert VAIN not in page
    assert mia.get("/settings/set-up").status_code == 403


def test_somebody_who_cannot_be_reached_is_said_where_they_are(world: World) -> None:
    browser = signed_in(world)
    sentence = "Ada Admin is on call now on Primary on-call, but has no way to be reached."
    for page in ("/settings/people", f"/settings/people/{world.made.user_id}"):
        assert sentence in text_of(browser.get(page).text), page
    reach(world)
    for page in ("/settings/people", f"/settings/people/{world.made.user_id}"):
        assert sentence not in text_of(browser.get(page).text), page


def test_where_mail_is_sent_everybody_can_be_reached(world: World) -> None:
    settings = world.app.extensions["incident_service.settings"]
    by_mail = dataclasses.replace(settings, smtp_url="smtp://127.0.0.1:25?from=pager@example.com")
    world.app.extensions["incident_service.settings"] = by_mail
    assert ticks(signed_in(world).get("/").text) == [True, False, True, True, False]


def test_what_was_found_is_kept_for_a_minute_unless_something_changes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish(world)
    start = clock.now()
    made = world.make("escalation/policies", name="Vain")
    browser = signed_in(world)

    def is_said(seconds: float) -> bool:
        monkeypatch.setattr(clock, "now", lambda: start + timedelta(seconds=seconds))
        return "Vain has no layers" in text_of(browser.get("/").text)

    assert is_said(0)
    world.execute("UPDATE escalation_policies SET name = 'Other' WHERE id = ?", made["id"])
    assert is_said(59)  # as nobody can change it
    assert not is_said(61)
    world.call("DELETE", f"escalation/policies/{made['id']}")
    assert VAIN not in browser.get("/").text


def test_another_organization_s_set_up_is_its_own(world: World) -> None:
    finish(world)
    assert HEADING not in signed_in(world).get("/").text
    org_id = world.database.write(None, organizations.create, name="New")
    world.database.write(
        org_id, users.create, org_id=org_id, email="first@example.com", role="org:admin", id="first"
    )
    assert ticks(signed_in(world, "first", org_id).get("/").text) == [False] * 5
