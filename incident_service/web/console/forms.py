"""Forms: read by the API's own schemas, and shown again with what was typed and what is wrong.

A field's name is its path in the API's body: `windows[0].start`. What a browser can only send as
text becomes what JSON would have: numbers, lists, true and false, instants with an offset.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import marshmallow as ma
from flask import request
from marshmallow import fields
from werkzeug.exceptions import BadRequest

from incident_service.clock import format_instant
from incident_service.errors import NotFound, RuleBroken, ValidationFailed
from incident_service.http.acting import write
from incident_service.http.body import NO_TEXT, is_clean
from incident_service.http.fields import Instant
from incident_service.http.parser import refuse
from incident_service.oncall.rotation import instant_of
from incident_service.web.console import zones

MAX_ROWS = 100
"""How many rows a list of a form can have."""

MAX_STEPS = 10
"""How deep a field can be in its form."""

_STEP = re.compile(r"\[([0-9]{1,3})\]|\.?([^.\[\]]{1,255})")
_NAME = re.compile(r"[^.\[\]]+(?:\[[0-9]{1,3}\]|\.[^.\[\]]+)*")
_FAULT_PLACE = re.compile(r"((?:\[[0-9]+\]|\.[^:\s.\[\]]+)+): (.*)", re.DOTALL)
_LOCAL = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2})?", re.ASCII)

_WAS = "was"
"""The field that says what was to be changed when its form was opened."""

CHANGED_MEANWHILE = (
    "Nothing was saved: it was changed since you opened this page. Save again to replace that with "
    "what is here."
)

_OWN = frozenset({"csrf_token", _WAS})
"""What forms have beside the fields of their schema; so are names that begin with `_`."""

Raw = dict[str | int, Any]
"""What was sent, nested: each leaf is the list of the texts that have its name."""


class Form:
    """A form: what it shows, what was sent, and what is wrong with it.

    `values` is what it shows at first, as the API would answer it. `prepare` may change what was
    sent before the schema reads it. `is_posted` is false for the other forms of a page that shows
    one which was sent.
    """

    def __init__(
        self,
        schema: ma.Schema,
        values: Mapping[str, Any] | None = None,
        *,
        prepare: Callable[[Raw], Raw] = lambda raw: raw,
        is_posted: bool = True,
    ) -> None:
        self.faults: dict[str, list[str]] = {}
        """By field: sentences that say what is wrong with what was sent."""
        self.error = ""
        """What is wrong with it as a whole: a rule that it would break."""
        self.code = ""
        """The code of the rule that it would break."""
        self.result: Any = None
        """What `save` got."""
        self._schema = schema
        self._is = _digest(values or {}, self._names)
        self._raw: Raw = {}
        self._added: set[str] = set()
        if is_posted and request.method == "POST":
            self._raw = _nested(request.form)
            self._edit_rows()
            self._raw = prepare(_closed_up(self._raw, with_empty=not self.is_sent))
            self._shown = dict(_flat(self._raw))
        else:
            self._shown = dict(_flat(_as_sent(dict(values or {}))))

    @property
    def is_sent(self) -> bool:
        """Whether the form is to be saved; buttons that only change the form begin with `_`."""
        buttons = (name for name in request.form if name.startswith("_"))
        return request.method == "POST" and not any(buttons)

    def dump(self, values: Any) -> dict[str, Any]:
        """Return what `read` returned as the JSON that the schema reads."""
        dumped: dict[str, Any] = self._schema.dump(values)
        return dumped

    def wants(self, button: str) -> bool:
        """Whether the button `_<button>` was pressed."""
        return f"_{button}" in request.form

    def read(self) -> Any:
        """Return what was sent, as the schema has it, or `None` if it is wrong; see `faults`."""
        shown = self._shown.items()
        unclean = {name: [NO_TEXT] for name, values in shown if not _clean([name, *values])}
        try:
            if unclean:
                raise ValidationFailed(unclean)
            try:
                return self._schema.load(_by_schema(self._schema, self._raw))
            except ma.ValidationError as error:
                refuse(error)
        except ValidationFailed as error:
            self.refuse(error)
        return None

    def save(self, work: Callable[..., Any], *args: Any) -> bool:
        """Run `work(db, caller, *args, values, now=…)` as one write, if the values are right.

        Returns whether it was done; `result` is what it returned. Else the form says why not, also
        if what it changes is not what it was when the form was opened.
        """
        values = self.read()
        if self.was != self._is:
            self.error = CHANGED_MEANWHILE
            return False
        return values is not None and self.run(work, *args, values)

    def run(self, work: Callable[..., Any], *args: Any) -> bool:
        """As `save`, with nothing but the arguments given."""
        try:
            self.result = write(work, *args)
        except ValidationFailed as error:
            self.refuse(error)
        except (RuleBroken, NotFound) as error:
            self.take(error)
        else:
            return True
        return False

    def take(self, error: RuleBroken | NotFound, place: str = "") -> None:
        """Take up a rule that would be broken, at its field if it names one.

        `place`: a pattern of what may come before the field's name, if the form is about a part of
        what was asked for.
        """
        self.code = error.code
        name, _, sentence = error.message.partition(": ")
        name = re.sub(rf"^{place}", "", name)
        if name in self._names:
            self.faults[name] = [sentence]
        else:
            self.error = error.message

    def refuse(self, error: ValidationFailed) -> None:
        """Take up the faults of an error, each at its field."""
        for name, sentences in error.errors.items():
            for sentence in sentences:
                place = _FAULT_PLACE.fullmatch(sentence)
                path, text = (name + place[1], place[2]) if place else (name, sentence)
                self.faults.setdefault(path, []).append(text)

    @property
    def status(self) -> int:
        """The status of the answer that shows the form."""
        return 400 if self.faults or self.error else 200

    @property
    def was(self) -> str:
        """What the form showed when it was opened, as text that each change of it changes."""
        sent = "" if self.error == CHANGED_MEANWHILE else request.form.get(_WAS, "")
        return sent or self._is

    def value(self, name: str) -> str:
        """Return the text that a field shows."""
        values = self._shown.get(name, [])
        return values[-1] if values else ""

    def values(self, name: str) -> list[str]:
        """Return the texts of a field that can have several."""
        return self._shown.get(name, [])

    def lines(self, name: str) -> str:
        """Return the texts of a field that can have several, a line each."""
        return "\n".join(self.values(name))

    def entries(self, name: str) -> list[tuple[str, str]]:
        """Return the keys and texts of a field that holds values by key."""
        start = f"{name}."
        keys = [path.removeprefix(start) for path in self._shown if path.startswith(start)]
        return [(key, self.value(start + key)) for key in keys]

    def fault(self, name: str) -> str:
        """Return what is wrong with a field or with what is in it; empty if nothing is."""
        own = [
            sentence
            for path, sentences in self.faults.items()
            if path == name or path.startswith((f"{name}[", f"{name}."))
            for sentence in sentences
        ]
        return " ".join(own)

    def summary(self, labels: Mapping[str, str]) -> list[tuple[str, str, str]]:
        """Return what is wrong: the name of each field, its label, and the sentences about it.

        `labels`: by name, with `[]` for each number, and `{}` in the label for it, counted from 1.
        """
        found: dict[tuple[str, str], list[str]] = {}
        for path, sentences in self.faults.items():
            name, label = _labelled(path, labels)
            found.setdefault((name, label), []).extend(sentences)
        return [(name, label, " ".join(sentences)) for (name, label), sentences in found.items()]

    def rows(self, name: str, least: int = 1) -> range:
        """Return the numbers of the rows that a list has."""
        start = f"{name}["
        paths = (path for path in self._shown if path.startswith(start))
        taken = (int(path[len(start) :].partition("]")[0]) for path in paths)
        count = max((number + 1 for number in taken), default=0)
        return range(min(max(least, count + (name in self._added)), MAX_ROWS))

    @property
    def _names(self) -> set[str]:
        return {str(field.data_key or name) for name, field in self._schema.fields.items()}

    def _edit_rows(self) -> None:
        """Do what the buttons for rows say: `_add`, `_remove` and `_up`."""
        self._added = {request.form["_add"]} if "_add" in request.form else set()
        for button in ("_remove", "_up"):
            steps = _steps(request.form.get(button, ""))
            if not steps or not isinstance(steps[-1], int):
                continue
            rows: Any = self._raw
            for step in steps[:-1]:
                rows = rows.get(step, {}) if isinstance(rows, dict) else {}
            number = steps[-1]
            if isinstance(rows, list):
                _edit_list(rows, number, button)
            elif number in rows:
                keys = sorted(key for key in rows if isinstance(key, int))
                left = [rows[key] for key in keys]
                _edit_list(left, keys.index(number), button)
                rows.clear()
                rows.update(enumerate(left))


def _edit_list(rows: list[Any], number: int, button: str) -> None:
    if button == "_remove":
        del rows[number : number + 1]
    elif 0 < number < len(rows):
        rows[number - 1], rows[number] = rows[number], rows[number - 1]


def _digest(values: Mapping[str, Any], names: Iterable[str]) -> str:
    shown = [values.get(name) for name in sorted(names)]
    return hashlib.sha256(json.dumps(shown).encode()).hexdigest()[:16]


def keep_untouched(raw: Raw, values: Mapping[str, Any], *names: str) -> Raw:
    """Let instants that were not touched stay as they were spelt: a form shows whole minutes."""
    for name in names:
        stored = values.get(name)
        if stored is not None and raw.get(name) == [zones.in_form(stored)]:
            raw[name] = [stored]
    return raw


def _labelled(path: str, labels: Mapping[str, str]) -> tuple[str, str]:
    """Return the name and label of the field at a path, or of the field that it is in."""
    name = path
    while name:
        label = labels.get(re.sub(r"\[[0-9]+\]", "[]", name))
        if label is not None:
            numbers = (int(number) + 1 for number in re.findall(r"\[([0-9]+)\]", name))
            return name, label.format(*numbers)
        name = name[: max(name.rfind("["), name.rfind("."), 0)]
    return path, path


def as_fields(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return JSON as the names and texts of the fields that would send it."""
    return [(name, text) for name, texts in _flat(_as_sent(dict(values))) for text in texts]


