"""What customers can do with their account, and who is let near it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from actions.address import city_in
from actions.db import session
from actions.load import load
from actions.models import Address, Customer, Task
from actions.tasks import mask_email, months_later
from tests.heard_talk import HeardTalk
from tests.matter_talk import DEMO, TODAY

ANNIKA, MURAT, CHARLOTTE, JAMES, NELE, PIOTR = (
    "27004118",
    "27004183",
    "27004258",
    "27004316",
    "27004324",
    "27004332",
)
POSTCODES = {
    ANNIKA: "22765",
    MURAT: "04107",
    CHARLOTTE: "80469",
    JAMES: "10999",
    NELE: "26122",
    PIOTR: "15230",
}


@pytest.fixture(autouse=True)
def shop(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A fresh demo shop."""
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'shop.db'}")
    load(DEMO, today=TODAY)


BORN = {
    ANNIKA: "12.4.1987",
    MURAT: "30.11.1979",
    CHARLOTTE: "3.2.1954",
    JAMES: "22 August 1991",
    NELE: "17.5.2000",
    PIOTR: "1.9.1968",
}


def proven(number: str, language: str = "de") -> HeardTalk:
    """A conversation in which the customer has proven who they are."""
    talk = HeardTalk(language=language)
    talk.turn("identify", f"{number}, {POSTCODES[number]}")
    assert talk.slot("customer") == number
    return talk


def customer(number: str) -> Customer:
    """The customer's row, with the addresses read."""
    with session() as opened:
        opened.expire_on_commit = False
        found = opened.get_one(Customer, number)
        assert found.addresses
        return found


def set_birth_date(number: str, born: date | None) -> None:
    """Change the date of birth on file."""
    with session() as opened:
        opened.get_one(Customer, number).birth_date = born


def change_email(talk: HeardTalk, number: str, email: str) -> str:
    """A change of the e-mail address with both proofs; what was said at its end."""
    talk.turn("change_contact", "neue mailadresse bitte eintragen")
    talk.turn("inform", BORN[number])
    talk.turn("inform", email)
    return talk.press("Ja")


def set_email(number: str, email: str | None) -> None:
    """Change the e-mail address on file."""
    with session() as opened:
        opened.get_one(Customer, number).email = email


def tasks() -> list[tuple[str, str, date, dict[str, Any]]]:
    """Kind, subject, deadline and details of all tasks."""
    with session() as opened:
        found = opened.scalars(select(Task).order_by(Task.id))
        return [(task.kind, task.subject, task.due_on, task.details) for task in found]


def address(number: str) -> tuple[str, str, str]:
    """The address that counts."""
    with session() as opened:
        last = opened.scalars(select(Address).where(Address.customer_number == number).order_by(Address.id)).all()[-1]
        return last.street, last.postcode, last.city


def test_a_proven_customer_is_greeted_by_name_and_stays_proven() -> None:
    talk = HeardTalk()
    assert "Postleitzahl" in talk.turn("identify", "mein Name ist Annika Brandt, Kundennummer 27004118")
    assert "Annika Brandt" in talk.turn("inform", "22765")
    assert talk.effects == [{"link": {"customer": ANNIKA, "level": "proven"}}]
    assert "55001218" in talk.turn("ask_invoice", "ist was offen")


def test_a_wrong_proof_and_an_unknown_number_sound_the_same() -> None:
    known, unknown = HeardTalk(), HeardTalk()
    assert known.turn("identify", "27004118, 10115") == unknown.turn("identify", "27009018, 10115")


def test_a_new_address_in_one_sentence_is_not_taken_for_the_proof() -> None:
    talk = HeardTalk()
    assert "Bestellnummer" in talk.turn("change_address", "Bin umgezogen: Lindenweg 3, 20095 Hamburg")
    assert "Postleitzahl" in talk.turn("inform", MURAT)
    assert "Lindenweg 3, 20095 Hamburg" in talk.turn("inform", "04107")
    said = talk.press("Ja")
    assert "10483055 und 10483774" in said
    assert "bisherige Adresse" in said
    assert address(MURAT) == ("Lindenweg 3", "20095", "Hamburg")
    assert customer(MURAT).postcode == "20095"
    assert len(customer(MURAT).addresses) == 2


