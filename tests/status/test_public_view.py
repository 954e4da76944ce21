"""What everybody sees at `/status/{slug}`: the page, its history and its JSON (contract §7)."""

from __future__ import annotations

import itertools
import re
from base64 import b64encode
from datetime import timedelta
from hashlib import sha256
from typing import Any

import feedparser  # type: ignore[import-untyped]
import pytest

from incident_service import clock, quickstart
from incident_service.clock import format_instant, now
from incident_service.http import page_cache
from incident_service.status import public_view
from incident_service.web import status_pages
from tests.helpers.plans import plan, traced, walks
from tests.helpers.status_pages import (
    BROWSER,
    DIRECTIONS,
    HOSTILE,
    NO_MARKUP,
    PATHS,
    Shown,
    data,
    etags,
    fill,
    open_incident,
    publish,
    see,
    update,
    words,
)
from tests.helpers.world import World

SECRET = "only for us"
UNKNOWN = "00000000-0000-7000-8000-000000000000"


IN_WORDS = {
    "operational": ("All systems operational", "Operational"),
    "maintenance": ("Under maintenance",) * 2,
    "degraded": ("Degraded performance",) * 2,
    "partial_outage": ("Partial outage",) * 2,
    "major_outage": ("Major outage",) * 2,
}


def test_how_things_are(world: World) -> None:
    mine = world.made.component_id
    page, incident = publish(world), ""
    cases = [
        (None, None, "operational", "operational"),
        (None, "maintenance", "maintenance", "maintenance"),
        (None, "major_outage", "major_outage", "major_outage"),
        ("low", None, "degraded", "degraded"),
        ("medium", None, "degraded", "degraded"),
        ("high", None, "partial_outage", "partial_outage"),
        ("critical", None, "major_outage", "major_outage"),
        # An open incident is in the banner, whatever was set by hand.
        ("critical", "operational", "major_outage", "operational"),
        ("critical", "maintenance", "major_outage", "maintenance"),
        ("high", "degraded", "partial_outage", "degraded"),
        ("low", "partial_outage", "partial_outage", "partial_outage"),
    ]
    for severity, by_hand, banner, shown in cases:
        world.call("PATCH", page, {"overrides": {mine: by_hand} if by_hand else None})
        if severity:
            incident = incident or open_incident(world)
            world.call("PATCH", incident, {"severity": severity})
        found, text = data(world), words(world)
        assert (found["title"], found["status"]) == ("Acme", banner)
        (component,) = found["components"]
        assert component == {
            "id": mine, "name": "Payments API", "groupLabel": None, "status": shown,
            "uptime": 100,
        }  # fmt: skip
        assert text.startswith(f"Acme: {IN_WORDS[banner][0]} Acme {IN_WORDS[banner][0]} ")
        assert f"Payments API {IN_WORDS[shown][1]} " in text
        assert ("1 component is under maintenance." in text) == (by_hand == "maintenance")
        assert ("Open incidents" in text) == (severity is not None)
        if not by_hand:
            (component,) = world.call("GET", "components").json["data"]["components"]
            assert component["operationalStatus"] == shown


def test_components_stand_by_group_in_the_order_of_the_page(world: World) -> None:
    labels = {"a": "Shop", "b": None, "f": " ", "c": "Back office", "d": "Shop", "e": ""}
    made = [world.make("components", name=n, groupLabel=labels[n])["id"] for n in labels]
    publish(world, componentIds=made)
    shown = Shown(see(world).text)
    names = [text for where, text in shown.texts if where == "bdi"]
    assert names == ["Acme", "Shop", "a", "d", "b", "f", "Back office", "c", "e"]
    assert [c["name"] for c in data(world)["components"]] == list(labels)


def test_a_page_that_shows_nothing_says_so(world: World) -> None:
    page = publish(world, componentIds=[])

    def shows_nothing() -> bool:
        said = "Nothing is shown here yet This page shows no components yet." in words(world)
        assert said == ("operational" not in words(world).lower())
        assert said == (data(world)["status"] is None)
        assert data(world)["status"] in (None, "operational")
        return said

    assert shows_nothing()
    world.call("PATCH", page, {"componentIds": [world.made.component_id]})
    assert not shows_nothing()
    world.call("DELETE", f"components/{world.made.component_id}")
    assert shows_nothing()
    assert "No incidents and no maintenance in the last 90 days." in words(world, "/history")


