"""Instants and ids: every spelling that RFC 3339 allows, and no other."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_service import ids
from incident_service.clock import format_instant, parse_instant, sortable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-04-07T08:23:11Z", "2025-04-07T08:23:11.000Z"),
        ("2025-04-07t08:23:11.5z", "2025-04-07T08:23:11.500Z"),
        ("2025-04-07T08:23:11.123456789Z", "2025-04-07T08:23:11.123Z"),
        ("2025-04-07T10:23:11+02:00", "2025-04-07T08:23:11.000Z"),
        ("2025-04-06T22:53:11-09:30", "2025-04-07T08:23:11.000Z"),
        ("2025-04-07T08:23:11-00:00", "2025-04-07T08:23:11.000Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z"),
        ("2016-12-31T18:59:60.9-05:00", "2017-01-01T00:00:00.900Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59.000Z"),
    ],
)
def test_instants(text: str, expected: str) -> None:
    assert format_instant(parse_instant(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "", "2025-04-07", "2025-04-07T08:23:11", "2025-04-07 08:23:11Z", "2025-04-07T08:23Z",
        "20250407T082311Z", "2025-04-07T08:23:11.Z", "2025-04-07T08:23:11,5Z",
        "2025-04-07T24:00:00Z",
        "2025-02-29T00:00:00Z", "2025-04-07T08:23:11+0200", "2025-04-07T08:23:11+24:00",
        "2025-04-07T08:23:11+02:60", "2025-04-07T08:23:61Z", "2025-04-07T08:23:60Z",
        "2025-W15-1T08:23:11Z", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01", "２025-04-07T08:23:11Z", "2025-04-07T08:23:11Z\n",
    ],
)  # fmt: skip
def test_what_is_no_instant(text: str) -> None:
    with pytest.raises(ValueError, match=r"Not an|leap second"):
        parse_instant(text)


moments = st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 12, 31))


@given(moments, st.integers(-23 * 60, 23 * 60))
def test_any_offset_names_the_same_instant(naive: datetime, minutes: int) -> None:
    instant = naive.replace(tzinfo=UTC)
    text = instant.astimezone(timezone(timedelta(minutes=minutes))).isoformat()
    assert parse_instant(text) == instant


@given(moments, moments)
def test_sortable_text_sorts_as_time_does(one: datetime, other: datetime) -> None:
    a, b = one.replace(tzinfo=UTC), other.replace(tzinfo=UTC)
    assert (sortable(a) < sortable(b)) == (a < b)


def test_later_ids_sort_later() -> None:
    made = [ids.new_id() for _ in range(20_000)]
    assert made == sorted(set(made))


def test_a_forked_process_makes_other_ids() -> None:
    ids.new_id()
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.write(writer, ids.new_id().encode())
        os._exit(0)
    os.wait()
    # What follows the time and the version: the part that is random.
    assert os.read(reader, 36).decode()[15:] != ids.new_id()[15:]


@pytest.mark.parametrize(
    "text",
    ["", "x", "{0198f0c0-0000-7000-8000-000000000000}", "0198f0c0000070008000000000000000",
     "urn:uuid:0198f0c0-0000-7000-8000-000000000000", "0198f0c0-0000-7000-8000-00000000000g"],
)  # fmt: skip
def test_what_is_no_uuid(text: str) -> None:
    with pytest.raises(ValueError, match=r"Not a valid UUID\."):
        ids.canonical_uuid(text)
