"""Paging with real processes, a real webhook and a real mail server (contract §8)."""

from __future__ import annotations

import itertools
import os
import random
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path
from statistics import median
from typing import Any
from urllib.request import Request, urlopen

import pytest
from aiosmtpd.smtp import Envelope

from incident_service import clock
from incident_service.clock import format_instant
from incident_service.config import ALLOWED_SCHEMES
from incident_service.database.writelock import WriteLock
from incident_service.paging import contact_methods
from incident_service.paging.fairness import EVENTS, Limits, receiver_of
from tests.helpers.pagers import PROMPT, bodies, end, paging
from tests.helpers.place import SCHEMES, Place
from tests.helpers.receivers import Receiver, dripping, hanging_at, receiving, taking_mail
from tests.helpers.servers import GENEROUS, Server, free_port, running
from tests.helpers.waiting import wait_for

TAKEN = "SELECT id FROM deliveries WHERE attempts > 0"
"""Deliveries under way."""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "paging.db")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as server:
        yield server


def link_in_mail(envelope: Envelope) -> str:
    assert isinstance(envelope.content, bytes)
    text = message_from_bytes(envelope.content, policy=policy.default).get_content()
    found = re.search(r"^Acknowledge: (\S+)\s*$", text, re.MULTILINE)
    assert found, text
    return found[1]


def test_from_the_incident_to_the_acknowledgement(place: Place, receiver: Receiver) -> None:
    ada = place.user("ada", receiver.url("http", "/ada"))
    ben = place.user("ben")
    cleo = place.user("cleo", receiver.url("http", "/cleo"), receiver.url("json", "/cleo"))
    place.user("dora", receiver.url("http", "/dora"))
    policy_id = place.policy([ada, ben], [cleo], ["dora"])
    body = {
        "title": "Payments fail",
        "severity": "high",
        "ownerId": ada,
        "escalationPolicyId": policy_id,
    }
    with taking_mail() as (box, smtp_port):
        smtp_url = f"smtp://127.0.0.1:{smtp_port}?from=oncall@example.org"
        environment = {**SCHEMES, "INCIDENT_SERVICE_SMTP_URL": smtp_url}
        with running(place.path, environment=environment) as server:
            wait_for_paging(place)
            box.got.clear()
            status, answer, _ = server.open_incident(place.made.key, body)
            assert status == 201
            id = answer["data"]["id"]

            wait_for(lambda: receiver.got and len(box.got) == 2)
            assert [path for path, _, _ in receiver.got] == ["/ada"]
            mailed = sorted(envelope.rcpt_tos[0] for envelope in box.got)
            assert mailed == ["ada@example.com", "ben@example.com"]
            assert bodies(receiver)[0]["incident"]["id"] == id

            wait_for(lambda: place.count("deliveries") == 0)
            place.let_a_minute_pass()
            wait_for(lambda: len(receiver.got) == 3)
            assert [path for path, _, _ in receiver.got[1:]] == ["/cleo", "/cleo"]
            (of_cleo,) = [found for found in bodies(receiver) if found.get("layer") == 2]

            links = [bodies(receiver)[0]["acknowledgeUrl"], link_in_mail(box.got[0])]
            links.append(of_cleo["acknowledgeUrl"])
            for link in links:
                assert link.startswith(f"http://127.0.0.1:{server.port}/a/")
                for method in ("GET", "HEAD"):
                    with urlopen(Request(link, method=method)) as page:
                        assert page.status == 200
            wait_for(lambda: place.count("deliveries") == 0)
            assert read(server, place, id)["acknowledgedBy"] is None
            assert place.count("incident_timers", "due_at IS NOT NULL") == 1

            with urlopen(Request(links[-1], method="POST", data=b"")) as page:
                assert page.status == 200
            assert place.count("incident_timers", "due_at IS NOT NULL") == 0
            incident = read(server, place, id)
            assert incident["acknowledgedBy"] == cleo
            trail = incident["auditTrail"]
    order = [(event["event"], event["details"].get("userId")) for event in trail]
    assert order[:2] == [("incident_opened", None), ("layer_escalated", None)]
    assert sorted(order[2:5]) == [("page_sent", ada), ("page_sent", ada), ("page_sent", ben)]
    assert order[5:] == [
        ("layer_escalated", None),
        ("page_sent", cleo),
        ("page_sent", cleo),
        ("page_sent", cleo),
        ("incident_acknowledged", None),
    ]
    assert "s3cret" not in server.log.read_text()
    assert not any(link in server.log.read_text() for link in links)


