"""Two lines by week: a median duration and the 90th percentile, on a logarithmic scale."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from markupsafe import Markup

from incident_service.web.plots import durations, scales, svg, weeks
from incident_service.web.plots.scales import DurationScale
from incident_service.web.plots.svg import Element, add, percent
from incident_service.web.plots.weeks import WeekAxis

TOP, HEIGHT = 10, 180
"""Pixels above the plot and of the plot itself."""

MAX_POINTS = 27
"""Up to so many weeks have a point each; with more, only weeks between gaps have one."""

Values = Sequence[float | None]


def draw(id: str, title: str, mondays: Sequence[date], median: Values, p90: Values) -> Markup:
    """Draw the lines, in seconds; a week without a value is a gap in them."""
    axis = WeekAxis(mondays, most_labels=weeks.HALF)  # two plots stand side by side
    known = [seconds for seconds in (*median, *p90) if seconds is not None]
    scale = scales.duration_scale(known)
    description = _summary(axis, median, p90)
    picture = svg.picture("lines", id, TOP + HEIGHT + axis.height, title, description)
    _draw_grid(picture, scale)
    _draw_band(picture, axis, scale, median, p90)
    for kind, values in (("p90", p90), ("median", median)):
        _draw_line(picture, axis, scale, kind, values)
    weeks.draw_labels(picture, axis, TOP + HEIGHT)
    texts = [_sentence(axis, n, median[n], p90[n]) for n in range(len(mondays))]
    weeks.draw_spots(picture, axis, TOP + HEIGHT, texts)
    return svg.markup(picture)


def runs(values: Values) -> Iterator[list[tuple[int, float]]]:
    """Yield the stretches without a gap: places and values."""
    run: list[tuple[int, float]] = []
    for n, value in enumerate(values):
        if value is not None:
            run.append((n, value))
        elif run:
            yield run
            run = []
    if run:
        yield run


def _draw_grid(picture: Element, scale: DurationScale) -> None:
    for n, tick in enumerate(scale.ticks):
        y = _y(scale, tick)
        add(picture, "line", class_="grid" if n else "grid base", x2="100%", y1=y, y2=y)
        add(picture, "text", durations.in_words(tick), class_="label up", x=0, dx=-8, y=y + 4)


def _draw_band(
    picture: Element, axis: WeekAxis, scale: DurationScale, median: Values, p90: Values
) -> None:
    stretched = _stretched(picture)
    for lower in runs(median):
        upper = [(n, p90[n]) for n, _ in lower]
        edge = [*lower, *((n, at) for n, at in reversed(upper) if at is not None)]
        points = " ".join(_point(axis, scale, n, seconds) for n, seconds in edge)
        add(stretched, "polygon", class_="band", points=points)


def _draw_line(
    picture: Element, axis: WeekAxis, scale: DurationScale, kind: str, values: Values
) -> None:
    stretched = _stretched(picture)
    for run in runs(values):
        points = " ".join(_point(axis, scale, n, seconds) for n, seconds in run)
        add(
            stretched,
            "polyline",
            class_=f"line {kind}",
            points=points,
            vector_effect="non-scaling-stroke",
        )
        for n, seconds in run:
            if len(run) == 1 or len(values) <= MAX_POINTS:
                y = _y(scale, seconds)
                add(
                    picture, "circle", class_=f"point {kind}", cx=percent(axis.centre(n)), cy=y, r=4
                )


def _stretched(picture: Element) -> Element:
    """Add a part whose width is 100, however wide the plot is: points cannot be in percent."""
    return add(
        picture,
        "svg",
        viewBox=f"0 0 100 {TOP + HEIGHT}",
        preserveAspectRatio="none",
        width="100%",
        height=TOP + HEIGHT,
    )


def _point(axis: WeekAxis, scale: DurationScale, n: int, seconds: float) -> str:
    return f"{axis.centre(n):.3f},{_y(scale, seconds):.3f}"


def _y(scale: DurationScale, seconds: float) -> float:
    return TOP + HEIGHT * (1 - scale.share(seconds))


def _summary(axis: WeekAxis, median: Values, p90: Values) -> str:
    known = [(n, at) for n, at in enumerate(median) if at is not None]
    if not known:
        return "No week has a value."
    texts = [_sentence(axis, n, at, p90[n]) for n, at in (known[0], known[-1])]
    return f"{' '.join(f'{text}.' for text in dict.fromkeys(texts))} The scale is logarithmic."


def _sentence(axis: WeekAxis, n: int, median: float | None, p90: float | None) -> str:
    week = axis.weeks[n]
    begins = f"Week of {week.day} {week:%b %Y}"
    if median is None or p90 is None:
        return f"{begins}: none"
    return (
        f"{begins}: median {durations.in_words(median)}, 90th percentile {durations.in_words(p90)}"
    )