def test_groups_fold_unless_something_is_wrong(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_pages, "UNFOLDED", 3)
    groups = {"Fine": "operational", "Ill": "degraded", "Mended": "maintenance"}
    made = {name: world.make("components", name=name, groupLabel=name)["id"] for name in groups}
    loose = world.make("components", name="Loose")["id"]
    by_hand = {made["Ill"]: "degraded", made["Mended"]: "maintenance"}
    page = publish(world, componentIds=[*made.values(), loose], overrides=by_hand)

    def folded() -> list[bool]:
        found = Shown(see(world).text).elements
        groups = [a for tag, a in found if tag == "details" and "group" in (a["class"] or "")]
        return ["open" not in attributes for attributes in groups]

    assert folded() == [True, False, False]
    assert "Fine Operational Fine Operational 100% uptime" in words(world)
    assert "Ill Degraded performance Ill Degraded performance" in words(world)
    world.call("PATCH", page, {"componentIds": list(made.values())})
    assert folded() == [False, False, False]  # few enough


def test_what_is_worst_comes_first(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(world)
    for n, severity in enumerate(("high", "low", "critical", "medium", "critical")):
        open_incident(world, title=f"Incident {n}", severity=severity)
    assert [i["title"][-1] for i in data(world)["incidents"]] == ["4", "2", "0", "3", "1"]
    assert re.findall(r"Incident (\d)", words(world)) == ["4", "2", "0", "3", "1"]
    assert re.findall(r"Incident (\d)", words(world, "/history")) == ["4", "3", "2", "1", "0"]
    monkeypatch.setattr(public_view, "MAX_CURRENT", 3)
    page_cache.install(world.app)
    assert re.findall(r"Incident (\d)", words(world)) == ["4", "2", "0"]


def test_each_incident_has_a_link_of_its_own(world: World) -> None:
    publish(world)
    incident = open_incident(world, title="Checkout fails")
    update(world, incident, "public", body="We are looking.")
    link = f"/status/status/{incident}"
    for path in ("", "/history"):
        links = [a["href"] for tag, a in Shown(see(world, path).text).elements if tag == "a"]
        assert link in links
    alone = words(world, f"/{incident}")
    assert alone.startswith("Checkout fails: Acme Acme Checkout fails Major outage affecting ")
    assert "We are looking." in alone
    assert see(world, f"/{incident.upper().replace('INCIDENTS', 'incidents')}").text
    for status in ("identified", "monitoring", "resolved"):
        world.call("PATCH", f"{incident}/status", {"status": status})
    world.execute(
        "UPDATE incidents SET created_at = ?, resolved_at = ?",
        "2020-02-28T23:00:00.000Z",
        "2020-03-01T00:59:59.000Z",
    )
    assert "Checkout" not in words(world, "/history")  # too old for it, but a link lasts
    old = words(world, f"/{incident}")
    assert "Began 28 February 2020, 23:00 UTC and lasted 1 day 1 hour Resolved" in old


def test_a_link_leads_to_what_its_page_shows_alone(
    world: World, other_org: quickstart.Provisioned
) -> None:
    publish(world)
    body = world.body(ownerScheduleId=other_org.schedule_id, componentIds=[other_org.component_id])
    theirs = world.call("POST", "incidents", body, key=other_org.key).json["data"]["id"]
    loose = open_incident(world, componentIds=[])
    for id in (theirs, loose.removeprefix("incidents/"), UNKNOWN, "1", "x", "%00", "'"):
        for accept, kind in ((BROWSER, "text/html"), ("*/*", "application/json")):
            answer = world.client.get(f"/status/status/incidents/{id}", headers={"Accept": accept})
            assert (answer.status_code, answer.mimetype) == (404, kind)
            assert "ETag" not in answer.headers
            assert "no incident at this address" in answer.text


def test_a_page_says_when_it_last_changed(world: World) -> None:
    page = publish(world)
    times = r"\d+ \w+ \d{4}, \d\d:\d\d UTC"
    assert re.search(f"Last updated {times}", words(world))
    world.execute("UPDATE status_pages SET updated_at = '2026-01-02T03:04:05.678Z'")
    assert data(world)["updatedAt"] == "2026-01-02T03:04:05.678Z"
    assert "Last updated 2 January 2026, 03:04 UTC" in words(world)
    open_incident(world, isPublic=False)
    assert data(world)["updatedAt"] == "2026-01-02T03:04:05.678Z"
    open_incident(world)
    (row,) = world.rows("SELECT public_updated_at AS at FROM incidents WHERE is_public = 1")
    assert data(world)["updatedAt"] == row["at"]
    assert world.call("PATCH", page, {"title": "New"}).status_code == 200
    assert data(world)["updatedAt"] > row["at"]


@pytest.mark.sqlite_only("how it finds rows")
def test_an_outage_goes_on_taking_from_the_uptime(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(world)
    began = now().replace(hour=12, minute=0, second=0, microsecond=0)
    monkeypatch.setattr(page_cache, "PERIOD", timedelta(minutes=5))
    open_incident(world, severity="high")
    open_incident(world, isPublic=False)
    at = format_instant(began)
    past = format_instant(began - timedelta(days=400))
    world.execute("UPDATE incidents SET created_at = ? WHERE is_public = 1", at)
    world.execute("UPDATE components SET created_at = ?", past)
    day = 24 * 60
    for minutes, counted in ((0, 0), (4, 0), (5, 5), (64, 60), (700, 700)):
        monkeypatch.setattr(
            clock, "now", lambda m=minutes: began + timedelta(minutes=m, seconds=59)
        )
        span = 89 * day + day // 2 + counted
        expected = 10_000 * (span - counted) // span / 100
        with traced(world) as statements:
            (component,) = data(world)["components"]
        assert component["uptime"] == expected
        shown = "100%" if expected == 100 else f"{expected:.2f}%"
        assert f"Payments API Partial outage {shown} uptime" in words(world)
        queries = [text for text in statements if text.lstrip().startswith("SELECT")]
        assert (len(queries) == 1) == (minutes == 4)
    # One that was made yesterday counts from then on.
    world.execute("UPDATE components SET created_at = ?", format_instant(began - timedelta(days=1)))
    span = day + day // 2 + 700
    assert data(world)["components"][0]["uptime"] == 10_000 * (span - 700) // span / 100
    yesterday = began - timedelta(days=1)
    since = f"It is on record since {yesterday.day} {yesterday:%B %Y}."
    assert since in words(world)


LINKS = {
    "See https://example.com/a?b=1&c=2#d.": ["https://example.com/a?b=1&c=2#d"],
    "(https://example.com/a_(b)), HTTP://EXAMPLE.com!": [
        "https://example.com/a_(b)", "HTTP://EXAMPLE.com",
    ],
    "https://example.com/ä/東京?q=🙂… http://[::1]:8000/x]": [
        "https://example.com/ä/東京?q=🙂", "http://[::1]:8000/x",
    ],
    '"https://example.com/" <https://example.com/b>': [
        "https://example.com/", "https://example.com/b",
    ],
    "https://a.example\u202e/gpj.exe": ["https://a.example"],
    "https://a.example/'onmouseover='pwned()": ["https://a.example/"],
    'https://a.example/"onmouseover="pwned()': ["https://a.example/"],
    "https://a.example/<script>pwned()</script>": ["https://a.example/"],
    "https://a.example/&quot;&#34;x": ["https://a.example/&quot;&#34;x"],
    "javascript:pwned() data:text/html,x ftp://a.example //a.example www.a.example": [],
    "javascript://https.example/%0apwned() xhttps://a.example https:// http://) https://[": [],
    "vbscript:x https:///x https://:80/ mailto:a@b.example": [],
    ")" * 9_000 + "https://a.example/" + ")" * 900: ["https://a.example/"],
}  # fmt: skip


@pytest.mark.parametrize("text", LINKS, ids=range(len(LINKS)))
def test_addresses_in_a_text_are_links(world: World, text: str) -> None:
    publish(world)
    before = Shown(see(world).text).elements
    incident = open_incident(world)
    update(world, incident, "public", body=text)
    for path in ("", "/history", f"/{incident}"):
        shown = Shown(see(world, path).text)
        links = [a for tag, a in shown.elements if tag == "a" and "rel" in a]
        assert [a["href"] for a in links] == LINKS[text]
        for attributes in links:
            assert attributes == {
                "href": attributes["href"], "rel": "nofollow noopener noreferrer", "dir": "ltr",
            }  # fmt: skip
        tags = {tag for tag, _ in shown.elements}
        assert tags <= {tag for tag, _ in before} | {"article", "h3", "ol", "time", "strong",
                                                    "details", "summary", "rect"}  # fmt: skip
        assert text in "".join(said for _, said in shown.texts)
    (entry,) = feedparser.parse(see(world, "/feed.atom").data, sanitize_html=False).entries
    in_feed = Shown(entry.content[0].value)
    assert [a["href"] for tag, a in in_feed.elements if tag == "a"] == LINKS[text]
    assert data(world)["incidents"][0]["updates"][-1]["body"] == text


SHARED = ("/feed.atom", ".json")


def test_other_sites_may_read_json_and_feed(world: World) -> None:
    publish(world)
    for path in SHARED:
        etag = see(world, path).headers["ETag"]
        for slug, headers, status in (
            ("status", {}, 200),
            ("status", {"If-None-Match": etag}, 304),
            ("nowhere", {}, 404),
            ("nowhere", {"Accept": BROWSER}, 404),
        ):
            for method in ("GET", "HEAD"):
                answer = world.client.open(
                    f"/status/{slug}{path}",
                    method=method,
                    headers={"Origin": "https://a.example", **headers},
                )
                assert answer.status_code == status
                assert answer.headers["Access-Control-Allow-Origin"] == "*"
                assert "ETag" in answer.headers["Access-Control-Expose-Headers"]
                assert "Access-Control-Allow-Credentials" not in answer.headers
        asked = {
            "Origin": "https://a.example",
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "if-none-match",
        }
        answer = world.client.options(f"/status/status{path}", headers=asked)
        assert (answer.status_code, answer.data) == (204, b"")
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.headers["Access-Control-Allow-Methods"] == "GET, HEAD"
        assert "If-None-Match" in answer.headers["Access-Control-Allow-Headers"]
        assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"
    for path in ("/status/status", "/status/status/history", "/v1/incidents", "/healthz"):
        assert "Access-Control-Allow-Origin" not in world.client.get(path).headers


def test_a_failure_is_shared_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError(SECRET)

    publish(world)
    monkeypatch.setattr(public_view, "find", fail)
    for path in SHARED:
        answer = world.client.get(f"/status/status{path}")
        assert answer.status_code == 500
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_what_is_asked_for_takes_no_memory(world: World) -> None:
    publish(world)
    incident = open_incident(world)
    see(world, f"/{incident}")
    cache = world.app.extensions["incident_service.page_cache"]
    for n in range(200):
        cache.render_lock(("page", f"{n}"))
        world.client.get(f"/status/status/incidents/00000000-0000-7000-8000-{n:012}")
    assert len(cache._render_locks) == page_cache.RENDER_LOCKS
    assert len(cache._kept) == 1


def test_an_incident_is_told_by_its_public_updates(world: World) -> None:
    publish(world)
    incident = open_incident(world, title="Checkout fails")
    update(world, incident, "public", body="We are looking.")
    update(world, incident, "internal", body=SECRET, statusChange="identified")
    update(world, incident, "public", body="A fix is out.", statusChange="monitoring")
    (shown,) = data(world)["incidents"]
    told = [(entry["statusChange"], entry["body"]) for entry in shown["updates"]]
    assert told == [
        ("investigating", None),
        (None, "We are looking."),
        ("identified", None),
        ("monitoring", "A fix is out."),
    ]
    assert (shown["impact"], shown["affectedComponents"]) == (
        "major_outage", [{"id": world.made.component_id, "name": "Payments API"}],
    )  # fmt: skip
    times = r"\d+ \w+ \d{4}, \d\d:\d\d UTC"
    for path in ("", "/history"):
        assert re.search(
            f"Checkout fails Major outage affecting Payments API (Since {times} )?"
            f"Monitoring {times} A fix is out. Identified {times} "
            f"Investigating {times} We are looking. (Comp|Incidents|Current)",
            words(world, path),
        )
    world.call("PATCH", f"{incident}/status", {"status": "resolved", "resolutionNote": SECRET})
    assert data(world)["incidents"] == []
    assert "Checkout" not in words(world)
    assert re.search(f"Resolved {times} Monitoring {times} A fix", words(world, "/history"))
    assert not any(SECRET in see(world, path).text for path in PATHS)


def test_a_reopened_incident_is_told_from_its_beginning(world: World) -> None:
    publish(world)
    incident = open_incident(world)
    update(world, incident, "public", body="Seen.", statusChange="identified")
    update(world, incident, "internal", statusChange="monitoring")
    update(world, incident, "public", body="It is over.", statusChange="resolved")
    world.call("POST", f"{incident}/reopen")
    update(world, incident, "public", body="Once more.", statusChange="identified")
    world.call("POST", f"{incident}/resolve")
    (row,) = world.rows("SELECT id FROM incidents")
    shown = see(world, f"/incidents/{row['id']}").text
    told = re.findall(r"<strong>(\w+)</strong>.*?</p>\s*(?:<p[^>]*>(.*?)</p>)?", shown, re.DOTALL)
    assert told[::-1] == [
        ("Investigating", ""), ("Identified", "Seen."), ("Monitoring", ""),
        ("Resolved", "It is over."), ("Investigating", ""), ("Identified", "Once more."),
        ("Monitoring", ""), ("Resolved", ""),
    ]  # fmt: skip


def test_the_time_until_an_incident_is_reopened_counts_as_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(world)
    began = now().replace(hour=12, minute=0, second=0, microsecond=0)
    world.execute(
        "UPDATE components SET created_at = ?", format_instant(began - timedelta(days=400))
    )
    instants = iter(began + timedelta(minutes=minutes) for minutes in (0, 60, 180, 210, 600))
    world.database.clock = lambda: next(instants)
    incident = open_incident(world)
    for act in ("resolve", "reopen", "resolve", "reopen"):
        assert world.call("POST", f"{incident}/{act}").status_code == 200
    monkeypatch.setattr(page_cache, "PERIOD", timedelta(minutes=5))
    monkeypatch.setattr(clock, "now", lambda: began + timedelta(minutes=700))
    (component,) = data(world)["components"]
    span, down = 89 * 24 * 60 + 12 * 60 + 700, 60 + 30 + 100
    assert component["uptime"] == 10_000 * (span - down) // span / 100


def test_what_is_internal_is_nowhere_and_changes_nothing(world: World) -> None:
    publish(world)
    incident = open_incident(world, description=SECRET)
    before = etags(world)
    update(world, incident, "internal", body=SECRET)
    world.call("POST", f"{incident}/acknowledge")
    world.call("POST", f"{incident}/handoff", {"targetUserId": world.made.user_id})
    world.call("PATCH", incident, {"description": f"{SECRET}!"})
    assert etags(world) == before
    update(world, incident, "internal", body=SECRET, statusChange="identified")
    assert not set(etags(world)) & set(before)  # the bare line of the transition
    for path in PATHS:
        assert SECRET not in see(world, path).text
        assert "admin@example.com" not in see(world, path).text
        assert world.made.user_id not in see(world, path).text


def test_a_redacted_text_is_gone_at_once(world: World) -> None:
    publish(world)
    incident = open_incident(world)
    posted = [
        update(world, incident, "public", body=SECRET),
        update(world, incident, "public", body=SECRET, statusChange="identified"),
    ]
    assert all(see(world, path).text.count(SECRET) == 2 for path in PATHS)
    for left, path_of in zip((1, 0), posted, strict=True):
        assert world.call("POST", f"{path_of}/redact").status_code == 200
        assert [see(world, path).text.count(SECRET) for path in PATHS] == [left] * 4
    statuses = [entry["statusChange"] for entry in data(world)["incidents"][0]["updates"]]
    assert statuses == ["investigating", "identified"]  # what happened stays, as bare lines


def test_what_is_another_s_or_not_on_the_page_is_not_shown(
    world: World, other_org: quickstart.Provisioned
) -> None:
    publish(world)
    hidden = world.make("components", name="Hidden part")["id"]
    publish(world, "other", componentIds=[hidden])
    before = etags(world)
    shown = {"slug": "theirs", "title": "T", "published": True}
    theirs = {**shown, "componentIds": [other_org.component_id]}
    assert world.call("POST", "status-pages", theirs, key=other_org.key).status_code == 201
    body = world.body(
        title=SECRET, ownerScheduleId=other_org.schedule_id, componentIds=[other_org.component_id]
    )
    assert world.call("POST", "incidents", body, key=other_org.key).status_code == 201
    open_incident(world, title=SECRET, componentIds=[hidden])
    open_incident(world, title=SECRET, componentIds=[])
    assert etags(world) == before
    assert SECRET in see(world, slug="theirs").text
    open_incident(world, title="Both", componentIds=[hidden, world.made.component_id])
    for path in PATHS:
        assert "Both" in see(world, path).text
        assert "Hidden part" not in see(world, path).text
        assert SECRET not in see(world, path).text


def test_where_there_is_no_page(world: World) -> None:
    page = publish(world)
    publish(world, "draft", published=False)
    etags(world)  # so that every answer is kept
    for slug, method in (
        ("draft", "GET"),
        ("unknown", "GET"),
        ("Status", "GET"),
        ("status", "PATCH"),
        ("status", "DELETE"),
    ):
        assert world.call(method, page, {"published": False}).status_code < 300
        for path, accept in itertools.product(PATHS, ("", "*/*", "application/json", BROWSER)):
            headers = {"Accept": accept} if accept else {}
            answer = world.client.get(f"/status/{slug}{path}", headers=headers)
            assert (answer.status_code, answer.headers.get("ETag")) == (404, None)
            if accept == BROWSER and path != ".json":
                assert answer.mimetype == "text/html"
                assert "No such status page" in Shown(answer.text).words()
            else:
                assert (answer.json["code"], answer.json["statusCode"]) == ("not_found", 404)


def test_a_failure_says_nothing_of_the_inside(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError(SECRET)

    publish(world)
    monkeypatch.setattr(public_view, "_with_entries", fail)
    for path, accept in itertools.product(PATHS, ("*/*", BROWSER)):
        answer = world.client.get(f"/status/status{path}", headers={"Accept": accept})
        assert (answer.status_code, SECRET in answer.text) == (500, False)
        for_a_person = accept == BROWSER and path != ".json"
        assert answer.mimetype == ("text/html" if for_a_person else "application/json")
        assert "max-age" not in answer.headers.get("Cache-Control", "")


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_comes_out_as_text(
    world: World, other_org: quickstart.Provisioned, text: str
) -> None:
    for made, slug, said in ((world.made, "mine", text), (other_org, "theirs", "harmless")):
        fill(world, made, slug, said)
    for path in ("", "/history"):
        mine, theirs = (Shown(see(world, path, slug).text) for slug in ("mine", "theirs"))
        assert [(tag, list(attrs)) for tag, attrs in mine.elements] == [
            (tag, list(attrs)) for tag, attrs in theirs.elements
        ]
        assert "pwned" not in str(mine.elements)
        clean = NO_MARKUP.sub("\ufffd", text)
        assert mine.texts.count(("p", clean)) == 1  # the body
        names = mine.texts.count(("bdi", DIRECTIONS.sub("", clean)))
        assert names == (5 if path == "" else 3)
        loose = [said for tag, said in mine.texts if tag != "p"]
        assert not DIRECTIONS.search("".join(loose))
    shown = see(world, ".json", "mine").json["data"]
    (incident,) = shown["incidents"]
    found = [shown["title"], incident["title"], incident["updates"][1]["body"]]
    found += [shown["components"][0]["name"], shown["components"][0]["groupLabel"]]
    assert found == [text] * 5


def test_a_client_asks_whether_something_changed(world: World) -> None:
    publish(world)
    first = {path: see(world, path) for path in PATHS}
    for path, answer in first.items():
        etag, length = answer.headers["ETag"], str(len(answer.data))
        assert answer.headers["Cache-Control"] == "public, max-age=10"
        for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
            for method in ("GET", "HEAD"):
                headers = {"If-None-Match": known}
                same = world.client.open(f"/status/status{path}", method=method, headers=headers)
                assert (same.status_code, same.data, same.headers["ETag"]) == (304, b"", etag)
                assert same.headers["Cache-Control"] == "public, max-age=10"
        head = world.client.head(f"/status/status{path}")
        assert (head.status_code, head.data, head.headers["ETag"]) == (200, b"", etag)
        assert head.headers["Content-Length"] == length
    open_incident(world)
    for path, answer in first.items():
        headers = {"If-None-Match": answer.headers["ETag"]}
        other = world.client.get(f"/status/status{path}", headers=headers)
        assert other.status_code == 200
        assert other.headers["ETag"] != answer.headers["ETag"]


def test_nothing_is_loaded_or_run(world: World) -> None:
    publish(world)
    for path in PATHS[:3]:
        answer = see(world, path)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        policy = dict(
            part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; ")
        )
        styles = re.findall("<style>(.*)</style>", answer.text, re.DOTALL)
        allowed = [f"'sha256-{b64encode(sha256(s.encode()).digest()).decode()}'" for s in styles]
        assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert "script-src" not in policy
        assert path == "/feed.atom" or [policy["style-src"]] == allowed


@pytest.mark.sqlite_only("how it finds rows")
def test_the_cost_does_not_grow_and_is_paid_once(world: World) -> None:
    publish(world)

    def statements(path: str) -> list[str]:
        with traced(world) as found:
            see(world, path)
        return found

    costs = []
    for number in (3, 57):
        for _ in range(number):
            update(world, open_incident(world), "public", body="We are looking.")
        costs.append([statements(path) for path in PATHS])
    assert [len(found) for found in costs[0]] == [len(found) for found in costs[1]]
    for path, found in zip(PATHS, costs[1], strict=True):
        queries = [text for text in found if text.lstrip().startswith("SELECT")]
        assert len(queries) > 3
        assert [step for text in queries for step in scans_of_tables(world, text)] == []
        (lookup,) = (text for text in statements(path) if text.lstrip().startswith("SELECT"))
        assert "FROM status_pages" in lookup


def scans_of_tables(world: World, statement: str) -> list[str]:
    """Return the steps that walk through more than what the statement itself has found."""
    found = {step.removeprefix("CO-ROUTINE ") for step in plan(world, statement)}
    return [step for step in walks(world, statement) if step.removeprefix("SCAN ") not in found]


def test_the_history_is_of_90_days(world: World) -> None:
    publish(world)

    def at(days: int) -> str:
        return format_instant(now() - days * timedelta(days=1))

    for title, opened, resolved in (("A", 200, 91), ("B", 200, 1), ("C", 200, None), ("D", 89, 89)):
        open_incident(world, title=f"Incident {title}")
        world.execute(
            "UPDATE incidents SET created_at = ?, status = ?, resolved_at = ? WHERE title = ?",
            at(opened),
            "resolved" if resolved else "investigating",
            at(resolved) if resolved else None,
            f"Incident {title}",
        )
    for path, expected in (("/history", "DCB"), ("/feed.atom", "DCB"), ("", "C"), (".json", "C")):
        assert re.findall("Incident ([A-D])", see(world, path).text) == list(expected)


def test_an_answer_says_how_many_more_there_are(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(public_view, "MAX_CURRENT", 2)
    monkeypatch.setattr(public_view, "MAX_PAST", 3)
    publish(world)
    for n in range(5):
        open_incident(world, title=f"Incident {n}")
    for path, expected, more in (
        ("", "43", "3 more open incidents."),
        ("/history", "432", "2 more, which began earlier."),
    ):
        assert re.findall(r"Incident (\d)", words(world, path)) == list(expected)
        assert f"And {more}" in words(world, path)
    assert [i["title"][-1] for i in data(world)["incidents"]] == ["4", "3"]
    assert data(world)["omittedIncidents"] == 3
    monkeypatch.setattr(public_view, "MAX_CURRENT", 5)
    page_cache.install(world.app)
    assert "more" not in words(world)


def test_an_answer_has_the_newest_updates(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(public_view, "MAX_UPDATES", 2)
    publish(world)
    incident = open_incident(world)
    update(world, incident, "public", body="Text 0", statusChange="identified")
    for n in range(1, 4):
        update(world, incident, "public", body=f"Text {n}")
    for path in ("", "/history"):
        said = words(world, path)
        assert re.findall(r"Text (\d)", said) == ["3", "2"]
        assert "Identified" in said
        assert "And 2 older updates." in said
    (shown,) = data(world)["incidents"]
    assert [u["body"] for u in shown["updates"]] == [None, None, "Text 2", "Text 3"]
    assert shown["omittedUpdates"] == 2


def test_an_incident_does_not_go_with_its_component(world: World) -> None:
    publish(world)
    open_incident(world)
    world.call("DELETE", f"components/{world.made.component_id}")
    shown = data(world)
    assert (shown["components"], shown["status"]) == ([], "major_outage")
    assert [c["name"] for c in shown["incidents"][0]["affectedComponents"]] == ["Payments API"]
    for path in ("", "/history", "/feed.atom"):
        assert "affecting" in see(world, path).text
