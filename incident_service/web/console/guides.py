"""The guides that come with the service, as HTML, in the order in which one needs them."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from importlib.resources import files

from markupsafe import Markup

from incident_service.errors import NotFound
from incident_service.web import markdown
from incident_service.web.markdown import Heading

SUMMARIES = {
    "console": "Sign in, and find your way: incidents, shifts, settings, and what members may do.",
    "at-3am": "Nobody was paged, a link does not open, pages are late, the disk is full: what to "
    "do, step by step.",
    "using": "By the API, from an empty rota to customers who read what is going on.",
    "monitoring": "Let Prometheus, Grafana, Zabbix, cron jobs and others open incidents: what to "
    "paste where.",
    "reports": "How incidents went and what being on call took: what each figure means.",
    "postmortems": "Write down what an incident taught you: versions, the template, the timeline.",
    "operating": "Settings, systemd, nginx, backups, upgrades, and how much it takes.",
    "postgresql": "More than one machine: the data on a PostgreSQL server, how to move there, and "
    "what to set.",
    "security": "What the service withstands, and what it leaves to you.",
    "contract": "What a client can rely on: every call, error, setting and command.",
    "contributing": "How the code is built, and which files a change touches.",
}
"""Every guide, and what is in it."""

ATTACHMENTS = ("zabbix-media-type.yaml",)
"""Files that guides link to."""

_FOLDER = files("incident_service").joinpath("docs")

_OWN_CONTENTS = re.compile(r"^\[[^]\n]+\]\(#\S+\)(?: · \[[^]\n]+\]\(#\S+\))+\n", re.MULTILINE)
"""The line of links to its sections with which a long guide begins, for readers of the file."""


@dataclass(frozen=True, slots=True)
class Guide:
    """A guide: its title, and the HTML of what follows."""

    name: str
    title: str
    summary: str
    html: Markup
    headings: list[Heading]


def get(name: str) -> Guide:
    """Return a guide. Raises `NotFound`."""
    if name not in SUMMARIES:
        raise NotFound(f"There is no guide called “{name}”.")
    return _render(name)


def get_all() -> list[Guide]:
    """Return every guide."""
    return [_render(name) for name in SUMMARIES]


def on_one_page() -> list[Guide]:
    """Return every guide, to stand on one page: their links and anchors differ from `get_all`."""
    return [_render(name, on_one_page=True) for name in SUMMARIES]


def attachment(name: str) -> str:
    """Return the text of a file that a guide links to. Raises `NotFound`."""
    if name not in ATTACHMENTS:
        raise NotFound(f"There is no file called “{name}”.")
    return _FOLDER.joinpath(name).read_text(encoding="utf-8")


@functools.cache
def _render(name: str, *, on_one_page: bool = False) -> Guide:
    text = _FOLDER.joinpath(f"{name}.md").read_text(encoding="utf-8")
    heading, _, rest = text.partition("\n")
    document = markdown.render(
        _OWN_CONTENTS.sub("", rest),
        lead=functools.partial(_within_page, name) if on_one_page else _between_pages,
        prefix=_anchor(name, "") if on_one_page else "",
        below=1 if on_one_page else 0,
    )
    title = heading.removeprefix("# ")
    return Guide(name, title, SUMMARIES[name], document.html, document.headings)


def _between_pages(href: str) -> str:
    """Return a link's address on a guide's own page, beside those of the others."""
    file, mark, anchor = href.partition("#")
    return file.removesuffix(".md") + mark + anchor


def _within_page(name: str, href: str) -> str:
    """Return the address of a link of the guide `name`, on the page that has all guides."""
    file, _, anchor = href.partition("#")
    if file and not file.endswith(".md"):
        return href
    guide = file.removesuffix(".md") or name
    return "#" + (_anchor(guide, anchor) if anchor else guide)


def _anchor(name: str, anchor: str) -> str:
    """Return the anchor of a guide's heading on the page that has all guides."""
    return f"{name}.{anchor}"
