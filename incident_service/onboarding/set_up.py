"""What of an organization's set-up works, and what does not, told in sentences (contract §11).

It is read in a bounded number of statements, however much there is, and both answers are computed
from that alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from incident_service.clock import format_instant
from incident_service.database.engine import Connection
from incident_service.oncall import coverage
from incident_service.oncall.coverage import Coverage
from incident_service.oncall.warnings import in_words
from incident_service.people.caller import Caller
from incident_service.people.users import display_name
from incident_service.store import Row, audit, contact_methods, named, policies, users

WINDOW = timedelta(days=28)
"""How far ahead it looks for gaps."""

QUIET_FOR = timedelta(days=1)
"""How old an integration is before it is told that nothing came."""

RECENT = 50
"""Among how many incidents, the newest, it looks for a page that was mailed: no test mails one."""

EARLY = 50
"""Among how many events of each of them, the first."""

StepName = Literal["person", "test_page", "schedule", "policy", "integration"]

Kind = Literal["user", "schedule", "escalation_policy", "integration"]
"""What a step or a warning is about, as the audit log calls it."""


@dataclass(frozen=True, slots=True)
class Step:
    """Something to set up, in the order in which it is best done."""

    name: StepName
    is_done: bool
    """Whether it works now; that it is there is not enough."""
    kind: Kind
    id: str | None
    """What to look after; `None` to make one, or if it is done."""


@dataclass(frozen=True, slots=True)
class SetUpWarning:
    """A sentence about something that does not do what it is there for."""

    kind: Kind
    id: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Policy:
    """An escalation policy, and whom it pages."""

    id: str
    name: str
    has_layers: bool
    schedule_ids: frozenset[str]
    user_ids: frozenset[str]


class SetUp:
    """What an organization has set up, as it is at one instant."""

    def __init__(self, db: Connection, caller: Caller, by_email: bool, *, now: datetime) -> None:
        """Read it. `by_email`: whether users are paged by email too."""
        org_id = caller.org_id
        people = users.all_by_creation(db, org_id)
        methods = contact_methods.of_users(db, org_id, [user["id"] for user in people])
        self._caller = caller
        self._now = now
        self._names = {user["id"]: display_name(user) for user in people}
        self._reachable = {id for id in self._names if by_email or methods.get(id)}
        self._has_arrived = any(row["works_since"] for of in methods.values() for row in of) or (
            by_email and audit.has_sent_page(db, org_id, among=RECENT, early=EARLY)
        )
        self._coverage = {
            each.schedule["id"]: each for each in coverage.of_all(db, org_id, now + WINDOW, now=now)
        }
        self._policies = _policies(db, org_id)
        self._integrations = named.all_by_name(db, "integrations", org_id)

    @property
    def steps(self) -> list[Step]:
        """What there is to set up, and whether it works."""
        own = self._caller.user_id
        idle = [id for id, each in self._coverage.items() if not each.on_call]
        helpless = [each.id for each in self._policies if not self._is_reached(self._now_on(each))]
        silent = [each["id"] for each in self._integrations if not each["last_received_at"]]
        return [
            _step("person", bool(self._reachable), "user", [own]),
            _step("test_page", self._has_arrived, "user", [own]),
            _step("schedule", len(idle) < len(self._coverage), "schedule", idle),
            _step("policy", len(helpless) < len(self._policies), "escalation_policy", helpless),
            _step("integration", len(silent) < len(self._integrations), "integration", silent),
        ]

    @property
    def warnings(self) -> list[SetUpWarning]:
        """What does not do what it is there for: schedules, policies, people, integrations."""
        return [
            *self._gaps(),
            *self._policies_in_vain(),
            *self._unreachable(),
            *self._silence(),
        ]

    def warnings_about(self, kind: Kind, id: str) -> list[str]:
        """Return the sentences about one thing, to show where it is."""
        return [each.sentence for each in self.warnings if (each.kind, each.id) == (kind, id)]

    def _is_reached(self, user_ids: Iterable[str]) -> bool:
        return not self._reachable.isdisjoint(user_ids)

    def _now_on(self, policy: Policy) -> set[str]:
        """Return whom the policy's layers page now, whatever their conditions say."""
        return set().union(policy.user_ids, *(each.on_call for each in self._targeted(policy)))

    def _targeted(self, policy: Policy) -> list[Coverage]:
        return [self._coverage[id] for id in policy.schedule_ids & self._coverage.keys()]

    def _gaps(self) -> Iterator[SetUpWarning]:
        for id, each in self._coverage.items():
            if each.gaps:
                yield SetUpWarning("schedule", id, _of_gaps(each, self._now))

    def _policies_in_vain(self) -> Iterator[SetUpWarning]:
        for policy in self._policies:
            fault = self._fault(policy)
            if fault is not None:
                yield SetUpWarning("escalation_policy", policy.id, f"{policy.name} {fault}.")

    def _fault(self, policy: Policy) -> str | None:
        if not policy.has_layers:
            return "has no layers, so it pages nobody"
        people = set().union(policy.user_ids, *(each.people for each in self._targeted(policy)))
        if not people:
            return "pages schedules on which nobody is on call within the next four weeks"
        if not self._is_reached(people):
            return "pages only people who have no way to be reached"
        return None

    def _unreachable(self) -> Iterator[SetUpWarning]:
        schedules = self._coverage.values()
        places = [
            *(("is on call now on", each.schedule["name"], each.on_call) for each in schedules),
            *(
                ("takes turns on", each.schedule["name"], each.people.difference(each.on_call))
                for each in schedules
            ),
            *(("is paged by", policy.name, policy.user_ids) for policy in self._policies),
        ]
        needed: dict[str, list[str]] = {}
        for what, name, user_ids in places:
            for id in user_ids:
                needed.setdefault(id, []).append(f"{what} {name}")
        for id, name in self._names.items():
            if id in needed and id not in self._reachable:
                first, *others = needed[id]
                more = f" and is needed in {_count(len(others), 'more place')}" if others else ""
                yield SetUpWarning(
                    "user", id, f"{name} {first}{more}, but has no way to be reached."
                )

    def _silence(self) -> Iterator[SetUpWarning]:
        made_before = format_instant(self._now - QUIET_FOR)
        for each in self._integrations:
            if each["last_received_at"] is None and each["created_at"] <= made_before:
                sentence = f"{each['name']} has received nothing yet."
                yield SetUpWarning("integration", each["id"], sentence)


