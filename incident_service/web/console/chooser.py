"""Picks things in a form without JavaScript: by ticks if they are few, else by their names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from incident_service.store import Row
from incident_service.web.console.forms import Form
from incident_service.words import words

FEW = 24
"""So many things are all shown, to be ticked."""

SUGGESTED_AT_MOST = 1000
"""How many names a browser is given to complete what is typed."""

ASKED_AT_MOST = 10
"""How many things that what was typed may mean are offered."""

TYPED = "Typed"
"""A field's name with this behind it is that of the text field beside it."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A thing that can be picked."""

    id: str
    name: str
    detail: str = ""
    """What tells it from others of its name: an email."""

    @property
    def typed(self) -> str:
        """What to type to mean this thing and no other."""
        return self.detail or self.name


class Chooser:
    """Picks any of a number of things by fields of a form that hold lists of their ids."""

    def __init__(self, choices: Iterable[Choice]) -> None:
        self._choices = sorted(choices, key=lambda choice: (choice.name.casefold(), choice.id))
        self._by_id = {choice.id: choice for choice in self._choices}

    @property
    def has_few(self) -> bool:
        """Whether all things are shown; else names are typed."""
        return len(self._choices) <= FEW

    @property
    def suggestions(self) -> list[Choice]:
        """What a browser may complete."""
        return [] if self.has_few else self._choices[:SUGGESTED_AT_MOST]

    def shown(self, picked: Sequence[str]) -> list[Choice]:
        """Return the things to show with a tick: what is picked, in its order; if few, the rest."""
        first = [self._by_id[id] for id in dict.fromkeys(picked) if id in self._by_id]
        rest = self._choices if self.has_few else []
        return first + [choice for choice in rest if choice not in first]

    def name_of(self, id: str) -> str:
        """Return the name of a thing; its id if there is no such thing."""
        return self._by_id[id].name if id in self._by_id else id

    @property
    def options(self) -> list[tuple[str, str]]:
        """The ids and names of all things."""
        return [(choice.id, choice.name) for choice in self._choices]

    def meant(self, text: str) -> list[Choice]:
        """Return what a text may mean: the thing of that email or name, else all that fit.

        Each word of the text is then the beginning of a word of the thing's.
        """
        sought = text.strip().casefold()
        for part in ("detail", "name"):
            found = [each for each in self._choices if getattr(each, part).casefold() == sought]
            if sought and found:
                return found
        beginnings = words(text)
        return [each for each in self._choices if beginnings and _fits(each, beginnings)]

    def take(self, raw: Any, name: str) -> None:
        """Turn what was typed beside a field into an id in the field, if it means one thing.

        `raw`: what was sent for the object that has the field. What is unclear stays there.
        """
        if not isinstance(raw, dict):
            return
        picked = raw.get(name, [])
        text = "".join(_texts(raw.pop(name + TYPED, [])))
        if not text.strip() or not isinstance(picked, list):
            return
        meant = self.meant(text)
        if len(meant) == 1:
            raw[name] = [*picked, *(each.id for each in meant if each.id not in picked)]
        else:
            raw[name + TYPED] = [text]

    def question(self, form: Form, name: str) -> Question | None:
        """Return what to ask about what was typed beside a field, if it is unclear."""
        text = form.value(name + TYPED)
        return Question(text, self.meant(text)) if text else None

    def is_clear(self, form: Form, names: Iterable[str]) -> bool:
        """Whether all that was typed beside these fields is clear; else the form says what not."""
        unclear = {name: self.question(form, name) for name in names}
        if form.is_sent:
            for name, question in unclear.items():
                if question:
                    form.faults[name] = [question.sentence]
        return not any(unclear.values())


@dataclass(frozen=True, slots=True)
class Question:
    """What to ask about a text that means no thing, or several."""

    text: str
    meant: list[Choice]

    @property
    def offered(self) -> list[Choice]:
        """What to offer, to be ticked."""
        return self.meant[:ASKED_AT_MOST]

    @property
    def sentence(self) -> str:
        """What to say."""
        if not self.meant:
            return f"Nothing here is called {self.text}."
        more = len(self.meant) - ASKED_AT_MOST
        rest = f" {more} more fit: type more of the name." if more > 0 else ""
        return f"Which do you mean by {self.text}?{rest}"


def people(users: Iterable[Row], name_of: Callable[[Row], str]) -> Chooser:
    """Return what picks users; `name_of` gives a user's display name."""
    return Chooser(choices(users, name_of))


def choices(users: Iterable[Row], name_of: Callable[[Row], str]) -> list[Choice]:
    """Return users as things to pick from."""
    return [Choice(user["id"], name_of(user), user["email"]) for user in users]


def _fits(choice: Choice, beginnings: Sequence[str]) -> bool:
    has = words(f"{choice.name} {choice.detail}")
    return all(any(word.startswith(beginning) for word in has) for beginning in beginnings)


def _texts(raw: Any) -> list[str]:
    return [text for text in raw if isinstance(text, str)] if isinstance(raw, list) else []
