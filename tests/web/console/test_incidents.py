"""Incidents in the console: their list, and each of them (contract §3 and §11)."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from incident_service import clock
from incident_service.alerts.incoming import Link
from incident_service.clock import format_instant
from incident_service.paging import firing
from incident_service.quickstart import Provisioned
from incident_service.store import audit
from tests.helpers.clocks import write_at
from tests.helpers.console import as_member, signed_in, text_of
from tests.helpers.monitoring import Tool, after, fire, resolved
from tests.helpers.plans import traced, walks
from tests.helpers.world import World

SCRIPT = "<script>alert(1)</script>"


def numbers(page: str) -> list[int]:
    """Return which incidents a list shows, in its order."""
    return [int(number) for number in re.findall(r'<a href="/incidents/(\d+)"><bdi>', page)]


def shown(browser: FlaskClient, query: str = "") -> list[int]:
    answer = browser.get(f"/incidents{query}")
    assert answer.status_code == 200, text_of(answer.text)
    return numbers(answer.text)


def selects(statements: list[str]) -> list[str]:
    return [text for text in statements if re.match(r"\s*(SELECT|WITH)\b", text)]


def story(browser: FlaskClient, number: int) -> str:
    """Return the incident's story in one line."""
    return text_of(browser.get(f"/incidents/{number}/story").text)


def add_to_trail(world: World, id: str, *events: tuple[audit.Event, dict[str, object]]) -> None:
    """Record what came of pages, as paging does."""

    def record(db: object, *, now: object) -> None:
        for event, details in events:
            audit.append(
                db,  # type: ignore[arg-type]
                {"org_id": world.made.org_id, "id": id},
                event,
                details,
                actor_id=None,
                at=format_instant(clock.now()),
            )

    world.database.write(None, record)


def person(world: World, name: str) -> str:
    """Make somebody who can be reached, with a first name that is also the id; return it."""
    world.make("users", id=name, email=f"{name}@example.com", firstName=name)
    world.make(f"users/{name}/contact-methods", label="Phone", url=f"https://example.com/{name}")
    return name


def page_of(user_id: str, **details: object) -> dict[str, object]:
    return {"userId": user_id, "layer": 1, "contactMethodId": None, "attempt": 1, **details}