def unreachable(
    db: Connection, caller: Caller, user_ids: Iterable[str], by_email: bool
) -> set[str]:
    """Return those of the users who have no way to be reached.

    `by_email`: whether users are paged by email too.
    """
    if by_email:
        return set()
    wanted = sorted(set(user_ids))
    methods = contact_methods.of_users(db, caller.org_id, wanted)
    return {id for id in wanted if not methods.get(id)}


def _policies(db: Connection, org_id: str) -> list[Policy]:
    targets: dict[str, list[Row]] = {}
    for row in policies.targets_of_all(db, org_id):
        targets.setdefault(row["policy_id"], []).append(row)
    return [
        Policy(
            policy["id"],
            policy["name"],
            has_layers=policy["id"] in targets,
            schedule_ids=_column(targets.get(policy["id"], ()), "schedule_id"),
            user_ids=_column(targets.get(policy["id"], ()), "user_id"),
        )
        for policy in named.all_by_name(db, "escalation_policies", org_id)
    ]


def _column(rows: Iterable[Row], name: str) -> frozenset[str]:
    return frozenset(row[name] for row in rows if row[name] is not None)


def _step(name: StepName, is_done: bool, kind: Kind, lacking: Sequence[str | None]) -> Step:
    """Return the step; `lacking`: the things to look after if it is not done."""
    return Step(name, is_done, kind, None if is_done or not lacking else lacking[0])


def _of_gaps(each: Coverage, now: datetime) -> str:
    name, timezone = each.schedule["name"], each.schedule["timezone"]
    first, *others = each.gaps
    if (first.starts_at, first.ends_at) == (now, now + WINDOW):
        return f"Nobody is on call on {name} within the next four weeks."
    more = f", and {_count(len(others), 'more time')} within four weeks" if others else ""
    return f"Nobody is on call on {name} {in_words(first, timezone)}{more}."


def _count(number: int, things: str) -> str:
    return f"{number} {things}{'s' if number > 1 else ''}"
