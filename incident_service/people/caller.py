"""Who makes a call: the organization, the actor and the role behind an API key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Role = Literal["org:admin", "org:member"]

ROLES: tuple[Role, ...] = get_args(Role)


@dataclass(frozen=True, slots=True)
class Caller:
    """The bearer of an API key (contract §1)."""

    org_id: str
    key_id: str
    user_id: str | None
    role: Role

    @property
    def actor_id(self) -> str:
        """The id that records keep: the key's user, or the key itself if it has none."""
        return self.user_id or self.key_id
