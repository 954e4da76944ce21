"""The README and the guides that come with the service: what they tell to paste."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
FOLDER = ROOT / "incident_service" / "docs"
ALL = [README, *sorted(FOLDER.glob("*.md"))]


def blocks(guide: Path, heading: str, language: str = "sh") -> list[str]:
    """Return the blocks of a section that are in a language, in their order."""
    text = guide.read_text(encoding="utf-8")
    assert f"\n## {heading}\n" in text, f"{guide.name} has no section {heading}"
    section = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(rf"^```{language}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def section_of(guide: Path, heading: str) -> str:
    """Return the text of a section."""
    return guide.read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
