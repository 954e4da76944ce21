"""What reading a body yields: its alerts, and remarks about what is not among them (§10)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from incident_service.alerts.incoming import IncomingAlert
from incident_service.errors import PayloadTooLarge, Unreadable

MAX_ALERTS = 1000
MAX_REMARKS = 20

Integration = Mapping[str, Any]
"""The columns of an integration; of these, the formats read `mapping` alone."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The alerts of a body, in its order, and sentences for its receipt.

    A remark names a part that could not be read, or says why a body that was understood holds no
    alert. Nothing of a body is left out without one.
    """

    alerts: tuple[IncomingAlert, ...]
    remarks: tuple[str, ...] = ()


def read_each(
    name: str, elements: Sequence[Any], read_one: Callable[[str, Any], IncomingAlert]
) -> Reading:
    """Return the alerts of a list, with a remark for each element that cannot be read.

    A tool does not send again what was answered with 400, so one bad element keeps nothing from the
    others. `read_one` takes the way to an element, such as `alerts[3]`, and the element. Raises
    `Unreadable` if no element can be read, and `PayloadTooLarge` if there are more than 1,000.
    """
    if len(elements) > MAX_ALERTS:
        raise PayloadTooLarge(f"The body has {len(elements):,} alerts; at most 1,000 are taken.")
    if not elements:
        return Reading((), (f"{name}: The list is empty.",))
    alerts = []
    faults = []
    for number, element in enumerate(elements):
        try:
            alerts.append(read_one(f"{name}[{number}]", element))
        except Unreadable as error:
            faults.append(error.message)
    if faults and not alerts:
        raise Unreadable(" ".join(_bounded(faults)))
    return Reading(tuple(alerts), _bounded(faults))


def _bounded(remarks: Sequence[str]) -> tuple[str, ...]:
    """Return the first 20 remarks, and how many more there are."""
    if len(remarks) <= MAX_REMARKS:
        return tuple(remarks)
    return (*remarks[:MAX_REMARKS], f"There are {len(remarks) - MAX_REMARKS:,} more.")
