"""Days said in words: `zwölfter April siebenundachtzig`, `April 12th`, `am dritten`."""

from collections.abc import Iterator
from dataclasses import dataclass

from bot.nlu import context
from bot.nlu.calendar_words import months
from bot.nlu.days import day_or_none, full_year, in_some_month, in_some_year
from bot.nlu.numbers import cardinal_at, numeral
from bot.nlu.references import kind_of
from bot.nlu.runs import find_runs
from bot.nlu.tense import DONE
from bot.nlu.tokens import Found, Sentence, word_set

_SUFFIXES = word_set("ter ten te tes st nd rd th .")
_JOINTS = word_set(", of im in monat des")
_AFTER_LONE_DAY = word_set(
    ". , ! ? um ab gegen bitte oder und geliefert liefern zwischen vormittags nachmittags abends mittags "
    "morgens noch anrufen please at or and if around before between kommen ankommen da geht passt"
)
_COUNTED_THINGS = 12  # up to here `am dritten` may go on as `am dritten Tag`


@dataclass(frozen=True, slots=True)
class Part:
    """A day, month or year in the text: its value, the token after it, whether the form alone shows it."""

    value: int
    end: int
    sure: bool


def find_worded_dates(sentence: Sentence) -> Iterator[Found]:
    """Dates with a named or spoken month, and days of the month alone."""
    index = 0
    while index < len(sentence):
        found, index = _worded_at(sentence, index)
        if found:
            yield found


def _worded_at(sentence: Sentence, index: int) -> tuple[Found | None, int]:
    read = _day_month(sentence, index) or _month_day(sentence, index)
    if read is None:
        return _lone_day(sentence, index), index + 1
    day, month, end = read
    year = _year(sentence, end)
    last = (year.end if year else end) - 1
    if year:
        when = day_or_none(year.value, month, day)
        days = [when] if when else []
    else:
        days = in_some_year(sentence, day, month, index, last)
    if not days:
        return None, index + 1
    first_day, *others = [found.isoformat() for found in days]
    return sentence.found("date", first_day, index, last, others), last + 1


def _day_month(sentence: Sentence, index: int) -> tuple[int, int, int] | None:
    """`12. April`, `zwölfter vierter`, `the 12th of April`; after `geboren` also `zwölf vier`."""
    day = _day(sentence, index)
    if day is None or sentence.key(index - 1) in {"version", "v"}:
        return None
    position = day.end + (sentence.key(day.end) in _JOINTS)
    named = months().get(sentence.key(position))
    if named and sentence.open(position):
        dotted = sentence.key(position + 1) == "." and len(sentence.key(position)) <= 4
        return day.value, named, position + 1 + dotted
    month = _day(sentence, position)
    if month is None or month.value > 12:
        return None
    if month.sure and (day.sure or sentence.key(index).isdecimal()):
        return day.value, month.value, month.end
    born = context.mentions(sentence, context.BIRTH) and _year(sentence, month.end) is not None
    return (day.value, month.value, month.end) if born and not _begins_reference(sentence, index) else None


def _begins_reference(sentence: Sentence, index: int) -> bool:
    """Whether a token is the first of an order, invoice or customer number: `zwei sieben null null ...`."""
    return any(run.first == index and kind_of(run.readings[0]) for run in find_runs(sentence))


def _month_day(sentence: Sentence, index: int) -> tuple[int, int, int] | None:
    """`April 12th`, `april the twelfth`."""
    month = months().get(sentence.key(index))
    if month is None or not sentence.open(index):
        return None
    day = _day(sentence, index + 1 + (sentence.key(index + 1) in {"the", "."}))
    if day is None or not (day.sure or (sentence.language == "en" and sentence.key(index) not in {"may", "mar"})):
        return None
    return day.value, month, day.end


def _day(sentence: Sentence, index: int) -> Part | None:
    """A day's number, as figure, ordinal or cardinal."""
    if not sentence.open(index):
        return None
    key = sentence.key(index)
    word = numeral(key)
    if word is not None and word.ordinal:
        return Part(word.value, index + 1, True) if 1 <= word.value <= 31 else None
    compound = _english_ordinal(sentence, index)
    if compound:
        return compound
    number = cardinal_at(sentence, index)
    if number is None or not 1 <= number.value <= 31:
        return None
    suffix = sentence.key(number.end) in _SUFFIXES and sentence.glued(number.end)
    if not number.typed:
        return Part(number.value, number.end, False)
    return Part(number.value, number.end + suffix, suffix and len(key) <= 2)


def _english_ordinal(sentence: Sentence, index: int) -> Part | None:
    """`twenty first`, `thirty-first`."""
    tens = numeral(sentence.key(index))
    position = index + 1 + (sentence.key(index + 1) == "-")
    unit = numeral(sentence.key(position))
    if tens is None or unit is None or tens.value not in (20, 30) or not unit.ordinal or unit.value > 9:
        return None
    return Part(tens.value + unit.value, position + 1, True) if tens.value + unit.value <= 31 else None


def _lone_day(sentence: Sentence, index: int) -> Found | None:
    """`am zwölften`, `on the 3rd`: the next such day."""
    before = sentence.keys(index - 2, index)
    if not before or (
        before[-1] not in {"am", "zum"} and before[-2:] not in {("on", "the"), ("by", "the"), ("bis", "zum")}
    ):
        return None
    day = _day(sentence, index)
    if day is None or not day.sure:
        return None
    ends = day.end >= len(sentence) or sentence.key(day.end) in _AFTER_LONE_DAY | DONE
    if not ends and day.value <= _COUNTED_THINGS:
        return None
    first_day, *others = [when.isoformat() for when in in_some_month(sentence, day.value, index, day.end - 1)]
    return sentence.found("date", first_day, index, day.end - 1, others)


def _year(sentence: Sentence, index: int) -> Part | None:
    """A year after day and month: four figures, two, or words."""
    index += (
        sentence.key(index) in {",", "in"} or (sentence.key(index) == "im" and sentence.key(index + 1) == "jahr") * 2
    )
    if sentence.key(index) in {"oh", "o"}:
        digit = cardinal_at(sentence, index + 1)
        return Part(2000 + digit.value, digit.end, True) if digit and digit.value < 10 else None
    number = cardinal_at(sentence, index)
    if number is None or sentence.key(number.end) in context.UNITS or sentence.key(number.end) == ":":
        return None
    if number.typed:
        ok = len(sentence.key(index)) in (2, 4) and (number.value < 100 or 1900 <= number.value <= 2099)
        return Part(full_year(number.value, sentence.today), number.end, True) if ok else None
    return _spoken_year(sentence, number.value, number.end)


def _spoken_year(sentence: Sentence, value: int, end: int) -> Part | None:
    """`neunzehnhundertsiebenundachtzig`, `siebenundachtzig`, `nineteen eighty seven`, `null zwei`."""
    if 1900 <= value <= 2099:
        return Part(value, end, True)
    follower = cardinal_at(sentence, end)
    zero = sentence.key(end) in {"oh", "o", "null", "zero"}
    digit = cardinal_at(sentence, end + 1) if zero else None
    if value in (19, 20) and digit and digit.value < 10:
        return Part(value * 100 + digit.value, digit.end, True)
    if value in (19, 20) and follower and not follower.typed and 10 <= follower.value < 100:
        return Part(value * 100 + follower.value, follower.end, True)
    if value == 0 and follower and follower.value < 10:
        return Part(2000 + follower.value, follower.end, True)
    return Part(full_year(value, sentence.today), end, True) if 10 <= value < 100 else None
