"""Two people act at once on one incident: as if one had come after the other (contract §3)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from itertools import combinations_with_replacement
from threading import Barrier
from typing import Any

import pytest

from tests.helpers.rota import Rota
from tests.helpers.world import World

ACTIONS: dict[str, tuple[str, str, dict[str, Any] | None]] = {
    "acknowledge": ("POST", "acknowledge", None),
    "unacknowledge": ("POST", "unacknowledge", None),
    "snooze": ("POST", "snooze", {"minutes": 30}),
    "escalate": ("POST", "escalate", None),
    "hand off": ("POST", "handoff", {"targetUserId": "x"}),
    "ask": ("POST", "responders", {"userIds": ["c"]}),
    "ask no more": ("DELETE", "responders/b", None),
    "move on": ("PATCH", "status", {"status": "identified"}),
    "resolve": ("POST", "resolve", None),
    "reopen": ("POST", "reopen", None),
}

STARTS: dict[str, list[str]] = {
    "open": [],
    "acknowledged": ["acknowledge"],
    "resolved": ["acknowledge", "resolve"],
}

KEPT = ("status", "ownerId", "acknowledgedBy", "responders", "statusHistory", "auditTrail")
VARYING = {"id", "at", "addedAt", "changedAt", "updateId", "until"}
"""What differs from one incident to the next, whatever happened."""


def act(world: World, client: Any, number: int, name: str, key: str) -> tuple[int, str]:
    method, path, body = ACTIONS[name]
    answer = client.open(
        f"/v1/incidents/{number}/{path}",
        method=method,
        headers={"Authorization": f"Bearer {key}"},
        **({} if body is None else {"json": body}),
    )
    return answer.status_code, answer.json.get("code", "")


def stripped(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: stripped(each) for name, each in value.items() if name not in VARYING}
    return [stripped(each) for each in value] if isinstance(value, list) else value


def outcome(world: World, number: int, answers: dict[str, tuple[int, str]]) -> Any:
    """Return what both were told, and all that came of it; the trail must read in order."""
    found = world.call("GET", f"incidents/{number}").json["data"]
    instants = [event["at"] for event in found["auditTrail"]]
    assert instants == sorted(instants)
    timers = world.rows(
        """
        SELECT kind, due_at IS NULL AS is_stopped FROM incident_timers
        WHERE incident_id = ? ORDER BY kind
        """,
        found["id"],
    )
    pages = world.rows(
        "SELECT user_id, kind FROM deliveries WHERE incident_id = ? ORDER BY user_id, kind",
        found["id"],
    )
    return answers, {name: stripped(found[name]) for name in KEPT}, timers, pages


@pytest.mark.parametrize("start", STARTS)
def test_each_pair_of_actions(rota: Rota, start: str) -> None:
    world = rota.world
    world.database.write_timeout = 5.0  # on a busy machine the other one may take its time
    keys = {
        user: world.make("api-keys", name=user, userId=user, role="org:member")["key"]
        for user in "ab"
    }
    policy = rota.policy(["a"], ["b"], ["c"])
    clients = {user: world.app.test_client() for user in keys}
    number = 0

    def begin() -> int:
        nonlocal number
        number += 1
        body = world.body(ownerId="c", ownerScheduleId=..., escalationPolicyId=policy)
        assert world.post(body).json["data"]["sequentialId"] == number
        world.call("POST", f"incidents/{number}/responders", {"userIds": ["b"]})
        for name in STARTS[start]:
            assert act(world, world.client, number, name, world.made.key)[0] == 200
        return number

    # Each pair at one start a day, and at every start within three days.
    turn = (list(STARTS).index(start) + date.today().toordinal()) % len(STARTS)
    pairs = list(combinations_with_replacement(ACTIONS, 2))[turn :: len(STARTS)]
    with ThreadPoolExecutor(2) as threads:
        for pair in pairs:
            wanted = dict(zip("ab", pair, strict=True))
            one_by_one = []
            for order in ("ab", "ba"):
                of = begin()
                told = {
                    user: act(world, world.client, of, wanted[user], keys[user]) for user in order
                }
                one_by_one.append(outcome(world, of, told))
            of, barrier = begin(), Barrier(2)

            def at_once(user: str, of: int = of, barrier: Barrier = barrier) -> tuple[int, str]:
                barrier.wait()
                return act(world, clients[user], of, wanted[user], keys[user])  # noqa: B023

            told = dict(zip("ab", threads.map(at_once, "ab"), strict=True))
            assert outcome(world, of, told) in one_by_one, pair
