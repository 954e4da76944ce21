"""`/v1/users` (contract §6)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from incident_service import clock, ids, quickstart
from incident_service.errors import Conflict
from incident_service.incidents import lifecycle, offboarding
from incident_service.oncall import schedules
from incident_service.people import users
from incident_service.people.caller import Caller
from tests.helpers.clocks import write_at
from tests.helpers.rota import Rota, at
from tests.helpers.world import World

NOON = datetime(2025, 4, 7, 12, tzinfo=UTC)


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


def emails(world: World, key: str | None = None) -> list[str]:
    listed = world.call("GET", "users", key=key).json["data"]["users"]
    return [user["email"] for user in listed]


def on_a_layer(world: World, user_id: str) -> None:
    """Let the user, too, take part in the quickstart schedule's layer."""
    world.execute(
        "INSERT INTO schedule_layer_participants SELECT org_id, id, 1, ? FROM schedule_layers",
        user_id,
    )


def on_an_override(world: World, user_id: str, until: datetime) -> None:
    """Let the user stand in on the quickstart schedule for the hour before an instant."""
    since = until - timedelta(hours=1)
    world.execute(
        "INSERT INTO schedule_overrides (org_id, id, schedule_id, user_id, starts_at, ends_at,"
        " starts_at_utc, ends_at_utc, created_by, created_at)"
        " VALUES (?, 'o1', ?, ?, ?, ?, ?, ?, 'x', 'x')",
        world.made.org_id,
        world.made.schedule_id,
        user_id,
        clock.format_instant(since),
        clock.format_instant(until),
        clock.sortable(since),
        clock.sortable(until),
    )


def on_a_policy(world: World, user_id: str) -> None:
    """Let the quickstart policy page the user directly."""
    world.execute(
        "INSERT INTO escalation_layers (org_id, id, policy_id, position, escalate_after_seconds,"
        " target_type, created_at, updated_at) VALUES (?, 'e2', ?, 2, 60, 'users', 'x', 'x')",
        world.made.org_id,
        world.made.policy_id,
    )
    world.execute(
        "INSERT INTO escalation_layer_users VALUES (?, 'e2', 0, ?)", world.made.org_id, user_id
    )


def test_a_user_s_life(world: World) -> None:
    body = {"email": "Bob@example.com", "firstName": "Bob", "lastName": "", "role": "org:admin"}
    answer = world.call("POST", "users", body)
    assert answer.status_code == 201
    user = answer.json["data"]
    path = f"users/{user['id']}"
    assert answer.headers["Location"] == f"/v1/{path}"
    assert user["id"].startswith("user_")
    assert user == {
        "id": user["id"],
        **body,
        "createdAt": user["createdAt"],
        "updatedAt": user["createdAt"],
    }
    assert world.call("GET", path).json["data"] == user
    assert world.call("PATCH", path, {}).json["data"] == user
    changes = {"email": "bob@EXAMPLE.com", "firstName": "", "lastName": "B", "role": "org:member"}
    changed = world.call("PATCH", path, changes).json["data"]
    assert {name: changed[name] for name in changes} == changes
    cleared = world.call("PATCH", path, {"firstName": None, "lastName": None}).json["data"]
    assert (cleared["firstName"], cleared["lastName"]) == (None, None)
    assert world.call("GET", path).json["data"] == cleared
    assert emails(world) == [quickstart.EMAIL, "bob@EXAMPLE.com"]
    deleted = world.call("DELETE", path)
    assert (deleted.status_code, deleted.data) == (204, b"")
    for method in ("GET", "PATCH", "DELETE"):
        assert code(world.call(method, path, {})) == (404, "not_found")
    assert emails(world) == [quickstart.EMAIL]


def test_a_user_is_a_member_unless_said_otherwise(world: World) -> None:
    for role in ({}, {"role": None}):
        user = world.make("users", email=f"{len(role)}@b", firstName=None, id=None, **role)
        assert (user["role"], user["firstName"], user["lastName"]) == ("org:member", None, None)


