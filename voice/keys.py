"""What keys mean, and words that name a key. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bot.turns import Choice

MOST_KEYS = 32
HUMAN, REPEAT = "0", "*"
YES_NO = ("/affirm", "/deny")
PUNCTUATION = re.compile(r"[.,!?]")
NOT_A_KEY = re.compile(r"[^0-9*]")
LEAD = {"de": r"(?:die|nummer|taste|option|auswahl|ich nehme die)", "en": r"(?:the|number|key|option|choice|press)"}
NAMES = {
    "de": {1: "eins|ein|eine|erste|ersten", 2: "zwei|zwo|zweite|zweiten", 3: "drei|dritte|dritten", 4: "vier|vierte"}
    | {5: "fünf|fünfte", 6: "sechs|sechste", 7: "sieben|siebte", 8: "acht|achte", 9: "neun|neunte"},
    "en": {1: "one|first", 2: "two|second", 3: "three|third", 4: "four|fourth", 5: "five|fifth"}
    | {6: "six|sixth", 7: "seven|seventh", 8: "eight|eighth", 9: "nine|ninth"},
}

Kind = Literal["open", "number", "date", "time", "yes_no", "choice", "text"]


@dataclass(frozen=True)
class Typed:
    """Digits that are an answer, written as people would write it."""

    text: str


@dataclass(frozen=True)
class Pressed:
    """A choice by its key."""

    choice: Choice


Meaning = Typed | Pressed | Literal["human", "repeat", "language", "wrong"]


def clean_keys(digits: str) -> str:
    """The digits and stars of what was pressed, as many as any answer has."""
    return NOT_A_KEY.sub("", digits)[:MOST_KEYS]


def kind_of(keys: Kind, choices: Sequence[Choice]) -> Kind:
    """What a question takes: its choices say it when it has some."""
    payloads = tuple(choice.payload for choice in choices)
    if payloads == YES_NO or (not choices and keys == "yes_no"):
        return "yes_no"
    return "choice" if choices else keys


def meaning(keys: str, typed: Kind, choices: Sequence[Choice], language_key: str) -> Meaning:
    """What these keys say to a question that takes `typed` answers and choices; `0` and `*` are the same everywhere."""
    kind = kind_of(typed, choices)
    if REPEAT in keys:
        return "repeat"
    if keys == HUMAN:
        return "human"
    offered = choices or (yes_no() if kind == "yes_no" else ())
    if len(keys) == 1 and int(keys) <= len(offered):
        return Pressed(offered[int(keys) - 1])
    if keys == language_key:
        return "language"
    return "wrong" if len(keys) < 2 or kind == "yes_no" else Typed(_written(keys, typed))


def yes_no() -> tuple[Choice, Choice]:
    """Yes on the first key, no on the second."""
    yes, no = YES_NO
    return Choice("", yes), Choice("", no)


def _written(digits: str, kind: Kind) -> str:
    if kind == "date" and len(digits) == len("ddmmyyyy") and _is_date(digits):
        return f"{digits[:2]}.{digits[2:4]}.{digits[4:]}"
    if kind == "time" and len(digits) == len("hhmm"):
        return f"{digits[:2]}:{digits[2:]}"
    return digits


def _is_date(digits: str) -> bool:
    return 1 <= int(digits[:2]) <= 31 and 1 <= int(digits[2:4]) <= 12


def spoken_key(text: str, language: str) -> int | None:
    """The key that the words name and nothing else: `die zwei`, `Nummer 2`, `two please`."""
    said = re.sub(rf"^{LEAD[language]}\s+|\s+(?:bitte|please|one)$", "", _bare(text))
    if len(said) == 1 and said.isdecimal() and said.isascii():
        return int(said) or None
    return next((key for key, names in NAMES[language].items() if said in names.split("|")), None)


def keys_of(choices: Sequence[Choice], text: str, language: str) -> Choice | None:
    """The choice whose key or title was said, and nothing else."""
    if key := spoken_key(text, language):
        return choices[key - 1] if key <= len(choices) else None
    said = _bare(text)
    return next((choice for choice in choices if said and _bare(choice.title) == said), None)


def _bare(text: str) -> str:
    return PUNCTUATION.sub("", text).strip().casefold()
