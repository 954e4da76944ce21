"""What a message to one user says, about an incident or an alert, and the outcome of sending it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Message:
    """What every message to one user says. Instants are UTC text, as in the API."""

    id: str
    org_id: str
    user_id: str
    user_email: str
    title: str
    description: str | None
    severity: str

    @property
    def urgency(self) -> str:
        """The severity that a service's own idea of priority follows."""
        return self.severity


@dataclass(frozen=True, slots=True)
class Page(Message):
    """What one message to one user about one incident says (contract §8).

    `layer` is the position of the policy's layer that pages. It is `None` if the user is paged as
    the incident's owner, with `asks_for_help` as a responder, or with `last_resort` as an admin. At
    `acknowledge_url`, the user can acknowledge without a key. `notice` is the one sentence that a
    notice says instead of asking to acknowledge.
    """

    incident_id: str
    number: int
    status: str
    opened_at: str
    layer: int | None
    acknowledge_url: str
    components: tuple[str, ...] = ()
    notice: str | None = None
    asks_for_help: bool = False
    last_resort: bool = False

    @property
    def urgency(self) -> str:
        """The severity that a service's own idea of priority follows; a notice is not urgent."""
        return self.severity if self.notice is None else "low"


class Link(NamedTuple):
    """A link that a tool sent with an alert."""

    text: str
    href: str


@dataclass(frozen=True, slots=True)
class AlertMessage(Message):
    """What one message to one user about one alert says, which asks for nothing (contract §10)."""

    alert_id: str
    integration_id: str
    integration: str
    """The integration's name."""
    component: str | None
    attributes: Mapping[str, str]
    links: tuple[Link, ...]
    first_at: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one try to send a message; a `permanent` failure is not tried again.

    `reason` says why it failed, and contains no secret.
    """

    delivered: bool
    reason: str | None = None
    permanent: bool = False
