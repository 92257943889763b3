"""The company's stores, by city or by street."""

import re
from collections.abc import Iterator

from bot.nlu.numbers import numeral
from bot.nlu.tokens import Found, Sentence, word_set

_CITIES = {
    **dict.fromkeys(("hamburg", "hamburgs", "hh"), "hamburg"),
    **dict.fromkeys(("leipzig", "leipzigs"), "leipzig"),
    **dict.fromkeys(("muenchen", "muenchens", "munich", "munchen", "minga"), "muenchen"),
}
_OF_CITIES = {"hamburger": "hamburg", "leipziger": "leipzig", "muenchner": "muenchen", "muenchener": "muenchen"}
_STREETS = (
    (re.compile(r"moe?n?ckeberg(?:er)? ?str(?:asse)?"), "19", "hamburg"),
    (re.compile(r"peters ?str(?:asse)?"), "4", "leipzig"),
    (re.compile(r"sendlinger ?str(?:asse)?"), "8", "muenchen"),
)
_STREET_STARTS = ("moenckeberg", "monckeberg", "mockeberg", "peters", "sendlinger")
_SHOPS = ("filial", "laden", "store", "shop", "geschaeft", "markt", "standort", "haus", "niederlassung", "outlet")
_HOME = word_set(
    "wohn wohne wohnt wohnen wohnhaft ziehe ziehen gezogen umgezogen umzug gemeldet live lives living moved moving"
)
_REACH_BEFORE, _REACH_AFTER = 7, 2


def find_store_streets(sentence: Sentence) -> Iterator[Found]:
    """Stores by their street, unless another house number follows."""
    for index in range(len(sentence)):
        if not sentence.key(index).startswith(_STREET_STARTS):
            continue
        for last in range(index, min(index + 3, len(sentence))):
            store = _store_on(" ".join(key for key in sentence.keys(index, last + 1) if key != "-"))
            following = last + 1 + (sentence.key(last + 1) == ".")
            number = sentence.key(following)
            if store and sentence.open(index) and (not number.isdecimal() or number == store[1]):
                yield sentence.found("store", store[0], index, following if number.isdecimal() else last)


def _store_on(words: str) -> tuple[str, str] | None:
    return next(((store, number) for name, number, store in _STREETS if name.fullmatch(words)), None)


def find_stores(sentence: Sentence) -> Iterator[Found]:
    """Stores by their city, unless it is where somebody lives."""
    for index in range(len(sentence)):
        store = _CITIES.get(sentence.key(index)) or _of_city(sentence, index)
        if store and sentence.open(index) and not _is_home(sentence, index):
            yield sentence.found("store", store, index, index)


def _of_city(sentence: Sentence, index: int) -> str | None:
    """`Hamburger Filiale`, but not the food."""
    store = _OF_CITIES.get(sentence.key(index))
    return store if store and any(key.startswith(_SHOPS) for key in sentence.keys(index + 1, index + 3)) else None


def _is_home(sentence: Sentence, index: int) -> bool:
    """Whether the city belongs to an address or a person: after a postcode, `aus`, `ich wohne in`."""
    before = sentence.key(index - 1)
    if before in {"aus", "from"}:
        return True
    if index and not sentence.open(index - 1) and _ends_address(before):
        return True
    if index > 1 and before == "in" and not sentence.open(index - 2) and _ends_address(sentence.key(index - 2)):
        return True
    near = sentence.keys(index - _REACH_BEFORE, index) + sentence.keys(index + 1, index + 1 + _REACH_AFTER)
    return any(key in _HOME for key in near) and not any(key.startswith(_SHOPS) for key in near)


def _ends_address(key: str) -> bool:
    """Whether a claimed word ends a postcode or a house number."""
    return key.isdecimal() or numeral(key) is not None
