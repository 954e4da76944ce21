"""Counts incidents, and how long each took, in one pass: pure, and in little memory."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from incident_service.reports.figures import Figures
from incident_service.store.report_incidents import Cell

_NEVER = -1
"""In the place of a duration whose end has not come; no instant of an incident runs backwards."""


class Durations:
    """The milliseconds from the openings of some incidents to two events, in no order."""

    __slots__ = ("_acknowledge", "_resolve")

    def __init__(self, acknowledge: Iterable[int] = (), resolve: Iterable[int] = ()) -> None:
        """`acknowledge`, `resolve`: one of each incident; `_NEVER` if it has not come."""
        self._acknowledge = array("q", acknowledge)
        self._resolve = array("q", resolve)

    def add_all(self, others: Durations) -> None:
        """Add those of all the incidents of others."""
        self._acknowledge += others._acknowledge
        self._resolve += others._resolve

    @property
    def count(self) -> int:
        """How many incidents there are."""
        return len(self._acknowledge)

    @property
    def acknowledge(self) -> Figures:
        """How soon they were acknowledged."""
        return _figures(self._acknowledge)

    @property
    def resolve(self) -> Figures:
        """How soon they were resolved."""
        return _figures(self._resolve)


class Tally:
    """The incidents that were counted: all, and of each kind."""

    def __init__(self) -> None:
        self.all = Durations()
        self.of_severity: defaultdict[str, Durations] = defaultdict(Durations)
        self.of_schedule: defaultdict[str, Durations] = defaultdict(Durations)
        self.of_component: defaultdict[str, Durations] = defaultdict(Durations)
        self.of_week: list[Durations] = []
        self.severities_of_week: list[Counter[str]] = []
        self._numbers = array("q")
        self._acknowledge = array("q")
        self._resolve = array("q")
        """Of each incident, in the order in which it was counted."""

    def count_week(self, cells: Iterable[Cell]) -> None:
        """Count the incidents of the next week, but for what they affect."""
        week, severities = Durations(), Counter[str]()
        for cell in cells:
            acknowledge, resolve = _filled(cell.acknowledge), _filled(cell.resolve)
            self._numbers.extend(cell.numbers)
            self._acknowledge.extend(acknowledge)
            self._resolve.extend(resolve)
            # Each goes into several lists that are sorted: sorted parts make that quicker.
            durations = Durations(sorted(acknowledge), sorted(resolve))
            week.add_all(durations)
            severities[cell.severity] += durations.count
            self.of_severity[cell.severity].add_all(durations)
            if cell.schedule_id is not None:
                self.of_schedule[cell.schedule_id].add_all(durations)
        self.all.add_all(week)
        self.of_week.append(week)
        self.severities_of_week.append(severities)

    def numbers(self) -> tuple[int, int]:
        """Return the lowest and the highest number of the incidents that were counted."""
        return min(self._numbers, default=0), max(self._numbers, default=0)

    def count_affected(self, affected: Iterable[tuple[str, Sequence[int]]]) -> None:
        """Count the incidents of each component; those that were not counted are passed over.

        `affected`: each component's id, with the numbers of incidents.
        """
        first, last = self.numbers()
        places = array("q", [-1]) * (last - first + 1)
        for place, number in enumerate(self._numbers):
            places[number - first] = place
        for component_id, numbers in affected:
            counted = [place for number in numbers if (place := places[number - first]) >= 0]
            if counted:
                self.of_component[component_id] = Durations(
                    map(self._acknowledge.__getitem__, counted),
                    map(self._resolve.__getitem__, counted),
                )


def _filled(durations: Iterable[int | None]) -> list[int]:
    return [_NEVER if duration is None else duration for duration in durations]


def _figures(durations: Iterable[int]) -> Figures:
    ordered = sorted(durations)
    return Figures.of(ordered[bisect_right(ordered, _NEVER) :])
