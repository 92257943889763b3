"""Text as the classifiers read it: typed and spoken forms made alike, data replaced by what they are."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

_FOLDED = str.maketrans({"ß": "ss", "ä": "ae", "ö": "oe", "ü": "ue"})
_NUMBER = re.compile(r"\d+(?:[ .,:/-]*\d+)*")
_ANY_NUMBER = "0"


class Span(NamedTuple):
    """A value found in a text: its characters `start` to `end` (exclusive) are an `entity`."""

    start: int
    end: int
    entity: str


def fold(text: str) -> str:
    """The words of a text in lower case without umlauts; punctuation goes, an emoji is a word."""
    letters = unicodedata.normalize("NFKC", text).lower().translate(_FOLDED)
    return " ".join("".join(map(_character, letters)).split())


def mask(text: str, spans: Iterable[Span]) -> str:
    """The folded text in which each span is one word naming its entity and other numbers are `0`."""
    pieces = _replaced(text, spans, lambda piece: _without_numbers(fold(piece)), _placeholder)
    return " ".join(" ".join(pieces).split())


def plain(text: str, spans: Iterable[Span]) -> str:
    """The text in lower case with numbers and spans as `0`: what a sentence encoder reads."""
    pieces = _replaced(text, spans, lambda piece: _without_numbers(piece.lower()), lambda _: _ANY_NUMBER)
    return "".join(pieces).strip()


def _replaced(
    text: str, spans: Iterable[Span], keep: Callable[[str], str], replace: Callable[[str], str]
) -> Iterator[str]:
    """The pieces of a text: `keep` of what lies between the spans, `replace` of each span's entity."""
    end = 0
    for span in sorted(spans):
        if span.start >= end:
            yield keep(text[end : span.start])
            yield replace(span.entity)
            end = span.end
    yield keep(text[end:])


def _placeholder(entity: str) -> str:
    """The word for an entity: letters only, and none that a customer writes."""
    return f"{fold(entity).replace(' ', '')}zzz"


def _without_numbers(text: str) -> str:
    return _NUMBER.sub(_ANY_NUMBER, text)


def _character(character: str) -> str:
    """Letters and digits stay, emoji become words, marks that only modify go, anything else parts words."""
    if character.isalnum():
        return character
    category = unicodedata.category(character)
    if category == "So":
        return f" {character} "
    return "" if category in ("Mn", "Me", "Cf", "Sk") else " "
