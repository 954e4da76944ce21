"""Links that sign a user in: once, for 15 minutes (contract §11)."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from incident_service.alerts import purges
from incident_service.errors import NotFound
from incident_service.people import sessions, sign_in_links
from tests.helpers.clocks import write_at
from tests.helpers.plans import scans, traced
from tests.helpers.world import World

NOON = datetime(2025, 4, 7, 12, tzinfo=UTC)
END = NOON + timedelta(minutes=15)
JUST_BEFORE = END - timedelta(milliseconds=1)


def create(world: World, user_id: str | None = None) -> dict[str, Any]:
    who = user_id or world.made.user_id
    return write_at(NOON, world.database, sign_in_links.create, world.made.org_id, who)


def find(world: World, token: str, now: datetime = NOON) -> dict[str, Any]:
    with world.database.read() as db:
        return sign_in_links.find(db, token, now=now)


def use(world: World, token: str, now: datetime = NOON) -> dict[str, Any]:
    return write_at(now, world.database, sign_in_links.use, token, "Firefox")


def links(world: World) -> list[dict[str, Any]]:
    return world.rows("SELECT * FROM sign_in_links")


def test_it_signs_its_user_in(world: World) -> None:
    made = create(world)
    session = use(world, made["token"], JUST_BEFORE)
    assert (session["user_id"], session["method"]) == (world.made.user_id, "link")
    assert session["user_agent"] == "Firefox"
    with world.database.read() as db:
        caller, _ = sessions.authenticate(db, session["token"], now=JUST_BEFORE)
    assert (caller.user_id, caller.role) == (world.made.user_id, "org:admin")
    assert session["token"] != made["token"]


def test_looking_at_it_says_whose_it_is_and_uses_nothing_up(world: World) -> None:
    world.execute("UPDATE organizations SET name = 'Acme'")
    token = create(world)["token"]
    for _ in range(2):
        found = find(world, token, JUST_BEFORE)
        assert (found["organization_name"], found["user_email"]) == ("Acme", "admin@example.com")
    assert use(world, token, JUST_BEFORE)


def test_it_works_once(world: World) -> None:
    token = create(world)["token"]
    use(world, token)
    for again in (use, find):
        with pytest.raises(NotFound, match="was used before"):
            again(world, token)
    assert links(world) == []


def test_of_many_who_use_it_at_once_one_is_signed_in(world: World) -> None:
    token = world.database.write(
        world.made.org_id, sign_in_links.create, world.made.org_id, world.made.user_id
    )["token"]

    def is_signed_in(_: int) -> bool:
        try:
            world.database.write(world.made.org_id, sign_in_links.use, token, None)
        except NotFound:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(is_signed_in, range(8))) == 1
    assert len(world.rows("SELECT id FROM sessions")) == 1


def test_it_ends_after_fifteen_minutes(world: World) -> None:
    token = create(world)["token"]
    for late in (find, use):
        with pytest.raises(NotFound, match="older than 15 minutes"):
            late(world, token, END)
    assert world.rows("SELECT * FROM sessions") == []


@pytest.mark.parametrize("change", [str.upper, lambda t: t[:-1], lambda t: t + "0", lambda _: ""])
def test_no_other_token_works(world: World, change: Callable[[str], str]) -> None:
    made = create(world)
    for wrong in (change(made["token"]), made["token_hash"], made["id"], "\ud800", "a" * 10_000):
        with pytest.raises(NotFound):
            use(world, wrong)
    assert len(links(world)) == 1


def test_it_ends_with_its_user(world: World) -> None:
    ben = world.make("users", email="ben@example.com")["id"]
    token = create(world, ben)["token"]
    world.call("DELETE", f"users/{ben}")
    with pytest.raises(NotFound):
        use(world, token)
    assert links(world) == []
    with pytest.raises(NotFound, match=ben):
        create(world, ben)


def test_only_the_hash_of_a_token_is_kept(world: World) -> None:
    made = create(world)
    assert made["token"] not in repr(links(world))
    with world.database.read() as db:
        assert sign_in_links.token_of(db, made["id"]) == made["token"]
    assert create(world)["token"] != made["token"]


def test_one_that_is_over_is_deleted(world: World) -> None:
    create(world)
    write_at(JUST_BEFORE, world.database, purges.purge)
    assert len(links(world)) == 1
    write_at(END, world.database, purges.purge)
    assert links(world) == []


@pytest.mark.sqlite_only("how it finds rows")
def test_no_query_walks_through_a_table(world: World) -> None:
    with traced(world) as statements:
        token = create(world)["token"]
        find(world, token)
        use(world, token)
        write_at(END, world.database, purges.purge)
        world.call("DELETE", f"users/{world.make('users', email='ben@example.com')['id']}")
    found = [text for text in statements if re.match(r"\s*(SELECT|UPDATE|DELETE)\b", text)]
    about = [text for text in found if "sign_in" in text or "sessions" in text]
    assert len(about) > 7
    assert [(text, scans(world, text)) for text in about if scans(world, text)] == []
