"""Opening hours: open now and until when, the next opening, the week in one phrase, public holidays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache

import holidays
from babel.dates import get_day_names

from actions.models import Company, Store
from actions.say import LOCALES, clock

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HOLIDAY_LANGUAGES = {"de": "de", "en": "en_US"}
# Assumption Day is a holiday only in Bavaria's Catholic municipalities; Munich is one.
HOLIDAY_KINDS = {"BY": ("public", "catholic")}
CHRISTMAS_EVE = (12, 24)
# The shop laws of Hamburg, Saxony and Bavaria close shops at two in the afternoon on Christmas Eve.
CHRISTMAS_EVE_CLOSING = time(14)
FARTHEST = 30


@dataclass(frozen=True)
class Span:
    """From when to when a place is open on a day."""

    start: time
    end: time

    def words(self, language: str) -> str:
        """`10 bis 19:30 Uhr`, `10 am to 7:30 pm`."""
        start, end = clock(self.start, language), clock(self.end, language)
        return f"{start.removesuffix(' Uhr')} bis {end}" if language == "de" else f"{start} to {end}"


@dataclass(frozen=True)
class Hours:
    """When a place is open: `week` by weekday (`{"mon": "10:00-20:00"}`), closed on its state's holidays."""

    week: Mapping[str, str]
    state: str
    is_shop: bool = True

    @classmethod
    def of_store(cls, store: Store) -> Hours:
        """The hours of a store."""
        return cls(store.hours, store.state)

    @classmethod
    def of_service(cls, company: Company) -> Hours:
        """The hours in which people of customer service are there."""
        return cls(company.service_hours, company.state, is_shop=False)

    def on(self, when: date) -> Span | None:
        """The hours of a day, None when closed."""
        planned = self.planned(when)
        if planned is None or self.holiday(when, "de"):
            return None
        if self.is_shop and (when.month, when.day) == CHRISTMAS_EVE:
            return Span(planned.start, min(planned.end, CHRISTMAS_EVE_CLOSING))
        return planned

    def planned(self, when: date) -> Span | None:
        """The hours of such a weekday, holiday or not."""
        hours = self.week.get(WEEKDAYS[when.weekday()])
        if not hours:
            return None
        start, end = (time.fromisoformat(part) for part in hours.split("-"))
        return Span(start, end)

    def holiday(self, when: date, language: str) -> str | None:
        """The name of the public holiday on this day, None when it is none."""
        name = _calendar(self.state, language).get(when)
        return str(name) if name else None

    def open_until(self, now: datetime) -> time | None:
        """When the place closes today, None when it is closed at this moment."""
        today = self.on(now.date())
        return today.end if today and today.start <= now.time().replace(tzinfo=None) < today.end else None

    def next_opening(self, now: datetime) -> datetime | None:
        """The next moment at which the place opens, None when it does not within a month."""
        for ahead in range(FARTHEST + 1):
            span = self.on(now.date() + timedelta(days=ahead))
            if span:
                opening = datetime.combine(now.date() + timedelta(days=ahead), span.start, now.tzinfo)
                if opening > now:
                    return opening
        return None

    def next_holiday(self, today: date, days: int) -> date | None:
        """The next holiday from tomorrow on that closes a day which would be open otherwise."""
        coming = (today + timedelta(days=ahead) for ahead in range(1, days + 1))
        return next((when for when in coming if self.planned(when) and self.holiday(when, "de")), None)

    def week_words(self, language: str) -> str:
        """The week in one phrase: `Montag bis Freitag 10 bis 20 Uhr, Samstag 10 bis 18 Uhr`."""
        names = get_day_names("wide", locale=LOCALES[language])
        to = " bis " if language == "de" else " to "
        parts = []
        for days, span in self._groups():
            name = names[days[0]] + (to + names[days[-1]] if len(days) > 1 else "")
            parts.append(f"{name} {span.words(language)}")
        return ", ".join(parts)

    def closed_days(self, language: str) -> list[str]:
        """The names of the weekdays on which the place is closed."""
        names = get_day_names("wide", locale=LOCALES[language])
        return [names[number] for number, day in enumerate(WEEKDAYS) if day not in self.week]

    def _groups(self) -> Iterator[tuple[list[int], Span]]:
        """Neighbouring weekdays with the same hours."""
        monday = date(2024, 1, 1)
        group: list[int] = []
        for number in range(len(WEEKDAYS)):
            span = self.planned(monday + timedelta(days=number))
            following = self.planned(monday + timedelta(days=number + 1)) if number < 6 else None
            if span:
                group.append(number)
            if span and span != following:
                yield group, span
                group = []


@lru_cache(maxsize=32)
def _calendar(state: str, language: str) -> holidays.HolidayBase:
    kinds, names = HOLIDAY_KINDS.get(state, ("public",)), HOLIDAY_LANGUAGES[language]
    return holidays.country_holidays("DE", subdiv=state, categories=kinds, language=names)
