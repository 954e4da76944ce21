"""Machines with networks of their own: Linux's network namespaces, each at the end of a cable."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_NETWORK = "10.231"
"""Of what is there for private use; each cable has 4 addresses of it."""


@dataclass(frozen=True)
class Machine:
    """A network namespace: `wrap` runs a command in it."""

    wrap: tuple[str, ...]
    here: str
    """The address of this end of the cable."""
    address: str
    """The address of the machine."""


@contextmanager
def machine(number: int) -> Iterator[Machine]:
    """Make one, by a number from 1 to 50; where that is not allowed, an address of its own."""
    alone = Machine((), "127.0.0.1", f"127.0.0.{number + 1}")
    name = f"incident-{os.getpid()}-{number}"
    if not _is_done("ip", "netns", "add", name):
        yield alone
        return
    near, far = f"is{os.getpid() % 10**7}n{number}", f"is{os.getpid() % 10**7}f{number}"
    prefix = f"{_NETWORK}.{os.getpid() % 250}.{4 * number}".rpartition(".")[0]
    here, there = f"{prefix}.{4 * number + 1}", f"{prefix}.{4 * number + 2}"
    inside = ("ip", "netns", "exec", name)
    try:
        is_made = all(
            _is_done(*command)
            for command in (
                ("ip", "link", "add", near, "type", "veth", "peer", "name", far, "netns", name),
                ("ip", "address", "add", f"{here}/30", "dev", near),
                ("ip", "link", "set", near, "up"),
                (*inside, "ip", "address", "add", f"{there}/30", "dev", far),
                (*inside, "ip", "link", "set", far, "up"),
                (*inside, "ip", "link", "set", "lo", "up"),
                (*inside, "ip", "route", "add", "default", "via", here),
            )
        )
        yield Machine(inside, here, there) if is_made else alone
    finally:
        _is_done("ip", "netns", "delete", name)  # and the cable with it


def _is_done(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False
