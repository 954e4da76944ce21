"""The mail of an invitation, which the paging process sends (contract §6)."""

from __future__ import annotations

import dataclasses
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest

from incident_service.alerts import duties, purges
from incident_service.clock import format_instant
from incident_service.config import Settings
from incident_service.paging import delivery, inviting, wording
from incident_service.paging.lookout import Lookout
from incident_service.paging.page import Invitation, Outcome
from incident_service.paging.pager import Pager
from incident_service.people import invitations
from incident_service.people.caller import Caller
from tests.helpers.clocks import write_at
from tests.helpers.plans import scans, traced
from tests.helpers.receivers import Mailbox, taking_mail
from tests.helpers.waiting import wait_for
from tests.helpers.world import World

NOON = datetime(2025, 4, 7, 12, tzinfo=UTC)
BASE = "https://oncall.example.com"


def invite(
    world: World, now: datetime = NOON, address: str = "eve@example.com", *, by_email: bool = True
) -> dict[str, Any]:
    caller = Caller(world.made.org_id, "key", world.made.user_id, "org:admin")
    return write_at(now, world.database, inviting.invite, caller, address, "org:member", by_email)


def claim(world: World, now: datetime) -> list[delivery.Delivery]:
    with world.database.read() as db:
        due = Lookout().due(db, at=format_instant(now), each=100)
    wanted = [(row["org_id"], row["id"]) for row in due]
    return write_at(now, world.database, delivery.claim, wanted, base_url=BASE, by_email=False)


def record(world: World, now: datetime, taken: delivery.Delivery, outcome: Outcome) -> None:
    write_at(now, world.database, delivery.record, taken, outcome, jitter=0.0)


def waiting(world: World) -> list[dict[str, Any]]:
    return world.rows("SELECT * FROM deliveries")


@pytest.fixture
def mailbox(world: World) -> Iterator[tuple[Mailbox, Pager]]:
    """A mail server, and a pager that knows it."""
    with taking_mail() as (box, port):
        smtp_url = f"smtp://127.0.0.1:{port}?from=oncall@example.org"
        settings = Settings(
            database=world.database.where, smtp_url=smtp_url, base_url=BASE, delivery_networks="any"
        )
        pager = Pager(world.database, settings, perform=duties.perform, purge=purges.purge)
        yield box, pager


def mails(box: Mailbox) -> list[EmailMessage]:
    contents = [envelope.content for envelope in box.got if isinstance(envelope.content, bytes)]
    return [message_from_bytes(content, policy=policy.default) for content in contents]


def run(pager: Pager, is_so: Any) -> None:
    def is_done() -> bool:
        pager.work()
        return bool(is_so())

    wait_for(is_done)


def test_the_pager_mails_it(world: World, mailbox: tuple[Mailbox, Pager]) -> None:
    box, pager = mailbox
    names = {"firstName": "Ada", "lastName": "Lovelace"}
    world.call("PATCH", f"users/{world.made.user_id}", names)
    world.execute("UPDATE organizations SET name = 'Acme'")
    made = invite(world)
    world.execute("UPDATE invitations SET expires_at = '2099-04-14T12:00:00.000Z'")
    run(pager, lambda: not waiting(world))
    assert [envelope.rcpt_tos for envelope in box.got] == [["eve@example.com"]]
    (mail,) = mails(box)
    assert mail["Subject"] == "Ada Lovelace invites you to join Acme"
    assert mail["Importance"] is None
    assert mail.get_content().replace("\r\n", "\n").strip() == (
        "Ada Lovelace invites you to join Acme on incident-service, where incidents are handled "
        "and people are on call.\n\n"
        f"To accept, open this link:\n{BASE}/invitations/{made['token']}\n\n"
        "It works once, until 14 April 2099, 12:00 UTC: 7 days from the invitation. Keep it to "
        "yourself.\n\n"
        "If you do not know what this is about, leave it: nothing happens then."
    )
    assert world.rows("SELECT * FROM page_outcomes WHERE number > 0") == []


def test_a_call_mails_it_if_there_is_a_mail_server(world: World) -> None:
    extensions, key = world.app.extensions, "incident_service.settings"
    for number, smtp_url in enumerate(("", "smtp://127.0.0.1:1?from=a@example.org")):
        extensions[key] = dataclasses.replace(extensions[key], smtp_url=smtp_url)
        world.make("team/members/invite", emailAddress=f"{number}@example.com")
    (row,) = waiting(world)
    (second,) = world.rows("SELECT id FROM invitations WHERE email = '1@example.com'")
    assert (row["invitation_id"], row["kind"], row["receiver"]) == (
        second["id"],
        "invitation",
        "mail",
    )
    assert (row["user_id"], row["contact_method_id"]) == (None, None)


