"""What of an organization's set-up works, and what is said where it does not (contract §11)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from incident_service import quickstart
from incident_service.clock import format_instant
from incident_service.onboarding.set_up import SetUp
from incident_service.paging import contact_methods
from incident_service.paging.page import Outcome
from incident_service.paging.roster import Roster
from incident_service.people import keys, organizations, users
from incident_service.people.caller import Caller
from tests.helpers.clocks import write_at
from tests.helpers.plans import scans, traced
from tests.helpers.rota import START, Rota
from tests.helpers.world import World

DAY = timedelta(days=1)

STEPS = ["person", "test_page", "schedule", "policy", "integration"]


class Organization:
    """An organization in which nothing is set up, at instants of a test's choice."""

    def __init__(self, app: Flask) -> None:
        database = app.extensions["incident_service.database"]
        org_id = write_at(START, database, organizations.create, name="Acme")
        admin = {"org_id": org_id, "email": "ada@example.com", "first_name": "Ada"}
        write_at(START, database, users.create, id="ada", role="org:admin", **admin)
        key = database.write(
            org_id, keys.create, org_id=org_id, user_id="ada", role="org:admin", name="key"
        )["key"]
        made = quickstart.Provisioned(org_id, "ada", "", "", "", key)
        self.world = World(app, database, app.test_client(), made)
        self.caller = Caller(org_id, "key", "ada", "org:admin")

    def look(self, now: datetime = START, *, by_email: bool = False) -> SetUp:
        with self.world.database.read() as db:
            return SetUp(db, self.caller, by_email, now=now)

    def done(self, now: datetime = START, *, by_email: bool = False) -> list[str]:
        return [step.name for step in self.look(now, by_email=by_email).steps if step.is_done]

    def said(
        self, kind: str | None = None, now: datetime = START, *, by_email: bool = False
    ) -> list[str]:
        warnings = self.look(now, by_email=by_email).warnings
        return [each.sentence for each in warnings if kind in (None, each.kind)]

    def user(self, id: str, *, reachable: bool = False) -> str:
        self.world.make("users", id=id, email=f"{id}@example.com", firstName=id.capitalize())
        if reachable:
            self.reach(id)
        return id

    def reach(self, id: str) -> str:
        body = {"label": "hook", "url": "https://example.com/"}
        method: str = self.world.make(f"users/{id}/contact-methods", **body)["id"]
        return method

    def schedule(self, name: str, *layers: dict[str, Any], timezone: str = "UTC") -> str:
        id: str = self.world.make("oncall/schedules", name=name, timezone=timezone)["id"]
        for layer in layers:
            self.world.make(f"oncall/schedules/{id}/layers", **layer)
        return id

    def override(self, schedule: str, user: str, since: float, until: float) -> None:
        window = {"startsAt": instant(since), "endsAt": instant(until)}
        self.world.make(f"oncall/schedules/{schedule}/overrides", userId=user, **window)

    def policy(self, name: str, *targets: str | Sequence[str], **condition: Any) -> str:
        steps = [
            {"targetType": "schedule", "targetId": target, "escalateAfterSeconds": 300}
            if isinstance(target, str)
            else {"targetType": "users", "userIds": [*target], "escalateAfterSeconds": 300}
            for target in targets
        ]
        if condition:
            steps = [{**step, "condition": condition} for step in steps]
        id: str = self.world.make("escalation/policies", name=name, steps=steps)["id"]
        return id

    def integration(self, name: str, made: datetime = START) -> dict[str, Any]:
        integration = self.world.make("integrations/inbound", name=name, kind="generic")
        self.world.execute(
            "UPDATE integrations SET created_at = ? WHERE id = ?",
            format_instant(made),
            integration["id"],
        )
        return integration


def instant(days: float) -> str:
    return format_instant(START + days * DAY)


def layer(*people: str, since: float = -1, until: float | None = None) -> dict[str, Any]:
    """A weekly rotation from and until so many days after the start, a Wednesday, 10:00 UTC."""
    return {
        "name": "Weekly",
        "rotationType": "weekly",
        "handoffTime": "10:00",
        "effectiveFrom": instant(since),
        "effectiveUntil": None if until is None else instant(until),
        "participantIds": list(people),
    }


