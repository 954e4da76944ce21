"""Names of fields on the wire, made from those in the code (contract §1)."""

from __future__ import annotations

import re


def camel_case(name: str) -> str:
    """Return the name that a field has on the wire."""
    return re.sub(r"_(\w)", lambda match: match[1].upper(), name.rstrip("_"))