def test_users_are_listed_in_the_order_of_their_creation(world: World) -> None:
    for day, id in [(3, "c"), (2, "z"), (2, "a"), (1, "m")]:
        world.make("users", id=id, email=f"{id}@b")
        world.execute(
            "UPDATE users SET created_at = ? WHERE id = ?", f"2020-01-0{day}T00:00:00.000Z", id
        )
    assert emails(world) == ["m@b", "a@b", "z@b", "c@b", quickstart.EMAIL]


@pytest.mark.parametrize(
    "id",
    [
        "ada", "ADA", "a b", " a", "🔥", "a%2Fb", "?x#y;z", "a\\b", "é",
        "x" * 255, "🔥" * 255,
    ],
)  # fmt: skip
def test_an_id_may_hold_any_character(world: World, id: str) -> None:
    answer = world.call("POST", "users", {"id": id, "email": "a@b"})
    assert (answer.status_code, answer.json["data"]["id"]) == (201, id)
    assert answer.headers["Location"] == f"/v1/users/{quote(id, safe='')}"
    path = answer.headers["Location"].removeprefix("/v1/")
    assert world.call("GET", path).json["data"]["id"] == id
    assert world.call("PATCH", path, {"firstName": "x"}).json["data"]["firstName"] == "x"
    assert world.call("DELETE", path).status_code == 204


@pytest.mark.parametrize("id", [".", "..", "/", "a/b", "a/", "/a", "../x"])
def test_an_id_that_no_path_could_name_is_refused(world: World, id: str) -> None:
    answer = world.call("POST", "users", {"id": id, "email": "a@b.example"})
    assert code(answer) == (400, "validation_error")
    assert list(answer.json["errors"]) == ["id"]


@pytest.mark.parametrize("id", ["a/b", "a/", "a//b"])
def test_an_id_from_before_goes_on_working(world: World, id: str) -> None:
    world.make("users", id="new", email="a@b.example")
    world.execute("UPDATE users SET id = ? WHERE id = 'new'", id)
    path = f"users/{quote(id, safe='')}"
    assert world.call("GET", path).json["data"]["id"] == id
    assert world.call("PATCH", path, {"firstName": "x"}).json["data"]["firstName"] == "x"
    assert world.call("DELETE", path).status_code == 204


def test_ids_are_told_apart_by_letter_case(world: World) -> None:
    world.make("users", id="ada", email="1@b")
    assert code(world.call("GET", "users/ADA")) == (404, "not_found")
    world.make("users", id="ADA", email="2@b")
    assert world.call("GET", "users/ADA").json["data"]["email"] == "2@b"


def test_an_id_is_used_once(world: World) -> None:
    world.make("users", id="ada", email="ada@b")
    taken = world.call("POST", "users", {"id": "ada", "email": "ADA@b"})
    assert code(taken) == (409, "id_taken")  # before the email, which is taken as well
    assert world.call("DELETE", "users/ada").status_code == 204
    again = world.call("POST", "users", {"id": "ada", "email": "other@b"})
    assert (code(again), "ada" in again.json["message"]) == ((409, "id_taken"), True)


def test_an_email_is_unique_whatever_its_letter_case(world: World) -> None:
    world.make("users", id="ada", email="Ada@Über.example")
    taken = world.call("POST", "users", {"email": "ADA@ÜBER.EXAMPLE"})
    assert code(taken) == (409, "email_taken")
    assert "ADA@ÜBER.EXAMPLE" in taken.json["message"]
    world.make("users", id="bob", email="bob@b")
    changed = world.call("PATCH", "users/bob", {"email": "ada@über.example"})
    assert code(changed) == (409, "email_taken")
    own = world.call("PATCH", "users/bob", {"email": "BOB@b"})
    assert (own.status_code, own.json["data"]["email"]) == (200, "BOB@b")
    assert world.call("DELETE", "users/ada").status_code == 204
    assert world.call("PATCH", "users/bob", {"email": "ada@strasse.example"}).status_code == 200
    world.make("users", email="bob@b")  # free since bob changed it


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"email": ...}, "email"),
        ({"email": None}, "email"),
        ({"email": 7}, "email"),
        ({"email": ""}, "email"),
        ({"email": "a@"}, "email"),
        ({"email": "@b"}, "email"),
        ({"email": "ab.c"}, "email"),
        ({"email": "a@b@c"}, "email"),
        ({"email": "a b@c"}, "email"),
        ({"email": "a@b\n"}, "email"),
        ({"email": "a\u00a0@b"}, "email"),
        ({"email": "a" * 254 + "@b"}, "email"),
        ({"email": "a\0@b"}, "email"),
        ({"id": ""}, "id"),
        ({"id": " "}, "id"),
        ({"id": "x" * 256}, "id"),
        ({"id": 7}, "id"),
        ({"firstName": "x" * 256}, "firstName"),
        ({"lastName": "x" * 256}, "lastName"),
        ({"role": "admin"}, "role"),
        ({"createdAt": "x"}, "createdAt"),
    ],
)
def test_what_is_refused(world: World, changes: dict[str, Any], field: str) -> None:
    body = {name: value for name, value in {"email": "a@b", **changes}.items() if value is not ...}
    answer = world.call("POST", "users", body)
    assert (code(answer), list(answer.json["errors"])) == ((400, "validation_error"), [field])


