"""What Healthchecks sends with the body template of the guide."""

from __future__ import annotations

from typing import Any

import pytest

from incident_service.errors import Unreadable
from tests.helpers.formats import read, read_one

CODE = "0b9d6a52-0000-4000-8000-000000000001"


def body(**changes: Any) -> dict[str, Any]:
    return {
        "title": "Nightly import",
        "status": "down",
        "dedup_key": CODE,
        "tags": "prod severity:critical component=import",
        "at": "2026-11-25T03:10:00+00:00",
    } | changes


def test_a_check_that_is_down() -> None:
    alert = read_one("healthchecks", body())
    assert (alert.action, alert.dedup_key, alert.group_key) == ("fire", CODE, CODE)
    assert (alert.title, alert.severity) == ("Nightly import", "critical")
    assert alert.attributes == {
        "severity": "critical",
        "component": "import",
        "tags": "prod, severity:critical, component=import",
    }


def test_a_check_that_is_up() -> None:
    assert read_one("healthchecks", body(status="up")).action == "resolve"


def test_the_names_of_its_own_api() -> None:
    own = {"name": "Nightly import", "status": "down", "code": CODE, "tags": ""}
    alert = read_one("healthchecks", own)
    assert (alert.title, alert.dedup_key, alert.severity) == ("Nightly import", CODE, None)
    assert alert.attributes == {}


def test_what_a_user_adds_to_the_template_is_an_attribute() -> None:
    alert = read_one("healthchecks", body(team="data", severity="low"))
    assert alert.attributes["team"] == "data"
    assert alert.severity == "low"


@pytest.mark.parametrize(
    ("sent", "fault"),
    [
        (None, "body: Not an object."),
        (body(status="$STATUS"), "status: Not down or up."),
        (body(title="", dedup_key=None), "dedup_key: Missing."),
    ],
)
def test_what_cannot_be_read_is_named(sent: Any, fault: str) -> None:
    with pytest.raises(Unreadable) as error:
        read("healthchecks", sent)
    assert error.value.message == fault
