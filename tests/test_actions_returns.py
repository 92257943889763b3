"""Returns: what a customer is told and what is changed, in a real database."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from stdnum import luhn

from actions.db import session
from actions.load import load
from actions.models import Claim, Customer, Order, Return
from actions.returns import label_number, warranty_until
from tests.matter_talk import DEMO, TODAY, Talk

ANNIKA = {"customer_number": "27004118", "postcode": "22765"}
BACKPACK = {"order_number": "10482917", "postcode": "22765"}
HAT = {"order_number": "10481232", "postcode": "22765"}
JACKET = {"order_number": "10484129", "postcode": "80469"}


@pytest.fixture(autouse=True)
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'shop.db'}")
    load(DEMO, today=TODAY)


@pytest.fixture
def arrived() -> None:
    """The backpack and the bottle have arrived."""
    change(Order, "10482917", status="delivered", delivered_on=TODAY - timedelta(days=3))


def change(kind: type[Any], key: Any, **values: Any) -> None:
    with session() as opened:
        for name, value in values.items():
            setattr(opened.get_one(kind, key), name, value)


def returns(number: str) -> list[Return]:
    with session() as opened:
        found = list(opened.scalars(select(Return).where(Return.order_number == number)))
        opened.expunge_all()
        return found


@pytest.mark.usefixtures("arrived")
def test_a_return_asks_article_and_reason_and_is_announced_after_a_yes() -> None:
    talk = Talk()
    assert "welchen Artikel" in talk.turn("start_return", "ich will was zurückschicken", **BACKPACK)
    assert "Warum" in talk.press("Wanderrucksack Fjell 30")
    assert "79,95 €" in talk.press("Gefällt mir nicht")
    assert returns("10482917") == []
    said = talk.press("Ja")
    (made,) = returns("10482917")
    assert (made.item, made.reason, made.status) == ("Wanderrucksack Fjell 30", "not_liked", "announced")
    assert (made.refund_cents, made.requested_on) == (7995, TODAY)
    assert made.label is not None
    assert made.label in said
    assert "a***@example.org" in said


@pytest.mark.usefixtures("arrived")
def test_the_opening_words_tell_order_article_and_reason() -> None:
    talk = Talk()
    said = talk.turn("start_return", "der rucksack ist mir zu groß", product="Rucksack", **ANNIKA)
    assert "Soll ich die Rücksendung anmelden: Wanderrucksack Fjell 30" in said
    talk.turn("affirm", "ja")
    assert returns("10482917")[0].reason == "wrong_size"


@pytest.mark.usefixtures("arrived")
def test_a_no_announces_nothing() -> None:
    talk = Talk()
    talk.turn("start_return", "passt nicht", product="Trinkflasche", **BACKPACK)
    assert "nichts geändert" in talk.turn("deny", "nein")
    assert returns("10482917") == []


@pytest.mark.usefixtures("arrived")
def test_a_return_is_announced_once_and_told_again_with_its_label() -> None:
    talk = Talk()
    talk.turn("start_return", "passt nicht", product="Trinkflasche", **BACKPACK)
    talk.press("Ja")
    said = talk.turn("start_return", "flasche zurück", product="Trinkflasche", **BACKPACK)
    (made,) = returns("10482917")
    assert "heute, Montag, den 23. November" in said
    assert str(made.label) in said
    assert "welchen Artikel" in talk.turn("start_return", "noch was", **BACKPACK)


def test_several_of_one_article_are_paid_back_together() -> None:
    change(Order, "10485886", status="delivered", delivered_on=TODAY)
    said = Talk().turn("start_return", "gefällt mir nicht", order_number="10485886", postcode="26122")
    assert "22,00 €" in said


@pytest.mark.usefixtures("arrived")
def test_without_an_email_a_human_helps_with_the_label() -> None:
    change(Customer, "27004118", email=None)
    talk = Talk()
    talk.turn("start_return", "passt nicht", product="Trinkflasche", **BACKPACK)
    assert "fehlt uns Ihre E-Mail-Adresse" in talk.press("Ja")
    assert "/talk_to_human" in talk.buttons.values()


@pytest.mark.parametrize("return_id", [1, 42, 9999, 10_000, 123_456])
def test_a_label_has_eight_digits_and_a_check_digit(return_id: int) -> None:
    label = label_number(return_id)
    assert len(label) == 8
    assert label.startswith("660")
    assert luhn.is_valid(label)


@pytest.mark.parametrize(("days", "possible"), [(59, True), (60, True), (61, False)])
def test_returns_are_possible_for_sixty_days(days: int, possible: bool) -> None:
    change(Order, "10481232", delivered_on=TODAY - timedelta(days=days))
    said = Talk().turn("start_return", "passt nicht", **HAT)
    assert ("Soll ich die Rücksendung anmelden" in said) is possible
    assert ("letzte Tag: gestern, Sonntag, den 22. November" in said) is not possible


def test_after_the_time_for_returns_a_human_is_offered() -> None:
    change(Order, "10481232", delivered_on=TODAY - timedelta(days=66))
    talk = Talk()
    assert "Dienstag, den 17. November" in talk.turn("start_return", **HAT)
    assert list(talk.buttons.values()) == ["/talk_to_human"]


@pytest.mark.parametrize(
    ("number", "postcode", "expected"),
    [
        ("10482917", "22765", "noch nicht bei Ihnen"),
        ("10485886", "26122", "noch nicht bei Ihnen"),
        ("10485191", "26122", "storniert"),
        ("10486207", "15230", "verloren"),
    ],
)
def test_what_has_not_arrived_cannot_go_back(number: str, postcode: str, expected: str) -> None:
    for intent in ("start_return", "ask_exchange"):
        assert expected in Talk(sender=intent).turn(intent, order_number=number, postcode=postcode)


def test_what_is_not_sent_can_be_cancelled_instead() -> None:
    talk = Talk()
    assert "stornieren" in talk.turn("start_return", order_number="10483055", postcode="04107")
    assert "wirklich stornieren" in talk.press("Ja, stornieren")


def test_a_return_that_has_arrived_is_told_instead_of_a_new_one() -> None:
    assert "bei uns angekommen" in Talk().turn("start_return", "zurück", **JACKET)
    change(Order, "10484129", delivered_on=TODAY - timedelta(days=60))
    assert "bei uns angekommen" in Talk(sender="later").turn("start_return", "zurück", **JACKET)
    assert len(returns("10484129")) == 1


@pytest.mark.usefixtures("arrived")
def test_an_exchange_is_announced_with_the_customers_words() -> None:
    talk = Talk()
    assert "stattdessen" in talk.turn("ask_exchange", "ich möchte umtauschen", product="Rucksack", **BACKPACK)
    assert "„die Farbe Grün“" in talk.turn("inform", "die Farbe Grün")
    talk.press("Ja")
    (made,) = returns("10482917")
    assert (made.exchange_for, made.refund_cents, made.reason) == ("die Farbe Grün", 0, "exchange")
    assert "kein Geld" in talk.turn("ask_refund")


@pytest.mark.usefixtures("arrived")
@pytest.mark.parametrize(
    "words",
    [
        "kann ich den rucksack eine nummer größer haben",
        "ich will den rucksack gegen einen blauen tauschen",
        "can I swap the backpack for a bigger one",
        "i need the backpack one size up",
    ],
)
def test_an_opening_that_says_what_instead_is_enough(words: str) -> None:
    assert words in Talk().turn("ask_exchange", words, product="Rucksack", **BACKPACK)


@pytest.mark.usefixtures("arrived")
def test_an_opening_with_the_present_size_is_not_enough() -> None:
    said = Talk().turn("ask_exchange", "der Rucksack in Größe M ist zu klein", product="Rucksack", **BACKPACK)
    assert "Was möchten Sie stattdessen" in said


@pytest.mark.parametrize(
    ("status", "state", "refund"),
    [
        ("announced", "noch nicht", "erstatten wir 129,95 €, sobald"),
        ("received", "ist bei uns angekommen", "129,95 € bis Montag, den 30. November"),
        ("refunded", "haben 129,95 € erstattet", "129,95 € für Regenjacke Sturm Damen M"),
    ],
)
def test_each_state_of_a_return_and_its_refund_is_told(status: str, state: str, refund: str) -> None:
    change(Return, 1, status=status)
    talk = Talk()
    assert state in talk.turn("ask_return_status", **JACKET)
    assert refund in talk.turn("ask_refund")


def test_a_refund_that_is_late_leads_to_a_human() -> None:
    change(Return, 1, requested_on=TODAY - timedelta(days=15))
    talk = Talk()
    assert "hätte bis gestern, Sonntag, den 22. November" in talk.turn("ask_refund", **JACKET)
    assert "/talk_to_human" in talk.buttons.values()


def test_a_cancelled_order_is_paid_back() -> None:
    said = Talk().turn("ask_refund", customer_number="27004324", postcode="26122")
    assert "44,90 € innerhalb von 14 Tagen" in said


@pytest.mark.parametrize(
    ("intent", "expected"), [("ask_return_status", "keine Rücksendung"), ("ask_refund", "weder eine Rücksendung")]
)
def test_without_a_return_one_is_offered_and_no_order_is_asked_for(intent: str, expected: str) -> None:
    talk = Talk()
    assert expected in talk.turn(intent, **ANNIKA)
    assert talk.slot("offer") == "start_return"
    assert "Warum möchten Sie den Artikel zurücksenden" in talk.turn("affirm", "ja")


@pytest.mark.usefixtures("arrived")
def test_the_order_with_a_return_counts_more_than_one_talked_about_before() -> None:
    talk = Talk()
    talk.turn("start_return", "passt nicht", product="Trinkflasche", **BACKPACK)
    talk.press("Ja")
    talk.turn("ask_order_status", **HAT)
    assert "Trinkflasche" in talk.turn("ask_return_status")
    assert "keine Rücksendung" in talk.turn("ask_return_status", order_number="10481232")


def test_a_warranty_case_is_described_confirmed_and_reported_once() -> None:
    talk = Talk()
    assert "kaputt gegangen" in talk.turn("ask_warranty", "meine mütze ist hin", product="Mütze", **ANNIKA)
    assert "„die Naht ist auf“" in talk.turn("inform", "die Naht ist auf")
    assert "bis Montag, den 30. November" in talk.press("Ja")
    with session() as opened:
        claim = opened.scalars(select(Claim)).one()
        assert (claim.order_number, claim.kind, claim.note) == ("10481232", "warranty", "Mütze Lykke: die Naht ist auf")
    assert "schon gemeldet" in talk.turn("ask_warranty", "die mütze", product="Mütze", **ANNIKA)


def test_after_two_years_the_last_day_is_told_and_a_human_offered() -> None:
    change(Order, "10481232", delivered_on=date(2024, 11, 22))
    talk = Talk()
    assert "gestern, Sonntag, den 22. November" in talk.turn("ask_warranty", **HAT)
    assert "/talk_to_human" in talk.buttons.values()
    change(Order, "10481232", delivered_on=date(2024, 11, 23))
    assert "kaputt gegangen" in Talk(sender="in time").turn("ask_warranty", **HAT)


def test_there_is_no_warranty_before_the_delivery() -> None:
    assert "noch nicht bei Ihnen" in Talk().turn("ask_warranty", "kaputt", **BACKPACK)


def test_a_warranty_from_the_29th_of_february_ends_on_the_28th() -> None:
    assert warranty_until(date(2024, 2, 29)) == date(2026, 2, 28)
    assert warranty_until(date(2025, 3, 1)) == date(2027, 3, 1)


def test_returns_speak_english_too() -> None:
    change(Order, "10485035", status="delivered", delivered_on=TODAY)
    talk = Talk(language="en")
    assert "Why" in talk.turn("start_return", "return please", order_number="10485035", postcode="10999")
    assert "€64.00" in talk.press("It does not fit")
    assert "j***@example.org" in talk.press("Yes")
