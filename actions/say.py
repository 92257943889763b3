"""Dates, times, money and lists as people say them, in German and English."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, time

from babel.dates import format_date, format_time
from babel.numbers import format_currency

LOCALES = {"de": "de_DE", "en": "en_GB"}
NEAR = {
    "de": {-1: "gestern", 0: "heute", 1: "morgen", 2: "übermorgen"},
    "en": {-1: "yesterday", 0: "today", 1: "tomorrow"},
}
DAY = {"de": "EEEE, 'den' d. MMMM", "en": "EEEE d MMMM"}
AND = {"de": "und", "en": "and"}


def day(value: date, today: date, language: str) -> str:
    """A day as people say it: `morgen, Dienstag, den 24. November`; another year is named."""
    pattern = DAY[language] + (" y" if value.year != today.year else "")
    spoken = format_date(value, pattern, locale=LOCALES[language])
    near = NEAR[language].get((value - today).days)
    return f"{near}, {spoken}" if near else spoken


def clock(value: time, language: str) -> str:
    """A time of day: `14:30 Uhr`, `14 Uhr`, `2:30 pm`, `2 pm`."""
    if language == "de":
        return f"{value.hour} Uhr" if value.minute == 0 else f"{value:%H:%M} Uhr"
    pattern = "h a" if value.minute == 0 else "h:mm a"
    return format_time(value, pattern, locale=LOCALES[language]).lower().replace("\u202f", " ")


def money(cents: int, language: str) -> str:
    """An amount in euros: `89,90 €`, `€89.90`."""
    return format_currency(cents / 100, "EUR", locale=LOCALES[language]).replace("\xa0", " ")


def together(parts: Sequence[str], language: str) -> str:
    """A list in one phrase: `Zelt, Rucksack und Jacke`."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} {AND[language]} {parts[-1]}"
