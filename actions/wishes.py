"""How a parcel shall come: another day, a neighbour, a place to leave it, a parcel shop."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import holidays

from actions.case import Case
from actions.claims import OpeningNeed, spoken, words
from actions.models import Order
from actions.needs import ChoiceNeed, DayNeed, Need

LATEST_WISH = timedelta(days=14)
SUNDAY = 6
# Whether a holiday of one state only counts depends on where the parcel goes; these count everywhere.
HOLIDAYS = holidays.country_holidays("DE")
SHORT_NUMBER = r"(?<!\d)(?<!\d )\d{1,3}(?! ?\d)"

WISHES = {
    "day": words(
        "anderer tag|anderen tag|liefertag|wunschtag|termin|verschieb|verleg|später|urlaub|"
        "another day|other day|different day|later|reschedul|postpone|holiday|delivery day"
    ),
    "neighbour": words("nachbar|neighbo"),
    "drop_off": words(
        "ablage|ablegen|abstell|garage|terrasse|schuppen|carport|tür|treppenhaus|"
        "drop-off|drop off|porch|shed|front door|back door|doorstep|leave it|safe place"
    ),
    "parcel_shop": words("shop|packstation|paketstation|abholstation|postfiliale|locker|pickup point"),
}
WISH_DETAILS = {
    "neighbour": re.compile(rf"\b(familie|frau|herrn?|family|mrs?|ms)\b|{SHORT_NUMBER}", re.IGNORECASE),
    "drop_off": re.compile(
        r"garage|terrass|schuppen|carport|tür|treppenhaus|keller|garten|porch|shed|door|garden|basement",
        re.IGNORECASE,
    ),
    "parcel_shop": re.compile(SHORT_NUMBER),
}


class WishNeed(ChoiceNeed):
    """How the parcel shall come; a date that was said stands for another day."""

    def known(self, case: Case) -> str | None:
        """Another day, if one was named."""
        return "day" if case.heard.get("date") else None


@dataclass
class WishDayNeed(DayNeed):
    """The day for the delivery: not before the parcel can be there, on no Sunday or holiday, not too late."""

    order: Order = field(kw_only=True)
    slot: str = "wish_day"

    def accept(self, case: Case, value: str) -> str | None:
        """The day, if the carrier can come then."""
        wanted, today = super().accept(case, value), case.now.date()
        if wanted is None:
            return None
        first = max(today + timedelta(days=1), self.order.eta or today)
        last = first + LATEST_WISH
        when = date.fromisoformat(wanted)
        if first <= when <= last and when.weekday() != SUNDAY and when not in HOLIDAYS:
            return wanted
        case.say("utter_wish_day_impossible", first=spoken(case, first), last=spoken(case, last))
        return None


def detail_need(case: Case, order: Order) -> Need:
    """What must be known of the wish that was chosen."""
    wish = case.get("wish")
    return WishDayNeed(order=order) if wish == "day" else OpeningNeed(f"wish_{wish}", enough=WISH_DETAILS[wish])


def wish_note(case: Case) -> str:
    """The wish as it is kept with the order, such as `neighbour: Familie Kaya`."""
    wish = case.get("wish")
    return f"{wish}: {case.get(f'wish_{wish}')}"


def wish_words(case: Case, order: Order) -> dict[str, Any]:
    """What responses say of the wish: the order's number, and the day or the customer's own words."""
    wish, detail = case.get("wish"), case.get(f"wish_{case.get('wish')}")
    return {
        "number": order.number,
        "wish": spoken(case, date.fromisoformat(detail)) if wish == "day" else detail,
    }
