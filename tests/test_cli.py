"""The data commands: one JSON object out, one clear line when something is wrong (contract §9)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from incident_service import cli
from incident_service.cli import main
from incident_service.config import Settings
from incident_service.database import either, maintenance
from incident_service.database.engine import Database
from incident_service.errors import Busy, InvalidSetting
from incident_service.people import sign_in_links
from tests.helpers import commands, engines
from tests.helpers.another_app import client_with

pytestmark = pytest.mark.every_engine


@pytest.fixture
def run(tmp_path: Path) -> Any:
    path = tmp_path / "cli.db"

    def invoke(*arguments: str, **environment: str) -> Result:
        variables = {"INCIDENT_SERVICE_DATABASE": engines.variable(path), **environment}
        return CliRunner().invoke(main, list(arguments), env=variables)

    return invoke


def test_from_nothing_to_an_incident(run: Any, tmp_path: Path) -> None:
    org = json.loads(run("create-org", "Acme 🔥").stdout)["id"]
    user = json.loads(run("create-user", "--org", org, "--email", "a@example.com").stdout)["id"]
    key = json.loads(run("create-key", "--org", org, "--user", user).stdout)
    client = client_with(Settings(database=engines.where(tmp_path / "cli.db")))
    answer: Any = client.post(
        "/v1/incidents",
        json={"title": "t", "severity": "low", "ownerId": user},
        headers={"Authorization": f"Bearer {key['key']}"},
    )
    assert answer.status_code == 201
    assert (answer.json["data"]["orgId"], answer.json["data"]["createdBy"]) == (org, user)


def test_a_key_may_act_for_itself(run: Any, tmp_path: Path) -> None:
    org = json.loads(run("create-org", "Acme").stdout)["id"]
    user = json.loads(run("create-user", "--org", org, "--email", "a@b", "--id", "ada").stdout)
    assert user == {"id": "ada"}
    key = json.loads(run("create-key", "--org", org, "--role", "org:admin").stdout)
    client = client_with(Settings(database=engines.where(tmp_path / "cli.db")))
    answer: Any = client.post(
        "/v1/incidents",
        json={"title": "t", "severity": "low", "ownerId": "ada"},
        headers={"Authorization": f"Bearer {key['key']}"},
    )
    assert answer.json["data"]["createdBy"] == key["id"]


def test_init_db_may_run_again(run: Any) -> None:
    first, again = run("init-db"), run("init-db")
    assert (first.exit_code, again.exit_code) == (0, 0)
    assert json.loads(first.stdout) == json.loads(again.stdout)


REPORT = ("report", "--org", "x", "--month", "2026-11")


@pytest.mark.sqlite_only("the file")
def test_a_report_makes_no_file(tmp_path: Path) -> None:
    path = tmp_path / "mistyped.db"
    result = CliRunner().invoke(main, REPORT, env={"INCIDENT_SERVICE_DATABASE": str(path)})
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert f"INCIDENT_SERVICE_DATABASE: {path} does not exist." in line
    assert not path.exists()


def test_nor_tables_on_a_server(postgres: engines.Server) -> None:
    bare = postgres.bare()
    result = CliRunner().invoke(main, REPORT, env={"INCIDENT_SERVICE_DATABASE": bare.url})
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"INCIDENT_SERVICE_DATABASE: {bare} has no tables." in result.stderr
    assert not either.is_made(either.open_database(bare))


@pytest.mark.parametrize(
    "arguments",
    [("openapi",), ("list-orgs",), ("report", "--month", "2026-11", "--format", "csv")],
    ids=lambda arguments: arguments[0],
)
def test_a_full_disk_is_one_line_too(run: Any, tmp_path: Path, arguments: tuple[str]) -> None:
    org = json.loads(run("create-org", "Acme").stdout)["id"]
    whose = ("--org", org) if arguments[0] == "report" else ()
    with Path("/dev/full").open("wb") as full:
        result = commands.run(tmp_path / "cli.db", *arguments, *whose, stdout=full)
    assert (result.returncode, result.stderr) == (
        1,
        "Error: standard output: No space left on device\n",
    )


def test_errors_are_one_line_on_standard_error(run: Any) -> None:
    org = json.loads(run("create-org", "Acme").stdout)["id"]
    run("create-user", "--org", org, "--email", "Ada@example.com", "--id", "ada")
    for arguments, status, said in [
        (("create-key", "--org", "org_none"), 1, "org_none"),
        (("create-key", "--org", org, "--user", "bob"), 1, "bob"),
        (("create-user", "--org", org, "--email", "ADA@EXAMPLE.COM"), 1, "email"),
        (("create-user", "--org", org, "--email", "x@y", "--id", "ada"), 1, "ada"),
        (("create-user", "--org", org), 2, "--email"),
        (("create-user", "--org", org, "--email", "ada"), 2, "--email"),
        (("create-user", "--org", org, "--email", "a b@c"), 2, "--email"),
        (("create-user", "--org", org, "--email", "a" * 254 + "@b"), 2, "--email"),
        (("create-org", " "), 2, "NAME"),
        (("create-org", "Acme"), 1, f"name: Acme is the name of organization {org}."),
        (("create-key", "--org", org, "--role", "king"), 2, "--role"),
    ]:
        result = run(*arguments)
        assert (result.exit_code, result.stdout) == (status, "")
        assert said in result.stderr
        assert len(result.stderr.splitlines()) == 1 or status == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"), ("PORT", "0"), ("WORKERS", "-1"), ("THREADS", "many"),
        ("BASE_URL", "ftp://x"), ("BASE_URL", "https://x.example/?a=b"),
        ("BASE_URL", "https://x.example/#a"), ("BASE_URL", "https://x.example/?"),
        ("BASE_URL", "https://u:p@x.example"), ("BASE_URL", "https://x.example/a//b"),
        ("BASE_URL", "http://[::1"), ("BASE_URL", "https://x.example:65536"),
        ("BASE_URL", "https://x.example:0"), ("BASE_URL", "https://x.example//a"),
        ("BASE_URL", "https://x.example/a/../b"), ("BASE_URL", "https://x.example/a%20b"),
        ("HOST", "a b"), ("HOST", "[::1"), ("HOST", "::1]"), ("HOST", "[127.0.0.1]"),
        ("HOST", "1.2.3"), ("HOST", "http://x"), ("HOST", "127.0.0.1:80"), ("HOST", "[x]"),
        ("LOG_LEVEL", "LOUD"), ("WRITE_TIMEOUT", "nan"),
    ],
)  # fmt: skip
def test_a_setting_that_makes_no_sense_is_named(run: Any, name: str, value: str) -> None:
    variable = f"INCIDENT_SERVICE_{name}"
    with pytest.raises(InvalidSetting, match=f"^{variable}: "):
        Settings.from_environ({variable: value})
    result = run("init-db", **{variable: value})
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)


def test_a_variable_of_ours_that_is_no_setting_is_named(run: Any) -> None:
    for variable in ("INCIDENT_SERVICE_WORKER", "INCIDENT_SERVICE_port"):
        with pytest.raises(InvalidSetting, match=f"^{variable} is not a setting"):
            Settings.from_environ({variable: ""})
    assert run("init-db", INCIDENT_SERVICE_DATABSE="x").exit_code == 1


@pytest.mark.parametrize("host", ["::1", "[::1]"])
def test_a_host_can_be_in_brackets(host: str) -> None:
    settings = Settings.from_environ({"INCIDENT_SERVICE_HOST": host})
    assert (settings.host, settings.public_url) == ("::1", "http://[::1]:8000")


@pytest.mark.parametrize("id", [".", "..", "a/b", "/"])
def test_an_id_that_no_path_could_name_is_refused(run: Any, id: str) -> None:
    org = json.loads(run("create-org", "Acme").stdout)["id"]
    result = run("create-user", "--org", org, "--email", "x@y.example", "--id", id)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: id: ")
    assert len(result.stderr.splitlines()) == 1
    assert run("create-user", "--org", org, "--email", "x@y.example", "--id", "...").exit_code == 0


def test_where_the_service_is_found() -> None:
    assert Settings().public_url == "http://127.0.0.1:8000"
    assert Settings(host="::", port=80).public_url == "http://[::1]:80"
    assert Settings(base_url="https://oncall.example.com/").public_url == (
        "https://oncall.example.com"
    )


def make_org(run: Any) -> str:
    return str(json.loads(run("create-org", "Acme").stdout)["id"])


def test_an_integration_is_made_for_scripts(run: Any) -> None:
    org = make_org(run)
    base = {"INCIDENT_SERVICE_BASE_URL": "https://oncall.example.com"}
    options = ("--org", org, "--name", "Prometheus", "--kind", "alertmanager")
    made = json.loads(run("create-integration", *options, **base).stdout)
    assert list(made) == ["id", "url", "token"]
    assert made["url"] == f"https://oncall.example.com/in/{made['token']}"
    again = run("create-integration", *options)
    assert again.exit_code == 1
    assert again.stderr.startswith("Error: name: Prometheus is the name of integration")
    options = ("--org", "org_x", "--name", "Other", "--kind", "generic")
    assert run("create-integration", *options).exit_code == 1


def test_a_heartbeat_needs_its_period(run: Any) -> None:
    options = ("create-integration", "--org", make_org(run), "--name", "Backup", "--kind")
    refused = run(*options, "heartbeat")
    assert (refused.exit_code, refused.stderr.splitlines()) == (
        1,
        ["Error: everySeconds: Missing data for required field."],
    )
    assert run(*options, "heartbeat", "--every-seconds", "86400").exit_code == 0
    assert run(*options, "generic", "--every-seconds", "60").exit_code == 1
    assert run(*options, "heartbeat", "--every-seconds", "59").exit_code == 2
    assert run(*options, "nagios").exit_code == 2


def test_an_alert_opens_an_incident_in_a_new_organization(run: Any, tmp_path: Path) -> None:
    options = ("--org", make_org(run), "--name", "Script", "--kind", "generic")
    token = json.loads(run("create-integration", *options).stdout)["token"]
    client = client_with(Settings(database=engines.where(tmp_path / "cli.db")))
    answer: Any = client.post(f"/in/{token}", json={"title": "Down", "severity": "critical"})
    (alert,) = answer.json["data"]["alerts"]
    assert (answer.status_code, alert["outcome"]) == (202, "incident")
    assert alert["incidentId"] is not None


@pytest.mark.sqlite_only("how a file is made ready")
def test_what_serves_waits_for_a_file_that_others_make_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tries: list[Database] = []

    def busy_twice(database: Database) -> None:
        tries.append(database)
        if len(tries) < 3:
            raise Busy("The database is busy.")

    monkeypatch.setattr(maintenance, "initialise", busy_twice)
    monkeypatch.setattr(cli, "LOOK_AGAIN_SECONDS", 0)
    found = cli._database_of_a_server(Settings(database=tmp_path / "x.db"))
    assert found is tries[2]
    assert caplog.messages == ["waiting for the database: The database is busy."] * 2
    tries.clear()
    with pytest.raises(Busy):
        cli._database_of_a_server(Settings(database=tmp_path / "x.db"), lambda: True)


def lines_of(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_link_signs_a_user_in_whose_id_or_email_it_names(run: Any, tmp_path: Path) -> None:
    org = make_org(run)
    run("create-user", "--org", org, "--email", "Ada@example.com", "--id", "ada")
    base = {"INCIDENT_SERVICE_BASE_URL": "https://oncall.example.com"}
    tokens = set()
    for options in (["ada"], ["ADA@example.com"], ["ada", "--org", org]):
        (printed,) = lines_of(run("sign-in-link", "--user", *options, **base))
        start, _, token = printed.pop("url").rpartition("/")
        assert (start, printed) == ("https://oncall.example.com/sign-in", {})
        tokens.add(token)
    assert len(tokens) == 3
    database = either.open_database(engines.where(tmp_path / "cli.db"))
    for token in tokens:
        session = database.write(None, sign_in_links.use, token, None)
        assert (session["org_id"], session["user_id"]) == (org, "ada")


def test_a_link_is_for_one_user_and_the_error_names_the_choices(run: Any) -> None:
    first, second = (json.loads(run("create-org", name).stdout)["id"] for name in ("A", "B"))
    for org in (first, second):
        run("create-user", "--org", org, "--email", "ada@example.com", "--id", "ada")
    for name in ("ada", "ada@example.com"):
        result = run("sign-in-link", "--user", name)
        assert (result.exit_code, result.stdout) == (1, "")
        assert len(result.stderr.splitlines()) == 1
        assert all(text in result.stderr for text in (name, "--org", first, second))
        assert lines_of(run("sign-in-link", "--user", name, "--org", second))
    for options, said in (
        (["bob"], "bob"),
        (["bob", "--org", first], "bob"),
        (["ada", "--org", "org_none"], "org_none"),
    ):
        result = run("sign-in-link", "--user", *options)
        assert (result.exit_code, result.stdout) == (1, "")
        assert said in result.stderr


def test_what_there_is_is_listed_without_secrets(run: Any) -> None:
    assert lines_of(run("list-orgs")) == []
    first, second = (json.loads(run("create-org", name).stdout)["id"] for name in ("Ä", "B"))
    (shown, other) = lines_of(run("list-orgs"))
    assert (shown["id"], shown["name"], other["id"]) == (first, "Ä", second)
    assert shown.keys() == {"id", "name", "timezone", "createdAt"}
    run("create-user", "--org", first, "--email", "a@example.com", "--id", "ada")
    (user,) = lines_of(run("list-users", "--org", first))
    assert (user["id"], user["email"], user["role"]) == ("ada", "a@example.com", "org:member")
    assert user.keys() == {"id", "email", "firstName", "lastName", "role", "createdAt"}
    made = json.loads(run("create-key", "--org", first, "--user", "ada").stdout)
    (key,) = lines_of(run("list-keys", "--org", first))
    assert (key["id"], key["userId"], key["name"]) == (made["id"], "ada", "command line")
    assert "keyHash" not in key and made["key"] not in json.dumps(key)
    for command in ("list-users", "list-keys"):
        assert lines_of(run(command, "--org", second)) == []
        assert "org_none" in run(command, "--org", "org_none").stderr
