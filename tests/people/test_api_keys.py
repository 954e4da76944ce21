"""`/v1/api-keys`, and what is known of a key's use (contract §6)."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from incident_service import quickstart
from incident_service.errors import Busy, NotAuthorized, StorageFull
from incident_service.people import keys
from tests.helpers.clocks import write_at
from tests.helpers.world import World

UNKNOWN = "00000000-0000-7000-8000-000000000000"
NOON = datetime(2025, 4, 7, 12, tzinfo=UTC)


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


def listed(world: World, key: str | None = None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.call("GET", "api-keys", key=key).json["data"]
    return found


def last_use(world: World) -> str | None:
    """Return when the quickstart's key was last used, by the record."""
    (row,) = world.rows("SELECT last_used_at FROM api_keys")
    found: str | None = row["last_used_at"]
    return found


def test_a_key_s_life(world: World) -> None:
    answer = world.call("POST", "api-keys", {"name": "deploy 🔥", "userId": world.made.user_id})
    assert answer.status_code == 201
    made = answer.json["data"]
    path = f"api-keys/{made['id']}"
    assert answer.headers["Location"] == f"/v1/{path}"
    key = made.pop("key")
    assert key.startswith("scl_live_")
    assert made == {
        "id": made["id"],
        "name": "deploy 🔥",
        "role": "org:member",
        "userId": world.made.user_id,
        "keyPrefix": key[:14],
        "expiresAt": None,
        "lastUsedAt": None,
        "createdAt": made["createdAt"],
    }
    assert listed(world)[1] == made
    assert listed(world, key)[1]["lastUsedAt"] >= made["createdAt"]
    assert code(world.call("GET", path)) == (405, "method_not_allowed")
    revoked = world.call("DELETE", path.upper().replace("API-KEYS", "api-keys"))
    assert (revoked.status_code, revoked.data) == (204, b"")
    answer = world.call("GET", "api-keys", key=key)
    assert (code(answer), "revoked" in answer.json["message"]) == ((401, "not_authorized"), True)
    assert code(world.call("DELETE", path)) == (404, "not_found")
    assert [found["name"] for found in listed(world)] == ["quickstart"]


def test_a_key_acts_as_it_says(world: World) -> None:
    itself = world.make("api-keys", name="itself", role="org:admin", userId=None)
    assert itself["userId"] is None
    ada = world.make("users", id="a d🔥", email="a@b")
    hers = world.make("api-keys", name="hers", role=None, userId=ada["id"])
    assert world.call("POST", "users", {"email": "c@d"}, key=itself["key"]).status_code == 201
    assert code(world.call("POST", "users", {"email": "e@f"}, key=hers["key"])) == (
        403,
        "forbidden",
    )
    for key, actor in ((itself, itself["id"]), (hers, "a d🔥")):
        opened = world.post(headers={"Authorization": f"Bearer {key['key']}"})
        assert opened.json["data"]["createdBy"] == actor


def test_a_key_may_revoke_itself(world: World) -> None:
    made = world.make("api-keys", name="once", role="org:admin")
    path = f"api-keys/{made['id']}"
    assert world.call("DELETE", path, key=made["key"]).status_code == 204
    assert code(world.call("DELETE", path, key=made["key"])) == (401, "not_authorized")


def test_keys_are_listed_in_the_order_of_their_creation(world: World) -> None:
    for at, name in [(3, "c"), (1, "a"), (2, "b"), (2, "b2")]:
        made = world.make("api-keys", name=name)
        world.execute(
            "UPDATE api_keys SET created_at = ? WHERE id = ?",
            f"2020-01-0{at}T00:00:00.000Z",
            made["id"],
        )
    assert [found["name"] for found in listed(world)] == ["a", "b", "b2", "c", "quickstart"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": None}, "name"),
        ({"name": ""}, "name"),
        ({"name": " "}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"name": 7}, "name"),
        ({"name": "x", "role": "king"}, "role"),
        ({"name": "x", "userId": ""}, "userId"),
        ({"name": "x", "userId": "u" * 256}, "userId"),
        ({"name": "x", "key": "scl_live_mine"}, "key"),
    ],
)
def test_what_is_refused(world: World, body: dict[str, Any], field: str) -> None:
    answer = world.call("POST", "api-keys", body)
    assert (code(answer), list(answer.json["errors"])) == ((400, "validation_error"), [field])


def test_names_may_be_long_and_need_not_differ(world: World) -> None:
    for _ in range(2):
        assert world.make("api-keys", name="🔥" * 255)["name"] == "🔥" * 255


