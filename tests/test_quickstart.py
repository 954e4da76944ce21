"""The quickstart organization, and how tools are connected to it (contract §9)."""

from __future__ import annotations

import itertools
import json
import re
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask

from incident_service import cli, quickstart
from incident_service.cli import _greeting, main
from incident_service.clock import format_instant, local_time_zone, now, parse_instant
from incident_service.config import Settings
from incident_service.database import either
from incident_service.database.engine import Database
from incident_service.errors import NotFound
from incident_service.people import sign_in_links
from incident_service.serving import server
from tests.helpers import engines
from tests.helpers.clocks import write_at
from tests.helpers.world import World

pytestmark = pytest.mark.every_engine

START = parse_instant("2026-03-27T15:30:00Z")  # the clocks of Berlin spring forward on the 29th

SIGN_IN = "https://oncall.example.com/sign-in/0123456789"

Begin = Callable[..., World]


@pytest.fixture
def begin(app: Flask) -> Begin:
    """Does to the database what the command does before it serves."""
    database: Database = app.extensions["incident_service.database"]

    def provision(minutes: float = 0, **options: Any) -> World:
        at = START + timedelta(minutes=minutes)
        made = write_at(at, database, quickstart.provision, **options)
        return World(app, database, app.test_client(), made)

    return provision


def the_team(begin: Begin, minutes: float = 0) -> World:
    return begin(minutes, timezone="Europe/Berlin", with_team=True)


def shifts(world: World, name: str) -> list[tuple[str, str]]:
    """Return whose shifts a schedule has in the year after the start, and when each begins."""
    schedules = world.call("GET", "oncall/schedules").json["data"]
    (id,) = (each["id"] for each in schedules if each["name"] == name)
    window = [format_instant(START + timedelta(days=days)) for days in (0, 365)]
    found = world.call(
        "GET", f"oncall/schedules/{id}/shifts", **{"from": window[0], "to": window[1]}
    )
    return [(each["userName"], each["startsAt"]) for each in found.json["data"]]


def test_three_people_take_turns_and_the_next_one_stands_by(begin: Begin) -> None:
    world = the_team(begin)
    primary, secondary = (shifts(world, f"{name} on-call") for name in ("Primary", "Secondary"))
    assert primary[:4] == [
        ("Ada Admin", "2026-03-27T15:30:00.000Z"),
        ("Sam Rivera", "2026-04-03T07:00:00.000Z"),
        ("Mina Park", "2026-04-10T07:00:00.000Z"),
        ("Ada Admin", "2026-04-17T07:00:00.000Z"),
    ]
    assert [at for _, at in primary] == [at for _, at in secondary]
    assert [name for name, _ in primary[1:]] == [name for name, _ in secondary[:-1]]
    organization = world.call("GET", "organization").json["data"]
    schedules = world.call("GET", "oncall/schedules").json["data"]
    assert {each["timezone"] for each in (organization, *schedules)} == {"Europe/Berlin"}


def test_the_policy_pages_the_primary_and_then_the_secondary(begin: Begin) -> None:
    world = the_team(begin)
    policy = world.call("GET", f"escalation/policies/{world.made.policy_id}").json["data"]
    schedules = {
        each["id"]: each["name"] for each in world.call("GET", "oncall/schedules").json["data"]
    }
    assert [
        (schedules[step["targetId"]], step["escalateAfterSeconds"]) for step in policy["steps"]
    ] == [("Primary on-call", 300), ("Secondary on-call", 300)]


def everything(world: World) -> dict[str, Any]:
    paths = ("organization", "users", "oncall/schedules", "escalation/policies", "components")
    return {path: world.call("GET", path).json["data"] for path in paths}


def test_run_again_it_doubles_nothing(begin: Begin) -> None:
    first = the_team(begin)
    before = everything(first)
    again = begin(60, timezone="Asia/Tokyo", with_team=True)
    assert everything(again) == before
    assert again.made.key != first.made.key


def test_an_organization_from_before_gets_no_colleagues(begin: Begin) -> None:
    before = everything(begin())
    assert everything(the_team(begin, 60)) == before


