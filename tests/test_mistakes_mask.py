"""Masking: nothing personal is left, and what is no personal data stays."""

from __future__ import annotations

import csv
import json
import re
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.mistakes.fill import VALUES, fill
from bot.mistakes.mask import LONGEST, PLACEHOLDER, PLACEHOLDERS, has_words, mask
from bot.nlu.tokens import tokenize
from bot.nlu.values import extract

TODAY = date(2026, 11, 23)
TABLES = [Path(__file__).parent / "nlu" / name for name in ("values.tsv", "values_second.tsv")]
TRICKY = [
    ("moin, hier jansen, kdnr 27004324", "moin, hier [name], kdnr [customer_number]"),
    ("ihr habt mich unter yildiz gespeichert", "ihr habt mich unter [name] gespeichert"),
    ("mein nachbar schulze hat das paket angenommen", "mein nachbar [name] hat das paket angenommen"),
    ("Bitte rufen Sie Frau Klein an", "Bitte rufen Sie Frau [name] an"),
    ("Hallo Herr Dr. von der Heide, wo bleibt es?", "Hallo Herr Dr. von der [name], wo bleibt es?"),
    ("Danke. Mit freundlichen Grüßen, H. Petersen", "Danke. Mit freundlichen Grüßen, [name]"),
    ("What about Bill's order?", "What about [name]'s order?"),
    ("hi its whitfield, j whitfield", "hi its [name], j [name]"),
    ("Brandt, Annika, 22765 Hamburg", "[name], [postcode] [city]"),
    ("my wife linda ordered it", "my wife [name] ordered it"),
    ("wohne in der Ofener Str. 12", "wohne in der [street]"),
    ("wohnhaft bahrenfelder straße", "wohnhaft [street]"),
    ("ich wohne in oldenburg", "ich wohne in [city]"),
    ("I live in Kiel, is there a shop", "I live in [city], is there a shop"),
    ("ruf an 0171-39 200 44", "ruf an [phone]"),
    ("die endet auf eins fünf null eins", "die endet auf [number]"),
    ("iban DE12 3456 7890 1234 5678 90 bitte", "iban [iban] bitte"),
    ("per nele.jansen(at)example, also njansen@nirgends", "per [name] also [email]"),
    ("mail geht an nele punkt jansen at example punkt org", "mail geht an [email]"),
    ("name: peter lindner, geb 17.5.2000", "name: [name], geb [date]"),
    ("geboren am zwölften april siebenundachtzig", "geboren am [date]"),
    ("mein passwort ist sommer123", "mein passwort ist [secret]"),
    ("https://nordwind.example/login?mail=a@b.example", "[link]"),
    ("Gutschein AB12-34CD9 geht nicht", "number"),
    ("１２３４５６７８ ist die bestellung", "[order_number] ist die bestellung"),
    ("1\u200b2\u200b3\u200b4\u200b5\u200b6 kaputt", "[number] kaputt"),
    ("annika＠example.org", "[email]"),
    ("[name](intent) [order_number] hilft das", "name(intent) order_number hilft das"),
    ("nummer 12\u202834", "number"),
]
HARMLESS = [
    "wann hat die mönckebergstraße auf",
    "habt ihr um 10:30 noch auf",
    "kostet das 49,90 € oder 20 euro",
    "lieferung am 12.04. oder morgen",
    "14 tage rückgaberecht oder 30?",
    "ich hab 3 größen bestellt, zwei gehen zurück",
    "könnt ihr das als geschenk einpacken",
    "rosa jacke und jack wolfskin rucksack",
    "Hier fehlt eine Schraube",
    "euer service ist unter aller sau",
    "in welcher straße ist die filiale",
    "Die Frau am Telefon war nett",
    "viele grüße aus leipzig",
    "Mach's gut",
    "tausend dank",
    "is the store in munich open tomorrow",
    "do you take back used items",
]
NUMBER_WORDS = ["null", "eins", "zwei", "zwölf", "zwanzig", "two", "oh", "at", "punkt", "@", "1", "23", "und", "456"]
PERSONAL = set(PLACEHOLDERS) - {"digits"}


@pytest.mark.parametrize(("said", "masked"), TRICKY)
def test_personal_data_are_masked(said: str, masked: str) -> None:
    found = mask(said, today=TODAY) or ""
    assert found == masked if "[" in masked or "(" in masked else f"[{masked}]" in found


@pytest.mark.parametrize("said", HARMLESS)
def test_what_is_no_personal_data_stays(said: str) -> None:
    assert mask(said, today=TODAY) == said


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.text(max_size=80),
        st.text(st.sampled_from("0123456789 .,-/()@+[]ab\n\u200b\u00a0１②²٣ßÄ'"), max_size=60),
        st.lists(st.sampled_from(NUMBER_WORDS)).map(" ".join),
    )
)
def test_no_long_number_and_no_at_sign_is_ever_left(said: str) -> None:
    masked = mask(said)
    assert masked is None or re.search(r"\d{4}|@|[\d²]{4}", masked) is None


def test_no_value_of_the_tables_is_left() -> None:
    rows = [row for table in TABLES for row in _rows(table)]
    values = [(row, *pair[:2]) for row in rows for pair in json.loads(row["expected"]) if pair[0] in PERSONAL]
    left = [(row["text"], value) for row, entity, value in values if _is_left(row, entity, value)]
    assert len(values) > 500
    assert left == []


def _rows(table: Path) -> list[dict[str, str]]:
    with table.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def _is_left(row: dict[str, str], entity: str, value: str) -> bool:
    masked = mask(row["text"], language=row["language"], today=TODAY) or ""
    if value in masked:
        return True
    words = {token.key for token in tokenize(value) if len(token.key) > 2 and entity in ("person_name", "street")}
    return not words.isdisjoint(token.key for token in tokenize(PLACEHOLDER.sub(" ", masked)))


def test_a_long_text_is_cut_at_a_word() -> None:
    masked = mask("wort " * 200) or ""
    assert LONGEST - 5 <= len(masked) <= LONGEST
    assert masked.endswith("wort")


def test_what_is_nothing_but_data_has_no_words() -> None:
    assert not has_words(mask("10482917, 22765 Hamburg") or "")
    assert has_words(mask("wo ist 10482917") or "")


def test_placeholders_become_values_that_the_kit_finds_again() -> None:
    for entity, placeholder in PLACEHOLDERS.items():
        if entity in ("person_name", "digits"):
            continue
        for value in VALUES[placeholder]:
            assert [found.entity for found in extract(value, today=TODAY)] == [entity], value


def test_a_sentence_always_gets_the_same_natural_values() -> None:
    masked = "hier ist [name] aus [postcode] [city], es geht um [order_number] und [order_number]"
    filled = fill(masked)
    assert filled == fill(masked)
    assert "[" not in filled
    first, second = re.findall(r"10\d{6}", filled)
    assert first != second
    postcode, city = re.findall(r"aus (\d{5}) (\w+),", filled)[0]
    assert VALUES["postcode"].index(postcode) == [name.lower() for name in VALUES["city"]].index(city)


def test_names_fit_their_sentence() -> None:
    assert fill("ich bin [name]").islower()
    assert len(fill("Ich möchte Frau [name] sprechen").split()) == 5


def test_values_are_marked_where_the_examples_mark_their_entity() -> None:
    assert re.fullmatch(
        r"status \[10\d{6}\]\(order_number\) [a-zı ]+", fill("status [order_number] [name]", {"order_number"})
    )
