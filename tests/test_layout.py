"""Where tests are: in folders that mirror the rooms, with what they share in `helpers`."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PACKAGE = TESTS.parent / "incident_service"

WITHOUT_A_ROOM = {"helpers", "live", "bench", "fuzz", "soak"}

MODULES = sorted(TESTS.rglob("*.py"))


def folders(root: Path) -> set[str]:
    return {path.parent.name for path in root.glob("*/__init__.py")}


def imported(path: Path) -> set[str]:
    """Return the modules that a module imports, or takes something from, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}", *(f"{node.module}.{name.name}" for name in node.names)}
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(TESTS)))
def test_no_module_imports_a_test_module(path: Path) -> None:
    ours = [name for name in imported(path) if name.startswith("tests.")]
    assert [name for name in ours if ".test_" in name or ".conftest" in name] == []


def test_every_folder_mirrors_a_room() -> None:
    assert folders(TESTS) - WITHOUT_A_ROOM <= folders(PACKAGE)