def test_an_old_and_a_new_postcode_in_one_sentence_are_told_apart() -> None:
    talk = HeardTalk()
    said = talk.turn("change_address", f"Kundennummer {ANNIKA}, PLZ 22765, neue Adresse Lindenweg 3, 20095 Hamburg")
    assert "Lindenweg 3, 20095 Hamburg" in said
    assert talk.slot("customer") == ANNIKA


def test_an_address_is_asked_for_part_by_part_and_can_be_corrected() -> None:
    talk = HeardTalk()
    talk.turn("change_address", "bin umgezogen!!")
    assert "Straße" in talk.turn("inform", f"{NELE} plz 26122")
    assert "Hausnummer" in talk.turn("inform", "Lindenweg")
    assert "neue Postleitzahl" in talk.turn("inform", "Am Anger 9")
    assert "In welchem Ort" in talk.turn("inform", "22763")
    assert "Am Anger 9, 22763 Hamburg" in talk.turn("ask_store_location", "in Hamburg bitte")
    assert "Am Anger 19, 22763 Hamburg" in talk.turn("deny", "nein, Hausnummer neunzehn")
    assert "Am Anger 19, 22765 Altona" in talk.turn("inform", "und 22767 Altona, äh nein 22765")
    talk.turn("affirm", "ja jetzt stimmts")
    assert address(NELE) == ("Am Anger 19", "22765", "Altona")


def test_an_address_is_not_changed_without_a_yes() -> None:
    talk = proven(ANNIKA)
    talk.turn("change_address", "neue Adresse: Lindenweg 3, 20095 Hamburg")
    assert "nichts geändert" in talk.press("Nein")
    assert address(ANNIKA) == ("Bahrenfelder Straße 101", "22765", "Hamburg")


def test_the_present_address_is_not_entered_twice() -> None:
    talk = proven(CHARLOTTE)
    assert "steht schon" in talk.turn("change_address", "meine Adresse ist Klenzestraße 55, 80469 München")
    assert len(customer(CHARLOTTE).addresses) == 1


def test_after_a_move_the_new_postcode_is_the_proof() -> None:
    talk = proven(CHARLOTTE)
    talk.turn("change_address", "umgezogen: Lindenweg 3, 20095 Hamburg")
    talk.press("Ja")
    assert "Charlotte Weiß" in HeardTalk().turn("identify", f"{CHARLOTTE}, 20095")


@pytest.mark.parametrize(
    ("words", "city"),
    [
        (" Hamburg", "Hamburg"),
        (" frankfurt am main bitte ändern", "Frankfurt am Main"),
        (" Frankfurt (Oder), danke", "Frankfurt (Oder)"),
        (" kiel im kundenkonto", "Kiel"),
        (" in köln", "Köln"),
        (" St. Peter-Ording. Danke!", "St. Peter-Ording"),
        (" baden-baden", "Baden-Baden"),
        (" bitte", None),
        ("", None),
    ],
)
def test_a_city_is_found_in_what_follows(words: str, city: str | None) -> None:
    assert city_in(words) == city


def test_a_new_phone_number_is_confirmed_kept_and_noted_to_the_email() -> None:
    talk = proven(JAMES, "en")
    assert "date of birth" in talk.turn("change_contact", "new phone number: +49 171 3920066")
    assert "+49 171 3920066" in talk.turn("inform", BORN[JAMES])
    assert "+49 171 3920067" in talk.turn("deny", "no wait, ends in 67")
    said = talk.press("Yes")
    assert "j***@example.org" in said
    assert customer(JAMES).phone == "+491713920067"
    change = {"what": "phone", "note_to": "j.whitfield@example.org", "on": "2026-11-23"}
    assert tasks() == [("contact_changed", JAMES, date(2026, 11, 24), {"changes": [change]})]


