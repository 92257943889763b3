"""Number words of German and English, alone and composed, read with text2num.

text2num knows the grammar of cardinals and ordinals; this module adds what recognisers and
speakers do to the words: old umlauts, `zwo`, `fuffzig`, words glued together or split apart.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from text_to_num import alpha2digit, text2num

from bot.nlu.tokens import Sentence, word_set

_SPELLINGS = (
    ("fuenf", "fünf"),
    ("fuffz", "fünfz"),
    ("fuffund", "fünfund"),
    ("fuff", "fünf"),
    ("zwoelf", "zwölf"),
    ("ssich", "ssig"),
    ("zich", "zig"),
    ("dreissig", "dreißig"),
    ("dreizig", "dreißig"),
    ("sechszig", "sechzig"),
    ("sechszehn", "sechzehn"),
    ("siebenzig", "siebzig"),
    ("siebenzehn", "siebzehn"),
)
_ZWO = re.compile(r"zwo(?!e?lf)")
_DIALECT = {"fuenfe": "fünf", "viere": "vier", "sechse": "sechs", "neune": "neun", "zehne": "zehn", "elfe": "elf"}
_DIALECT |= {"zwoelfe": "zwölf", "zwee": "zwei", "fuennef": "fünf", "siem": "sieben", "fuemf": "fünf"}
_NOT_NUMBERS = word_set("ein a o ones millionen million milliarde billion zeros seconds")
_READ = re.compile(r"([0-9]+)(\.|st|nd|rd|th)?")
_UNITS = "zwoelf|null|eins|zwei|zwo|drei|vier|fuenf|sechs|sieben|acht|neun|zehn|elf"
_TEENS = "dreizehn|vierzehn|fuenfzehn|sechzehn|siebzehn|achtzehn|neunzehn"
_TENS = "zwanzig|dreissig|vierzig|fuenfzig|fuffzig|sechzig|siebzig|achtzig|neunzig"
_BEFORE_UND = "ein|zwei|zwo|drei|vier|fuenf|sechs|sieben|acht|neun"
_HALF_COMPOUND = re.compile(rf"({_BEFORE_UND})und")
_PIECE = re.compile(rf"(?:(?:{_BEFORE_UND})und(?:{_TENS})|{_TEENS}|{_TENS}|{_UNITS})")
_GLUED = re.compile(rf"(?:{_PIECE.pattern}){{2,}}")
_SCALES = word_set("hundert tausend hundred thousand einhundert eintausend")
_JOINTS = frozenset({"und", "and", "-"})
_ONES = frozenset({"ein", "a"})
_LONGEST = 9


@dataclass(frozen=True, slots=True)
class Numeral:
    """What one word says: its value, whether it is an ordinal, and the language it belongs to."""

    value: int
    ordinal: bool
    language: str


@dataclass(frozen=True, slots=True)
class Cardinal:
    """A number in a sentence, from token `first` to before token `end`; `words` are empty if typed."""

    value: int
    first: int
    end: int
    words: tuple[str, ...] = ()

    @property
    def typed(self) -> bool:
        """Whether it is written in digits."""
        return not self.words


def spelled_right(key: str) -> str:
    """A folded German number word as text2num spells it: `fuenfundfuffzig` -> `fünfundfünfzig`."""
    if key in _DIALECT:
        return _DIALECT[key]
    for wrong, right in _SPELLINGS:
        key = key.replace(wrong, right)
    return _ZWO.sub("zwei", key)


@lru_cache(maxsize=8192)
def numeral(key: str) -> Numeral | None:
    """The number that a single folded word says, or None."""
    if len(key) < 3 or key in _NOT_NUMBERS or not key.isalpha():
        return None
    for language, word in (("de", spelled_right(key)), ("en", key)):
        read = _READ.fullmatch(alpha2digit(word, language, threshold=0))
        if read and len(read[1]) <= 6:
            return Numeral(int(read[1]), read[2] is not None, language)
    return None


@lru_cache(maxsize=8192)
def pieces(key: str) -> tuple[str, ...]:
    """The digits of words a recogniser ran together: `einsnullacht` -> `1`, `0`, `8`."""
    if not _GLUED.fullmatch(key):
        return ()
    numerals = [numeral(piece) for piece in _PIECE.findall(key)]
    return tuple(str(n.value) for n in numerals if n is not None)


@lru_cache(maxsize=8192)
def composed(words: tuple[str, ...], language: str) -> int | None:
    """The value of several folded words that form one cardinal, or None: `fuenf und sechzig` is 65."""
    phrase = " ".join(spelled_right(w) if language == "de" else w for w in words if w != "-")
    try:
        return int(text2num(phrase, language))
    except ValueError:
        return None


def cardinal_at(sentence: Sentence, index: int) -> Cardinal | None:
    """The longest number that starts at a token, in digits or in words."""
    if index not in sentence.memo:
        sentence.memo[index] = _cardinal_at(sentence, index)
    found: Cardinal | None = sentence.memo[index]
    return found


def _cardinal_at(sentence: Sentence, index: int) -> Cardinal | None:
    key = sentence.key(index)
    if not sentence.open(index):
        return None
    if key.isdecimal():
        return Cardinal(int(key), index, index + 1) if len(key) <= 12 else None
    first = numeral(key)
    if first is not None and first.ordinal:
        return None
    if first is None and _is_short_one(sentence, index):
        return Cardinal(1, index, index + 1, ("eins",))
    if first is None and not starts_compound(sentence, index):
        return None
    return _longest(sentence, index, first)


def starts_compound(sentence: Sentence, index: int) -> bool:
    """Whether an article such as `ein` begins a number here: `ein und zwanzig`, `ein hundert`."""
    key, following = sentence.key(index), sentence.key(index + 1)
    if key in _ONES and following in _SCALES:
        return True
    if key == "ein" and following == "und":
        return is_tens(numeral(sentence.key(index + 2)))
    return half_compound(key) is not None and is_tens(numeral(following))


def _is_short_one(sentence: Sentence, index: int) -> bool:
    """Whether `ein` is the digit 1 because two digits follow it: `ein null vier`."""
    if sentence.key(index) != "ein":
        return False
    digits = [numeral(sentence.key(position)) for position in (index + 1, index + 2)]
    return all(digit is not None and not digit.ordinal and digit.value < 10 for digit in digits)


def half_compound(key: str) -> str | None:
    """The unit in a split word such as `fünfund`, or None."""
    match = _HALF_COMPOUND.fullmatch(key)
    return match[1] if match else None


def is_tens(number: Numeral | None) -> bool:
    """Whether a numeral is 20, 30, ... 90."""
    return number is not None and not number.ordinal and 20 <= number.value <= 90 and number.value % 10 == 0


def _longest(sentence: Sentence, index: int, first: Numeral | None) -> Cardinal | None:
    language = first.language if first else ("en" if sentence.key(index) == "a" else "de")
    best = Cardinal(first.value, index, index + 1, (sentence.key(index),)) if first else None
    if first is not None and first.value == 0:
        return best
    words: list[str] = []
    for position in range(index, min(index + _LONGEST, len(sentence))):
        word = sentence.key(position)
        if not sentence.open(position) or not _may_compose(word):
            break
        words += _split(word)
        value = composed(tuple(words), language)
        if value is not None and numeral(word) is not None:
            best = Cardinal(value, index, position + 1, tuple(words))
        elif numeral(word) is not None:
            break
    return best


def _may_compose(word: str) -> bool:
    return word in _JOINTS or word in _ONES or numeral(word) is not None or half_compound(word) is not None


def _split(word: str) -> list[str]:
    unit = half_compound(word)
    if unit:
        return [unit, "und"]
    return ["one" if word == "a" else word]
