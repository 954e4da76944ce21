"""What Prometheus Alertmanager sends."""

from __future__ import annotations

from typing import Any

import pytest

from incident_service.errors import PayloadTooLarge, Unreadable
from incident_service.inbound.formats.reading import MAX_ALERTS
from tests.helpers.formats import links_of, read, read_one


def alert(**changes: Any) -> dict[str, Any]:
    return {
        "status": "firing",
        "labels": {"alertname": "QueueTooLong", "severity": "page", "queue": "mail"},
        "annotations": {
            "summary": "4,000 mails wait",
            "description": "Nothing left for 10 minutes.",
            "runbook_url": "https://wiki.example.com/mail",
        },
        "startsAt": "2026-11-25T08:00:00.123456789Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prom.example.com/graph?g0.expr=queue",
        "fingerprint": "1f2e3d4c5b6a7988",
    } | changes


def notification(*alerts: Any, **changes: Any) -> dict[str, Any]:
    return {
        "version": "4",
        "groupKey": '{}:{alertname="QueueTooLong"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "incidents",
        "groupLabels": {"alertname": "QueueTooLong"},
        "commonLabels": {"alertname": "QueueTooLong"},
        "commonAnnotations": {},
        "externalURL": "http://am.example.com:9093",
        "alerts": list(alerts),
    } | changes


def test_an_alert() -> None:
    read_alert = read_one("alertmanager", notification(alert()))
    assert read_alert.action == "fire"
    assert read_alert.dedup_key == "1f2e3d4c5b6a7988"
    assert read_alert.group_key == '{}:{alertname="QueueTooLong"}'
    assert read_alert.title == "4,000 mails wait"
    assert read_alert.severity == "page"
    assert read_alert.description == "Nothing left for 10 minutes."
    assert read_alert.attributes == alert()["labels"]
    assert links_of(read_alert) == {
        "Runbook": "https://wiki.example.com/mail",
        "Source": "http://prom.example.com/graph?g0.expr=queue",
        "Alertmanager": "http://am.example.com:9093",
    }


def test_each_alert_of_a_group_speaks_for_itself() -> None:
    resolved = alert(status="resolved", fingerprint="a", endsAt="2026-11-25T08:20:00Z")
    body = notification(resolved, alert(fingerprint="b"))
    reading = read("alertmanager", body)
    assert [(a.dedup_key, a.action) for a in reading.alerts] == [("a", "resolve"), ("b", "fire")]


def test_the_same_alert_is_the_same_when_it_comes_again() -> None:
    first, later = alert(), alert(startsAt="2026-11-26T08:00:00Z")
    assert read("alertmanager", notification(first)) == read("alertmanager", notification(later))


def test_fields_of_newer_versions_do_no_harm() -> None:
    body = notification(alert(extra={"a": [1]}), notification_reason="repeat", routeLabels={})
    assert read_one("alertmanager", body) == read_one("alertmanager", notification(alert()))


def test_without_a_fingerprint_the_labels_are_the_key() -> None:
    labels = {"alertname": "A", "host": "a"}
    turned = dict(reversed(labels.items()))
    bodies = [alert(fingerprint=None, labels=each) for each in (labels, turned, {"host": "a"})]
    keys = [a.dedup_key for a in read("alertmanager", notification(*bodies)).alerts]
    assert keys[0] == keys[1] != keys[2]


def test_hundreds_of_labels_tell_alerts_apart() -> None:
    labels = {f"label{number}": "x" for number in range(300)}
    bodies = [alert(fingerprint="", labels=labels | {"label299": value}) for value in "ab"]
    one, other = read("alertmanager", notification(*bodies)).alerts
    assert one.dedup_key != other.dedup_key
    assert len(one.attributes) == 100


def test_without_a_summary_the_alerts_name_is_the_title() -> None:
    assert read_one("alertmanager", notification(alert(annotations={}))).title == "QueueTooLong"


def test_without_a_group_key_an_alert_is_its_own_group() -> None:
    read_alert = read_one("alertmanager", notification(alert(), groupKey=None))
    assert read_alert.group_key == read_alert.dedup_key


def test_other_annotations_are_attributes_but_never_hide_a_label() -> None:
    notes = {"summary": "S", "queue": "annotated", "owner": "mail team"}
    attributes = read_one("alertmanager", notification(alert(annotations=notes))).attributes
    assert attributes == alert()["labels"] | {"owner": "mail team"}


def test_an_alert_without_a_status_does_as_its_group() -> None:
    body = notification(alert(status=None), status="resolved")
    assert read_one("alertmanager", body).action == "resolve"


def test_alerts_that_the_tool_left_out_are_in_the_remarks() -> None:
    reading = read("alertmanager", notification(alert(), truncatedAlerts=7))
    assert len(reading.alerts) == 1
    assert reading.remarks == ("truncatedAlerts: The tool left out 7 alerts.",)


def test_one_bad_alert_keeps_nothing_from_the_others() -> None:
    bad = {"status": "firing", "labels": {}}
    reading = read("alertmanager", notification(alert(fingerprint="a"), bad, None, alert()))
    assert [a.dedup_key for a in reading.alerts] == ["a", "1f2e3d4c5b6a7988"]
    assert reading.remarks == (
        "alerts[1]: Has neither a fingerprint nor labels.",
        "alerts[2]: Not an object.",
    )


def test_remarks_are_bounded() -> None:
    reading = read("alertmanager", notification(alert(), *[None] * 500))
    assert len(reading.remarks) == 21
    assert reading.remarks[-1] == "There are 480 more."


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (None, "body: Not an object."),
        ([alert()], "body: Not an object."),
        ({}, "alerts: Not a list."),
        (notification(alerts={"0": alert()}), "alerts: Not a list."),
        (notification(1, "x"), "alerts[0]: Not an object. alerts[1]: Not an object."),
    ],
)
def test_what_cannot_be_read_is_named(body: Any, fault: str) -> None:
    with pytest.raises(Unreadable) as error:
        read("alertmanager", body)
    assert error.value.message == fault


def test_no_alerts_are_no_error() -> None:
    reading = read("alertmanager", notification())
    assert (reading.alerts, reading.remarks) == ((), ("alerts: The list is empty.",))


def test_at_most_1000_alerts() -> None:
    many = [alert(fingerprint=str(number)) for number in range(MAX_ALERTS + 1)]
    reading = read("alertmanager", notification(*many[:-1]))
    assert [a.dedup_key for a in reading.alerts] == [str(number) for number in range(MAX_ALERTS)]
    with pytest.raises(PayloadTooLarge, match=r"1,001 alerts"):
        read("alertmanager", notification(*many))


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "file:///etc/passwd", "http://", "https:///x", "/x", 5, None]
)
def test_only_addresses_of_pages_are_links(address: Any) -> None:
    body = notification(alert(generatorURL=address), externalURL=address)
    assert links_of(read_one("alertmanager", body)) == {"Runbook": "https://wiki.example.com/mail"}