@pytest.fixture
def acme(app: Flask) -> Organization:
    return Organization(app)


def test_an_empty_organization_has_all_to_do_and_nothing_that_is_wrong(acme: Organization) -> None:
    steps = acme.look().steps
    assert [step.name for step in steps] == STEPS
    assert [step.is_done for step in steps] == [False] * 5
    assert [step.id for step in steps] == ["ada", "ada", None, None, None]
    assert acme.said() == []


def test_each_step_is_ticked_once_it_works(acme: Organization) -> None:
    method = acme.reach("ada")
    assert acme.done() == STEPS[:1]

    def tried(delivered: bool) -> None:
        acme.world.database.write(
            acme.caller.org_id,
            contact_methods.record_outcome,
            acme.caller,
            "ada",
            method,
            delivered,
        )

    tried(False)
    assert acme.done() == STEPS[:1]
    tried(True)
    assert acme.done() == STEPS[:2]
    rota = acme.schedule("Rota")
    assert (acme.done(), acme.look().steps[2].id) == (STEPS[:2], rota)
    acme.world.make(f"oncall/schedules/{rota}/layers", **layer("ada", since=1))
    assert acme.done() == STEPS[:2]
    assert acme.done(START + DAY) == STEPS[:3]
    policy = acme.policy("Empty")
    assert (acme.done(START + DAY), acme.look().steps[3].id) == (STEPS[:3], policy)
    acme.policy("Page the rota", rota)
    assert acme.done() == STEPS[:2]
    assert acme.done(START + DAY) == STEPS[:4]
    tool = acme.integration("Tool")
    assert acme.look().steps[4].id == tool["id"]
    assert acme.world.client.post(f"/in/{tool['token']}", json={"title": "Down"}).status_code == 202
    assert acme.done(START + DAY) == STEPS
    assert [step.id for step in acme.look(START + DAY).steps] == [None] * 5
    tried(False)
    assert acme.done(START + DAY) == [name for name in STEPS if name != "test_page"]


def test_everybody_can_be_reached_where_there_is_a_mail_server(acme: Organization) -> None:
    acme.policy("Page Ada", ["ada"])
    assert acme.done() == []
    assert acme.done(by_email=True) == ["person", "policy"]
    assert acme.said() != []
    assert acme.said(by_email=True) == []


def test_a_page_that_was_mailed_is_a_page_that_arrived(rota: Rota) -> None:
    caller = Caller(rota.world.made.org_id, "key", rota.world.made.user_id, "org:admin")

    def has_arrived(*, by_email: bool = True) -> bool:
        with rota.world.database.read() as db:
            steps = SetUp(db, caller, by_email, now=START).steps
        return next(step.is_done for step in steps if step.name == "test_page")

    rota.world.execute("DELETE FROM contact_methods")
    rota.open(rota.policy(["a"]))
    rota.fire(0, by_email=True)
    assert rota.deliver(0, Outcome(False, "550 No such mailbox", True)) == 1
    assert not has_arrived()
    rota.open(rota.policy(["a"]))
    rota.fire(1, by_email=True)
    assert rota.deliver(1) == 1
    assert has_arrived()
    assert not has_arrived(by_email=False)


@pytest.mark.parametrize(
    ("outcome", "works"),
    [
        (Outcome(True), True),
        (Outcome(False, "503 Service Unavailable"), True),  # it is tried again
        (Outcome(False, "404 Not Found", True), False),
    ],
)
def test_a_page_tells_whether_a_contact_method_works(
    rota: Rota, outcome: Outcome, works: bool
) -> None:
    def works_since() -> list[str | None]:
        found = rota.world.rows("SELECT works_since FROM contact_methods WHERE user_id = 'a'")
        return [row["works_since"] for row in found]

    assert works_since() == [None]
    policy = rota.policy(["a"], ["a"])
    rota.open(policy)
    rota.fire(0)
    assert rota.deliver(0) == 1
    assert works_since() == [format_instant(START)]
    rota.open(policy)
    rota.fire(1)
    assert rota.deliver(1, outcome) == 1
    assert works_since() == [format_instant(START) if works else None]


