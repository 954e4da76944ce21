"""Invites people to an organization, and mails the invitations (contract §6)."""

from __future__ import annotations

from datetime import datetime

from incident_service import ids
from incident_service.clock import format_instant
from incident_service.database.engine import Connection
from incident_service.paging.fairness import receiver_of
from incident_service.paging.page import Invitation
from incident_service.people import invitations
from incident_service.people.caller import Caller, Role
from incident_service.store import Row, deliveries


def invite(
    db: Connection, caller: Caller, email: str, role: Role, by_email: bool, *, now: datetime
) -> Row:
    """Invite an email address; return the invitation with its `token`.

    `by_email`: whether mail can be sent. Raises as `invitations.create`.
    """
    invitation = invitations.create(db, caller, email, role, now=now)
    if by_email:
        mail = {
            "org_id": caller.org_id,
            "id": ids.new_id(),
            "kind": "invitation",
            "invitation_id": invitation["id"],
            "receiver": receiver_of(None),
            "created_at": format_instant(now),
        }
        deliveries.insert(db, [mail])
    return invitation


def message(db: Connection, delivery: Row, invitation: Row, *, base_url: str) -> Invitation:
    """Return the mail that a delivery carries; `invitation` is as `deliveries.about` has it."""
    return Invitation(
        id=delivery["id"],
        org_id=delivery["org_id"],
        user_email=invitation["email"],
        organization=invitation["organization_name"],
        inviter=invitations.inviter(db, invitation),
        url=invitations.url_of(base_url, invitations.token_of(db, invitation["id"])),
        expires_at=invitation["expires_at"],
    )
