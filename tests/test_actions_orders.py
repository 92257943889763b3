"""Orders: what a customer is told and what is changed, in a real database."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from actions.db import migrate, session
from actions.load import load
from actions.models import Claim, Order, OrderItem
from tests.matter_talk import DEMO, TODAY, Talk

ANNIKA = {"customer_number": "27004118", "postcode": "22765"}
MURAT = {"customer_number": "27004183", "postcode": "04107"}
CHARLOTTE = {"customer_number": "27004258", "postcode": "80469"}
JAMES = {"customer_number": "27004316", "postcode": "10999"}
NELE = {"customer_number": "27004324", "postcode": "26122"}
PIOTR = {"customer_number": "27004332", "postcode": "15230"}


@pytest.fixture(autouse=True)
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'shop.db'}")
    migrate()
    load(DEMO, today=TODAY)


def order(number: str) -> Order:
    with session() as opened:
        found = opened.get_one(Order, number)
        opened.expunge(found)
        return found


def change(number: str, **values: Any) -> None:
    with session() as opened:
        for name, value in values.items():
            setattr(opened.get_one(Order, number), name, value)


def claims() -> list[tuple[str, str, str | None]]:
    with session() as opened:
        return [(c.order_number, c.kind, c.note) for c in opened.scalars(select(Claim).order_by(Claim.id))]


@pytest.mark.parametrize(
    ("number", "postcode", "expected"),
    [
        ("10482917", "22765", ["mit DHL unterwegs", "morgen, Dienstag, den 24. November", "00340434161094021501"]),
        ("10481232", "22765", ["zugestellt: Sonntag, den 18. Oktober", "Mütze Lykke"]),
        ("10483055", "04107", ["für den Versand vorbereitet", "Zelt Orkan 2"]),
        ("10483774", "04107", ["verspätet", "Lieferrückstand beim Hersteller", "Donnerstag, den 26. November"]),
        ("10485035", "10999", ["Zustellfahrzeug von DHL", "heute"]),
        ("10485191", "26122", ["storniert"]),
        ("10485886", "26122", ["Nordwind Hamburg, Mönckebergstraße 19", "spätestens Sonntag, den 29. November"]),
        ("10486207", "15230", ["verloren gegangen", "darum kümmern"]),
    ],
)
def test_each_status_is_told(number: str, postcode: str, expected: list[str]) -> None:
    said = Talk().turn("ask_order_status", order_number=number, postcode=postcode)
    for words in expected:
        assert words in said


def test_each_status_is_told_in_english() -> None:
    said = Talk(language="en").turn("ask_order_status", order_number="10485035", postcode="10999")
    assert "delivery van of DHL" in said
    assert "today" in said


def test_nothing_is_said_without_the_right_postcode() -> None:
    talk = Talk()
    assert "Postleitzahl" in talk.turn("ask_order_status", order_number="10482917")
    said = talk.turn("inform", postcode="99999")
    assert "passt leider nicht" in said
    assert "Rucksack" not in said
    assert "unterwegs" in talk.turn("inform", postcode="22765")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"eta": date(2026, 11, 20)}, ["überfällig", "Freitag, den 20. November", "darum kümmern"]),
        ({"eta": None}, ["Ein Liefertermin steht noch nicht fest"]),
        ({"tracking": None}, ["kommt voraussichtlich morgen"]),
    ],
)
def test_what_is_not_known_is_not_said(values: dict[str, Any], expected: list[str]) -> None:
    change("10482917", **values)
    said = Talk().turn("ask_order_status", order_number="10482917", postcode="22765")
    for words in expected:
        assert words in said


def test_an_order_delivered_long_ago_is_not_asked_for() -> None:
    assert "10482917" in Talk().turn("ask_order_status", **ANNIKA)


def test_several_active_orders_are_asked_for_with_buttons() -> None:
    talk = Talk()
    assert "welche Bestellung" in talk.turn("ask_order_status", **MURAT)
    tent = next(title for title in talk.buttons if title.startswith("Zelt"))
    assert len(talk.buttons) == 2
    assert "10483055" in talk.press(tent)


def test_an_article_tells_which_order_is_meant() -> None:
    assert "10483774" in Talk().turn("ask_order_status", product="Isomatte", **MURAT)


@pytest.mark.parametrize(
    ("who", "values", "expected"),
    [
        (ANNIKA, {"order_number": "10482917"}, "voraussichtlich morgen"),
        (MURAT, {"order_number": "10483774"}, "Donnerstag, den 26. November"),
        (MURAT, {"order_number": "10483055"}, "steht fest, sobald sie verschickt ist"),
        (PIOTR, {}, "verloren"),
    ],
)
def test_the_delivery_day_is_told(who: dict[str, str], values: dict[str, str], expected: str) -> None:
    assert expected in Talk().turn(
        "ask_delivery_date", postcode=who["postcode"], **(values or {"customer_number": who["customer_number"]})
    )


def test_what_is_not_due_yet_gets_patience_and_no_claim() -> None:
    talk = Talk()
    said = talk.turn("report_not_received", order_number="10482917", postcode="22765")
    assert "morgen" in said
    assert "Geduld" in said
    assert list(talk.buttons.values()) == ["/talk_to_human"]
    assert claims() == []


def test_a_delayed_parcel_with_a_new_day_gets_patience_too() -> None:
    said = Talk().turn("report_not_received", order_number="10483774", postcode="04107")
    assert "Lieferrückstand" in said
    assert "Geduld" in said
    assert claims() == []


@pytest.mark.parametrize(
    ("number", "postcode", "values"),
    [
        ("10486207", "15230", {}),
        ("10481232", "22765", {}),
        ("10482917", "22765", {"eta": date(2026, 11, 20)}),
        ("10483774", "04107", {"eta": date(2026, 11, 22)}),
        ("10482917", "22765", {"eta": None}),
    ],
)
def test_what_is_missing_is_searched_for_after_a_yes(number: str, postcode: str, values: dict[str, Any]) -> None:
    change(number, **values)
    talk = Talk()
    assert "als vermisst melden" in talk.turn("report_not_received", order_number=number, postcode=postcode)
    assert claims() == []
    assert "bis Montag, den 30. November" in talk.press("Ja")
    assert claims() == [(number, "lost", None)]


def test_a_no_starts_no_search() -> None:
    talk = Talk()
    talk.turn("report_not_received", **PIOTR)
    assert "nichts geändert" in talk.press("Nein")
    assert claims() == []


def test_a_search_that_runs_is_told_and_not_started_again() -> None:
    talk = Talk()
    talk.turn("report_not_received", **PIOTR)
    talk.press("Ja")
    talk.now = f"{TODAY + timedelta(days=2)}T09:00:00+01:00"
    said = talk.turn("report_not_received")
    assert "Seit Montag, den 23. November" in said
    assert "bis Montag, den 30. November" in said
    assert "Seit Montag" in talk.turn("ask_order_status")
    assert len(claims()) == 1


def test_a_search_that_takes_too_long_leads_to_a_human() -> None:
    talk = Talk()
    talk.turn("report_not_received", **PIOTR)
    talk.press("Ja")
    talk.now = f"{TODAY + timedelta(days=8)}T09:00:00+01:00"
    assert "tut mir leid" in talk.turn("report_not_received")
    assert "/talk_to_human" in talk.buttons.values()


def test_a_closed_search_is_opened_again() -> None:
    with session() as opened:
        opened.add(Claim(order_number="10486207", kind="lost", opened_on=date(2026, 11, 1), status="closed"))
    talk = Talk()
    talk.turn("report_not_received", **PIOTR)
    assert "30. November" in talk.press("Ja")
    with session() as opened:
        claim = opened.scalars(select(Claim)).one()
        assert (claim.status, claim.opened_on) == ("open", TODAY)


def test_the_status_of_a_lost_parcel_offers_the_search_and_a_yes_takes_it_up() -> None:
    talk = Talk()
    talk.turn("ask_order_status", **PIOTR)
    assert "10486207" in talk.turn("affirm", "ja bitte")
    talk.press("Ja")
    assert claims() == [("10486207", "lost", None)]


def test_what_is_not_sent_is_not_searched_for() -> None:
    said = Talk().turn("report_not_received", order_number="10483055", postcode="04107")
    assert "vorbereitet" in said
    assert "Geduld" not in said


def test_damage_is_described_confirmed_and_reported() -> None:
    talk = Talk()
    assert "Was stimmt" in talk.turn("report_damaged", "Reklamation", order_number="10484129", postcode="80469")
    assert "beschreiben" in talk.press("Beschädigt")
    said = talk.turn("inform", "der Reißverschluss klemmt {x}")
    assert "der Reißverschluss klemmt x" in said
    assert "als beschädigt: Regenjacke Sturm Damen M" in said
    assert "bis Montag, den 30. November" in talk.press("Ja")
    assert claims() == [("10484129", "damaged", "Regenjacke Sturm Damen M: der Reißverschluss klemmt {x}")]


def test_the_opening_words_tell_kind_article_and_description() -> None:
    words = "Hallo, bei der Trinkflasche aus dem Paket von gestern fehlt leider der Deckel"
    talk = Talk()
    said = talk.turn("report_damaged", words, product="Trinkflasche", order_number="10482917", postcode="22765")
    assert "als unvollständig: Trinkflasche 0,7 l" in said
    talk.press("Ja")
    assert claims() == [("10482917", "incomplete", f"Trinkflasche 0,7 l: {words}")]


def test_an_article_named_without_an_order_is_not_asked_for_again() -> None:
    talk = Talk()
    said = talk.turn("report_damaged", "der Rucksack ist kaputt", product="Rucksack", **ANNIKA)
    assert "beschreiben" in said
    assert "Wanderrucksack Fjell 30" in talk.turn("inform", "Träger gerissen", product="Rucksack")


def test_the_article_is_asked_for_when_there_are_several() -> None:
    talk = Talk()
    said = talk.turn("report_damaged", "falsch geliefert", order_number="10482917", postcode="22765")
    assert "welchen Artikel" in said
    talk.press("Trinkflasche 0,7 l")
    talk.turn("inform", "rot wie der Rucksack", product="Rucksack")
    talk.press("Ja")
    assert claims() == [("10482917", "wrong", "Trinkflasche 0,7 l: rot wie der Rucksack")]


def test_the_same_damage_is_reported_once_and_another_article_is_added() -> None:
    talk = Talk()
    told = {"order_number": "10482917", "postcode": "22765"}
    for item in ("Trinkflasche", "Wanderrucksack"):
        talk.turn("report_damaged", "kaputt", product=item, **told)
        talk.turn("inform", "Riss")
        talk.press("Ja")
    assert "schon gemeldet" in talk.turn("report_damaged", "kaputt", product="Trinkflasche", **told)
    assert claims() == [("10482917", "damaged", "Trinkflasche 0,7 l: Riss\nWanderrucksack Fjell 30: Riss")]


def test_nothing_that_is_not_sent_can_be_damaged() -> None:
    talk = Talk()
    said = talk.turn("report_damaged", "kaputt", order_number="10483055", postcode="04107")
    assert "noch nicht bei Ihnen" in said
    assert "vorbereitet" in said
    assert claims() == []


def test_a_delivery_day_is_noted_after_a_yes() -> None:
    talk = Talk()
    said = talk.turn("change_delivery", order_number="10482917", postcode="22765", date="2026-11-27")
    assert "Freitag, den 27. November" in said
    assert order("10482917").delivery_wish is None
    assert "vermerkt" in talk.press("Ja")
    assert order("10482917").delivery_wish == "day: 2026-11-27"
    assert "schon vermerkt" in talk.turn("change_delivery", date="2026-11-27")


@pytest.mark.parametrize("day", ["2026-11-22", "2026-11-25", "2026-11-29", "2027-01-15"])
def test_a_day_that_cannot_be_is_asked_for_again(day: str) -> None:
    talk = Talk()
    said = talk.turn("change_delivery", order_number="10483774", postcode="04107", date=day)
    assert "An welchem Tag" in said
    assert "geht es leider nicht" in said or "hinter uns" in said
    assert "27. November" in talk.turn("inform", date="2026-11-27")


def test_a_public_holiday_is_no_delivery_day() -> None:
    talk = Talk(now="2026-12-21T09:00:00+01:00")
    said = talk.turn("change_delivery", order_number="10483774", postcode="04107", date="2026-12-25")
    assert "außer Sonn- und Feiertagen" in said
    assert "28. Dezember" in talk.turn("inform", date="2026-12-28")


@pytest.mark.parametrize(
    ("title", "words", "kept"),
    [
        ("Zum Nachbarn", "Familie Kaya, Nummer 14", "neighbour: Familie Kaya, Nummer 14"),
        ("An einen Ablageort", "unter das Vordach", "drop_off: unter das Vordach"),
        ("In einen Paketshop", "Packstation 142", "parcel_shop: Packstation 142"),
    ],
)
def test_other_wishes_are_kept_in_the_customers_words(title: str, words: str, kept: str) -> None:
    talk = Talk()
    talk.turn("change_delivery", "ich bin nicht da", order_number="10483055", postcode="04107")
    talk.press(title)
    assert words in talk.turn("inform", words)
    talk.press("Ja")
    assert order("10483055").delivery_wish == kept


def test_a_wish_that_says_all_is_asked_nothing() -> None:
    talk = Talk()
    words = "bitte auf die Terrasse hinters Haus legen"
    assert words in talk.turn("change_delivery", words, order_number="10482917", postcode="22765")
    talk.press("Ja")
    assert order("10482917").delivery_wish == f"drop_off: {words}"


def test_an_order_number_is_no_house_number() -> None:
    said = Talk().turn("change_delivery", "Paket 10482917 zum Nachbarn", order_number="10482917", postcode="22765")
    assert "welchem Nachbarn" in said


@pytest.mark.parametrize(
    ("number", "postcode", "expected"),
    [
        ("10485035", "10999", "Zustellfahrzeug"),
        ("10481232", "22765", "zugestellt"),
        ("10485191", "26122", "storniert"),
    ],
)
def test_too_late_for_a_wish_says_why(number: str, postcode: str, expected: str) -> None:
    said = Talk().turn("change_delivery", order_number=number, postcode=postcode)
    assert "nichts mehr ändern" in said
    assert expected in said


def test_an_order_in_preparation_is_cancelled_after_a_yes() -> None:
    talk = Talk()
    assert "249,00 €" in talk.turn("cancel_order", **MURAT)
    assert order("10483055").status == "processing"
    assert "storniert" in talk.press("Ja")
    assert order("10483055").status == "cancelled"
    said = talk.turn("cancel_order", order_number="10483055")
    assert "ist storniert" in said
    assert talk.slot("offer") is None


def test_an_order_that_is_sent_offers_the_return() -> None:
    talk = Talk()
    assert "zurücksenden" in talk.turn("cancel_order", order_number="10482917", postcode="22765")
    assert talk.buttons == {"Ja": "/start_return", "Nein": "/deny"}
    assert talk.slot("offer") == "start_return"
    assert "10482917" in talk.press("Ja")
    assert order("10482917").status == "shipped"


def test_a_lost_order_is_searched_for_and_not_cancelled() -> None:
    talk = Talk()
    assert "verloren" in talk.turn("cancel_order", **PIOTR)
    assert talk.slot("offer") == "report_not_received"


def test_a_customer_without_orders_is_told_so() -> None:
    with session() as opened:
        for item in opened.scalars(select(OrderItem).where(OrderItem.order_number.in_(["10484665", "10485035"]))):
            opened.delete(item)
        opened.flush()
        for number in ("10484665", "10485035"):
            opened.delete(opened.get_one(Order, number))
    assert "finde ich keine Bestellung" in Talk().turn("ask_order_status", **JAMES)
