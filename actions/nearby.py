"""The store nearest to a place that the customer shared."""

from __future__ import annotations

from math import asin, cos, inf, isfinite, radians, sin, sqrt
from typing import NamedTuple

from babel.numbers import format_decimal
from rasa_sdk.events import EventType

from actions.base import CaseAction
from actions.case import Case
from actions.hours import Hours
from actions.models import Store
from actions.say import LOCALES
from actions.stores import all_addresses, all_stores, say_now, where_words

EARTH_RADIUS = 6371.0
MOST_DEGREES = {"latitude": 90.0, "longitude": 180.0}
STEP_METRES = 50


class Place(NamedTuple):
    """A point on the earth in degrees."""

    latitude: float
    longitude: float


def kilometres(one: Place, other: Place) -> float:
    """The distance as the crow flies, by the haversine formula."""
    north, east = radians(other.latitude - one.latitude), radians(other.longitude - one.longitude)
    across = cos(radians(one.latitude)) * cos(radians(other.latitude)) * sin(east / 2) ** 2
    return 2 * EARTH_RADIUS * asin(sqrt(min(1.0, sin(north / 2) ** 2 + across)))


def distance_words(distance: float, language: str) -> str:
    """A distance in kilometres as people say it: `800 m`, `3,2 km`, `270 km`."""
    metres = max(STEP_METRES, round(distance * 1000 / STEP_METRES) * STEP_METRES)
    if metres < 1000:
        return f"{metres} m"
    return f"{format_decimal(round(distance, 1 if distance < 10 else None), locale=LOCALES[language])} km"


def shared_place(case: Case) -> Place | None:
    """The place in the customer's turn; None when its numbers are no degrees."""
    heard = {found["entity"]: found["value"] for found in case.message.get("entities") or []}
    try:
        degrees = {name: float(heard[name]) for name in MOST_DEGREES}
    except (KeyError, TypeError, ValueError):
        return None
    fits = all(isfinite(value) and abs(value) <= MOST_DEGREES[name] for name, value in degrees.items())
    return Place(**degrees) if fits else None


def nearest(case: Case, place: Place) -> tuple[Store | None, float]:
    """The nearest store and its distance in kilometres, among those whose coordinates are known."""
    best: tuple[Store | None, float] = None, inf
    for store in all_stores(case):
        if store.latitude is not None and store.longitude is not None:
            distance = kilometres(place, Place(store.latitude, store.longitude))
            best = (store, distance) if distance < best[1] else best
    return best


class ActionLocationShared(CaseAction):
    """Answers a shared location; what was asked before is asked again by the form."""

    def name(self) -> str:
        """Rasa's name."""
        return "action_location_shared"

    def act(self, case: Case) -> list[EventType]:
        """The nearest store, how far it is, and until when it is open; without coordinates all stores."""
        place = shared_place(case)
        store, distance = nearest(case, place) if place else (None, inf)
        if store is None:
            case.say("utter_locations", stores=all_addresses(case))
        else:
            told = distance_words(distance, case.language)
            case.say("utter_nearest_store", distance=told, **where_words(store))
            say_now(case, Hours.of_store(store), store.name)
        return case.events()
