"""Days that no calendar has, such as 29.2.2027: they are asked back instead of passed over."""

from __future__ import annotations

import re
from datetime import date

MONTHS = (
    "jan", "feb", "mär|mar", "apr", "mai|may", "jun", "jul", "aug", "sep", "o[kc]t", "nov", "de[zc]",
)  # fmt: skip
A_LEAP_YEAR = 2028
IN_FIGURES = re.compile(r"(?<![\d.,])(\d{1,2})\. ?(\d{1,2})\.(?: ?(\d{4}|\d{2})(?!\d))?")
BY_NAME = tuple(
    re.compile(rf"\b(\d{{1,2}})(?:\.|st|nd|rd|th)? ?(?:of )?(?:{month})[a-zä]*\.?(?: (\d{{4}}))?\b") for month in MONTHS
)


def names_impossible_day(text: str) -> bool:
    """Whether a day and month are named that do not exist, or not in the year named."""
    said = text.casefold()
    days = [(int(found[1]), int(found[2]), found[3]) for found in IN_FIGURES.finditer(said)]
    for month, pattern in enumerate(BY_NAME, 1):
        days += [(int(found[1]), month, found[2]) for found in pattern.finditer(said)]
    return any(not _exists(*day) for day in days)


def _exists(day: int, month: int, year: str | None) -> bool:
    full = A_LEAP_YEAR if year is None else int(year) + (2000 if len(year) == len("27") else 0)
    try:
        date(full, month, day)
    except ValueError:
        return False
    return True
