"""The message about an alert whose outcome is `notification`: to whom, and when (contract §10)."""

from __future__ import annotations

import logging
import re

import pytest

from incident_service import quickstart
from incident_service.clock import format_instant
from incident_service.paging import delivery
from incident_service.paging.page import AlertMessage, Link, Outcome
from incident_service.store import Row
from incident_service.store import deliveries as rows
from tests.helpers.clocks import write_at
from tests.helpers.duty import perform_at
from tests.helpers.monitoring import Tool, after, fire, resolved
from tests.helpers.plans import scans, traced
from tests.helpers.rota import FAILED, SENT, START, Rota, message_of


class Told:
    """People who can be told, and a tool whose mild alerts they are told of."""

    def __init__(self, rota: Rota) -> None:
        self.rota = rota
        self.world = rota.world
        self.tool = Tool(rota.world, name="Prometheus")

    def by(self, policy_id: str | None) -> None:
        """Let the organization's default policy be this one."""
        body = {"defaultEscalationPolicyId": policy_id}
        answer = self.world.call("PATCH", "organization", body)
        assert answer.status_code == 200, answer.json

    def told(self, seconds: float = 0, *, by_email: bool = False) -> list[str]:
        """Perform what is due; return who is sent a message, once for each method."""
        before = {row["id"] for row in self.rota.deliveries()}
        perform_at(self.world, after(seconds), by_email=by_email)
        return [row["user_id"] for row in self.rota.deliveries() if row["id"] not in before]

    def claim(self, seconds: float) -> list[delivery.Delivery]:
        wanted = [(row["org_id"], row["id"]) for row in self.rota.deliveries()]
        return write_at(
            after(seconds),
            self.world.database,
            delivery.claim,
            wanted,
            base_url="https://x.test",
            by_email=False,
        )

    def record(self, seconds: float, taken: delivery.Delivery, outcome: Outcome) -> None:
        database = self.world.database
        write_at(after(seconds), database, delivery.record, taken, outcome, jitter=0.0)


@pytest.fixture
def told(rota: Rota) -> Told:
    return Told(rota)


def test_whoever_the_first_layer_would_page_gets_one_message(told: Told) -> None:
    told.by(told.rota.policy(["b", "c"], ["a"]))
    told.tool.send(0, fire("disk", severity="low"))
    assert told.told() == ["b", "c"]
    assert told.told(3600) == []
    told.tool.send(3601, fire("disk", severity="low"))
    assert told.told(3601) == []


def test_a_schedule_tells_everybody_who_is_on_call_at_that_instant(told: Told) -> None:
    schedule = told.rota.make_schedule("Two", "a", "b")
    body = {
        "userId": "x",
        "startsAt": format_instant(after(600)),
        "endsAt": format_instant(after(1200)),
    }
    told.world.make(f"oncall/schedules/{schedule}/overrides", **body)
    told.by(told.rota.policy(schedule))
    told.tool.send(0, fire("disk", severity="low"))
    assert told.told(0) == ["a", "b"]
    told.tool.send(600, fire("other", severity="low"))
    assert told.told(600) == ["x", "b"]


def test_the_nearest_policy_decides(told: Told) -> None:
    made = told.world.made
    told.by(told.rota.policy(["a"]))
    told.tool.send(0, fire("organization", severity="low"))
    assert told.told() == ["a"]
    changes = {"escalationPolicyId": told.rota.policy(["b"]), "name": "Disks"}
    assert told.world.call("PATCH", f"components/{made.component_id}", changes).status_code == 200
    told.tool.send(0, fire("component", severity="low", attributes={"service": "disks"}))
    assert told.told() == ["b"]
    rule = "UPDATE routing_rules SET escalation_policy_id = ? WHERE severity = 'low'"
    told.world.execute(rule, told.rota.policy(["c"]))
    told.tool.send(0, fire("rule", severity="low", attributes={"service": "disks"}))
    assert told.told() == ["c"]


def test_each_method_gets_it_and_email_too(told: Told) -> None:
    told.rota.reach("b", "phone")
    told.by(told.rota.policy(["b"]))
    told.tool.send(0, fire("disk", severity="low"))
    assert told.told(by_email=True) == ["b", "b", "b"]


def test_a_layer_outside_its_hours_is_passed_over(told: Told) -> None:
    monday = [{"days": [1], "start": "09:00", "end": "17:00"}]
    hours = told.world.make("working-hours", name="Office", timezone="UTC", windows=monday)
    condition = {"workingHoursId": hours["id"], "when": "during"}  # the alerts come on a Wednesday
    told.by(told.rota.policy(["b"], ["c"], **condition))
    told.tool.send(0, fire("disk", severity="low"))
    assert told.told() == ["c"]
    told.by(told.rota.policy(["b"], **condition))
    told.tool.send(0, fire("other", severity="low"))
    assert told.told() == ["b"]  # conditions never keep everybody from being told


def test_a_layer_that_reaches_nobody_is_passed_over(told: Told) -> None:
    nobody = told.rota.make_schedule("Later", "a", since=after(3600))
    told.by(told.rota.policy(nobody, ["y"], ["c"]))
    told.tool.send(0, fire("disk", severity="low"))
    assert told.told() == ["c"]


@pytest.mark.parametrize("has_policy", [True, False])
def test_if_it_reaches_nobody_the_admins_get_it(told: Told, has_policy: bool) -> None:
    admin = told.world.made.user_id
    told.rota.reach(admin)
    told.by(told.rota.policy(["y"]) if has_policy else None)
    told.tool.send(0, fire("disk", severity="low"))
    assert told.told() == [admin]