def test_a_key_s_user_must_be_one_of_the_organization(
    world: World, other_org: quickstart.Provisioned
) -> None:
    world.make("users", id="gone", email="a@b")
    world.call("DELETE", "users/gone")
    for user_id in ("nobody", "gone", other_org.user_id):
        answer = world.call("POST", "api-keys", {"name": "x", "userId": user_id})
        assert (code(answer), user_id in answer.json["message"]) == (
            (400, "invalid_user_id"),
            True,
        )
    assert len(listed(world)) == 1


def test_rights(world: World, member: str, other_org: quickstart.Provisioned) -> None:
    first, _ = listed(world, member)
    path = f"api-keys/{first['id']}"
    for method, where in [("POST", "api-keys"), ("DELETE", path)]:
        assert code(world.call(method, where, {"name": "x"}, key=member)) == (403, "forbidden")
    for where in (path, f"api-keys/{UNKNOWN}", "api-keys/no-uuid"):
        assert code(world.call("DELETE", where, key=other_org.key)) == (404, "not_found")
    assert [found["userId"] for found in listed(world, other_org.key)] == [other_org.user_id]
    assert len(listed(world)) == 2


def test_a_use_is_recorded_once_a_minute(world: World) -> None:
    def use(now: datetime) -> tuple[bool, str | None]:
        with world.database.read() as db:
            caller, is_to_be_recorded = keys.authenticate(db, world.made.key, now=now)
        write_at(now, world.database, keys.record_use, caller)
        return is_to_be_recorded, last_use(world)

    first, second = "2025-04-07T12:00:00.000Z", "2025-04-07T12:01:00.001Z"
    assert use(NOON) == (True, first)
    assert use(NOON) == (False, first)
    assert use(NOON + timedelta(seconds=60)) == (False, first)
    assert use(NOON + timedelta(seconds=60, milliseconds=1)) == (True, second)
    assert use(NOON) == (False, second)  # a clock that was set back


def test_requests_record_the_use(world: World) -> None:
    assert last_use(world) is None
    listed(world)
    first = last_use(world)
    assert first is not None
    listed(world)
    world.post()
    assert last_use(world) == first
    world.execute("UPDATE api_keys SET last_used_at = '2025-04-07T12:00:00.000Z'")
    assert code(world.call("GET", "users/nobody")) == (404, "not_found")
    assert (last_use(world) or "") >= first


