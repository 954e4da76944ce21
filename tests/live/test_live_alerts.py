"""Alerts from many senders at once, in storms, and cut off by kills (contract §10)."""

from __future__ import annotations

import http.client
import json
import random
import signal
import sqlite3
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from incident_service.alerts import integrations
from tests.helpers.integrations import Client, Integration
from tests.helpers.place import SCHEMES, Place
from tests.helpers.receivers import receiving
from tests.helpers.servers import GENEROUS, Server, running
from tests.helpers.waiting import wait_for

SENDERS = 16
KEYS = 40
STORM_AFTER = 20
"""Incidents from one integration, within five minutes."""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "alerts.db")


def alert(key: str, **values: Any) -> dict[str, Any]:
    return {"title": f"{key} fails", "dedupKey": key, "severity": "critical", **values}


@pytest.mark.every_engine
def test_the_same_alert_from_16_senders_at_once_is_one(place: Place) -> None:
    """40 alerts over as many integrations as it takes for none of them to be a storm."""
    with (
        running(place.path, environment={"INCIDENT_SERVICE_WORKERS": "4"}) as server,
        ThreadPoolExecutor(SENDERS) as senders,
    ):
        client = Client(server, place)
        tools = [client.integrate(f"Tool {n}") for n in range(KEYS // STORM_AFTER)]
        barrier = threading.Barrier(SENDERS)

        def send(_: int, tool: Integration, key: str) -> dict[str, Any]:
            barrier.wait()
            (taken,) = tool.send(alert(key))
            return taken

        ids = set()
        for n in range(KEYS):
            tool, key = tools[n % len(tools)], f"part {n}"
            answers = list(senders.map(send, range(SENDERS), [tool] * SENDERS, [key] * SENDERS))
            assert all(taken == answers[0] for taken in answers)
            assert (answers[0]["status"], answers[0]["outcome"]) == ("firing", "incident")
            ids.add((answers[0]["id"], answers[0]["incidentId"]))
        assert len(ids) == len({id for id, _ in ids}) == len({id for _, id in ids}) == KEYS
        assert "database is locked" not in server.log.read_text()
    assert place.count("alerts", f"count = {SENDERS}") == place.count("alerts") == KEYS
    assert place.count("incidents") == KEYS
    assert place.events("incident_opened") == {id: 1 for _, id in ids}


def test_a_storm_of_5000_alerts_pages_a_handful_of_times(place: Place) -> None:
    """Each of five senders sends a thousand alerts, all at the same moment."""
    batches = [[alert(f"{sender}/{n}") for n in range(1000)] for sender in range(5)]
    with receiving() as receiver, ThreadPoolExecutor(len(batches)) as senders:
        place.user("ada", receiver.url("http", "/ada"))
        with running(place.path, environment=SCHEMES) as server:
            client = Client(server, place)
            policy_id = client.policy("Ada", "ada")
            client.call("PATCH", "organization", {"defaultEscalationPolicyId": policy_id})
            tool = client.integrate("Tool")
            answers = list(senders.map(tool.send, batches))
            assert [[taken["dedupKey"] for taken in answer] for answer in answers] == [
                [sent["dedupKey"] for sent in batch] for batch in batches
            ]
            of_incidents = Counter(taken["incidentId"] for answer in answers for taken in answer)
            ((storm_id, joined),) = of_incidents.most_common(1)
            assert (len(of_incidents), joined) == (STORM_AFTER + 1, 5000 - STORM_AFTER)
            storm = client.call("GET", f"incidents/{storm_id}")
            assert storm["title"] == "Alert storm: Tool"
            wait_for(lambda: place.count("deliveries") == 0 and len(receiver.got) > STORM_AFTER)
            paged = Counter(json.loads(body)["incident"]["id"] for _, _, body in receiver.got)
            assert paged == dict.fromkeys(of_incidents, 1)

            over = [[{**sent, "status": "resolved"} for sent in batch] for batch in batches]
            ended = list(senders.map(tool.send, over))
            assert {taken["status"] for answer in ended for taken in answer} == {"resolved"}
            # The storm itself stays a while, so that what comes next joins it.
            wait_for(lambda: place.count("incidents", "status != 'resolved'") == 1)
            assert client.call("GET", f"incidents/{storm_id}")["status"] == "investigating"
    assert place.count("alerts") == place.count("alerts", "status = 'resolved'") == 5000


CLIENTS = 4
KILLS = 2


def test_kills_in_the_middle_of_deliveries_lose_nothing_that_was_answered(place: Place) -> None:
    """What was answered is whole; of what was cut off, the tool's retry brings the rest."""
    chance = random.Random(7)
    batches = (
        [alert(f"batch {number}/{n}") for n in range(chance.randint(1, 1000))]
        for number in range(10_000)
    )
    taking = threading.Lock()
    answered: list[tuple[list[dict[str, Any]], list[dict[str, Any]]]] = []
    cut_off: list[list[dict[str, Any]]] = []

    def send_all(server: Server, token: str, stopped: threading.Event) -> None:
        """Send cut off batches again, then new ones, until the server is killed."""
        while not stopped.is_set():
            with taking:
                batch = cut_off.pop() if cut_off else next(batches)
            try:
                answer = Integration(server, "", "Tool", token, "").send(batch)
            except (OSError, ValueError, http.client.HTTPException):
                with taking:
                    cut_off.append(batch)
                return
            answered.append((batch, answer))

    values = {"name": "Tool", "kind": "generic"}
    made = place.database.write(
        place.made.org_id, integrations.create, org_id=place.made.org_id, values=values
    )
    token = made["token"]
    ends = 0
    for _ in range(KILLS):
        before = len(answered)
        with running(place.path) as server:
            stopped = threading.Event()
            threads = [
                threading.Thread(target=send_all, args=(server, token, stopped))
                for _ in range(CLIENTS)
            ]
            for thread in threads:
                thread.start()
            wait_for(
                lambda before=before: len(answered) >= before + CLIENTS  # type: ignore[misc]
            )
            server.stop(signal.SIGKILL)
            stopped.set()
            for thread in threads:
                thread.join()
        ends += len(cut_off)
        assert_kept(place, answered)
    assert ends > 0
    with running(place.path) as server:
        tool = Integration(server, "", "Tool", token, "")
        answered += [(batch, tool.send(batch)) for batch in cut_off]
    assert_kept(place, answered)
    sent = [sent["dedupKey"] for batch, _ in answered for sent in batch]
    assert place.count("alerts") == len(set(sent)) == len(sent)
    assert place.count("incidents") == STORM_AFTER + 1


def assert_kept(
    place: Place, answered: list[tuple[list[dict[str, Any]], list[dict[str, Any]]]]
) -> None:
    """The file is sound, and has each alert of each answer, firing and with its incident."""
    connection = sqlite3.connect(place.path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()
    kept = {
        row["dedup_key"]: (row["id"], row["status"], row["incident_id"])
        for row in place.rows("SELECT dedup_key, id, status, incident_id FROM alerts")
    }
    for batch, answer in answered:
        assert [taken["dedupKey"] for taken in answer] == [sent["dedupKey"] for sent in batch]
        for taken in answer:
            told = (taken["id"], taken["status"], taken["incidentId"])
            assert kept[taken["dedupKey"]] == told
            assert taken["incidentId"]


def test_uptime_kumas_form_which_comes_in_chunks(place: Place) -> None:
    """As version 2.0 sends it: without a length, the JSON in a part named `data`."""
    monitor = {"id": 1, "name": "Shop", "url": "https://shop.example.com/", "type": "http"}
    with running(place.path) as server:
        tool = Client(server, place).integrate("Uptime Kuma", "uptime_kuma")

        def send(heartbeat: Any, monitor: Any) -> list[dict[str, Any]]:
            said = json.dumps({"heartbeat": heartbeat, "monitor": monitor, "msg": "[Shop] ..."})
            form = f'--x\r\nContent-Disposition: form-data; name="data"\r\n\r\n{said}\r\n--x--\r\n'
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=GENEROUS)
            headers = {"Content-Type": "multipart/form-data; boundary=x"}
            parts = iter([form[:50].encode(), form[50:].encode()])
            connection.request("POST", f"/in/{tool.token}", parts, headers, encode_chunked=True)
            answer = connection.getresponse()
            found = json.loads(answer.read())
            connection.close()
            assert answer.status == 202, found
            alerts: list[dict[str, Any]] = found["data"]["alerts"]
            return alerts

        assert send(None, None) == []  # the test button
        (down,) = send({"monitorID": 1, "status": 0, "msg": "ECONNREFUSED"}, monitor)
        (up,) = send({"monitorID": 1, "status": 1, "msg": "200 - OK"}, monitor)
    assert (down["status"], down["outcome"], up["status"]) == ("firing", "incident", "resolved")
    assert up["id"] == down["id"]
