"""Days told from today: `übermorgen`, `in drei Tagen`, `nächsten Dienstag`, `Heiligabend`."""

from collections.abc import Iterator
from datetime import date, timedelta

from bot.nlu.calendar_words import (
    LONGEST_NAME,
    RELATIVE,
    SHORT_WEEKDAYS,
    named_day,
    named_days,
    weekdays,
)
from bot.nlu.numbers import cardinal_at
from bot.nlu.tense import looks_back
from bot.nlu.tokens import Found, Sentence, word_set

_NOT_BEFORE_MORGEN = word_set(
    "guten gutn guden goden gute am jeden heute gestern schoenen schoen einen diesen den im frueh "
    "wunderschoenen montag dienstag mittwoch donnerstag freitag samstag sonntag"
)
_NEXT = word_set("naechste naechsten naechster naechstem kommende kommenden kommender next coming")
_LAST = word_set("letzte letzten letzter letztem vergangene vergangenen vergangener last seit since past vorigen")
_AFTER_NEXT = word_set("uebernaechste uebernaechsten uebernaechster")
_EVERY = word_set("jeden jede every")
_WEEK = frozenset({"woche", "week"})
_DAYS = {"tag": 1, "tage": 1, "tagen": 1, "day": 1, "days": 1, "woche": 7, "wochen": 7, "week": 7, "weeks": 7}
_ONE = word_set("einem einer einen ner nem a one")
_SHORT_JOINTS = word_set(", den dem der the .")


def find_relative_dates(sentence: Sentence) -> Iterator[Found]:
    """All days told from today, weekdays as the next to come unless said otherwise."""
    index = 0
    while index < len(sentence):
        found = None
        if sentence.open(index):
            found = _named(sentence, index) or _in_days(sentence, index) or _weekday(sentence, index)
        if found is None:
            index += 1
            continue
        yield found
        while index < len(sentence) and sentence.tokens[index].start < found.end:
            index += 1


def _found(sentence: Sentence, when: date, first: int, last: int, *others: date) -> Found:
    """The day, or the one as far from it as words after it say: `heute in einer Woche`."""
    offset = _offset(sentence, last + 1)
    if offset:
        return sentence.found("date", (when + timedelta(days=offset[0])).isoformat(), first, offset[1])
    return sentence.found("date", when.isoformat(), first, last, [day.isoformat() for day in others])


def _named(sentence: Sentence, index: int) -> Found | None:
    """`heute`, `the day after tomorrow`, `Heiligabend`."""
    key, today = sentence.key(index), sentence.today
    if holiday := _holiday(sentence, index):
        return holiday
    if key == "day" and sentence.key(index + 2) in {"tomorrow", "yesterday"}:
        days = {"after": 2, "before": -2}.get(sentence.key(index + 1))
        return _found(sentence, today + timedelta(days=days), index, index + 2) if days else None
    if key not in RELATIVE or (key in {"morgen", "morjen"} and not _means_tomorrow(sentence, index)):
        return None
    return _found(sentence, today + timedelta(days=RELATIVE[key]), index, index)


def _holiday(sentence: Sentence, index: int) -> Found | None:
    """`Heiligabend`, `1. Weihnachtstag`, `Buß- und Bettag`, `new year's eve`: the next one, the longest name first."""
    lengths = range(min(LONGEST_NAME, len(sentence) - index), 0, -1)
    length = next((n for n in lengths if _words(sentence, index, n) in named_days()), 0)
    if not length:
        return None
    named, today = named_days()[_words(sentence, index, length)], sentence.today
    this_year, next_year = (named_day(named, today.year + ahead) for ahead in (0, 1))
    return _found(sentence, this_year if this_year >= today else next_year, index, index + length - 1)


def _words(sentence: Sentence, index: int, length: int) -> tuple[str, ...]:
    return tuple("'" if key == "’" else key for key in sentence.keys(index, index + length))