def test_what_was_deleted_of_the_team_stays_deleted(begin: Begin) -> None:
    world = the_team(begin)
    (secondary,) = (
        each["id"]
        for each in world.call("GET", "oncall/schedules").json["data"]
        if each["name"] == "Secondary on-call"
    )
    policy = f"escalation/policies/{world.made.policy_id}"
    world.call("PUT", policy, {"name": quickstart.POLICY, "steps": []})
    assert world.call("DELETE", f"oncall/schedules/{secondary}").status_code == 204
    before = everything(world)
    assert everything(the_team(begin, 60)) == before


@pytest.mark.parametrize(
    ("variable", "link", "name"),
    [
        ("", "/usr/share/zoneinfo/Europe/Berlin", "Europe/Berlin"),
        ("", "../usr/share/zoneinfo/America/Argentina/Ushuaia", "America/Argentina/Ushuaia"),
        ("", "/usr/share/zoneinfo/Etc/UTC", "UTC"),
        ("", "/somewhere/else", "UTC"),
        ("", None, "UTC"),
        ("Asia/Kolkata", "/usr/share/zoneinfo/Europe/Berlin", "Asia/Kolkata"),
        (":/usr/share/zoneinfo/Asia/Kolkata", None, "Asia/Kolkata"),
        ("CET-1CEST", "/usr/share/zoneinfo/Europe/Berlin", "UTC"),
        ("localtime", None, "UTC"),
    ],
)
def test_the_time_zone_of_the_machine(
    monkeypatch: pytest.MonkeyPatch, variable: str, link: str | None, name: str
) -> None:
    def readlink(path: Path) -> Path:
        assert str(path) == "/etc/localtime"
        if link is None:
            raise OSError("Invalid argument")
        return Path(link)

    monkeypatch.setenv("TZ", variable)
    monkeypatch.setattr(Path, "readlink", readlink)
    assert local_time_zone() == name


def connect(world: World) -> quickstart.Tools:
    return world.database.write(world.made.org_id, quickstart.connect, world.made)


def test_tools_can_be_connected_at_once(world: World) -> None:
    tools = connect(world)
    for token, body in (
        (tools.generic_token, {"title": "Down", "severity": "critical"}),
        (tools.alertmanager_token, {"alerts": [{"labels": {"alertname": "A"}}]}),
    ):
        answer = world.client.post(f"/in/{token}", json=body)
        (alert,) = answer.json["data"]["alerts"]
        incident = world.call("GET", f"incidents/{alert['incidentId']}").json["data"]
        assert incident["escalationPolicyId"] == world.made.policy_id
        assert incident["ownerId"] == world.made.user_id


def test_a_token_that_a_tool_uses_is_kept(world: World) -> None:
    first = connect(world)
    world.client.post(f"/in/{first.alertmanager_token}", json={"alerts": []})
    again = connect(world)
    assert again.alertmanager_token is None
    assert again.generic_token not in (None, first.generic_token)
    for token, status in (
        (first.alertmanager_token, 202),
        (first.generic_token, 401),
        (again.generic_token, 202),
    ):
        answer = world.client.post(f"/in/{token}", json={"title": "Down", "alerts": []})
        assert answer.status_code == status
    assert len(world.call("GET", "integrations/inbound").json["data"]["integrations"]) == 2


