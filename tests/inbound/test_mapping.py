"""The expressions of a mapping: checked when saved, and bounded when they run."""

from __future__ import annotations

import json
import time
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_service.errors import Unreadable
from incident_service.inbound.formats import check_mapping, interpreter
from incident_service.inbound.formats.expressions import Expressions
from incident_service.inbound.formats.generic import FIELDS
from tests.helpers.formats import read


def test_every_key_is_allowed() -> None:
    names = "title, description, severity, status, dedupKey, groupKey, link, component"
    assert ", ".join(FIELDS) == names
    check_mapping(dict.fromkeys((*FIELDS, "alerts"), "a.b[0] || `null`"))


@pytest.mark.parametrize(
    ("mapping", "fault"),
    [
        ({"labels": "a"}, "labels: Not one of title, "),
        ({"Title": "a"}, "Title: Not one of title, "),
        ({"title": ""}, "title: Length must be between 1 and 1000."),
        ({"title": "a" * 1001}, "title: Length must be between 1 and 1000."),
        ({"title": " "}, "title: Not a JMESPath expression"),
        ({"title": "a..b"}, "title: Not a JMESPath expression: see character 3."),
        ({"title": "a["}, "title: Not a JMESPath expression"),
        ({"title": "'x"}, "title: Not a JMESPath expression: see character 1."),
        ({"link": "split(a, b)"}, "link: There is no function split()."),
        ({"link": "a[?b(@)]"}, "link: There is no function b()."),
        ({"link": "join(a)"}, "link: join() takes another number of arguments."),
        ({"link": "not_null()"}, "link: not_null() takes another number of arguments."),
        ({"title": "(" * 400 + "a" + ")" * 400}, "title: Nested too deep."),
        ({"title": "!" * 999 + "a"}, "title: Nested too deep."),
        ({"title": "[" * 60 + "a" + "]" * 60}, "title: Nested too deep."),
    ],
)
def test_what_cannot_be_saved_is_named(mapping: dict[str, str], fault: str) -> None:
    with pytest.raises(ValueError) as error:
        check_mapping(mapping)
    assert str(error.value).startswith(fault)


@pytest.mark.filterwarnings("ignore:deprecated string literal:PendingDeprecationWarning")
@given(st.text(alphabet="ab.[]{}()*@&|!?:,'`\"<=>0 -_\\nul", min_size=1, max_size=60))
def test_what_can_be_saved_can_be_applied(expression: str) -> None:
    try:
        check_mapping({"title": expression})
    except ValueError:
        return
    read("generic", {"a": [{"b": 1}], "b": "b"}, {"title": expression})


HALF = "x" * 500_000

BODY: dict[str, Any] = {
    "numbers": [0] * 300_000,
    "objects": [{"a": number} for number in range(20_000)],
    "one": HALF[:200_000],
    "two": HALF[:200_000] + "y",
    "deep": json.loads("[" * 450 + "]" * 450),
}

HEAVY = [
    "[@,@][]" + "|[@,@][]" * 45,
    "join('',[one,two])" + "|join('',[@,@])" * 45,
    "[@,@]" + "|[@,@]" * 40 + "|to_string(@)",
    "{a:@" + "|[@,@]" * 40 + ",b:@" + "|[@,@]" * 40 + "}|a==b",
    "[@]" + "|[@,@]" * 40 + "|contains(@,[`1`])",
    "numbers[*]|[*]|[*]|[*]|[*]|[*]",
    "numbers[?@==`0`]|[?@==`0`]",
    "[" + "numbers[::-1]," * 60 + "one]",
    "objects[*].[a,a,a,a,a,a,a,a][][].[@,@,@,@,@]",
    "max_by(objects,&to_string(@))|to_string(@)",
    "[" + "one,two," * 120 + "one]|sort(@)|[?@<='x']",
    "join(one,[" + "one," * 150 + "two])",
    "[" + "contains(one,two)," * 50 + "one]",
    "[" + "reverse(one)," * 60 + "one]",
    "numbers[][][]|[@,@,@,@][]|[@,@,@,@][]",
    "map(&map(&[@,@],[@,@]),numbers)",
    "deep==deep || to_string(deep)",
]  # fmt: skip


@pytest.mark.parametrize("expression", HEAVY)
def test_no_expression_does_much_work_on_a_large_body(expression: str) -> None:
    check_mapping({"title": expression})
    begun = time.process_time()
    try:
        Expressions({"title": expression}).search("title", BODY)
    except Unreadable as error:
        assert error.message == "mapping: title does too much work on this body."
    assert time.process_time() - begun < 5  # about half a second, on a quiet machine


MIB = 1024 * 1024

