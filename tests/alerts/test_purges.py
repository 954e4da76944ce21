"""What is kept for a time only: receipts and alerts that are over (contract §10)."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from incident_service.alerts import purges
from incident_service.clock import format_instant
from incident_service.paging import inviting
from incident_service.people.caller import Caller
from incident_service.store import receipts
from tests.helpers.clocks import write_at
from tests.helpers.monitoring import Tool, after, fire, resolved
from tests.helpers.plans import scans, traced
from tests.helpers.world import World


def purge(world: World, later: timedelta) -> bool:
    return write_at(after(0) + later, world.database, purges.purge)


def keep_receipt(tool: Tool, number: int, at: str) -> None:
    tool.world.database.write(
        None,
        lambda db, now: receipts.put(
            db,
            org_id=tool.org_id,
            integration_id=tool.id,
            number=number,
            id=str(number),
            at=at,
            status=202,
            body="{}",
            result={},
        ),
    )


def test_receipts_go_after_seven_days(world: World) -> None:
    tool = Tool(world)
    keep_receipt(tool, 1, format_instant(after(0)))
    keep_receipt(tool, 2, format_instant(after(1)))
    assert purge(world, timedelta(days=7, seconds=-1)) is False
    assert len(world.rows("SELECT id FROM receipts")) == 2
    purge(world, timedelta(days=7))
    assert [row["id"] for row in world.rows("SELECT id FROM receipts")] == ["2"]


def test_alerts_go_ninety_days_after_they_were_resolved(world: World) -> None:
    tool = Tool(world)
    tool.send(0, fire("over", severity="low"), fire("fires", severity="low"), fire("of incident"))
    tool.send(0, resolved("over"), resolved("of incident"))
    purge(world, timedelta(days=90, seconds=-1))
    assert len(tool.alerts()) == 3
    purge(world, timedelta(days=90))
    assert sorted(alert["dedup_key"] for alert in tool.alerts()) == ["fires", "of incident"]


def test_invitations_go_thirty_days_after_their_end(world: World) -> None:
    caller = Caller(world.made.org_id, "key", None, "org:admin")
    for minutes, address in ((0, "a@example.com"), (1, "b@example.com")):
        write_at(
            after(0) + timedelta(minutes=minutes),
            world.database,
            inviting.invite,
            caller,
            address,
            "org:member",
            True,
        )
    purge(world, timedelta(days=37, seconds=-1))
    assert len(world.rows("SELECT id FROM invitations")) == 2
    purge(world, timedelta(days=37))
    assert [row["email"] for row in world.rows("SELECT email FROM invitations")] == [
        "b@example.com"
    ]
    assert len(world.rows("SELECT id FROM deliveries")) == 1


def test_many_go_in_small_writes(
    world: World,
) -> None:
    tool = Tool(world)
    number = purges.DELETED_A_WRITE + 1
    tool.send(0, *(fire(str(n), severity="low") for n in range(number)))
    tool.send(0, *(resolved(str(n)) for n in range(number)))
    assert purge(world, timedelta(days=91)) is True
    assert len(tool.alerts()) == 1
    assert purge(world, timedelta(days=91)) is False
    assert tool.alerts() == []


def test_a_message_that_never_left_keeps_no_alert(world: World) -> None:
    tool = Tool(world)
    tool.send(0, fire("over", severity="low"), resolved("over"))
    (alert,) = tool.alerts()
    world.execute(
        """
        INSERT INTO deliveries (org_id, id, alert_id, user_id, kind, receiver, created_at, due_at)
        VALUES (?, 'one', ?, ?, 'alert', 'mail', '2025', '2025')
        """,
        tool.org_id,
        alert["id"],
        world.made.user_id,
    )
    purge(world, timedelta(days=91))
    assert (tool.alerts(), world.rows("SELECT id FROM deliveries")) == ([], [])


@pytest.mark.sqlite_only("how it finds rows")
def test_no_purge_walks_through_a_table(world: World) -> None:
    tool = Tool(world)
    tool.send(0, fire("over", severity="low"), resolved("over"))
    keep_receipt(tool, 1, "2025")
    with traced(world) as statements:
        purge(world, timedelta(days=91))
    found = [text for text in statements if re.match(r"\s*(SELECT|DELETE)\b", text)]
    assert len(found) >= 4
    assert [scan for text in found for scan in scans(world, text)] == []
