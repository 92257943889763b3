"""Sums of money: `89,90 €`, `neunundachtzig Euro neunzig`, `EUR 1.249,00`; as plain decimals: `89.90`."""

import re
from collections.abc import Iterator

from bot.nlu import context
from bot.nlu.numbers import Cardinal, cardinal_at
from bot.nlu.tokens import Found, Sentence, word_set

_NUMBER = r"(?:[0-9]{1,3}(?:[.,'’\ ][0-9]{3})+|[0-9]{1,6})(?:[.,](?:[0-9]{1,2}|-+|–|—))?"
_WITH_SIGN = re.compile(
    rf"""(?<![0-9.,])
    (?: (?:€|eur)[ ]?({_NUMBER})(?![0-9]) | ({_NUMBER})(?:[ ]?€|[ -]?eur(?:os?)?(?![a-z])) )
    (?: [ ]?(?:und[ ])? ([0-9]{{2}}) (?:[ ]?cents?)? (?![0-9.,:]|[ ]?€) )?""",
    re.IGNORECASE | re.VERBOSE,
)
_PLAIN = re.compile(
    r"(?<![0-9.,:/-])([0-9]{1,3}(?:[.][0-9]{3})+,[0-9]{2}|[0-9]{1,5}[.,][0-9]{2})(?![0-9%]|[.,:/-][0-9])"
)
_EURO = word_set("euro euros eur € teuro")
_CENT = word_set("cent cents ct")
_SUMS = word_set(
    "betrag rechnungsbetrag gesamtbetrag summe gesamtsumme preis kostet kostete total price costs cost amount "
    "charged paid pay sum"
)
_BEFORE_SUM = word_set("is was of me ist war von ueber only nur noch genau exactly")
_POINT = frozenset({"komma", "point"})


def find_amounts(sentence: Sentence) -> Iterator[Found]:
    """Amounts with a currency, spoken ones, and typed decimals with two places that measure nothing."""
    for match in _WITH_SIGN.finditer(sentence.plain):
        whole, cents = match[1] or match[2], match[3]
        value = _decimal(whole, cents)
        if value:
            yield sentence.between("amount", value, match.start(), match.end())
    yield from _spoken(sentence)
    for match in _PLAIN.finditer(sentence.plain):
        if sentence.free(match.start(), match.end()) and _is_money(sentence, match):
            yield sentence.between("amount", _decimal(match[1], None), match.start(), match.end())


def _decimal(number: str, cents: str | None) -> str:
    """`1.249,5` as `1249.50`; a point before three digits groups thousands."""
    number = re.sub(r"[,.](?:-+|–|—)$", "", number)
    places = re.search(r"[.,]([0-9]{1,2})$", number)
    whole = re.sub(r"[^0-9]", "", number[: places.start()] if places else number)
    fraction = places[1].ljust(2, "0") if places else cents or "00"
    return f"{int(whole)}.{fraction}"


def _is_money(sentence: Sentence, match: re.Match[str]) -> bool:
    """Whether a decimal stands without a unit and cannot be a day and month or a time."""
    after = re.match(r" ?([^\W\d_]+|[%°])", sentence.text[match.end() :])
    if after and after[1].lower() in context.UNITS:
        return False
    if "," in match[1]:
        return True
    whole, places = match[1].split(".")
    return len(whole) > 2 or int(whole) > 31 or int(places) > 59


def _spoken(sentence: Sentence) -> Iterator[Found]:
    index = 0
    while index < len(sentence):
        found, index = _spoken_at(sentence, index)
        if found:
            yield found


def _spoken_at(sentence: Sentence, index: int) -> tuple[Found | None, int]:
    """`neunundachtzig euro neunzig`, `fünf komma neun null euro`, `achtzig cent`."""
    number = cardinal_at(sentence, index)
    value, end = (number.value, number.end) if number else _single(sentence, index)
    if not end:
        return None, index + 1
    if sentence.key(end) in _CENT and value < 100:
        return sentence.found("amount", f"0.{value:02}", index, end), end + 1
    if sentence.key(end) in _POINT:
        return _with_point(sentence, index, value, end)
    if sentence.key(end) not in _EURO:
        return _without_currency(sentence, number) if number else None, end
    if _is_digits(sentence, index, end):
        return None, end
    cents, last = _cents(sentence, end + 1)
    return sentence.found("amount", f"{value}.{cents:02}", index, last), last + 1


def _without_currency(sentence: Sentence, number: Cardinal) -> Found | None:
    """`the total was thirty four ninety five`: two spoken numbers and no third after a word for a sum."""
    cents = cardinal_at(sentence, number.end)
    if number.typed or cents is None or cents.typed or not 10 <= cents.value < 100:
        return None
    if cardinal_at(sentence, cents.end) or context.counted(sentence, cents.end):
        return None
    before = number.first - 1
    while sentence.key(before) in _BEFORE_SUM:
        before -= 1
    if sentence.key(before) not in _SUMS:
        return None
    return sentence.found("amount", f"{number.value}.{cents.value}", number.first, cents.end - 1)


def _single(sentence: Sentence, index: int) -> tuple[int, int]:
    """`ein Euro`, `einen Euro`."""
    if (
        sentence.open(index)
        and sentence.key(index) in {"ein", "einen", "a"}
        and sentence.key(index + 1) in _EURO | _CENT
    ):
        return 1, index + 1
    return 0, 0


def _is_digits(sentence: Sentence, index: int, end: int) -> bool:
    """Whether it is the last figure of a longer number in digits."""
    return (
        sentence.key(index).isdecimal()
        and index > 0
        and sentence.glued(index)
        and sentence.key(index - 1) in {".", ","}
    )


def _cents(sentence: Sentence, index: int) -> tuple[int, int]:
    """The cents after the currency, and the last token of the amount."""
    position = index + (sentence.key(index) in {"und", "and"})
    number = cardinal_at(sentence, position)
    if number is None or number.value > 99:
        return 0, index - 1
    named = sentence.key(number.end) in _CENT
    if named:
        return number.value, number.end
    counts = context.counted(sentence, number.end) or position > index
    return (0, index - 1) if counts or number.value < 5 else (number.value, number.end - 1)


def _with_point(sentence: Sentence, index: int, value: int, point: int) -> tuple[Found | None, int]:
    digits, position = "", point + 1
    while len(digits) < 2:
        number = cardinal_at(sentence, position)
        if number is None or number.value > 99:
            break
        digits += str(number.value)
        position = number.end
    if not digits or sentence.key(position) not in _EURO:
        return None, position
    return sentence.found("amount", f"{value}.{digits[:2].ljust(2, '0')}", index, position), position + 1
