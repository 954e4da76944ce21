"""Signing in over HTTP by a real OpenID provider, a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import requests

from incident_service.database.file import FileDatabase
from incident_service.quickstart import EMAIL
from tests.helpers.provisioned import provision
from tests.helpers.servers import GENEROUS, Server, free_port, running
from tests.helpers.waiting import wait_for

PEOPLE = {
    "ada": {"email": EMAIL.upper(), "email_verified": True},
    "ben": {"email": EMAIL, "email_verified": False},
    "eve": {"email": "eve@example.com", "email_verified": True},
}


def answers(url: str) -> bool:
    with suppress(requests.ConnectionError):
        return requests.get(url, timeout=GENEROUS).ok
    return False


@contextmanager
def provider_process(log: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run the provider; yield its issuer and its process."""
    port = free_port()
    issuer = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port)]
    command += ["--require-nonce", "true"]
    for subject, claims in PEOPLE.items():
        command += ["--user-claims", json.dumps({"sub": subject, **claims})]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        wait_for(lambda: answers(f"{issuer}/.well-known/openid-configuration"))
        yield issuer, process
    finally:
        process.kill()
        process.wait(GENEROUS)


@contextmanager
def served(path: Path) -> Iterator[tuple[Server, subprocess.Popen[bytes]]]:
    """Run the service and its provider."""
    with provider_process(path.with_suffix(".provider.log")) as (issuer, process):
        environment = {
            "INCIDENT_SERVICE_OIDC_ISSUER": issuer,
            "INCIDENT_SERVICE_OIDC_CLIENT_ID": "incident-service",
            "INCIDENT_SERVICE_OIDC_CLIENT_SECRET": "s3cret-of-the-client",
            "INCIDENT_SERVICE_WORKERS": "2",
        }
        with running(path, environment=environment) as server:
            yield server, process


def at_the_provider(browser: requests.Session, server: Server, query: str = "") -> str:
    """Follow the link to the provider; return the URL of its page."""
    url = f"http://127.0.0.1:{server.port}/sign-in/oidc{query}"
    page = browser.get(url, timeout=GENEROUS)
    assert page.status_code == 200
    assert urlsplit(page.url).path == "/oauth2/authorize"
    return str(page.url)


def back(browser: requests.Session, page: str, **form: str) -> requests.Response:
    """Send the provider's form; return our answer to the browser that comes back."""
    sent = browser.post(page, data=form, allow_redirects=False, timeout=GENEROUS)
    assert sent.status_code == 302, sent.text
    return browser.get(sent.headers["Location"], allow_redirects=False, timeout=GENEROUS)


def test_people_sign_in_by_their_verified_email(tmp_path: Path) -> None:
    path = tmp_path / "openid.db"
    (organization,) = provision(path)
    database = FileDatabase(path)

    def started() -> list[dict[str, str]]:
        with database.read() as db:
            return db.execute("SELECT org_id, user_id, method FROM sessions").fetchall()

    with served(path) as (server, provider):
        browser = requests.Session()
        answer = back(browser, at_the_provider(browser, server, "?next=/me"), sub="ada")
        assert (answer.status_code, answer.headers["Location"]) == (303, "/me"), answer.text
        assert "HttpOnly; Path=/; SameSite=Lax" in answer.headers["Set-Cookie"]
        ids = {"org_id": organization.org_id, "user_id": organization.user_id}
        assert started() == [{**ids, "method": "oidc"}]

        for person, says in (
            ("ben", "does not say that your email address is verified"),
            ("eve", "Nobody here has the email address eve@example.com"),
        ):
            stranger = requests.Session()
            answer = back(stranger, at_the_provider(stranger, server), sub=person)
            assert answer.status_code == 403
            assert says in answer.text

        stranger = requests.Session()
        answer = back(stranger, at_the_provider(stranger, server), action="deny")
        assert answer.status_code == 400
        assert "You are not signed in" in answer.text

        stranger = requests.Session()
        page = at_the_provider(browser, server)
        sent = browser.post(page, data={"sub": "ada"}, allow_redirects=False, timeout=GENEROUS)
        answer = stranger.get(sent.headers["Location"], allow_redirects=False, timeout=GENEROUS)
        assert answer.status_code == 400
        assert "was not begun in this browser" in answer.text

        page = at_the_provider(stranger, server)
        sent = stranger.post(page, data={"sub": "ada"}, allow_redirects=False, timeout=GENEROUS)
        provider.send_signal(signal.SIGKILL)
        provider.wait(GENEROUS)
        answer = stranger.get(sent.headers["Location"], allow_redirects=False, timeout=GENEROUS)
        assert answer.status_code == 502
        assert "does not answer" in answer.text
        assert len(started()) == 1
        assert "s3cret-of-the-client" not in server.log.read_text()
