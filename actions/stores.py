"""Stores: when they are open and where they are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select

from actions.case import Button, Case
from actions.hours import Hours
from actions.matter import Matter, register
from actions.models import Store
from actions.needs import Need
from actions.real_days import names_impossible_day
from actions.say import clock, day, together

SERVICE = "service"
SERVICE_TITLE = {"de": "Kundenservice", "en": "Customer service"}
SERVICE_NAME = {"de": "Unser Kundenservice", "en": "Our customer service"}
SAYS_SERVICE = re.compile(
    r"service|hotline|telefon|anruf|erreich|beratung|(live|dem|der) ?chat|phone|\bcall|\bline\b|\breach",
    re.IGNORECASE,
)
SAYS_STORE = re.compile(r"laden|läden|filiale|geschäft|store|shop", re.IGNORECASE)
SAYS_DETAIL = re.compile(
    r"park|haltestelle|[us]-? ?bahn|straßenbahn|\bbus|barriere|rollstuhl|aufzug|stufe|eingang|bahnhof|hinkomm"
    r"|subway|tram|\bstop\b|wheelchair|step-?free|\blift|elevator|entrance|station",
    re.IGNORECASE,
)
HOLIDAY_AHEAD = 14
DATES_TOLD_LATE = 7
MOST_BUTTONS = 5


def all_stores(case: Case) -> list[Store]:
    """The company's stores by city."""
    return list(case.session.scalars(select(Store).order_by(Store.city)))


def address(store: Store) -> str:
    """The address in one line."""
    return f"{store.street}, {store.postcode} {store.city}"


def where_words(store: Store) -> dict[str, Any]:
    """What responses say of where a store is; its degrees are empty when they are not known."""
    return {
        "store": store.name,
        "address": address(store),
        "latitude": "" if store.latitude is None else store.latitude,
        "longitude": "" if store.longitude is None else store.longitude,
    }


def named_store(case: Case, said: str) -> Store | None:
    """The store that understanding found, else the one whose city is named in the words."""
    if found := case.take("store"):
        return case.session.get(Store, found)
    named = [store for store in all_stores(case) if store.city.casefold() in said.casefold()]
    return named[0] if len(named) == 1 else None


@dataclass
class PlaceNeed(Need):
    """Whose hours: a store's or customer service's."""

    slot: str = "place"

    def read(self, case: Case) -> str | None:
        """A store, the button for service, or words that mean service."""
        if case.heard.get("choice") == SERVICE:
            return case.take("choice")
        if case.get(self.slot) and "store" not in case.heard:
            return None
        said = case.text if case.asked_for(self.slot) else case.slot("opening") or ""
        if store := named_store(case, said):
            return store.id
        if SAYS_SERVICE.search(said) and not SAYS_STORE.search(said):
            return SERVICE
        return None

    def ask(self, case: Case) -> None:
        """Ask with a button for each place."""
        buttons = [Button(s.city, f'/inform{{"store": "{s.id}"}}') for s in all_stores(case)[: MOST_BUTTONS - 1]]
        buttons.append(Button(SERVICE_TITLE[case.language], f'/inform{{"choice": "{SERVICE}"}}'))
        case.say("utter_ask_place", buttons=buttons)


class AskedDayNeed(Need):
    """The day asked about, empty when none was said; it is only asked for when the one said does not exist."""

    slot = "asked_day"

    def read(self, case: Case) -> str | None:
        """The day that was said."""
        return case.take("date")

    def known(self, case: Case) -> str | None:
        """Nothing was said, so the hours are told for now."""
        return None if names_impossible_day(str(case.slot("opening") or "")) else ""


