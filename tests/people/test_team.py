"""`/v1/team/members`: members, invitations and roles (contract §6)."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from incident_service import clock, quickstart
from incident_service.clock import format_instant
from incident_service.people import invitations, users
from incident_service.people.caller import Caller
from tests.helpers.clocks import write_at
from tests.helpers.plans import traced, walks
from tests.helpers.world import World

NOON = datetime(2025, 4, 7, 12, tzinfo=UTC)
DAYS_7 = timedelta(days=7)


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


def team(world: World, key: str | None = None) -> dict[str, Any]:
    answer = world.call("GET", "team/members", key=key)
    assert answer.status_code == 200, answer.json
    found: dict[str, Any] = answer.json["data"]
    return found


def invite(world: World, address: str = "eve@example.com", **fields: Any) -> Any:
    return world.call("POST", "team/members/invite", {"emailAddress": address, **fields})


def invite_at(world: World, now: datetime, address: str = "eve@example.com") -> dict[str, Any]:
    caller = Caller(world.made.org_id, "key", None, "org:admin")
    return write_at(now, world.database, invitations.create, caller, address, "org:member")


def log(world: World) -> list[tuple[str, str, str]]:
    found = world.call("GET", "audit-events", resourceType="invitation").json["data"]
    return [(e["action"], e["resourceId"], e["actorId"]) for e in found["auditEvents"]]


def test_the_members_are_the_users_oldest_first(world: World) -> None:
    fields = {"firstName": "Ben", "lastName": "Ng", "role": "org:member"}
    ben = world.make("users", email="ben@example.com", **fields)
    first, second = team(world)["members"]
    assert first["id"] == world.made.user_id
    assert second == {
        "id": ben["id"],
        "email": "ben@example.com",
        **fields,
        "imageUrl": None,
        "joinedAt": ben["createdAt"],
    }


def test_an_invitation_s_life(world: World) -> None:
    answer = invite(world, "Eve@Example.com", role="org:admin")
    assert answer.status_code == 201
    made = answer.json["data"]
    path = f"team/members/invitations/{made['id']}"
    assert answer.headers["Location"] == f"/v1/{path}"
    assert made["id"].startswith("orginv_")
    token = made.pop("url").removeprefix("http://127.0.0.1:8000/invitations/")
    assert len(token) == invitations.TOKEN_LENGTH
    assert made == {
        "id": made["id"],
        "emailAddress": "Eve@Example.com",
        "role": "org:admin",
        "status": "pending",
        "createdAt": made["createdAt"],
    }
    assert team(world)["invitations"] == [made]
    assert world.client.get(f"/invitations/{token}").status_code == 200
    revoked = world.call("DELETE", path)
    assert (revoked.status_code, revoked.data) == (204, b"")
    assert team(world)["invitations"] == []
    assert world.client.get(f"/invitations/{token}").status_code == 404
    assert code(world.call("DELETE", path)) == (404, "not_found")
    user = world.made.user_id
    assert log(world) == [("deleted", made["id"], user), ("created", made["id"], user)]


def test_invited_people_are_members_unless_said_otherwise(world: World) -> None:
    for n, fields in enumerate(({}, {"role": None})):
        made = invite(world, f"{n}@example.com", **fields).json["data"]
        assert made["role"] == "org:member"
    assert [each["emailAddress"][0] for each in team(world)["invitations"]] == ["0", "1"]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["emailAddress"]),
        ({"emailAddress": None}, ["emailAddress"]),
        ({"emailAddress": "no address"}, ["emailAddress"]),
        ({"emailAddress": "a@b.example, c@d.example"}, ["emailAddress"]),
        ({"emailAddress": f"{'x' * 64}@{'y' * 250}.example"}, ["emailAddress"]),
        ({"emailAddress": "a@b.example", "role": "owner"}, ["role"]),
        ({"emailAddress": "a@b.example", "name": "A"}, ["name"]),
    ],
)
def test_what_is_no_invitation(world: World, body: dict[str, Any], fields: list[str]) -> None:
    answer = world.call("POST", "team/members/invite", body)
    assert code(answer) == (400, "validation_error")
    assert list(answer.json["errors"]) == fields
    assert team(world)["invitations"] == []


def test_a_user_cannot_be_invited(world: World) -> None:
    ben = world.make("users", email="ben@example.com")
    answer = invite(world, "BEN@example.com")
    assert code(answer) == (409, "email_taken")
    assert answer.json["message"] == "emailAddress: BEN@example.com is another user's."
    world.call("DELETE", f"users/{ben['id']}")
    assert invite(world, "BEN@example.com").status_code == 201


def test_inviting_again_replaces_the_invitation(world: World) -> None:
    old = invite(world).json["data"]
    new = invite(world, "EVE@example.com", role="org:admin").json["data"]
    assert old["id"] != new["id"]
    assert [each["id"] for each in team(world)["invitations"]] == [new["id"]]
    statuses = [world.client.get(f"/{made['url'][22:]}").status_code for made in (old, new)]
    assert statuses == [404, 200]
    assert [(action, id) for action, id, _ in log(world)] == [
        ("created", new["id"]),
        ("deleted", old["id"]),
        ("created", old["id"]),
    ]


@pytest.mark.parametrize("revoked", [False, True])
def test_an_address_is_invited_a_few_times_a_day(world: World, revoked: bool) -> None:
    """Or an admin could flood a mailbox."""
    for n in range(invitations.MAX_A_DAY_TO_ONE):
        address = "Eve@example.com" if n % 2 else "eve@example.com"
        made = invite_at(world, NOON + timedelta(days=9000, minutes=n), address)
        if revoked:
            path = f"team/members/invitations/{made['id']}"
            assert world.call("DELETE", path).status_code == 204
    for address, status in (("eve@example.com", 409), ("ben@example.com", 201)):
        answer = invite_on(world, NOON + timedelta(days=9001, seconds=-1), address)
        assert answer.status_code == status, answer.json
    assert invite_at(world, NOON + timedelta(days=9001, minutes=1))


def invite_on(world: World, now: datetime, address: str) -> Any:
    """Invite by a call that is made at an instant."""
    real, world.database.clock = world.database.clock, lambda: now
    try:
        return invite(world, address)
    finally:
        world.database.clock = real


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ((invitations, "MAX_A_DAY"), "too_many_invitations"),
        ((invitations, "MAX_PENDING"), "too_many_invitations"),
        ((users, "MAX_USERS"), "too_many_users"),
    ],
    ids=["a day", "pending", "users"],
)
def test_invitations_are_bounded(
    world: World,
    other_org: quickstart.Provisioned,
    monkeypatch: pytest.MonkeyPatch,
    limit: tuple[Any, str],
    expected: str,
) -> None:
    monkeypatch.setattr(*limit, 2)
    for address in ("a@example.com", "b@example.com"):
        answer = invite(world, address)
        if answer.status_code != 201:
            break
    else:
        answer = invite(world, "c@example.com")
    assert code(answer) == (409, expected)
    assert "2 " in answer.json["message"]


def test_inviting_again_needs_no_place(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users, "MAX_USERS", 2)
    monkeypatch.setattr(invitations, "MAX_PENDING", 1)
    assert [invite(world).status_code for _ in range(2)] == [201, 201]
    answer = world.call("POST", "users", {"email": "ben@example.com"})
    assert code(answer) == (409, "too_many_users")


def test_an_invitation_ends_after_seven_days(world: World) -> None:
    over = invite_at(world, clock.now() - DAYS_7, "over@example.com")
    late = invite_at(world, clock.now() - DAYS_7 + timedelta(minutes=5), "late@example.com")
    assert late["expires_at"] > format_instant(clock.now())
    assert [each["id"] for each in team(world)["invitations"]] == [late["id"]]
    path = "team/members/invitations"
    assert code(world.call("DELETE", f"{path}/{over['id']}")) == (404, "not_found")
    assert world.call("DELETE", f"{path}/{late['id']}").status_code == 204
    before = len(log(world))
    assert invite(world, "over@example.com").status_code == 201
    assert len(log(world)) == before + 1  # that the other one was over is nobody's change


def test_the_link_is_shown_once_and_the_token_kept_nowhere(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    url = invite(world).json["data"]["url"]
    token = url.rpartition("/")[2]
    world.client.get(f"/invitations/{token}")
    world.client.post(f"/invitations/{token}", data={"first_name": ""})
    kept = [world.rows(f"SELECT * FROM {name}") for name in ("invitations", "changes")]
    said = [team(world), world.call("GET", "audit-events").json]
    assert token not in json.dumps(kept + said)
    assert all(token not in repr(record.__dict__) for record in caplog.records)
    (row,) = world.rows("SELECT token_hash FROM invitations")
    assert row["token_hash"] not in json.dumps(said)


def test_tokens_are_made_from_a_key_of_the_file(world: World) -> None:
    """So a mail that is tried again carries the same link, and no other file makes it."""
    made = invite_at(world, clock.now())
    with world.database.read() as db:
        assert invitations.token_of(db, made["id"]) == made["token"]
        assert invitations.token_of(db, made["id"] + "x") != made["token"]
    world.execute("UPDATE secrets SET value = ? WHERE name = 'invitation'", "0" * 64)
    with world.database.read() as db:
        assert invitations.token_of(db, made["id"]) != made["token"]


def test_another_s_role(world: World) -> None:
    ben = world.make("users", email="ben@example.com", firstName="Ben")
    path = f"team/members/{ben['id']}/role"
    answer = world.call("PATCH", path, {"role": "org:admin"})
    assert answer.status_code == 200
    assert answer.json["data"] == {**team(world)["members"][1], "role": "org:admin"}
    assert world.call("GET", f"users/{ben['id']}").json["data"]["role"] == "org:admin"
    for body in ({}, {"role": None}, {"role": "owner"}):
        answer = world.call("PATCH", path, body)
        assert (code(answer), list(answer.json["errors"])) == ((400, "validation_error"), ["role"])
    assert code(world.call("PATCH", "team/members/nobody/role", {"role": "org:admin"})) == (
        404,
        "not_found",
    )


@pytest.mark.parametrize("role", ["org:admin", "org:member"])
def test_one_s_own_role(world: World, role: str) -> None:
    """Even if it stays as it is, and if another admin is there."""
    world.make("users", email="ben@example.com", role="org:admin")
    path = f"team/members/{world.made.user_id}/role"
    answer = world.call("PATCH", path, {"role": role})
    assert code(answer) == (400, "cannot_change_own_role")
    itself = world.make("api-keys", name="Script", role="org:admin")["key"]
    answer = world.call("PATCH", path, {"role": role}, key=itself)
    assert (answer.status_code, answer.json["data"]["role"]) == (200, role)


def test_the_last_admin_stays(world: World) -> None:
    itself = world.make("api-keys", name="Script", role="org:admin")["key"]
    path = f"team/members/{world.made.user_id}"
    world.execute("DELETE FROM schedule_layer_participants")
    for method, part, body in (("PATCH", "/role", {"role": "org:member"}), ("DELETE", "", ...)):
        answer = world.call(method, path + part, body, key=itself)
        assert code(answer) == (409, "last_admin")
    assert len(team(world)["members"]) == 1


def test_a_member_is_removed_as_a_user_is(world: World) -> None:
    ben = world.make("users", email="ben@example.com")["id"]
    incident = world.post(world.body(ownerId=ben)).json["data"]["id"]
    path = f"team/members/{ben}"
    removed = world.call("DELETE", path)
    assert (removed.status_code, removed.data) == (204, b"")
    found = world.call("GET", f"incidents/{incident}").json["data"]
    assert found["ownerId"] == world.made.user_id
    assert code(world.call("DELETE", path)) == (404, "not_found")
    answer = world.call("DELETE", f"team/members/{world.made.user_id}")
    assert code(answer) == (409, "user_in_use")


def test_paths_that_look_alike_are_told_apart(world: World) -> None:
    for id in ("invite", "invitations"):
        world.make("users", id=id, email=f"{id}@example.com")
        role = world.call("PATCH", f"team/members/{id}/role", {"role": "org:admin"})
        assert role.status_code == 200
        assert world.call("DELETE", f"team/members/{id}").status_code == 204
    assert code(world.call("GET", "team/members/invite")) == (405, "method_not_allowed")
    path = "team/members/invitations/orginv_%F0%9F%94%A5"
    assert code(world.call("DELETE", path)) == (404, "not_found")


CALLS = [
    ("GET", "team/members"),
    ("POST", "team/members/invite"),
    ("DELETE", "team/members/invitations/{invitation}"),
    ("PATCH", "team/members/{user}/role"),
    ("DELETE", "team/members/{user}"),
]


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_all_of_it_is_for_admins(world: World, member: str, method: str, path: str) -> None:
    invitation = invite(world).json["data"]["id"]
    path = path.format(invitation=invitation, user=world.made.user_id)
    assert code(world.call(method, path, {}, key=member)) == (403, "forbidden")
    assert len(team(world)["invitations"]) == 1


def test_another_organization_sees_and_changes_nothing(
    world: World, other_org: quickstart.Provisioned
) -> None:
    key, before = other_org.key, team(world)
    assert invite(world).status_code == 201
    mine = team(world)
    assert team(world, key)["invitations"] == []
    assert {each["id"] for each in team(world, key)["members"]} == {other_org.user_id}
    for method, path in CALLS[2:]:
        path = path.format(invitation=mine["invitations"][0]["id"], user=world.made.user_id)
        answer = world.call(method, path, {"role": "org:member"}, key=key)
        assert code(answer) == (404, "not_found")
    assert team(world) == {**before, "invitations": mine["invitations"]}
    same = world.call("POST", "team/members/invite", {"emailAddress": "eve@example.com"}, key=key)
    assert same.status_code == 201


@pytest.mark.sqlite_only("how it finds rows")
def test_no_query_walks_through_a_table(world: World) -> None:
    with traced(world) as statements:
        made = invite(world).json["data"]
        again = invite(world).json["data"]
        world.client.get(f"/{made['url'][22:]}")
        world.call("GET", "team/members")
        world.call("DELETE", f"team/members/invitations/{again['id']}")
    found = [text for text in statements if text.lstrip().startswith(("SELECT", "DELETE"))]
    assert len(found) > 20
    steps = {step for text in found for step in walks(world, text)}
    # All users are listed, and counted; the subquery is both kinds of them together.
    assert {step for step in steps if "users" not in step} == set()
