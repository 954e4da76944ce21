"""Whether an organization's schedules have somebody on call, now and in a window (contract §4)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from incident_service.clock import sortable
from incident_service.database.engine import Connection
from incident_service.oncall import calculator, schedules
from incident_service.oncall.calculator import Override
from incident_service.oncall.gaps import Gap, gaps
from incident_service.store import Row, overrides
from incident_service.store import schedules as rows


@dataclass(frozen=True, slots=True)
class Coverage:
    """One schedule, from now until the end of a window."""

    schedule: Row
    on_call: tuple[str, ...]
    """The users whom it pages now."""
    people: frozenset[str]
    """Those who take part in the window, whether or not their turn comes in it."""
    gaps: tuple[Gap, ...]


def of_all(db: Connection, org_id: str, end: datetime, *, now: datetime) -> Iterator[Coverage]:
    """Yield what the organization's schedules cover, by name. It takes two statements."""
    standing_in: dict[str, list[Row]] = defaultdict(list)
    for row in overrides.of_all_schedules(db, org_id, sortable(now), sortable(end)):
        standing_in[row["schedule_id"]].append(row)
    for rota in rows.rotas(db, org_id, sortable(now)):
        layers, _ = schedules.known_at(rota, now)
        taking_part = [la for la in layers if la.starts_at < end and la.ends_at > now]
        in_window = [Override.from_row(row, now) for row in standing_in[rota["id"]]]
        paged = calculator.on_call(layers, in_window, now).paging_targets
        people = {id for layer in taking_part for id in layer.participant_ids}
        people |= {override.user_id for override in in_window}
        yield Coverage(
            schedule={name: rota[name] for name in ("id", "name", "timezone")},
            on_call=tuple(target.user_id for target in paged),
            people=frozenset(people),
            gaps=tuple(gaps(taking_part, in_window, now, end)),
        )
