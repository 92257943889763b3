"""What customers are told and can do about their invoices."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select

from actions.db import session
from actions.invoices import SAYS_WHAT_IS_WRONG, _in_the_past, invoice_state
from actions.load import load
from actions.models import Customer, Invoice, Task
from tests.heard_talk import HeardTalk
from tests.matter_talk import DEMO, TODAY


@pytest.fixture(autouse=True)
def shop(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A fresh demo shop."""
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'shop.db'}")
    load(DEMO, today=TODAY)


def tasks() -> list[tuple[str, str, date]]:
    """Kind, subject and deadline of all tasks."""
    with session() as opened:
        return [(task.kind, task.subject, task.due_on) for task in opened.scalars(select(Task).order_by(Task.id))]


def details() -> dict[str, object]:
    """Details of the only task."""
    with session() as opened:
        return dict(opened.scalars(select(Task)).one().details)


def add_invoice(number: str, *, customer: str, due: date, cents: int, status: str = "open") -> None:
    """One more invoice, without an order."""
    with session() as opened:
        opened.add(
            Invoice(
                number=number,
                customer_number=customer,
                issued_on=TODAY,
                due_on=due,
                amount_cents=cents,
                status=status,
            )
        )


def murat() -> HeardTalk:
    """Murat, proven: one overdue invoice of 59,90 €."""
    talk = HeardTalk()
    talk.turn("identify", "Kundennummer 27004183, Postleitzahl 04107")
    return talk


def charlotte() -> HeardTalk:
    """Charlotte, proven: one paid invoice."""
    talk = HeardTalk()
    talk.turn("identify", "Kundennummer 27004258, Postleitzahl 80469")
    return talk


def test_an_overdue_invoice_is_told_with_amount_and_day() -> None:
    said = murat().turn("ask_invoice", "wie viel muss ich noch zahlen")
    assert "55001333 über 59,90 € ist überfällig" in said
    assert "Samstag, den 21. November" in said


def test_an_open_invoice_is_told_in_english() -> None:
    talk = HeardTalk(language="en")
    assert "postcode" in talk.turn("ask_invoice", "how much is invoice 55001218")
    assert "€89.90 is still open. Please pay by Thursday 3 December" in talk.turn("inform", "22765")


def test_a_paid_invoice_is_told_with_the_day_the_money_came() -> None:
    said = charlotte().turn("ask_invoice", "ist noch was offen")
    assert "ist bezahlt" in said
    assert "Sonntag, den 15. November" in said


def test_all_open_invoices_are_told_instead_of_asking_which() -> None:
    add_invoice("55009002", customer="27004183", due=date(2026, 12, 1), cents=1000)
    said = murat().turn("ask_invoice", "was ist noch offen")
    assert "Offen sind 2 Rechnungen, zusammen 69,90 €" in said
    assert "55001333" in said
    assert "55009002" in said


def test_a_customer_without_invoices_hears_that_nothing_is_open() -> None:
    talk = HeardTalk()
    talk.turn("identify", "27004316, 10999")
    assert "nichts offen" in talk.turn("ask_invoice", "schulde ich euch was")


def test_nothing_is_said_of_an_invoice_without_the_proof() -> None:
    talk = HeardTalk()
    said = talk.turn("ask_invoice", "wie hoch ist die rechnung 55001333")
    said += talk.turn("inform", "10999")
    assert "59,90" not in said
    assert "passt leider nicht zusammen" in said


def test_an_invoice_of_another_customer_is_not_told_to_a_proven_one() -> None:
    said = charlotte().turn("ask_invoice", "und die rechnung 55001333")
    assert "59,90" not in said
    assert "Postleitzahl" in said


@pytest.mark.parametrize(
    ("due", "status", "state"), [(23, "open", "open"), (22, "open", "overdue"), (1, "paid", "settled")]
)
def test_an_open_invoice_is_overdue_the_day_after(due: int, status: str, state: str) -> None:
    assert invoice_state(Invoice(status=status, due_on=date(2026, 11, due)), TODAY) == state


def test_a_copy_goes_once_to_the_masked_email() -> None:
    talk = charlotte()
    said = talk.turn("request_invoice_copy", "bitte eine kopie der rechnung 55001572")
    assert "c***@example.org" in said
    assert "c.weiss" not in said
    assert "schon angefordert" in talk.turn("request_invoice_copy", "rechnung bitte nochmal schicken")
    assert tasks() == [("invoice_copy", "55001572", date(2026, 11, 24))]


def test_a_copy_goes_by_post_without_an_email() -> None:
    with session() as opened:
        opened.get_one(Customer, "27004258").email = None
    assert "per Post" in charlotte().turn("request_invoice_copy", "rechnung bitte zusenden")


def test_which_copy_is_asked_when_there_are_several_even_paid_ones() -> None:
    add_invoice("55009002", customer="27004258", due=date(2026, 12, 1), cents=1000)
    talk = charlotte()
    assert "Um welche Rechnung" in talk.turn("request_invoice_copy", "rechnung bitte zusenden")
    assert "55001572" in talk.press("55001572")


