"""Fair shares: which deliveries to start, and which tries to cut off for them.

Threads are shared between organizations, within each between recipients (a user, a subscription),
and for one recipient between receivers. Nobody's share is more than a limit. Who had fewer turns
lately goes first; once threads are scarce, what is still under way counts as well. So, what hangs,
drips or refuses takes from its own share. Events for subscriptions, invitations and links to sign
in have threads of their own, and take none from pages.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

SLOW_SECONDS = 1.0
"""A longer try may be cut off if somebody with a smaller share waits for its place."""

RECENT_SECONDS = 2.0
"""For how long a turn counts. A try that fails at once takes no place, but its start took time."""


def receiver_of(url: str | None) -> str:
    """Return a text without secrets that is equal for all URLs of one host or service.

    `None` is the mail server, which takes the pages to users' email addresses.
    """
    if url is None:
        return "mail"
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
    if not host:
        return hashlib.sha256(url.encode()).hexdigest()[:16]
    host_and_port = parts.netloc.rpartition("@")[2].lower()
    # Hashed, because the host of some services is a token.
    return hashlib.sha256(host_and_port.encode()).hexdigest()[:16]


_FIRST_RANK_OF_EVENTS = 2


def is_event(rank: int) -> bool:
    """Whether a delivery of this rank is an event, an invitation or a link to sign in."""
    return rank >= _FIRST_RANK_OF_EVENTS


@dataclass(frozen=True, slots=True)
class Waiting:
    """A delivery that is due."""

    id: str
    org_id: str
    recipient_id: str
    receiver: str
    rank: int
    """As the row has it: lower ones go first."""


@dataclass(frozen=True, slots=True)
class Running:
    """A try under way, and since how many seconds."""

    id: str
    org_id: str
    recipient_id: str
    receiver: str
    seconds: float
    rank: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """How many tries may be under way at once."""

    total: int = 192
    organization: int = 96
    recipient: int = 32
    receiver: int = 24
    """Of one organization. To a receiver that answers at once, this is no limit in practice."""
    hung: int = 64
    """To receivers whose last try hung."""
    hung_organization: int = 32
    hung_receiver: int = 4


EVENTS = Limits(
    total=32,
    organization=8,
    recipient=1,
    receiver=8,
    hung=32,
    hung_organization=8,
    hung_receiver=8,
)
"""How many events may be under way at once, beside the pages: one a subscription, in order."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to start, in this order, and what to cut off, so that others can start next time."""

    start: Sequence[Waiting]
    cut: Sequence[Running]


def plan(
    waiting: Iterable[Waiting],
    running: Collection[Running],
    *,
    ended: Collection[Running] = (),
    hung: Collection[tuple[str, str]],
    limits: Limits,
    limits_of_events: Limits = EVENTS,
) -> Plan:
    """Share the threads out, first those for pages. In `waiting`, the earlier of equals goes first.

    `ended`: tries that are over; they count as turns if they began lately. `hung`: pairs of
    organization and receiver whose last page hung. These come after the others; within both,
    lower ranks come first.
    """
    waiting = list(waiting)
    pages, events = (
        _plan(
            [each for each in waiting if is_event(each.rank) is of_events],
            [each for each in running if is_event(each.rank) is of_events],
            [each for each in ended if is_event(each.rank) is of_events],
            () if of_events else hung,
            limits_of_events if of_events else limits,
        )
        for of_events in (False, True)
    )
    return Plan([*pages.start, *events.start], [*pages.cut, *events.cut])


def _plan(
    waiting: Sequence[Waiting],
    running: Collection[Running],
    ended: Collection[Running],
    hung: Collection[tuple[str, str]],
    limits: Limits,
) -> Plan:
    shares = _Shares(running, ended, hung, limits)
    classes: defaultdict[tuple[bool, int], list[Waiting]] = defaultdict(list)
    for each in waiting:
        classes[shares.is_hung(each), each.rank].append(each)
    started: list[Waiting] = []
    blocked: list[Waiting] = []
    for _, of_class in sorted(classes.items()):
        _share_out(of_class, shares, started, blocked)
    return Plan(started, _cuts(blocked, running, shares))


