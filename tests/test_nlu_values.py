"""The value kit: every line of values.tsv, and laws that hold for any text."""

import csv
import json
import re
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum import luhn

from bot.nlu.values import Found, extract, luhn_valid

TODAY = date(2026, 11, 23)
TABLE = Path(__file__).parent / "nlu" / "values.tsv"
SECOND = TABLE.with_name("values_second.tsv")  # written without looking at the code
SHAPES = {
    "digits": r"[0-9]{2,7}",
    "order_number": r"\d{4,11}",
    "invoice_number": r"\d{4,11}",
    "customer_number": r"\d{4,11}",
    "tracking_number": r"[A-Z0-9]{8,24}",
    "postcode": r"\d{5}",
    "date": r"\d{4}-\d\d-\d\d",
    "time": r"([01]\d|2[0-3]):[0-5]\d",
    "phone_number": r"\+\d{5,15}",
    "email": r"[^\s@]+@[^\s@]+\.[a-z]{2,24}",
    "iban": r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}",
    "amount": r"\d+\.\d\d",
    "store": r"hamburg|leipzig|muenchen",
    "product": r".+",
    "person_name": r".+",
    "street": r".*\d.*",
}


def listed(text: str) -> list[str]:
    return text.split()


UNITS = listed(
    "null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn "
    "siebzehn achtzehn neunzehn"
)
TENS = listed("zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig")
ENGLISH_UNITS = listed(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
ENGLISH_TENS = listed("twenty thirty forty fifty sixty seventy eighty ninety")
ORDINAL_STEMS = {1: "erst", 3: "dritt", 7: "siebt", 8: "acht"}


class Line:
    """One line of the table."""

    def __init__(self, row: dict[str, str]) -> None:
        """Read the expected values."""
        self.channel, self.language, self.text = row["channel"], row["language"], row["text"]
        self.expected = [tuple(pair) for pair in json.loads(row["expected"])]

    def found(self) -> list[tuple[str, str]]:
        """What the kit finds in it."""
        return pairs(extract(self.text, language=self.language, channel=self.channel, today=TODAY))


@cache
def table(path: Path = TABLE) -> tuple[Line, ...]:
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(Line(row) for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def pairs(found: list[Found]) -> list[tuple[str, str]]:
    return [(value.entity, value.value) for value in found]


def heard(text: str, language: str = "de") -> list[Found]:
    return extract(text, language=language, channel="voice", today=TODAY)


def german(number: int) -> str:
    """A number below 10,000 as a German says it."""
    if number < 20:
        return UNITS[number]
    if number < 100:
        unit = {0: "", 1: "einund"}.get(number % 10, UNITS[number % 10] + "und")
        return unit + TENS[number // 10 - 2]
    scale, word = (100, "hundert") if number < 2000 else (1000, "tausend")
    rest = german(number % scale) if number % scale else ""
    return ("ein" if number // scale == 1 else german(number // scale)) + word + rest


def english(number: int) -> str:
    """A number below 100 in English."""
    if number < 20:
        return ENGLISH_UNITS[number]
    unit = f" {ENGLISH_UNITS[number % 10]}" if number % 10 else ""
    return ENGLISH_TENS[number // 10 - 2] + unit


def ordinal(number: int) -> str:
    """`zwölfter`, `einundzwanzigster`."""
    if number >= 20:
        return german(number) + "ster"
    return ORDINAL_STEMS.get(number, german(number) + "t") + "er"


def with_check_digit(seven: str) -> str:
    return seven + str(luhn.calc_check_digit(seven))


references = st.tuples(st.sampled_from(["104", "105", "550", "270"]), st.integers(0, 9999)).map(
    lambda parts: with_check_digit(f"{parts[0]}{parts[1]:04}")
)
postcodes = st.integers(1001, 99998).map(lambda number: f"{number:05}")


def test_the_table_has_at_least_400_lines_three_quarters_of_them_german() -> None:
    german_lines = sum(line.language == "de" for line in table())
    assert len(table()) >= 400
    assert 0.7 <= german_lines / len(table()) <= 0.85


@pytest.mark.parametrize(("path", "share"), [(TABLE, 0.99), (SECOND, 0.97)], ids=["first", "second"])
def test_nearly_all_lines_are_understood_exactly(path: Path, share: float) -> None:
    lines = table(path)
    misses = [line for line in lines if line.found() != line.expected]
    report = "\n".join(f"{line.text!r}: expected {line.expected}, found {line.found()}" for line in misses)
    assert len(lines) - len(misses) >= share * len(lines), report


def test_every_entity_occurs_in_the_table() -> None:
    assert {entity for line in table() for entity, _ in line.expected} == set(SHAPES)


def assert_well_formed(text: str, found: list[Found]) -> None:
    ends = 0
    for value in found:
        assert ends <= value.start < value.end <= len(text)
        assert text[value.start : value.end] == value.text
        assert re.fullmatch(SHAPES[value.entity], value.value), value
        assert value.value not in value.alternatives
        ends = value.end


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=120), st.sampled_from(["de", "en"]), st.sampled_from(["chat", "voice"]))
def test_any_text_is_read_without_an_error_and_spans_are_right(text: str, language: str, channel: str) -> None:
    assert_well_formed(text, extract(text, language=language, channel=channel, today=TODAY))


PIECES = listed(
    "10482917 104 829 17 22765 2 04 eins null zwei doppel dreimal die hundert tausend siebenundzwanzig und nein "
    "moment äh , . - / : # + ( ) € euro cent komma uhr um halb viertel vor nach am zwölfter april 12. morgen "
    "freitag nächste woche at ät @ punkt dot minus a n wie anton straße lindenweg hausnummer hamburg ich heiße "
    "annika brandt mein name ist bestellung rechnung plus neunundvierzig gls h one oh double twenty second of the "
    "pm in tagen statt nicht sondern vorname nachname hier mal nullen warte version vom"
)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=24), st.sampled_from([" ", "", ", "]), st.sampled_from(["de", "en"]))
def test_any_mixture_of_telling_words_keeps_spans_right(words: list[str], joint: str, language: str) -> None:
    text = joint.join(words)
    assert_well_formed(text, extract(text, language=language, today=TODAY))


@settings(max_examples=150, deadline=None)
@given(references, st.sampled_from(["", "ähm ", "ja also die "]))
def test_reference_said_digit_by_digit_comes_back(number: str, opening: str) -> None:
    found = heard(opening + " ".join(german(int(digit)) for digit in number))
    assert [value.value for value in found] == [number]


@settings(max_examples=150, deadline=None)
@given(references)
def test_reference_said_in_pairs_comes_back(number: str) -> None:
    groups = [number[place : place + 2] for place in range(0, 8, 2)]
    said = " ".join(german(int(pair)) if pair[0] != "0" else f"null {german(int(pair[1]))}" for pair in groups)
    assert [value.value for value in heard(said)] == [number]


@settings(max_examples=150, deadline=None)
@given(references)
def test_reference_said_in_english_comes_back(number: str) -> None:
    said = " ".join("oh" if digit == "0" else english(int(digit)) for digit in number)
    assert [value.value for value in heard(said, "en")] == [number]


@settings(max_examples=150, deadline=None)
@given(references, st.integers(0, 6), st.integers(0, 9))
def test_corrected_digit_is_replaced(number: str, place: int, wrong: int) -> None:
    digits = [german(int(digit)) for digit in number]
    found = heard(" ".join([*digits[:place], german(wrong), "nein", *digits[place:]]))
    assert number in (found[0].value, *found[0].alternatives)


@settings(max_examples=150, deadline=None)
@given(postcodes)
def test_postcode_said_digit_by_digit_comes_back(postcode: str) -> None:
    found = heard("postleitzahl " + " ".join(german(int(digit)) for digit in postcode))
    assert pairs(found) == [("postcode", postcode)]


@settings(max_examples=150, deadline=None)
@given(st.integers(10, 99), st.integers(100, 999))
def test_postcode_said_as_two_numbers_is_among_the_readings(first: int, second: int) -> None:
    found = heard(f"postleitzahl {german(first)} {german(second)}")
    assert f"{first}{second}" in (found[0].value, *found[0].alternatives)


@settings(max_examples=150, deadline=None)
@given(st.dates(date(1930, 1, 1), date(2026, 11, 22)))
def test_birth_date_comes_back_typed_and_spoken(day: date) -> None:
    typed = f"geboren am {day.day}.{day.month}.{day.year}"
    spoken = f"geboren am {ordinal(day.day)} {ordinal(day.month)} {german(day.year)}"
    assert pairs(extract(typed, today=TODAY)) == [("date", day.isoformat())]
    assert pairs(heard(spoken)) == [("date", day.isoformat())]


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 99))
def test_day_some_days_ahead_comes_back(days: int) -> None:
    assert pairs(heard(f"in {german(days)} tagen"))[0] == ("date", (TODAY + timedelta(days=days)).isoformat())


