"""Days: typed in figures, said in words, or told relative to today. Values are ISO dates."""

import re
from collections.abc import Iterator
from datetime import date

from bot.nlu import context
from bot.nlu.days import day_or_none, full_year, in_some_year
from bot.nlu.relative_dates import find_relative_dates
from bot.nlu.runs import find_runs
from bot.nlu.tokens import Found, Sentence, word_set
from bot.nlu.worded_dates import find_worded_dates

_ISO = re.compile(r"(?<![\d.,/-])(\d{4})-(\d{1,2})-(\d{1,2})(?![\d-])")
_FIGURES = re.compile(
    r"(?<![\d.,/:-])(\d{1,2}) ?([./-]) ?(\d{1,2})"
    r"(?: ?\2 ?(\d{4}|\d{2})(?!\d|[.,:/-]\d)|(\.)(?!\d)|(?![\d€%]|[.,:/-]\d))"
)
_SPACED = re.compile(r"(?<![\d.,/:-])(\d{1,2}) (\d{1,2}) ((?:19|20)\d\d)(?![\d.,:/-]\d|\d| \d)")
_COMPACT = re.compile(r"(?<![\d.,/:-])(\d{2})(\d{2})((?:19|20)\d\d)(?!\d)")
_DIGITS = re.compile(r"(\d\d)(\d\d)((?:19|20)\d\d|\d\d)")
_DAY_WORDS = word_set("am vom zum bis ab den der dem seit datum geboren on from until till since by the born und")


def find_dates(sentence: Sentence) -> Iterator[Found]:
    """Dates in figures, then in words, then relative ones."""
    yield from _typed(sentence)
    yield from find_worded_dates(sentence)
    yield from _said_in_digits(sentence)
    yield from find_relative_dates(sentence)


def _typed(sentence: Sentence) -> Iterator[Found]:
    for match in _ISO.finditer(sentence.plain):
        day = day_or_none(int(match[1]), int(match[2]), int(match[3]))
        if day:
            yield sentence.between("date", day.isoformat(), match.start(), match.end())
    for match in _FIGURES.finditer(sentence.plain):
        yield from _figures(sentence, match)
    for pattern in (_SPACED, _COMPACT) if context.mentions(sentence, context.BIRTH) else (_SPACED,):
        for match in pattern.finditer(sentence.plain):
            day = day_or_none(int(match[3]), int(match[2]), int(match[1]))
            if day:
                yield sentence.between("date", day.isoformat(), match.start(), match.end())


def _said_in_digits(sentence: Sentence) -> Iterator[Found]:
    """A birth date said as six or eight digits: `null eins null neun neunzehn achtundsechzig`."""
    if not context.mentions(sentence, context.BIRTH):
        return
    for run in find_runs(sentence):
        days = () if run.typed else (_birth_date(digits, sentence.today) for digits in run.readings)
        born = next((day for day in days if day), None)
        if born:
            yield sentence.found("date", born.isoformat(), run.first, run.last)


def _birth_date(digits: str, today: date) -> date | None:
    """The day that `01091968` or `010968` means, if it is over."""
    match = _DIGITS.fullmatch(digits)
    when = day_or_none(full_year(int(match[3]), today), int(match[2]), int(match[1])) if match else None
    return when if when and when <= today else None


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
    days = [day for d, m in orders for day in _days(sentence, d, m, match)]
    if days:
        first_day, *others = [day.isoformat() for day in days]
        yield sentence.between("date", first_day, match.start(), match.end(), others)


def _days(sentence: Sentence, day: int, month: int, match: re.Match[str]) -> list[date]:
    """The days that figures can mean; more than one without a year."""
    if match[4]:
        when = day_or_none(full_year(int(match[4]), sentence.today), month, day)
        return [when] if when else []
    first = sentence.index_at(match.start())
    return in_some_year(sentence, day, month, first, sentence.index_at(match.end() - 1))


def _is_time(sentence: Sentence, match: re.Match[str]) -> bool:
    return match[4] is None and sentence.text[match.end() :].lstrip().lower().startswith(
        ("uhr", "h ", "pm", "am", "p.m", "a.m")
    )


def _is_version(sentence: Sentence, match: re.Match[str]) -> bool:
    return sentence.plain[: match.start()].lower().endswith(("version ", " v", "v. "))


def _announced(sentence: Sentence, match: re.Match[str]) -> bool:
    """Whether figures without a year follow a word such as `am`; a dash then means a range."""
    if match.start() == 0 and match.end() == len(sentence.text) and match[2] == ".":
        return True
    before = re.search(r"([^\W\d]+) $", sentence.text[: match.start()])
    return match[2] != "-" and before is not None and before[1].lower() in _DAY_WORDS
