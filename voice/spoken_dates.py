"""Dates, times of day and weekdays as people say them, with German endings that fit the word before."""

from __future__ import annotations

import re
from collections.abc import Mapping

from voice.spoken_numbers import Rule
from voice.words import Words, words_of

FIRST_ORDINALS = "nullte erste zweite dritte vierte fünfte sechste siebte achte neunte zehnte elfte zwölfte"
BEFORE_TEN = {6: "sech", 7: "sieb"}
TENS = {2: "zwanzig", 3: "dreißig"}
LAST_DAY = 31
MONTHS = 12
AFTER_THESE_N = ("am", "dem", "den", "zum", "vom", "beim", "bis", "ab", "seit", "nach", "vor", "und", "oder")
AFTER_THESE_E = ("der", "die", "das")
NOON = 12
TH = {1: "st", 2: "nd", 3: "rd"}
BEFORE = r"(?:\b(?P<before>[^\W\d]+)(?P<gap>\s+))?"
ISO_DATE = re.compile(rf"{BEFORE}(?<![\w-])(?P<year>\d{{4}})-(?P<month>\d{{2}})-(?P<day>\d{{2}})(?![\w-])")
DOTTED_DATE = re.compile(
    rf"{BEFORE}(?<![\w.,])(?P<day>\d{{1,2}})\. ?(?P<month>\d{{1,2}})\.(?: ?(?P<year>\d{{4}})|(?P<short>\d{{2}}))?(?!\d)"
)
SLASHED_DATE = re.compile(rf"{BEFORE}(?<![\w/])(?P<day>\d{{1,2}})/(?P<month>\d{{1,2}})/(?P<year>\d{{4}})(?![\w/])")
RANGE = re.compile(r"(?<![\w.,-])(\d{1,2}(?:[:.,]\d{1,2})?) ?- ?(\d{1,2}(?:[:.,]\d{1,2})?)(?![\w-]|[.,]\d)")
LONG_RANGE = re.compile(r"(?<=\w) ?– ?(?=\d)|(?<=\w)–(?=\w)")
GERMAN_CLOCK = re.compile(
    r"(?<![\d:.,])(?P<hour>[01]?\d|2[0-4])(?::(?P<minute>[0-5]\d)(?: ?Uhr\b)?|\.(?P<dotted>[0-5]\d) ?Uhr\b)(?![\d:])"
)
FULL_HOUR = re.compile(r"(?<![\d:.,])0(?P<hour>\d) ?Uhr\b")
ENGLISH_CLOCK = re.compile(
    r"(?<![\d:.,])(?P<hour>[01]?\d|2[0-4]):(?P<minute>[0-5]\d)(?: ?(?P<half>[AaPp])(?:[Mm]\b|\.[Mm]\b\.?))?(?![\d:])"
)


def date_rules(language: str) -> list[Rule]:
    """What is said for dates, times, ranges and weekdays, in the order in which they are looked for."""
    german = language.startswith("de")
    words = words_of(language)
    dates = [DOTTED_DATE, ISO_DATE, *([] if german else [SLASHED_DATE]), *_worded_dates(words, german)]
    clocks: list[Rule] = [(GERMAN_CLOCK, _german_clock), (FULL_HOUR, lambda match: f"{match['hour']} Uhr")]
    return [
        *_weekday_rules(words),
        *((pattern, lambda match: _date(match, words, german)) for pattern in dates),
        (RANGE, lambda match: f"{match[1]} {words.to} {match[2]}"),
        (LONG_RANGE, lambda match: f" {words.to} "),
        *(clocks if german else [(ENGLISH_CLOCK, _english_clock)]),
    ]


def german_ordinal(number: int, ending: str) -> str:
    """`vierundzwanzigsten` for 24 and `n`; numbers to 31."""
    first = FIRST_ORDINALS.split()
    if number < len(first):
        return first[number] + ending
    tens, ones = divmod(number, 10)
    unit = words_of("de").digits[ones]
    if tens == 1:
        return f"{BEFORE_TEN.get(ones, unit)}zehnte{ending}"
    joined = f"{unit.removesuffix('s') if ones == 1 else unit}und" if ones else ""
    return f"{joined}{TENS[tens]}ste{ending}"


