"""Users: `/v1/users` (contract §6)."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from incident_service.http.acting import caller, database, for_own_user, write
from incident_service.http.blueprint import Blueprint, created, no_content
from incident_service.http.fields import Instant, Text
from incident_service.http.schemas import RequestSchema, Schema
from incident_service.incidents import offboarding
from incident_service.people import users
from incident_service.people.caller import ROLES

blueprint = Blueprint("users", description="The people of an organization.")


def _check_email(text: str) -> None:
    if not users.is_email(text):
        raise ma.ValidationError("Not an email address of at most 254 characters.")


class EmailAddress(fields.String):
    """One email address, as a user's is."""

    def __init__(self, **options: Any) -> None:
        shown = {"format": "email", "maxLength": 254}
        super().__init__(validate=_check_email, metadata=shown, **options)


class UserBodySchema(RequestSchema):
    """The changes to a user."""

    email = EmailAddress(required=True)
    """The user's email address. No other user of the organization may have it; letter case does not
    count."""
    first_name = Text(0, 255)
    """The user's first name, as people read it; null if not given."""
    last_name = Text(0, 255)
    """The user's last name, as people read it; null if not given."""
    # Required, so that null is refused in a change.
    role = fields.String(required=True, validate=validate.OneOf(ROLES))
    """What the user may do: an admin everything, a member what on-call work needs."""


class NewUserSchema(UserBodySchema):
    """A user to create."""

    id = Text(1, 255)
    """The id for the user. Nobody in the organization may ever have had it. If it is not given, the
    service makes one."""
    role = fields.String(validate=validate.OneOf(ROLES), load_default="org:member")
    """What the user may do: an admin everything, a member what on-call work needs."""


class UserSchema(Schema):
    """A user."""

    id = fields.String()
    """Chosen by the client or made by the service; it never changes."""
    email = fields.String()
    """The user's email address. No other user of the organization may have it; letter case does not
    count."""
    first_name = fields.String(allow_none=True)
    """The user's first name, as people read it; null if not given."""
    last_name = fields.String(allow_none=True)
    """The user's last name, as people read it; null if not given."""
    role = fields.String(validate=validate.OneOf(ROLES))
    """What the user may do: an admin everything, a member what on-call work needs."""
    created_at = Instant()
    updated_at = Instant()


class UsersSchema(Schema):
    """All users of an organization."""

    users = fields.List(fields.Nested(UserSchema))
    """The users, oldest first."""


@blueprint.route("/v1/users", methods=["GET"])
@blueprint.response(200, UsersSchema)
def list_users() -> Any:
    """List the users, oldest first."""
    with database().read() as db:
        return {"users": users.get_all(db, caller())}


@blueprint.route("/v1/users", methods=["POST"])
@blueprint.arguments(NewUserSchema)
@blueprint.error_codes("id_taken", "email_taken", "too_many_users")
@blueprint.response(201, UserSchema)
def create_user(body: dict[str, Any]) -> Any:
    """Create a user."""
    row = write(
        lambda db, who, *, now: users.create(
            db, org_id=who.org_id, **body, actor_id=who.actor_id, now=now
        )
    )
    return created(row, "users")


@blueprint.route("/v1/users/<user_id:user_id>", methods=["GET"])
@blueprint.response(200, UserSchema)
def get_user(user_id: str) -> Any:
    """Return a user."""
    with database().read() as db:
        return users.get(db, caller(), user_id)


@blueprint.route("/v1/users/<user_id:user_id>", methods=["PATCH"])
@for_own_user
@blueprint.arguments(UserBodySchema(partial=True))
@blueprint.error_codes("email_taken", "last_admin")
@blueprint.response(200, UserSchema)
def change_user(body: dict[str, Any], user_id: str) -> Any:
    """Change some fields of a user; `null` clears a name. Members change their own names."""
    return write(users.change, user_id, body)


@blueprint.route("/v1/users/<user_id:user_id>", methods=["DELETE"])
@blueprint.error_codes("user_in_use", "last_admin")
@blueprint.response(204)
def delete_user(user_id: str) -> Any:
    """Delete a user: revoke their keys, and hand off their open incidents.

    An open incident goes to the current owner of its schedule, or to nobody, and pages as after a
    handoff. Records still name the user.
    """
    write(offboarding.delete_user, user_id)
    return no_content()