def _steps(name: str) -> list[str | int]:
    """Return the steps of a field's path; none if it is no path."""
    if not _NAME.fullmatch(name):
        return []
    return [int(number) if number else step for number, step in _STEP.findall(name)]


def _nested(form: Any) -> Raw:
    """Return what was sent. Raises `BadRequest` for a name that no field of ours can have."""
    raw: Raw = {}
    for name, texts in form.lists():
        if name in _OWN or name.startswith("_"):
            continue
        steps = _steps(name)
        if not 0 < len(steps) <= MAX_STEPS:
            raise BadRequest("This form has a field that no page of this service has.")
        place = raw
        for step in steps[:-1]:
            deeper = place.setdefault(step, {})
            place = deeper if isinstance(deeper, dict) else {}
        place[steps[-1]] = [text.replace("\r\n", "\n") for text in texts]
    return raw


def _is_empty(raw: Any) -> bool:
    return all(map(_is_empty, raw.values())) if isinstance(raw, dict) else not any(raw)


def _closed_up(raw: Any, *, with_empty: bool) -> Any:
    """Return what was sent with the rows of its lists numbered 0, 1, 2, in order.

    `with_empty`: whether those in which nothing was typed are kept.
    """
    if not isinstance(raw, dict):
        return raw
    if raw and all(isinstance(key, int) for key in raw):
        kept = (raw[key] for key in sorted(raw) if with_empty or not _is_empty(raw[key]))
        return {n: _closed_up(row, with_empty=with_empty) for n, row in enumerate(kept)}
    return {key: _closed_up(value, with_empty=with_empty) for key, value in raw.items()}


