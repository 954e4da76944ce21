"""Two machines on one PostgreSQL server: what one has done, the other does not do again."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import clusters
from tests.helpers.crowds import Crowd
from tests.helpers.networks import machine
from tests.helpers.pagers import bodies
from tests.helpers.place import SCHEMES, Place
from tests.helpers.provisioned import assert_whole, body
from tests.helpers.receivers import Receiver, receiving
from tests.helpers.servers import Server, running
from tests.helpers.waiting import wait_for

CLIENTS = 16
KILLS = 3


pytestmark = pytest.mark.usefixtures("postgres")  # a file is on one machine


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "two.db")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as server:
        yield server


@contextmanager
def two_machines(place: Place) -> Iterator[list[Server]]:
    """Run two services on the one database, each with workers and a paging process."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                running(place.path, environment={**SCHEMES, "INCIDENT_SERVICE_WORKERS": "2"})
            )
            for _ in range(2)
        ]


def incident(place: Place, **values: Any) -> dict[str, Any]:
    return body(place.made) | {"ownerScheduleId": None} | values


def pages_of(receiver: Receiver) -> Counter[tuple[str, str]]:
    """Return how often each user's page about each incident came."""
    return Counter((page["incident"]["id"], page["user"]["id"]) for page in bodies(receiver))


def test_they_number_without_a_gap_and_nothing_twice(place: Place) -> None:
    ada = place.user("ada")
    with two_machines(place) as machines:
        crowd = Crowd(machines, place.made.key, incident(place, ownerId=ada))
        with crowd.at_work(CLIENTS):
            wait_for(lambda: len(crowd.opened) >= 10 * CLIENTS)
    numbers = sorted(each["sequentialId"] for each in crowd.opened)
    assert numbers == list(range(1, len(numbers) + 1))
    assert not crowd.refusals
    assert_whole(place.path, crowd.opened)


def test_each_may_be_in_a_network_of_its_own(tmp_path: Path) -> None:
    if clusters.programs() is None:
        pytest.skip("PostgreSQL's programs are not installed")
    with ExitStack() as stack:
        first, second = (stack.enter_context(machine(number)) for number in (1, 2))
        folder = stack.enter_context(clusters.folders())
        cluster = stack.enter_context(clusters.cluster(folder / "server", first.here))
        place = Place(tmp_path / "networks.db", cluster.url())
        ada = place.user("ada")
        machines = [
            stack.enter_context(
                running(
                    place.path,
                    wrap=each.wrap,
                    host=each.address,
                    environment={"INCIDENT_SERVICE_DATABASE": cluster.url().url},
                )
            )
            for each in (first, second)
        ]
        crowd = Crowd(machines, place.made.key, incident(place, ownerId=ada))
        with crowd.at_work(CLIENTS):
            wait_for(lambda: len(crowd.opened) >= 5 * CLIENTS)
        assert not crowd.refusals
        assert_whole(cluster.url(), crowd.opened)
        assert place.count("incidents") == len(crowd.opened)


def test_one_idempotency_key_on_both_at_once_opens_one_incident(place: Place) -> None:
    new = incident(place, ownerId=place.user("ada"))
    with two_machines(place) as machines, ThreadPoolExecutor(2) as clients:
        for number in range(20):
            key = {"Idempotency-Key": str(number)}
            answers = clients.map(
                lambda machine: machine.open_incident(place.made.key, new, key),  # noqa: B023
                machines,
            )
            assert [(status, answer["data"]["sequentialId"]) for status, answer, _ in answers] == [
                (201, number + 1),
                (201, number + 1),
            ]
    assert place.count("incidents") == 20


def test_each_layer_fires_once_and_each_page_arrives_once(place: Place, receiver: Receiver) -> None:
    policy_id = place.policy(
        [place.user("ada", receiver.url("http"))], [place.user("ben", receiver.url("http"))]
    )
    with two_machines(place) as machines:
        new = incident(place, ownerId="ada", escalationPolicyId=policy_id)
        crowd = Crowd(machines, place.made.key, new)
        with crowd.at_work(CLIENTS):
            wait_for(lambda: len(crowd.opened) >= 5 * CLIENTS)
        ids = [each["id"] for each in crowd.opened]
        wait_for(lambda: len(receiver.got) >= len(ids) and not place.count("deliveries"))
        assert pages_of(receiver) == dict.fromkeys([(id, "ada") for id in ids], 1)
        place.let_a_minute_pass()
        wait_for(lambda: len(receiver.got) >= 2 * len(ids) and not place.count("deliveries"))
    assert pages_of(receiver) == dict.fromkeys(
        [(id, who) for id in ids for who in ("ada", "ben")], 1
    )
    assert place.events("layer_escalated") == dict.fromkeys(ids, 2)
    assert place.events("page_sent") == dict.fromkeys(ids, 2)


def test_kills_of_whole_machines_lose_nothing(place: Place, receiver: Receiver) -> None:
    """And double no page but those that were claimed, and not recorded, each by one for a kill."""
    ada = place.user("ada", receiver.url("http"))
    with two_machines(place) as machines, ExitStack() as stack:
        crowd = Crowd(machines, place.made.key, incident(place, ownerId=ada))
        unrecorded = 0
        with crowd.at_work(CLIENTS // 2):
            for kill in range(1, KILLS + 1):
                wait_for(lambda kill=kill: len(crowd.opened) >= 40 * kill)  # type: ignore[misc]
                killed = random.randrange(2)
                crowd.servers[killed].kill()
                unrecorded += place.count("deliveries", "attempts > 0")
                again = running(
                    place.path,
                    environment={**SCHEMES, "INCIDENT_SERVICE_WORKERS": "2"},
                    port=crowd.servers[killed].port,
                )
                crowd.servers[killed] = stack.enter_context(again)
        assert_whole(place.path, crowd.opened)
        assert place.count("incidents") == len(crowd.opened)
        wait_for_all_but_claims(place)
        place.let_a_minute_pass()  # the claims of those who were killed end
        wait_for(lambda: not place.count("deliveries"))
    assert set(crowd.refusals) <= {(503, "busy")}
    pages = pages_of(receiver)
    assert set(pages) == {(each["id"], ada) for each in crowd.opened}
    assert max(pages.values()) <= 1 + KILLS
    assert sum(pages.values()) - len(pages) <= unrecorded
    assert place.events("layer_escalated") == {}


def wait_for_all_but_claims(place: Place) -> None:
    """Wait until nobody is at work on what is left to be sent."""
    left = "SELECT id, due_at FROM deliveries ORDER BY id"
    looks: list[list[dict[str, Any]]] = []

    def is_quiet() -> bool:
        looks.append(place.rows(left))
        recent = looks[-50:]
        return len(recent) == 50 and all(look == recent[0] for look in recent)

    wait_for(is_quiet)