def test_a_policy_that_was_chosen_is_kept(world: World) -> None:
    chosen = world.make("escalation/policies", name="Chosen")["id"]
    world.call("PATCH", "organization", {"defaultEscalationPolicyId": chosen})
    connect(world)
    found = world.call("GET", "organization").json["data"]
    assert found["defaultEscalationPolicyId"] == chosen


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs the command, up to the moment at which it would serve."""

    def serve(_: Settings, *, when_ready: Callable[[], None]) -> None:
        when_ready()

    monkeypatch.setattr(server, "serve", serve)

    def invoke(*options: str, answer: str | None = None) -> Result:
        variables = {
            "INCIDENT_SERVICE_DATABASE": engines.variable(tmp_path / "quick.db"),
            "INCIDENT_SERVICE_BASE_URL": "https://oncall.example.com",
        }
        result = CliRunner().invoke(main, ["quickstart", *options], input=answer, env=variables)
        assert result.exit_code == 0, result.output
        return result

    return invoke


def link_in(result: Result) -> tuple[str, str]:
    """Return the link that was printed, and its token."""
    (found,) = re.finditer(r"^  (https://oncall\.example\.com/sign-in/(\w+))$", result.output, re.M)
    return found[1], found[2]


def test_each_run_prints_a_link_that_signs_the_admin_in_once(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    links = [link_in(run()) for _ in range(2)]
    assert len(set(links)) == 2
    database = either.open_database(engines.where(tmp_path / "quick.db"))
    for _, token in links:
        with database.read() as db:
            assert sign_in_links.find(db, token, now=now())["user_email"] == quickstart.EMAIL
        database.write(None, sign_in_links.use, token, None)
        with database.read() as db, pytest.raises(NotFound):
            sign_in_links.find(db, token, now=now())
    with database.read() as db:
        too_late = now() + timedelta(minutes=16)
        _, token = link_in(run())
        with pytest.raises(NotFound):
            sign_in_links.find(db, token, now=too_late)


@pytest.mark.parametrize(
    ("options", "is_on_a_desktop", "answer", "opens"),
    [
        ([], False, None, False),
        (["--open"], False, None, True),
        (["--no-open"], True, None, False),
        (["--open"], True, None, True),
        ([], True, "\n", True),
        ([], True, "n\n", False),
    ],
)
def test_it_opens_the_link_if_somebody_wants_that(
    run: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    is_on_a_desktop: bool,
    answer: str | None,
    opens: bool,
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(cli, "_open", opened.append)
    monkeypatch.setattr(cli, "_is_on_a_desktop", lambda: is_on_a_desktop)
    result = run(*options, answer=answer)
    assert opened == ([link_in(result)[0]] if opens else [])
    assert ("[Y/n]" in result.output) == (answer is not None)


@pytest.mark.parametrize("display", ["", ":0"])
@pytest.mark.parametrize("terminals", [*itertools.product([True, False], repeat=2)])
def test_it_asks_at_the_terminal_of_a_desktop_alone(
    monkeypatch: pytest.MonkeyPatch, display: str, terminals: tuple[bool, bool]
) -> None:
    monkeypatch.setenv("DISPLAY", display)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    for stream, is_terminal in zip((sys.stdin, sys.stdout), terminals, strict=True):
        monkeypatch.setattr(stream, "isatty", lambda is_terminal=is_terminal: is_terminal)
    assert cli._is_on_a_desktop() == (all(terminals) and bool(display))


def test_what_it_prints_can_be_pasted(world: World) -> None:
    tools = connect(world)
    settings = Settings(base_url="https://oncall.example.com")
    printed = _greeting(settings, world.made, tools, SIGN_IN)
    (curl,) = re.findall(r"^curl .*/in/.*?^  --data '(.*?)'$", printed, re.M | re.S)
    assert json.loads(curl)["dedupKey"] == "disk-web-1"
    assert f"https://oncall.example.com/in/{tools.generic_token}" in printed
    snippet = f"""
route:
  receiver: incident-service
  group_by: [alertname]
receivers:
  - name: incident-service
    webhook_configs:
      - url: "https://oncall.example.com/in/{tools.alertmanager_token}"
        max_alerts: 1000
"""
    assert snippet in printed
    in_use = _greeting(settings, world.made, quickstart.Tools(None, None), SIGN_IN)
    assert "/in/" not in in_use


def test_a_second_run_takes_the_turn_of_its_organization(app: Flask) -> None:
    database: Database = app.extensions["incident_service.database"]
    with database.read() as db:
        assert quickstart.owner(db) is None
    made = database.write(None, quickstart.provision)
    with database.read() as db:
        assert quickstart.owner(db) == made.org_id
