"""The console command `incident-service` (contract §9)."""

from __future__ import annotations

import functools
import json
import logging
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from incident_service import clock, quickstart
from incident_service.alerts import integrations
from incident_service.alerts.kinds import KINDS, Kind
from incident_service.config import PREFIX, ServerUrl, Settings, Where, read_database
from incident_service.database import copying, either
from incident_service.database.engine import Database
from incident_service.errors import Busy, InvalidSetting, ServiceError, ValidationFailed
from incident_service.names import camel_case
from incident_service.people import inventory, keys, organizations, sign_in_links, users
from incident_service.people.caller import ROLES, Role

logger = logging.getLogger(__name__)

LOOK_AGAIN_SECONDS = 0.5
"""How long a start waits before it asks for the database again."""

Command = TypeVar("Command", bound=Callable[..., Any])


def _with_clear_errors(command: Command) -> Command:
    """Print an error of the service as one line on standard error; exit with status 1."""

    @functools.wraps(command)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except ServiceError as error:
            raise click.ClickException(error.message) from None

    return cast(Command, wrapper)


def _listening(command: Command) -> Command:
    """Add the options that override the settings of the same names."""
    port = click.option(
        "--port", type=click.IntRange(1, 65535), help=f"Port to listen on, instead of {PREFIX}PORT."
    )
    host = click.option("--host", help=f"Address to listen on, instead of {PREFIX}HOST.")
    return host(port(command))


class _Text(click.ParamType[str]):
    """Text of 1 to 255 characters that is not only white space."""

    name = "text"

    def convert(self, value: str, param: Any, ctx: Any) -> str:
        if not value.strip() or len(value) > 255 or "\0" in value or not _is_unicode(value):
            self.fail("must be 1 to 255 characters of text, not only white space", param, ctx)
        return value


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class _Email(_Text):
    """Text that can be a user's email."""

    name = "email"

    def convert(self, value: str, param: Any, ctx: Any) -> str:
        text = super().convert(value, param, ctx)
        if not users.is_email(text):
            self.fail("is not an email address", param, ctx)
        return text


class _Database(click.ParamType[Database]):
    """A database that is not the one of the settings."""

    name = "database"

    def convert(self, value: Any, param: Any, ctx: Any) -> Database:
        try:
            return either.open_database(read_database(value))
        except InvalidSetting as error:
            self.fail(error.message.removeprefix(f"{PREFIX}DATABASE: "), param, ctx)


TEXT = _Text()
DATABASE = _Database()


@click.group()
@click.version_option(package_name="incident-service")
def main() -> None:
    """A self-hosted incident and on-call service in one SQLite file."""


@main.command("quickstart")
@_listening
@click.option(
    "--open/--no-open",
    "opens",
    default=None,
    help="Open the console in a browser once it is served. By default, it asks on a desktop.",
)
@_with_clear_errors
def quickstart_command(host: str | None, port: int | None, opens: bool | None) -> None:
    """Make what a first incident needs, and serve.

    Prints a link that signs in to the console, and a curl command that opens an incident. Run
    again, it keeps the data, and makes a new key and a new link.
    """
    from incident_service.serving.server import serve

    settings = _settings(host=host, port=port)
    if opens is None:  # asked before anything is made: a link is good for 15 minutes
        opens = _is_on_a_desktop() and click.confirm(
            "Open the console in a browser once it is served?", default=True
        )
    database = _database(settings)
    with database.read() as db:
        owner = quickstart.owner(db)
    made = database.write(
        owner, quickstart.provision, timezone=clock.local_time_zone(), with_team=True
    )
    tools = database.write(made.org_id, quickstart.connect, made)
    link = database.write(made.org_id, sign_in_links.create, made.org_id, made.user_id)
    database.close()  # before the server forks its workers
    url = sign_in_links.url_of(settings.public_url, link["token"])

    def greet() -> None:
        click.echo(_greeting(settings, made, tools, url))
        if opens:
            _open(url)

    serve(settings, when_ready=greet)


def _is_on_a_desktop() -> bool:
    """Whether somebody is at a terminal who can see a browser."""
    is_at_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    return is_at_terminal and any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))


def _open(url: str) -> None:
    """Open the URL in a browser, without waiting for it."""
    subprocess.Popen(
        [sys.executable, "-m", "webbrowser", url],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C ends the service, not the browser
    )


@main.command("serve")
@_listening
@click.option(
    "--workers", type=click.IntRange(1, 64), help=f"Worker processes, instead of {PREFIX}WORKERS."
)
@_with_clear_errors
def serve_command(host: str | None, port: int | None, workers: int | None) -> None:
    """Serve the API and the status pages, and page people."""
    from incident_service.serving.server import serve

    settings = _settings(host=host, port=port, workers=workers)
    _database_of_a_server(settings).close()  # before the server forks its workers
    serve(settings)