def test_what_just_fits(world: World) -> None:
    long = world.make("users", email="a" * 252 + "@b", firstName="🔥" * 255, lastName="x" * 255)
    assert (len(long["email"]), long["firstName"]) == (254, "🔥" * 255)
    assert world.make("users", email="ü@b", id="i")["email"] == "ü@b"


@pytest.mark.parametrize("name", ["email", "role", "id", "createdAt"])
def test_what_a_change_refuses(world: World, name: str) -> None:
    world.make("users", id="ada", email="a@b")
    answer = world.call("PATCH", "users/ada", {name: None})
    assert (answer.status_code, list(answer.json["errors"])) == (400, [name])


def test_a_deleted_user_s_keys_open_nothing(world: World, member: str) -> None:
    other = world.make("api-keys", name="its own")
    assert emails(world, member)
    assert world.call("DELETE", "users/member").status_code == 204
    answer = world.call("GET", "users", key=member)
    assert (code(answer), "revoked" in answer.json["message"]) == ((401, "not_authorized"), True)
    assert emails(world, other["key"])
    names = [key["name"] for key in world.call("GET", "api-keys").json["data"]]
    assert names == ["quickstart", "its own"]


def test_a_user_on_a_layer_cannot_go(world: World, member: str) -> None:
    on_a_layer(world, "member")
    answer = world.call("DELETE", "users/member")
    assert code(answer) == (409, "user_in_use")
    assert "Weekly" in answer.json["message"]
    assert quickstart.SCHEDULE in answer.json["message"]
    assert emails(world, member)  # and the keys still work
    world.execute("UPDATE schedules SET deleted_at = 'x'")
    assert world.call("DELETE", "users/member").status_code == 204


def test_a_user_on_a_policy_cannot_go(world: World, member: str) -> None:
    on_a_policy(world, "member")
    answer = world.call("DELETE", "users/member")
    assert (code(answer), quickstart.POLICY in answer.json["message"]) == (
        (409, "user_in_use"),
        True,
    )
    world.execute("UPDATE escalation_policies SET deleted_at = 'x'")
    assert world.call("DELETE", "users/member").status_code == 204


def test_a_user_on_an_override_cannot_go_before_it_ends(world: World, member: str) -> None:
    caller = Caller(world.made.org_id, "key", None, "org:admin")
    on_an_override(world, "member", NOON)
    for now in (NOON - timedelta(days=9), NOON - timedelta(microseconds=1)):
        with pytest.raises(Conflict, match=f"override o1 .*{quickstart.SCHEDULE}") as caught:
            write_at(now, world.database, users.delete, caller, "member")
        assert caught.value.code == "user_in_use"
    write_at(NOON, world.database, users.delete, caller, "member")


def test_an_override_of_a_deleted_schedule_keeps_nobody(world: World, member: str) -> None:
    on_an_override(world, "member", clock.now() + timedelta(days=1))
    assert code(world.call("DELETE", "users/member")) == (409, "user_in_use")
    world.execute("UPDATE schedules SET deleted_at = 'x'")
    assert world.call("DELETE", "users/member").status_code == 204