@pytest.mark.parametrize(
    ("layers", "overrides", "sentences"),
    [
        ([], [], ["Nobody is on call on Rota within the next four weeks."]),
        ([layer("ada")], [], []),
        ([layer("ada", until=29)], [], []),
        ([layer("ada"), layer("ada", since=3, until=4)], [], []),
        (
            [layer("ada", until=7)],
            [],
            ["Nobody is on call on Rota from 2025-04-09 12:00 until 2025-04-30 12:00 "
             "(Europe/Berlin)."],
        ),
        (
            [layer("ada", since=2)],
            [(5, 6)],
            ["Nobody is on call on Rota from 2025-04-02 12:00 until 2025-04-04 12:00 "
             "(Europe/Berlin)."],
        ),
        ([layer("ada", until=7), layer("ada", since=8)], [(6.5, 8.5)], []),
        ([], [(-1, 40)], []),
        (
            [layer("ada", until=7), layer("ada", since=8, until=9)],
            [(10, 11), (12, 30)],
            ["Nobody is on call on Rota from 2025-04-09 12:00 until 2025-04-10 12:00 "
             "(Europe/Berlin), and 2 more times within four weeks."],
        ),
    ],
)  # fmt: skip
def test_a_schedule_with_gaps(
    acme: Organization,
    layers: list[dict[str, Any]],
    overrides: list[tuple[float, float]],
    sentences: list[str],
) -> None:
    rota = acme.schedule("Rota", *layers, timezone="Europe/Berlin")
    for since, until in overrides:
        acme.override(rota, "ada", since, until)
    acme.schedule("Another", layer("ada"))
    assert acme.said("schedule") == sentences
    assert acme.look().warnings_about("schedule", rota) == sentences


def test_a_policy_that_reaches_nobody(acme: Organization) -> None:
    acme.user("ben", reachable=True)
    empty, vain = acme.schedule("Empty"), acme.schedule("Vain", layer("ada"))
    later = acme.schedule("Later", layer("ada", "ben", since=7))
    too_late = acme.schedule("Too late", layer("ben", since=29))
    covered = acme.schedule("Covered")
    acme.override(covered, "ben", 3, 4)
    policies: dict[str, list[str | list[str]]] = {
        "A": [],
        "B": [["ada"]],
        "C": [empty, too_late],
        "D": [vain, ["ada"]],
        "E": [["ada", "ben"]],
        "F": [["ada"], later],
        "G": [covered],
    }
    for name, targets in policies.items():
        acme.policy(name, *targets)
    hours = acme.world.make(
        "working-hours", name="Sundays", timezone="UTC",
        windows=[{"days": [7], "start": "09:00", "end": "17:00"}],
    )  # fmt: skip
    acme.policy("H", ["ben"], workingHoursId=hours["id"], when="during")
    assert acme.said("escalation_policy") == [
        "A has no layers, so it pages nobody.",
        "B pages only people who have no way to be reached.",
        "C pages schedules on which nobody is on call within the next four weeks.",
        "D pages only people who have no way to be reached.",
    ]


@pytest.mark.parametrize(
    ("targets", "reaches"),
    [
        ([], False),
        ([["ada"]], False),
        ([["ada"], ["ben"]], True),
        (["empty"], False),
        (["ada"], False),
        (["ada", "later"], False),
        (["ada", "both"], True),
    ],
)
def test_the_step_of_the_policy_agrees_with_the_pager(
    acme: Organization, targets: list[str | list[str]], reaches: bool
) -> None:
    acme.user("ben", reachable=True)
    schedules = {
        "empty": acme.schedule("empty"),
        "ada": acme.schedule("ada", layer("ada")),
        "later": acme.schedule("later", layer("ben", since=1)),
        "both": acme.schedule("both", layer("ada"), layer("ben")),
    }
    chosen = [schedules[each] if isinstance(each, str) else each for each in targets]
    policy = acme.policy("P", *chosen)
    assert ("policy" in acme.done()) == reaches
    with acme.world.database.read() as db:
        roster = Roster(db, acme.caller.org_id, now=START, by_email=False)
        assert bool(roster.first_targets(policy)) == reaches