@register
class AskStoreHours(Matter):
    """When a store or customer service is open."""

    intent = "ask_store_hours"
    lookup = True

    def needs(self, case: Case) -> Iterator[Need]:
        """Which place, and a day that exists."""
        yield PlaceNeed()
        yield AskedDayNeed()

    def do(self, case: Case) -> None:
        """Answer for the day that was named, else for now and the whole week."""
        place = case.get("place")
        if place == SERVICE:
            hours, name = Hours.of_service(case.company), SERVICE_NAME[case.language]
        else:
            store = case.session.get_one(Store, place)
            hours, name = Hours.of_store(store), store.name
        when = _day_meant(case)
        if when:
            _say_day(case, hours, name, when)
        else:
            say_now(case, hours, name)
            _say_week(case, hours)


def _day_meant(case: Case) -> date | None:
    """The day asked about; one that is long past is meant for next year, today needs no special answer."""
    said, today = case.get("asked_day"), case.now.date()
    if not said:
        return None
    when = date.fromisoformat(said[:10])
    if when < today - timedelta(days=DATES_TOLD_LATE):
        when = _next_year(when, today)
    return when if when > today else None


def _next_year(when: date, today: date) -> date:
    later = when
    while later < today:
        later = date(later.year + 1, when.month, min(when.day, 28) if when.month == 2 else when.day)
    return later


def _say_day(case: Case, hours: Hours, name: str, when: date) -> None:
    words: dict[str, Any] = {"place": name, "day": day(when, case.now.date(), case.language)}
    holiday, span = hours.holiday(when, case.language), hours.on(when)
    if holiday:
        case.say("utter_hours_holiday", **words, holiday=holiday)
    elif span is None:
        case.say("utter_hours_closed_day", **words, week=hours.week_words(case.language))
    else:
        case.say("utter_hours_day", **words, span=span.words(case.language))


def say_now(case: Case, hours: Hours, name: str) -> None:
    """Say whether it is open now, and until when; else when it opens again."""
    now, language = case.now, case.language
    until, opening = hours.open_until(now), hours.next_opening(now)
    holiday = hours.holiday(now.date(), language)
    if until:
        case.say("utter_hours_open_now", place=name, until=clock(until, language))
    elif opening:
        case.say(
            "utter_hours_closed_holiday" if holiday else "utter_hours_closed_now",
            place=name,
            holiday=holiday,
            day=day(opening.date(), now.date(), language),
            time=clock(opening.time(), language),
        )


def _say_week(case: Case, hours: Hours) -> None:
    language, today = case.language, case.now.date()
    closed = together(hours.closed_days(language), language)
    case.say(
        "utter_hours_week" if closed else "utter_hours_all_week",
        week=hours.week_words(language),
        closed=closed,
    )
    coming = hours.next_holiday(today, HOLIDAY_AHEAD)
    if coming:
        case.say(
            "utter_hours_next_holiday",
            day=day(coming, today, language),
            holiday=hours.holiday(coming, language),
        )


@register
class AskStoreLocation(Matter):
    """Where the stores are."""

    intent = "ask_store_location"
    lookup = True

    def needs(self, case: Case) -> Iterator[Need]:
        """Nothing: without a place all stores are told."""
        yield from ()

    def do(self, case: Case) -> None:
        """The store that was named, the one in the postcode's region, or all of them."""
        store, postcode = named_store(case, case.slot("opening") or ""), case.take("postcode")
        if store:
            case.say("utter_location", **where_words(store))
        elif postcode:
            self._near(case, postcode)
        else:
            case.say("utter_locations", stores=all_addresses(case))
        if SAYS_DETAIL.search(case.slot("opening") or ""):
            case.say("utter_location_details_unknown")

    def _near(self, case: Case, postcode: str) -> None:
        """A postcode's first digit is its region; beyond it we do not know what is nearest."""
        near = [store for store in all_stores(case) if store.postcode[0] == postcode[0]]
        if len(near) == 1:
            case.say("utter_location_near", **where_words(near[0]))
        else:
            case.say("utter_location_not_near", stores=all_addresses(case))


def all_addresses(case: Case) -> str:
    """All stores' addresses in one line."""
    return "; ".join(address(store) for store in all_stores(case))
