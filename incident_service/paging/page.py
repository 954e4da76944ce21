"""A page: what somebody is told about an incident."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Page:
    """All that a message to one user about one incident says (contract §8).

    `layer` is the position of the policy's layer that pages, or `None` where the user is paged as
    the incident's owner. `acknowledge_url` acknowledges without a key. `notice`, if there is one,
    is the sentence that is said instead of asking to acknowledge. Instants are UTC text as the API
    shows them.
    """

    id: str
    org_id: str
    incident_id: str
    number: int
    title: str
    description: str | None
    severity: str
    status: str
    opened_at: str
    user_id: str
    user_email: str
    layer: int | None
    acknowledge_url: str
    components: tuple[str, ...] = ()
    notice: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of sending a page; `reason` has no secret in it. A permanent failure stays one."""

    delivered: bool
    reason: str | None = None
    permanent: bool = False