@settings(max_examples=100, deadline=None)
@given(st.integers(2, 23), st.integers(0, 59))
def test_time_comes_back_typed_and_spoken(hour: int, minute: int) -> None:
    spoken = f"{german(hour)} uhr" + (f" {german(minute)}" if minute else "")
    assert pairs(heard(spoken)) == [("time", f"{hour:02}:{minute:02}")]
    assert pairs(extract(f"um {hour}:{minute:02} Uhr", today=TODAY)) == [("time", f"{hour:02}:{minute:02}")]


@settings(max_examples=100, deadline=None)
@given(st.integers(2, 1999), st.integers(5, 99))
def test_amount_comes_back_typed_and_spoken(euros: int, cents: int) -> None:
    amount = ("amount", f"{euros}.{cents:02}")
    assert pairs(heard(f"{german(euros)} euro {german(cents)}")) == [amount]
    assert pairs(extract(f"{euros},{cents:02} €", today=TODAY)) == [amount]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 9999).map(lambda number: f"0171392{number:04}"))
def test_phone_number_said_digit_by_digit_comes_back(number: str) -> None:
    found = heard("meine nummer ist " + " ".join(german(int(digit)) for digit in number))
    assert pairs(found) == [("phone_number", "+49" + number[1:])]


def test_wrong_check_digit_is_found_so_that_the_dialogue_can_say_so() -> None:
    assert pairs(extract("Bestellung 10482918")) == [("order_number", "10482918")]
    assert not luhn_valid("10482918")
    assert luhn_valid("10482917")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ein vier mann zelt", [("product", "Zelt")]),
        ("ich habe ein zwei fragen", []),
        ("wir wohnen immer hauptstraße drei", [("street", "Hauptstraße 3")]),
        ("der betrag von vierzig fünfzig vierzehn", []),
        ("jan ät example punkt com nein jan punkt koch ät example punkt org", [("email", "jan.koch@example.org")]),
        ("jan ät example punkt com nein beispiel punkt de", [("email", "jan@beispiel.de")]),
        ("siebenundzwanzig tausend", []),
        (
            "geboren am null drei zwölf siebenundachtzig kundennummer zwei sieben null null eins sieben zwei vier",
            [("date", "1987-12-03"), ("customer_number", "27001724")],
        ),
    ],
)
def test_what_looks_alike_is_told_apart(text: str, expected: list[tuple[str, str]]) -> None:
    assert pairs(heard(text)) == expected


