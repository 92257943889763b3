"""A shared location is answered with the nearest store, also amid a form."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import update

from actions.db import session
from actions.load import load
from actions.models import Store
from actions.nearby import Place, distance_words, kilometres
from tests.heard_talk import HeardTalk
from tests.matter_talk import DEMO

TODAY = date(2026, 11, 23)
NOON = "2026-11-23T12:00:00+01:00"
ALTONA = {"latitude": "53.5522", "longitude": "9.9355"}
HARBOUR, HALLE = Place(53.5436, 9.9661), {"latitude": "51.4826", "longitude": "11.9697"}


@pytest.fixture(autouse=True)
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'shop.db'}")
    load(DEMO, today=TODAY)


def test_distances_are_those_of_the_globe() -> None:
    assert kilometres(HARBOUR, HARBOUR) == 0
    assert kilometres(Place(53.5511, 9.9937), Place(48.1374, 11.5755)) == pytest.approx(612, abs=2)
    assert kilometres(Place(0, 179.5), Place(0, -179.5)) == pytest.approx(111.2, abs=0.5)


@pytest.mark.parametrize(
    ("distance", "de", "en"),
    [(0, "50 m", "50 m"), (0.812, "800 m", "800 m"), (3.21, "3,2 km", "3.2 km"), (612.3, "612 km", "612 km")],
)
def test_distances_are_said_roughly(distance: float, de: str, en: str) -> None:
    assert (distance_words(distance, "de"), distance_words(distance, "en")) == (de, en)


def test_the_nearest_store_is_told_with_its_hours() -> None:
    said = HeardTalk(now=NOON).turn("location_shared", **ALTONA)
    assert "Am nächsten liegt Nordwind Hamburg, etwa 4,3 km Luftlinie" in said
    assert "Mönckebergstraße 19, 20095 Hamburg" in said
    assert "jetzt geöffnet, heute bis 20 Uhr" in said
    assert "The nearest is Nordwind Leipzig" in HeardTalk(language="en", now=NOON).turn("location_shared", **HALLE)


def test_a_closed_store_is_told_with_its_next_opening() -> None:
    said = HeardTalk(now="2026-11-29T12:00:00+01:00").turn("location_shared", **ALTONA)
    assert "öffnet wieder morgen" in said


@pytest.mark.parametrize(
    "place",
    [{"latitude": "nan", "longitude": "9.9"}, {"latitude": "91", "longitude": "9"}, {"latitude": "53.5"}, {}],
)
def test_without_degrees_all_stores_are_told(place: dict[str, str]) -> None:
    said = HeardTalk().turn("location_shared", **place)
    assert all(street in said for street in ("Mönckebergstraße", "Petersstraße", "Sendlinger"))


def test_stores_without_coordinates_are_listed() -> None:
    with session() as opened:
        opened.execute(update(Store).values(latitude=None, longitude=None))
    assert "Unsere Filialen:" in HeardTalk().turn("location_shared", **ALTONA)


def test_loading_again_adds_coordinates_that_were_missing() -> None:
    with session() as opened:
        opened.execute(update(Store).where(Store.id == "leipzig").values(latitude=None, longitude=None))
    load(DEMO, today=TODAY)
    with session() as opened:
        assert opened.get_one(Store, "leipzig").latitude == pytest.approx(51.3392)


@pytest.mark.parametrize(
    ("intent", "words", "question"),
    [
        ("ask_order_status", "wo ist mein paket", "Wie lautet Ihre Bestellnummer?"),
        ("report_damaged", "meine bestellung ist kaputt", "Wie lautet Ihre Bestellnummer?"),
    ],
)
def test_a_location_amid_a_form_does_not_disturb_it(intent: str, words: str, question: str) -> None:
    talk = HeardTalk(now=NOON)
    assert question in talk.turn(intent, words)
    asked = talk.slot("need")
    assert "Am nächsten liegt Nordwind Hamburg" in talk.turn("location_shared", **ALTONA)
    assert talk.slot("need") == asked
    assert talk.slot("misses") in (None, 0)
    assert "Postleitzahl" in talk.turn("inform", "10482917")


def test_a_location_is_no_answer_to_a_question_for_own_words() -> None:
    talk = HeardTalk(now=NOON)
    talk.turn("report_damaged", "10482917 und 22765, da ist etwas kaputt")
    while talk.slot("need") != "description":
        before = talk.slot("need")
        talk.press(next(iter(talk.buttons)))
        assert talk.slot("need") != before
    said = talk.turn("location_shared", **ALTONA)
    assert "Am nächsten liegt Nordwind Hamburg" in said
    assert talk.slot("need") == "description"
