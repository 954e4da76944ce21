"""What people do about an incident, in any order and at any instant, and what comes of it.

The model here is the table of `docs/contributing.md`, written a second time: the rows of timers and
of messages on their way must be its own after every step (contract §3, §5 and §8).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from incident_service.clock import format_instant
from incident_service.errors import ServiceError
from incident_service.incidents import lifecycle, reopening, responding, updates
from incident_service.people.caller import Caller
from tests.helpers.clocks import write_at
from tests.helpers.rota import Rota, at

LAYERS = [("a", 5), ("b", 10), ("y", 3), ("c", 7)]
"""Whom each layer pages, and its minutes. Nothing reaches y."""

REPEAT = 1
BOSS = "boss"
"""The admin."""


Message = tuple[str, str, int | None]
"""To whom, of which kind, and the position of the layer."""


@dataclass
class Model:
    """What should be so. Instants are minutes."""

    now: int = 0
    owner: str = "c"
    is_resolved: bool = False
    is_acknowledged: bool = False
    snoozed_until: int | None = None
    is_handed_off: bool = False
    is_paged: bool = False
    done: int = 0
    repeats: int = 0
    wait: int = 0
    resolver: str = ""
    responders: set[str] = field(default_factory=set)
    timers: dict[str, int | None] = field(default_factory=lambda: {"owner": 0, "layer": 0})
    outbox: list[Message] = field(default_factory=list)
    reached: set[str] = field(default_factory=set)

    # --- What people do. Each returns the code of the error, or nothing.

    def acknowledge(self, actor: str, _: str) -> str | None:
        if not self.is_resolved and not self.is_acknowledged:
            self.is_acknowledged = True
            self._call_off("page")
            self.timers.pop("owner", None)
            if "layer" in self.timers:
                self.timers["layer"] = None
            if self.is_handed_off and self.owner != actor:
                self.timers["notice"] = self.now
        return None

    def unacknowledge(self, _actor: str, _: str) -> str | None:
        if not self.is_resolved and self.is_acknowledged:
            self._end_acknowledgement()
            self._restart_layer(self.now)
        return None

    def snooze(self, actor: str, _: str) -> str | None:
        if self.is_resolved:
            return "incident_resolved"
        self.acknowledge(actor, "")
        self.snoozed_until = self.timers["snooze"] = self.now + 30
        return None

    def escalate(self, _actor: str, _: str) -> str | None:
        if self.is_resolved:
            return "incident_resolved"
        if all(user == "y" for user, _ in LAYERS[self.done :]):
            return "escalation_exhausted"
        self._end_acknowledgement()
        self._fire_rest_of_round(self.now)
        return None

    def hand_off(self, _actor: str, target: str) -> str | None:
        if self.is_resolved:
            return "incident_resolved"
        self.outbox = [
            message
            for message in self.outbox
            if message[1] not in ("page", "acknowledged") or message[2] is not None
        ]
        self.owner, self.is_handed_off, self.is_paged = target, True, False
        self._end_acknowledgement()
        self.timers["owner"] = self.now
        self._restart_layer(self.now)
        return None

    def add(self, _actor: str, target: str) -> str | None:
        if self.is_resolved:
            return "incident_resolved"
        if target not in self.responders:
            self.responders.add(target)
            self._send(target, "help")
        return None

    def remove(self, _actor: str, target: str) -> str | None:
        if target not in self.responders:
            return "not_found"
        if self.is_resolved:
            return "incident_resolved"
        self.responders.remove(target)
        self.outbox = [each for each in self.outbox if each[:2] != (target, "help")]
        return None

    def worsen(self, _actor: str, _: str) -> str | None:
        if self.is_acknowledged and not self.is_resolved:
            self.timers["owner"] = self.now
        return None

    def resolve(self, actor: str, _: str) -> str | None:
        if not self.is_resolved:
            self.is_resolved, self.resolver, self.done = True, actor, 0
            self.snoozed_until = None
            self._call_off("page", "help")
            for kind in ("owner", "layer", "snooze"):
                self.timers.pop(kind, None)
            if self.reached:
                self.timers["resolved"] = self.now
        return None

    def reopen(self, _actor: str, _: str) -> str | None:
        if not self.is_resolved:
            return "invalid_status_transition"
        self.is_resolved = self.is_acknowledged = self.is_handed_off = self.is_paged = False
        self.done = self.repeats = self.wait = 0
        self._call_off("acknowledged", "resolved")
        self.timers = {"owner": self.now, "layer": self.now}
        return None

    # --- What the paging process does.

    def next_due(self) -> int | None:
        return min((due for due in self.timers.values() if due is not None), default=None)

    def fire(self) -> None:
        while (first := self.next_due()) is not None and first <= self.now:
            due = {kind for kind, at in self.timers.items() if at is not None and at <= self.now}
            layer_due = self.timers.get("layer")
            for kind in due - {"layer"}:
                ended = self.timers.pop(kind)
                if kind == "snooze":
                    assert ended is not None
                    self._restart_layer(ended)
            if "snooze" in due:
                self._end_acknowledgement()
                self.is_paged = False
                due = due - {"notice"} | {"owner"}
            if "notice" in due:
                self._send(self.owner, "acknowledged")
            if "resolved" in due:
                for user in self.reached - {self.resolver}:
                    self._send(user, "resolved")
            if "owner" in due:
                self._send(self.owner, "page")
            waits = "layer" in self.timers
            is_last = not self.is_paged and not self.is_acknowledged and self.done == len(LAYERS)
            if waits and ("layer" in due or ("owner" in due and is_last)):
                waits = self._fire_layer(self.now if layer_due is None else layer_due)
            if not waits and due & {"owner", "layer"} and not self.is_paged:
                self._send(BOSS, "page")

    def deliver(self) -> None:
        self.reached |= {user for user, _, _ in self.outbox}
        self.outbox = []

    def _fire_layer(self, due: int) -> bool:
        was_begun = self.done > 0
        if self._fire_rest_of_round(due):
            return True
        if was_begun and self.repeats < REPEAT:
            self.repeats, self.done = self.repeats + 1, 0
            return self._fire_rest_of_round(due)
        del self.timers["layer"]
        return False

    def _fire_rest_of_round(self, due: int) -> bool:
        for position, (user, minutes) in enumerate(LAYERS[self.done :], start=self.done + 1):
            self.done = position
            if user != "y":
                self._send(user, "page", position)
                self.wait = minutes
                self.timers["layer"] = due + minutes
                return True
        return False

    def _send(self, user: str, kind: str, layer: int | None = None) -> None:
        if user == "y":
            return
        self.is_paged |= kind in ("page", "help")
        if kind == "page" and layer is not None and (user, kind, None) in self.outbox:
            self.outbox[self.outbox.index((user, kind, None))] = user, kind, layer
        elif kind != "page" or user not in {to for to, other, _ in self.outbox if other == "page"}:
            self.outbox.append((user, kind, layer))

    def _call_off(self, *kinds: str) -> None:
        self.outbox = [message for message in self.outbox if message[1] not in kinds]

    def _end_acknowledgement(self) -> None:
        self.is_acknowledged, self.snoozed_until = False, None
        self._call_off("acknowledged")
        for kind in ("snooze", "notice"):
            self.timers.pop(kind, None)

    def _restart_layer(self, since: int) -> None:
        if "layer" in self.timers:
            self.timers["layer"] = since + self.wait


Do = Callable[[Rota, str, Caller, str, int], None]


def acting(work: Callable[..., Any], *args: Any) -> Do:
    def do(rota: Rota, id: str, caller: Caller, target: str, minutes: int) -> None:
        given = [{"target": target, "targets": [target]}.get(each, each) for each in args]
        write_at(at(minutes), rota.world.database, work, caller, id, *given)

    return do


def worsen(rota: Rota, id: str, caller: Caller, _target: str, minutes: int) -> None:
    (incident,) = rota.world.rows("SELECT * FROM incidents WHERE id = ?", id)
    if incident["status"] != "resolved":
        work = lifecycle.raise_severity
        write_at(at(minutes), rota.world.database, work, caller, incident, "critical")


ACTIONS: dict[str, Do] = {
    "acknowledge": acting(lifecycle.acknowledge),
    "unacknowledge": acting(responding.unacknowledge),
    "snooze": acting(responding.snooze, 30),
    "escalate": acting(responding.escalate, False),
    "hand_off": acting(lifecycle.hand_off, "target"),
    "add": acting(responding.add_responders, "targets", False),
    "remove": acting(responding.remove_responder, "target"),
    "worsen": worsen,
    "resolve": acting(updates.resolve, None),
    "reopen": acting(reopening.reopen),
}

WEIGHTS = [3, 2, 3, 4, 3, 4, 3, 1, 1, 3]
"""How often each is tried: most is refused while the incident is resolved."""

STEPS = 80


@pytest.fixture
def policy(rota: Rota) -> str:
    rota.world.make("users", id=BOSS, email="boss@example.com", role="org:admin")
    rota.reach(BOSS)
    steps = [rota.step([user], minutes) for user, minutes in LAYERS]
    made = rota.world.make("escalation/policies", name="P", steps=steps, repeat=REPEAT)
    return str(made["id"])


@pytest.mark.parametrize("seed", [1, 2])
def test_what_comes_of_any_actions(rota: Rota, policy: str, seed: int) -> None:
    chance = random.Random(seed)
    model, id = Model(), rota.open(policy, owner="c")
    told = set()
    for _ in range(STEPS):
        pass_time(rota, model, model.now + chance.choice([0, 0, 0, 1, 5, 11, 29, 60]))
        if chance.random() < 0.5:
            rota.deliver(model.now)
            model.deliver()
        (name,) = chance.choices([*ACTIONS], WEIGHTS)
        actor, target = chance.choice("abx"), chance.choice("bcxy")
        caller = Caller(rota.caller.org_id, "key", actor, "org:member")
        code = None
        try:
            ACTIONS[name](rota, id, caller, target, model.now)
        except ServiceError as error:
            code = error.code
        assert code == getattr(model, name)(actor, target)
        compare(rota, model, id)
        told.add((name, code))
    assert {name for name, code in told if code is None} == {*ACTIONS}
    found = rota.world.call("GET", f"incidents/{id}").json["data"]
    for instants in (
        [each["at"] for each in found["auditTrail"]],
        [each["changedAt"] for each in found["statusHistory"]],
    ):
        assert instants == sorted(instants)


def pass_time(rota: Rota, model: Model, until: int) -> None:
    """Let a paging process fire all that falls due until then."""
    while (due := model.next_due()) is not None and due < until:
        model.now = max(model.now, due)
        rota.fire(model.now)
        model.fire()
    model.now = until
    rota.fire(until)
    model.fire()


def compare(rota: Rota, model: Model, id: str) -> None:
    (row,) = rota.world.rows("SELECT * FROM incidents WHERE id = ?", id)
    assert (row["status"] == "resolved", row["owner_id"]) == (model.is_resolved, model.owner)
    assert (row["acknowledged_at"] is not None) == model.is_acknowledged
    assert row["snoozed_until"] == instant(model.snoozed_until)
    timers = rota.world.rows("SELECT * FROM incident_timers")
    assert {timer["kind"]: timer["due_at"] for timer in timers} == {
        kind: instant(due) for kind, due in model.timers.items()
    }
    on_the_way = [(d["user_id"], d["kind"], d["layer_position"]) for d in rota.deliveries()]
    assert sorted(on_the_way, key=repr) == sorted(model.outbox, key=repr)


def instant(minutes: int | None) -> str | None:
    return None if minutes is None else format_instant(at(minutes))
