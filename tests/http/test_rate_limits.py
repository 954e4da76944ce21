"""Rate limits of keys and addresses (contract §1)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from incident_service.config import Settings
from incident_service.errors import InvalidSetting, RateLimited
from incident_service.http import rate_limits
from tests.helpers.another_app import client_with
from tests.helpers.world import World


def client(world: World, **settings: Any) -> Any:
    """Return a client of an application with these settings on the same file."""
    found: Settings = world.app.extensions["incident_service.settings"]
    return client_with(replace(found, **settings))


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


OUTSIDE = {"REMOTE_ADDR": "192.0.2.1"}


@pytest.mark.parametrize("path", ["/ack/1.x", "/a/x", "/docs", "/openapi.json", "/nowhere"])
def test_an_address_without_a_key_is_limited(world: World, path: str) -> None:
    limited = client(world, rate_limit_public="3/day")
    for _ in range(3):
        assert limited.get(path, environ_base=OUTSIDE).status_code != 429
    answer = limited.get(path, environ_base=OUTSIDE)
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) >= 1
    mine = {"Authorization": f"Bearer {world.made.key}"}
    assert limited.get("/v1/incidents", headers=mine, environ_base=OUTSIDE).status_code == 200
    for health in ("/healthz", "/readyz"):
        assert limited.get(health, environ_base=OUTSIDE).status_code == 200


@pytest.mark.parametrize("header", [None, "Bearer x", "Bearer scl_live_guess", "Basic x"])
def test_an_address_with_wrong_keys_is_limited(world: World, header: str | None) -> None:
    limited = client(world, rate_limit_public="3/day")
    wrong = {"Authorization": header} if header else {}
    for _ in range(3):
        assert limited.get("/v1/users", headers=wrong, environ_base=OUTSIDE).status_code == 401
    assert_limited(limited.get("/v1/users", headers=wrong, environ_base=OUTSIDE))
    mine = {"Authorization": f"Bearer {world.made.key}"}
    for _ in range(5):
        assert limited.get("/v1/users", headers=mine, environ_base=OUTSIDE).status_code == 200


def test_a_status_page_that_is_ready_is_never_refused(world: World) -> None:
    world.make("status-pages", slug="acme", title="Acme", published=True)
    limited = client(world, rate_limit_public="3/day")
    for _ in range(10):
        assert limited.get("/status/acme", environ_base=OUTSIDE).status_code == 200
    for path in ("/docs", "/docs", "/docs"):
        limited.get(path, environ_base=OUTSIDE)
    assert limited.get("/docs", environ_base=OUTSIDE).status_code == 429
    assert limited.get("/status/acme", environ_base=OUTSIDE).status_code == 200
    assert_limited(limited.get("/status/acme.json", environ_base=OUTSIDE))


@pytest.mark.parametrize(("proxies", "status"), [(0, 404), (1, 429)])
def test_this_machine_is_limited_only_if_proxies_tell_whom_they_ask_for(
    world: World, proxies: int, status: int
) -> None:
    limited = client(world, rate_limit_public="1/day", trusted_proxies=proxies)
    for address in ("127.0.0.1", "::1", "::ffff:127.0.0.1", ""):
        limited.get("/nowhere", environ_base={"REMOTE_ADDR": address})
        answer = limited.get("/nowhere", environ_base={"REMOTE_ADDR": address})
        assert answer.status_code == status, address


def test_there_is_a_limit_without_a_key_unless_it_is_taken_off(world: World) -> None:
    by_default = client(world)
    for answer in [by_default.get("/nowhere", environ_base=OUTSIDE) for _ in range(600)]:
        assert answer.status_code == 404
    assert_limited(by_default.get("/nowhere", environ_base=OUTSIDE))
    unlimited = client(world, rate_limit_public="none")
    for answer in [unlimited.get("/nowhere", environ_base=OUTSIDE) for _ in range(601)]:
        assert answer.status_code == 404


def test_counts_take_a_bounded_part_of_the_memory() -> None:
    limits = rate_limits.RateLimits(per_address="5/day", per_key="1/day")
    limits.check_key("mine")
    for number in range(rate_limits.MAX_COUNTS + 1000):
        limits.check_address(f"{number}" + "x" * 5000)
    storage = limits._of_addresses._limiter.storage
    assert isinstance(storage, rate_limits._Counts)
    kept = storage._kept
    assert len(kept) == rate_limits.MAX_COUNTS
    assert max(map(len, kept)) < 200
    with pytest.raises(RateLimited):
        limits.check_key("mine")  # which no flood of addresses makes forgotten


@pytest.mark.parametrize(
    "text",
    ["many", "5", "5/fortnight", "0/minute", "10 per 0 second", "10/0second", "5/second;0/day"],
)
def test_a_limit_that_makes_no_sense_is_named(text: str) -> None:
    variable = "INCIDENT_SERVICE_RATE_LIMIT_KEY"
    with pytest.raises(InvalidSetting, match=f"^{variable}: "):
        Settings.from_environ({variable: text})
