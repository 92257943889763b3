"""Stores: hours, addresses and stock, as a customer is told them, in a real database."""

from __future__ import annotations

from datetime import date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml
from sqlalchemy import delete, update

from actions.catalogue import find_articles
from actions.db import session
from actions.hours import WEEKDAYS, Hours, Span
from actions.load import load
from actions.models import Stock
from actions.real_days import names_impossible_day
from tests.heard_talk import HeardTalk
from tests.matter_talk import DEMO, TODAY

BERLIN = ZoneInfo("Europe/Berlin")
WEEK = {**dict.fromkeys(WEEKDAYS[:5], "10:00-20:00"), "sat": "10:00-18:30"}
NAMES = [product["name"] for product in yaml.safe_load(DEMO.read_text("utf-8"))["products"]]
JACKETS = ["Regenjacke Sturm Damen L", "Regenjacke Sturm Damen M", "Regenjacke Sturm Damen S"]


@pytest.fixture(autouse=True)
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'shop.db'}")
    load(DEMO, today=TODAY)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


def test_hours_know_holidays_of_the_state_and_christmas_eve() -> None:
    hamburg, munich = Hours(WEEK, "HH"), Hours(WEEK, "BY")
    assert hamburg.on(date(2026, 11, 23)) == Span(time(10), time(20))
    assert hamburg.on(date(2026, 11, 29)) is None
    assert hamburg.on(date(2026, 12, 24)) == Span(time(10), time(14))
    assert Hours(WEEK, "HH", is_shop=False).on(date(2026, 12, 24)) == Span(time(10), time(20))
    assert (hamburg.holiday(date(2027, 1, 6), "de"), munich.holiday(date(2027, 1, 6), "de")) == (
        None,
        "Heilige Drei Könige",
    )
    assert munich.holiday(date(2026, 8, 15), "en") == "Assumption Day"


def test_the_next_opening_skips_closed_days_and_holidays() -> None:
    hours = Hours(WEEK, "HH")
    assert hours.next_opening(at("2026-11-23T09:59")) == at("2026-11-23T10:00")
    assert hours.next_opening(at("2026-11-23T10:00")) == at("2026-11-24T10:00")
    assert hours.next_opening(at("2026-12-24T15:00")) == at("2026-12-28T10:00")
    assert Hours({}, "HH").next_opening(at("2026-11-23T09:00")) is None


def test_closing_time_itself_is_closed() -> None:
    hours = Hours(WEEK, "HH")
    assert hours.open_until(at("2026-11-23T19:59")) == time(20)
    assert hours.open_until(at("2026-11-23T20:00")) is None


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("de", "Montag bis Freitag 10 bis 20 Uhr, Samstag 10 bis 18:30 Uhr"),
        ("en", "Monday to Friday 10 am to 8 pm, Saturday 10 am to 6:30 pm"),
    ],
)
def test_the_week_is_said_compactly(language: str, words: str) -> None:
    assert Hours(WEEK, "HH").week_words(language) == words


def test_hours_are_asked_for_a_place_with_buttons() -> None:
    talk = HeardTalk(now="2026-11-23T12:00:00+01:00")
    talk.turn("ask_store_hours", "wann habt ihr auf")
    assert list(talk.buttons) == ["Hamburg", "Leipzig", "München", "Kundenservice"]
    said = talk.press("Leipzig")
    assert "Nordwind Leipzig hat jetzt geöffnet, heute bis 19 Uhr" in said
    assert "Samstag 10 bis 18 Uhr. Geschlossen: Sonntag" in said
    assert "Feiertag" not in said


@pytest.mark.parametrize(
    "words",
    ["wann ist eure hotline besetzt", "bis wann ist der chat besetzt", "ab wann ist der kundenservice da"],
)
def test_words_for_customer_service_are_understood(words: str) -> None:
    assert "Unser Kundenservice hat jetzt geöffnet, heute bis 20 Uhr" in HeardTalk().turn("ask_store_hours", words)


def test_a_place_we_do_not_have_is_explained() -> None:
    talk = HeardTalk()
    talk.turn("ask_store_hours", "öffnungszeiten")
    assert "Nennen Sie mir bitte die Stadt" in talk.turn("inform", "in Köln")
    assert "Nordwind Hamburg" in talk.turn("inform", "dann in Hamburg")


