"""What a message says, about an incident, an alert or a shift, and the outcome of sending it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Message:
    """What every message says. Instants are UTC text, as in the API."""

    id: str
    org_id: str
    title: str
    description: str | None
    severity: str

    @property
    def urgency(self) -> str:
        """The severity that a service's own idea of priority follows."""
        return self.severity


@dataclass(frozen=True, slots=True)
class UserMessage(Message):
    """What every message to one user says."""

    user_id: str
    user_email: str


@dataclass(frozen=True, slots=True)
class Page(UserMessage):
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
class AlertMessage(UserMessage):
    """What one message to one user about one alert says, which asks for nothing (contract §10)."""

    alert_id: str
    integration_id: str
    integration: str
    """The integration's name."""
    component: str | None
    attributes: Mapping[str, str]
    links: tuple[Link, ...]
    first_at: str


class Who(NamedTuple):
    """A user, a key or an integration, by name."""

    id: str
    name: str


class Update(NamedTuple):
    """The text that came with what happened."""

    id: str
    visibility: str
    body: str


@dataclass(frozen=True, slots=True)
class SubscriptionMessage(Message):
    """What every message to a subscription says: what happened `at` an instant (contract §8)."""

    subscription_id: str
    event: str
    at: str

    @property
    def urgency(self) -> str:
        """It is for reading, and wakes nobody."""
        return "low"


@dataclass(frozen=True, slots=True)
class EventMessage(SubscriptionMessage):
    """What one message to a subscription about one incident says.

    `before`, `after`: its statuses, if that is what changed. `status` is the one it has by now.
    """

    actor: Who
    incident_id: str
    number: int
    status: str
    opened_at: str
    components: tuple[str, ...] = ()
    before: str | None = None
    after: str | None = None
    update: Update | None = None


@dataclass(frozen=True, slots=True)
class ShiftMessage(SubscriptionMessage):
    """What one message to a subscription about a change of shift says; the title is the schedule's.

    `before`, `after`: who owned the schedule, and who does; `None` is nobody. `until` is when the
    shift ends, or when somebody is on call again, if that is known.
    """

    schedule_id: str
    timezone: str
    before: Who | None
    after: Who | None
    until: str | None


@dataclass(frozen=True, slots=True)
class Invitation:
    """What the mail to somebody who is asked to join an organization says (contract §6)."""

    id: str
    org_id: str
    user_email: str
    organization: str
    inviter: str | None
    """The name of the user who invites; `None` if a key does that acts for itself."""
    url: str
    """Where the invitation is accepted."""
    expires_at: str

    @property
    def urgency(self) -> str:
        """As a message's: it is never urgent."""
        return "low"


@dataclass(frozen=True, slots=True)
class SignInLink:
    """What the mail with a link that signs its user in to the console says (contract §11)."""

    id: str
    org_id: str
    user_email: str
    organization: str
    url: str
    expires_at: str

    @property
    def urgency(self) -> str:
        """As a message's: it is never urgent."""
        return "low"


Mail = Invitation | SignInLink
"""What goes by mail alone."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one try to send a message; a `permanent` failure is not tried again.

    `reason` says why it failed, and contains no secret.
    """

    delivered: bool
    reason: str | None = None
    permanent: bool = False