def test_the_note_goes_to_the_email_before_the_change() -> None:
    talk = proven(MURAT)
    assert "Geburtsdatum" in talk.turn("change_contact", "neue mailadresse bitte eintragen")
    assert "neue E-Mail-Adresse" in talk.turn("inform", BORN[MURAT])
    assert "noch nicht vollständig" in talk.turn("nlu_fallback", "murat.yildiz@example")
    assert "murat.y@example.org" in talk.turn("inform", "sorry murat.y@example.org")
    assert "m***@example.org" in talk.press("Ja")
    talk.turn("change_contact", "ich heiße jetzt Öztürk")
    talk.press("Ja")
    assert (customer(MURAT).email, customer(MURAT).name) == ("murat.y@example.org", "Murat Öztürk")
    notes = [change["note_to"] for change in tasks()[0][3]["changes"]]
    assert notes == ["murat.yildiz@example.org", "murat.y@example.org"]


def test_what_shall_be_changed_is_asked_when_it_was_not_said() -> None:
    talk = proven(NELE)
    assert "Was soll ich ändern?" in talk.turn("change_contact", "kontaktdaten ändern")
    assert "Geburtsdatum" in talk.press("Telefonnummer")
    assert "neue Telefonnummer" in talk.turn("inform", BORN[NELE])
    assert "+49 171 3920077" in talk.turn("inform", "0171 3920077")


def test_a_value_says_itself_what_it_is() -> None:
    talk = proven(NELE)
    talk.turn("change_contact", "kontaktdaten ändern")
    assert "Geburtsdatum" in talk.turn("inform", "nele.neu@example.org")
    assert "nele.neu@example.org" in talk.turn("inform", BORN[NELE])


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("ich heiße jetzt Annika Petersen", "Annika Petersen"),
        ("mein Nachname ist jetzt Petersen", "Annika Petersen"),
        ("ich heiße jetzt Brandt Lindner", "Annika Brandt Lindner"),
        ("ich heiße jetzt Brandt-Lindner", "Annika Brandt-Lindner"),
    ],
)
def test_a_surname_goes_with_the_first_name(said: str, name: str) -> None:
    talk = proven(ANNIKA)
    assert f"Namen in {name} ändern" in talk.turn("change_contact", f"hab geheiratet, {said}")
    talk.press("Ja")
    assert customer(ANNIKA).name == name


def test_the_name_of_an_introduction_is_not_the_new_one() -> None:
    talk = proven(ANNIKA)
    said = talk.turn(
        "change_contact", "mein Name ist Annika Brandt, ich habe geheiratet und möchte meinen Namen ändern"
    )
    assert "Wie lautet Ihr neuer Name" in said
    assert "Annika Petersen" in talk.turn("inform", "Petersen")


def test_a_caller_known_by_phone_stays_proven_after_changing_the_number() -> None:
    talk = HeardTalk(phone_hint="+491713920055")
    talk.turn("change_contact", "meine neue nummer ist 0171 3920078")
    talk.turn("inform", "26122")
    talk.turn("inform", BORN[NELE])
    talk.press("Ja")
    assert customer(NELE).phone == "+491713920078"
    assert "passwort" in talk.turn("forgot_password", "komme nicht ins konto").casefold()
    assert talk.slot("need") is None


def test_number_and_postcode_do_not_change_the_email() -> None:
    talk = proven(ANNIKA)
    talk.turn("change_contact", "neue mailadresse: fremd@example.org")
    assert "auf jedem Paket" in talk.turn("inform", "22765")
    assert "passt leider nicht zu Ihrem Kundenkonto" in talk.turn("inform", "1.1.1980")
    assert customer(ANNIKA).email == "annika.brandt@example.org"


def test_three_wrong_dates_of_birth_lock_the_change() -> None:
    talk = proven(ANNIKA)
    talk.turn("change_contact", "neue mailadresse: fremd@example.org")
    for born in ("1.1.1980", "2.1.1980", "3.1.1980"):
        talk.turn("inform", born)
    assert {"handoff": {"reason": "proof_locked"}} in talk.effects
    talk.turn("change_contact", f"neue mailadresse: fremd@example.org, geboren {BORN[ANNIKA]}")
    assert customer(ANNIKA).email == "annika.brandt@example.org"


