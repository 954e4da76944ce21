"""Email addresses: one, or none (contract §6)."""

from __future__ import annotations

import pytest

from incident_service import emails
from tests.helpers.world import World


@pytest.mark.parametrize(
    ("text", "goes_to"),
    [
        ("ada@example.com", "ada@example.com"),
        ("Ada.Lovelace+oncall@Example.com", "Ada.Lovelace+oncall@example.com"),
        ("o'neill@example.co.uk", "o'neill@example.co.uk"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@почта.рф", "ada@xn--80a1acny.xn--p1ai"),
        ("дежурный@example.com", "дежурный@example.com"),
        ("ops@home.local", "ops@home.local"),
        ("root@localhost", "root@localhost"),
        ("a@test", "a@test"),
        ("a@mail.internal.example", "a@mail.internal.example"),
    ],
)
def test_one_address(text: str, goes_to: str) -> None:
    assert emails.mail_address(text) == goes_to


@pytest.mark.parametrize(
    "text",
    [
        "", "ada", "@example.com", "ada@", "a@b@example.com",
        "a,b@example.com", "a;b@example.com", "a:b@example.com", "a@x.example,b@y.example",
        "a@x.example;b@y.example", "a@x.example b@y.example", "a@x.example\r\nb@y.example",
        "all:a@x.example;", "(comment)ada@example.com", "ada(comment)@example.com",
        "ada@example.com(comment)", "Ada <ada@example.com>", "<ada@example.com>",
        "=?utf-8?q?a=40evil.example=2C?=@example.com", "ada@=?utf-8?q?evil?=.example",
        '"ada"@example.com', '"a,b"@example.com', "ada@[127.0.0.1]", "ada@[IPv6:::1]",
        "ada@exam_ple.com", "ada@-example.com", "ada@example..com", ".ada@example.com",
        "ada.@example.com", "a..b@example.com", " ada@example.com", "ada@example.com ",
        "ada@example.com\0", "a\u200bda@example.com", "ada\uff20example.com",
        "ada%evil.example@", "@evil.example:ada@example.com", "ada@example.com.",
        "ada%evil.example@example.com", "evil.example!ada@example.com",
        "ada@" + "a" * 64 + ".com", "a@" + "b." * 130 + "example",
    ],
)  # fmt: skip
def test_none_or_several(text: str, world: World) -> None:
    assert emails.mail_address(text) is None
    answer = world.call("POST", "users", {"email": text})
    assert (answer.status_code, list(answer.json["errors"])) == (400, ["email"])


def test_an_address_comes_back_as_it_was_sent(world: World) -> None:
    made = world.make("users", email="Ada@Bücher.example", role="org:member")
    assert made["email"] == "Ada@Bücher.example"
