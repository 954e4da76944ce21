"""Sessions of the console: who is signed in, until when, and with which rights (contract §11)."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from incident_service.alerts import purges
from incident_service.clock import format_instant
from incident_service.errors import NotAuthorized, NotFound
from incident_service.people import callers, keys, sessions
from incident_service.people.caller import Caller
from incident_service.quickstart import Provisioned
from tests.helpers.clocks import write_at
from tests.helpers.plans import scans, traced
from tests.helpers.world import World

NOON = datetime(2025, 4, 7, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def start(
    world: World, now: datetime = NOON, user_id: str | None = None, **values: Any
) -> dict[str, Any]:
    who = user_id or world.made.user_id
    values = {"method": "link", "agent": "Firefox", **values}
    return write_at(now, world.database, sessions.start, world.made.org_id, who, **values)


def with_key(
    world: World, key: str, now: datetime = NOON, agent: str | None = "Firefox"
) -> dict[str, Any]:
    return write_at(now, world.database, sessions.start_with_key, key, agent)


def authenticate(world: World, token: str, now: datetime = NOON) -> tuple[Caller, bool]:
    with world.database.read() as db:
        return sessions.authenticate(db, token, now=now)


def signed_in(world: World, token: str, now: datetime = NOON) -> bool:
    try:
        authenticate(world, token, now)
    except NotAuthorized:
        return False
    return True


def listed(world: World, caller: Caller, now: datetime = NOON) -> list[str]:
    with world.database.read() as db:
        return [row["id"] for row in sessions.get_all(db, caller, now=now)]


def member_of(world: World, email: str = "ben@example.com") -> str:
    return str(world.make("users", email=email)["id"])


def key_of(world: World, user_id: str | None, role: str) -> dict[str, Any]:
    return world.make("api-keys", name="Key", role=role, **({"userId": user_id} if user_id else {}))


def log_of_sessions(world: World) -> list[dict[str, Any]]:
    answer = world.call("GET", "audit-events", resourceType="session")
    found: list[dict[str, Any]] = answer.json["data"]["auditEvents"]
    return found


def test_the_token_signs_its_user_in(world: World) -> None:
    made = start(world)
    caller, is_to_be_recorded = authenticate(world, made["token"])
    assert caller == Caller(
        world.made.org_id, made["id"], world.made.user_id, "org:admin", is_session=True
    )
    assert (caller.actor_id, caller.is_person) == (world.made.user_id, True)
    assert not is_to_be_recorded
    assert len({start(world)["token"] for _ in range(3)} | {made["token"]}) == 4


@pytest.mark.parametrize("token", ["", "x", "é🔥", "\ud800", "\0", "a" * 100_000])
def test_no_other_token_does(world: World, token: str) -> None:
    made = start(world)
    for wrong in (token, made["token"] + token[:1] + "x", made["token_hash"]):
        with pytest.raises(NotAuthorized, match="Sign in again"):
            authenticate(world, wrong)


def test_only_the_hash_of_a_token_is_kept(world: World) -> None:
    made = start(world)
    dump = [world.rows("SELECT * FROM sessions"), world.rows("SELECT * FROM changes")]
    assert made["token"] not in repr(dump)


def test_it_lasts_for_fourteen_days_since_its_last_use(world: World) -> None:
    token = start(world)["token"]
    end = NOON + timedelta(days=14)
    assert signed_in(world, token, end - timedelta(milliseconds=1))
    assert not signed_in(world, token, end)
    used = NOON + timedelta(days=13)
    caller, is_to_be_recorded = authenticate(world, token, used)
    assert is_to_be_recorded
    write_at(used, world.database, sessions.record_use, caller)
    assert signed_in(world, token, used + timedelta(days=14, milliseconds=-1))
    assert not signed_in(world, token, used + timedelta(days=14))


def test_its_use_is_recorded_once_a_minute_at_most(world: World) -> None:
    made = start(world)
    last = "SELECT last_used_at FROM sessions"
    for later, recorded in ((60, NOON), (61, NOON + timedelta(seconds=61))):
        caller, is_to_be_recorded = authenticate(
            world, made["token"], NOON + timedelta(seconds=later)
        )
        assert is_to_be_recorded == (recorded != NOON)
        write_at(NOON + timedelta(seconds=later), world.database, sessions.record_use, caller)
        assert world.rows(last) == [{"last_used_at": format_instant(recorded)}]


def test_the_role_is_the_user_s_at_that_moment(world: World) -> None:
    ben = member_of(world)
    made = start(world, user_id=ben)
    caller, _ = authenticate(world, made["token"])
    assert caller.role == "org:member"
    for role in ("org:admin", "org:member"):
        world.call("PATCH", f"users/{ben}", {"role": role})
        assert authenticate(world, made["token"])[0].role == role
        with world.database.read() as db:
            assert callers.authenticate_again(db, caller, now=NOON).role == role


def test_it_ends_with_its_user(world: World) -> None:
    ben = member_of(world)
    made = start(world, user_id=ben)
    caller, _ = authenticate(world, made["token"])
    assert world.call("DELETE", f"users/{ben}").status_code == 204
    assert not signed_in(world, made["token"])
    with world.database.read() as db, pytest.raises(NotAuthorized):
        callers.authenticate_again(db, caller, now=NOON)
    assert world.rows("SELECT * FROM sessions") == []
    event = log_of_sessions(world)[0]
    assert (event["action"], event["actorId"]) == ("deleted", world.made.user_id)


def test_who_is_not_there_cannot_sign_in(world: World) -> None:
    ben = member_of(world)
    world.call("DELETE", f"users/{ben}")
    for user_id in (ben, "nobody"):
        with pytest.raises(NotFound):
            start(world, user_id=user_id)


def test_a_user_lists_their_own_those_used_last_first(world: World) -> None:
    first, second = start(world), start(world, NOON + MINUTE)
    start(world, user_id=member_of(world))
    caller, _ = authenticate(world, first["token"], NOON + 2 * MINUTE)
    assert listed(world, caller, NOON + 2 * MINUTE) == [second["id"], first["id"]]
    write_at(NOON + 2 * MINUTE, world.database, sessions.record_use, caller)
    assert listed(world, caller, NOON + 2 * MINUTE) == [first["id"], second["id"]]
    assert listed(world, caller, NOON + MINUTE + timedelta(days=14)) == [first["id"]]
    by_key = Caller(world.made.org_id, "key", None, "org:admin")
    assert listed(world, by_key) == []


def test_a_user_ends_one_of_their_own(world: World) -> None:
    here, there = start(world), start(world)
    caller, _ = authenticate(world, here["token"])
    write_at(NOON, world.database, sessions.end, caller, there["id"])
    assert signed_in(world, here["token"])
    assert not signed_in(world, there["token"])
    write_at(NOON, world.database, sessions.end, caller, here["id"])
    assert not signed_in(world, here["token"])


def test_nobody_ends_another_s_even_as_an_admin(world: World, other_org: Provisioned) -> None:
    ben = start(world, user_id=member_of(world))
    stranger = start(world)
    theirs = Caller(other_org.org_id, "key", other_org.user_id, "org:admin")
    admin, _ = authenticate(world, stranger["token"])
    for caller, id in ((admin, ben["id"]), (theirs, ben["id"]), (admin, "no such")):
        with pytest.raises(NotFound):
            write_at(NOON, world.database, sessions.end, caller, id)
    assert signed_in(world, ben["token"])


def test_a_user_ends_all_others_of_theirs(world: World) -> None:
    ben = start(world, user_id=member_of(world))
    made = [start(world) for _ in range(3)]
    caller, _ = authenticate(world, made[1]["token"])
    assert write_at(NOON, world.database, sessions.end_others, caller) == 2
    assert [signed_in(world, each["token"]) for each in made] == [False, True, False]
    assert signed_in(world, ben["token"])


def test_of_too_many_the_one_ends_that_was_not_used_for_the_longest_time(world: World) -> None:
    made = [start(world, NOON + number * MINUTE) for number in range(sessions.MAX_SESSIONS)]
    later = NOON + timedelta(hours=1)
    write_at(later, world.database, sessions.record_use, authenticate(world, made[0]["token"])[0])
    ben = start(world, user_id=member_of(world))
    start(world, later)
    lasting = [each for each in made if signed_in(world, each["token"], later)]
    assert [each["id"] for each in made if each not in lasting] == [made[1]["id"]]
    assert signed_in(world, ben["token"], later)


def test_starting_and_ending_one_is_in_the_log(world: World) -> None:
    made = start(world, method="oidc", agent="Firefox/1")
    caller, _ = authenticate(world, made["token"])
    write_at(NOON, world.database, sessions.end, caller, made["id"])
    values = {"userId": world.made.user_id, "method": "oidc", "userAgent": "Firefox/1"}
    ended, started = log_of_sessions(world)
    assert (started["action"], started["before"], started["after"]) == ("created", None, values)
    assert (ended["action"], ended["before"], ended["after"]) == ("deleted", values, None)
    assert {event["resourceId"] for event in (started, ended)} == {made["id"]}
    assert {event["actorId"] for event in (started, ended)} == {world.made.user_id}


@pytest.mark.parametrize(
    ("agent", "kept"),
    [(None, None), ("", None), (" \0", None), ("é" * 300, "é" * 255), ("a\ud800", "a?")],
)
def test_what_a_browser_calls_itself_is_cut(
    world: World, agent: str | None, kept: str | None
) -> None:
    assert start(world, agent=agent)["user_agent"] == kept
    assert world.rows("SELECT user_agent FROM sessions") == [{"user_agent": kept}]


def test_a_key_signs_the_user_in_that_it_acts_for(world: World) -> None:
    made = with_key(world, world.made.key)
    caller, _ = authenticate(world, made["token"])
    assert (caller.user_id, caller.role) == (world.made.user_id, "org:admin")
    assert made["method"] == "api_key"
    assert log_of_sessions(world)[0]["after"]["method"] == "api_key"


def test_a_key_that_acts_for_itself_signs_nobody_in(world: World) -> None:
    key = key_of(world, None, "org:admin")["key"]
    with pytest.raises(NotAuthorized, match=r"acts for itself\. Use a key of a user\."):
        with_key(world, key)
    assert world.rows("SELECT * FROM sessions") == []


@pytest.mark.parametrize("how", ["unknown", "revoked", "expired"])
def test_a_key_that_opens_nothing_signs_nobody_in(world: World, how: str) -> None:
    expires = {"expires_at": "2025-04-07T12:00:01Z"} if how == "expired" else {}
    values = {"name": "Key", "role": "org:admin", "user_id": world.made.user_id, **expires}
    key = write_at(NOON, world.database, keys.create, org_id=world.made.org_id, **values)
    if how == "revoked":
        world.call("DELETE", f"api-keys/{key['id']}")
    text = "scl_live_x" if how == "unknown" else key["key"]
    with pytest.raises(NotAuthorized, match=how):
        with_key(world, text, NOON + timedelta(seconds=1))
    assert world.rows("SELECT * FROM sessions") == []


@pytest.mark.parametrize(
    ("of_user", "of_key", "role"),
    [
        ("org:admin", "org:admin", "org:admin"),
        ("org:admin", "org:member", "org:member"),
        ("org:member", "org:admin", "org:member"),
        ("org:member", "org:member", "org:member"),
    ],
)
def test_a_session_may_no_more_than_the_key_that_started_it(
    world: World, of_user: str, of_key: str, role: str
) -> None:
    ben = str(world.make("users", email="ben@example.com", role=of_user)["id"])
    made = with_key(world, key_of(world, ben, of_key)["key"])
    caller, _ = authenticate(world, made["token"])
    assert caller.role == role
    with world.database.read() as db:
        assert callers.authenticate_again(db, caller, now=NOON).role == role


def test_a_session_ends_with_the_key_that_started_it(world: World) -> None:
    values = {"name": "Key", "role": "org:admin", "user_id": world.made.user_id}
    expiring = write_at(
        NOON,
        world.database,
        keys.create,
        org_id=world.made.org_id,
        expires_at="2025-04-07T13:00:00Z",
        **values,
    )
    revoked = key_of(world, world.made.user_id, "org:admin")
    first, second = with_key(world, expiring["key"]), with_key(world, revoked["key"])
    caller, _ = authenticate(world, first["token"])
    later = NOON + timedelta(hours=1)
    assert signed_in(world, first["token"], later - timedelta(milliseconds=1))
    assert not signed_in(world, first["token"], later)
    world.call("DELETE", f"api-keys/{revoked['id']}")
    assert not signed_in(world, second["token"])
    assert listed(world, caller) == [first["id"]]
    assert listed(world, caller, later) == []


def test_signing_in_with_a_key_uses_it(world: World) -> None:
    key = key_of(world, world.made.user_id, "org:admin")
    with_key(world, key["key"])
    (row,) = world.rows(f"SELECT last_used_at FROM api_keys WHERE id = '{key['id']}'")
    assert row["last_used_at"] == format_instant(NOON)


def test_what_is_over_is_deleted(world: World) -> None:
    start(world)
    kept = start(world, NOON + MINUTE)
    end = NOON + timedelta(days=14)
    write_at(end - timedelta(milliseconds=1), world.database, purges.purge)
    assert len(world.rows("SELECT id FROM sessions")) == 2
    write_at(end, world.database, purges.purge)
    assert [row["id"] for row in world.rows("SELECT id FROM sessions")] == [kept["id"]]


def test_a_caller_with_a_key_is_still_asked_for_the_key(world: World) -> None:
    key = key_of(world, world.made.user_id, "org:admin")
    caller = Caller(world.made.org_id, key["id"], world.made.user_id, "org:admin")
    with world.database.read() as db:
        assert callers.authenticate_again(db, caller, now=NOON) == caller
    world.call("DELETE", f"api-keys/{key['id']}")
    with world.database.read() as db, pytest.raises(NotAuthorized, match="revoked"):
        callers.authenticate_again(db, caller, now=NOON)


def test_the_file_has_a_key_for_cookies_and_for_nothing_else(world: World) -> None:
    with world.database.read() as db:
        assert len(sessions.cookie_key(db)) == 32
    values = {row["value"] for row in world.rows("SELECT value FROM secrets")}
    assert len(values) == len(world.rows("SELECT name FROM secrets")) == 4


@pytest.mark.sqlite_only("how it finds rows")
def test_no_query_walks_through_a_table(world: World) -> None:
    with traced(world) as statements:
        made = with_key(world, world.made.key)
        other = start(world)
        caller, _ = authenticate(world, made["token"])
        with world.database.read() as db:
            callers.authenticate_again(db, caller, now=NOON)
        write_at(NOON + 2 * MINUTE, world.database, sessions.record_use, caller)
        listed(world, caller)
        write_at(NOON, world.database, sessions.end, caller, other["id"])
        write_at(NOON, world.database, sessions.end_others, caller)
        write_at(NOON + timedelta(days=99), world.database, purges.purge)
    found = [text for text in statements if re.match(r"\s*(SELECT|UPDATE|DELETE)\b", text)]
    assert len(found) > 10
    assert json.dumps([(text, scans(world, text)) for text in found if scans(world, text)]) == "[]"
