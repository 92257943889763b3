"""Which articles of the catalogue a customer means: tolerant of spelling, honest about what does not fit.

Names begin with the kind of article (`Regenjacke Sturm Damen M`). The kind may be said shorter, in the
plural, split, misspelt or in English; the model, sizes and figures must be said as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise

from text_to_num import alpha2digit

FOLDED = str.maketrans({"ä": "a", "ö": "o", "ü": "u", "ß": "ss"})
WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*")
LOOSE_S = re.compile(r"\b(gibt|geht|wann|hat) s\b")
SIZE = re.compile(r"x{0,3}[sl]|m|\d+(?:[.,]\d+)*")
ENDINGS = re.compile(r"(en|er|es|e|n|s)$")
ENGLISH = {
    "backpack": "rucksack",
    "backpacks": "rucksack",
    "bottle": "flasche",
    "bottles": "flasche",
    "water": "trink",
    "drinking": "trink",
    "hat": "mutze",
    "beanie": "mutze",
    "tent": "zelt",
    "tents": "zelt",
    "sleeping": "iso",
    "mat": "matte",
    "mats": "matte",
    "pad": "matte",
    "rain": "regen",
    "jacket": "jacke",
    "jackets": "jacke",
    "raincoat": "regenjacke",
    "head": "stirn",
    "lamp": "lampe",
    "lamps": "lampe",
    "headlamp": "stirnlampe",
    "headlamps": "stirnlampe",
    "torch": "lampe",
    "headtorch": "stirnlampe",
    "poles": "stocke",
    "hiking": "wander",
    "gas": "gas",
    "cartridge": "kartusche",
    "cartridges": "kartusche",
    "canister": "kartusche",
    "canisters": "kartusche",
    "bike": "fahrrad",
    "bicycle": "fahrrad",
    "trailer": "anhanger",
    "trailers": "anhanger",
}
SHORTEST_KIND = 4
SAME_KIND = 0.85
WEAK_WORDS = frozenset({"damen", "herren", "kinder", "paar", "leicht", "mini", "g", "l", "ml", "kg"})
NO_KINDS = {"de": frozenset[str](), "en": frozenset({"stock"})}
EXACT, SHORTER = 4, 2


@dataclass(frozen=True)
class Match:
    """Articles that fit best; `exact` says that nothing the customer named contradicts them."""

    names: tuple[str, ...]
    exact: bool


def find_articles(said: str, names: Iterable[str], language: str) -> Match:
    """The articles that the words fit best, none when no kind and no model is named."""
    words = _words(said, language)
    heard = {*words, *(first + second for first, second in pairwise(words))}
    scores = {name: _score(_words(name, "de"), heard) for name in names}
    best = max(scores.values(), default=0)
    fitting = tuple(name for name, score in scores.items() if score == best) if best else ()
    known = {word for name in fitting for word in _words(name, "de")}
    return Match(fitting, known.issuperset(_sizes(words, known)))


def _words(text: str, language: str) -> list[str]:
    """Folded words, figures as figures, English kinds in German."""
    figures = alpha2digit(LOOSE_S.sub(r"\1", text.casefold()), language, threshold=0)
    words = WORD.findall(figures.translate(FOLDED).replace(".", ","))
    return [ENGLISH.get(word, word) for word in words if word not in NO_KINDS[language]]


def _sizes(words: Sequence[str], known: set[str]) -> Iterator[str]:
    """Sizes and figures that were said; a figure before the kind only counts how many are wanted."""
    for word, following, later in zip(words, [*words[1:], ""], [*words[2:], "", ""], strict=False):
        counts = any(_kind_score(kind, next_) for kind in known for next_ in (following, following + later))
        if SIZE.fullmatch(word) and word != "1" and not counts:
            yield word


def _score(name: Sequence[str], heard: set[str]) -> int:
    """How well words fit an article: the kind counts most; 0 when neither kind nor model is named."""
    kind, others = name[0], name[1:]
    score = max((_kind_score(kind, word) for word in heard), default=0)
    hits = [word for word in others if word in heard]
    has_model = any(word not in WEAK_WORDS and not SIZE.fullmatch(word) for word in hits)
    return score + len(hits) if score or has_model else 0


def _kind_score(kind: str, word: str) -> int:
    if len(word) < SHORTEST_KIND:
        return 0
    stem, said = ENDINGS.sub("", kind), ENDINGS.sub("", word)
    if said == stem or SequenceMatcher(None, kind, word).ratio() >= SAME_KIND:
        return EXACT
    return SHORTER if len(said) >= SHORTEST_KIND and stem.endswith(said) else 0
