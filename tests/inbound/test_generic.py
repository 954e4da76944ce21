"""Any JSON, read by the names of its fields or by a mapping."""

from __future__ import annotations

import json
from typing import Any

import pytest

from incident_service.errors import Unreadable
from tests.helpers.formats import links_of, read, read_one


def test_every_field_by_its_own_name() -> None:
    alert = read_one(
        "generic",
        {
            "title": "Backup failed\n on db-2",
            "description": "tar: no space left",
            "severity": "major",
            "status": "firing",
            "dedupKey": "backup/db-2",
            "groupKey": "backup",
            "link": "https://jobs.example.com/9",
            "component": "Backups",
            "attributes": {"host": "db-2", "try": 3, "last": {"ok": False}},
            "links": [{"text": "Log", "href": "https://jobs.example.com/9/log"}, "http://x.org/"],
            "unknown": 1,
        },
    )
    assert (alert.action, alert.dedup_key, alert.group_key) == ("fire", "backup/db-2", "backup")
    assert (alert.title, alert.severity) == ("Backup failed on db-2", "major")
    assert alert.description == "tar: no space left"
    assert alert.attributes == {
        "component": "Backups",
        "host": "db-2",
        "try": "3",
        "last.ok": "false",
    }
    assert links_of(alert) == {
        "Link": "https://jobs.example.com/9",
        "Log": "https://jobs.example.com/9/log",
        "http://x.org/": "http://x.org/",
    }


@pytest.mark.parametrize("word", ["resolved", "OK", "Up", "CLOSED", "recovered", " ok "])
def test_words_that_resolve(word: str) -> None:
    assert read_one("generic", {"title": "x", "status": word}).action == "resolve"


@pytest.mark.parametrize("word", ["firing", "down", "not ok", "", None, 0, False, "acknowledge"])
def test_everything_else_fires(word: Any) -> None:
    assert read_one("generic", {"title": "x", "status": word}).action == "fire"


def test_the_key_is_made_of_title_and_attributes() -> None:
    body = {"title": "x", "attributes": {"a": 1, "b": 2}, "description": "first"}
    same = {"description": "then", "attributes": {"b": 2, "a": 1}, "title": "x", "status": "ok"}
    others = [body | {"title": "y"}, body | {"attributes": {"a": 1}}]
    keys = [read_one("generic", each).dedup_key for each in (body, same, *others)]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3
    assert read_one("generic", body).group_key == keys[0]


def test_an_empty_object_is_an_alert_without_a_title() -> None:
    alert = read_one("generic", {})
    assert (alert.action, alert.title, alert.severity) == ("fire", "", None)


def test_a_body_that_is_a_list_is_that_list() -> None:
    reading = read("generic", [{"title": "a"}, {"title": "b", "status": "ok"}])
    assert [(a.title, a.action) for a in reading.alerts] == [("a", "fire"), ("b", "resolve")]


def test_one_bad_element_keeps_nothing_from_the_others() -> None:
    reading = read("generic", [{"title": "a"}, "b", ["c"]])
    assert [a.title for a in reading.alerts] == ["a"]
    assert reading.remarks == ("body[1]: Not an object.", "body[2]: Not an object.")


@pytest.mark.parametrize("body", [None, "text", 5, True, ["text"]])
def test_what_holds_no_object_cannot_be_read(body: Any) -> None:
    with pytest.raises(Unreadable, match=r"^body"):
        read("generic", body)


def test_a_mapping_takes_the_place_of_the_names_it_has() -> None:
    body = {"title": "unused", "check": {"name": "Disk", "id": 7}, "severity": "low"}
    alert = read_one("generic", body, {"title": "check.name", "dedupKey": "check.id"})
    assert (alert.title, alert.dedup_key, alert.group_key) == ("Disk", "7", "7")
    assert alert.severity == "low"


def test_what_an_expression_does_not_find_is_missing() -> None:
    alert = read_one("generic", {"title": "unused", "severity": "low"}, {"title": "a.b"})
    assert (alert.title, alert.severity) == ("", "low")


def test_an_expression_yields_the_list_whose_elements_the_others_see() -> None:
    body = {"data": {"events": [{"n": "a"}, {"n": "b"}]}, "n": "outside"}
    reading = read("generic", body, {"alerts": "data.events", "title": "n"})
    assert [a.title for a in reading.alerts] == ["a", "b"]


def test_an_expression_that_yields_one_object_yields_a_list_of_it() -> None:
    assert read_one("generic", {"data": {"title": "a"}}, {"alerts": "data"}).title == "a"


def test_elements_may_be_anything_if_there_is_a_mapping() -> None:
    reading = read("generic", ["disk full", "load high"], {"title": "@"})
    assert [a.title for a in reading.alerts] == ["disk full", "load high"]
    assert len({a.dedup_key for a in reading.alerts}) == 2


def test_an_expression_that_yields_no_list_is_named() -> None:
    with pytest.raises(Unreadable, match=r"^alerts: Not a list or an object\."):
        read("generic", {"title": "x"}, {"alerts": "data.events"})


def test_an_empty_list_opens_nothing() -> None:
    reading = read("generic", {"events": []}, {"alerts": "events"})
    assert (reading.alerts, reading.remarks) == ((), ("alerts: The list is empty.",))


def test_json_inside_a_text_is_parsed_where_the_expression_meets_it() -> None:
    body = {"Message": json.dumps({"AlarmName": "CPU", "NewStateValue": "OK"})}
    mapping = {
        "title": "from_json(Message).AlarmName",
        "status": "from_json(Message).NewStateValue",
    }
    alert = read_one("generic", body, mapping)
    assert (alert.title, alert.action) == ("CPU", "resolve")


def test_a_text_that_is_no_json_is_null_and_a_value_is_itself() -> None:
    mapping = {"title": "from_json(Message).Name || Message"}
    assert read_one("generic", {"Message": "plain"}, mapping).title == "plain"
    assert read_one("generic", {"Message": {"Name": "raw"}}, mapping).title == "raw"


def test_an_expression_that_fails_is_in_the_remarks_and_loses_no_alert() -> None:
    body = [{"title": "a", "tags": ["x"]}, {"title": "b", "tags": None}, {"title": "c"}]
    reading = read("generic", body, {"description": "join(', ', tags)"})
    assert [a.title for a in reading.alerts] == ["a", "b", "c"]
    assert [a.description for a in reading.alerts] == ["x", None, None]
    assert reading.remarks == (
        "mapping: description cannot be applied: join() does not take null.",
    )
