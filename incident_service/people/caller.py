"""Who acts: the organization, the actor and the role behind a key, a session or an integration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from incident_service.store import Row

Role = Literal["org:admin", "org:member"]

ROLES: tuple[Role, ...] = get_args(Role)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a call (contract §1), or the integration whose alerts do something (§10).

    That is the bearer of an API key, or a user who is signed in to the console (§11): then
    `is_session` is set, and the session's id is the `key_id`. `integration_name` is set if it is an
    integration; its id is the `key_id` too.
    """

    org_id: str
    key_id: str
    user_id: str | None
    role: Role
    integration_name: str | None = None
    is_session: bool = False

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
        """The id that records keep: the user, or else the key or integration itself."""
        return self.user_id or self.key_id
