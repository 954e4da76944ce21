"""The JMESPath expressions of a mapping: checked when saved, applied to a body (contract §10)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Any

from jmespath import exceptions, parser

from incident_service.errors import Unreadable
from incident_service.inbound.formats.interpreter import Functions, Interpreter, TooMuchWork, Work

MAX_LENGTH = 1000
MAX_DEPTH = 50


class Expressions:
    """The expressions of a mapping, for one body. `faults`: sentences on those that failed."""

    def __init__(self, mapping: Mapping[str, str]) -> None:
        self._mapping = mapping
        self._interpreter = Interpreter()
        self._found = Work()
        self.faults: list[str] = []

    def __contains__(self, name: str) -> bool:
        return name in self._mapping

    def __bool__(self) -> bool:
        return bool(self._mapping)

    def search(self, name: str, value: Any) -> Any:
        """Return what the expression finds in the value; `None` if it fails.

        Raises `Unreadable` if the expressions do too much work on this body.
        """
        try:
            found = self._interpreter.visit(_parse(self._mapping[name]), value)
            self._found.count_all_of(found)  # it may hold the same part a million times
            return found
        except TooMuchWork:
            raise Unreadable(f"mapping: {name} does too much work on this body.") from None
        except Exception as error:  # the library's own slips too: it cannot round infinity
            sentence = f"mapping: {name} cannot be applied{_reason(error)}."
            if sentence not in self.faults:
                self.faults.append(sentence)
            return None


def _reason(error: Exception) -> str:
    """Return why an expression fails. The library's own text shows the value, whatever its size."""
    if isinstance(error, exceptions.JMESPathTypeError):
        return f": {error.function_name}() does not take {error.actual_type}"
    return ""


def check(expression: str) -> None:
    """Raise `ValueError` with a sentence if the expression is not one that can be applied."""
    if not 1 <= len(expression) <= MAX_LENGTH:
        raise ValueError(f"Length must be between 1 and {MAX_LENGTH}.")
    try:
        nodes = list(_nodes(_parse(expression)))
    except exceptions.JMESPathError as error:
        position = getattr(error, "lex_position", None)
        place = "" if position is None else f": see character {position + 1}"
        raise ValueError(f"Not a JMESPath expression{place}.") from None
    except RecursionError:
        raise ValueError("Nested too deep.") from None
    # The library's parser goes deeper with each parenthesis, and leaves none among the nodes.
    open_at = accumulate((mark == "(") - (mark == ")") for mark in expression)
    if max(*open_at, *(depth for depth, _ in nodes)) > MAX_DEPTH:
        raise ValueError("Nested too deep.")
    for _, node in nodes:
        if node["type"] == "function_expression":
            _check_call(node["value"], len(node["children"]))


def _check_call(name: str, count: int) -> None:
    function = Functions.FUNCTION_TABLE.get(name)
    if function is None:
        raise ValueError(f"There is no function {name}().")
    signature = function["signature"]
    is_variadic = bool(signature) and bool(signature[-1].get("variadic"))
    if count < len(signature) or (count > len(signature) and not is_variadic):
        raise ValueError(f"{name}() takes another number of arguments.")


def _parse(expression: str) -> Any:
    """Return the expression's root. The library keeps the latest 512."""
    return parser.Parser().parse(expression).parsed


def _nodes(root: Any) -> Iterator[tuple[int, Any]]:
    """Yield every node of an expression, with how deep it is."""
    pending = [(1, root)]
    while pending:
        depth, node = pending.pop()
        yield depth, node
        # A slice has numbers in the place of nodes.
        pending.extend((depth + 1, child) for child in node["children"] if isinstance(child, dict))