@pytest.mark.parametrize(
    ("now", "words", "expected"),
    [
        (
            "2026-11-23T21:00",
            "hat der laden in hamburg noch auf",
            "öffnet wieder morgen, Dienstag, den 24. November",
        ),
        ("2026-12-25T12:00", "hat hamburg heute offen", "denn es ist Feiertag: Erster Weihnachtstag"),
        (
            "2026-12-15T12:00",
            "öffnungszeiten hamburg",
            "Freitag, den 25. Dezember, ist wegen des Feiertags geschlossen",
        ),
        (
            "2026-11-23T12:00",
            "hat leipzig samstag auf",
            "Samstag, den 28. November, von 10 bis 18 Uhr geöffnet",
        ),
        (
            "2026-11-23T12:00",
            "leipzig am sonntag?",
            "Sonntag, den 29. November, geschlossen. Geöffnet ist Montag bis",
        ),
        ("2026-11-23T12:00", "münchen an heiligabend offen?", "von 10 bis 14 Uhr geöffnet"),
        (
            "2026-11-23T12:00",
            "hamburg am 25.12. offen",
            "geschlossen: Da ist Feiertag (Erster Weihnachtstag)",
        ),
        ("2026-11-23T12:00", "hat münchen am 3. Oktober zu", "3. Oktober 2027, geschlossen: Da ist Feiertag"),
        ("2026-11-23T12:00", "am 1. weihnachtstag in hamburg?", "25. Dezember, geschlossen: Da ist Feiertag"),
        ("2026-11-23T12:00", "buß- und bettag in leipzig", "17. November 2027, geschlossen: Da ist Feiertag"),
        ("2026-11-16T12:00", "buß und bettag in hamburg", "18. November, von 10 bis 20 Uhr geöffnet"),
        ("2026-11-23T12:00", "hamburg an weihnachten auf?", "25. Dezember, geschlossen: Da ist Feiertag"),
        ("2026-11-23T12:00", "hamburg an silvester", "31. Dezember, von 10 bis 20 Uhr geöffnet"),
        ("2026-11-23T12:00", "karfreitag in münchen", "26. März 2027, geschlossen: Da ist Feiertag"),
        ("2026-11-23T12:00", "ostermontag leipzig", "29. März 2027, geschlossen: Da ist Feiertag"),
        ("2026-01-23T12:00", "tag der deutschen einheit hamburg", "3. Oktober, geschlossen: Da ist Feiertag"),
    ],
)
def test_hours_are_told_for_now_and_for_a_named_day(now: str, words: str, expected: str) -> None:
    assert expected in HeardTalk(now=f"{now}:00+01:00").turn("ask_store_hours", words)


def test_new_years_eve_is_understood() -> None:
    talk = HeardTalk(language="en")
    assert "Thursday 31 December" in talk.turn("ask_store_hours", "are you open on new year's eve in Hamburg")


@pytest.mark.parametrize("day", ["29.2.2027", "31.4.", "30. Februar"])
def test_a_day_that_no_calendar_has_is_asked_back(day: str) -> None:
    talk = HeardTalk()
    assert "gibt es im Kalender nicht" in talk.turn("ask_store_hours", f"hat hamburg am {day} auf")
    assert "Bitte nennen Sie einen Tag" in talk.turn("inform", "31.6.2027")
    assert "28. November, von 10 bis 20 Uhr" in talk.turn("inform", "dann samstag")


@pytest.mark.parametrize("words", ["29.2.2028", "28.2.2027", "24.12.26", "31. Dezember", "um 10.30 Uhr", "10482917"])
def test_a_day_that_exists_is_not_impossible(words: str) -> None:
    assert not names_impossible_day(words)


def test_hours_in_english() -> None:
    said = HeardTalk(language="en", now="2026-12-20T12:00:00+01:00").turn("ask_store_hours", "is hamburg open now")
    assert "closed now and opens again tomorrow, Monday 21 December, at 10 am" in said
    assert "Friday 25 December is closed for a public holiday (Christmas Day)" in said


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("wo seid ihr", ["Mönckebergstraße 19", "Petersstraße 4", "Sendlinger Straße 8"]),
        ("adresse filiale münchen", ["Nordwind München finden Sie hier: Sendlinger Straße 8, 80331 München"]),
        ("laden in der nähe von 26122", ["In Ihrer Postleitregion liegt Nordwind Hamburg"]),
        ("welcher laden ist näher an 04277", ["In Ihrer Postleitregion liegt Nordwind Leipzig"]),
        ("laden nahe 50667", ["keine Filiale", "Hamburg", "Leipzig", "München"]),
        ("gibts in leipzig einen parkplatz", ["Petersstraße 4", "leider keine Angaben"]),
    ],
)
def test_a_store_is_found(words: str, expected: list[str]) -> None:
    said = HeardTalk().turn("ask_store_location", words)
    assert all(part in said for part in expected), said


def test_a_named_store_is_told_alone() -> None:
    assert "Leipzig" not in HeardTalk().turn("ask_store_location", "wo ist der laden in hamburg")


