"""German or English? Told by small words and by spelling; a text that could be either stays undecided.

Made for customer sentences of one to ten words. A wrong guess would switch the language of a conversation,
no guess keeps it: so numbers, names and words of both languages say nothing.
"""

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from bot.nlu.text import fold

Language = Literal["de", "en"]

# Evidence is in log odds, that of spellings halved, since they overlap; they were counted in MASSIVE 1.1.
_KNOWN = 3.0  # a word that only one of the languages has
_ENDING = 1.2  # an ending that is about twenty times as frequent in one of them
_SPELLING = 0.7  # a spelling that is about five times as frequent in one of them
_SPELLING_AT_MOST = 2.0  # names are spelt in some language too
_UNDECIDED = 1.0  # less evidence is no guess
_APOSTROPHE = re.compile(r"['’`´]")
_NO_WORD = re.compile(r"\S*[\d@]\S*|\S+://\S*|www\.\S*")
_GERMAN = re.compile(r"sch|tz|cht|pf|zw|kt|[ae]u|ei|ae|oe|ue|eh|uh|z|^(?:ge|ver|vor|auf|aus|ab|zu)|(?:chen|en|em|ig)$")
_ENGLISH = re.compile(r"gh|wh|aw|ow|oo|ou|ea|sh|^c(?!h)|(?:y|ed|ic|al|ness|ment|ful|ies|ate)$")
_GERMAN_ENDING = re.compile(r"(?:ung|ungen|keit|heit|lich|isch|ieren)$")
_ENGLISH_ENDING = re.compile(r"(?:ing|ly|nce|able|ous)$")


@dataclass(frozen=True)
class Guess:
    """The language of a text and how sure that is, from 0.5 to 1."""

    language: Language
    confidence: float


def detect(text: str) -> Guess | None:
    """The language of a text; None when it says nothing about it: a number, most names, `ok`."""
    words = _words(text)
    spelling = sum(map(_spelling, words))
    evidence = sum(map(_known, words)) + max(-_SPELLING_AT_MOST, min(_SPELLING_AT_MOST, spelling))
    if abs(evidence) < _UNDECIDED:
        return None
    return Guess("de" if evidence > 0 else "en", 1 / (1 + math.exp(-abs(evidence))))


def _words(text: str) -> list[str]:
    """The folded words of a text without numbers and addresses."""
    return fold(_NO_WORD.sub(" ", _APOSTROPHE.sub("", text))).split()


def _known(word: str) -> float:
    """Evidence of a word that is listed: positive for German, negative for English."""
    return _KNOWN * ((word in _listed("de")) - (word in _listed("en")))


def _spelling(word: str) -> float:
    """Evidence of a word that is not listed, by its spelling."""
    if word in _listed("de") or word in _listed("en"):
        return 0.0
    endings = bool(_GERMAN_ENDING.search(word)) - bool(_ENGLISH_ENDING.search(word))
    return _ENDING * endings + _SPELLING * (len(_GERMAN.findall(word)) - len(_ENGLISH.findall(word)))


@lru_cache(maxsize=2)
def _listed(language: Language) -> frozenset[str]:
    """The folded words of a language: those that ask, answer and join, and those of a shop."""
    file = Path(__file__).with_name(f"words.{language}.txt")
    return frozenset(fold(_APOSTROPHE.sub("", word)) for word in file.read_text(encoding="utf-8").split())
