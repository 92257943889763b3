"""Days: typed in figures, said in words, or told relative to today. Values are ISO dates."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from bot.nlu import context
from bot.nlu.calendar_words import months
from bot.nlu.numbers import cardinal_at, numeral
from bot.nlu.relative_dates import find_relative_dates
from bot.nlu.tokens import Found, Sentence, word_set

_ISO = re.compile(r"(?<![\d.,/-])(\d{4})-(\d{1,2})-(\d{1,2})(?![\d-])")
_FIGURES = re.compile(
    r"(?<![\d.,/:-])(\d{1,2}) ?([./-]) ?(\d{1,2})"
    r"(?: ?\2 ?(\d{4}|\d{2})(?!\d|[.,:/-]\d)|(\.)(?!\d)|(?![\d€%]|[.,:/-]\d))"
)
_SPACED = re.compile(r"(?<![\d.,/:-])(\d{1,2}) (\d{1,2}) ((?:19|20)\d\d)(?![\d.,:/-]\d|\d| \d)")
_COMPACT = re.compile(r"(?<![\d.,/:-])(\d{2})(\d{2})((?:19|20)\d\d)(?!\d)")
_DAY_WORDS = word_set("am vom zum bis ab den der dem seit datum geboren on from until till since by the born und")
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


def find_dates(sentence: Sentence) -> Iterator[Found]:
    """Dates in figures, then in words, then relative ones."""
    yield from _typed(sentence)
    yield from _worded(sentence)
    yield from find_relative_dates(sentence)


def _typed(sentence: Sentence) -> Iterator[Found]:
    for match in _ISO.finditer(sentence.plain):
        day = _date(int(match[1]), int(match[2]), int(match[3]))
        if day:
            yield sentence.between("date", day.isoformat(), match.start(), match.end())
    for match in _FIGURES.finditer(sentence.plain):
        yield from _figures(sentence, match)
    for pattern in (_SPACED, _COMPACT) if context.mentions(sentence, context.BIRTH) else (_SPACED,):
        for match in pattern.finditer(sentence.plain):
            day = _date(int(match[3]), int(match[2]), int(match[1]))
            if day:
                yield sentence.between("date", day.isoformat(), match.start(), match.end())


def _figures(sentence: Sentence, match: re.Match[str]) -> Iterator[Found]:
    """`12.4.1987`, `12.4.`, `12/04/1987`; the month first after a slash in English."""
    first, sign, second, year, dot = match.groups()
    if (
        _is_time(sentence, match)
        or _is_version(sentence, match)
        or not (year or (dot and sign == ".") or _announced(sentence, match))
    ):
        return
    orders = [(int(first), int(second)), (int(second), int(first))]
    if sign == ".":
        orders = orders[:1]
    elif sign == "/" and sentence.language == "en":
        orders.reverse()
    days = [day for d, m in orders if (day := _dated(sentence, d, m, year))]
    if days:
        values = [day.isoformat() for day in days]
        alternatives = values[1:] or ([] if year else _other_year(sentence, days[0]))
        yield sentence.between("date", values[0], match.start(), match.end(), alternatives)


def _dated(sentence: Sentence, day: int, month: int, year: str | None) -> date | None:
    return _date(full_year(int(year), sentence.today), month, day) if year else nearest(day, month, sentence.today)


def _is_time(sentence: Sentence, match: re.Match[str]) -> bool:
    return match[4] is None and sentence.text[match.end() :].lstrip().lower().startswith(
        ("uhr", "h ", "pm", "am", "p.m", "a.m")
    )


def _is_version(sentence: Sentence, match: re.Match[str]) -> bool:
    return sentence.plain[: match.start()].lower().endswith(("version ", " v", "v. "))


def _announced(sentence: Sentence, match: re.Match[str]) -> bool:
    """Whether figures without a year follow a word such as `am`; a dash then means a range."""
    before = re.search(r"([^\W\d]+) $", sentence.text[: match.start()])
    return match[2] != "-" and before is not None and before[1].lower() in _DAY_WORDS


def _worded(sentence: Sentence) -> Iterator[Found]:
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
    when = _date(year.value, month, day) if year else nearest(day, month, sentence.today)
    if when is None:
        return None, index + 1
    last = (year.end if year else end) - 1
    others = [] if year else _other_year(sentence, when)
    return sentence.found("date", when.isoformat(), index, last, others), last + 1


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
    return (day.value, month.value, month.end) if born else None


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
    ends = day.end >= len(sentence) or sentence.key(day.end) in _AFTER_LONE_DAY
    if not ends and day.value <= _COUNTED_THINGS:
        return None
    days = [when for ahead in range(-12, 13) if (when := _in_month(sentence.today, ahead, day.value))]
    coming = min(when for when in days if when >= sentence.today)
    past = max(when for when in days if when < sentence.today)
    return sentence.found("date", coming.isoformat(), index, day.end - 1, [past.isoformat()])


def _in_month(today: date, ahead: int, day: int) -> date | None:
    """That day of the month which lies so many months ahead."""
    year, month = divmod(today.year * 12 + today.month - 1 + ahead, 12)
    return _date(year, month + 1, day)


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


def full_year(year: int, today: date) -> int:
    """A two-digit year as the latest one not later than next year: 87 is 1987, 05 is 2005."""
    if year >= 100:
        return year
    century = today.year - today.year % 100
    return century + year if century + year <= today.year + 1 else century - 100 + year


def nearest(day: int, month: int, today: date) -> date | None:
    """The day of the year nearest to today, past or to come."""
    days = [when for year in (-1, 0, 1) if (when := _date(today.year + year, month, day))]
    return min(days, key=lambda when: abs((when - today).days), default=None)


def _other_year(sentence: Sentence, when: date) -> list[str]:
    """The same day on the other side of today."""
    other = _date(when.year + (1 if when < sentence.today else -1), when.month, when.day)
    return [other.isoformat()] if other and abs(other - sentence.today) < timedelta(days=366) else []


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
