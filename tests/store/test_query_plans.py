"""No reading call walks through a table: every statement finds its rows by an index."""

from __future__ import annotations

import itertools
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from shutil import copy

import pytest

from incident_service import clock
from incident_service.alerts import intake, over, reading, suppressed
from incident_service.database.engine import Connection
from incident_service.http import cursor
from incident_service.paging import firing
from incident_service.paging.lookout import DUE, LANES, LANES_OF_QUEUE, Lookout
from incident_service.people.caller import Caller
from incident_service.store import deliveries, maintenance_windows, timers
from tests.helpers.clocks import write_at
from tests.helpers.duty import perform_at
from tests.helpers.monitoring import Tool, acknowledge, after, fire, resolved
from tests.helpers.plans import plan, scans, traced, walks
from tests.helpers.subscribed import subscribe
from tests.helpers.world import World

pytestmark = pytest.mark.sqlite_only("the plans of its queries")


def selects(world: World, path: str, query: dict[str, str]) -> list[str]:
    """Make the call; return the queries that it ran, without those of the index of words itself."""
    with traced(world) as statements:
        answer = world.call("GET", path, **query)
    assert answer.status_code == 200, answer.json
    queries = [text for text in statements if re.match(r"\s*(SELECT|WITH)\b", text)]
    found = [text for text in queries if "incident_words_" not in text]
    assert found, statements
    return found


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first test leaves a copy of what it filled, for the next."""
    return tmp_path_factory.mktemp("filled") / "filled.db"


@pytest.fixture
def filled(world: World, template: Path) -> World:
    """The world with something of everything, so that no query is left out."""
    path = world.file.path
    if template.exists():
        world.database.close()
        copy(template, path)
    else:
        fill(world)
        world.database.close()
        copy(path, template)
    return world


def fill(world: World) -> None:
    made, user = world.made, world.made.user_id
    for _ in range(3):
        assert world.post().status_code == 201
    hours = world.make(
        "working-hours",
        name="Office",
        timezone="UTC",
        windows=[{"days": [1], "start": "09:00", "end": "17:00"}],
    )
    world.make(
        f"oncall/schedules/{made.schedule_id}/overrides",
        userId=user,
        startsAt="2025-04-07T08:00:00Z",
        endsAt="2035-04-07T08:00:00Z",
    )
    step = {
        "targetType": "users",
        "userIds": [user],
        "escalateAfterSeconds": 60,
        "condition": {"workingHoursId": hours["id"], "when": "during"},
    }
    world.make("escalation/policies", name="Other", steps=[step])
    shown = [made.component_id]
    overrides = {made.component_id: "degraded"}
    world.make("status-pages", slug="one", title="One", componentIds=shown, overrides=overrides)
    planned = {"startsAt": "2025-04-07T08:00:00Z", "componentIds": shown}
    world.make("maintenance-windows", title="Upgrade", **planned)
    tool = world.make("integrations/inbound", name="Tool", kind="generic")
    (routing,) = world.call("GET", "routing/policies").json["data"]
    selector = {"matchers": [{"key": "a", "value": "b"}], "routingPolicyId": routing["id"]}
    path = f"integrations/inbound/{tool['id']}/selectors"
    assert world.call("PUT", path, {"selectors": [selector]}).status_code == 200
    sent = [{"title": severity, "severity": severity} for severity in ("critical", "low")]
    assert world.client.post(f"/in/{tool['token']}", json=sent).status_code == 202
    (incident,) = world.rows("SELECT id FROM incidents WHERE sequential_id = 2")
    world.make(f"incidents/{incident['id']}/updates", visibility="internal", body="Looking.")
    assert world.call("POST", "incidents/3/resolve").status_code == 200
    assert world.call("PUT", "incidents/3/postmortem", {"body": "Learned."}).status_code == 200


DAY = {"from": "2025-04-07", "to": "2035-04-07"}
FILTERS: list[dict[str, str]] = [
    {},
    {"status": "investigating"},
    {"status": "open"},
    {"severity": "critical"},
    {"ownerId": "{user_id}"},
    {"componentId": "{component_id}"},
    {"from": DAY["from"]},
    {"to": DAY["to"]},
    DAY,
    {"q": "payment"},
]
COMBINED: list[dict[str, str]] = [
    {"status": "investigating", "severity": "critical"},
    {"status": "open", "severity": "critical"},
    {"status": "open", "ownerId": "{user_id}", "componentId": "{component_id}", **DAY},
    {"status": "investigating", "ownerId": "{user_id}", **DAY},
    {"severity": "critical", "componentId": "{component_id}"},
    {"ownerId": "{user_id}", "componentId": "{component_id}", **DAY},
    {
        "status": "investigating",
        "severity": "critical",
        "ownerId": "{user_id}",
        "componentId": "{component_id}",
        **DAY,
    },
    {"q": "payment error", **DAY},
    *({"q": "payment", **query} for query in FILTERS[1:6]),
    {"q": "p", "status": "open", "ownerId": "{user_id}", "componentId": "{component_id}", **DAY},
]


@pytest.mark.parametrize("paged", [False, True], ids=["first", "next"])
@pytest.mark.parametrize("filters", FILTERS + COMBINED, ids=lambda query: "+".join(query) or "all")
def test_the_list_of_incidents(filled: World, filters: dict[str, str], paged: bool) -> None:
    query = {name: value.format(**asdict(filled.made)) for name, value in filters.items()}
    query["limit"] = "1"
    if paged:
        page = filled.call("GET", "incidents", **query).json["data"]
        query["cursor"] = page["nextCursor"]
    found = selects(filled, "incidents", query)
    (of_page,) = (text for text in found if re.search(r"SELECT incident\.\*", text))
    assert [walk for text in found for walk in walks(filled, text)] == []
    assert [step for step in plan(filled, of_page) if "ORDER BY" in step] == []


@pytest.mark.parametrize("paged", [False, True], ids=["first", "next"])
@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"resourceType": "user"},
        {"resourceId": "{user_id}"},
        {"actorId": "{user_id}"},
        DAY,
        {"resourceType": "schedule", "actorId": "{user_id}", **DAY},
    ],
    ids=lambda query: "+".join(query) or "all",
)
def test_the_audit_log(filled: World, filters: dict[str, str], paged: bool) -> None:
    query = {name: value.format(**asdict(filled.made)) for name, value in filters.items()}
    query["limit"] = "1"
    if paged:
        page = filled.call("GET", "audit-events", **query).json["data"]
        query["cursor"] = page["nextCursor"] or cursor.encode("audit-events", 1) or ""
    found = selects(filled, "audit-events", query)
    assert [walk for text in found for walk in walks(filled, text)] == []
    assert [step for text in found for step in plan(filled, text) if "ORDER BY" in step] == []


@pytest.mark.parametrize("paged", [False, True], ids=["first", "next"])
def test_the_list_of_maintenance(filled: World, paged: bool) -> None:
    shown = [filled.made.component_id]
    filled.make(
        "maintenance-windows", title="B", startsAt=DAY["from"] + "T00:00:00Z", componentIds=shown
    )
    query = {"limit": "1"}
    if paged:
        query["cursor"] = filled.call("GET", "maintenance-windows", **query).json["data"][
            "nextCursor"
        ]
    found = selects(filled, "maintenance-windows", query)
    assert [walk for text in found for walk in walks(filled, text)] == []
    (of_page,) = (text for text in found if "LIMIT" in text)
    assert [step for step in plan(filled, of_page) if "ORDER BY" in step] == []


@pytest.mark.parametrize("paged", [False, True], ids=["first", "next"])
def test_the_list_of_subscriptions(filled: World, paged: bool) -> None:
    for _ in range(2):
        subscribe(filled)
    query = {"limit": "1"}
    if paged:
        page = filled.call("GET", "subscriptions", **query).json["data"]
        query["cursor"] = page["nextCursor"]
    found = selects(filled, "subscriptions", query)
    assert [walk for text in found for walk in walks(filled, text)] == []
    (of_page,) = (text for text in found if "LIMIT" in text)
    assert [step for step in plan(filled, of_page) if "ORDER BY" in step] == []


def test_events_that_wait_for_a_subscription(filled: World) -> None:
    id, key = subscribe(filled), filled.made.org_id
    for _ in range(2):
        filled.post()

    def all_about_it(db: Connection, *, now: datetime) -> None:
        assert deliveries.events_waiting(db, key, id, limit=200) == 2
        deliveries.release_event(db, key, id, at="2025-01-01T00:00:00.000Z")
        deliveries.redirect_events(db, key, id, "elsewhere")
        deliveries.delete_events(db, key, id)

    with traced(filled) as statements:
        filled.database.write(None, all_about_it)
    about = [text for text in statements if "deliveries" in text]
    assert len(about) == 5
    assert [walk for text in about for walk in walks(filled, text)] == []


@pytest.mark.parametrize(
    "find",
    [
        maintenance_windows.active,
        maintenance_windows.suppressed_component_ids,
        lambda db, org_id, *, at: maintenance_windows.is_full(db, org_id, 9, at=at),
        lambda db, org_id, *, at: maintenance_windows.public_turns(db, org_id, at, at),
    ],
    ids=["active", "suppressed", "full", "turns"],
)
def test_past_maintenance_is_not_looked_at(filled: World, find: Callable[..., object]) -> None:
    with traced(filled) as statements, filled.database.read() as db:
        find(db, filled.made.org_id, at=clock.now())
    (query,) = (text for text in statements if text.lstrip().startswith("SELECT"))
    steps = plan(filled, query)
    assert [step for step in steps if step.endswith("maintenance_windows_by_end (org_id=?)")] == []
    found = {step.removeprefix("CO-ROUTINE ") for step in steps}
    of_a_table = [walk for walk in walks(filled, query) if walk.removeprefix("SCAN ") not in found]
    assert of_a_table == []


WINDOW = {"from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"}


@pytest.mark.parametrize(
    "path",
    [
        "components",
        "users",
        "team/members",
        "api-keys",
        "working-hours",
        "oncall",
        "oncall/schedules",
        "escalation/policies",
        "status-pages",
        "maintenance-windows",
        "routing/policies",
        "integrations/inbound",
        "postmortem-template",
    ],
)
def test_the_lists_of_configuration(filled: World, path: str) -> None:
    found = selects(filled, path.format(**asdict(filled.made)), {})
    assert [scan for text in found for scan in scans(filled, text)] == []


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("incidents/{incident_id}", {}),
        ("incidents/{incident_id}/audit-trail", {}),
        ("incidents/{incident_id}/updates", {}),
        ("incidents/{incident_id}/timeline.md", {}),
        ("incidents/{learned_id}/postmortem", {}),
        ("incidents/{learned_id}/postmortem/versions", {}),
        ("incidents/{learned_id}/postmortem/versions/1", {}),
        ("components/{component_id}", {}),
        ("escalation/policies/{policy_id}", {}),
        ("users/{user_id}", {}),
        ("users/{user_id}/notification-rules", {}),
        ("working-hours/{hours_id}", {}),
        ("status-pages/{page_id}", {}),
        ("maintenance-windows/{maintenance_id}", {}),
        ("organization", {}),
        ("routing/policies/{routing_id}", {}),
        ("integrations/inbound/{integration_id}", {}),
        ("integrations/inbound/{integration_id}/receipts", {}),
        ("alerts", {"status": "firing"}),
        ("alerts", {"severity": "low"}),
        ("alerts", {"integrationId": "{integration_id}"}),
        ("alerts", {"incidentId": "{incident_id}"}),
        ("alerts", {"status": "firing", "severity": "low", "integrationId": "{integration_id}"}),
        ("alerts/{alert_id}", {}),
        ("incidents/{incident_id}/alerts", {}),
        ("oncall/schedules/{schedule_id}", {}),
        ("oncall/schedules/{schedule_id}/overrides", {}),
        ("oncall/schedules/{schedule_id}/overrides", WINDOW),
        ("oncall/schedules/{schedule_id}/resolve", {}),
        ("oncall/schedules/{schedule_id}/resolve", {"at": "2026-01-01T00:00:00Z"}),
        ("oncall/schedules/{schedule_id}/shifts", WINDOW),
    ],
)
def test_what_asks_for_one_thing(filled: World, path: str, query: dict[str, str]) -> None:
    (incident,) = filled.rows("SELECT id FROM incidents WHERE sequential_id = 2")
    (hours,) = filled.rows("SELECT id FROM working_hours")
    (page,) = filled.rows("SELECT id FROM status_pages")
    (window,) = filled.rows("SELECT id FROM maintenance_windows")
    (routing,) = filled.rows("SELECT id FROM routing_policies")
    (integration,) = filled.rows("SELECT id FROM integrations")
    alert, *_ = filled.rows("SELECT id FROM alerts")
    (learned,) = filled.rows("SELECT incident_id FROM postmortem_versions")
    names = {
        **asdict(filled.made),
        "incident_id": incident["id"],
        "hours_id": hours["id"],
        "page_id": page["id"],
        "maintenance_id": window["id"],
        "routing_id": routing["id"],
        "integration_id": integration["id"],
        "alert_id": alert["id"],
        "learned_id": learned["incident_id"],
    }
    query = {name: value.format(**names) for name, value in query.items()}
    found = selects(filled, path.format(**names), query)
    assert [walk for text in found for walk in walks(filled, text)] == []


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM incidents",
        "SELECT id FROM incidents WHERE org_id = 'org_' || id ORDER BY sequential_id",
        "SELECT count(*) FROM incidents AS incident WHERE title = 'x'",
        "SELECT * FROM json_each('[]') AS asked JOIN incidents ON incidents.title = asked.value",
    ],
)
def test_a_query_without_an_index_is_noticed(world: World, statement: str) -> None:
    assert scans(world, statement)


def test_a_query_that_reads_all_of_an_organization_is_noticed(world: World) -> None:
    statement = "SELECT * FROM incidents WHERE org_id = 'x' AND title = 'y'"
    assert not scans(world, statement)
    assert walks(world, statement)


def test_an_order_without_an_index_is_noticed(world: World) -> None:
    steps = plan(world, "SELECT * FROM incidents WHERE org_id = 'x' ORDER BY title")
    assert any("USE TEMP B-TREE FOR ORDER BY" in step for step in steps)


def test_what_is_due(filled: World) -> None:
    database = filled.database
    database.write(None, firing.fire_due, [filled.made.org_id], by_email=True)
    at = "2099-01-01T00:00:00.000Z"
    with traced(filled) as statements, database.read() as db:
        timers.due_organizations(db, at)
        timers.first_due(db, filled.made.org_id, at)
        timers.next_due_at(db)
        deliveries.next_due_at(db)
        deliveries.page_due_at(db, at)
        assert Lookout().due(db, at=at, each=8)
        (one,) = Lookout().due(db, at=at, each=1)[:1]
        about = deliveries.about(db, [{**one, "kind": "page"}])
        assert list(about) == [one["id"]]
    found = [text for text in statements if re.match(r"\s*(SELECT|WITH)\b", text)]
    assert len(found) == 13
    own_rows = re.compile(r"SCAN (lane|queue|organization|each)\b")
    steps = [scan for text in found for scan in scans(filled, text)]
    assert [step for step in steps if not own_rows.match(step)] == []


def add_deliveries(world: World, sql: str) -> None:
    """Add rows whose organizations, incidents and users need not be there."""
    with closing(sqlite3.connect(world.file.path)) as db, db:
        db.execute(sql)


@pytest.mark.parametrize(
    ("user", "receiver"),
    [("'u'", "'r' || (n % 10)"), ("'u'", "n"), ("n / 20", "n % 20"), ("n", "'mail'")],
    ids=["deep lanes", "receivers", "persons and receivers", "persons"],
)
def test_what_is_due_is_found_among_many(filled: World, user: str, receiver: str) -> None:
    """However much another has waiting, a round is short: the work is counted, not the time.

    And in some rounds all of it is looked at.
    """
    add_deliveries(
        filled,
        f"""
        WITH RECURSIVE n (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM n WHERE n < 30000)
        INSERT INTO deliveries (
            org_id, id, incident_id, user_id, receiver, attempts, created_at, due_at)
        SELECT 'a', 'id' || n, '', {user}, {receiver}, n % 3, '2025', '2025'
        FROM n UNION ALL SELECT 'b', 'b', '', 'u', 'r', 0, '2025', '2025'
        """,
    )
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    lookout = Lookout()
    seen: set[tuple[str, str]] = set()
    (lanes,) = filled.rows(
        "SELECT count(*) AS n FROM (SELECT DISTINCT user_id, receiver FROM deliveries)"
    )
    rounds = 2 + lanes["n"] // LANES_OF_QUEUE
    with filled.file.read() as db:
        db.set_progress_handler(count, 100)
        for _ in range(rounds):
            steps = 0
            found = lookout.due(db, at="2026", each=8)
            assert "b" in {row["org_id"] for row in found}
            assert len(found) <= DUE
            assert steps < 2000  # a look at every row would take 1200 more than the 1300 of a round
            seen |= {(row["recipient_id"], row["receiver"]) for row in found}
        db.set_progress_handler(None, 0)
    assert len(seen) == lanes["n"]


def test_what_is_due_in_many_organizations(filled: World) -> None:
    """A round looks at some of them, the next at others."""
    add_deliveries(
        filled,
        """
        WITH RECURSIVE n (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM n WHERE n < 6000)
        INSERT INTO deliveries (
            org_id, id, incident_id, user_id, receiver, attempts, created_at, due_at)
        SELECT n, 'id', '', 'u', 'r', n % 2, '2025', '2025' FROM n
        """,
    )
    lookout = Lookout()
    with filled.database.read() as db:
        rounds = [lookout.due(db, at="2026", each=8) for _ in range(3)]
    assert [len(found) for found in rounds] == [LANES] * 3
    assert len({row["org_id"] for found in rounds for row in found}) >= 6000


STATEMENT = re.compile(r"\s*(SELECT|WITH|UPDATE|DELETE)\b")

BOUNDED = re.compile(
    r"SCAN (asked|component|maintenance|organization|paging_presence)\b|"
    r"SEARCH (components|policy|maintenance_windows) USING|"
    r"SEARCH routing_policies USING INDEX routing_policies_default |"
    r"SEARCH alerts USING INDEX alerts_suppressed "
)
"""What is read whole because it is bounded: what was asked for, an organization's components, its
routing policies, its maintenance that is not over, and the alerts that this suppresses now."""


def walked(world: World, statements: list[str]) -> list[str]:
    """Return the steps of the statements that go through what grows, each once."""
    found = [text for text in statements if STATEMENT.match(text)]
    steps = [step for text in found for step in walks(world, text)]
    return sorted({step for step in steps if not BOUNDED.match(step)})


def test_taking_in_alerts(filled: World) -> None:
    tool = Tool(filled, default_severity="low", component_id=filled.made.component_id)
    about = {"service": "payments"}
    caller = Caller(filled.made.org_id, "key", None, "org:admin")
    with traced(filled) as statements:
        tool.send(0, *[fire(f"{n}", severity="high", attributes=about) for n in range(25)])
        tool.send(1, fire("low"), fire("0", severity="critical"), acknowledge("1"))
        tool.send(2, fire("low", severity="high"), *[resolved(f"{n}") for n in range(25)])
        perform_at(filled, after(62))
        write_at(after(63), filled.database, reading.resolve, caller, tool.alerts()[-1]["id"])
        filled.database.write(
            filled.made.org_id, over.resolve_all_of, filled.made.org_id, tool.id, limit=5
        )
        task = {"org_id": filled.made.org_id, "kind": "end_maintenance", "subject_id": "x"}
        filled.database.write(filled.made.org_id, suppressed.release, task, by_email=False)
    assert len(statements) > 200
    assert walked(filled, statements) == []


def test_a_known_alert_costs_two_statements(filled: World) -> None:
    """Whatever becomes of it when it is new, and however many there are."""
    tool = Tool(filled)
    tool.send(0, fire("a"))
    row = tool.row()
    with traced(filled) as statements:
        write_at(after(1), filled.database, intake.take_in, row, [fire("a")])
    words = [text.split()[0] for text in statements]
    assert [word for word in words if word != "PRAGMA"] == ["BEGIN", "SELECT", "UPDATE", "COMMIT"]


@pytest.mark.parametrize("paged", [False, True], ids=["first", "next"])
@pytest.mark.parametrize(
    "names",
    [
        names
        for number in range(5)
        for names in itertools.combinations(
            ["status", "severity", "integrationId", "incidentId"], number
        )
    ],
    ids=lambda names: "+".join(names) or "all",
)
def test_the_list_of_alerts(filled: World, names: tuple[str, ...], paged: bool) -> None:
    tool = Tool(filled)
    tool.send(0, *[fire(f"{n}", group="g", severity="high") for n in range(3)])
    values = {
        "status": "firing",
        "severity": "high",
        "integrationId": tool.id,
        "incidentId": tool.incidents()[0]["id"],
    }
    query = {name: values[name] for name in names} | {"limit": "1"}
    if paged:
        query["cursor"] = filled.call("GET", "alerts", **query).json["data"]["nextCursor"]
    found = selects(filled, "alerts", query)
    (of_page,) = (text for text in found if "FROM alerts" in text)
    own = [] if names else walks(filled, of_page)  # the newest of all: an index in its order
    assert [walk for text in found for walk in walks(filled, text)] == own
    assert [step for step in plan(filled, of_page) if "ORDER BY" in step] == []


@pytest.mark.parametrize("filters", [{}, {"status": "firing"}, {"severity": "critical"}])
def test_the_list_of_alerts_reads_no_more_than_it_shows(
    filled: World, filters: dict[str, str]
) -> None:
    tool = filled.make("integrations/inbound", name="Other", kind="generic")
    sent = [{"title": f"{n}", "severity": "critical"} for n in range(3)]
    assert filled.client.post(f"/in/{tool['token']}", json=sent).status_code == 202
    page = filled.call("GET", "alerts", limit="1", **filters).json["data"]
    for query in (filters, {**filters, "cursor": page["nextCursor"]}):
        (found,) = (text for text in selects(filled, "alerts", query) if "FROM alerts" in text)
        steps = plan(filled, found)
        assert [step for step in steps if "ORDER BY" in step or step.startswith("SCAN")] == []


def test_what_a_tool_sends_finds_its_rows_by_indexes(filled: World) -> None:
    tool = filled.make("integrations/inbound", name="Other", kind="generic")
    sent: list[dict[str, object]] = [
        {"title": "A", "severity": "critical", "attributes": {"component": "x"}},
        {"title": "B", "severity": "low"},
    ]
    for status in ("firing", "firing", "resolved"):
        alerts = [{**alert, "status": status} for alert in sent]
        with traced(filled) as statements:
            answer = filled.client.post(f"/in/{tool['token']}", json=alerts)
        assert answer.status_code == 202
        found = [text for text in statements if re.match(r"\s*(SELECT|WITH|UPDATE|DELETE)\b", text)]
        assert found
        assert [scan for text in found for scan in scans(filled, text)] == []


def test_what_keeps_a_routing_policy_is_found_by_indexes(filled: World) -> None:
    (routing,) = filled.call("GET", "routing/policies").json["data"]
    other = filled.make(
        "routing/policies",
        name="Other",
        rules=[
            {"severity": severity, "outcome": "drop"}
            for severity in ("critical", "high", "medium", "low")
        ],
    )
    with traced(filled) as statements:
        for id in (routing["id"], other["id"]):
            filled.call("DELETE", f"routing/policies/{id}")
        filled.call("DELETE", f"escalation/policies/{filled.made.policy_id}")
        filled.call("DELETE", f"components/{filled.made.component_id}")
    found = [text for text in statements if re.match(r"\s*(SELECT|WITH|UPDATE|DELETE)\b", text)]
    assert [scan for text in found for scan in scans(filled, text)] == []


def test_what_changes_a_schedule_finds_its_rows_by_indexes(filled: World) -> None:
    user, path = filled.made.user_id, f"oncall/schedules/{filled.made.schedule_id}"
    (layer,) = filled.call("GET", path).json["data"]["layers"]
    (override,) = filled.call("GET", f"{path}/overrides").json["data"]
    names = ("name", "rotationType", "handoffTime", "effectiveFrom")
    body = {name: layer[name] for name in names}
    span = {"startsAt": "2036-04-07T08:00:00Z", "endsAt": "2036-04-08T08:00:00Z"}
    calls = [
        ("POST", "preview", {"layers": [{**body, "participantIds": [user, user]}]}),
        ("POST", "layers", {**body, "participantIds": [user]}),
        ("PUT", f"layers/{layer['id']}", {**body, "participantIds": [user, user]}),
        ("DELETE", f"layers/{layer['id']}", ...),
        ("POST", "overrides/bulk", {"overrides": [{"userId": user, **span}]}),
        ("PATCH", f"overrides/{override['id']}", {"endsAt": "2034-04-07T08:00:00Z"}),
        ("DELETE", f"overrides/{override['id']}", ...),
    ]
    with traced(filled) as statements:
        for method, part, sent in calls:
            answer = filled.call(method, f"{path}/{part}", sent)
            assert answer.status_code in (200, 201, 204), answer.json
    found = [text for text in statements if re.match(r"\s*(SELECT|WITH|UPDATE|DELETE)\b", text)]
    assert found
    assert [walk for text in found for walk in walks(filled, text)] == []
