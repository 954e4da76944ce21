"""Sends messages to the service's own webhook: versioned JSON, signed if there is a secret."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import datetime
from typing import Any

import requests

from incident_service.clock import format_instant
from incident_service.paging.page import (
    AlertMessage,
    EventMessage,
    Message,
    Outcome,
    Page,
    ShiftMessage,
    SubscriptionMessage,
    UserMessage,
    Who,
)

SIGNATURE_HEADER = "X-Incident-Service-Signature"

_PASSING_STATUSES = frozenset({408, 425, 429})


def sign(body: bytes, secret: str, *, at: int) -> str:
    """Return the value of the header that proves that this service sent the body.

    It is `t=<at>,v1=<signature>`: `at` is in Unix seconds, the signature is the HMAC-SHA256 in hex
    of `at` in decimal, a full stop and the body, with the secret in UTF-8 as the key. A receiver
    computes the signature from the `t` and the bytes that arrived, compares it with `v1` in
    constant time, and refuses a `t` more than 5 minutes off, so that nobody can replay an old page.
    """
    signature = hmac.new(secret.encode(), b"%d." % at + body, hashlib.sha256)
    return f"t={at},v1={signature.hexdigest()}"


def send(
    message: Message,
    url: str,
    secret: str,
    *,
    now: datetime,
    connect_timeout: float,
    read_timeout: float,
) -> Outcome:
    """Try once to post the message to the URL; time-outs are in seconds."""
    body = json.dumps(_body(message, now), ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json", "User-Agent": "incident-service"}
    if secret:
        headers[SIGNATURE_HEADER] = sign(body, secret, at=int(now.timestamp()))
    try:
        with requests.post(
            url,
            data=body,
            headers=headers,
            timeout=(connect_timeout, read_timeout),
            allow_redirects=False,
            auth=lambda request: request,  # otherwise requests would use a .netrc file
            stream=True,  # the answer's body is not needed
        ) as answer:
            status = answer.status_code
    except requests.Timeout:
        return Outcome(False, "timed out")
    except requests.exceptions.SSLError:
        return Outcome(False, "no secure connection")
    except requests.ConnectionError:
        return Outcome(False, "no connection")
    except (ValueError, UnicodeError):  # requests and urllib3 raise these for the URL itself
        return Outcome(False, "not a usable URL", permanent=True)
    if 200 <= status < 300:
        return Outcome(True)
    is_permanent = 400 <= status < 500 and status not in _PASSING_STATUSES
    return Outcome(False, f"answered with status {status}", permanent=is_permanent)


def _body(message: Message, now: datetime) -> dict[str, Any]:
    if isinstance(message, AlertMessage):
        kind, about = "alert", _about_alert(message)
    elif isinstance(message, SubscriptionMessage):
        kind, about = "event", _about_event(message)
    else:
        assert isinstance(message, Page)
        kind, about = "page" if message.notice is None else "notice", _about_incident(message)
    to_user = {"user": {"id": message.user_id}} if isinstance(message, UserMessage) else {}
    return {
        "version": 1,
        "type": kind,
        "id": message.id,
        "sentAt": format_instant(now),
        **to_user,
        **about,
    }


def _about_incident(page: Page) -> dict[str, Any]:
    is_notice = page.notice is not None
    return {
        "incident": _incident(page),
        "layer": page.layer,
        "acknowledgeUrl": page.acknowledge_url or None if not is_notice else None,
        **({"notice": page.notice} if is_notice else {}),
    }


def _incident(message: Page | EventMessage) -> dict[str, Any]:
    return {
        "id": message.incident_id,
        "orgId": message.org_id,
        "number": message.number,
        "title": message.title,
        "description": message.description,
        "severity": message.severity,
        "status": message.status,
        "createdAt": message.opened_at,
        "components": list(message.components),
    }


def _about_event(message: SubscriptionMessage) -> dict[str, Any]:
    what = {
        "event": message.event,
        "at": message.at,
        "subscription": {"id": message.subscription_id},
    }
    if isinstance(message, ShiftMessage):
        return {
            **what,
            "schedule": {
                "id": message.schedule_id,
                "orgId": message.org_id,
                "name": message.title,
                "timezone": message.timezone,
            },
            "before": _who(message.before),
            "after": _who(message.after),
            "until": message.until,
        }
    assert isinstance(message, EventMessage)
    status = {"before": message.before, "after": message.after}
    return {
        **what,
        "actor": _who(message.actor),
        "incident": _incident(message),
        "statusChange": status if message.after else None,
        "update": message.update and message.update._asdict(),
    }


def _who(who: Who | None) -> dict[str, str] | None:
    return who and who._asdict()


def _about_alert(message: AlertMessage) -> dict[str, Any]:
    return {
        "alert": {
            "id": message.alert_id,
            "orgId": message.org_id,
            "integration": {"id": message.integration_id, "name": message.integration},
            "title": message.title,
            "description": message.description,
            "severity": message.severity,
            "component": message.component,
            "attributes": dict(message.attributes),
            "links": [{"text": link.text, "href": link.href} for link in message.links],
            "firstAt": message.first_at,
        },
    }
