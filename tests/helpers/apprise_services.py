"""Each allowed scheme's documented URLs: Apprise's own templates, with samples for their tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from apprise.manager_plugins import NotificationManager

_HEX = "0123456789abcdef" * 2
_SAMPLES = {
    "user": "ada",
    "password": "s3cret",
    "host": "chat.example.com",
    "port": "8443",
    "path": "/in/",
    "fullpath": "in",
    "token": "a1B2c3D4e5",
    "targets": "+15555550123",
    "from_phone": "+15555550100",
    "source": "+15555550100",
    "apikey": "a1b2c3d4e5",
    "secret": "a1b2c3d4e5",
    "botname": "bot",
    "webhook_id": "123456789012345678",
    "webhook_token": "aB3-_x",
    "email": "ada@example.com",
    "from_email": "oncall@example.com",
    "region": "us-east-1",
    "access_key_id": "AKIAIOSFODNN7EXAMPLE",
    "secret_access_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".replace("/", "%2F"),
    "key": "aB3-_x",
    "integrationkey": "int3gration",
    "component": "database",
    "token_id": "tid",
    "token_secret": "tsec",
    "client_id": "client1",
    "template": "page",
    "workspace": "AAAA",
    "webhook_key": "kkkk",
    "thread_key": "thread1",
}

_OWN: dict[str, dict[str, str]] = {
    "46elks": {"targets": "+46700000000"},
    "bulkvs": {"user": "ada%40example.com"},
    "dingtalk": {"token": "a1b2c3d4", "targets": "15555550123"},
    "flock": {"token": "a1b2c3d4e5a1b2c3d4e5a1b2", "targets": "%23general"},
    "goalert": {"targets": "12345678-abcd-4444-8888-abcdefabcdef"},
    "goalerts": {"targets": "12345678-abcd-4444-8888-abcdefabcdef"},
    "gotify": {"token": "Aa.s3cret12345"},
    "gotifys": {"token": "Aa.s3cret12345"},
    "infobip": {"host": "abcde.api.infobip.com"},
    "join": {"apikey": _HEX, "targets": "phone"},
    "lark": {"token": "a1b2c3d4-e5f6-4444-8888-abcdefabcdef"},
    "line": {"token": "t0ken%2Fx%3D", "targets": "U1234567890"},
    "mailgun": {
        "host": "mg.example.com",
        "apikey": "a" * 32 + "-" + "b" * 8 + "-" + "c" * 8,
        "targets": "ben@example.com",
    },
    "mailto": {"host": "example.com", "port": "2525", "targets": "ben@example.com"},
    "mailtos": {"host": "example.com", "port": "2465", "targets": "ben@example.com"},
    "matrix": {"targets": "!room:example.com", "token": "a" * 64},
    "matrixs": {"targets": "!room:example.com", "token": "a" * 64},
    "mmost": {},
    "mmosts": {},
    "msgbird": {"apikey": "a" * 25},
    "nctalk": {"targets": "room1"},
    "nctalks": {"targets": "room1"},
    "nexmo": {"apikey": "AC123456", "secret": "s3cretS3cret1234"},
    "vonage": {"apikey": "AC123456", "secret": "s3cretS3cret1234"},
    "ntfy": {"topic": "oncall", "targets": "oncall", "token": "tk_abcdefghijklmnopqrstuvwxyz123"},
    "ntfys": {"topic": "oncall", "targets": "oncall", "token": "tk_abcdefghijklmnopqrstuvwxyz123"},
    "opsgenie": {"apikey": "12345678-abcd-4444-8888-abcdefabcdef", "targets": "%23team"},
    "pagertree": {"integration": "int_abcdefghijkl"},
    "pbul": {"accesstoken": "o.s3cret", "targets": "ben@example.com"},
    "plivo": {"auth_id": "A" * 25, "token": "b" * 40},
    "postmark": {"targets": "ben@example.com"},
    "pover": {"user_key": "u" * 30, "token": "t" * 30, "targets": "phone"},
    "prowl": {"apikey": "a" * 40, "providerkey": "b" * 40},
    "rocket": {"webhook": "a" * 17 + "%2F" + "b" * 24, "targets": "%23general", "token": "c" * 43},
    "sendgrid": {"targets": "ben@example.com"},
    "ses": {"targets": "ben@example.com"},
    "signl4": {"secret": "s3cret"},
    "simplepush": {"token": "HuxgBB", "targets": "topic"},
    "sinch": {"service_plan_id": _HEX, "api_token": _HEX},
    "slack": {
        "token_a": "T1JJ3T3L2",
        "token_b": "A1BRTD4JD",
        "token_c": "TIiajkdnlazkcOXrIdevi7FQ",
        "access_token": "xoxb-1234-1234-s3cret",
        "workflow_path": "T1234/A1234/123456789/secret",
        "targets": "%23general",
    },
    "smtp2go": {"targets": "ben@example.com"},
    "sparkpost": {"targets": "ben@example.com"},
    "splunk": {"routing_key": "database", "entity_id": "e1"},
    "telnyx": {},
    "tgram": {"bot_token": "123456789:abcdefg_hijklmnop", "targets": "12315544"},
    "threema": {"gateway_id": "*MYGWID1"},
    "twilio": {"account_sid": "AC" + _HEX, "auth_token": _HEX},
    "twist": {"targets": "12345"},
    "voipms": {"targets": "15555550123", "from_phone": "15555550100"},
    "webex": {"token": "a" * 80, "access_token": "b3c4" * 10, "targets": "room1"},
    "whatsapp": {"from_phone_id": "1234567890", "token": "a1b2"},
    "workflow": {"workflow": "wf1", "signature": "s1g", "host": "prod.westus.logic.azure.com"},
    "zulip": {"botname": "bot", "organization": "apprise", "token": "a" * 32, "targets": "general"},
    "discord": {},
    "guilded": {},
    "signal": {},
    "sns": {},
}

_SAME = {
    "rockets": "rocket", "wxteams": "webex", "workflows": "workflow", "signals": "signal",
    "victorops": "splunk",
}  # fmt: skip

NEEDS_MORE = {
    r"mailtos?://[^@/]+(/|$)": "a host alone names no sender",
    r"simplepush://[^/]+@": "encryption needs a package that is not installed with Apprise",
    r"whatsapp://[^/]+:[^/?]+@[^?]+$": "a template leaves the text out, unless told as in ?:1=body",
}
"""Documented forms that no page can go to, as patterns, with the reason."""


def documented(scheme: str) -> Iterator[str]:
    """Yield a URL for each template of the scheme."""
    manager: Any = NotificationManager
    own = _OWN.get(_SAME.get(scheme, scheme), {})
    for template in manager()[scheme].templates:
        yield re.sub(
            r"{(\w+)}",
            lambda token: (
                scheme if token[1] == "schema" else own.get(token[1]) or _SAMPLES[token[1]]
            ),
            template,
        )
