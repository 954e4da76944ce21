"""Who acts: the organization, the actor and the role behind an API key or an integration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from incident_service.store import Row

Role = Literal["org:admin", "org:member"]

ROLES: tuple[Role, ...] = get_args(Role)


@dataclass(frozen=True, slots=True)
class Caller:
    """The bearer of an API key (contract §1), or an integration whose alerts do something (§10).

    `integration_name` is set if it is an integration; its id is the `key_id`.
    """

    org_id: str
    key_id: str
    user_id: str | None
    role: Role
    integration_name: str | None = None

    @classmethod
    def of_integration(cls, integration: Row) -> Caller:
        """Return the caller that an integration is; `integration` has `org_id`, `id` and `name`."""
        return cls(
            integration["org_id"],
            integration["id"],
            user_id=None,
            role="org:member",
            integration_name=integration["name"],
        )

    @property
    def is_person(self) -> bool:
        """Whether a person acts, perhaps by a script, and not an integration."""
        return self.integration_name is None

    @property
    def actor_id(self) -> str:
        """The id that records keep: the key's user, or else the key or integration itself."""
        return self.user_id or self.key_id