def test_without_a_date_of_birth_on_file_a_human_sees_to_the_change() -> None:
    set_birth_date(NELE, None)
    talk = proven(NELE)
    assert "unser Team" in talk.turn("change_contact", "meine neue nummer ist 0171 3920078")
    assert {"handoff": {"reason": "contact_change"}} in talk.effects
    assert customer(NELE).phone == "+491713920055"


@pytest.mark.parametrize("words", ["keine ahnung", "weiß ich nicht", "no idea", "don't know"])
def test_words_of_doubt_are_no_name(words: str) -> None:
    talk = proven(ANNIKA)
    assert "neuer Name" in talk.turn("change_contact", "ich möchte meinen namen ändern")
    assert "Bitte nennen Sie nur den Namen" in talk.turn("inform", words)


def test_a_name_needs_no_date_of_birth() -> None:
    assert "Soll ich Ihren Namen" in proven(ANNIKA).turn("change_contact", "ich heiße jetzt Petersen")


@pytest.mark.parametrize("wish", ["forgot_password", "request_data_access"])
def test_after_a_change_of_email_secrets_go_to_the_address_before_all_changes(wish: str) -> None:
    talk = proven(MURAT)
    assert "14 Tage" in change_email(talk, MURAT, "erste@example.org")
    change_email(talk, MURAT, "zweite@example.org")
    talk.turn(wish, "bitte sofort")
    if wish == "request_data_access":
        talk.press("Ja")
    assert "bisherige Adresse m***@example.org" in talk.said
    assert tasks()[-1][3] == {"send_to": "murat.yildiz@example.org"}


def test_two_weeks_after_the_change_the_new_email_counts() -> None:
    change_email(proven(MURAT), MURAT, "neu@example.org")
    later = HeardTalk(sender="later", now="2026-12-08T09:00:00+01:00")
    later.turn("forgot_password", f"passwort vergessen, {MURAT}, {POSTCODES[MURAT]}")
    assert "n***@example.org" in later.said


def test_a_first_email_entered_lately_gets_no_secrets() -> None:
    set_email(ANNIKA, None)
    talk = proven(ANNIKA)
    change_email(talk, ANNIKA, "fremd@example.org")
    assert "erst vor Kurzem" in talk.turn("forgot_password", "passwort vergessen")
    assert [task[0] for task in tasks()] == ["contact_changed"]


def test_a_present_value_is_not_changed_again() -> None:
    talk = proven(NELE)
    assert "nichts zu ändern" in talk.turn("change_contact", f"meine nummer ist 0171 3920055, geboren {BORN[NELE]}")
    assert tasks() == []


def test_a_password_link_goes_once_to_the_masked_email_and_only_after_the_proof() -> None:
    talk = HeardTalk()
    assert "@" not in talk.turn("forgot_password", f"passwort vergessen, kundennummer {ANNIKA}")
    said = talk.turn("inform", "22765")
    assert "a***@example.org" in said
    assert "heute" in said
    assert "schon angefordert" in talk.turn("forgot_password", "der link kommt nicht")
    assert tasks() == [("password_reset", ANNIKA, date(2026, 11, 23), {"send_to": "annika.brandt@example.org"})]


def test_without_an_email_the_password_goes_by_post() -> None:
    set_email(ANNIKA, None)
    assert "per Post" in proven(ANNIKA).turn("forgot_password", "passwort vergessen")


def test_data_access_has_its_legal_deadline() -> None:
    talk = proven(CHARLOTTE)
    assert "Artikel 15" in talk.turn("request_data_access", "Auskunft nach Art. 15 DSGVO bitte")
    assert "Mittwoch, den 23. Dezember" in talk.turn("affirm", "Ja, bitte an meine E-Mail-Adresse.")
    assert tasks() == [("data_access", CHARLOTTE, date(2026, 12, 23), {"send_to": "c.weiss@example.org"})]
    assert "schon angefordert" in talk.turn("request_data_access", "welche daten habt ihr")


