"""The rooms of the package, and who may know whom: imports run down, never up or in a circle."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "incident_service"

FLOORS = (
    ("clock", "emails", "errors", "ids", "names", "severity", "words"),
    ("mail_server",),
    ("config",),
    ("database",),
    ("store",),
    ("resources",),
    ("people",),
    ("oncall",),
    ("status",),
    ("paging",),
    ("incidents",),
    ("alerts",),
    ("reports",),
    ("onboarding",),
    ("http",),
    ("inbound",),
    ("api",),
    ("web",),
    ("commands",),
    ("app",),
    ("serving",),
    ("quickstart",),
    ("cli",),
    ("__main__",),
)
"""From the ground up: a room knows those below it alone, and none beside it on its floor."""

FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}

BELOW_THE_FACES = [room for room in FLOOR_OF if FLOOR_OF[room] < FLOOR_OF["http"]]

PURE = (
    "oncall/calculator.py",
    "oncall/calendar_events.py",
    "oncall/calendar_lanes.py",
    "oncall/gaps.py",
    "oncall/hours.py",
    "oncall/rotation.py",
    "oncall/versions.py",
)

SQL = re.compile(r"\s*(SELECT|INSERT INTO|UPDATE \w+ SET|DELETE FROM|WITH \w+)\b")


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def room(path: Path) -> str:
    """Return the folder at the top of the package, or the module itself if it is at the top."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@functools.cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def imports(path: Path) -> Iterator[str]:
    """Yield what the module imports, wherever in it: `incident_service.store.users`, `flask.g`."""
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{name.name}" for name in node.names)


def own(name: str) -> Path | None:
    """Return the module of ours that an import names, itself or by something that it holds."""
    if not name.startswith("incident_service."):
        return None
    path = PACKAGE.joinpath(*name.split(".")[1:])
    if name == "incident_service.create_app":  # it puts the application together when it is called
        return PACKAGE / "app.py"
    for found in (path.with_suffix(".py"), path / "__init__.py", path.parent.with_suffix(".py")):
        if found.exists():
            return found
    return path.parent / "__init__.py"


def test_the_package_has_the_rooms_that_are_known_here() -> None:
    assert {room(path) for path in modules()} == set(FLOOR_OF)
    assert len(list(PACKAGE.glob("*.py"))) <= 15


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_knows_the_rooms_below_its_own_alone(path: Path) -> None:
    known = {room(found) for found in map(own, imports(path)) if found is not None}
    higher = [name for name in known - {room(path)} if FLOOR_OF[name] >= FLOOR_OF[room(path)]]
    assert higher == []


def test_no_module_comes_back_to_itself() -> None:
    left = {path: {found for found in map(own, imports(path)) if found} for path in modules()}
    while left:
        ends = [path for path, known in left.items() if not known & left.keys() - {path}]
        assert ends, f"a circle among {sorted(str(path) for path in left)}"
        left = {path: known for path, known in left.items() if path not in ends}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_http_is_for_the_faces(path: Path) -> None:
    if room(path) in BELOW_THE_FACES:
        frameworks = {name.partition(".")[0] for name in imports(path)}
        assert not frameworks & {"flask", "werkzeug", "flask_smorest", "webargs"}


@pytest.mark.parametrize("name", PURE)
def test_who_is_on_call_needs_no_database_and_no_clock(name: str) -> None:
    known = {found for found in map(own, imports(PACKAGE / name)) if found is not None}
    assert {room(found) for found in known} <= {"oncall", "errors", "clock"}
    assert "clock.now" not in (PACKAGE / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_sql_is_in_the_store_alone(path: Path) -> None:
    if room(path) in ("store", "database"):
        return
    texts = [
        node.value
        for node in nodes(path)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    assert [text for text in texts if SQL.match(text)] == []
