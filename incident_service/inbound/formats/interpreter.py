"""Runs a JMESPath expression, and stops one that would do too much work (contract §10).

A few characters can double a list or a text again and again. So every step is counted before it is
done, by the size of what goes in and of what comes out. A unit is about a microsecond, and at most
about a hundred bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from jmespath import ast, functions, visitor

WORK = 300_000
"""For a whole body: 1,000 alerts with a mapping of eight expressions of 30 steps each."""


class TooMuchWork(Exception):
    """The work for one body is used up."""


class Work:
    """Counts what is done for one body."""

    def __init__(self) -> None:
        self._left = WORK

    def count(self, units: int) -> None:
        """Count the units. Raises `TooMuchWork` if there are no more."""
        self._left -= units
        if self._left < 0:
            raise TooMuchWork

    def count_reading(self, value: Any) -> None:
        """Count going through a text, or the elements of a list or an object."""
        if isinstance(value, str):
            self.count(len(value) // 100)
        elif isinstance(value, list | dict):
            self.count(len(value))
            texts = (len(part) for part in value if isinstance(part, str))
            self.count(sum(texts) // 100)

    def count_all_of(self, value: Any) -> None:
        """Count every part of a value, each as often as it is in there."""
        pending = [value]
        while pending:
            part = pending.pop()
            self.count(1)
            if isinstance(part, str):
                self.count(len(part) // 10)
            elif isinstance(part, list):
                self.count(len(part))
                pending.extend(part)
            elif isinstance(part, dict):
                self.count(len(part))
                pending.extend(part.values())


class Functions(functions.Functions):
    """The functions of JMESPath, and `from_json`."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._inside: dict[str, Any] = {}
        """What is inside the texts that were parsed, by the text: most are met more than once."""

    def call_function(self, function_name: str, resolved_args: Iterable[Any]) -> Any:
        """Return what a function yields."""
        for argument in resolved_args:
            self._work.count_reading(argument)
        return super().call_function(function_name, resolved_args)

    @functions.signature({"types": []})
    def _func_from_json(self, value: Any) -> Any:
        """Return what is inside a text that is JSON, null for another text, else the value."""
        if not isinstance(value, str):
            return value
        if value not in self._inside:
            parts = sum(map(value.count, ",:[{"))
            self._work.count(len(value) // 16 + parts)
            try:
                self._inside[value] = json.loads(value)
            except (ValueError, RecursionError):
                self._inside[value] = None
        return self._inside[value]

    @functions.signature({"types": ["string"]}, {"types": ["array-string"]})
    def _func_join(self, separator: str, texts: list[str]) -> str:
        self._work.count((len(separator) * len(texts) + sum(map(len, texts))) // 10)
        return separator.join(texts)

    @functions.signature({"types": []})
    def _func_to_string(self, value: Any) -> str:
        if isinstance(value, str):
            return value
        self._work.count_all_of(value)
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    @functions.signature({"types": ["array", "string"]}, {"types": []})
    def _func_contains(self, subject: Any, search: Any) -> bool:
        if isinstance(search, list | dict):
            self._work.count_all_of(subject)
        elif isinstance(subject, str) and isinstance(search, str):
            self._work.count(len(subject) * min(len(search), 100) // 1000)
        return search in subject

    @functions.signature({"types": ["array", "string"]})
    def _func_reverse(self, value: Any) -> Any:
        if isinstance(value, str):
            self._work.count(len(value) // 10)
        return value[::-1]

    @functions.signature({"types": ["array-string", "array-number"]})
    def _func_sort(self, values: list[Any]) -> list[Any]:
        for value in values:
            self._count_comparing(value, len(values))
        return sorted(values)

    @functions.signature({"types": []})
    def _func_to_number(self, value: Any) -> Any:
        if isinstance(value, str):
            self._work.count(len(value) // 10)
        return super()._func_to_number(value)  # type: ignore[misc]

    def _create_key_func(self, *args: Any) -> Callable[[Any], Any]:
        """Return what yields the value that an element is sorted by."""
        key_of = super()._create_key_func(*args)  # type: ignore[misc]

        def counted(element: Any) -> Any:
            key = key_of(element)
            self._count_comparing(key, WORK)
            return key

        return counted

    def _count_comparing(self, value: Any, number: int) -> None:
        """Count what it takes to sort a value among a number of others."""
        if isinstance(value, str):
            self._work.count(len(value) * number.bit_length() // 1000)


class Interpreter(visitor.TreeInterpreter):
    """Runs any number of expressions, with one amount of work for all."""

    def __init__(self) -> None:
        self._work = Work()
        super().__init__(visitor.Options(custom_functions=Functions(self._work)))

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
        """Return what a node yields."""
        self._work.count(1)
        value = super().visit(node, *args, **kwargs)
        if isinstance(value, str):
            self._work.count(len(value) // 1000)
        return value

    def visit_flatten(self, node: Any, value: Any) -> Any:
        """Return a list without the lists in it."""
        base = self.visit(node["children"][0], value)
        if isinstance(base, list):
            self._work.count(sum(len(item) if isinstance(item, list) else 1 for item in base))
        return super().visit_flatten(_on(node, base), value)

    def visit_slice(self, node: Any, value: Any) -> Any:
        """Return a part of a list."""
        if isinstance(value, list):
            self._work.count(len(value) // 10)
        return super().visit_slice(node, value)

    def visit_comparator(self, node: Any, value: Any) -> Any:
        """Return whether a comparison holds."""
        sides = [self.visit(child, value) for child in node["children"]]
        if all(isinstance(side, list | dict) for side in sides):
            self._work.count_all_of(sides)
        return super().visit_comparator(_on(node, *sides), value)


def _on(node: Any, *values: Any) -> Any:
    """Return the node with values in the place of what yields them."""
    return {**node, "children": [ast.literal(value) for value in values]}