def _means_tomorrow(sentence: Sentence, index: int) -> bool:
    """Whether `morgen` is the next day, not the morning nor a greeting."""
    before, after = sentence.key(index - 1), sentence.key(index + 1)
    if before in _NOT_BEFORE_MORGEN:
        return False
    greets = index == 0 and len(sentence) > 1 and after in {",", "!", "zusammen", "ich", "hallo", "hier", "leute"}
    return not greets


def _in_days(sentence: Sentence, index: int) -> Found | None:
    """`in drei Tagen`, `heute in einer Woche` (its last three words), `in a week`."""
    offset = _offset(sentence, index)
    if offset is None:
        return None
    when = sentence.today + timedelta(days=offset[0])
    return sentence.found("date", when.isoformat(), index, offset[1])


def _offset(sentence: Sentence, index: int) -> tuple[int, int] | None:
    """How many days `in drei Tagen` says, and its last token."""
    if sentence.key(index) != "in":
        return None
    number = cardinal_at(sentence, index + 1)
    if sentence.key(index + 1) in _ONE and (number is None or number.end == index + 2):
        count, end = 1, index + 2
    elif number and number.value <= 366:
        count, end = number.value, number.end
    else:
        return None
    days = _DAYS.get(sentence.key(end))
    if sentence.key(end) == "day":
        return None
    return (count * days, end) if days else None


def _weekday(sentence: Sentence, index: int) -> Found | None:
    """`am Freitag`, `nächsten Dienstag`, `Dienstag nächste Woche`, `last Monday`."""
    number = _weekday_number(sentence, index)
    if number is None or _dated_anyway(sentence, index) or sentence.key(index - 1) in _EVERY:
        return None
    before, today = sentence.key(index - 1), sentence.today
    first, last, next_week = _week_words(sentence, index)
    if next_week:
        monday = today - timedelta(days=today.weekday()) + timedelta(days=7 * next_week)
        return _found(sentence, monday + timedelta(days=number), first, last)
    previous = today - timedelta(days=(today.weekday() - number - 1) % 7 + 1)
    if before in _LAST:
        return _found(sentence, previous, index - 1, index)
    coming = today + timedelta(days=(number - today.weekday() - 1) % 7 + 1)
    if before in _AFTER_NEXT:
        return _found(sentence, coming + timedelta(days=7), index - 1, index)
    if before in _NEXT:
        return _found(sentence, coming, index - 1, index, coming + timedelta(days=7))
    if looks_back(sentence, index, index):
        return _found(sentence, previous, index, index, coming)
    return _found(sentence, coming, index, index)


def _weekday_number(sentence: Sentence, index: int) -> int | None:
    """The day that a token names; `Mo`, `Fr.` only before a time."""
    short = SHORT_WEEKDAYS.get(sentence.key(index))
    if short is None:
        return weekdays().get(sentence.key(index))
    position = index + 1 + (sentence.key(index + 1) == ".")
    position += sentence.key(position) in {"um", "ab", "gegen"}
    hour = cardinal_at(sentence, position)
    return short if hour and hour.typed and sentence.key(hour.end) in {"uhr", ":", "h"} else None


def _week_words(sentence: Sentence, index: int) -> tuple[int, int, int]:
    """How many weeks ahead `nächste Woche` beside a weekday means, and the tokens of it all."""
    before, after = sentence.keys(index - 2, index), sentence.keys(index + 1, index + 3)
    for words, first, last in ((after, index, index + 2), (before, index - 2, index)):
        if len(words) == 2 and words[1] in _WEEK and words[0] in _NEXT | _AFTER_NEXT:
            return first, last, 2 if words[0] in _AFTER_NEXT else 1
    longer = sentence.keys(index - 3, index)
    if len(longer) == 3 and longer[1] in _WEEK and longer[0] in _NEXT and longer[2] == "am":
        return index - 3, index, 1
    return index, index, 0


def _dated_anyway(sentence: Sentence, index: int) -> bool:
    """Whether a full date follows the weekday: `Freitag, den 27.11.`."""
    position = index + 1
    while sentence.open(position) and sentence.key(position) in _SHORT_JOINTS:
        position += 1
    return position < len(sentence) and position - index <= 3 and not sentence.open(position)
