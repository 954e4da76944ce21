"""Whatever comes in: no format fails otherwise than by `Unreadable`, and texts are clean."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_service.alerts import incoming
from incident_service.alerts.incoming import IncomingAlert
from incident_service.errors import Unreadable
from incident_service.inbound.formats import FORMATS, Reading

KINDS = sorted(FORMATS)

MAPPINGS: list[dict[str, str] | None] = [
    None,
    {"alerts": "@", "title": "@", "dedupKey": "to_string(@)", "status": "status || state"},
    {"alerts": "values(@)", "title": "*.a[] | [0]", "component": "from_json(title)"},
]

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=()))
    | st.sampled_from(["firing", "resolved", "ok", "trigger", "down", "\0", "\ud800", "  ", "1"])
)
names = st.text(max_size=3) | st.sampled_from(
    ["alerts", "labels", "annotations", "status", "title", "tags", "payload", "links", "monitor"]
)
any_json = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(names, inner), max_leaves=20
)


def read(kind: str, body: Any, mapping: dict[str, str] | None = None) -> Reading | None:
    """Return what is read; `None` if nothing can be."""
    try:
        return FORMATS[kind].read(body, {"mapping": mapping})
    except Unreadable as error:
        assert 0 < len(error.message) < 5000
        return None


def is_clean(text: str, longest: int) -> bool:
    return len(text) <= longest and "\0" not in text and text.encode() is not None


def check(alert: IncomingAlert) -> None:
    assert alert.action in ("fire", "resolve", "acknowledge")
    for key in (alert.dedup_key, alert.group_key):
        assert key
        assert is_clean(key, incoming.MAX_KEY)
    assert is_clean(alert.title, incoming.MAX_TITLE)
    assert "\n" not in alert.title
    assert alert.severity is None or alert.severity
    assert is_clean(alert.severity or "", 10**7)
    assert alert.description is None or alert.description
    assert is_clean(alert.description or "", incoming.MAX_DESCRIPTION)
    assert len(alert.attributes) <= incoming.MAX_ATTRIBUTES
    for name, value in alert.attributes.items():
        assert is_clean(name, incoming.MAX_ATTRIBUTE_NAME)
        assert value
        assert is_clean(value, incoming.MAX_ATTRIBUTE)
    assert len(alert.links) <= incoming.MAX_LINKS
    for link in alert.links:
        assert link.href.lower().startswith(("http://", "https://"))
        assert is_clean(link.href, incoming.MAX_HREF)
        assert link.text
        assert is_clean(link.text, incoming.MAX_LINK_TEXT)


@pytest.mark.parametrize("kind", KINDS)
@given(body=any_json)
def test_any_json(kind: str, body: Any) -> None:
    for mapping in MAPPINGS:
        reading = read(kind, body, mapping)
        for alert in reading.alerts if reading else ():
            check(alert)


def places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every value in a body, the body itself first."""
    yield way
    steps = value.items() if isinstance(value, dict) else ()
    for step, inner in (*steps, *(enumerate(value) if isinstance(value, list) else ())):
        yield from places(inner, (*way, step))


def put(body: Any, way: tuple[Any, ...], value: Any) -> Any:
    """Return the body with another value at a place."""
    if not way:
        return value
    changed = copy.deepcopy(body)
    inner = changed
    for step in way[:-1]:
        inner = inner[step]
    inner[way[-1]] = value
    return changed


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_a_sample_with_anything_anywhere(kind: str, data: st.DataObject) -> None:
    body = FORMATS[kind].sample
    way = data.draw(st.sampled_from(list(places(body))))
    reading = read(kind, put(body, way, data.draw(any_json)))
    for alert in reading.alerts if reading else ():
        check(alert)


@pytest.mark.parametrize("kind", KINDS)
def test_a_sample_is_one_alert_that_fires(kind: str) -> None:
    reading = FORMATS[kind].read(FORMATS[kind].sample, {"mapping": None})
    (alert,) = reading.alerts
    check(alert)
    assert reading.remarks == ()
    assert (alert.action, alert.severity) == (
        "fire",
        {"opsgenie": "P1", "healthchecks": None}.get(kind, "critical"),
    )
    assert "test" in alert.title.lower()


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_body_has_the_same_keys(kind: str) -> None:
    body = FORMATS[kind].sample
    assert read(kind, body) == read(kind, copy.deepcopy(body))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "text", ["Ξ" * 200_000, "磁盘已满 💾", "نفدت المساحة", "a\r\nb\tc", "<script>", "x\0y\ud800z"]
)
def test_texts_of_any_script_and_length(kind: str, text: str) -> None:
    body = FORMATS[kind].sample
    for way in places(body):
        reading = read(kind, put(body, way, text))
        for alert in reading.alerts if reading else ():
            check(alert)


DEEP = [
    json.loads('{"a":' * 450 + "0" + "}" * 450),
    json.loads("[" * 450 + "]" * 450),
    json.loads('{"details":[' * 225 + "0" + "]}" * 225),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("deep", DEEP, ids=["objects", "lists", "both"])
def test_deep_nesting(kind: str, deep: Any) -> None:
    body = FORMATS[kind].sample
    for way in places(body):
        reading = read(kind, put(body, way, deep))
        for alert in reading.alerts if reading else ():
            check(alert)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [300, 30_000], ids=["hundreds", "a mebibyte"])
def test_large_maps_and_lists(kind: str, size: int) -> None:
    body = FORMATS[kind].sample
    names = {f"name {number}": "some value" for number in range(size)}
    ways = list(places(body))
    for value in (names, list(names), [names]):
        for way in ways if size < 1000 else ways[-3:]:
            reading = read(kind, put(body, way, value))
            for alert in reading.alerts if reading else ():
                check(alert)