class TestTheList:
    def test_it_shows_what_is_open_newest_first_with_what_matters(self, world: World) -> None:
        world.post(world.body(title="First", severity="low"))
        gone = world.post(world.body(title="Over")).json["data"]
        world.post(world.body(title="Third"))
        world.call("POST", f"incidents/{gone['id']}/resolve")
        page = signed_in(world).get("/incidents").text
        assert numbers(page) == [3, 1]
        assert "critical Third #3, opened" in text_of(page)
        assert "owned by you" in text_of(page)
        assert "waiting investigating" in text_of(page)
        assert "Payments API" in text_of(page)

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("?status=all", [3, 2, 1]),
            ("?status=resolved", [2]),
            ("?status=investigating", [3, 1]),
            ("?severity=low", [1]),
            ("?severity=low&status=resolved", []),
            ("?ownerId=me&status=all", [2]),
            ("?q=first", [1]),
            ("?q=FIRST+inc&status=", [1]),
            ("?componentId={component_id}", [3]),
            ("?from=2001-01-01&to=2002-01-01", []),
            ("?from=2001-01-01&status=all", [3, 2, 1]),
            ("?status=all&utm_source=mail&_external=1", [3, 2, 1]),
        ],
    )
    def test_filters_are_in_the_address(
        self, world: World, query: str, expected: list[int]
    ) -> None:
        other = world.make("users", email="bo@example.com")["id"]
        common = {"ownerId": other, "ownerScheduleId": ...}
        world.post(world.body(title="First incident", severity="low", componentIds=[], **common))
        mine = world.post(world.body(title="Second incident", componentIds=[])).json["data"]
        world.call("POST", f"incidents/{mine['id']}/resolve")
        world.post(world.body(title="Third incident", **common))
        path = query.format(component_id=world.made.component_id)
        assert shown(signed_in(world), path) == expected

    def test_what_was_chosen_stays_chosen(self, world: World) -> None:
        page = signed_in(world).get("/incidents?status=resolved&severity=high&q=db&ownerId=me").text
        for chosen in ("resolved", "high", "me"):
            assert f'<option value="{chosen}" selected>' in page
        assert 'name="q" type="search" value="db"' in page

    @pytest.mark.parametrize(
        ("query", "sentence"),
        [
            ("?q=%21%21", "Has no letter or digit to search for."),
            ("?from=yesterday", "Not an RFC 3339"),
            ("?from=2026-02-01&to=2026-01-01", "Must not be before from."),
            ("?severity=awful", "Must be one of"),
            ("?componentId=x", "Not a valid UUID."),
        ],
    )
    def test_a_wrong_filter_is_said(self, world: World, query: str, sentence: str) -> None:
        answer = signed_in(world).get(f"/incidents{query}")
        assert (answer.status_code, sentence in text_of(answer.text)) == (400, True)

    def test_a_number_leads_to_the_incident(self, world: World) -> None:
        world.post()
        browser = signed_in(world)
        assert browser.get("/incidents?q=%231").headers["Location"] == "/incidents/1"
        assert "No incident fits" in browser.get("/incidents?q=%237").text
        assert browser.get("/incidents?q=%23" + "9" * 30).status_code == 200

    def test_a_long_list_comes_in_parts(self, world: World) -> None:
        for n in range(35):
            world.post(world.body(title=f"Number {n}", severity="low"))
        browser = signed_in(world)
        first = browser.get("/incidents?severity=low").text
        (more,) = re.findall(r'<a href="([^"]+)" rel="next"', first)
        assert "severity=low" in more
        second = browser.get(more.replace("&amp;", "&")).text
        assert numbers(first) + numbers(second) == [*range(35, 0, -1)]
        assert 'rel="next"' not in second
        assert browser.get("/incidents?cursor=x").status_code == 400

    def test_an_open_page_asks_for_its_rows_alone(self, world: World) -> None:
        world.post()
        browser = signed_in(world)
        page = browser.get("/incidents?severity=critical").text
        (path,) = re.findall(r'data-fresh="([^"]+)"', page)
        assert path == "/incidents/rows?severity=critical"
        rows = browser.get(path).text
        assert numbers(rows) == [1]
        assert "<html" not in rows

    def test_provisional_ones_are_asked_for_and_marked(self, world: World) -> None:
        rules = [
            {"severity": word, "outcome": "provisional_page", "escalationPolicyId": None}
            for word in ("critical", "high", "medium", "low")
        ]
        policy = world.make("routing/policies", name="Provisional", rules=rules)
        Tool(world).send(1, fire("db"))
        world.execute("UPDATE incidents SET is_provisional = 1")
        assert policy["rules"]
        browser = signed_in(world)
        assert shown(browser) == []
        page = browser.get("/incidents?provisional=true").text
        assert (numbers(page), "provisional" in page) == ([1], True)

    @pytest.mark.parametrize(
        ("query", "words"),
        [("", "Nothing is open."), ("?status=all", "No incidents yet."), ("?q=x", "No incident")],
    )
    def test_an_empty_list_says_why(self, world: World, query: str, words: str) -> None:
        assert words in text_of(signed_in(world).get(f"/incidents{query}").text)

    def test_another_organizations_incidents_are_not_there(
        self, world: World, other_org: Provisioned
    ) -> None:
        world.post()
        browser = signed_in(world, other_org.user_id, other_org.org_id)
        assert shown(browser, "?status=all") == []
        for path in ("", "/now", "/story", "/alerts", "/edit", "/components", "/hand-off", "/ask"):
            assert browser.get(f"/incidents/1{path}").status_code == 404, path

    @pytest.mark.sqlite_only("how it finds rows")
    def test_how_many_statements_it_takes(self, world: World) -> None:
        for n in range(12):
            world.post(world.body(title=f"Number {n}"))
        browser = signed_in(world)
        with traced(world) as statements:
            assert browser.get("/incidents?status=all").status_code == 200
        assert len(selects(statements)) <= 14
        assert [walk for text in selects(statements) for walk in walks(world, text)] == []