def test_a_dispute_takes_the_first_words_as_the_reason() -> None:
    talk = murat()
    said = talk.turn("dispute_invoice", "ihr habt mir die Isomatte doppelt berechnet!")
    assert "55001333" in said
    assert "„ihr habt mir die Isomatte doppelt berechnet!“" in said
    said = talk.press("Ja")
    assert "Montag, den 7. Dezember" in said
    assert "ruhen Mahnungen" in said
    assert tasks() == [("dispute", "55001333", date(2026, 12, 7))]
    assert details() == {"reason": "ihr habt mir die Isomatte doppelt berechnet!", "reminders": "paused"}


def test_a_dispute_asks_what_is_wrong_when_nothing_was_said_of_it() -> None:
    talk = murat()
    assert "Was stimmt an der Rechnung nicht?" in talk.turn("dispute_invoice", "Rechnung reklamieren")
    assert "„da ist eine Position drauf, die ich nicht kenne“" in talk.turn(
        "report_damaged", "da ist eine Position drauf, die ich nicht kenne"
    )


def test_a_dispute_that_is_declined_leaves_no_task() -> None:
    talk = murat()
    talk.turn("dispute_invoice", "die mahngebühr ist ungerecht")
    assert "nichts geändert" in talk.press("Nein")
    assert tasks() == []


def test_a_second_dispute_names_the_first() -> None:
    talk = murat()
    talk.turn("dispute_invoice", "die mahngebühr ist ungerecht")
    talk.press("Ja")
    assert "schon in Arbeit" in talk.turn("dispute_invoice", "die rechnung ist zu hoch")
    assert len(tasks()) == 1


def test_a_long_reason_is_kept_whole_and_read_out_short() -> None:
    reason = "zu viel berechnet, " * 10
    talk = murat()
    said = talk.turn("dispute_invoice", reason)
    assert "…" in said
    assert len(said) < 300
    talk.press("Ja")
    assert details()["reason"] == reason.strip()


@pytest.mark.parametrize(
    ("text", "enough"),
    [
        ("sie haben mir zehn euro zu viel berechnet", True),
        ("I was charged twice for it", True),
        ("für einen Anhänger, der nie angekommen ist", True),
        ("mein gutschein ist nicht abgezogen", True),
        ("auf der rechnung steht ein falscher betrag", False),
        ("hallo ich möchte die rechnung 55001218 reklamieren bitte", False),
        ("my bill is wrong", False),
    ],
)
def test_what_is_wrong_is_recognised(text: str, enough: bool) -> None:
    assert bool(SAYS_WHAT_IS_WRONG.search(text)) is enough


def test_a_payment_is_looked_for_within_three_working_days() -> None:
    talk = murat()
    assert "Zahlungstag: Freitag, den 20. November" in talk.turn("report_paid", "hab ich am Freitag überwiesen")
    assert "Donnerstag, den 26. November" in talk.press("Ja")
    assert tasks() == [("payment_check", "55001333", date(2026, 11, 26))]
    assert details() == {"paid_on": "2026-11-20"}
    assert "wird schon geprüft" in talk.turn("report_paid", "ich habe doch bezahlt")


def test_the_day_of_payment_can_be_corrected_and_is_never_asked_for() -> None:
    talk = murat()
    assert "Zahlungstag" not in talk.turn("report_paid", "ist längst überwiesen")
    assert "gestern, Sonntag, den 22. November" in talk.turn("deny", "nein, ich habe gestern bezahlt")
    talk.press("Ja")
    assert details() == {"paid_on": "2026-11-22"}


def test_a_payment_that_came_is_told_without_a_task() -> None:
    assert "ist bezahlt" in charlotte().turn("report_paid", "die rechnung ist schon bezahlt")
    assert tasks() == []


@pytest.mark.parametrize("words", ["am 30.11.2026", "morgen", "nächsten freitag", "in zwei tagen"])
def test_a_day_to_come_is_no_day_of_payment(words: str) -> None:
    talk = murat()
    talk.turn("report_paid", f"die rechnung habe ich {words} bezahlt")
    talk.press("Ja")
    assert details()["paid_on"] is None


def test_a_weekday_of_payment_is_the_one_before_today() -> None:
    talk = murat()
    talk.turn("report_paid", "die rechnung habe ich am freitag bezahlt")
    talk.press("Ja")
    assert details()["paid_on"] == "2026-11-20"


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (date(2026, 11, 23), date(2026, 11, 23)),
        (date(2026, 11, 27), date(2026, 11, 20)),
        (date(2026, 12, 18), date(2026, 11, 18)),
        (date(2027, 4, 12), date(2026, 4, 12)),
    ],
)
def test_a_day_of_payment_is_never_in_the_future(said: date, meant: date) -> None:
    assert _in_the_past(said, TODAY) == meant