@main.command("page")
@click.option("--parent", type=int, hidden=True, help="Stop once this process is gone.")
@_with_clear_errors
def page_command(parent: int | None) -> None:
    """Page people until a signal ends it."""
    if parent is not None:
        # Ctrl-C reaches every process of a terminal. The parent answers the open requests first,
        # and then stops this process.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    from incident_service.alerts.duties import perform
    from incident_service.alerts.purges import purge
    from incident_service.paging.pager import Pager
    from incident_service.serving import logs

    if parent is not None:
        os.closerange(3, 1024)  # what it inherited, such as sockets
        sys.setswitchinterval(0.001)
        # If many incidents come at once, the API goes first: a page is stored, and can wait.
        os.nice(5)
    settings = _settings()
    logs.configure(settings.log_level)
    stopped = threading.Event()
    for number in (signal.SIGTERM,) if parent else (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())

    def is_stopped() -> bool:
        return stopped.is_set() or (parent is not None and os.getppid() != parent)

    database = _database_of_a_server(settings, is_stopped)
    if parent is not None and isinstance(settings.database, ServerUrl):
        from incident_service.http import metrics

        metrics.take_place("paging")
        metrics.Metrics().watch(database)
    kept = functools.partial(purge, retention_days=settings.retention_days)
    Pager(database, settings, perform=perform, purge=kept).run(is_stopped)
    os._exit(0)  # without waiting for a delivery that hangs: it is tried again later


@main.command("init-db")
@_with_clear_errors
def init_db() -> None:
    """Make the database, or bring an older one up to date.

    An older one is copied first, into a file beside it.
    """
    database = either.open_database(_settings().database)
    copy = either.upgrade(database)
    _print({"database": _name(database.where), "copy": str(copy) if copy else None})


@main.command("backup")
@click.argument("file", type=click.Path(path_type=Path))
@_with_clear_errors
def backup(file: Path) -> None:
    """Copy the database into FILE, while the service runs.

    FILE must not exist yet.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # after the partial copy is removed
    either.backup(either.open_database(_settings().database), file)
    _print({"backup": str(file.resolve()), "bytes": file.stat().st_size})


@main.command("copy")
@click.option("--from", "source", required=True, type=DATABASE, help="What to copy.")
@click.option("--to", "target", required=True, type=DATABASE, help="Where to; it must be empty.")
@_with_clear_errors
def copy(source: Database, target: Database) -> None:
    """Move everything into another database, and check it row by row.

    Each is a file or a postgresql:// URL. Stop the service first: what it writes meanwhile is not
    moved.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # after all is undone
    rows = copying.copy(source, target)
    _print({"from": _name(source.where), "to": _name(target.where), "rows": rows})


@main.command("compact")
@_with_clear_errors
def compact() -> None:
    """Give free space back, and erase what was deleted.

    No byte remains of what was deleted or redacted. Writes wait while the file is rewritten.
    """
    database = either.open_database(_settings().database)
    before = database.size()
    either.compact(database)
    after = database.size()
    _print({"database": _name(database.where), "bytesBefore": before, "bytesAfter": after})


@main.command("create-org")
@click.argument("name", type=TEXT)
@_with_clear_errors
def create_org(name: str) -> None:
    """Make an organization."""
    org_id = _database(_settings()).write(None, organizations.create, name=name)
    _print({"id": org_id})


@main.command("create-user")
@click.option("--org", required=True, type=TEXT, help="The organization's id.")
@click.option("--email", required=True, type=_Email())
@click.option("--id", "id_", type=TEXT, help="The user's id; a new one by default.")
@click.option("--first-name", type=TEXT)
@click.option("--last-name", type=TEXT)
@click.option("--role", type=click.Choice(ROLES), default="org:member", show_default=True)
@_with_clear_errors
def create_user(
    org: str,
    email: str,
    id_: str | None,
    first_name: str | None,
    last_name: str | None,
    role: Role,
) -> None:
    """Make a user."""
    user = _database(_settings()).write(
        org,
        users.create,
        org_id=org,
        email=email,
        id=id_,
        first_name=first_name,
        last_name=last_name,
        role=role,
    )
    _print({"id": user["id"]})


