"""Rate limits of keys and addresses (contract §1)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from incident_service import create_app
from incident_service.config import Settings
from incident_service.errors import InvalidSetting
from tests.conftest import World


def client(world: World, **settings: Any) -> Any:
    """Return a client of an application with these settings on the same file."""
    found: Settings = world.app.extensions["incident_service.settings"]
    return create_app(replace(found, **settings)).test_client()


def assert_limited(answer: Any) -> None:
    assert (answer.status_code, answer.json["type"]) == (429, "rate_limit_error")
    assert answer.json["code"] == "rate_limited"
    assert 1 <= int(answer.headers["Retry-After"]) <= 86400


def test_each_key_has_its_own_limit(world: World, member: str) -> None:
    limited = client(world, rate_limit_key="2/day")
    mine, other = ({"Authorization": f"Bearer {key}"} for key in (world.made.key, member))
    for _ in range(2):
        assert limited.get("/v1/incidents", headers=mine).status_code == 200
    assert_limited(limited.get("/v1/incidents", headers=mine))
    assert limited.get("/v1/incidents", headers=other).status_code == 200


def test_an_address_that_guesses_keys_is_limited_and_health_is_not(world: World) -> None:
    limited = client(world, rate_limit_address="2/day")
    wrong = {"Authorization": "Bearer scl_live_guess"}
    for _ in range(2):
        assert limited.get("/v1/incidents", headers=wrong).status_code == 401
    assert_limited(limited.get("/v1/incidents", headers=wrong))
    assert_limited(limited.get("/nowhere"))
    page = limited.get("/ack/none")
    assert (page.status_code, page.mimetype) == (429, "text/html")
    for path in ("/healthz", "/readyz"):
        assert limited.get(path).status_code == 200
    other = {"REMOTE_ADDR": "192.0.2.1"}
    assert limited.get("/v1/incidents", environ_base=other).status_code == 401


@pytest.mark.parametrize(("proxies", "status"), [(0, 429), (1, 404)])
def test_a_forwarded_address_counts_only_behind_a_trusted_proxy(
    world: World, proxies: int, status: int
) -> None:
    limited = client(world, rate_limit_address="1/day", trusted_proxies=proxies)
    for address, expected in (("192.0.2.1", 404), ("192.0.2.2", status)):
        answer = limited.get("/nowhere", headers={"X-Forwarded-For": f"203.0.113.9, {address}"})
        assert answer.status_code == expected


def test_an_ipv6_address_counts_by_its_first_64_bits(world: World) -> None:
    limited = client(world, rate_limit_address="1/day")
    for address, status in (
        ("2001:db8:1:2::1", 404),
        ("2001:db8:1:2:ffff::9", 429),
        ("2001:db8:1:3::1", 404),
        ("::ffff:192.0.2.1", 404),
        ("::ffff:192.0.2.2", 404),
        ("192.0.2.1", 429),
    ):
        answer = limited.get("/nowhere", environ_base={"REMOTE_ADDR": address})
        assert answer.status_code == status, address


@pytest.mark.parametrize(
    "text",
    ["many", "5", "5/fortnight", "0/minute", "10 per 0 second", "10/0second", "5/second;0/day"],
)
def test_a_limit_that_makes_no_sense_is_named(text: str) -> None:
    variable = "INCIDENT_SERVICE_RATE_LIMIT_KEY"
    with pytest.raises(InvalidSetting, match=f"^{variable}: "):
        Settings.from_environ({variable: text})