def _as_sent(value: Any) -> Any:
    """Return JSON as a form would send it."""
    if isinstance(value, Mapping):
        return {key: _as_sent(nested) for key, nested in value.items()}
    if isinstance(value, list | tuple):
        if any(isinstance(item, Mapping) for item in value):
            return {number: _as_sent(item) for number, item in enumerate(value)}
        return [_text(item) for item in value]
    return [] if value is None else [_text(value)]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _flat(raw: Any, name: str = "") -> Iterator[tuple[str, list[str]]]:
    if not isinstance(raw, dict):
        yield name, raw
        return
    for step, nested in raw.items():
        deeper = f"[{step}]" if isinstance(step, int) else f".{step}" if name else str(step)
        yield from _flat(nested, name + deeper)


def _clean(texts: list[str]) -> bool:
    return all(map(is_clean, texts))


def _by_schema(schema: ma.Schema, raw: Raw) -> dict[str, Any]:
    """Return the JSON that the schema reads."""
    known = {field.data_key or name: field for name, field in schema.load_fields.items()}
    return {
        str(name): _convert(known[name], value) if name in known else value
        for name, value in raw.items()
    }


def _convert(field: ma.fields.Field[Any], raw: Any) -> Any:
    if isinstance(field, fields.Nested) and isinstance(raw, dict):
        return None if _is_empty(raw) else _by_schema(field.schema, raw)
    if isinstance(field, fields.List):
        rows = raw.values() if isinstance(raw, dict) else ([line] for line in _lines(raw))
        items = [_convert(field.inner, row) for row in rows]  # in order by now
        return items if items or _may_be_empty(field) else None
    if isinstance(field, fields.Dict):
        if not isinstance(raw, dict):
            return None
        given = {key: value for key, value in raw.items() if not _is_empty(value)}
        inner = field.value_field or fields.Raw()
        return {str(key): _convert(inner, value) for key, value in given.items()}
    return raw if isinstance(raw, dict) else _scalar(field, raw[-1] if raw else "")


def _lines(texts: list[str]) -> Iterator[str]:
    return (line for text in texts for line in text.split("\n") if line.strip())


def _may_be_empty(field: ma.fields.Field[Any]) -> bool:
    """Whether an empty list is a value of the field; else an optional one is null then."""
    lengths = (each for each in field.validators if isinstance(each, ma.validate.Length))
    return field.required or not any(length.min for length in lengths)


def _scalar(field: ma.fields.Field[Any], text: str) -> Any:
    if not text.strip():
        return "" if field.required else None
    if isinstance(field, fields.Boolean):
        return {"true": True, "false": False}.get(text, text)
    if isinstance(field, fields.Integer):
        return int(text) if re.fullmatch(r"\s*-?[0-9]{1,18}\s*", text) else text
    if isinstance(field, Instant) and _LOCAL.fullmatch(text):
        return _instant(text)
    return text


def _instant(text: str) -> str:
    """Return what a date and time field says, in the viewer's zone, with its offset."""
    try:
        return format_instant(instant_of(datetime.fromisoformat(text), zones.zone()))
    except (ValueError, OverflowError):
        return text
