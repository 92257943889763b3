"""Which day a day and month mean when the year is missing or short."""

from collections.abc import Callable
from datetime import date

from bot.nlu.tense import looks_ahead, looks_back
from bot.nlu.tokens import Sentence

_MONTHS = 12


def day_or_none(year: int, month: int, day: int) -> date | None:
    """The date, or None when there is no such day."""
    try:
        return date(year, month, day)
    except ValueError:
        return None


def full_year(year: int, today: date) -> int:
    """A two-digit year as the latest one not later than next year: 87 is 1987, 05 is 2005."""
    if year >= 100:
        return year
    century = today.year - today.year % 100
    return century + year if century + year <= today.year + 1 else century - 100 + year


def in_some_year(sentence: Sentence, day: int, month: int, first: int, last: int) -> list[date]:
    """The day of the year that is meant by tokens `first` to `last`, then the one on the other side of today.

    The words around tell past from future; else it is the nearer one.
    """
    today = sentence.today
    near = [when for year in (-1, 0, 1) if (when := day_or_none(today.year + year, month, day))]
    return _ordered(sentence, near, first, last, lambda when: abs((when - today).days))


def in_some_month(sentence: Sentence, day: int, first: int, last: int) -> list[date]:
    """The next such day of a month and the last one; the other way round where the words look back."""
    start = sentence.today.year * _MONTHS + sentence.today.month - 1
    months = [divmod(start + ahead, _MONTHS) for ahead in range(-_MONTHS, _MONTHS + 1)]
    near = [when for year, month in months if (when := day_or_none(year, month + 1, day))]
    return _ordered(sentence, near, first, last, lambda when: when < sentence.today)


def _ordered(
    sentence: Sentence, near: list[date], first: int, last: int, likely: Callable[[date], float]
) -> list[date]:
    past = max((when for when in near if when < sentence.today), default=None)
    coming = min((when for when in near if when >= sentence.today), default=None)
    both = [when for when in (past, coming) if when]
    if looks_back(sentence, first, last):
        return both
    return both[::-1] if looks_ahead(sentence, first, last) else sorted(both, key=likely)