class _Shares:
    """How many tries each party has under way, and how many turns it had."""

    def __init__(
        self,
        running: Collection[Running],
        ended: Iterable[Running],
        hung: Collection[tuple[str, str]],
        limits: Limits,
    ) -> None:
        self._hung = hung
        self._limits = limits
        self.of: Counter[tuple[str, ...]] = Counter()
        self.turns: Counter[tuple[str, ...]] = Counter()
        for each in running:
            self.add(each)
        is_scarce = len(running) > limits.total // 2
        still = set(running)
        for each in (*running, *ended):
            if each.seconds < RECENT_SECONDS or (is_scarce and each in still):
                self.take_turn(each)

    def take_turn(self, each: Waiting | Running) -> None:
        for party, _ in self.parties(each):
            self.turns[party] += 1

    def is_hung(self, each: Waiting | Running) -> bool:
        return (each.org_id, each.receiver) in self._hung

    def add(self, each: Waiting | Running, number: int = 1) -> None:
        for party, _ in self.parties(each):
            self.of[party] += number

    def parties(self, each: Waiting | Running) -> list[tuple[tuple[str, ...], int]]:
        """Return the parties that the try takes a place of, and how many places each has."""
        limits, org_id = self._limits, each.org_id
        parties = [
            (("total",), limits.total),
            (("organization", org_id), limits.organization),
            (("recipient", org_id, each.recipient_id), limits.recipient),
            (("receiver", org_id, each.receiver), limits.receiver),
        ]
        if self.is_hung(each):
            parties.append((("hung",), limits.hung))
            parties.append((("hung organization", org_id), limits.hung_organization))
            parties.append((("hung receiver", org_id, each.receiver), limits.hung_receiver))
        return parties

    def full(self, each: Waiting) -> list[tuple[str, ...]]:
        """Return the parties that have no place for it."""
        return [party for party, limit in self.parties(each) if self.of[party] >= limit]

    def rank(self, each: Waiting | Running) -> tuple[int, int]:
        """Return how many tries its organization has under way, and how many its recipient."""
        org_id, recipient_id = each.org_id, each.recipient_id
        return self.of["organization", org_id], self.of["recipient", org_id, recipient_id]


def _share_out(
    waiting: Iterable[Waiting], shares: _Shares, started: list[Waiting], blocked: list[Waiting]
) -> None:
    """Start what has a place: who had the fewest turns first, organization by organization."""
    queues: dict[str, dict[str, list[Waiting]]] = {}
    for each in waiting:
        queues.setdefault(each.org_id, {}).setdefault(each.recipient_id, []).append(each)
    while queues:
        org_id = min(queues, key=lambda org_id: shares.turns["organization", org_id])
        recipients = queues[org_id]
        recipient_id = min(recipients, key=lambda id: shares.turns["recipient", org_id, id])
        queue = recipients[recipient_id]
        index = min(
            range(len(queue)), key=lambda n: shares.of["receiver", org_id, queue[n].receiver]
        )
        full = {party[0] for party in shares.full(queue[index])}
        if not full:
            each = queue.pop(index)
            shares.add(each)
            shares.take_turn(each)
            started.append(each)
        elif full <= {"receiver", "hung receiver"}:  # the emptiest one of this recipient's
            blocked.append(queue[index])
            queue.clear()
        elif full & {"total", "hung"}:
            blocked.extend(queue[0] for some in queues.values() for queue in some.values())
            return
        elif full & {"organization", "hung organization"}:
            blocked.extend(queue[0] for queue in recipients.values())
            recipients.clear()
        else:  # the recipient's own share is used up, which delays nobody else
            queue.clear()
        if not queue:
            recipients.pop(recipient_id, None)
        if not recipients:
            del queues[org_id]


def _cuts(
    blocked: Iterable[Waiting], running: Collection[Running], shares: _Shares
) -> list[Running]:
    """Return the slow tries that keep somebody with a smaller share from their place.

    Tries to receivers that hung before go first, then the longest ones.
    """
    slow = {
        each: {party for party, _ in shares.parties(each)}
        for each in sorted(
            (each for each in running if each.seconds >= SLOW_SECONDS),
            key=lambda each: (not shares.is_hung(each), -each.seconds),
        )
    }
    cut: list[Running] = []
    for each in blocked:
        if not slow:
            break
        full = set(shares.full(each))
        rank = shares.rank(each)
        for candidate, takes in slow.items():
            is_other = _owner(candidate) != _owner(each)
            is_in_the_way = is_other and not full.isdisjoint(takes)
            if is_in_the_way and _has_more(candidate, each, rank, shares):
                del slow[candidate]
                shares.add(candidate, -1)
                shares.add(each)
                cut.append(candidate)
                break
    return cut


def _has_more(candidate: Running, each: Waiting, rank: tuple[int, int], shares: _Shares) -> bool:
    """Whether the running try's organization, or else recipient, has more under way."""
    theirs = shares.rank(candidate)
    if candidate.org_id == each.org_id:
        return theirs[1] > rank[1]
    return theirs[0] > rank[0]


def _owner(each: Waiting | Running) -> tuple[str, str]:
    return each.org_id, each.recipient_id