def test_if_nobody_can_be_reached_the_log_says_so(
    told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    told.tool.send(0, fire("disk", severity="low"))
    assert told.told() == []
    (record,) = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert record.getMessage() == "a message about an alert reaches nobody"
    assert vars(record)["alertId"] == told.tool.alerts()[0]["id"]


def test_nothing_is_sent_about_what_is_over(told: Told) -> None:
    told.by(told.rota.policy(["b"]))
    told.tool.send(0, fire("disk", severity="low"))
    told.tool.send(0, resolved("disk"))
    assert told.told() == []


def test_a_message_that_has_not_left_is_called_off_once_the_alert_is_over(told: Told) -> None:
    told.by(told.rota.policy(["b"]))
    told.tool.send(0, fire("disk", severity="low"))
    assert told.told() == ["b"]
    (taken,) = told.claim(0)
    told.record(1, taken, FAILED)
    told.tool.send(2, resolved("disk"))
    assert told.claim(60) == []
    assert told.rota.deliveries() == []
    assert outcomes(told) == {"sent": 0, "failed": 1}


def test_the_message_is_the_alert_as_it_came(told: Told) -> None:
    told.by(told.rota.policy(["b"]))
    links = [Link("Graph", "https://prometheus.example.com/graph?g0.expr=up%20%3D%3D%200&g0.tab=1")]
    sent = fire(
        "disk",
        severity="medium",
        title="Disk is full",
        description="On db-1.",
        attributes={"host": "db-1"},
        links=links,
    )
    told.tool.send(0, sent)
    told.told()
    (taken,) = told.claim(0)
    (alert,) = told.tool.alerts()
    assert taken.url == "https://example.com/b/hook"
    assert taken.message == AlertMessage(
        id=taken.row["id"],
        org_id=told.tool.org_id,
        user_id="b",
        user_email="b@example.com",
        title="Disk is full",
        description="On db-1.",
        severity="medium",
        alert_id=alert["id"],
        integration_id=told.tool.id,
        integration="Prometheus",
        component=None,
        attributes={"host": "db-1"},
        links=tuple(links),
        first_at=format_instant(START),
    )


def outcomes(told: Told) -> dict[str, int]:
    with told.world.database.read() as db:
        return rows.outcomes(db)


def test_the_outcome_is_counted_and_logged(told: Told, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    told.by(told.rota.policy(["b"]))
    told.tool.send(0, fire("disk", severity="low"))
    told.told()
    (taken,) = told.claim(0)
    delivery.log_outcome(taken.row, SENT)
    told.record(1, taken, SENT)
    assert (told.rota.deliveries(), outcomes(told)) == ([], {"sent": 1, "failed": 0})
    (record,) = [each for each in caplog.records if each.getMessage() == "message sent"]
    assert vars(record)["alertId"] == told.tool.alerts()[0]["id"]
    assert told.world.rows("SELECT * FROM audit_events") == []


def test_one_that_fails_is_tried_again_for_half_an_hour(told: Told) -> None:
    told.by(told.rota.policy(["b"]))
    told.tool.send(0, fire("disk", severity="low"))
    told.told()
    tries = 0
    for seconds in range(0, 3600, 30):
        for taken in told.claim(seconds):
            told.record(seconds, taken, FAILED)
            tries += 1
    assert tries > 5
    assert (told.rota.deliveries(), outcomes(told)) == ([], {"sent": 0, "failed": tries})


def test_the_last_message_of_a_storm_says_that_there_are_many(told: Told) -> None:
    told.by(told.rota.policy(["b"]))
    told.tool.send(0, *(fire(f"disk {n}", severity="low") for n in range(50)))
    assert told.told() == ["b"] * 21
    titles = sorted(message_of(taken).title for taken in told.claim(0))
    assert titles[0] == "Alert storm: Prometheus"
    assert not any(title.startswith("Alert storm") for title in titles[1:])


def test_another_organization_is_told_nothing(
    told: Told, other_org: quickstart.Provisioned
) -> None:
    told.by(told.rota.policy(["b"]))
    theirs = Tool(told.world, other_org.org_id)
    theirs.send(0, fire("disk", severity="low"))
    assert told.told() == []


def test_a_user_who_is_deleted_meanwhile_gets_none(told: Told) -> None:
    told.by(told.rota.policy(["b"]))
    told.tool.send(0, fire("disk", severity="low"))
    told.told()
    told.world.execute("UPDATE users SET deleted_at = '2025' WHERE id = 'b'")
    assert told.claim(0) == []
    assert (told.rota.deliveries(), outcomes(told)) == ([], {"sent": 0, "failed": 1})


def kinds(rows: list[Row]) -> set[str]:
    return {row["kind"] for row in rows}


def test_messages_and_pages_leave_together(told: Told) -> None:
    told.by(told.rota.policy(["b"]))
    told.tool.send(0, fire("disk", severity="low"))
    told.rota.open(None, owner="c")
    told.told()
    told.rota.fire(0)
    taken = told.claim(0)
    assert kinds([each.row for each in taken]) == {"alert", "page"}
    assert {each.row["user_id"] for each in taken} == {"b", "c"}


@pytest.mark.sqlite_only("how it finds rows")
def test_no_query_of_a_message_walks_through_a_table(told: Told) -> None:
    told.by(told.rota.policy(["b"]))
    told.tool.send(0, fire("disk", severity="low"))
    with traced(told.world) as statements:
        told.told()
        (taken,) = told.claim(0)
        told.record(1, taken, SENT)
    found = [text for text in statements if re.match(r"\s*(SELECT|WITH|UPDATE|DELETE)\b", text)]
    own_rows = re.compile(r"SCAN (each|organization)\b")
    steps = [scan for text in found for scan in scans(told.world, text)]
    # The test itself reads all deliveries.
    assert {step for step in steps if not own_rows.match(step)} <= {"SCAN deliveries"}
