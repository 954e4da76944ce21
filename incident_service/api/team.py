"""The team: its members and those who are invited, `/v1/team/members` (contract §6)."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from incident_service import clock
from incident_service.api.users import EmailAddress
from incident_service.http.acting import caller, database, for_admins, settings, write
from incident_service.http.blueprint import Blueprint, created, no_content
from incident_service.http.fields import Instant
from incident_service.http.schemas import RequestSchema, Schema
from incident_service.incidents import offboarding
from incident_service.paging import inviting
from incident_service.people import invitations, users
from incident_service.people.caller import ROLES

blueprint = Blueprint("team", description="Members of an organization, and invitations.")

_PATH = "/v1/team/members"

_ROLE = validate.OneOf(ROLES)


class InviteBodySchema(RequestSchema):
    """Somebody to invite."""

    email_address = EmailAddress(required=True)
    """Where the invitation is mailed, and the email of the user that it makes. No user of the
    organization may have it; letter case does not count."""
    role = fields.String(validate=_ROLE, load_default="org:member")
    """What the user may do: an admin everything, a member what on-call work needs."""


class RoleBodySchema(RequestSchema):
    """A member's new role."""

    role = fields.String(required=True, validate=_ROLE)
    """What the user may do: an admin everything, a member what on-call work needs."""


class MemberSchema(Schema):
    """A user, as a member of the team."""

    id = fields.String()
    """The user's id."""
    email = fields.String()
    """The user's email address."""
    first_name = fields.String(allow_none=True)
    """The user's first name, as people read it; null if not given."""
    last_name = fields.String(allow_none=True)
    """The user's last name, as people read it; null if not given."""
    image_url = fields.String(allow_none=True, dump_default=None)
    """Always null: the service keeps no pictures."""
    role = fields.String(validate=_ROLE)
    """What the user may do: an admin everything, a member what on-call work needs."""
    joined_at = Instant(attribute="created_at")
    """When the user was made."""


class InvitationSchema(Schema):
    """An invitation that was not accepted yet. It ends 7 days after it was made."""

    id = fields.String()
    """Made by the service: `orginv_…`."""
    email_address = fields.String(attribute="email")
    """Who is invited."""
    role = fields.String(validate=_ROLE)
    """What the user will be allowed to do."""
    status = fields.String(validate=validate.OneOf(["pending"]), dump_default="pending")
    """Always `pending`: once it is accepted, revoked or over, an invitation is not listed."""
    created_at = Instant()


class NewInvitationSchema(InvitationSchema):
    """An invitation that was just made, and its link."""

    url = fields.String(metadata={"format": "uri"})
    """Where the invited person accepts, without a key. It is shown once: hand it on if no mail
    is sent, to nobody else."""


class TeamSchema(Schema):
    """The members of an organization, and those who are invited."""

    members = fields.List(fields.Nested(MemberSchema))
    """The users, oldest first."""
    invitations = fields.List(fields.Nested(InvitationSchema))
    """The pending invitations, oldest first."""


@blueprint.route(_PATH, methods=["GET"])
@for_admins
@blueprint.response(200, TeamSchema)
def list_members() -> Any:
    """List the members and the pending invitations, each oldest first."""
    with database().read() as db:
        return {
            "members": users.get_all(db, caller()),
            "invitations": invitations.get_all(db, caller(), now=clock.now()),
        }


@blueprint.route(f"{_PATH}/invite", methods=["POST"])
@blueprint.arguments(InviteBodySchema)
@blueprint.error_codes("email_taken", "too_many_users", "too_many_invitations")
@blueprint.response(201, NewInvitationSchema)
def invite_member(body: dict[str, Any]) -> Any:
    """Invite somebody by email, for 7 days.

    The invitation is mailed if the service has a mail server. Inviting the same address again
    replaces the invitation: it has a new id and a new link, and the old link works no longer. An
    address can be invited 5 times within 24 hours.
    """
    by_email = bool(settings().smtp_url)
    made = write(inviting.invite, body["email_address"], body["role"], by_email)
    shown = {**made, "url": invitations.url_of(settings().public_url, made["token"])}
    return created(shown, "team", "members", "invitations")


@blueprint.route(f"{_PATH}/invitations/<invitation_id>", methods=["DELETE"])
@blueprint.response(204)
def revoke_invitation(invitation_id: str) -> Any:
    """Revoke an invitation: its link stops working."""
    write(invitations.revoke, invitation_id)
    return no_content()


@blueprint.route(f"{_PATH}/<user_id:user_id>/role", methods=["PATCH"])
@blueprint.arguments(RoleBodySchema)
@blueprint.error_codes("cannot_change_own_role", "last_admin")
@blueprint.response(200, MemberSchema)
def change_member_role(body: dict[str, Any], user_id: str) -> Any:
    """Change the role of a member, who is not the user that the key acts for."""
    return write(users.change_role, user_id, body["role"])


@blueprint.route(f"{_PATH}/<user_id:user_id>", methods=["DELETE"])
@blueprint.error_codes("user_in_use", "last_admin")
@blueprint.response(204)
def remove_member(user_id: str) -> Any:
    """Remove a member, as `DELETE /v1/users/{userId}` does."""
    write(offboarding.delete_user, user_id)
    return no_content()
