"""Words for what is written short: digits, signs, units, abbreviations, months and weekdays, by language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """What a language says for signs and short forms.

    Units and money are (one, several); `months` are twelve words; `point` is what is said in a decimal number.
    """

    digits: tuple[str, ...]
    months: str
    weekdays: Mapping[str, str]
    weekdays_that_are_words: frozenset[str]
    signs: Mapping[str, str]
    units: Mapping[str, tuple[str, str]]
    short: Mapping[str, str]
    endings: Mapping[str, str]
    euro: tuple[str, str]
    cent: tuple[str, str]
    million: tuple[str, str]
    thousand: str
    number: str
    to: str
    times: str
    email_signs: Mapping[str, str]
    dot: str
    point: Mapping[str, str]
    thousands: str
    menu: str
    key: str


DE = Words(
    digits=("null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun"),
    months="Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    weekdays={
        "Mo": "Montag",
        "Di": "Dienstag",
        "Mi": "Mittwoch",
        "Do": "Donnerstag",
        "Fr": "Freitag",
        "Sa": "Samstag",
        "So": "Sonntag",
    },
    weekdays_that_are_words=frozenset({"So", "Fr"}),
    signs={
        "&": "und",
        "+": "plus",
        "=": "gleich",
        "%": "Prozent",
        "§": "Paragraf",
        "°": "Grad",
        "×": "mal",
        "€": "Euro",
        "@": "At-Zeichen",
    },
    units={
        "l": ("Liter", "Liter"),
        "ml": ("Milliliter", "Milliliter"),
        "g": ("Gramm", "Gramm"),
        "kg": ("Kilogramm", "Kilogramm"),
        "mm": ("Millimeter", "Millimeter"),
        "cm": ("Zentimeter", "Zentimeter"),
        "m": ("Meter", "Meter"),
        "m²": ("Quadratmeter", "Quadratmeter"),
        "km": ("Kilometer", "Kilometer"),
        "km/h": ("Kilometer pro Stunde", "Kilometer pro Stunde"),
        "h": ("Stunde", "Stunden"),
        "Std.": ("Stunde", "Stunden"),
        "min": ("Minute", "Minuten"),
        "Min.": ("Minute", "Minuten"),
        "Stk.": ("Stück", "Stück"),
        "°C": ("Grad", "Grad"),
        "%": ("Prozent", "Prozent"),
    },
    short={
        "z. B.": "zum Beispiel",
        "d. h.": "das heißt",
        "u. a.": "unter anderem",
        "i. d. R.": "in der Regel",
        "o. Ä.": "oder Ähnliches",
        "bzw.": "beziehungsweise",
        "ca.": "circa",
        "evtl.": "eventuell",
        "ggf.": "gegebenenfalls",
        "inkl.": "inklusive",
        "zzgl.": "zuzüglich",
        "mind.": "mindestens",
        "max.": "maximal",
        "usw.": "und so weiter",
        "etc.": "et cetera",
        "MwSt.": "Mehrwertsteuer",
        "Nr.": "Nummer",
        "Tel.": "Telefon",
        "Str.": "Straße",
        "Hr.": "Herr",
        "Fr.": "Frau",
        "Dr.": "Doktor",
        "PLZ": "Postleitzahl",
    },
    endings={"str.": "straße", "nr.": "nummer"},
    euro=("Euro", "Euro"),
    cent=("Cent", "Cent"),
    million=("Million", "Millionen"),
    thousand="tausend",
    number="Nummer",
    to="bis",
    times="mal",
    email_signs={"@": "ät", ".": "Punkt", "_": "Unterstrich", "-": "Bindestrich", "+": "plus", "*": "Sternchen"},
    dot="Punkt",
    point={",": "Komma", ".": "Punkt"},
    thousands=".",
    menu="Sagen oder drücken Sie",
    key="für",
)
EN = Words(
    digits=("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    months="January February March April May June July August September October November December",
    weekdays={
        "Mon": "Monday",
        "Tue": "Tuesday",
        "Wed": "Wednesday",
        "Thu": "Thursday",
        "Fri": "Friday",
        "Sat": "Saturday",
        "Sun": "Sunday",
    },
    weekdays_that_are_words=frozenset({"Sat", "Sun", "Wed"}),
    signs={
        "&": "and",
        "+": "plus",
        "=": "equals",
        "%": "percent",
        "§": "section",
        "°": "degrees",
        "×": "times",
        "€": "euros",
        "@": "at sign",
    },
    units={
        "l": ("litre", "litres"),
        "ml": ("millilitre", "millilitres"),
        "g": ("gram", "grams"),
        "kg": ("kilogram", "kilograms"),
        "mm": ("millimetre", "millimetres"),
        "cm": ("centimetre", "centimetres"),
        "m": ("metre", "metres"),
        "m²": ("square metre", "square metres"),
        "km": ("kilometre", "kilometres"),
        "km/h": ("kilometre per hour", "kilometres per hour"),
        "h": ("hour", "hours"),
        "min": ("minute", "minutes"),
        "pcs.": ("piece", "pieces"),
        "°C": ("degree", "degrees"),
        "%": ("percent", "percent"),
    },
    short={
        "e.g.": "for example",
        "i.e.": "that is",
        "approx.": "approximately",
        "incl.": "including",
        "excl.": "excluding",
        "max.": "at most",
        "etc.": "et cetera",
        "vs.": "versus",
        "tel.": "telephone",
        "Mr.": "Mister",
        "Mrs.": "Missus",
        "Dr.": "Doctor",
        "Str.": "Straße",
    },
    endings={"str.": "straße"},
    euro=("euro", "euros"),
    cent=("cent", "cents"),
    million=("million", "million"),
    thousand="thousand",
    number="number",
    to="to",
    times="times",
    email_signs={"@": "at", ".": "dot", "_": "underscore", "-": "hyphen", "+": "plus", "*": "star"},
    dot="dot",
    point={",": "point", ".": "point"},
    thousands=",",
    menu="Say or press",
    key="for",
)
BY_LANGUAGE = {"de": DE, "en": EN}


def words_of(language: str) -> Words:
    """The words of a language given as `de`, `en` or a tag such as `de-AT`; KeyError for any other."""
    return BY_LANGUAGE[language.partition("-")[0]]