class TestOneIncident:
    def test_a_fresh_one_says_who_is_waited_for_and_what_comes_next(self, world: World) -> None:
        bo = person(world, "bo")
        step = {"targetType": "users", "escalateAfterSeconds": 300}
        policy = world.make(
            "escalation/policies",
            name="Two",
            steps=[
                {**step, "userIds": [world.made.user_id]},
                {**step, "userIds": [bo]},
            ],
        )
        world.post(world.body(escalationPolicyId=policy["id"], title=f"Down {SCRIPT}"))
        world.database.write(world.made.org_id, firing.fire_due, [world.made.org_id], by_email=True)
        answer = signed_in(world).get("/incidents/1")
        page = text_of(answer.text)
        assert SCRIPT not in answer.text
        assert f"Down {SCRIPT} #1" in page.replace("&lt;", "<")
        assert "Waiting for you to acknowledge it." in page
        assert re.search(r"Layer 2 pages bo at \d\d:\d\d ?, unless somebody acknowledges it", page)
        assert "Escalate… Layer 2 pages bo at once." in page
        assert "Two" in page

    def test_one_that_nobody_is_paged_for(self, world: World) -> None:
        world.post(world.body(ownerScheduleId=..., ownerId=world.made.user_id))
        page = text_of(signed_in(world).get("/incidents/1").text)
        assert "Nobody is paged yet." in page
        assert "Escalate" not in page

    def test_an_acknowledged_one_says_by_whom(self, world: World) -> None:
        incident = world.post().json["data"]
        world.call("POST", f"incidents/{incident['id']}/acknowledge")
        page = text_of(signed_in(world).get("/incidents/1").text)
        assert "You have acknowledged it" in page
        assert "Unacknowledge…" in page
        member = text_of(as_member(world).get("/incidents/1").text)
        assert "Ada Admin has acknowledged it" in member

    def test_a_snoozed_and_a_resolved_one(self, world: World) -> None:
        incident = world.post().json["data"]
        world.call("POST", f"incidents/{incident['id']}/snooze", {"minutes": 60})
        browser = signed_in(world)
        assert "It is snoozed until" in text_of(browser.get("/incidents/1").text)
        note = {"resolutionNote": "Rolled back."}
        world.call("POST", f"incidents/{incident['id']}/resolve", note)
        page = browser.get("/incidents/1").text
        assert "You resolved it" in text_of(page)
        assert "Rolled back." in page
        for act in ("Acknowledge", "Snooze", "Escalate", "Hand off", "Ask for help", "Update…"):
            assert act not in page
        assert "Reopen…" in page

    def test_after_a_week_it_is_not_reopened_any_more(self, world: World) -> None:
        incident = world.post().json["data"]
        world.call("POST", f"incidents/{incident['id']}/resolve")
        long_ago = format_instant(clock.now() - timedelta(days=8))
        world.execute("UPDATE incidents SET resolved_at = ?", long_ago)
        page = text_of(signed_in(world).get("/incidents/1").text)
        assert "Reopen…" not in page
        assert "resolved more than 7 days ago" in page

    def test_it_says_where_customers_see_it(self, world: World) -> None:
        world.post(world.body(publicTitle="Payments are slow"))
        browser = signed_in(world)
        page = text_of(browser.get("/incidents/1").text)
        assert "no published status page shows a component of it" in page
        assert "it cannot be public" in page
        shown_here = {"componentIds": [world.made.component_id], "published": True}
        world.make("status-pages", slug="acme", title="Acme status", **shown_here)
        page = text_of(browser.get("/incidents/1").text)
        assert "See it as “Payments are slow” on Acme status" in page
        assert "Everybody, on Acme status" in page

    def test_its_alerts_come_with_their_links_and_attributes(self, world: World) -> None:
        tool = Tool(world, name="Prometheus")
        links = [
            Link("Panel", "https://grafana.example/d/1"),
            Link("Bad", "javascript:alert(1)"),
        ]
        tool.send(1, fire("db", attributes={"job": "payments"}, links=links))
        page = signed_in(world).get("/incidents/1").text
        assert "db is down" in page
        assert 'href="https://grafana.example/d/1"' in page
        assert 'href="javascript' not in page
        assert "job payments" in text_of(page)
        assert "Prometheus opened it" in text_of(page)
        alert = tool.alerts()[0]["id"]
        assert f'href="/alerts/{alert}"' in page

    @pytest.mark.parametrize("number", ["0", "7", "x", "9" * 18, "9" * 40, "-1"])
    def test_a_number_that_is_none_is_not_there(self, world: World, number: str) -> None:
        assert signed_in(world).get(f"/incidents/{number}").status_code == 404

    def test_open_pages_ask_for_their_parts(self, world: World) -> None:
        world.post()
        browser = signed_in(world)
        page = browser.get("/incidents/1").text
        parts = re.findall(r'data-fresh="([^"]+)"', page)
        assert parts == ["/incidents/1/now", "/incidents/1/story"]
        for part in parts:
            html = browser.get(part).text
            assert "<html" not in html
            assert html.strip().splitlines()[0] in page

    @pytest.mark.sqlite_only("how it finds rows")
    def test_how_many_statements_it_takes(self, world: World) -> None:
        incident = world.post().json["data"]
        people = [person(world, f"p{n}") for n in range(5)]
        events: list[tuple[audit.Event, dict[str, object]]] = [
            ("page_sent", page_of(person)) for person in people
        ]

        def count() -> list[str]:
            with traced(world) as statements:
                assert signed_in(world).get("/incidents/1").status_code == 200
            return selects(statements)

        add_to_trail(world, incident["id"], *events)
        world.call("POST", f"incidents/{incident['id']}/responders", {"userIds": people[:2]})
        few = count()
        add_to_trail(world, incident["id"], *events * 8)
        for n in range(8):
            body = {"visibility": "internal", "body": f"Update {n}"}
            world.make(f"incidents/{incident['id']}/updates", **body)
        many = count()
        assert len(many) <= len(few) + 1 <= 42
        assert [walk for text in many for walk in walks(world, text)] == []