def test_each_try_carries_the_same_link(world: World) -> None:
    made = invite(world)
    seen = []
    for minutes in (0, 1, 2):
        (taken,) = claim(world, NOON + timedelta(minutes=minutes))
        assert isinstance(taken.message, Invitation)
        assert taken.url is None
        seen.append((taken.message.id, taken.message.url))
        record(world, NOON + timedelta(minutes=minutes), taken, Outcome(False, "no connection"))
    assert seen == [(taken.message.id, f"{BASE}/invitations/{made['token']}")] * 3


def test_it_is_tried_for_half_an_hour(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "incident_service.paging")
    made = invite(world)
    failed = Outcome(False, "no connection")
    for minutes in range(60):
        for taken in claim(world, NOON + timedelta(minutes=minutes)):
            record(world, NOON + timedelta(minutes=minutes), taken, failed)
            delivery.log_outcome(taken.row, failed)
    assert waiting(world) == []
    assert world.rows("SELECT * FROM page_outcomes WHERE number > 0") == []
    lines = [record.__dict__ for record in caplog.records]
    assert len(lines) > 5
    assert {(line["message"], line["invitationId"], line["reason"]) for line in lines} == {
        ("invitation failed", made["id"], "no connection")
    }
    assert made["token"] not in repr(lines)


@pytest.mark.parametrize("tried", [False, True], ids=["waiting", "under way"])
@pytest.mark.parametrize("how", ["revoked", "replaced", "accepted", "expired"])
def test_one_that_is_over_is_not_mailed_any_more(world: World, how: str, tried: bool) -> None:
    made = invite(world)
    before = claim(world, NOON) if tried else []
    caller, later = Caller(world.made.org_id, "key", None, "org:admin"), NOON + timedelta(minutes=5)
    if how == "revoked":
        write_at(later, world.database, invitations.revoke, caller, made["id"])
    elif how == "replaced":
        invite(world, later, by_email=False)
    elif how == "accepted":
        write_at(later, world.database, invitations.accept, made["token"], "Eve", None)
    else:
        later = NOON + timedelta(days=7)
    assert claim(world, later) == []
    for taken in before:
        record(world, later, taken, Outcome(False, "no connection"))
    assert waiting(world) == []


def test_it_is_mailed_until_the_instant_at_which_it_ends(world: World) -> None:
    invite(world)
    assert claim(world, NOON + timedelta(days=7, milliseconds=-1))


def test_pages_go_first(world: World) -> None:
    invite(world)
    assert [row["rank"] for row in waiting(world)] == [2]
    claim(world, NOON)
    assert [row["rank"] for row in waiting(world)] == [3]


def test_a_key_invites_in_nobody_s_name(world: World) -> None:
    caller = Caller(world.made.org_id, "key", None, "org:admin")
    world.execute("UPDATE organizations SET name = 'Acme'")
    write_at(NOON, world.database, inviting.invite, caller, "eve@example.com", "org:member", True)
    (taken,) = claim(world, NOON)
    assert isinstance(taken.message, Invitation)
    subject, text = wording.invitation(taken.message)
    assert subject == "You are invited to join Acme"
    assert text.startswith("You are invited to join Acme on")


def test_names_say_no_more_than_names(world: World) -> None:
    """The mail goes to people who do not know the organization."""
    message = Invitation(
        id="1",
        org_id="org_1",
        user_email="eve@example.com",
        organization="Acme\n\nPay here: " + "x" * 500,
        inviter="Ada\r\nBcc: all@example.com " + "y" * 500,
        url=f"{BASE}/invitations/t",
        expires_at="2025-04-14T12:00:00.000Z",
    )
    subject, text = wording.invitation(message)
    assert len(subject) < 300
    assert "\n" not in subject and "\r" not in text
    assert text.count("\n\n") == 3
    assert max(map(len, text.splitlines())) < 400


@pytest.mark.sqlite_only("how it finds rows")
def test_no_query_walks_through_a_table(world: World) -> None:
    with traced(world) as statements:
        made = invite(world)
        (taken,) = claim(world, NOON)
        record(world, NOON, taken, Outcome(False, "no connection"))
        caller = Caller(world.made.org_id, "key", None, "org:admin")
        write_at(NOON, world.database, invitations.revoke, caller, made["id"])
    found = [text for text in statements if re.match(r"\s*(SELECT|WITH|UPDATE|DELETE)\b", text)]
    own_rows = re.compile(r"SCAN (lane|queue|each)\b")
    steps = [scan for text in found for scan in scans(world, text)]
    assert [step for step in steps if not own_rows.match(step)] == []
