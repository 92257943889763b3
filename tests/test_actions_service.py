"""Service: a human, callbacks, complaints and vouchers, in a real database."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from actions.db import session
from actions.load import load
from actions.models import Task, Voucher
from tests.heard_talk import HeardTalk
from tests.matter_talk import DEMO, TODAY

NUMBER = "+491713920011"
SUNDAY = "2026-11-22T10:00:00+01:00"
BOOKED = {"callback": {"phone": NUMBER, "at": "2026-11-24T10:30:00+01:00"}}


@pytest.fixture(autouse=True)
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'shop.db'}")
    load(DEMO, today=TODAY)


def tasks(kind: str) -> list[tuple[str, str, dict[str, Any]]]:
    with session() as opened:
        wanted = select(Task).where(Task.kind == kind).order_by(Task.id)
        return [(task.subject, task.status, dict(task.details)) for task in opened.scalars(wanted)]


def booked(**kwargs: Any) -> HeardTalk:
    """A talk in which a callback is booked for tomorrow, half past ten."""
    talk = HeardTalk(**kwargs)
    talk.turn("request_callback", "ruft mich morgen um halb elf unter 0171 3920011 an")
    talk.turn("affirm", "ja")
    return talk


def test_a_human_comes_now_in_service_hours() -> None:
    talk = HeardTalk()
    said = talk.turn("talk_to_human", "ich möchte mit einem menschen sprechen")
    assert "ich gebe Sie an einen Menschen" in said
    assert list(talk.buttons) == ["Rückruf"]
    assert talk.effects == [{"handoff": {"reason": "customer_wish"}}]


@pytest.mark.parametrize(
    ("now", "language", "expected"),
    [
        (
            SUNDAY,
            "de",
            "Im Moment ist niemand aus unserem Team da, wieder ab: morgen, Montag, den 23. November, 8 Uhr",
        ),
        ("2026-12-24T20:00:00+01:00", "en", "they are back Monday 28 December, 8 am"),
    ],
)
def test_outside_service_hours_it_is_said_when_a_human_comes(now: str, language: str, expected: str) -> None:
    talk = HeardTalk(now=now, language=language)
    assert expected in talk.turn("talk_to_human", "mensch")
    assert talk.effects == [{"handoff": {"reason": "customer_wish"}}]


def test_a_human_in_the_middle_of_a_matter_ends_it() -> None:
    talk = HeardTalk()
    talk.turn("request_callback", "rückruf bitte")
    talk.turn("talk_to_human", "nee, gleich ein mensch")
    assert (talk.slot("matter"), talk.slot("requested_slot")) == (None, None)
    assert tasks("callback") == []


def test_a_callback_is_confirmed_and_then_booked_once() -> None:
    talk = HeardTalk()
    assert "Wann dürfen wir" in talk.turn("request_callback", "rückruf bitte")
    assert "Telefonnummer" in talk.turn("inform", "morgen um halb elf")
    said = talk.turn("inform", "0171 3920011")
    assert "morgen, Dienstag, den 24. November, 10:30 Uhr, unter 0171 3920011. Soll ich das eintragen?" in said
    assert (tasks("callback"), talk.effects) == ([], [])
    assert "ist eingetragen" in talk.press("Ja")
    assert talk.effects == [BOOKED]
    assert [(subject, status) for subject, status, _ in tasks("callback")] == [("talk", "open")]
    assert "schon eingetragen: morgen" in talk.turn("request_callback", "ruft mich an")
    assert len(tasks("callback")) == len(talk.effects) == 1


def test_a_callback_in_one_sentence_needs_only_the_yes() -> None:
    talk = HeardTalk(language="en")
    said = talk.turn("request_callback", "please call me tomorrow at 3 pm on 0171 3920011")
    assert "tomorrow, Tuesday 24 November, 3 pm, on 0171 3920011" in said
    talk.turn("affirm", "yes")
    assert talk.effects == [{"callback": {"phone": NUMBER, "at": "2026-11-24T15:00:00+01:00"}}]


def test_no_callback_without_a_yes() -> None:
    talk = HeardTalk()
    talk.turn("request_callback", "ruft mich morgen um halb elf unter 0171 3920011 an")
    assert "nichts geändert" in talk.turn("deny", "nein")
    assert (tasks("callback"), talk.effects) == ([], [])


def test_day_time_and_number_can_be_corrected_before_the_yes() -> None:
    talk = HeardTalk()
    talk.turn("request_callback", "ruft mich morgen um halb elf unter 0171 3920011 an")
    assert "15 Uhr" in talk.turn("deny", "nein, lieber um 15 uhr")
    assert "Donnerstag, den 26. November, 15 Uhr" in talk.turn("inform", "und am donnerstag")
    assert "0171 3920022" in talk.turn("inform", "unter 0171 3920022")
    talk.turn("affirm", "ja")
    assert talk.effects == [{"callback": {"phone": "+491713920022", "at": "2026-11-26T15:00:00+01:00"}}]


def test_the_number_a_customer_calls_from_is_offered_first() -> None:
    talk = HeardTalk(phone_hint=NUMBER)
    said = talk.turn("request_callback", "ruft mich so bald wie möglich an")
    assert "Sollen wir Sie unter 0171 3920011 anrufen?" in said
    assert "so bald wie möglich, unter 0171 3920011" in talk.press("Ja")
    talk.press("Ja")
    assert talk.effects == [{"callback": {"phone": NUMBER, "at": None}}]


def test_the_number_on_file_is_offered_to_the_proven_customer_only() -> None:
    talk = HeardTalk()
    talk.turn("ask_order_status", "wo ist 10483055, plz 04107")
    assert "0171 3920022" in talk.turn("request_callback", "ruft mich sofort an")
    assert "Unter welcher Telefonnummer" in talk.press("Nein")
    talk.turn("inform", "0171 3920011")
    talk.turn("affirm", "ja")
    assert [subject for subject, _, _ in tasks("callback")] == ["27004183"]
    assert "0171" not in HeardTalk(sender="b").turn("request_callback", "ruft mich sofort an, bestellung 10483055")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            "rückruf am sonntag um 10",
            "Sonntag, den 29. November, nicht da. Der nächste mögliche Termin ist Montag",
        ),
        (
            "ruft mich heute um 22 uhr an",
            "zu diesen Zeiten an: Montag bis Freitag 8 bis 20 Uhr, Samstag 9 bis 16",
        ),
        ("ruft mich heute um 8:30 uhr an", "heute schon vorbei. Der nächste mögliche Termin ist morgen"),
        ("ruft mich gestern um 10 an", "liegt schon hinter uns. Wann dürfen wir"),
        ("rückruf am 25. dezember um 10 uhr", "nur 30 Tage"),
    ],
)
def test_a_time_that_is_not_possible_is_explained(words: str, told: str) -> None:
    assert told in HeardTalk().turn("request_callback", words)


def test_a_public_holiday_is_no_day_for_a_callback_and_the_next_one_is_offered() -> None:
    talk = HeardTalk(now="2026-12-10T10:00:00+01:00")
    said = talk.turn("request_callback", "rückruf am 25. dezember um 10 uhr unter 0171 3920011")
    assert "Da ist Feiertag (Erster Weihnachtstag). Der nächste mögliche Termin ist Montag, den 28." in said
    assert "28. Dezember, 8 Uhr, unter" in talk.press("Ja")


def test_an_offered_time_can_be_refused() -> None:
    talk = HeardTalk()
    talk.turn("request_callback", "rückruf am sonntag um 10 unter 0171 3920011")
    assert "Wann dürfen wir" in talk.press("Nein")
    assert "Mittwoch, den 25. November, 18 Uhr" in talk.turn("inform", "mittwoch abend")


@pytest.mark.parametrize(
    ("opening", "answer", "expected"),
    [
        ("ruft mich morgen vormittag an", "", "24. November, 10 Uhr"),
        ("ruft mich am donnerstag an", "um drei", "26. November, 15 Uhr"),
        ("ruft mich heute zwischen 14 und 16 uhr an", "", "23. November, 14 Uhr"),
        ("rückruf um 8:15 uhr", "", "24. November, 8:15 Uhr"),
        ("guten abend, rückruf bitte", "morgen mittag", "24. November, 12 Uhr"),
        ("rückruf bitte", "jetzt gleich", "so bald wie möglich"),
    ],
)
def test_times_are_understood_as_people_say_them(opening: str, answer: str, expected: str) -> None:
    talk = HeardTalk(phone_hint=NUMBER)
    talk.turn("request_callback", opening)
    if answer:
        assert "Sollen wir" not in talk.said
        talk.turn("inform", answer)
    assert expected.replace("8:15", "08:15") in talk.turn("affirm", "ja")


def test_as_soon_as_possible_names_the_next_opening_on_a_sunday() -> None:
    talk = HeardTalk(now=SUNDAY, phone_hint=NUMBER)
    talk.turn("request_callback", "ruft mich sofort an")
    assert "frühestens morgen, Montag, den 23. November, 8 Uhr" in talk.turn("affirm", "ja")


@pytest.mark.parametrize(
    ("number", "told"),
    [("+499001234567", "Sondernummern"), ("+4917", "nicht vollständig"), ("12", "nicht vollständig")],
)
def test_numbers_we_cannot_call_are_refused(number: str, told: str) -> None:
    talk = HeardTalk()
    talk.turn("request_callback", "ruft mich sofort an")
    assert told in talk.turn("inform", phone_number=number)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("können wir den rückruf auf freitag legen", "Freitag, den 27. November, 10:30 Uhr"),
        ("anruf statt um halb elf erst um 16 uhr", "Dienstag, den 24. November, 16 Uhr"),
        ("den rückruf von morgen auf übermorgen verlegen", "Mittwoch, den 25. November, 10:30 Uhr"),
    ],
)
def test_a_callback_is_moved(words: str, expected: str) -> None:
    talk = booked()
    assert expected in talk.turn("change_callback", words)
    assert "ist geändert" in talk.press("Ja")
    assert len(tasks("callback")) == 1
    assert talk.effects[-1]["callback"]["at"] == tasks("callback")[0][2]["at"] != BOOKED["callback"]["at"]


def test_a_callback_that_does_not_suit_is_asked_about() -> None:
    talk = booked()
    talk.turn("change_callback", "der rückruf morgen um halb elf passt mir leider nicht")
    assert list(talk.buttons) == ["Andere Zeit", "Andere Nummer", "Absagen"]
    assert "Wann dürfen wir" in talk.press("Andere Zeit")
    assert "Donnerstag, den 26. November, 14 Uhr" in talk.turn("inform", "donnerstag um 14 uhr")


def test_a_callback_gets_another_number() -> None:
    talk = booked()
    assert "Telefonnummer" in talk.turn("change_callback", "bitte auf die festnetznummer statt aufs handy")
    assert "040 66969111" in talk.turn("inform", "040 66969111")
    talk.press("Ja")
    assert talk.effects[-1] == {"callback": {**BOOKED["callback"], "phone": "+494066969111"}}


def test_a_callback_is_cancelled_after_a_yes() -> None:
    talk = booked()
    assert "wirklich absagen" in talk.turn("change_callback", "den telefontermin morgen muss ich leider canceln")
    assert tasks("callback")[0][1] == "open"
    assert "abgesagt" in talk.press("Ja")
    assert tasks("callback")[0][1] == "cancelled"
    assert talk.effects[-1] == {"callback": {"phone": None, "at": None}}


def test_without_a_callback_there_is_nothing_to_change_but_one_is_offered() -> None:
    talk = HeardTalk()
    assert "keinen offenen Rückruf" in talk.turn("change_callback", "rückruf absagen")
    assert "Wann dürfen wir" in talk.turn("affirm", "ja")


def test_the_callback_of_somebody_else_stays_untouched() -> None:
    booked()
    assert "keinen offenen Rückruf" in HeardTalk(sender="b").turn("change_callback", "rückruf absagen")


def test_a_callback_that_is_over_makes_room_for_a_new_one() -> None:
    talk = booked()
    talk.now = "2026-11-24T12:00:00+01:00"
    talk.turn("request_callback", "ruft mich morgen um 9 uhr unter 0171 3920011 an")
    assert "ist eingetragen" in talk.turn("affirm", "ja")
    assert [status for _, status, _ in tasks("callback")] == ["over", "open"]


def test_a_complaint_is_heard_and_kept_in_the_customers_words() -> None:
    talk = HeardTalk()
    assert "Was ist passiert?" in talk.turn("complain", "ich möchte mich über einen mitarbeiter beschweren")
    said = talk.turn("complain", "ich warte seit wochen auf eine antwort")
    assert "Soll sich ein Mensch gleich darum kümmern?" in said
    assert tasks("complaint") == []
    assert "aufgenommen" in talk.press("Nur weitergeben")
    assert tasks("complaint")[0][2]["words"] == ["ich warte seit wochen auf eine antwort"]
    assert talk.effects == []


@pytest.mark.parametrize(
    ("language", "words", "sorry"),
    [
        ("de", "ich häng seit 40 minuten in der warteschleife das geht nicht", "so lange auf Hilfe warten"),
        ("de", "der verkäufer in münchen war frech zu meiner tochter", "so mit Ihnen umgegangen"),
        ("en", "i am really unhappy with how this was handled", "given you cause to be upset"),
    ],
)
def test_sorry_is_said_once_and_for_what_it_was(language: str, words: str, sorry: str) -> None:
    talk = HeardTalk(language=language)
    assert sorry in talk.turn("complain", words)
    assert sorry not in talk.turn("inform", "hm")


def test_a_complaint_goes_to_a_human_only_after_a_yes() -> None:
    talk = HeardTalk()
    talk.turn("complain", "der verkäufer in münchen war frech zu meiner tochter")
    assert talk.effects == []
    assert "an einen Menschen" in talk.turn("affirm", "ja bitte")
    assert talk.effects == [{"handoff": {"reason": "complaint"}}]
    assert len(tasks("complaint")) == 1


def test_a_complaint_whose_customer_wants_a_human_is_kept() -> None:
    talk = HeardTalk(language="en")
    talk.turn("complain", "i am really unhappy with how this was handled")
    assert "taken down your complaint" in talk.turn("talk_to_human", "give me a human")
    assert talk.effects == [{"handoff": {"reason": "complaint"}}]
    assert len(tasks("complaint")) == 1


def test_words_said_with_the_wish_for_a_human_are_part_of_the_complaint() -> None:
    talk = HeardTalk()
    talk.turn("complain", "ich will mich beschweren")
    talk.turn("talk_to_human", "der fahrer hat mein paket zertreten, geben sie mir einen menschen")
    words = "ich will mich beschweren\nder fahrer hat mein paket zertreten, geben sie mir einen menschen"
    assert tasks("complaint")[0][2]["words"] == [words]


def test_after_a_time_without_service_another_time_is_meant_for_the_same_day() -> None:
    talk = HeardTalk()
    assert "nicht da" in talk.turn("request_callback", "rufen sie mich morgen um 21 uhr an")
    talk.turn("inform", "dann 18 uhr")
    said = talk.turn("inform", "0171 3920011")
    assert "morgen, Dienstag, den 24. November, 18 Uhr" in said


def test_a_taken_offer_counts_for_later_corrections_too() -> None:
    talk = HeardTalk()
    talk.turn("request_callback", "rufen sie mich morgen um 21 uhr an")
    talk.turn("affirm", "ja")
    talk.turn("inform", "0171 3920011")
    assert "Mittwoch, den 25. November, 10 Uhr" in talk.turn("inform", "lieber um 10 uhr")


def test_midnight_is_not_noon() -> None:
    talk = HeardTalk()
    assert "nicht da" in talk.turn("request_callback", "rückruf morgen um 24 uhr bitte")
    assert "24. November, 8 Uhr" in talk.said


def test_a_complaint_can_end_in_a_callback() -> None:
    talk = HeardTalk(phone_hint=NUMBER)
    talk.turn("complain", "ich bin echt enttäuscht von ihnen und von nordwind")
    talk.press("Rückruf")
    talk.turn("inform", "morgen um halb elf")
    talk.press("Ja")
    said = talk.press("Ja")
    assert "aufgenommen" in said
    assert "Rückruf ist eingetragen" in said
    assert talk.effects == [BOOKED]


def test_a_callback_refused_at_the_end_still_keeps_the_complaint() -> None:
    talk = HeardTalk(phone_hint=NUMBER)
    talk.turn("complain", "ich bin echt enttäuscht von ihnen und von nordwind")
    talk.press("Rückruf")
    talk.turn("inform", "morgen um halb elf")
    talk.press("Ja")
    assert "keinen Rückruf habe ich" not in talk.press("Nein")
    assert "Einen Rückruf habe ich nicht eingetragen" in talk.said
    assert (tasks("callback"), len(tasks("complaint"))) == ([], 1)


def test_words_of_a_second_complaint_are_added() -> None:
    talk = HeardTalk()
    for words in (
        "der fahrer hat mich angeschnauzt vor allen leuten",
        "und jetzt geht niemand von euch ans telefon",
    ):
        talk.turn("complain", words)
        talk.turn("deny", "nein")
    assert "schon vor" in talk.said
    assert [len(details["words"]) for _, _, details in tasks("complaint")] == [2]


@pytest.mark.parametrize(
    ("language", "words", "expected"),
    [
        (
            "de",
            "gutschein HERBST15 geht nicht",
            "15,00 € Rabatt ab einem Bestellwert von 100,00 €, noch bis Montag",
        ),
        ("de", "ist der code willkommen zehn noch gültig", "WILLKOMMEN10 ist gültig: 10 % Rabatt"),
        ("de", "mein code sommer20 geht nicht", "abgelaufen. Er galt bis Samstag, den 24. Oktober"),
        ("en", "does nordwind 5 still work", "NORDWIND5 is valid: €5.00 off, until"),
        ("en", "code SUMMER10 says invalid", "I do not know the code SUMMER10"),
    ],
)
def test_a_voucher_is_checked(language: str, words: str, expected: str) -> None:
    assert expected in HeardTalk(language=language).turn("ask_voucher", words)


def test_a_voucher_is_good_on_its_last_day() -> None:
    with session() as opened:
        opened.execute(update(Voucher).values(valid_until=date(2026, 11, 23)))
    assert "noch bis heute" in HeardTalk().turn("ask_voucher", "gutschein HERBST15")


def test_the_code_is_asked_for_and_no_code_ends_it() -> None:
    talk = HeardTalk()
    said = talk.turn("ask_voucher", "hab bei der bestellung 10437929 den rabattcode vergessen")
    assert "Wie lautet der Gutscheincode?" in said
    assert "HERBST15 ist gültig" in talk.turn("inform", "herbst fünfzehn")
    talk.turn("ask_voucher", "gutschein")
    assert "Ohne Code" in talk.press("Ich habe keinen Code")
    talk.turn("ask_voucher", "gutschein")
    assert "Ohne Code" in talk.turn("inform", "ich hab keinen code")
    assert talk.slot("requested_slot") is None


def test_a_code_that_sounds_like_a_greeting_is_still_a_code() -> None:
    talk = HeardTalk()
    talk.turn("ask_voucher", "gutschein")
    assert "WILLKOMMEN10 ist gültig" in talk.turn("greet", "willkommen zehn")


def test_guessing_codes_ends_after_three_misses() -> None:
    talk = HeardTalk()
    talk.turn("ask_voucher", "gutschein")
    for guess in ("rabatt 1", "rabatt 2", "rabatt 3"):
        talk.turn("inform", guess)
    assert talk.effects == [{"handoff": {"reason": "not_understood"}}]