def read(server: Server, place: Place, id: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {place.made.key}"}
    status, answer, _ = server.request("GET", f"/v1/incidents/{id}", headers=headers)
    assert status == 200
    data: dict[str, Any] = answer["data"]
    return data


def test_a_receiver_that_is_down_gets_its_page_once_it_is_up(place: Place) -> None:
    port = free_port()
    ada = place.user("ada", f"http://127.0.0.1:{port}/ada")
    with paging(place):
        (id,) = place.open(owner_id=ada)
        wait_for(lambda: place.trail(id)[-1][0] == "page_failed")
        details = place.trail(id)[-1][1]
        assert (details["reason"], details["willRetry"]) == ("no connection", True)
        with receiving(port) as receiver:
            receiver.status = 503
            place.let_a_minute_pass()
            wait_for(lambda: len(place.trail(id)) == 3)
            receiver.status = 200
            place.let_a_minute_pass()
            wait_for(lambda: len(place.trail(id)) == 4)
            first, second = bodies(receiver)
    assert first["id"] == second["id"]
    assert [(event, details.get("attempt")) for event, details in place.trail(id)[1:]] == [
        ("page_failed", 1),
        ("page_failed", 2),
        ("page_sent", 3),
    ]
    assert place.count("deliveries") == 0


def connections_of(pid: int) -> int:
    """Return how many sockets the process has that are no pipe to its other threads."""
    found = 0
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            found += str(descriptor.readlink()).startswith("socket:")
    return found


def threads_of(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


HANGING, DRIPPING, REFUSING = 50, 12, 200
IN_CLEAR = (
    "http://{}/s3cret",
    "json://{}/s3cret",
    "ntfy://{}/topic",
    "gotify://{}/s3cretToken",
    "mmost://{}/3ccdd113474722377935511fc85d3dd4",
    "rocket://user:s3cret@{}/%23channel",
    "matrix://user:s3cret@{}/%23room",
    "nctalk://user:s3cret@{}/room",
    "signal://{}/+15551234567/+15557654321",
)
WITH_TLS = ("https://{}/s3cret", "jsons://{}/s3cret", "ntfys://{}/topic", "gotifys://{}/s3cret")
RECEIVERS = HANGING + DRIPPING + REFUSING
OF_SLOW = "user_id LIKE 'slow%'"
"""Of those users whose receivers hang or drip."""


def hostile_urls(stack: ExitStack) -> list[str]:
    """Run receivers that hang and drip, and name some that refuse; no two have one address."""
    schemes = itertools.cycle(IN_CLEAR)
    with_tls = itertools.cycle(WITH_TLS)
    hanging = stack.enter_context(hanging_at([f"127.0.1.{n}" for n in range(1, 1 + HANGING)]))
    urls = [
        next(with_tls if n % 4 == 3 else schemes).format(where) for n, where in enumerate(hanging)
    ]
    for n in range(DRIPPING):
        part = ("head", "body", "handshake")[n % 3]
        port = stack.enter_context(dripping(part))
        urls.append(next(with_tls if part == "handshake" else schemes).format(f"127.0.0.1:{port}"))
    port = free_port()
    urls += [next(schemes).format(f"127.0.2.{n}:{port}") for n in range(1, 1 + REFUSING)]
    assert len({receiver_of(url) for url in urls}) == RECEIVERS == len(urls)
    for url in urls:
        contact_methods.check_url(url, {*ALLOWED_SCHEMES, "http"})
    return urls


@pytest.mark.parametrize("organizations", [1, 40])
def test_receivers_that_hang_drip_and_refuse_delay_nobody_elses_page(
    place: Place, receiver: Receiver, organizations: int
) -> None:
    """50 hang, 12 drip and 200 refuse; a colleague's pages and another organization's arrive.

    Ten subscriptions go to those that hang, too.

    In the first wave 80 tries have begun before any refuses: of one organization, that is most of
    what it may have at once. In the second it is known who hangs.
    """
    limits = Limits()
    hostile = [place, *(place.another() for _ in range(organizations - 1))]
    healthy = place.another()
    with ExitStack() as stack:
        urls = hostile_urls(stack)
        slow, refusing = urls[: HANGING + DRIPPING], urls[HANGING + DRIPPING :]
        persons = {"slow": 5, "refusing": 15} if organizations == 1 else {"slow": 1, "refusing": 2}
        users = {
            kind: [
                (it, it.user(f"{kind}{k}", *some[n::organizations][k :: persons[kind]]))
                for n, it in enumerate(hostile)
                for k in range(persons[kind])
            ]
            for kind, some in (("slow", slow), ("refusing", refusing))
        }
        for url in slow[:HANGING:5]:
            place.subscribe(url, "incident_opened")
        ada = place.user("ada", *(receiver.url(it, f"/ada/{it}") for it in ("http", "json")))
        ben = healthy.user("ben", *(receiver.url(it, f"/ben/{it}") for it in ("http", "json")))
        server = stack.enter_context(running(place.path, environment=SCHEMES))
        pager = wait_for_paging(place)
        idle = connections_of(pager), threads_of(pager)
        took: list[float] = []
        for wave in (1, 2):
            for it, user in users["slow"]:
                it.open(5, owner_id=user)
            if wave == 1:
                # Not 80 threads at one moment: on a slow machine the first tries are cut off before
                # the last ones begin, and receivers known to hang have 64 threads at the most.
                wait_for(lambda: place.count("deliveries", f"attempts > 0 AND {OF_SLOW}") >= 80)
            for it, user in users["refusing"]:
                it.open(owner_id=user)
            for _ in range(3):
                took += times_to_page(server, receiver, [(place, ada), (healthy, ben)])
                most = limits.total + EVENTS.total
                assert threads_of(pager) <= idle[1] + most + 1  # and the watchdog
                assert connections_of(pager) <= idle[0] + 2 * most
        wait_for(lambda: place.count("deliveries", "user_id IN ('ada', 'ben')") == 0)
        arrived = Counter((path, incident_of(body)) for path, _, body in receiver.got)
        assert set(arrived.values()) == {1}
        assert len(arrived) == 2 * len(took) == 2 * 2 * 2 * 3
        # The slowest may be the machine's affair.
        assert median(took) < PROMPT, took

        place.database.write(None, lambda db, **_: db.execute("DELETE FROM deliveries"))
        wait_for(lambda: threads_of(pager) <= idle[1] + 1)
        wait_for(lambda: connections_of(pager) <= idle[0])
        reasons = place.rows(
            """
            SELECT json_extract(details, '$.reason') AS reason, count(*) AS n FROM audit_events
            WHERE event = 'page_failed' GROUP BY 1
            """
        )
        assert {"took too long", "no connection"} <= {row["reason"] for row in reasons}


def incident_of(body: bytes) -> str:
    found = re.search(rb"incident-[0-9]+", body)
    assert found, body
    return found[0].decode()


def times_to_page(
    server: Server, receiver: Receiver, paged: list[tuple[Place, str]]
) -> list[float]:
    """Open an incident of each, and see that both of its pages arrive; return how soon, in seconds.

    Meanwhile the service answers, and says that it pages in time.
    """
    took = []
    for it, user in paged:
        title = f"incident-{len(receiver.got):04}"
        body = {"title": title, "severity": "high", "ownerId": user}
        status, _, _ = server.open_incident(it.made.key, body)
        answered = time.monotonic()
        assert status == 201

        def arrived(title: bytes = title.encode()) -> bool:
            return sum(title in body for _, _, body in receiver.got.copy()) == 2

        wait_for(arrived)
        took.append(time.monotonic() - answered)
    wait_for(lambda: server.request("GET", "/readyz")[1]["data"]["paging"] == "ok")
    asked = time.monotonic()
    assert server.request("GET", "/healthz")[0] == 200
    assert time.monotonic() - asked < PROMPT
    return took


def pause(place: Place, pager: int) -> None:
    """Stop the paging process in between two writes, so that others can write."""

    def is_paused() -> bool:
        os.kill(pager, signal.SIGSTOP)
        wait_for(
            lambda: Path(f"/proc/{pager}/stat").read_text().rpartition(")")[2].split()[0] == "T"
        )
        try:
            with WriteLock(place.path).held(time.monotonic()):
                return True
        except TimeoutError:
            os.kill(pager, signal.SIGCONT)
            return False

    wait_for(is_paused)


def test_readiness_says_when_pages_are_late(place: Place, receiver: Receiver) -> None:
    """Due for a minute, and not begun; once it was, all is well again."""
    ada = place.user("ada", receiver.url("http"))

    def paging_is(server: Server) -> str:
        status, answer, _ = server.request("GET", "/readyz")
        assert status == 200
        said: str = answer["data"]["paging"]
        return said

    with running(place.path, environment=SCHEMES) as server:
        pause(place, wait_for_paging(place))
        place.open(owner_id=ada)
        assert paging_is(server) == "ok"
        a_minute_ago = format_instant(clock.now() - timedelta(seconds=61))
        place.database.write(
            None,
            lambda db, **_: db.execute("UPDATE incident_timers SET due_at = ?", (a_minute_ago,)),
        )
        assert paging_is(server) == "late"
        (pager,) = pagers_of(place.path)
        os.kill(pager, signal.SIGCONT)
        wait_for(lambda: receiver.got)
        assert paging_is(server) == "ok"


def test_four_processes_fire_each_layer_once_and_send_each_page_once(
    place: Place, receiver: Receiver
) -> None:
    ada, ben = place.user("ada", receiver.url("http")), place.user("ben", receiver.url("http"))
    policy_id = place.policy([ada], [ben])
    with ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(paging(place))
        opened = place.open(150, escalation_policy_id=policy_id)
        for layer in (1, 2):
            wait_for(lambda: is_idle(place))
            assert place.events("page_sent") == dict.fromkeys(opened, layer)
            place.let_a_minute_pass()
        wait_for(lambda: place.count("incident_timers") == 0)
    assert place.events("layer_escalated") == dict.fromkeys(opened, 2)
    assert place.events("escalation_exhausted") == dict.fromkeys(opened, 1)
    received = Counter((page["incident"]["id"], page["layer"]) for page in bodies(receiver))
    assert received == {(id, layer): 1 for id in opened for layer in (1, 2)}


def test_kills_in_the_middle_of_it_forget_nobody(place: Place, receiver: Receiver) -> None:
    """And double no page but those that were claimed, and not recorded, when a process was killed.

    Each by one for a kill, at most. So it is with events for subscriptions, which come in order.
    """
    policy_id = place.policy([place.user("ada", receiver.url("http"))])
    component_id = place.made.component_id
    subscriptions = [
        place.subscribe(receiver.url("http"), "incident_opened", component_ids=[component_id])
        for _ in range(2)
    ]
    with ExitStack() as stack:
        processes = [stack.enter_context(paging(place)) for _ in range(4)]
        named = place.open(20, escalation_policy_id=policy_id, component_ids=(component_id,))
        opened = named + place.open(280, escalation_policy_id=policy_id)
        under_way: Counter[str] = Counter()
        for kill in (1, 2, 3):
            wait_for(lambda kill=kill: len(receiver.got) >= 60 * kill)  # type: ignore[misc]
            killed = processes.pop(random.randrange(4))
            killed.send_signal(signal.SIGKILL)
            killed.wait()
            # Those of the other processes are among them: nobody knows whose they are.
            under_way.update(row["id"] for row in place.rows(TAKEN))
            processes.append(stack.enter_context(paging(place)))
        wait_for(lambda: is_idle(place, f"due_at <= '{format_instant(clock.now())}'"))
        end(processes)
        place.let_a_minute_pass()  # the claims of those who were killed end
        timers = place.count("incident_timers", "wait_seconds > 0")
        with paging(place):
            wait_for(lambda: place.count("incident_timers") == 0)
            wait_for(lambda: place.count("deliveries") == 0)
    assert timers == 300
    assert place.events("layer_escalated") == dict.fromkeys(opened, 1)
    assert place.events("page_sent") == dict.fromkeys(opened, 1)
    pages = [body for body in bodies(receiver) if body["type"] == "page"]
    received = Counter(page["id"] for page in pages)
    assert {page["incident"]["id"] for page in pages} == set(opened)
    assert len(received) == 300
    assert all(number <= 1 + under_way[id] for id, number in received.items())
    assert received.total() - 300 <= 3 * Limits().receiver  # all go to one
    events = [body for body in bodies(receiver) if body["type"] == "event"]
    for id in subscriptions:
        told = [event for event in events if event["subscription"]["id"] == id]
        assert [*dict.fromkeys(event["incident"]["id"] for event in told)] == named
        assert all(n <= 1 + under_way[id] for id, n in Counter(e["id"] for e in told).items())


def is_idle(place: Place, deliveries: str = "true") -> bool:
    """Whether nothing is due nor under way; `deliveries` says of which."""
    at = format_instant(clock.now())
    is_fired = place.count("incident_timers", f"due_at <= '{at}'") == 0
    return is_fired and place.count("deliveries", deliveries) == 0


def pagers_of(path: Path) -> list[int]:
    """Return the ids of the paging processes that run on the file."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (process / "cmdline").read_bytes().split(b"\0")
            environment = (process / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        variable = f"INCIDENT_SERVICE_DATABASE={path}".encode()
        if b"page" in arguments and variable in environment:
            found.append(int(process.name))
    return found


def wait_until_it_pages(place: Place) -> None:
    """Wait until a paging process has begun its work."""
    (id,) = place.open(owner_id=place.made.user_id)
    wait_for(lambda: len(place.trail(id)) == 2)


def wait_for_paging(place: Place) -> int:
    """Wait until the service's paging process has begun its work; return its id."""
    wait_until_it_pages(place)
    (pager,) = pagers_of(place.path)
    return pager


def test_the_api_outlives_the_paging_process_which_is_started_again(
    place: Place, receiver: Receiver
) -> None:
    ada = place.user("ada", receiver.url("http"))
    with running(place.path, environment=SCHEMES) as server:
        first = wait_for_paging(place)
        os.kill(first, signal.SIGKILL)
        body = {"title": "t", "severity": "low", "ownerId": ada}
        assert server.open_incident(place.made.key, body)[0] == 201

        def is_paged() -> bool:
            assert server.request("GET", "/readyz")[:2] == (
                200,
                {"data": {"status": "ok", "paging": "ok"}},
            )
            return bool(receiver.got)

        wait_for(is_paged)
        (second,) = pagers_of(place.path)
        assert second != first


@pytest.mark.parametrize("is_hanging", [False, True])
def test_a_stop_ends_the_paging_process_too(
    place: Place, receiver: Receiver, is_hanging: bool
) -> None:
    ada = place.user("ada", receiver.url("http"))
    with running(place.path, environment=SCHEMES) as server:
        wait_for_paging(place)
        if is_hanging:
            receiver.hang.clear()
            place.open(owner_id=ada)
            wait_for(lambda: receiver.got)
        os.kill(server.process.pid, signal.SIGTERM)
        assert server.process.wait(10) == 0
        assert pagers_of(place.path) == []


def test_the_paging_process_does_not_outlive_a_master_that_is_killed(place: Place) -> None:
    with running(place.path, environment=SCHEMES) as server:
        wait_for_paging(place)
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait(GENEROUS)
        wait_for(lambda: pagers_of(place.path) == [])


def test_an_idle_paging_process_costs_next_to_nothing(place: Place) -> None:
    with paging(place) as process:
        place.open(100)  # nobody to page, nothing due
        wait_until_it_pages(place)
        before = cpu_seconds(process.pid)
        time.sleep(3)
        assert cpu_seconds(process.pid) - before <= 0.02 * 3


def cpu_seconds(pid: int) -> float:
    """Return what the process and its threads have used, in user mode and in the kernel."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