TEXTS: dict[str, Any] = {
    "long": "x" * MIB,
    "wide": "\u1234" * (MIB // 3),
    "many": "[" + "0," * (MIB // 2 - 2) + "0]",
    "objects": "[" + "{}," * (MIB // 3 - 2) + "{}]",
    "keys": "[" + '{"a":0},' * (MIB // 8 - 2) + "{}]",
    "deep": "[" * MIB,
    "number": "0." + "1" * (MIB - 2),
    "two": ["x" * (MIB // 2), "x" * (MIB // 2 - 1) + "y"],
}

TIMES = 100
OFTEN = "[" + ",".join(["x"] * TIMES) + "]"

STEPS = [
    "from_json(x)", "from_json(join('', [x, '']))", "reverse(x)", "to_string([x])", "to_number(x)",
    "join(x, ['', ''])", "contains(x, 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxy')",
    "sort(x)", "max(x)", "sort([x, x])", "max_by([x, x], &@)", "sort_by(x, &@)",
    "sort_by([x, x], &to_string([@]))", "join('', x)", "contains(x, 'y')", "[x] == [x]",
    "merge({a: x}, {b: x})", "to_string(x)", "length(to_string({a: x}))",
]  # fmt: skip


def work_of(expression: str, value: Any) -> tuple[int, int]:
    """Return the units that are counted for an expression, and its peak of memory in bytes."""
    expressions = Expressions({"title": expression})
    work = expressions._interpreter._work
    tracemalloc.start()
    try:
        expressions.search("title", {"x": value})
    except Unreadable:
        pass
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return interpreter.WORK - work._left, peak


@pytest.mark.parametrize("text", TEXTS)
def test_no_step_takes_much_memory_however_often(text: str) -> None:
    for step in STEPS:
        _, peak = work_of(step, TEXTS[text])
        assert peak < 32 * MIB, step
        _, peak = work_of(f"map(&{step.replace('x', '@', 1)}, {OFTEN})", TEXTS[text])
        assert peak < 32 * MIB, step


@pytest.mark.parametrize(
    "step", ["reverse(x)", "to_string([x])", "join(x,['',''])", "to_number(x)"]
)
def test_what_goes_in_is_counted(step: str) -> None:
    short, _ = work_of(step, "1" * 1000)
    long, _ = work_of(step, "1" * 100_000)
    assert long >= short + 99_000 // 10


@pytest.mark.parametrize(
    "step", ["sort(x)", "sort_by(x,&@)", "contains(x,'y')", "max(x)", "min(x)"]
)
def test_long_texts_in_a_list_are_counted(step: str) -> None:
    short, _ = work_of(step, ["a" * 10] * 2)
    long, _ = work_of(step, ["a" * 100_000] * 2)
    assert long >= short + 200_000 // 100


def test_what_comes_out_of_a_text_is_counted_before_it_is_parsed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parsed: list[str] = []
    monkeypatch.setattr(json, "loads", parsed.append)
    for text in ("objects", "keys", "many"):
        used, _ = work_of("from_json(x)", TEXTS[text])
        assert used > interpreter.WORK
    assert parsed == []


def test_the_same_text_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    monkeypatch.setattr(json, "loads", parsed.append)
    work_of(f"map(&from_json(@), {OFTEN})", '{"a": [1, 2]}')
    assert parsed == ['{"a": [1, 2]}']


@pytest.mark.parametrize("name", ["title", "alerts", "dedupKey"])
@pytest.mark.parametrize("step", ["[@,@]", "{a:@,b:@}", "{attributes:{a:@,b:@}}"])
def test_what_is_found_is_bounded_too(name: str, step: str) -> None:
    expression = "|".join([step] * 40)
    check_mapping({name: expression})
    with pytest.raises(Unreadable, match="too much work"):
        read("generic", {"title": "x"}, {name: expression})


def test_the_work_is_bounded_for_all_the_alerts_of_a_body_together() -> None:
    parts = [0] * 1000
    alerts = [{"title": str(number), "parts": parts} for number in range(500)]
    reading = read("generic", alerts, {"description": "parts[*]"})
    assert [a.title for a in reading.alerts] == [str(n) for n in range(len(reading.alerts))]
    assert 100 < len(reading.alerts) < 500
    assert set(reading.remarks[:-1]) == {"mapping: description does too much work on this body."}
    assert reading.remarks[-1] == f"There are {500 - len(reading.alerts) - 20} more."


def test_a_thousand_alerts_of_a_full_mapping_fit() -> None:
    expression = "not_null(a.b.c[0].d, a.b || 'x', join('/', [id, id]), `1`)"
    mapping = dict.fromkeys(FIELDS, expression)
    reading = read("generic", [{"id": str(number)} for number in range(1000)], mapping)
    assert (len(reading.alerts), reading.remarks) == (1000, ())


def test_a_fault_does_not_show_the_value() -> None:
    reading = read("generic", {"secret": "hunter2"}, {"title": "sum(secret)"})
    assert reading.remarks == ("mapping: title cannot be applied: sum() does not take string.",)


@pytest.mark.parametrize("expression", ["ceil(to_number('inf'))", "&a", "[&a]", "{a: &b}"])
def test_what_the_library_does_not_foresee_is_a_fault_or_a_text(expression: str) -> None:
    assert len(read("generic", {"a": 1}, {"title": expression}).alerts) == 1