@main.command("create-key")
@click.option("--org", required=True, type=TEXT, help="The organization's id.")
@click.option(
    "--user", type=TEXT, help="The user that the key acts for; by default the key acts for itself."
)
@click.option("--role", type=click.Choice(ROLES), default="org:member", show_default=True)
@click.option("--name", type=TEXT, default="command line", show_default=True)
@_with_clear_errors
def create_key(org: str, user: str | None, role: Role, name: str) -> None:
    """Make an API key, which is shown only this once."""
    made = _database(_settings()).write(
        org, keys.create, org_id=org, user_id=user, role=role, name=name
    )
    _print({"id": made["id"], "key": made["key"]})


@main.command("sign-in-link")
@click.option("--user", required=True, type=TEXT, help="The user's id or email.")
@click.option("--org", type=TEXT, help="The organization's id, if several have such a user.")
@_with_clear_errors
def sign_in_link(user: str, org: str | None) -> None:
    """Make a link that signs a user in to the console, once, within 15 minutes."""
    settings = _settings()
    database = _database(settings)
    with database.read() as db:
        found = inventory.find_users(db, user, org)
    if not found:
        raise click.ClickException(f"There is no user {user}.")
    if len(found) > 1:
        organizations_of = ", ".join(row["org_id"] for row in found)
        raise click.ClickException(
            f"There are users {user} in several organizations: add --org, and one of "
            f"{organizations_of}."
        )
    (who,) = found
    link = database.write(who["org_id"], sign_in_links.create, who["org_id"], who["id"])
    _print({"url": sign_in_links.url_of(settings.public_url, link["token"])})


@main.command("list-orgs")
@_with_clear_errors
def list_orgs() -> None:
    """List the organizations, one JSON object a line."""
    with _database(_settings()).read() as db:
        _print_each(inventory.all_organizations(db), "id", "name", "timezone", "created_at")


@main.command("list-users")
@click.option("--org", required=True, type=TEXT, help="The organization's id.")
@_with_clear_errors
def list_users(org: str) -> None:
    """List the users of an organization, one JSON object a line."""
    with _database(_settings()).read() as db:
        shown = ("id", "email", "first_name", "last_name", "role", "created_at")
        _print_each(inventory.all_users(db, org), *shown)


@main.command("list-keys")
@click.option("--org", required=True, type=TEXT, help="The organization's id.")
@_with_clear_errors
def list_keys(org: str) -> None:
    """List the API keys of an organization, without the secrets, one JSON object a line."""
    with _database(_settings()).read() as db:
        shown = (
            "id",
            "name",
            "role",
            "user_id",
            "key_prefix",
            "expires_at",
            "last_used_at",
            "created_at",
        )
        _print_each(inventory.all_keys(db, org), *shown)


@main.command("create-integration")
@click.option("--org", required=True, type=TEXT, help="The organization's id.")
@click.option("--name", required=True, type=TEXT)
@click.option("--kind", required=True, type=click.Choice(KINDS), help="Which tool sends.")
@click.option(
    "--every-seconds",
    type=click.IntRange(60, 2_592_000),
    help="How often the sign of life of a heartbeat comes; required for that kind.",
)
@_with_clear_errors
def create_integration(org: str, name: str, kind: Kind, every_seconds: int | None) -> None:
    """Make an integration by which a tool sends alerts. Its token is shown only this once."""
    settings = _settings()
    values = {"name": name, "kind": kind, "every_seconds": every_seconds}
    made = _database(settings).write(org, integrations.create, org_id=org, values=values)
    url = integrations.url_of(settings.public_url, made["token"])
    _print({"id": made["id"], "url": url, "token": made["token"]})


@main.command("report")
@click.option("--org", required=True, type=TEXT, help="The organization's id.")
@click.option(
    "--month", required=True, type=click.DateTime(["%Y-%m"]), metavar="YYYY-MM", help="As 2026-11."
)
@click.option(
    "--format", "format_", type=click.Choice(("json", "csv")), default="json", show_default=True
)
@_with_clear_errors
def report_command(org: str, month: datetime, format_: str) -> None:
    """Report on a month: how incidents went, and what being on call took.

    The month is one in the organization's time zone; one that is not over counts up to now.
    """
    from incident_service.commands.report import MonthReport

    database = _made_database(_settings())
    with database.read() as db:
        try:
            report = MonthReport.read(db, org, month.date(), now=database.clock())
        except ValidationFailed as error:
            raise click.UsageError(error.message) from None
    if format_ == "csv":
        _write(report.as_csv())
    else:
        _print(report.as_json())


@main.command("openapi")
def openapi_command() -> None:
    """Print the description of the API in OpenAPI 3.1."""
    from incident_service.app import describe_api

    _print(describe_api())


def _settings(**options: Any) -> Settings:
    given = {PREFIX + name.upper(): str(value) for name, value in options.items() if value}
    return Settings.from_environ({**os.environ, **given})


