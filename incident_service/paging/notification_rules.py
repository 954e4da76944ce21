"""Notification rules: by which contact methods a user is paged, and how soon (contract §8)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from incident_service.clock import format_instant
from incident_service.database.engine import Connection
from incident_service.errors import InvalidRequest
from incident_service.people import users
from incident_service.people.caller import Caller
from incident_service.severity import SEVERITIES
from incident_service.store import Row, changes, contact_methods
from incident_service.store import notification_rules as rows

MAX_RULES = 50

MAX_DELAY_MINUTES = 60


class Method(NamedTuple):
    """A way to page a user, so many minutes after the page was due.

    It is a contact method, or has neither id nor URL: the user's email address.
    """

    id: str | None
    url: str | None
    delay_minutes: int = 0


EMAIL = Method(None, None)


def choose(rules: Iterable[Row], severity: str, methods: Sequence[Method]) -> list[Method]:
    """Return the methods that pages about incidents of a severity go by, the soonest first.

    `methods`: all that the user has. One that rules name with several delays is there once for
    each. If the rules name none of them, all are used at once: nobody is forgotten.
    """
    by_id = {method.id: method for method in methods}
    named = [
        by_id[rule["contact_method_id"]]._replace(delay_minutes=rule["delay_minutes"])
        for rule in rules
        if severity in rule["severities"] and rule["contact_method_id"] in by_id
    ]
    named.sort(key=lambda method: method.delay_minutes)
    return list(dict.fromkeys(named)) or list(methods)


def at_once(chosen: Sequence[Method]) -> list[Method]:
    """Return those of a user's chosen methods that have no delay; if all have, all without it."""
    now = [method for method in chosen if not method.delay_minutes]
    return now or list(dict.fromkeys(method._replace(delay_minutes=0) for method in chosen))


def get(db: Connection, caller: Caller, user_id: str, by_email: bool) -> Row:
    """Return the user's `rules`, their `resolved_notice`, and whether that `is_default`.

    `by_email`: whether users are paged by email too. Raises `NotFound`.
    """
    users.get(db, caller, user_id)
    thing = {"org_id": caller.org_id, "id": user_id}
    own = rows.of_users(db, caller.org_id, [user_id]).get(user_id)
    if own is not None:
        return {**thing, **own, "is_default": False}
    ids = [method["id"] for method in contact_methods.of_user(db, caller.org_id, user_id)]
    rules = [
        {"contact_method_id": id, "severities": list(SEVERITIES), "delay_minutes": 0}
        for id in (*ids, *([None] if by_email else []))
    ]
    return {**thing, "rules": rules, "resolved_notice": True, "is_default": True}


def replace(
    db: Connection, caller: Caller, user_id: str, wanted: Row, by_email: bool, *, now: datetime
) -> Row:
    """Set the user's `rules` and `resolved_notice`, and return them as `get` does.

    Raises `NotFound`, and `InvalidRequest` with `invalid_contact_method_id` or
    `severity_without_rule`.
    """
    before = get(db, caller, user_id, by_email)
    known = {method["id"] for method in contact_methods.of_user(db, caller.org_id, user_id)}
    for rule in wanted["rules"]:
        if rule["contact_method_id"] not in {*known, None}:
            raise InvalidRequest(
                f"rules: user {user_id} has no contact method {rule['contact_method_id']}.",
                code="invalid_contact_method_id",
            )
    _refuse_gaps(_without_rule(wanted["rules"], by_email), by_email)
    rows.put(
        db,
        caller.org_id,
        user_id,
        wanted["rules"],
        resolved_notice=wanted["resolved_notice"],
        at=format_instant(now),
    )
    after = get(db, caller, user_id, by_email)
    changes.record(db, "notification_rules", before, after, actor_id=caller.actor_id, now=now)
    return after


def delete(db: Connection, caller: Caller, user_id: str, by_email: bool, *, now: datetime) -> None:
    """Let the user be paged by all methods at once again. Raises `NotFound`."""
    before = get(db, caller, user_id, by_email)
    if not before["is_default"]:
        rows.delete(db, caller.org_id, user_id)
        changes.record(db, "notification_rules", before, None, actor_id=caller.actor_id, now=now)


def forget_method(
    db: Connection, org_id: str, user_id: str, method_id: str, by_email: bool
) -> None:
    """Take a contact method out of the user's rules, because it is deleted.

    Raises `InvalidRequest` `severity_without_rule` if that leaves a severity without any.
    """
    own = rows.of_users(db, org_id, [user_id]).get(user_id)
    if own is not None:
        rest = [rule for rule in own["rules"] if rule["contact_method_id"] != method_id]
        before = _without_rule(own["rules"], by_email)
        new = [each for each in _without_rule(rest, by_email) if each not in before]
        _refuse_gaps(new, by_email)
        rows.delete_of_method(db, org_id, user_id, method_id)


def _without_rule(rules: Sequence[Row], by_email: bool) -> list[str]:
    """Return the severities that no rule is for; one by email counts if users are paged by it."""
    named = {
        severity
        for rule in rules
        if by_email or rule["contact_method_id"] is not None
        for severity in rule["severities"]
    }
    return [severity for severity in SEVERITIES if severity not in named]


def _refuse_gaps(severities: Sequence[str], by_email: bool) -> None:
    if severities:
        *first, last = severities
        listed = f"{', '.join(first)} and {last}" if first else last
        hint = "" if by_email else " One by email does not count, for there is no mail server."
        raise InvalidRequest(
            f"No rule would be left by which the user is paged about {listed} incidents.{hint}",
            code="severity_without_rule",
        )