def _worded_dates(words: Words, german: bool) -> list[re.Pattern[str]]:
    names = "|".join(
        rf"{name[:3]}(?:{name[3:]}(?!\w)|t?\.|t?(?!\w))" if len(name) > 3 else rf"{name}(?!\w)"
        for name in words.months.split()
    )
    month, year = rf"(?P<name>{names})", r"(?:,? (?P<year>\d{4})(?!\d))?"
    if german:
        day = r"(?<![\w.,])(?P<day>\d{1,2})\."
        another = rf"(?= (?:bis|und|oder)(?: zum)? \d{{1,2}}\. ?(?:{names}))"
        return [re.compile(rf"{BEFORE}{day}{another}"), re.compile(rf"{BEFORE}{day} ?{month}{year}")]
    day = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
    return [
        re.compile(rf"{BEFORE}(?<![\w.,]){day}(?: of)? {month}{year}"),
        re.compile(rf"{BEFORE}\b{month} {day}(?![\w:]|[.,]\d){year}"),
    ]


def _date(match: re.Match[str], words: Words, german: bool) -> str:
    """The day in words; unchanged when the calendar has no such day."""
    found = {name: value or "" for name, value in match.groupdict().items()}
    day, month = int(found["day"]), _month(found, words)
    if month and not german and month > MONTHS >= day:
        day, month = month, day
    if not (1 <= day <= LAST_DAY and (month is None or 1 <= month <= MONTHS)):
        return match.group()
    year = found.get("year") or (f"20{found['short']}" if found.get("short") else "")
    name = words.months.split()[month - 1] if month else ""
    said = " ".join(part for part in (_day(day, found["before"], german), name, year) if part)
    return f"{found['before']}{found['gap']}{said}"


def _month(found: Mapping[str, str], words: Words) -> int | None:
    """The month's number; None for the first of two days, `24. bis 26. November`."""
    if name := found.get("name"):
        return [month[:3] for month in words.months.split()].index(name[:3]) + 1
    return int(found["month"]) if "month" in found else None


def _day(day: int, before: str, german: bool) -> str:
    if not german:
        ending = TH.get(day % 10, "th") if day // 10 != 1 else "th"
        return f"{'' if before.lower() == 'the' else 'the '}{day}{ending} of"
    word = before.lower()
    return german_ordinal(day, "n" if word in AFTER_THESE_N else "" if word in AFTER_THESE_E else "r")


def _german_clock(match: re.Match[str]) -> str:
    hour, minute = int(match["hour"]), int(match["minute"] or match["dotted"])
    return f"{hour} Uhr {minute}" if minute else f"{hour} Uhr"


def _english_clock(match: re.Match[str]) -> str:
    hour, minute = int(match["hour"]), match["minute"]
    half = f"{match['half'].lower()}m" if match["half"] else "am" if hour % 24 < NOON else "pm"
    shown = (hour - 1) % NOON + 1
    return f"{shown} {half}" if minute == "00" else f"{shown}:{minute} {half}"


def _weekday_rules(words: Words) -> list[Rule]:
    """Short weekdays; those that are words too (`So`, `Sat`) only before a number or in a range."""
    short = "|".join(words.weekdays)
    sure = "|".join(day for day in words.weekdays if day not in words.weekdays_that_are_words)
    dot = r"(?:\.(?=\s*[,\d-]))?"
    return [
        (
            re.compile(rf"(?<![\w-])({short})\.? ?(?:-|–|{words.to}) ?({short})(?![\w-]){dot}"),
            lambda match: f"{words.weekdays[match[1]]} {words.to} {words.weekdays[match[2]]}",
        ),
        (
            re.compile(rf"(?<![\w-])(?:({short})\.?(?=,? \d{{1,2}}(?!\d))|({sure})(?![\w-]){dot})"),
            lambda match: words.weekdays[match[1] or match[2]],
        ),
    ]
