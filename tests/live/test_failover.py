"""A PostgreSQL server that is restarted, or killed and replaced by its standby, under load."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from incident_service.config import ServerUrl, Settings
from incident_service.database import server as engine_of_servers
from incident_service.errors import Busy
from tests.helpers import clusters, engines
from tests.helpers.clusters import Cluster
from tests.helpers.crowds import Crowd
from tests.helpers.pagers import bodies
from tests.helpers.place import SCHEMES, Place
from tests.helpers.provisioned import assert_whole, body
from tests.helpers.receivers import Receiver, receiving
from tests.helpers.servers import Server, running
from tests.helpers.waiting import wait_for

CLIENTS = 8

AWAITING_STANDBY = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"

SOON = 15.0
"""Seconds after which all is well again, on a busy machine too."""


@pytest.fixture
def folder(postgres: engines.Server) -> Iterator[Path]:
    if clusters.programs() is None:
        pytest.skip("PostgreSQL's programs are not installed")
    with clusters.folders() as made:
        yield made


@pytest.fixture
def primary(folder: Path) -> Iterator[Cluster]:
    with clusters.cluster(folder / "primary") as made:
        yield made


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as server:
        yield server


@contextmanager
def serving(place: Place, where: ServerUrl) -> Iterator[Server]:
    variable = Settings(database=where).database_variable
    environment = {**SCHEMES, "INCIDENT_SERVICE_DATABASE": variable}
    with running(place.path, environment=environment) as server:
        yield server


def wait_for_refusals(crowd: Crowd) -> None:
    """Wait until the clients are told that the database is busy, so that it is away for all."""
    wait_for(lambda: crowd.refusals[503, "busy"] >= CLIENTS)


def assert_nothing_lost(place: Place, where: ServerUrl, crowd: Crowd) -> None:
    """Each 201 is there, each incident was opened once, and nothing but `busy` was answered."""
    assert set(crowd.refusals) == {(503, "busy")}
    assert not crowd.cuts
    assert_whole(where, crowd.opened)
    assert place.count("incidents") == len(crowd.opened)


def assert_paged_once(place: Place, receiver: Receiver, crowd: Crowd) -> None:
    """Each incident's layers fired once each, and no page was forgotten.

    One that was sent while its outcome could not be recorded is still recorded later.
    """
    ids = [each["id"] for each in crowd.opened]
    wait_for(lambda: len(place.events("layer_escalated")) == len(ids))
    wait_for(lambda: not place.count("deliveries"))
    assert place.events("layer_escalated") == dict.fromkeys(ids, 1)
    assert place.events("page_sent") == dict.fromkeys(ids, 1)
    assert sorted(page["incident"]["id"] for page in bodies(receiver)) == sorted(ids)


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_restart_of_the_server_loses_nothing(
    primary: Cluster, tmp_path: Path, receiver: Receiver, mode: str
) -> None:
    where = primary.url()
    place = Place(tmp_path / "restart.db", where)
    policy_id = place.policy([place.user("ada", receiver.url("http"))])
    new = body(place.made) | {"ownerScheduleId": None, "ownerId": "ada"}
    with serving(place, where) as server:
        crowd = Crowd([server], place.made.key, {**new, "escalationPolicyId": policy_id})
        with crowd.at_work(CLIENTS):
            wait_for(lambda: len(crowd.opened) >= 5 * CLIENTS)
            primary.stop(mode)
            wait_for_refusals(crowd)
            assert server.request("GET", "/readyz")[0] == 503
            primary.start()
            began = time.monotonic()
            wait_for(lambda: crowd.since(began) >= 5 * CLIENTS)
        assert server.request("GET", "/readyz")[0] == 200
        assert_nothing_lost(place, where, crowd)
        assert_paged_once(place, receiver, crowd)
    assert min(at for at in crowd.at if at >= began) - began < SOON
    assert not re.search("Traceback", server.log.read_text())


def test_a_standby_takes_over_and_nothing_is_lost(
    primary: Cluster, folder: Path, tmp_path: Path, receiver: Receiver
) -> None:
    with clusters.standby_of(primary, folder / "standby") as standby:
        where = clusters.both(primary, standby)
        place = Place(tmp_path / "failover.db", where)
        policy_id = place.policy([place.user("ada", receiver.url("http"))])
        new = body(place.made) | {"ownerScheduleId": None, "ownerId": "ada"}
        with serving(place, where) as server:
            crowd = Crowd([server], place.made.key, {**new, "escalationPolicyId": policy_id})
            with crowd.at_work(CLIENTS):
                wait_for(lambda: len(crowd.opened) >= 10 * CLIENTS)
                primary.kill()
                wait_for_refusals(crowd)
                standby.promote()
                promoted = time.monotonic()
                wait_for(lambda: crowd.since(promoted) >= 5 * CLIENTS)
            to_write = min(at for at in crowd.at if at >= promoted) - promoted
            assert_nothing_lost(place, where, crowd)
            assert_paged_once(place, receiver, crowd)
            to_page = time.monotonic() - promoted
    print(f"written to {to_write:.2f} s after the promotion, all paged after {to_page:.2f} s")
    assert to_write < SOON
    assert not re.search("Traceback", server.log.read_text())


def test_without_its_standby_a_write_is_busy_and_nothing_waits_for_ever(
    primary: Cluster, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_of_servers, "COMMIT_SECONDS", 0.5)
    with clusters.standby_of(primary, folder / "standby") as standby:
        place = Place(tmp_path / "alone.db", primary.url())
        ada = place.user("ada")
        with standby.suspended():
            with pytest.raises(Busy, match="before it said"):
                place.open(owner_id=ada)
            assert place.count("users") == 2  # reading goes on
        wait_for(lambda: not primary.execute(AWAITING_STANDBY))
        place.open(owner_id=ada)
        # Whether the first one was written, nobody had promised.
        assert place.count("incidents") in (1, 2)


def test_a_commit_whose_wait_for_the_standby_was_ended_is_not_taken_for_safe(
    primary: Cluster, folder: Path, tmp_path: Path
) -> None:
    with clusters.standby_of(primary, folder / "standby") as standby, ThreadPoolExecutor(1) as pool:
        place = Place(tmp_path / "ended.db", primary.url())
        ada = place.user("ada")
        with standby.suspended():
            opening = pool.submit(place.open, owner_id=ada)
            wait_for(lambda: primary.execute(AWAITING_STANDBY))
            primary.execute(f"SELECT pg_cancel_backend(pid) FROM ({AWAITING_STANDBY}) AS waiting")
            with pytest.raises(Busy, match="before it said"):
                opening.result()
