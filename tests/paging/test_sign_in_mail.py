"""Asking for a link by email, and the mail that the paging process sends (contract §11)."""

from __future__ import annotations

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
from incident_service.paging import delivery, signing_in, wording
from incident_service.paging.lookout import Lookout
from incident_service.paging.page import Outcome, SignInLink
from incident_service.paging.pager import Pager
from incident_service.people import organizations, sign_in_links, users
from tests.helpers.clocks import write_at
from tests.helpers.plans import scans, traced
from tests.helpers.receivers import Mailbox, taking_mail
from tests.helpers.waiting import wait_for
from tests.helpers.world import World

NOON = datetime(2025, 4, 7, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
BASE = "https://oncall.example.com"
ADMIN = "admin@example.com"


def request(
    world: World, email: str = ADMIN, now: datetime = NOON, *, by_email: bool = True
) -> None:
    write_at(now, world.database, signing_in.request, email, by_email)


def claim(world: World, now: datetime = NOON) -> list[delivery.Delivery]:
    with world.database.read() as db:
        due = Lookout().due(db, at=format_instant(now), each=100)
    wanted = [(row["org_id"], row["id"]) for row in due]
    return write_at(now, world.database, delivery.claim, wanted, base_url=BASE, by_email=False)


def record(world: World, now: datetime, taken: delivery.Delivery, outcome: Outcome) -> None:
    write_at(now, world.database, delivery.record, taken, outcome, jitter=0.0)


def waiting(world: World) -> list[dict[str, Any]]:
    return world.rows("SELECT * FROM deliveries")


def links(world: World) -> list[dict[str, Any]]:
    return world.rows("SELECT * FROM sign_in_links ORDER BY id")


def token_of(world: World, link: dict[str, Any]) -> str:
    with world.database.read() as db:
        return sign_in_links.token_of(db, link["id"])


def member_elsewhere(world: World, organization: str, email: str = ADMIN) -> str:
    org_id = world.database.write(None, organizations.create, name=organization)
    world.database.write(org_id, users.create, org_id=org_id, email=email, role="org:member")
    return org_id


@pytest.fixture
def mailbox(world: World) -> Iterator[tuple[Mailbox, Pager]]:
    """A mail server, and a pager that knows it."""
    with taking_mail() as (box, port):
        smtp_url = f"smtp://127.0.0.1:{port}?from=oncall@example.org"
        settings = Settings(
            database=world.database.where, smtp_url=smtp_url, base_url=BASE, delivery_networks="any"
        )
        yield box, Pager(world.database, settings, perform=duties.perform, purge=purges.purge)


def mails(box: Mailbox) -> list[EmailMessage]:
    contents = [envelope.content for envelope in box.got if isinstance(envelope.content, bytes)]
    return [message_from_bytes(content, policy=policy.default) for content in contents]


def test_the_pager_mails_it(world: World, mailbox: tuple[Mailbox, Pager]) -> None:
    box, pager = mailbox
    world.execute("UPDATE organizations SET name = 'Acme'")
    request(world, "Admin@EXAMPLE.com")
    (link,) = links(world)
    world.execute("UPDATE sign_in_links SET expires_at = '2099-04-14T12:15:00.000Z'")

    def is_done() -> bool:
        pager.work()
        return not waiting(world)

    wait_for(is_done)
    assert [envelope.rcpt_tos for envelope in box.got] == [[ADMIN]]
    (mail,) = mails(box)
    assert mail["Subject"] == "Sign in to Acme"
    assert mail["Importance"] is None
    assert mail.get_content().replace("\r\n", "\n").strip() == (
        "Open this link to sign in to Acme on incident-service:\n"
        f"{BASE}/sign-in/{token_of(world, link)}\n\n"
        "It works once, until 12:15 UTC: 15 minutes from when it was asked for. Keep it to "
        "yourself.\n\n"
        "If you did not ask for it, leave it: nobody is signed in without this link."
    )
    assert world.rows("SELECT * FROM page_outcomes WHERE number > 0") == []


def test_the_link_of_the_mail_signs_in(world: World) -> None:
    request(world)
    (taken,) = claim(world)
    assert isinstance(taken.message, SignInLink)
    assert taken.url is None
    token = taken.message.url.removeprefix(f"{BASE}/sign-in/")
    session = write_at(NOON, world.database, sign_in_links.use, token, None)
    assert (session["user_id"], session["method"]) == (world.made.user_id, "mail")


def test_each_organization_of_the_email_has_a_link_of_its_own(world: World) -> None:
    world.execute("UPDATE organizations SET name = 'Acme'")
    beta = member_elsewhere(world, "Beta")
    member_elsewhere(world, "Gamma", "other@example.com")
    request(world)
    messages = [taken.message for taken in claim(world)]
    assert sorted(
        (message.org_id, message.organization)
        for message in messages
        if isinstance(message, SignInLink)
    ) == sorted([(world.made.org_id, "Acme"), (beta, "Beta")])
    assert len({link["token_hash"] for link in links(world)}) == 2


def test_no_more_than_ten_organizations_of_an_email_have_one(world: World) -> None:
    for number in range(11):
        member_elsewhere(world, f"{number}")
    request(world)
    assert len(links(world)) == len(waiting(world)) == 10


@pytest.mark.parametrize("email", ["nobody@example.com", "", "é🔥", "x" * 10_000])
def test_an_email_that_is_nobody_s_leaves_the_same_trace_but_no_mail(
    world: World, email: str
) -> None:
    request(world, email)
    assert len(world.rows("SELECT * FROM sign_in_requests")) == 1
    assert (links(world), waiting(world)) == ([], [])
    assert email[:5] not in repr(world.rows("SELECT * FROM sign_in_requests")) or not email


@pytest.mark.sqlite_only("how it finds rows")
def test_as_much_is_written_for_nobody_as_for_a_user(world: World) -> None:
    """Or how long the answer takes would tell which emails are users'."""
    written = []
    for email in (ADMIN, "nobody@example.com"):
        with traced(world) as statements:
            request(world, email)
        found = [re.match(r"\s*INSERT INTO (\w+)", text) for text in statements]
        written.append([each[1] for each in found if each])
    assert written == [["sign_in_requests", "sign_in_links", "deliveries"]] * 2
    assert len(waiting(world)) == 1


def test_before_there_are_users_a_request_does_nothing(world: World) -> None:
    world.execute("UPDATE users SET deleted_at = created_at")
    request(world)
    assert (links(world), waiting(world)) == ([], [])


def test_a_deleted_user_gets_none(world: World) -> None:
    ben = world.make("users", email="ben@example.com")["id"]
    request(world, "ben@example.com")
    assert len(waiting(world)) == 1
    world.call("DELETE", f"users/{ben}")
    assert (links(world), waiting(world)) == ([], [])
    request(world, "ben@example.com")
    assert (links(world), waiting(world)) == ([], [])


def test_without_a_mail_server_nothing_happens(world: World) -> None:
    request(world, by_email=False)
    assert world.rows("SELECT * FROM sign_in_requests") == []
    assert (links(world), waiting(world)) == ([], [])


@pytest.mark.parametrize("email", [ADMIN, "nobody@example.com"])
def test_beyond_two_in_ten_minutes_quietly_nothing_happens(world: World, email: str) -> None:
    for seconds in range(8):
        request(world, email.upper(), NOON + timedelta(seconds=seconds))
    mailed = len(waiting(world))
    assert mailed == (2 if email == ADMIN else 0)
    assert len(world.rows("SELECT * FROM sign_in_requests")) == 2
    member = world.make("users", email="ben@example.com")
    request(world, member["email"])
    assert len(waiting(world)) == mailed + 1
    end = NOON + timedelta(minutes=10)
    request(world, email, end - timedelta(milliseconds=1))
    assert len(world.rows("SELECT * FROM sign_in_requests")) == 3
    request(world, email, end)
    assert len(world.rows("SELECT * FROM sign_in_requests")) == 4


def test_nobody_is_kept_out_by_another_who_asks_for_their_links(world: World) -> None:
    for minute in range(61):
        now = NOON + minute * MINUTE
        request(world, now=now)
        newest = max(link["expires_at"] for link in links(world))
        assert newest >= format_instant(now + 5 * MINUTE)


def test_each_try_carries_the_same_link(world: World) -> None:
    request(world)
    seen = []
    for minutes in (0, 1, 2):
        (taken,) = claim(world, NOON + minutes * MINUTE)
        assert isinstance(taken.message, SignInLink)
        seen.append((taken.message.id, taken.message.url))
        record(world, NOON + minutes * MINUTE, taken, Outcome(False, "no connection"))
    (link,) = links(world)
    assert seen == [(taken.message.id, f"{BASE}/sign-in/{token_of(world, link)}")] * 3


def test_it_is_tried_for_as_long_as_it_is_good(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "incident_service.paging")
    request(world)
    (link,) = links(world)
    failed, tries = Outcome(False, "no connection"), []
    for seconds in range(0, 1800, 10):
        now = NOON + timedelta(seconds=seconds)
        for taken in claim(world, now):
            tries.append(now)
            record(world, now, taken, failed)
            delivery.log_outcome(taken.row, failed)
    assert waiting(world) == []
    assert len(tries) > 5 and tries[-1] < NOON + 15 * MINUTE
    assert world.rows("SELECT * FROM page_outcomes WHERE number > 0") == []
    lines = [record.__dict__ for record in caplog.records]
    assert {(line["message"], line["signInLinkId"], line["reason"]) for line in lines} == {
        ("link to sign in failed", link["id"], "no connection")
    }
    assert token_of(world, link) not in repr(lines)


@pytest.mark.parametrize("tried", [False, True], ids=["waiting", "under way"])
@pytest.mark.parametrize("how", ["used", "over", "deleted once over", "user deleted"])
def test_one_that_is_over_is_not_mailed_any_more(world: World, how: str, tried: bool) -> None:
    ben = world.make("users", email="ben@example.com")["id"]
    request(world, "ben@example.com")
    (link,) = links(world)
    before = claim(world) if tried else []
    later = NOON + 5 * MINUTE
    if how == "used":
        write_at(later, world.database, sign_in_links.use, token_of(world, link), None)
    elif how == "user deleted":
        world.call("DELETE", f"users/{ben}")
    else:
        later = NOON + 15 * MINUTE
        if how == "deleted once over":
            write_at(later, world.database, purges.purge)
    assert claim(world, later) == []
    for taken in before:
        record(world, later, taken, Outcome(False, "no connection"))
    assert waiting(world) == []


def test_pages_go_first(world: World) -> None:
    request(world)
    assert [row["rank"] for row in waiting(world)] == [2]
    claim(world)
    assert [row["rank"] for row in waiting(world)] == [3]


def test_requests_are_forgotten_after_ten_minutes(world: World) -> None:
    request(world)
    end = NOON + timedelta(minutes=10)
    write_at(end - timedelta(milliseconds=1), world.database, purges.purge)
    assert len(world.rows("SELECT * FROM sign_in_requests")) == 1
    write_at(end, world.database, purges.purge)
    assert world.rows("SELECT * FROM sign_in_requests") == []


def test_a_name_says_no_more_than_a_name() -> None:
    message = SignInLink(
        id="1",
        org_id="org_1",
        user_email=ADMIN,
        organization="Acme\r\nBcc: all@example.com\n\nPay here: " + "x" * 500,
        url=f"{BASE}/sign-in/t",
        expires_at="2025-04-07T12:15:00.000Z",
    )
    subject, text = wording.sign_in_link(message)
    assert len(subject) < 200
    assert "\n" not in subject and "\r" not in text
    assert text.count("\n\n") == 2


@pytest.mark.sqlite_only("how it finds rows")
def test_no_query_walks_through_a_table(world: World) -> None:
    with traced(world) as statements:
        request(world)
        (taken,) = claim(world)
        record(world, NOON, taken, Outcome(False, "no connection"))
        request(world, "nobody@example.com")
        write_at(NOON + timedelta(hours=1), world.database, purges.purge)
    found = [text for text in statements if re.match(r"\s*(SELECT|WITH|UPDATE|DELETE)\b", text)]
    own_rows = re.compile(r"SCAN (lane|queue|each)\b")
    steps = [(text, scan) for text in found for scan in scans(world, text)]
    assert [step for step in steps if not own_rows.match(step[1])] == []