@pytest.mark.parametrize(
    ("language", "words", "expected", "is_exact"),
    [
        ("de", "habt ihr das zelt orkan zwei da", ["Zelt Orkan 2"], True),
        ("de", "Rucksack Fjell 45", ["Wanderrucksack Fjell 45"], True),
        ("de", "das fjell in dreißig liter", ["Wanderrucksack Fjell 30"], True),
        ("de", "ist die regen jacke in größe l da", ["Regenjacke Sturm Damen L"], True),
        ("de", "gibt s die regenjacke noch", JACKETS, True),
        ("de", "Regenjacke Sturm Herren in XL", JACKETS, False),
        ("de", "fleecejacke in 140", ["Fleecejacke Kinder 128"], False),
        ("de", "ich bräuchte zwei isomaten", ["Isomatte Leicht"], True),
        ("de", "zelt für vier leute", ["Zelt Orkan 2"], False),
        ("de", "3-mann-zelt", ["Zelt Orkan 2"], False),
        ("de", "seit wochen ist die daunenjacke ausverkauft", [], True),
        ("de", "verkauft ihr kajaks", [], True),
        ("en", "is the rain jacket in stock, i'm looking for one", JACKETS, True),
        ("en", "do you stock water filters", [], True),
        ("en", "i need two sleeping mats", ["Isomatte Leicht"], True),
        ("en", "is the head lamp back", ["Stirnlampe Mini"], True),
    ],
)
def test_articles_are_found_tolerantly_and_honestly(
    language: str, words: str, expected: list[str], is_exact: bool
) -> None:
    match = find_articles(words, NAMES, language)
    assert sorted(match.names) == sorted(expected)
    assert match.exact == is_exact or not expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("habt ihr das zelt orkan 2 da", "ist online lieferbar und vorrätig in Hamburg und München"),
        ("wann kommt die isomatte wieder", "überall vergriffen und kommt voraussichtlich wieder Mittwoch"),
        ("gaskartuschen", "vorrätig in Hamburg, Leipzig und München, online aber gerade nicht"),
        ("fahrradanhänger", "online lieferbar, in den Filialen aber gerade nicht"),
        ("stirnlampe in hamburg?", "Ja, „Stirnlampe Mini“ ist vorrätig: Nordwind Hamburg"),
        ("mütze lykke in leipzig", "knapp: Nordwind Leipzig, Bestand 3"),
        ("fjell 30 in hamburg", "Die nächste Lieferung kommt voraussichtlich Samstag, den 28. November."),
        ("mütze lykke in münchen", "Wann Nachschub kommt, steht noch nicht fest"),
        ("führt ihr schlafsäcke", "Diesen Artikel finde ich nicht"),
    ],
)
def test_stock_is_told(words: str, expected: str) -> None:
    assert expected in HeardTalk().turn("ask_stock", words)


def test_where_else_it_is_comes_with_a_no() -> None:
    assert "vorrätig in Leipzig und München" in HeardTalk().turn("ask_stock", "ist der fjell 30 in hamburg da")
    assert "online" not in HeardTalk(sender="b").turn("ask_stock", "isomatte in hamburg").casefold()


def test_an_article_is_asked_for_and_an_unknown_one_is_said_so() -> None:
    talk = HeardTalk()
    assert "Um welchen Artikel" in talk.turn("ask_stock", "noch auf lager?")
    assert "finde ich nicht" in talk.turn("out_of_scope", "imprägnierspray")
    assert "Mit einem Menschen" in talk.buttons


def test_one_of_several_articles_is_chosen_by_button_or_words() -> None:
    talk = HeardTalk()
    assert "Davon haben wir mehrere" in talk.turn("ask_stock", "ist die regenjacke da")
    assert max(map(len, talk.buttons)) <= 20
    assert "„Regenjacke Sturm Damen M“ ist vorrätig in Hamburg" in talk.press("Sturm Damen M")
    english = HeardTalk(language="en", sender="b")
    assert "Which article" in english.turn("ask_stock", "do you have the fjell backpack")
    assert "Wanderrucksack Fjell 45" in english.turn("inform", "the 45 one")


def test_an_article_that_only_nearly_fits_is_named_as_such() -> None:
    assert "Genau das finde ich nicht" in HeardTalk().turn("ask_stock", "gibts die fleecejacke auch in 140")


def test_without_stock_rows_nothing_is_promised() -> None:
    with session() as opened:
        opened.execute(delete(Stock))
    assert "liegt mir kein Bestand vor" in HeardTalk().turn("ask_stock", "habt ihr das zelt orkan")


def test_a_delivery_day_that_has_passed_is_not_told() -> None:
    with session() as opened:
        opened.execute(update(Stock).values(available_from=date(2026, 11, 20)))
    assert "steht noch nicht fest" in HeardTalk().turn("ask_stock", "wann kommt die isomatte")
