"""A page: what a message to one user about an incident says, and the outcome of sending it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Page:
    """What one message to one user about one incident says (contract §8).

    `layer` is the position of the policy's layer that pages. It is `None` if the user is paged as
    the incident's owner or, with `last_resort`, as an admin. At `acknowledge_url`, the user can
    acknowledge without a key. `notice` is the one sentence that a notice says instead of asking
    to acknowledge. Instants are UTC text, as in the API.
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
    last_resort: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one try to send a page; a `permanent` failure is not tried again.

    `reason` says why it failed, and contains no secret.
    """

    delivered: bool
    reason: str | None = None
    permanent: bool = False
