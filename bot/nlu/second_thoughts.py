"""Values that the speaker took back: `nicht Freitag sondern Samstag`, `um drei, nein, um vier`."""

from itertools import pairwise

from bot.nlu.tokens import Found, Sentence, fold, tokenize, word_set

_FIXES = word_set(
    "nein nee quatsch falsch sondern korrektur sorry no correction rather entschuldigung verzeihung pardon"
)
_FIX_PAIRS = (
    ("ich", "meine"),
    ("ich", "meinte"),
    ("i", "mean"),
    ("doch", "lieber"),
    ("lieber", "doch"),
    ("make", "that"),
)
_INSTEAD = frozenset({"statt", "anstatt", "instead"})
_BETWEEN = word_set("am um den dem der of on at im in erst ab on")
_LONGEST_GAP = 6


def without_taken_back(sentence: Sentence, found: list[Found]) -> list[Found]:
    """The values without those that a later one of the same kind replaces, or that stand after `statt`."""
    kinds = [value.entity for value in found]
    return [
        value
        for place, value in enumerate(found)
        if kinds.count(value.entity) == 1
        or not (_replaced(sentence, value, found[place + 1 : place + 2]) or _instead(sentence, value))
    ]


def _replaced(sentence: Sentence, value: Found, following: list[Found]) -> bool:
    """Whether the next value is of the same kind and the words between are a correction."""
    if not following or following[0].entity != value.entity:
        return False
    words = [token.key for token in tokenize(sentence.text[value.end : following[0].start])]
    if len(words) > _LONGEST_GAP:
        return False
    return any(word in _FIXES for word in words) or any(pair in _FIX_PAIRS for pair in pairwise(words))


def _instead(sentence: Sentence, value: Found) -> bool:
    """Whether `statt` or `instead of` stands right before the value."""
    before = fold(sentence.text[: value.start]).replace(",", " ").split()[-3:]
    while before and before[-1] in _BETWEEN:
        before.pop()
    return bool(before) and before[-1] in _INSTEAD