def test_the_last_admin_stays(world: World, member: str, other_org: quickstart.Provisioned) -> None:
    path = f"users/{world.made.user_id}"
    robot = world.make("api-keys", name="robot", role="org:admin")["key"]  # no user's, and stays
    assert code(world.call("DELETE", path)) == (409, "user_in_use")  # which is asked first
    world.execute("DELETE FROM schedule_layer_participants")
    for method, body in [("DELETE", ...), ("PATCH", {"role": "org:member"})]:
        answer = world.call(method, path, body)
        assert code(answer) == (409, "last_admin")
        assert world.made.user_id in answer.json["message"]
    assert world.call("PATCH", path, {"role": "org:admin", "firstName": "A"}).status_code == 200
    assert world.call("PATCH", "users/member", {"role": "org:admin"}).status_code == 200
    assert world.call("PATCH", path, {"role": "org:member"}).status_code == 200
    assert code(world.call("DELETE", "users/member", key=robot)) == (409, "last_admin")
    assert world.call("DELETE", path, key=robot).status_code == 204


def test_a_deleted_admin_does_not_count(world: World) -> None:
    world.execute("DELETE FROM schedule_layer_participants")
    world.make("users", id="ada", email="a@b", role="org:admin")
    assert world.call("DELETE", "users/ada").status_code == 204
    assert code(world.call("DELETE", f"users/{world.made.user_id}")) == (409, "last_admin")


def test_a_deleted_user_cannot_be_named_again(world: World) -> None:
    world.make("users", id="ada", email="a@b")
    opened = world.post(world.body(ownerId="ada")).json["data"]
    for status in lifecycle.STATUSES[1:]:
        world.call("PATCH", f"incidents/{opened['id']}/status", {"status": status})
    assert world.call("DELETE", "users/ada").status_code == 204
    assert world.post(world.body(ownerId="ada")).json["code"] == "invalid_owner_id"
    assert world.rows("SELECT owner_id FROM incidents WHERE id = ?", opened["id"]) == [
        {"owner_id": "ada"}
    ]


def test_all_that_keeps_a_user_is_said_at_once(world: World, member: str) -> None:
    on_a_layer(world, "member")
    on_an_override(world, "member", clock.now() + timedelta(days=1))
    on_a_policy(world, "member")
    answer = world.call("DELETE", "users/member")
    assert code(answer) == (409, "user_in_use")
    assert answer.json["message"] == (
        f"User member is on layer Weekly of schedule {quickstart.SCHEDULE}, override o1 of "
        f"schedule {quickstart.SCHEDULE} and escalation policy {quickstart.POLICY}."
    )


def test_of_very_many_things_that_keep_a_user_the_rest_is_counted(
    world: World, member: str
) -> None:
    for n in range(25):
        step = {"targetType": "users", "userIds": ["member"], "escalateAfterSeconds": 60}
        world.make("escalation/policies", name=f"p{n:02}", steps=[step, step])
    message = world.call("DELETE", "users/member").json["message"]
    assert "escalation policy p00, " in message
    assert message.endswith("escalation policy p19 and 5 more.")


def test_a_layer_that_is_over_keeps_nobody(world: World, member: str) -> None:
    on_a_layer(world, "member")
    for until, status in (("2999-01-01T00:00:00+02:00", 409), ("2025-01-01T00:00:00+02:00", 204)):
        world.execute("UPDATE schedule_layers SET effective_until = ?", until)
        assert world.call("DELETE", "users/member").status_code == status


def open_of_ben(rota: Rota, **fields: Any) -> str:
    fields = {"title": "t", "severity": "low", "ownerId": "b", **fields}
    id: str = rota.world.make("incidents", **fields)["id"]
    return id