def test_ambiguous_reading_gives_the_one_with_the_check_digit_first() -> None:
    found = heard("hundert vier achtundzwanzig null null null")
    assert len(found[0].value) == 8


def test_today_is_the_clock_unless_it_is_given() -> None:
    assert extract("heute")[0].value == date.today().isoformat()
    assert extract("heute", today=date(2020, 2, 29))[0].value == "2020-02-29"


def test_component_adds_entities_by_the_metadata_of_the_message() -> None:
    message = rasa_message("Lieferung 12/04/2026 oder heute", {"language": "en", "today": "2026-11-23"})
    entities = message.get("entities")
    assert entities[0] == {
        "entity": "date",
        "value": "2026-12-04",
        "start": 10,
        "end": 20,
        "extractor": "ValueExtractor",
        "alternatives": ["2026-04-12"],
    }
    assert entities[1]["value"] == "2026-11-23"
    assert "alternatives" not in entities[1]


@pytest.mark.parametrize("metadata", [None, {}, {"today": 7}, {"today": "soon"}, {"language": None}])
def test_component_lives_with_any_metadata(metadata: dict[str, object] | None) -> None:
    entities = rasa_message("bestellung 10482917", metadata).get("entities")
    assert [entity["value"] for entity in entities] == ["10482917"]


def rasa_message(text: str, metadata: dict[str, object] | None) -> Any:
    """The message after the component has seen it."""
    from rasa.shared.nlu.training_data.message import Message

    from bot.nlu.entities import ValueExtractor

    message = Message(data={"text": text, "metadata": metadata})
    ValueExtractor(ValueExtractor.get_default_config()).process([message])
    return message