def test_a_deletion_names_what_is_open_and_what_is_kept() -> None:
    talk = proven(PIOTR)
    said = talk.turn("request_data_deletion", "Löschen Sie mein Konto und alle Daten!")
    assert "10486207" in said
    assert "55001887" in said
    assert "HGB und AO" in said
    said = talk.press("Ja")
    assert "HGB und AO" in said
    assert "23. Dezember" in said
    assert tasks() == [("data_deletion", PIOTR, date(2026, 12, 23), {})]
    assert "schon beantragt" in talk.turn("request_data_deletion", "konto löschen")
    assert customer(PIOTR).name == "Piotr Zieliński"


def test_a_deletion_names_nothing_that_is_done() -> None:
    said = proven(CHARLOTTE).turn("request_data_deletion", "account löschen bitte")
    assert "10484129" not in said
    assert "55001572" not in said
    assert "HGB und AO" in said


def test_a_deletion_is_not_requested_without_a_yes() -> None:
    talk = proven(JAMES, "en")
    talk.turn("request_data_deletion", "delete all of it")
    talk.turn("deny", "hmm no, keep it")
    assert tasks() == []


def test_the_newsletter_is_subscribed_and_unsubscribed_after_a_yes() -> None:
    talk = proven(ANNIKA)
    assert "a***@example.org" in talk.turn("manage_newsletter", "Newsletter abonnieren")
    talk.press("Ja")
    assert customer(ANNIKA).newsletter
    assert "schon für den Newsletter angemeldet" in talk.turn("manage_newsletter", "newsletter anmelden")
    talk.turn("manage_newsletter", "ach nehmt mich doch wieder raus aus dem newsletter")
    talk.press("Ja")
    assert not customer(ANNIKA).newsletter
    assert "nicht angemeldet" in talk.turn("manage_newsletter", "newsletter abbestellen")


def test_the_newsletter_wish_is_asked_when_the_words_do_not_say_it() -> None:
    talk = proven(ANNIKA)
    assert "oder abbestellen" in talk.turn("manage_newsletter", "newsletter")
    assert "Soll ich den Newsletter an" in talk.press("Newsletter bekommen")


def test_a_newsletter_without_an_email_offers_to_add_one() -> None:
    set_email(NELE, None)
    talk = proven(NELE)
    assert "brauchen wir Ihre E-Mail-Adresse" in talk.turn("manage_newsletter", "newsletter abonnieren")
    assert talk.slot("offer") == "change_contact"
    assert not customer(NELE).newsletter


WISHES = [
    ("nehmt mich aus dem newsletter", "unsubscribe"),
    ("wie bestelle ich den news letter ab", "unsubscribe"),
    ("bitte keine mails mehr!!", "unsubscribe"),
    ("wie werd ich diesen newsletter wieder los", "unsubscribe"),
    ("unsubscribe me", "unsubscribe"),
    ("take me off the mailing list", "unsubscribe"),
    ("Newsletter abonnieren", "subscribe"),
    ("wie meld ich mich zum newsletter an", "subscribe"),
    ("den newsletter hätte ich gern wieder ich hatte den mal abbestellt", "subscribe"),
    ("tragen sie mich bitte in ihren verteiler ein", "subscribe"),
    ("how do i sign up for your newsletter", "subscribe"),
    ("please put me on your mailing list", "subscribe"),
]


@pytest.mark.parametrize(("said", "wish"), WISHES)
def test_the_newsletter_wish_is_read_from_the_words(said: str, wish: str) -> None:
    talk = proven(ANNIKA)
    with session() as opened:
        opened.get_one(Customer, ANNIKA).newsletter = wish == "unsubscribe"
    talk.turn("manage_newsletter", said)
    talk.turn("affirm", "ja")
    assert customer(ANNIKA).newsletter is (wish == "subscribe")


@pytest.mark.parametrize(
    ("start", "months", "day"),
    [("2026-01-31", 1, "2026-02-28"), ("2026-12-15", 1, "2027-01-15"), ("2026-03-31", -1, "2026-02-28")],
)
def test_a_month_later_is_the_same_day_or_the_last(start: str, months: int, day: str) -> None:
    assert months_later(date.fromisoformat(start), months) == date.fromisoformat(day)


def test_an_email_address_is_masked() -> None:
    assert mask_email("annika.brandt@example.org") == "a***@example.org"