def test_the_open_incidents_of_a_deleted_user_go_to_who_is_on_call(rota: Rota) -> None:
    world = rota.world
    mine = open_of_ben(rota, ownerScheduleId=rota.schedule)
    world.call("POST", f"incidents/{mine}/acknowledge")
    other = open_of_ben(rota, ownerId="c", ownerScheduleId=rota.schedule)
    over = open_of_ben(rota, ownerScheduleId=rota.schedule)
    for status in lifecycle.STATUSES[1:]:
        world.call("PATCH", f"incidents/{over}/status", {"status": status})
    rota.fire(10_000_000)
    assert world.call("DELETE", "users/b").status_code == 204
    found = world.call("GET", f"incidents/{mine}").json["data"]
    assert (found["ownerId"], found["acknowledgedAt"], found["acknowledgedBy"]) == ("a", None, None)
    last = found["auditTrail"][-1]
    assert (last["event"], last["actorId"]) == ("incident_handed_off", world.made.user_id)
    assert last["details"] == {"before": "b", "after": "a", "reason": "the owner was deleted"}
    assert rota.fire(10_000_000) == ["a/owner"]
    for id, owner in ((other, "c"), (over, "b")):
        assert world.call("GET", f"incidents/{id}").json["data"]["ownerId"] == owner
        assert "incident_handed_off" not in rota.events(id)


def test_without_a_schedule_they_belong_to_nobody_and_go_on(rota: Rota) -> None:
    rota.reach(rota.world.made.user_id)
    id = rota.open(rota.policy(["a"], ["c"]), owner="b")
    alone = rota.open(None, owner="b")
    assert rota.fire(0) == ["b/owner", "a/1", "b/owner"]
    write_at(at(1), rota.world.database, offboarding.delete_user, rota.caller, "b")
    assert rota.fire(1) == [f"{rota.world.made.user_id}/owner"]
    assert rota.events(alone)[-2:] == ["incident_handed_off", "last_resort_paged"]
    assert rota.fire(5.9) == []
    assert rota.fire(6) == ["c/2"]
    for each in (id, alone):
        (row,) = rota.world.rows("SELECT owner_id FROM incidents WHERE id = ?", each)
        assert row["owner_id"] is None


def test_a_schedule_that_cannot_be_resolved_keeps_nobody(rota: Rota) -> None:
    id = open_of_ben(rota, ownerScheduleId=rota.schedule)
    rota.world.execute("UPDATE schedules SET timezone = 'No/Where' WHERE id = ?", rota.schedule)
    assert rota.world.call("DELETE", "users/b").status_code == 204
    assert rota.trail(id)[-1][1]["after"] is None


def test_who_is_on_call_is_asked_once_a_schedule(
    rota: Rota, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        open_of_ben(rota, ownerScheduleId=rota.schedule)
    asked: list[str] = []
    find_owned = schedules.find_owned

    def counting(db: Any, org_id: str, id: str, at: datetime) -> Any:
        asked.append(id)
        return find_owned(db, org_id, id, at)

    monkeypatch.setattr(schedules, "find_owned", counting)
    assert rota.world.call("DELETE", "users/b").status_code == 204
    assert asked == [rota.schedule]


def test_a_refused_deletion_hands_nothing_on(rota: Rota) -> None:
    id = open_of_ben(rota, ownerScheduleId=rota.schedule)
    rota.policy(["b"])
    assert code(rota.world.call("DELETE", "users/b")) == (409, "user_in_use")
    assert "incident_handed_off" not in rota.events(id)


def test_rights(world: World, member: str, other_org: quickstart.Provisioned) -> None:
    path = f"users/{world.made.user_id}"
    assert len(emails(world, member)) == 2
    assert world.call("GET", path, key=member).status_code == 200
    own = "users/member"
    for method, where in [("POST", "users"), ("PATCH", path), ("PATCH", own), ("DELETE", own)]:
        answer = world.call(method, where, {"email": "x@y"}, key=member)
        assert code(answer) == (403, "forbidden")
    for method in ("GET", "PATCH", "DELETE"):
        for where in (path, own, "users/nobody", f"users/{ids.new_id()}", "users/%00"):
            answer = world.call(method, where, {}, key=other_org.key)
            assert code(answer) == (404, "not_found")
    assert emails(world, other_org.key) == [quickstart.EMAIL]
    taken_elsewhere = {"id": "member", "email": "member@example.com"}
    assert world.call("POST", "users", taken_elsewhere, key=other_org.key).status_code == 201