@pytest.mark.parametrize("error", [Busy("busy"), StorageFull("full")])
def test_a_use_that_cannot_be_recorded_is_no_matter(
    world: World, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(keys, "record_use", fail)
    assert world.call("GET", "api-keys").status_code == 200
    assert world.post().status_code == 201
    assert last_use(world) is None


def test_a_key_is_in_no_log_and_in_no_error(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: Any, **__: Any) -> None:
        raise RuntimeError("crash")

    caplog.set_level(logging.DEBUG)
    made = world.make("api-keys", name="x")
    world.call("DELETE", f"api-keys/{made['id']}")
    answers = [world.call("GET", "users", key=made["key"])]
    monkeypatch.setattr(keys, "create", crash)
    answers.append(world.call("POST", "api-keys", {"name": "x"}))
    assert [answer.status_code for answer in answers] == [401, 500]
    for text in (caplog.text, *(answer.text for answer in answers)):
        assert made["key"] not in text
        assert world.made.key not in text


class TestTheLesserRole:
    """A key never has more rights than its user has at that moment."""

    @pytest.fixture
    def ben(self, world: World) -> str:
        """The admin key of another admin."""
        world.make("users", id="ben", email="ben@example.com", role="org:admin")
        key: str = world.make("api-keys", name="ben", userId="ben", role="org:admin")["key"]
        return key

    def test_a_demoted_admin_s_key_is_a_member_s(self, world: World, ben: str) -> None:
        assert world.call("POST", "components", {"name": "a"}, key=ben).status_code == 201
        world.call("PATCH", "users/ben", {"role": "org:member"})
        for method, path, body in (
            ("POST", "components", {"name": "b"}),
            ("DELETE", f"components/{world.made.component_id}", ...),
            ("POST", "api-keys", {"name": "x"}),
            ("PATCH", "users/ben", {"role": "org:admin"}),
            (
                "POST",
                f"users/{world.made.user_id}/contact-methods",
                {"label": "x", "url": "json://h"},
            ),
        ):
            assert code(world.call(method, path, body, key=ben)) == (403, "forbidden"), path
        assert world.call("GET", "components", key=ben).status_code == 200
        assert world.post(headers={"Authorization": f"Bearer {ben}"}).status_code == 201
        world.call("PATCH", "users/ben", {"role": "org:admin"})
        assert world.call("POST", "components", {"name": "b"}, key=ben).status_code == 201

    def test_a_member_s_key_stays_one_whoever_its_user_is(self, world: World) -> None:
        key = world.make("api-keys", name="x", userId=world.made.user_id)["key"]
        assert code(world.call("POST", "components", {"name": "x"}, key=key)) == (403, "forbidden")

    def test_a_key_for_an_admin_that_a_member_is(self, world: World) -> None:
        world.make("users", id="eve", email="eve@example.com")
        key = world.make("api-keys", name="x", userId="eve", role="org:admin")["key"]
        assert code(world.call("POST", "components", {"name": "x"}, key=key)) == (403, "forbidden")

    def test_only_an_admin_of_now_may_redact_what_others_posted(
        self, world: World, ben: str
    ) -> None:
        path = f"incidents/{world.post().json['data']['id']}/updates"
        update = world.make(path, visibility="internal", body="Secret")
        world.call("PATCH", "users/ben", {"role": "org:member"})
        answer = world.call("POST", f"{path}/{update['id']}/redact", key=ben)
        assert code(answer) == (403, "forbidden")

    @pytest.mark.parametrize(
        ("change", "status"),
        [
            ("UPDATE users SET role = 'org:member' WHERE id = 'ben'", 403),
            ("UPDATE users SET deleted_at = updated_at WHERE id = 'ben'", 401),
            ("UPDATE api_keys SET deleted_at = created_at WHERE user_id = 'ben'", 401),
        ],
    )
    def test_what_changes_before_a_write_has_its_turn_counts(
        self,
        world: World,
        ben: str,
        change: str,
        status: int,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        write = world.database.write
        with monkeypatch.context() as patched:

            def overtaken(*args: Any, **options: Any) -> Any:
                write(None, lambda db, **_: db.execute(change))
                return write(*args, **options)

            patched.setattr(world.database, "write", overtaken)
            answer = world.call("POST", "components", {"name": "b"}, key=ben)
        assert answer.status_code == status
        assert len(world.rows("SELECT 1 FROM components")) == 1

    def test_a_deleted_user_s_key_is_revoked(self, world: World, ben: str) -> None:
        world.execute("UPDATE users SET deleted_at = updated_at WHERE id = 'ben'")
        answer = world.call("GET", "components", key=ben)
        assert (code(answer), "revoked" in answer.json["message"]) == (
            (401, "not_authorized"),
            True,
        )


def test_a_key_expires(world: World) -> None:
    at = "2099-01-01T01:00:00+01:00"
    made = world.make("api-keys", name="for a while", role="org:admin", expiresAt=at)
    assert made["expiresAt"] == at
    assert world.call("GET", "users", key=made["key"]).status_code == 200
    ends = datetime(2099, 1, 1, tzinfo=UTC)
    millisecond = timedelta(milliseconds=1)
    with world.database.read() as db:
        caller, _ = keys.authenticate(db, made["key"], now=ends - millisecond)
        assert keys.authenticate_again(db, caller, now=ends - millisecond) == caller
        with pytest.raises(NotAuthorized, match="expired"):
            keys.authenticate(db, made["key"], now=ends)
        with pytest.raises(NotAuthorized, match="expired"):
            keys.authenticate_again(db, caller, now=ends)


def test_an_expired_key_opens_nothing(world: World) -> None:
    made = write_at(
        NOON,
        world.database,
        keys.create,
        org_id=world.made.org_id,
        name="old",
        role="org:admin",
        expires_at="2025-04-07T13:00:00Z",
    )
    answer = world.call("GET", "users", key=made["key"])
    assert code(answer) == (401, "not_authorized")
    assert answer.json["message"] == "The API key has expired."
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert listed(world)[0]["expiresAt"] == "2025-04-07T13:00:00Z"


@pytest.mark.parametrize("at", ["2025-04-07T13:00:00Z", "2099-01-01T00:00:00", "tomorrow", 5])
def test_a_key_expires_at_an_instant_to_come(world: World, at: Any) -> None:
    answer = world.call("POST", "api-keys", {"name": "old", "expiresAt": at})
    assert code(answer) == (400, "validation_error")
    assert list(answer.json["errors"]) == ["expiresAt"]
