"""What `strace -f -y` wrote: the system calls that came to their end, in that order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_LINE = re.compile(r"(\d+) +(.*)", re.DOTALL)
_RESUMED = re.compile(r"<\.\.\. \w+ resumed>")


@dataclass
class SystemCall:
    """A call of one thread; `text`: its name, arguments and result, as strace prints them."""

    thread: int
    text: str

    def writes_to(self, name: str) -> bool:
        return re.match(rf"pwrite64\(\d+<[^>]*/{re.escape(name)}>", self.text) is not None

    def syncs(self, name: str) -> bool:
        return (
            re.fullmatch(rf"f(data)?sync\(\d+<[^>]*/{re.escape(name)}>\) += 0", self.text)
            is not None
        )

    def sends(self, part: str) -> bool:
        """Return whether it sends the part over a socket."""
        return re.match(r"(sendto|sendmsg|write)\(\d+<socket:", self.text) is not None and (
            part in self.text
        )


def completed(trace: Path) -> Iterator[SystemCall]:
    """Yield the calls; of one that others interrupted, both halves together when it ends."""
    begun: dict[str, str] = {}
    for line in trace.read_text(errors="replace").splitlines():
        match = _LINE.fullmatch(line)
        if match is None:
            continue
        thread, text = match.groups()
        if text.endswith("<unfinished ...>"):
            begun[thread] = text.removesuffix("<unfinished ...>").rstrip()
            continue
        if _RESUMED.match(text):
            text = begun.pop(thread, "") + _RESUMED.sub("", text)
        yield SystemCall(int(thread), text)