def test_people_who_are_needed_and_cannot_be_reached(acme: Organization) -> None:
    for id in ("ben", "cleo", "dan", "eve", "fay"):
        acme.user(id)
    acme.user("gus", reachable=True)
    first = acme.schedule("First", layer("ben", "cleo", "gus"))
    acme.schedule("Over", layer("fay", until=-0.5))
    acme.override(first, "dan", 3, 4)
    acme.policy("Policy", first, ["eve", "ben", "gus"])
    assert acme.said("user") == [
        "Ben is on call now on First and is needed in 1 more place, but has no way to be reached.",
        "Cleo takes turns on First, but has no way to be reached.",
        "Dan takes turns on First, but has no way to be reached.",
        "Eve is paged by Policy, but has no way to be reached.",
    ]
    assert acme.look().warnings_about("user", "eve") == [acme.said("user")[-1]]
    assert acme.look().warnings_about("user", "fay") == []
    acme.reach("eve")
    assert acme.look().warnings_about("user", "eve") == []


def test_an_integration_that_never_received_anything(acme: Organization) -> None:
    acme.integration("New", START - DAY + timedelta(seconds=1))
    acme.integration("Old", START - DAY)
    used = acme.integration("Used", START - 9 * DAY)
    acme.world.client.post(f"/in/{used['token']}", json={"title": "Down"})
    gone = acme.integration("Gone", START - 9 * DAY)
    acme.world.call("DELETE", f"integrations/inbound/{gone['id']}")
    assert acme.said("integration") == ["Old has received nothing yet."]


def test_what_is_deleted_is_not_spoken_of(acme: Organization) -> None:
    policy = acme.policy("P", ["ada"])
    rota = acme.schedule("Rota")
    assert len(acme.said()) == 3
    acme.world.call("DELETE", f"escalation/policies/{policy}")
    acme.world.call("DELETE", f"oncall/schedules/{rota}")
    assert acme.said() == []
    assert acme.done() == []


def test_nothing_is_said_of_another_organization(
    acme: Organization, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme.world.execute("UPDATE organizations SET name = 'Earlier'")
    other = Organization(app)
    other.reach("ada")
    rota = other.schedule("Rota", layer("ada"))
    other.override(rota, "ada", 3, 4)
    other.policy("P", rota, ["ada"])
    other.policy("Empty")
    other.schedule("Empty")
    other.integration("Old", START - 9 * DAY)
    assert len(other.said()) == 3
    assert acme.done() == []
    assert acme.said() == []


@pytest.mark.sqlite_only("how it finds rows")
def test_the_number_of_statements_does_not_grow_and_none_walks_through_a_table(
    acme: Organization,
) -> None:
    def look() -> list[str]:
        with traced(acme.world) as statements:
            found = acme.look()
            assert len(found.steps) == 5
            assert found.warnings_about("user", "nobody") == []
        return [text for text in statements if text.lstrip().startswith("SELECT")]

    before = len(look())
    for n in range(5):
        user = acme.user(f"user{n}", reachable=n % 2 == 0)
        rota = acme.schedule(f"Rota {n}", layer(user, until=9), layer("ada", since=12))
        acme.override(rota, user, 10, 11)
        acme.policy(f"Policy {n}", rota, [user])
        acme.integration(f"Tool {n}", START - 9 * DAY)
    assert len(acme.said()) >= 10
    statements = look()
    assert len(statements) == before <= 10
    assert [step for text in statements for step in scans(acme.world, text)] == []


def test_quickstart_s_organization_lacks_a_page_and_what_tools_send(world: World) -> None:
    now = world.database.clock()
    caller = Caller(world.made.org_id, "key", world.made.user_id, "org:admin")
    with world.database.read() as db:
        look = SetUp(db, caller, False, now=now)
    assert [step.name for step in look.steps if step.is_done] == ["schedule"]
    assert [(each.kind, each.id) for each in look.warnings] == [
        ("escalation_policy", world.made.policy_id),
        ("user", world.made.user_id),
    ]
