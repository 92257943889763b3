"""Text as the finders see it: tokens with folded keys, and which stretch is already spoken for."""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any

_TOKEN = re.compile(r"[0-9]+|[^\W\d_]+(?:[\u0300-\u036f]+[^\W\d_]*)*|[^\w\s]|_")
_SPACES = re.compile(r"[\t\u00a0\u2007\u2009\u202f]")
_FOLDED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ı": "i", "ł": "l", "ø": "o", "æ": "ae"})


@dataclass(frozen=True)
class Found:
    """One value in a text: `value` is normalised, `start` and `end` point into the original text."""

    entity: str
    value: str
    text: str
    start: int
    end: int
    alternatives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Token:
    """A word, a run of digits or one sign; `key` is lower case without umlauts and accents."""

    text: str
    start: int
    end: int
    key: str


@lru_cache(maxsize=8192)
def fold(text: str) -> str:
    """Lower case with umlauts written out and accents dropped: `Mönch` becomes `moench`."""
    composed = unicodedata.normalize("NFC", text).lower().translate(_FOLDED)
    if composed.isascii():
        return composed
    return "".join(c for c in unicodedata.normalize("NFKD", composed) if not unicodedata.combining(c))


def word_set(text: str) -> frozenset[str]:
    """The words of a text as a set, for lists of folded words that stay readable as prose."""
    return frozenset(text.split())


def tokenize(text: str) -> list[Token]:
    """The tokens of a text, in order."""
    return [Token(m.group(), m.start(), m.end(), fold(m.group())) for m in _TOKEN.finditer(text)]


@dataclass
class Sentence:
    """A text with its tokens and the circumstances in which it was said.

    `plain` has every special space as a simple one; `memo` keeps what finders worked out since the last claim.
    """

    text: str
    language: str
    channel: str
    today: date
    tokens: list[Token] = field(init=False)
    plain: str = field(init=False)
    memo: dict[Hashable, Any] = field(init=False, default_factory=dict)
    _taken: bytearray = field(init=False)
    _starts: list[int] = field(init=False)
    _keys: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Split the text."""
        self.tokens = tokenize(self.text)
        self._keys = tuple(token.key for token in self.tokens)
        self._starts = [token.start for token in self.tokens]
        self.plain = _SPACES.sub(" ", self.text)
        self._taken = bytearray(len(self.text))

    def __len__(self) -> int:
        """How many tokens there are."""
        return len(self.tokens)

    def key(self, index: int) -> str:
        """The folded token at `index`, or an empty string outside the text."""
        return self._keys[index] if 0 <= index < len(self._keys) else ""

    def keys(self, start: int, end: int) -> tuple[str, ...]:
        """The folded tokens from `start` to before `end`, cut to the text."""
        return self._keys[max(start, 0) : max(end, 0)]

    def glued(self, index: int) -> bool:
        """Whether the token at `index` follows the one before it without a space."""
        return 0 < index < len(self.tokens) and self.tokens[index - 1].end == self.tokens[index].start

    def index_at(self, offset: int) -> int:
        """The token that begins at or before an offset of the text."""
        return bisect_right(self._starts, offset) - 1

    def free(self, start: int, end: int) -> bool:
        """Whether no value has claimed a character between the two offsets."""
        return not any(self._taken[start:end])

    def open(self, index: int) -> bool:
        """Whether there is a token at `index` that no value has claimed."""
        return 0 <= index < len(self.tokens) and not self._taken[self.tokens[index].start]

    def claim(self, start: int, end: int) -> None:
        """Keep the stretch between the two offsets from later finders."""
        self._taken[start:end] = b"\x01" * (end - start)
        self.memo.clear()

    def found(self, entity: str, value: str, first: int, last: int, alternatives: Iterable[str] = ()) -> Found:
        """A value spanning the tokens `first` to `last`, both included."""
        return self.between(entity, value, self.tokens[first].start, self.tokens[last].end, alternatives)

    def between(self, entity: str, value: str, start: int, end: int, alternatives: Iterable[str] = ()) -> Found:
        """A value between two offsets of the text."""
        others = tuple(dict.fromkeys(a for a in alternatives if a != value))
        return Found(entity, value, self.text[start:end], start, end, others)
