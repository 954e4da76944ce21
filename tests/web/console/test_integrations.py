"""Integrations in the console's settings, and what to paste into each tool (contract §10, §11)."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest

from incident_service.alerts.kinds import KINDS
from incident_service.http.body import NO_TEXT
from incident_service.inbound.formats import FORMATS
from incident_service.quickstart import Provisioned
from incident_service.web.console import amounts, guides
from incident_service.web.console.tools import TOOLS, Tool
from tests.helpers.console import as_member, fields_of, post, signed_in, text_of
from tests.helpers.guides import FOLDER, section_of
from tests.helpers.plans import scans, traced, walks
from tests.helpers.world import World

ROOM = "/settings/integrations"
TOKEN = re.compile(r"/in/([\w-]{20,})")

BY_NAME = pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS.keys())


def made(world: World, name: str = "Prometheus", kind: str = "alertmanager", **fields: Any) -> Any:
    return world.make("integrations/inbound", name=name, kind=kind, **fields)


def routing(world: World, name: str = "Quiet", outcome: str = "drop") -> str:
    rules = [
        {"severity": severity, "outcome": outcome}
        for severity in ("critical", "high", "medium", "low")
    ]
    id: str = world.make("routing/policies", name=name, rules=rules)["id"]
    return id


def send(world: World, token: str, body: Any) -> Any:
    return world.client.post(f"/in/{token}", json=body)


def test_the_list_says_what_is_heard_and_what_fires(world: World) -> None:
    tool = made(world)
    made(world, "Nightly", "heartbeat", everySeconds=3600)
    assert send(world, tool["token"], FORMATS["alertmanager"].sample).status_code == 202
    page = text_of(signed_in(world).get(ROOM).text)
    assert "Nightly Cron job Never heard".lower() in page.lower()
    assert "Prometheus Prometheus Alertmanager, last heard just now 1 firing" in page


def test_the_list_is_cut_in_parts(world: World) -> None:
    for n in range(51):
        made(world, f"Tool {n:02}", "generic")
    browser = signed_in(world)
    first = browser.get(ROOM).text
    assert ("Tool 49" in first, "Tool 50" in first) == (True, False)
    (more,) = re.findall(r'href="([^"]+)" rel="next"', first)
    assert "Tool 50" in browser.get(html.unescape(more)).text


@pytest.mark.sqlite_only("how it finds rows")
def test_what_pages_read_is_bounded_and_found_by_indexes(world: World) -> None:
    browser, counts = signed_in(world), []
    for n in range(2):
        tool = made(world, f"Tool {n}", "generic")
        for title in "abc":
            send(world, tool["token"], {"title": title, "severity": "critical"})
        with traced(world) as statements:
            for page in (ROOM, f"{ROOM}/{tool['id']}", f"{ROOM}/{tool['id']}/receipts"):
                assert browser.get(page).status_code == 200
        counts.append(len(statements))
        queries = [text for text in statements if text.lstrip().startswith(("SELECT", "WITH"))]
        assert [scan for text in queries for scan in scans(world, text)] == []
        alerts = [text for text in queries if " alerts" in text or " incidents" in text]
        assert len(alerts) == 3
        assert [walk for text in alerts for walk in walks(world, text)] == []
    assert counts[0] == counts[1]


def test_every_kind_can_be_chosen(world: World) -> None:
    assert {tool.kind for tool in TOOLS.values()} == set(KINDS)
    page = signed_in(world).get(f"{ROOM}/new").text
    assert all(f"?tool={key}" in page and tool.name in page for key, tool in TOOLS.items())


@BY_NAME
def test_what_a_tool_is_told_is_the_guides(tool: Tool) -> None:
    section = section_of(FOLDER / "monitoring.md", tool.section)
    assert tool.anchor in {heading.anchor for heading in guides.get("monitoring").headings}
    assert section
    flat = re.sub(r"[\s_]+", " ", section).lower()
    assert [name for name in tool.values if name.lower() not in flat] == []
    pasted = tool.filled_in("https://pager.example.org/oncall", "sEcReT")
    assert bool(pasted.text) == bool(tool.language)
    everything = f"{pasted.text} {' '.join(pasted.values.values())}"
    assert "https://pager.example.org/oncall" in everything or not tool.values
    assert "incidents.example.com" not in everything
    assert "TOKEN" not in everything


@pytest.mark.parametrize("key", TOOLS)
def test_an_integration_is_made_for_each_tool_and_its_snippet_works(world: World, key: str) -> None:
    tool, browser = TOOLS[key], signed_in(world)
    path = f"{ROOM}/new?tool={key}"
    fields = {name: texts[-1] for name, texts in fields_of(browser.get(path).text).items() if texts}
    fields |= {"name": "Mine"}
    if tool.kind == "heartbeat":
        fields |= {"everySeconds.count": "1", "everySeconds.unit": "86400"}
    sent = post(browser, path, fields)
    assert sent.status_code == 200
    (integration,) = world.call("GET", "integrations/inbound").json["data"]["integrations"]
    expected: dict[str, Any] = {
        "name": "Mine",
        "kind": tool.kind,
        "defaultSeverity": "high",
        "autoResolve": True,
    }
    expected |= {"resolveAfterSeconds": 60, "severityMap": {}, "mapping": None}
    expected |= {name: value for name, value in tool.defaults.items() if name != "name"}
    if tool.kind == "heartbeat":
        expected |= {"everySeconds": 86_400, "graceSeconds": 60}
    assert {name: integration[name] for name in expected} == expected
    page = html.unescape(sent.text)
    token = (TOKEN.findall(page) or re.findall(r"(?:credentials|_key): ([\w-]{20,})", page))[0]
    body = FORMATS[tool.kind].sample if tool.kind in FORMATS else {}
    assert send(world, token, body).status_code == 202
    assert token not in browser.get(f"{ROOM}/{integration['id']}").text


def test_what_was_typed_stays_beside_what_is_wrong_with_it(world: World) -> None:
    browser = signed_in(world)
    sent = post(
        browser,
        f"{ROOM}/new?tool=generic",
        {
            "kind": "generic",
            "name": " ",
            "severityMap": "disaster = critical\r\nwobbly = bad\r\nlonely",
            "resolveAfterSeconds": "9999",
            "mapping.title": "a b c (",
            "mapping.status": "state",
        },
    )
    assert sent.status_code == 400
    page = text_of(sent.text)
    assert "Name: Shorter than minimum length 1." in page
    assert "The tool's words for a severity:" in page
    assert page.count("Must be one of: critical, high, medium, low.") >= 2
    assert "Mapping: title:" in page
    fields = fields_of(sent.text)
    assert fields["severityMap"] == ["disaster = critical\nwobbly = bad\nlonely"]
    assert (fields["mapping.title"], fields["mapping.status"]) == (["a b c ("], ["state"])
    assert fields["resolveAfterSeconds"] == ["9999"]
    assert world.call("GET", "integrations/inbound").json["data"]["integrations"] == []


def test_a_word_with_a_character_that_no_text_can_have_is_refused(world: World) -> None:
    fields = {"kind": "generic", "name": "A", "severityMap": "wob\0bly = low"}
    sent = post(signed_in(world), f"{ROOM}/new?tool=generic", fields)
    assert sent.status_code == 400
    assert f"The tool's words for a severity: {NO_TEXT}" in text_of(sent.text)


def test_a_period_is_a_count_and_a_unit(world: World) -> None:
    browser, id = signed_in(world), made(world, "Job", "heartbeat", everySeconds=7200)["id"]
    path = f"{ROOM}/{id}/edit"
    fields = fields_of(browser.get(path).text)
    assert (fields["everySeconds.count"], fields["everySeconds.unit"]) == (["2"], ["3600"])
    wrong = post(browser, path, {"everySeconds.count": "31", "everySeconds.unit": "86400"})
    assert (wrong.status_code, "from 1 minute to 30 days" in wrong.text) == (400, True)
    assert fields_of(wrong.text)["everySeconds.count"] == ["31"]
    for typed in ("", "soon", "-1", "1.5"):
        sent = {"everySeconds.count": typed, "everySeconds.unit": "60"}
        assert post(browser, path, sent).status_code == 400
    post(browser, path, {"everySeconds.count": "90", "everySeconds.unit": "1"})
    changed = world.call("GET", f"integrations/inbound/{id}").json["data"]
    assert changed["everySeconds"] == 90
    assert [amounts.in_words(n) for n in (0, 60, 90, 86_400)] == [
        "0 seconds",
        "1 minute",
        "90 seconds",
        "1 day",
    ]


def test_an_integration_is_changed(world: World) -> None:
    browser, quiet = signed_in(world), routing(world)
    id = made(world, "Zabbix", "generic", severityMap={"5": "critical"}, mapping={"title": "t"})[
        "id"
    ]
    path = f"{ROOM}/{id}/edit"
    fields = {name: texts[-1] for name, texts in fields_of(browser.get(path).text).items() if texts}
    assert (fields["severityMap"], fields["mapping.title"]) == ("5 = critical", "t")
    fields |= {
        "name": "Zabbix 7",
        "componentId": world.made.component_id,
        "routingPolicyId": quiet,
        "severityMap": "5 = high\r\na=b = low\r\n",
        "autoResolve": "false",
        "mapping.title": "",
    }
    assert post(browser, path, fields).status_code == 303
    changed = world.call("GET", f"integrations/inbound/{id}").json["data"]
    assert changed["name"] == "Zabbix 7"
    assert changed["componentId"] == world.made.component_id
    assert changed["routingPolicyId"] == quiet
    assert changed["severityMap"] == {"5": "high", "a=b": "low"}
    assert (changed["autoResolve"], changed["mapping"]) == (False, None)
    page = text_of(browser.get(f"{ROOM}/{id}").text)
    assert "Routing policy Quiet" in page
    assert "by people alone" in page


def test_of_many_components_the_name_is_typed(world: World) -> None:
    ids = [world.make("components", name=f"Part {n:02}")["id"] for n in range(30)]
    browser, id = signed_in(world), made(world, componentId=ids[3])["id"]
    path = f"{ROOM}/{id}/edit"

    def component() -> Any:
        return world.call("GET", f"integrations/inbound/{id}").json["data"]["componentId"]

    fields = fields_of(browser.get(path).text)
    assert fields["componentId"] == ["", ids[3]]
    shown = fields_of(post(browser, path, {**fields, "componentIdTyped": "part 7"}).text)
    assert component() == ids[3]
    assert shown["componentIdTyped"] == ["part 7"]
    found = post(browser, path, {**fields, "componentIdTyped": "part 07", "_find": "componentId"})
    assert fields_of(found.text)["componentId"] == ["", ids[7]]
    assert post(browser, path, {**fields, "componentIdTyped": "Part 07"}).status_code == 303
    assert component() == ids[7]
    fields = fields_of(browser.get(path).text)
    assert post(browser, path, {**fields, "componentId": [""]}).status_code == 303
    assert component() is None


def test_selectors_are_rows_that_are_added_moved_and_saved(world: World) -> None:
    browser, id, quiet = signed_in(world), made(world)["id"], routing(world)
    path = f"{ROOM}/{id}/selectors"
    row = {
        "selectors[0].matchers[0].key": "team",
        "selectors[0].matchers[0].value": "web",
        "selectors[0].routingPolicyId": quiet,
    }
    more = post(browser, path, {**row, "_add": "selectors[0].matchers"})
    assert more.status_code == 200
    assert "selectors[0].matchers[1].key" in fields_of(more.text)
    assert "selectors[1].matchers[0].key" in fields_of(
        post(browser, path, {**row, "_add": "selectors"}).text
    )
    second = {
        "selectors[1].matchers[0].key": "env",
        "selectors[1].matchers[0].value": "test",
        "selectors[1].routingPolicyId": quiet,
    }
    moved = post(browser, path, {**row, **second, "_up": "selectors[1]"})
    assert fields_of(moved.text)["selectors[0].matchers[0].key"] == ["env"]
    empty = {"selectors[2].matchers[0].key": "", "selectors[2].routingPolicyId": ""}
    assert post(browser, path, {**row, **second, **empty}).status_code == 303
    saved = world.call("GET", f"integrations/inbound/{id}").json["data"]["selectors"]
    assert [selector["matchers"] for selector in saved] == [
        [{"key": "team", "value": "web"}],
        [{"key": "env", "value": "test"}],
    ]
    assert "team = web" in text_of(browser.get(f"{ROOM}/{id}").text)
    assert post(browser, path, {}).status_code == 303
    assert world.call("GET", f"integrations/inbound/{id}").json["data"]["selectors"] == []


def test_the_row_that_is_removed_is_the_one_that_is_shown(world: World) -> None:
    """Rows in which nothing is typed yet count, until the form is saved."""
    browser, id, quiet = signed_in(world), made(world)["id"], routing(world)
    fields = {"selectors[0].matchers[0].key": "", "selectors[0].routingPolicyId": ""}
    for n in (1, 2):
        fields |= {
            f"selectors[{n}].matchers[0].key": f"key {n}",
            f"selectors[{n}].matchers[0].value": "value",
            f"selectors[{n}].routingPolicyId": quiet,
        }
    sent = post(browser, f"{ROOM}/{id}/selectors", {**fields, "_remove": "selectors[1]"})
    left = fields_of(sent.text)
    assert left["selectors[0].matchers[0].key"] == [""]
    assert left["selectors[1].matchers[0].key"] == ["key 2"]
    assert "selectors[2].matchers[0].key" not in left


def test_more_than_ten_selectors_stay_in_order(world: World) -> None:
    browser, id, quiet = signed_in(world), made(world)["id"], routing(world)
    fields: dict[str, str] = {}
    for n in range(12):
        fields |= {
            f"selectors[{n}].matchers[0].key": f"key {n}",
            f"selectors[{n}].matchers[0].value": "value",
            f"selectors[{n}].routingPolicyId": quiet,
        }
    assert post(browser, f"{ROOM}/{id}/selectors", fields).status_code == 303
    saved = world.call("GET", f"integrations/inbound/{id}").json["data"]["selectors"]
    assert [one["matchers"][0]["key"] for one in saved] == [f"key {n}" for n in range(12)]


def test_what_is_wrong_with_a_selector_is_said_at_its_place(world: World) -> None:
    browser, id = signed_in(world), made(world)["id"]
    sent = post(
        browser,
        f"{ROOM}/{id}/selectors",
        {
            "selectors[0].matchers[0].key": "severity",
            "selectors[0].matchers[0].value": "critical",
            "selectors[0].routingPolicyId": "",
        },
    )
    assert sent.status_code == 400
    page = text_of(sent.text)
    assert "Selector 1: attribute 1: Not an attribute" in page
    assert "Selector 1: routing policy" in page
    assert fields_of(sent.text)["selectors[0].matchers[0].value"] == ["critical"]


def test_a_new_token_is_shown_once_and_ends_the_old_one(world: World) -> None:
    browser, tool = signed_in(world), made(world)
    sent = post(browser, f"{ROOM}/{tool['id']}/token", {}, at=f"{ROOM}/{tool['id']}")
    assert sent.status_code == 200
    (token,) = re.findall(r"credentials: ([\w-]+)", sent.text)
    assert "The old one works no more" in text_of(sent.text)
    assert send(world, tool["token"], FORMATS["alertmanager"].sample).status_code == 401
    assert send(world, token, FORMATS["alertmanager"].sample).status_code == 202


def trial(world: World, id: str) -> str:
    answer = post(signed_in(world), f"{ROOM}/{id}/test", {}, at=f"{ROOM}/{id}")
    assert answer.status_code == 200
    return text_of(answer.text)


def test_a_test_says_in_words_what_would_happen_and_keeps_nothing(world: World) -> None:
    policy = world.made.policy_id
    world.call("PATCH", "organization", {"defaultEscalationPolicyId": policy})
    id = made(world, componentId=world.made.component_id)["id"]
    page = trial(world, id)
    assert "Critical about Payments API".lower() in page.lower()
    assert "An incident would open: Ada Admin would own it and be paged at once" in page
    assert world.call("GET", "incidents").json["data"]["incidents"] == []
    assert world.call("GET", "alerts").json["data"]["alerts"] == []


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ("drop", "It would only be recorded."),
        ("notification", "One message would go to whoever"),
        ("provisional_page", "A provisional incident would open"),
    ],
)
def test_a_test_says_what_routing_makes_of_it(world: World, outcome: str, words: str) -> None:
    id = made(world, routingPolicyId=routing(world, outcome=outcome))["id"]
    assert words in trial(world, id)


def test_a_test_says_that_an_alert_joins_an_open_incident(world: World) -> None:
    tool = made(world, "Mine", "generic")
    send(world, tool["token"], FORMATS["generic"].sample)
    assert "It belongs to incident #1" in trial(world, tool["id"])


def test_a_test_of_maintenance_a_heartbeat_and_a_mapping(world: World) -> None:
    window = {"startsAt": "2025-01-01T00:00:00Z", "componentIds": [world.made.component_id]}
    world.make("maintenance-windows", title="Upgrade", **window)
    planned = made(world, componentId=world.made.component_id)["id"]
    assert "in maintenance" in trial(world, planned)
    job = made(world, "Job", "heartbeat", everySeconds=3600)["id"]
    assert "expected within 1 hour" in trial(world, job)
    mapped = made(world, "Mapped", "generic", mapping={"alerts": "nothing[]"})
    page = trial(world, mapped["id"])
    assert "no whole body has come yet" in page
    assert "No alert was found" in page


def test_the_receipts_show_what_came_with_the_token_masked(world: World) -> None:
    tool = made(world, "Mine", "generic")
    send(world, tool["token"], {"title": "Queue is stuck", "severity": "critical"})
    world.client.post(f"/in/{tool['token']}", data="{<script> " + tool["token"])
    send(world, tool["token"], {"title": "Long", "severity": "low", "more": "x" * 9000})
    path = f"{ROOM}/{tool['id']}/receipts"
    answer = signed_in(world).get(path)
    page = text_of(answer.text)
    assert tool["token"] not in answer.text
    assert "<script>" not in answer.text.replace("<script src", "")
    assert "400" in page
    assert "The body is not JSON" in page
    assert "{<script> ********" in html.unescape(answer.text)
    assert "firing, an incident #1" in page
    assert 'href="/incidents/1"' in answer.text
    assert "Only the first 8 KiB are kept." in page
    assert as_member(world).get(path).status_code == 403


def test_who_was_never_heard_is_told_what_to_check(world: World) -> None:
    browser, tool = signed_in(world), made(world)
    page = text_of(browser.get(f"{ROOM}/{tool['id']}").text)
    assert "Nothing has come yet." in page
    assert "/healthz answers" in page
    assert "Nothing came in the last 7 days." in browser.get(f"{ROOM}/{tool['id']}/receipts").text
    send(world, tool["token"], FORMATS["alertmanager"].sample)
    assert "Nothing has come yet." not in browser.get(f"{ROOM}/{tool['id']}").text


def test_an_integration_is_deleted(world: World) -> None:
    browser, path = signed_in(world), f"{ROOM}/{made(world)['id']}"
    sent = post(browser, f"{path}/delete", {}, at=path)
    assert (sent.status_code, sent.headers["Location"]) == (303, ROOM)
    assert "The integration is deleted." in browser.get(ROOM).text
    assert browser.get(path).status_code == 404


def test_a_member_reads_and_is_offered_nothing(world: World) -> None:
    id = made(world)["id"]
    browser = as_member(world)
    assert "New integration" not in browser.get(ROOM).text
    page = browser.get(f"{ROOM}/{id}")
    assert page.status_code == 200
    assert "<form" not in page.text
    assert "Edit" not in page.text
    for act in ("new", f"{id}/edit", f"{id}/selectors"):
        assert browser.get(f"{ROOM}/{act}").status_code == 403


def test_another_organizations_integration_is_not_there(
    world: World, other_org: Provisioned
) -> None:
    body = {"name": "Theirs", "kind": "generic"}
    theirs = world.call("POST", "integrations/inbound", body, key=other_org.key).json["data"]["id"]
    browser = signed_in(world)
    for page in ("", "/edit", "/selectors", "/receipts"):
        assert browser.get(f"{ROOM}/{theirs}{page}").status_code == 404
    assert "Theirs" not in browser.get(ROOM).text


def test_what_is_pasted_for_scripts_is_what_the_guide_has(world: World) -> None:
    sent = post(
        signed_in(world), f"{ROOM}/new?tool=generic", {"kind": "generic", "name": "Scripts"}
    )
    lines = [line for line in html.unescape(sent.text).split("\n") if "curl --fail" in line]
    for line in lines:
        url, body = re.findall(r"curl --fail \S+/in/([\w-]+) --data '([^']+)'", line)[0]
        assert send(world, url, json.loads(body)).status_code == 202
    (alert,) = world.call("GET", "alerts").json["data"]["alerts"]
    assert (len(lines), alert["title"], alert["status"]) == (2, "Queue is stuck", "resolved")
