"""The guides say what the code says, and what they lead to is there."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

from incident_service.api.incidents import AUDIT_DETAILS
from incident_service.cli import main
from incident_service.http.error_codes import CODES
from incident_service.incidents import by_link
from tests.helpers.guides import ALL, FOLDER, README, ROOT

CONTRACT = FOLDER / "contract.md"
CONTRIBUTING = FOLDER / "contributing.md"


def read(guide: Path) -> str:
    return guide.read_text(encoding="utf-8")


def anchors(guide: Path) -> set[str]:
    """Return what a link may name in the guide, as GitHub spells it."""
    headings = re.findall(r"^#+ (.*)$", read(guide), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in headings}


@pytest.mark.parametrize("guide", ALL, ids=lambda path: path.name)
def test_links_between_guides_lead_somewhere(guide: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", read(guide))
    ours = [link.partition("#") for link in links if "://" not in link]
    for name, _, anchor in ours:
        leads_to = guide.parent / name if name else guide
        assert leads_to.is_file(), name
        assert not anchor or anchor in anchors(leads_to), f"{name}#{anchor}"


@pytest.mark.parametrize("guide", ALL, ids=lambda path: path.name)
def test_every_shell_block_is_a_script(guide: Path) -> None:
    for block in re.findall(r"^```sh\n(.*?)^```$", read(guide), re.MULTILINE | re.DOTALL):
        done = subprocess.run(
            ["bash", "-n"], input=block, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, block + done.stderr


def test_the_readme_is_short_and_names_every_guide() -> None:
    assert len(read(README).splitlines()) <= 200
    assert [guide.name for guide in ALL[1:] if f"docs/{guide.name})" not in read(README)] == []


@pytest.mark.parametrize("guide", [README, CONTRIBUTING], ids=lambda path: path.name)
def test_the_map_names_every_room(guide: Path) -> None:
    rooms = [path.parent.name for path in (ROOT / "incident_service").glob("*/__init__.py")]
    assert [room for room in rooms if f"{room}/`" not in read(guide)] == []


def test_the_files_that_a_change_touches_are_there() -> None:
    section = read(CONTRIBUTING).partition("## Which files a change touches")[2]
    named = re.findall(r"`([\w./-]+(?:/|\.(?:py|sql|md|css|html)))`", section)
    roots = (ROOT, ROOT / "incident_service")
    assert [name for name in named if not any((root / name).exists() for root in roots)] == []
    assert len(named) > 40


def test_the_contract_names_every_error_code() -> None:
    own = [code for code in CODES if not code.startswith("too_many_")]
    assert [code for code in own if f"`{code}`" not in read(CONTRACT)] == []


@pytest.mark.parametrize("guide", [CONTRACT, FOLDER / "at-3am.md"], ids=lambda path: path.name)
def test_every_audit_event_is_explained(guide: Path) -> None:
    assert [event for event in AUDIT_DETAILS if f"`{event}`" not in read(guide)] == []


def test_the_contract_names_every_command() -> None:
    commands = read(CONTRACT).partition("\n## 9.")[2]
    assert [name for name in main.commands if not re.search(rf"`{name}[ `]", commands)] == []


def reasons() -> set[str]:
    """Return what the paging room says of why nothing was sent, without what differs in it."""
    calls = [
        node
        for path in (ROOT / "incident_service" / "paging").glob("*.py")
        for node in ast.walk(ast.parse(read(path)))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    texts = [
        part.value.strip()
        for call in calls
        if getattr(call.func, "id", "") in ("Outcome", "_Skipped")
        for argument in call.args
        for part in ast.walk(argument)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    ]
    return set(filter(None, texts))


def test_every_reason_that_a_page_failed_is_explained() -> None:
    assert len(reasons()) > 15
    guide = read(FOLDER / "at-3am.md")
    assert [reason for reason in reasons() if reason not in guide] == []


def test_what_the_page_behind_a_link_says_is_explained() -> None:
    shown = {by_link.WRONG, by_link.EXPIRED, by_link.GONE}
    guide = read(FOLDER / "at-3am.md")
    assert shown == set(re.findall(r"“(This link[^”]*|The incident or[^”]*)”", guide))
