"""An installation carries all that the package has in its folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def files(root: Path) -> set[str]:
    found = (root / "incident_service").rglob("*")
    names = {str(path.relative_to(root)) for path in found if path.is_file()}
    return {name for name in names if "__pycache__" not in name}


def test_what_is_built_is_whole(tmp_path: Path) -> None:
    build = "import setuptools; setuptools.setup()"
    command = [sys.executable, "-c", build, "--quiet", "build_py", "--build-lib", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=60)
    assert files(tmp_path) == files(ROOT)
