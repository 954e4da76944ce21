"""The words of a text, as search sees them: letter case and accents aside (contract §3)."""

from __future__ import annotations

import unicodedata

MAX_LENGTH = 64
"""Of a longer word only so many characters count."""

_MARKS_OF_LETTERS = {0, 7, 9, 84, 91, 103, 107, 118, 122, 129, 130, 132}
"""The combining classes of marks that are no accents: vowels of Indic scripts, Thai and so on."""

_WORDS_OF_ONE = ("CJK UNIFIED IDEOGRAPH", "HIRAGANA LETTER")
"""How the names of characters begin that are words by themselves: no spaces are between words."""

_ZERO_WIDTH_SPACE = "\u200b"


def words(text: str) -> list[str]:
    """Return the distinct words, in the order in which they first occur.

    A word is made of letters, digits and their marks. Cutting a word again gives the same word.
    """
    found = unicodedata.normalize("NFKD", text).translate(_SEEN).split()
    return list(dict.fromkeys(word[:MAX_LENGTH] for word in found))


class _Seen(dict[int, str]):
    """What search sees of each character; it is filled as characters come up."""

    def __missing__(self, code: int) -> str:
        seen = self[code] = _seen(chr(code))
        return seen


_SEEN = _Seen()


def _seen(character: str) -> str:
    category, name = unicodedata.category(character), unicodedata.name(character, "")
    if category[0] == "M":
        is_kept = unicodedata.combining(character) in _MARKS_OF_LETTERS
        return character if is_kept and category != "Me" and "VARIATION" not in name else ""
    if category == "Cf" and character != _ZERO_WIDTH_SPACE:
        return ""  # it joins letters, or says which way they run
    if category[0] not in "LN":
        return " "
    if name.startswith(_WORDS_OF_ONE):
        return f" {character} "
    return character.casefold()
