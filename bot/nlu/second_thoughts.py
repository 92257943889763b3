"""Values that the speaker took back: `nicht Freitag sondern Samstag`, `um drei, nein, um vier`."""

from itertools import pairwise

from bot.nlu.tokens import Found, Sentence, fold, tokenize, word_set

FIXES = word_set(
    "nein nee noe quatsch falsch sondern korrektur sorry no correction rather entschuldigung verzeihung pardon "
    "stopp stop"
)
_FIX_PAIRS = (
    ("ich", "meine"),
    ("ich", "meinte"),
    ("i", "mean"),
    ("doch", "lieber"),
    ("lieber", "doch"),
    ("make", "that"),
    ("die", "alte"),
    ("the", "old"),
)
_INSTEAD = frozenset({"statt", "anstatt", "instead"})
_BETWEEN = word_set("am um den dem der of on at im in erst ab on")
_FACTS = frozenset({"amount"})  # `64 statt 46 Euro` tells what happened, it takes nothing back
_REFERENCES = frozenset({"order_number", "invoice_number", "customer_number"})
_SAID_TWICE = _REFERENCES | {"postcode", "tracking_number", "phone_number", "email", "iban"}
_BEGINNINGS = frozenset({"digits", "postcode"})
_LONGEST_GAP = 6
_LONGEST_GAP_AFTER_FIX = 12


def without_taken_back(sentence: Sentence, found: list[Found]) -> list[Found]:
    """The values without repeated ones, beginnings of later ones, and those the speaker took back."""
    found = [value for place, value in enumerate(found) if not _said_better(value, found[:place], found[place + 1 :])]
    kinds = [value.entity for value in found]
    return [
        value
        for place, value in enumerate(found)
        if kinds.count(value.entity) == 1
        or not (_replaced(sentence, value, found[place + 1 : place + 2]) or _instead(sentence, value))
    ]


def _said_better(value: Found, before: list[Found], after: list[Found]) -> bool:
    """Whether a value was said before, or is the beginning of a number that is said in full later."""
    same = any((other.entity, other.value) == (value.entity, value.value) for other in before)
    if same and value.entity in _SAID_TWICE:
        return True
    return value.entity in _BEGINNINGS and any(
        other.entity in _REFERENCES and other.value.startswith(value.value) for other in after
    )


def _replaced(sentence: Sentence, value: Found, following: list[Found]) -> bool:
    """Whether the next value is of the same kind and the words between are a correction."""
    if not following or following[0].entity != value.entity:
        return False
    words = [token.key for token in tokenize(sentence.text[value.end : following[0].start])]
    if len(words) > (_LONGEST_GAP_AFTER_FIX if FIXES & set(words[:2]) else _LONGEST_GAP):
        return False
    return any(word in FIXES for word in words) or any(pair in _FIX_PAIRS for pair in pairwise(words))


def _instead(sentence: Sentence, value: Found) -> bool:
    """Whether `statt` or `instead of` stands right before the value."""
    if value.entity in _FACTS:
        return False
    before = fold(sentence.text[: value.start]).replace(",", " ").split()[-3:]
    while before and before[-1] in _BETWEEN:
        before.pop()
    return bool(before) and before[-1] in _INSTEAD
