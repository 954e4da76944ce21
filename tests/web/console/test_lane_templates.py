"""How the calendar is drawn: an SVG under a strict policy, a list, and colours that can be read."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from importlib.resources import files
from typing import Any
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest
from flask import Flask, render_template_string

from incident_service.clock import parse_instant
from incident_service.oncall.calculator import Override
from incident_service.oncall.calendar_lanes import Lane, Span
from incident_service.oncall.rotation import Layer
from incident_service.web.console import lanes
from incident_service.web.console.days import SHOWN, Window
from incident_service.web.console.stretches import COLOURS

STYLE = files("incident_service.web").joinpath("style.css").read_text(encoding="utf-8")
CALENDAR = files("incident_service.web.console").joinpath("calendar.css").read_text("utf-8")

NOW = parse_instant("2026-03-24T12:00:00Z")
WINDOW = Window.of(date(2026, 3, 23), SHOWN, ZoneInfo("Europe/Berlin"), NOW)

HOSTILE = """<script>alert("1")</script>' \u202e"""


def a_lane() -> Lane:
    """A rotation by week of two people that ends, and an override."""
    since = parse_instant("2026-03-16T08:00:00Z")
    layer = Layer(
        id="layer",
        position=0,
        zone=ZoneInfo("Europe/Berlin"),
        rotation_length_days=7,
        handoff_time=time(9),
        effective_from=since,
        effective_until=since + timedelta(days=25),
        participant_ids=("Ana Lima", HOSTILE),
    )
    begins = parse_instant("2026-03-27T17:00:00Z")
    override = Override("override", "Xi Wu", begins, begins + timedelta(days=2))
    span = Span(WINDOW.starts_at, WINDOW.ends_at, NOW)
    return span.lane(span.owners([layer], [override]), str, {"override": HOSTILE})


def render(app: Flask, template: str, **values: Any) -> str:
    with app.test_request_context():
        return render_template_string(
            f'{{% import "console/_lanes.html" as calendar %}}{template}', **values
        )


def drawn(app: Flask, href: Callable[[Any], str | None] | None = None) -> str:
    lane = a_lane()
    return render(
        app,
        """{{ calendar.patterns() }}{{ calendar.calendar(window, rows, href=href) }}
        {{ calendar.weeks(weeks, hostile, href=href) }}{{ calendar.legend() }}
        {{ calendar.by_day(days, name=name, href=href) }}""",
        window=WINDOW,
        rows=[(HOSTILE, lanes.bars(lane, WINDOW), "/on-call/1", HOSTILE)],
        weeks=[(week, lanes.bars(lane, week)) for week in WINDOW.weeks()],
        days=lanes.by_day([(HOSTILE, lane)], WINDOW),
        name=str,
        hostile=HOSTILE,
        href=href,
    )


def parsed(html: str) -> ElementTree.Element:
    return ElementTree.fromstring(f"<main>{html}</main>")


def test_nothing_in_it_is_script_or_style(app: Flask) -> None:
    root = parsed(drawn(app, lambda _: "/cover"))
    names = {name for element in root.iter() for name in element.attrib}
    assert not {name for name in names if name == "style" or name.startswith("on")}
    tags = {element.tag for element in root.iter()}
    assert not tags & {"script", "style", "foreignObject", "image"}
    assert "\u202e" not in "".join(root.itertext())


def test_ids_are_unique_and_what_is_referred_to_is_there(app: Flask) -> None:
    root = parsed(drawn(app))
    ids = [element.attrib["id"] for element in root.iter() if "id" in element.attrib]
    assert len(ids) == len(set(ids))
    uses = {use.attrib["href"].removeprefix("#") for use in root.iter("use")}
    assert len(uses) == 5
    assert {*uses, *re.findall(r"url\(#([\w-]+)\)", CALENDAR)} <= set(ids)


def test_each_bar_says_in_words_what_it_shows(app: Flask) -> None:
    (lane, *_) = (svg for svg in parsed(drawn(app)).iter("svg") if svg.get("class") == "lane")
    titles = [bar.findtext("title", "") for bar in lane.findall("g[@role='img']")]
    assert titles == [bar.sentence.replace("\u202e", "") for bar in lanes.bars(a_lane(), WINDOW)]


def test_a_bar_is_a_link_where_it_leads_somewhere(app: Flask) -> None:
    def href(shown: Any) -> str | None:
        return f"/cover?{shown.stretch.kind}" if shown.stretch.shift else None

    root = parsed(drawn(app, href))
    for place in (root.iter("svg"), root.iter("ol")):
        links = {a.attrib["href"] for each in place for a in each.iter("a")}
        assert links == {"/cover?shift", "/cover?override"}


def test_now_is_marked_in_the_lane_and_the_list(app: Flask) -> None:
    root = parsed(drawn(app))
    lines = [line for line in root.iter("line") if line.get("class") == "now"]
    assert [line.attrib["x1"] for line in lines] == [
        f"{window.place(NOW)}%" for window in (WINDOW, WINDOW.weeks()[0])
    ]
    (today,) = (p for p in root.iter("p") if p.get("class") == "day today")
    assert today.text == "Today, Tuesday 24 March"


def test_a_week_that_is_not_this_one_has_no_now(app: Flask) -> None:
    before = datetime.combine(date(2026, 1, 1), time(), NOW.tzinfo)
    window = Window.of(date(2026, 3, 23), SHOWN, WINDOW.zone, before)
    html = render(app, "{{ calendar.calendar(window, []) }}", window=window)
    assert "now" not in html
    assert "today" not in html


def colours(css: str, *, dark: bool) -> dict[str, str]:
    """Return the custom properties of the style sheet; those of a class as `p3 --person`."""
    of_dark = r"@media screen and \(prefers-color-scheme: dark\) \{(.*?)\n\}"
    bright = re.sub(of_dark, "", css, flags=re.S)
    dim = "".join(re.findall(of_dark, css, re.S))
    found = {}
    for selector, body in re.findall(r"([^{}]+)\{([^{}]*)\}", bright + (dim if dark else "")):
        owner = selector.strip().rpartition("\n")[2].strip().removeprefix(":root").lstrip(".")
        for name, value in re.findall(r"(--[\w-]+): (#[0-9a-f]{3,6})\b", body):
            found[f"{owner} {name}".strip()] = value
    return found


def luminance(colour: str) -> float:
    """As WCAG 2 defines it."""
    text = colour.removeprefix("#")
    text = text if len(text) == 6 else "".join(2 * digit for digit in text)
    parts = [int(text[n : n + 2], 16) / 255 for n in (0, 2, 4)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_can_be_read_on_every_colour(dark: bool) -> None:
    found = colours(STYLE + CALENDAR, dark=dark)
    people = [found[f"p{n} --person"] for n in range(COLOURS)]
    assert len(set(people)) == COLOURS
    assert min(contrast(found["--on-person"], colour) for colour in people) >= 4.5
    for ground in ("--gap-ground", "--gap-stroke"):
        assert contrast(found["--on-gap"], found[ground]) >= 4.5
    assert contrast(found["--now"], found["--card"]) >= 4.5
    for n, colour in enumerate(people):
        assert contrast(found[f"p{n} --edge"], colour) >= 2


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#fff") == pytest.approx(4.48, abs=0.01)