def _database_of_a_server(
    settings: Settings, is_stopped: Callable[[], bool] = lambda: False
) -> Database:
    """As `_database`, however long others write: what serves and pages is not to end for that.

    Raises `Busy` once it is stopped.
    """
    while True:
        try:
            return _database(settings)
        except Busy as error:
            if is_stopped():
                raise
            logger.warning("waiting for the database: %s", error.message)
            time.sleep(LOOK_AGAIN_SECONDS)  # a server that is not there says so at once


def _database(settings: Settings) -> Database:
    database = either.open_database(settings.database, write_timeout=settings.write_timeout)
    either.initialise(database)
    return database


def _made_database(settings: Settings) -> Database:
    """As `_database`, for what only reads. Raises `InvalidSetting` if there is none there."""
    if not either.is_made(either.open_database(settings.database)):
        what = "does not exist" if isinstance(settings.database, Path) else "has no tables"
        raise InvalidSetting(
            f"{PREFIX}DATABASE: {_name(settings.database)} {what}. "
            "If it is the right one, make it: incident-service init-db."
        )
    return _database(settings)


def _name(where: Where) -> str:
    """Return where the database is: a file's whole path, or a URL without its password."""
    return str(where.resolve() if isinstance(where, Path) else where)


def _print(answer: dict[str, Any]) -> None:
    _write(f"{json.dumps(answer, ensure_ascii=False)}\n")


def _write(text: str | bytes) -> None:
    """Write to standard output. If whoever reads it is gone, click ends the command silently."""
    try:
        click.echo(text, nl=False)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise click.ClickException(f"standard output: {error.strerror}") from None


def _print_each(rows: list[dict[str, Any]], *columns: str) -> None:
    """Print some columns of each row, by the API's names."""
    for row in rows:
        _print({camel_case(column): row[column] for column in columns})


def _greeting(
    settings: Settings, made: quickstart.Provisioned, tools: quickstart.Tools, sign_in_url: str
) -> str:
    database = _name(settings.database)
    return f"""\
incident-service listens on {settings.public_url}; its database is {database}

  organization       {made.org_id}  ({quickstart.ORGANIZATION})
  admin, on call     {made.user_id}  ({quickstart.EMAIL})
  schedule           {made.schedule_id}  ({quickstart.SCHEDULE})
  escalation policy  {made.policy_id}  ({quickstart.POLICY})
  component          {made.component_id}  ({quickstart.COMPONENT})
  API key            {made.key}

Sign in to the console. The link works once, within 15 minutes:

  {sign_in_url}

Open an incident, in a second terminal. The console shows it:

curl --request POST \\
  --url "{settings.public_url}/v1/incidents" \\
  --header "Authorization: Bearer {made.key}" \\
  --header "Content-Type: application/json" \\
  --data '{{
    "title": "Payment service elevated error rate",
    "description": "The payment processing service is returning 5xx errors.",
    "severity": "critical",
    "ownerScheduleId": "{made.schedule_id}",
    "componentIds": ["{made.component_id}"]
  }}'

{_alerts_greeting(settings, tools)}
Nobody can be reached yet: "Your first page" in the README changes that. Add a colleague:

{PREFIX}DATABASE={shlex.quote(database)} {_own_command()} create-user \\
  --org {made.org_id} --email colleague@example.com

Ctrl-C stops the service; your data stays in the database.
"""


def _alerts_greeting(settings: Settings, tools: quickstart.Tools) -> str:
    """Return how tools send alerts, for those that do not do so yet."""
    text = ""
    if tools.generic_token:
        text += f"""\
Let a script say that something is wrong. The same `dedupKey` with "status": "resolved" ends it:

curl --request POST \\
  --url "{integrations.url_of(settings.public_url, tools.generic_token)}" \\
  --header "Content-Type: application/json" \\
  --data '{{"title": "Disk is almost full", "severity": "critical", "dedupKey": "disk-web-1"}}'

"""
    if tools.alertmanager_token:
        text += f"""\
Let Prometheus Alertmanager send its alerts, in alertmanager.yml:

route:
  receiver: incident-service
  group_by: [alertname]
receivers:
  - name: incident-service
    webhook_configs:
      - url: "{integrations.url_of(settings.public_url, tools.alertmanager_token)}"
        max_alerts: 1000

"""
    return text


def _own_command() -> str:
    """Return how a shell runs this command, whatever its `PATH` is."""
    script = Path(sys.executable).with_name("incident-service")
    words = [str(script)] if script.exists() else [sys.executable, "-m", "incident_service"]
    return shlex.join(words)
