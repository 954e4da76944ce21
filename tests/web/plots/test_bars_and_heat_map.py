"""Bars by person and the heat map: lengths and colours as the numbers are, texts as texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_service.web.plots import bars, heat_map
from incident_service.web.plots.bars import Person
from tests.helpers.pictures import number, of_class, parsed

TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff"))
HOURS = st.one_of(st.just(0.0), st.floats(0, 200), st.floats(0, 9000))
PEOPLE = st.lists(st.builds(Person, TEXT, HOURS, HOURS), max_size=30)


@given(PEOPLE)
def test_bars_are_as_long_as_their_numbers_and_leave_room_for_them(people: list[Person]) -> None:
    root = parsed(bars.draw("b", "Nights", people))
    drawn = of_class(root, "bar-of")
    shown = people[: bars.MAX_ROWS]
    values = [hours for person in shown for hours in (person.night, person.weekend)]
    assert len(drawn) == len(values)
    for each, hours in zip(drawn, values, strict=True):
        expected = bars.LONGEST * hours / max(values) if hours else 0
        assert number(each, "width") == pytest.approx(expected, abs=0.001)
        assert number(each, "y") + number(each, "height") <= number(root, "height")


@given(TEXT)
def test_a_name_is_a_text_and_no_longer_than_a_phone_is_wide(name: str) -> None:
    root = parsed(bars.draw("b", "Nights", [Person(name, 1, 1)]))
    (shown,) = of_class(root, "name")
    written = shown.text or ""
    assert written == name.strip() or name.startswith(written.removesuffix("…"))
    assert len(written) <= bars.MAX_NAME + 1


def test_markup_in_a_name_is_text() -> None:
    plot = bars.draw("b", "Nights", [Person("</text><script>'\"&", 1, 1)])
    assert "<script" not in plot
    (shown,) = of_class(parsed(plot), "name")
    assert shown.text == "</text><script>'\"&"


@given(
    st.dictionaries(
        st.tuples(st.integers(1, 7), st.integers(0, 23)), st.integers(1, 10**7), max_size=168
    )
)
def test_every_hour_of_the_week_has_a_cell_and_more_is_never_paler(
    counts: dict[tuple[int, int], int],
) -> None:
    root = parsed(heat_map.draw("h", "Pages", counts))
    cells = of_class(root, "cell")
    assert len(cells) == 7 * 24
    hours = [(weekday, hour) for weekday in range(1, 8) for hour in range(24)]
    levels = {
        (counts.get(each, 0), int((cell.get("class") or "")[-1]))
        for each, cell in zip(hours, cells, strict=True)
    }
    ordered = [level for _, level in sorted(levels)]
    assert ordered == sorted(ordered)
    assert all((level == 0) == (count == 0) for count, level in levels)
    assert max(ordered) == (heat_map.LEVELS if counts else 0)
    for cell in cells:
        rect = cell[1]
        assert number(rect, "x") + number(rect, "width") <= 100
        assert number(rect, "y") + number(rect, "height") <= number(root, "height")


def test_a_cell_tells_its_hour_and_its_number() -> None:
    root = parsed(heat_map.draw("h", "Pages", {(7, 23): 12_345, (1, 0): 1}))
    assert root[1].text == (
        "12,346 in all. The most in one hour of the week: 12,345, on Sunday at 23:00."
    )
    last = of_class(root, "cell")[-1]
    assert last[0].text == "Sunday 23:00–00:00: 12,345"
    assert [each.text for each in of_class(root, "number")] == ["1", "12k"]
