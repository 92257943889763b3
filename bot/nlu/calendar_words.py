"""The words of the calendar in German and English: months, weekdays, days told relative to today."""

from datetime import date, timedelta
from functools import lru_cache

from babel.dates import get_day_names, get_month_names
from dateutil.easter import easter  # type: ignore[import-untyped]

from bot.nlu.tokens import fold, tokenize

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
REPENTANCE = "repentance"  # the Wednesday before 23 November
Named = tuple[int, int] | int | str  # month and day, days after Easter Sunday, or REPENTANCE
_NAMED: dict[Named, str] = {
    (1, 1): "neujahr, neujahrstag, new year's day, new years day",
    (1, 6): "dreikönigstag, heilige drei könige, heiligen drei könige, epiphany",
    (5, 1): "maifeiertag, tag der arbeit, labour day",
    (8, 15): "mariä himmelfahrt, maria himmelfahrt, assumption day",
    (10, 3): "tag der deutschen einheit, tag der einheit, german unity day, day of german unity",
    (10, 31): "reformationstag, reformation day",
    (11, 1): "allerheiligen, all saints day, all saints' day",
    REPENTANCE: "buß- und bettag, buß und bettag, bettag, day of repentance",
    (12, 6): "nikolaus",
    (12, 24): "heiligabend, heiligabends, heiliger abend, heiligen abend, heilig abend, christmas eve",
    (12, 25): "weihnachten, weihnachtstag, erster weihnachtstag, ersten weihnachtstag, 1. weihnachtstag,"
    "1 weihnachtstag, erster weihnachtsfeiertag, ersten weihnachtsfeiertag, 1. weihnachtsfeiertag,"
    "1. feiertag, ersten feiertag, christmas day, christmas",
    (12, 26): "zweiter weihnachtstag, zweiten weihnachtstag, 2. weihnachtstag, 2 weihnachtstag,"
    "zweiter weihnachtsfeiertag, zweiten weihnachtsfeiertag, 2. weihnachtsfeiertag,"
    "2. feiertag, zweiten feiertag, boxing day",
    (12, 31): "silvester, sylvester, silvesterabend, new year's eve, new years eve",
    -3: "gründonnerstag, maundy thursday",
    -2: "karfreitag, good friday",
    -1: "ostersamstag, karsamstag",
    0: "ostern, ostersonntag, easter, easter sunday",
    1: "ostermontag, oster montag, easter monday",
    39: "himmelfahrt, christi himmelfahrt, himmelfahrtstag, vatertag, ascension day",
    49: "pfingsten, pfingstsonntag, pentecost, whit sunday",
    50: "pfingstmontag, pfingst montag, whit monday",
    60: "fronleichnam, corpus christi",
}
LONGEST_NAME = 5


@lru_cache(maxsize=1)
def named_days() -> dict[tuple[str, ...], Named]:
    """Holidays and days of custom by the folded tokens of their names."""
    listed = ((name, named) for named, names in _NAMED.items() for name in names.split(","))
    return {tuple(token.key for token in tokenize(name)): named for name, named in listed}


def named_day(named: Named, year: int) -> date:
    """The day of a year that a name stands for."""
    if isinstance(named, tuple):
        return date(year, *named)
    if isinstance(named, int):
        sunday: date = easter(year)
        return sunday + timedelta(days=named)
    latest = date(year, 11, 22)
    return latest - timedelta(days=(latest.weekday() - 2) % 7)


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
