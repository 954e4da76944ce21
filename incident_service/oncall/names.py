"""Names the people in answers about who is on call (contract §4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

from incident_service.database.engine import Connection
from incident_service.oncall.calculator import Target
from incident_service.people.users import display_name
from incident_service.store import users


def display_names(db: Connection, org_id: str, user_ids: Sequence[str]) -> dict[str, str]:
    """Return the display names of those who are, or were, users of the organization, by id."""
    found = users.with_ids(db, org_id, user_ids)
    return {user["id"]: display_name(user) for user in found}


@dataclass(frozen=True, slots=True)
class NamedTarget(Target):
    """Somebody on call, by name too. A deleted user is named as they were."""

    user_name: str


class Names:
    """The names of the users that some targets are about, read at once."""

    def __init__(self, db: Connection, org_id: str, targets: Iterable[Target | None]) -> None:
        """Read the names."""
        ids = {target.user_id for target in targets if target is not None}
        self._names = display_names(db, org_id, sorted(ids))

    def of(self, user_id: str) -> str:
        """Return the user's display name."""
        return self._names[user_id]

    def put(self, target: Target | None) -> NamedTarget | None:
        """Return the target with the name in it."""
        return None if target is None else self._named(target)

    def put_all(self, targets: Sequence[Target]) -> list[NamedTarget]:
        """Return the targets with the names in them."""
        return [self._named(target) for target in targets]

    def _named(self, target: Target) -> NamedTarget:
        values = {field.name: getattr(target, field.name) for field in fields(Target)}
        return NamedTarget(**values, user_name=self._names[target.user_id])
