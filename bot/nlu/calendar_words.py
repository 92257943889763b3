"""The words of the calendar in German and English: months, weekdays, days told relative to today."""

from datetime import date, timedelta
from functools import lru_cache

from babel.dates import get_day_names, get_month_names
from dateutil.easter import easter  # type: ignore[import-untyped]

from bot.nlu.tokens import fold

_MORE_MONTHS = {
    **{
        "jaenner": 1,
        "jan": 1,
        "feber": 2,
        "feb": 2,
        "mrz": 3,
        "maer": 3,
        "marz": 3,
        "apr": 4,
        "juno": 6,
        "jun": 6,
        "julei": 7,
    },
    **{"jul": 7, "aug": 8, "sept": 9, "sep": 9, "okt": 10, "oct": 10, "nov": 11, "dez": 12, "dec": 12, "mar": 3},
}
_MORE_WEEKDAYS = {"sonnabend": 5, "tues": 1, "thurs": 3}
RELATIVE = {
    **{"heute": 0, "heut": 0, "today": 0, "tonight": 0, "uebermorgen": 2, "morgen": 1, "morjen": 1, "tomorrow": 1},
    **{
        "gestern": -1,
        "yesterday": -1,
        "vorgestern": -2,
        "tmrw": 1,
        "tomorow": 1,
        "tommorow": 1,
        "heutige": 0,
        "heutigen": 0,
    },
    **{"morgige": 1, "morgigen": 1, "gestrige": -1, "gestrigen": -1, "todays": 0, "tomorrows": 1, "yesterdays": -1},
}
SHORT_WEEKDAYS = {"mo": 0, "di": 1, "mi": 2, "do": 3, "fr": 4, "sa": 5, "so": 6}
Named = tuple[int, int] | int  # month and day, or days after Easter Sunday
NAMED_DAYS: dict[str, Named] = {
    **{"heiligabend": (12, 24), "heiligabends": (12, 24), "silvester": (12, 31), "sylvester": (12, 31)},
    **{"neujahr": (1, 1), "nikolaus": (12, 6), "maifeiertag": (5, 1), "reformationstag": (10, 31)},
    **{"allerheiligen": (11, 1), "karfreitag": -2, "ostersamstag": -1, "ostersonntag": 0, "ostermontag": 1},
    **{"himmelfahrt": 39, "pfingstsonntag": 49, "pfingstmontag": 50, "fronleichnam": 60},
}
NAMED_PAIRS: dict[tuple[str, str], Named] = {
    **{("christmas", "eve"): (12, 24), ("christmas", "day"): (12, 25), ("boxing", "day"): (12, 26)},
    **{("heiliger", "abend"): (12, 24), ("heiligen", "abend"): (12, 24), ("oster", "montag"): 1},
    **{("erster", "weihnachtstag"): (12, 25), ("ersten", "weihnachtstag"): (12, 25), ("pfingst", "montag"): 50},
    **{("zweiter", "weihnachtstag"): (12, 26), ("zweiten", "weihnachtstag"): (12, 26), ("christi", "himmelfahrt"): 39},
    **{("good", "friday"): -2, ("easter", "sunday"): 0, ("easter", "monday"): 1},
}


def named_day(named: Named, year: int) -> date:
    """The day of a year that a name stands for."""
    return easter(year) + timedelta(days=named) if isinstance(named, int) else date(year, *named)


@lru_cache(maxsize=1)
def months() -> dict[str, int]:
    """Folded month names, long and short, to 1-12."""
    names = dict(_MORE_MONTHS)
    for language in ("de", "en"):
        names |= {fold(name): number for number, name in get_month_names("wide", locale=language).items()}
    return names


@lru_cache(maxsize=1)
def weekdays() -> dict[str, int]:
    """Folded weekday names to 0 (Monday) to 6."""
    names = dict(_MORE_WEEKDAYS)
    for language in ("de", "en"):
        names |= {fold(name): number for number, name in get_day_names("wide", locale=language).items()}
    parts = ("nachmittag", "abend", "vormittag", "frueh", "mittag", "morgen")
    return names | {day + part: number for day, number in names.items() for part in parts}
