"""Times of day: `14:30`, `14 Uhr 30`, `halb acht`, `viertel vor neun`, `half past seven`, `3 pm`. Values are HH:MM."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bot.nlu.dayparts import PARTS_ALONE, half_of_day, hour_in, part_at, part_beside
from bot.nlu.numbers import cardinal_at
from bot.nlu.tokens import Found, Sentence, word_set

_CLOCK = re.compile(r"(?<![\d:.,/-])([01]?\d|2[0-4])([:.h])([0-5]\d)(?::[0-5]\d)?(?![\d:%€]|[.,]\d| \d\d(?: \d\d)+\b)")
_HALF_HOURS = frozenset({"halb", "halber"})
_QUARTERS = {"viertel": 15, "dreiviertel": 45, "quarter": 15}
_ROUND_MINUTES = frozenset({5, 10, 20, 25})
_PAST = frozenset({"nach", "past", "after"})
_TO = frozenset({"vor", "to", "before", "till", "of"})
_AT = word_set("um gegen ab bis at from around until till by zwischen between nach before after kurz von und and")
_SURE_AT = word_set("um gegen at around")
_BETWEEN = frozenset({"und", "and", "bis", "to", "-", "–", "oder", "or"})
_AFTER_HOUR = word_set(
    ". , ! ? ; ) bitte zurueck zurueckrufen anrufen rufen oder und bis heute morgen uebermorgen am geht "
    "passt an please today tomorrow on or and to works would is if in ok okay rum herum da erreichbar "
    "erreichen waere ist montag dienstag mittwoch donnerstag freitag samstag monday tuesday wednesday "
    "thursday friday saturday - – einen eine den die das der mich mir uns ihn sie wenn weil dann auf mit "
    "bei zu zum fuer noch nochmal werden kann koennte koennten moechte haben vorbei los with for me i we "
    "maybe because then from back vielleicht sein hat habe ich er nicht aber wie ok so telefonieren "
    "sprechen"
)
_NAMED = {"mitternacht": 0, "midnight": 0, "noon": 12, "midday": 12}


@dataclass(frozen=True, slots=True)
class Clock:
    """A time read from the text, the tokens it spans, and whether it may be twelve hours later."""

    hour: int
    minute: int
    first: int
    end: int
    open: bool


def find_times(sentence: Sentence) -> Iterator[Found]:
    """All times of day; where morning or afternoon is open, the later one is an alternative."""
    index = 0
    while index < len(sentence):
        clock = _clock_at(sentence, index) if sentence.open(index) else None
        if clock is None:
            index += 1
            continue
        yield _said(sentence, clock)
        index = max(clock.end, index + 1)


def _said(sentence: Sentence, clock: Clock) -> Found:
    part, end = part_beside(sentence, clock.first, clock.end)
    part = part or (_part_of_pair(sentence, clock) if clock.open else "")
    hour = hour_in(part, clock.hour)
    later = [f"{hour + 12:02}:{clock.minute:02}"] if clock.open and not part and 1 <= hour < 12 else []
    return sentence.found("time", f"{hour % 24:02}:{clock.minute:02}", clock.first, end - 1, later)


def _part_of_pair(sentence: Sentence, clock: Clock) -> str:
    """The part of the day that belongs to both hours of `between 2 and 4 pm`."""
    other = cardinal_at(sentence, clock.end + 1) if sentence.key(clock.end) in _BETWEEN else None
    if other is None or other.value <= clock.hour:
        return ""
    end = other.end + (sentence.key(other.end) == "uhr")
    return part_at(sentence, end)


def _clock_at(sentence: Sentence, index: int) -> Clock | None:
    for read in (_figures, _relative, _hours, _named):
        clock = read(sentence, index)
        if clock and clock.hour <= 24 and clock.minute < 60 and (clock.hour < 24 or clock.minute == 0):
            return clock
    return None


def _named(sentence: Sentence, index: int) -> Clock | None:
    hour = _NAMED.get(sentence.key(index))
    return None if hour is None else Clock(hour, 0, index, index + 1, False)


def _figures(sentence: Sentence, index: int) -> Clock | None:
    """`14:30`, `14.30 Uhr`."""
    match = _CLOCK.match(sentence.plain, sentence.tokens[index].start)
    if match is None:
        return None
    end = index
    while end < len(sentence) and sentence.tokens[end].start < match.end():
        end += 1
    uhr = sentence.key(end) in {"uhr", "h"}
    named = uhr or half_of_day(sentence, end)
    if match[2] == "." and not named and sentence.key(index - 1) not in _SURE_AT:
        return None
    return Clock(int(match[1]), int(match[3]), index, end + uhr, not uhr and int(match[1]) < 12 and match[1][0] != "0")


def _hours(sentence: Sentence, index: int) -> Clock | None:
    """`17 Uhr`, `14 uhr 30`, `3 pm`, `three o'clock`, `seven thirty pm`, `um drei`, `zwischen 14 und 16 Uhr`."""
    if sentence.key(index) == "ein" and sentence.key(index + 1) == "uhr":
        return _with_minutes(sentence, 1, index, index + 2)
    number = cardinal_at(sentence, index)
    if (
        number is None
        or number.value > 24
        or (number.typed and number.end - index == 1 and len(sentence.key(index)) > 2)
    ):
        return None
    key = sentence.key(number.end)
    if key == "uhr" or (key == "h" and number.value < 24):
        return _with_minutes(sentence, number.value, index, number.end + 1)
    if sentence.keys(number.end, number.end + 3) in {("o", "'", "clock"), ("o", "’", "clock")}:
        return Clock(number.value, 0, index, number.end + 3, number.value < 12)
    if key == "oclock":
        return Clock(number.value, 0, index, number.end + 1, number.value < 12)
    if half_of_day(sentence, number.end):
        return Clock(number.value, 0, index, number.end, False)
    return _english_minutes(sentence, number.value, index, number.end) or _bare(
        sentence, number.value, index, number.end
    )


def _with_minutes(sentence: Sentence, hour: int, index: int, end: int) -> Clock:
    minutes = cardinal_at(sentence, end)
    open_ = 1 <= hour < 12
    if minutes and minutes.value < 60 and not _begins_other(sentence, minutes.end):
        return Clock(hour, minutes.value, index, minutes.end, open_)
    return Clock(hour, 0, index, end, open_)


def _begins_other(sentence: Sentence, index: int) -> bool:
    """Whether the number before the token is a day or counts something, not minutes."""
    following = sentence.key(index)
    return (following in {"uhr", "."} and sentence.glued(index)) or following in {
        "uhr",
        "stueck",
        "euro",
        "pakete",
        "mal",
        "tage",
    }


def _english_minutes(sentence: Sentence, hour: int, index: int, end: int) -> Clock | None:
    """`seven thirty pm`, `at seven fifteen`."""
    minutes = cardinal_at(sentence, end)
    if minutes is None or not 1 <= hour <= 12 or not 10 <= minutes.value < 60 or minutes.typed:
        return None
    halved = half_of_day(sentence, minutes.end)
    if halved or sentence.key(index - 1) in {"at", "around"}:
        return Clock(hour, minutes.value, index, minutes.end, not halved)
    return None


def _bare(sentence: Sentence, hour: int, index: int, end: int) -> Clock | None:
    """An hour without `Uhr`: after `um`, beside a part of the day, or paired with another hour."""
    before, after = sentence.key(index - 1), sentence.key(end)
    ends = end >= len(sentence) or after in _AFTER_HOUR or part_beside(sentence, index, end)[0] != ""
    if ends and (before in _SURE_AT or (before in _AT and _has_part(sentence, index, end))):
        return Clock(hour, 0, index, end, hour < 12)
    if after in _BETWEEN:
        other = cardinal_at(sentence, end + 1)
        named = other and (sentence.key(other.end) in {"uhr", "oclock", "o"} or half_of_day(sentence, other.end))
        if other and other.value <= 24 and named:
            return Clock(hour, 0, index, end, hour < 12)
    between = any(key in {"zwischen", "between"} for key in sentence.keys(index - 6, index - 1))
    if (ends and between and before in _BETWEEN) or (before in {"zwischen", "between"} and after in _BETWEEN):
        return Clock(hour, 0, index, end, hour < 12)
    return None


def _has_part(sentence: Sentence, index: int, end: int) -> bool:
    around = sentence.keys(index - 3, index) + sentence.keys(end, end + 2)
    return any(key in PARTS_ALONE for key in around)


def _relative(sentence: Sentence, index: int) -> Clock | None:
    """`halb acht`, `fünf vor halb acht`, `viertel vor neun`, `viertel neun`, `ten to nine`, `half past seven`."""
    key = sentence.key(index)
    if key in _HALF_HOURS:
        return _half(sentence, index)
    if key == "half":
        return _english_half(sentence, index)
    if key in _QUARTERS:
        return _offset(sentence, index, _QUARTERS[key], index + 1) or _quarter_of(sentence, index)
    number = cardinal_at(sentence, index)
    if number and 1 <= number.value < 30:
        end = number.end + (sentence.key(number.end) in {"minuten", "minutes"})
        exact = end > number.end or number.value in _ROUND_MINUTES
        is_range = number.typed and sentence.key(end) in {"to", "of", "after"}
        return _offset(sentence, index, number.value, end) if exact and not is_range else None
    return None


def _half(sentence: Sentence, index: int) -> Clock | None:
    hour = _hour(sentence, index + 1)
    return Clock((hour[0] - 1) % 24, 30, index, hour[1], hour[0] <= 12) if hour else None


def _english_half(sentence: Sentence, index: int) -> Clock | None:
    past = sentence.key(index + 1) == "past"
    hour = _hour(sentence, index + 1 + past)
    return Clock(hour[0], 30, index, hour[1], hour[0] < 12) if hour and (past or hour[0] <= 12) else None


def _quarter_of(sentence: Sentence, index: int) -> Clock | None:
    """`viertel neun` is 8:15 and `dreiviertel neun` 8:45, as said in the east and south."""
    hour = _hour(sentence, index + 1)
    if hour is None or sentence.key(index) == "quarter":
        return None
    return Clock((hour[0] - 1) % 24, _QUARTERS[sentence.key(index)], index, hour[1], hour[0] <= 12)


def _offset(sentence: Sentence, index: int, minutes: int, end: int) -> Clock | None:
    """Minutes before or after an hour or half hour."""
    word = sentence.key(end)
    sign = 1 if word in _PAST else -1 if word in _TO else 0
    if not sign:
        return None
    half = _half(sentence, end + 1) if sentence.key(end + 1) in _HALF_HOURS else None
    hour = _hour(sentence, end + 1)
    base = (half.hour * 60 + 30, half.end) if half else (hour[0] * 60, hour[1]) if hour else None
    if base is None:
        return None
    total = (base[0] + sign * minutes) % (24 * 60)
    return Clock(total // 60, total % 60, index, base[1], total // 60 < 12)


def _hour(sentence: Sentence, index: int) -> tuple[int, int] | None:
    """An hour in figures or words, and the token after it with its `Uhr`."""
    number = cardinal_at(sentence, index)
    if number is not None and number.value <= 24:
        return number.value, number.end + (sentence.key(number.end) == "uhr")
    return (1, index + 1) if sentence.key(index) == "ein" else None