class TestItsStory:
    def test_who_did_what_by_name(self, world: World) -> None:
        bo = person(world, "bo")
        incident = world.post().json["data"]
        path = f"incidents/{incident['id']}"
        world.call("POST", f"{path}/acknowledge")
        world.call("POST", f"{path}/handoff", {"targetUserId": bo})
        world.call("POST", f"{path}/snooze", {"minutes": 30})
        world.call("POST", f"{path}/responders", {"userIds": [bo]})
        world.call("PATCH", path, {"severity": "high"})
        world.call("PUT", f"{path}/components", {"componentIds": []})
        told = story(signed_in(world), 1)
        for sentence in (
            "You opened it as critical, owned by you",
            "You acknowledged it",
            "You handed it off to bo",
            "You acknowledged it, and snoozed it until",
            "You asked bo to help",
            "You changed the severity from critical to high",
            "You changed the components, removed Payments API",
        ):
            assert sentence in told, told

    def test_newest_first(self, world: World) -> None:
        incident = world.post().json["data"]
        world.call("POST", f"incidents/{incident['id']}/acknowledge")
        told = story(signed_in(world), 1)
        assert told.index("You acknowledged it") < told.index("You opened it")

    def test_tries_of_one_page_are_one_line(self, world: World) -> None:
        user = world.make("users", email="bo@example.com", firstName="Bo", lastName="Berg")["id"]
        method = world.make(
            f"users/{user}/contact-methods", label="Phone", url="https://example.com/hook"
        )["id"]
        incident = world.post().json["data"]
        failed = {"reason": "the server answered 503", "willRetry": True}
        by_phone = page_of(user, contactMethodId=method)
        add_to_trail(
            world,
            incident["id"],
            ("page_failed", {**by_phone, **failed}),
            ("page_sent", page_of(user)),
            ("page_failed", {**by_phone, **failed, "attempt": 2}),
        )
        browser = signed_in(world)
        told = story(browser, 1)
        assert re.search(r"Bo Berg was paged by mail: sent \d\d:\d\d", told)
        assert "Bo Berg was paged by Phone: failed 2 times" in told
        assert "the server answered 503 . It is tried again." in told
        add_to_trail(world, incident["id"], ("page_sent", {**by_phone, "attempt": 3}))
        told = story(browser, 1)
        assert "after 2 tries that failed" in told
        assert "tried again" not in told

    def test_updates_and_the_status_are_one(self, world: World) -> None:
        incident = world.post().json["data"]
        path = f"incidents/{incident['id']}"
        world.make(
            f"{path}/updates",
            visibility="internal",
            body=f"Found it: {SCRIPT} https://example.com/x",
            statusChange="identified",
        )
        world.call("POST", f"{path}/resolve", {"resolutionNote": "Rolled back."})
        browser = signed_in(world)
        html = browser.get("/incidents/1/story").text
        told = text_of(html)
        assert SCRIPT not in html
        assert 'href="https://example.com/x"' in html
        assert "You moved it from investigating to identified For your organization alone" in told
        assert "You moved it from identified to resolved Rolled back." in told
        assert told.count("moved it") == 2
        assert "posted" not in told

    def test_a_text_that_was_removed_is_said(self, world: World) -> None:
        incident = world.post().json["data"]
        path = f"incidents/{incident['id']}/updates"
        update = world.make(path, visibility="internal", body="A password")
        world.call("POST", f"{path}/{update['id']}/redact")
        told = story(signed_in(world), 1)
        assert "A password" not in told
        assert "The text was removed by Ada Admin" in told

    def test_layers_and_failures_strike(self, world: World) -> None:
        bo = person(world, "bo")
        incident = world.post().json["data"]
        add_to_trail(
            world,
            incident["id"],
            ("layer_skipped", {"position": 1, "reason": "nobody is on call"}),
            ("layer_escalated", {"position": 2, "userIds": [bo], "repeat": 1}),
            ("escalation_exhausted", {}),
            ("last_resort_paged", {"userIds": [world.made.user_id], "more": 3}),
        )
        html = signed_in(world).get("/incidents/1/story").text
        told = text_of(html)
        assert "Layer 1 was passed over: nobody is on call" in told
        assert "Layer 2 pages bo; the policy has begun again" in told
        assert "No layer is left" in told
        assert "Nobody could be reached, so the admins are paged: you and 3 more" in told
        assert html.count('class="failed"') == 3

    def test_alerts_are_named_and_lead_to_their_pages(self, world: World) -> None:
        tool = Tool(world)
        tool.send(1, fire("db"), *(fire(f"db{n}", group="db") for n in range(8)))
        tool.send(2, resolved("db"))
        html = signed_in(world).get("/incidents/1/story").text
        told = text_of(html)
        assert "Alerts joined: " in told
        assert "more" in told
        assert "Alerts resolved: db is down" in told
        assert html.count('href="/alerts/') >= 2

    def test_a_long_one_comes_in_parts(self, world: World) -> None:
        incident = world.post().json["data"]
        for n in range(100):
            world.make(
                f"incidents/{incident['id']}/updates", visibility="internal", body=f"Update-{n}."
            )
        browser = signed_in(world)
        seen, path = "", "/incidents/1"
        while path:
            html = browser.get(path).text
            seen += html
            found = re.findall(r'<a href="([^"]+)#story" rel="next"', html)
            path = found[0] if found else ""
        for n in range(100):
            assert seen.count(f"Update-{n}.") == 1
        assert "You opened it" in seen
        assert browser.get("/incidents/1?before=x").status_code == 400

    def test_long_updates_come_in_smaller_parts(self, world: World) -> None:
        incident = world.post().json["data"]
        for n in range(9):
            body = f"Update {n} " + "x" * 9_900
            world.make(f"incidents/{incident['id']}/updates", visibility="internal", body=body)
        browser, path, found = signed_in(world), "/incidents/1", 0
        for _ in range(3):
            page = browser.get(path).text
            assert page.count("Show all 9,909 characters") <= 4
            found += page.count("Show all 9,909 characters")
            path = earlier[1] if (earlier := re.search(r'href="([^"]+before=[^"#]+)', page)) else ""
        assert (found, path) == (9, "")

    def test_a_deleted_person_keeps_the_name(self, world: World) -> None:
        user = world.make("users", email="bo@example.com", firstName="Bo", lastName="Berg")["id"]
        incident = world.post().json["data"]
        add_to_trail(world, incident["id"], ("page_sent", page_of(user)))
        world.call("DELETE", f"users/{user}")
        assert "Bo Berg was paged by mail" in story(signed_in(world), 1)

    def test_every_event_has_words(self, world: World) -> None:
        incident = world.post().json["data"]
        who = world.made.user_id
        details: dict[str, object] = {
            **page_of(who),
            "before": {"severity": "low"},
            "after": {"severity": "high"},
            "position": 1,
            "userIds": [who],
            "alertIds": [],
            "updateId": "x",
            "visibility": "public",
            "statusChange": None,
            "until": "2026-01-01T00:00:00.000Z",
            "reason": "a reason",
        }
        own: dict[str, dict[str, object]] = {
            "components_changed": {"before": [], "after": []},
            "incident_handed_off": {"before": None, "after": who},
            "status_changed": {"before": "investigating", "after": "identified"},
        }
        for event in audit.EVENTS:
            add_to_trail(world, incident["id"], (event, {**details, **own.get(event, {})}))
        told = story(signed_in(world), 1)
        for event in audit.EVENTS:
            assert event.replace("_", " ").capitalize() not in told


def test_the_time_of_a_part_is_the_viewers(world: World) -> None:
    """The organization's time zone is read; the page says UTC on hover."""
    write_at(after(0), world.database, lambda db, now: None)
    world.call("PATCH", "organization", {"timezone": "Asia/Tokyo"})
    incident = world.post().json["data"]
    world.execute(
        "UPDATE incidents SET created_at = '2026-01-05T20:00:00.000Z' WHERE id = ?", incident["id"]
    )
    page = signed_in(world).get("/incidents/1").text
    assert 'title="5 January 2026, 20:00 UTC"' in page
    assert "6 Jan, 05:00" in page
