"""Calls at the wire: signed requests in, what the caller hears and what the engine is told."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import select

from bot.app import Portal
from bot.database import transaction
from bot.tables import ContactRow
from bot.turns import Answer, Choice, Effect, ExpectEffect, HandoffEffect, HangupEffect, LanguageEffect, Reply
from tests.caller import CALLER, Caller, greeted_caller, healthy_engine, ready_portal, told  # noqa: F401 - fixtures
from tests.fakes import FakeEngine, echo

MENU = (Choice("Rucksack", '/inform{"item": "a"}'), Choice("Zelt", '/inform{"item": "b"}'), Choice("Jacke", "/inform"))
YES_NO = (Choice("Ja", "/affirm"), Choice("Nein", "/deny"))


def says(
    engine: FakeEngine, text: str, *effects: Effect, choices: tuple[Choice, ...] = (), language: str = "de"
) -> None:
    """Have the engine answer this from now on."""
    engine.answer = lambda _turn: Answer((Reply(text, choices, language=language),), effects)


def wait_for_turns(engine: FakeEngine, count: int) -> None:
    pause = threading.Event()
    for _ in range(100):
        if len(engine.turns) >= count:
            return
        pause.wait(0.02)
    pytest.fail(f"the engine was told {len(engine.turns)} turns")


def test_greeting_names_company_and_ai_without_the_engine(portal: Portal, engine: FakeEngine) -> None:
    engine.hang()
    heard = Caller(portal).ring()
    assert "Nordwind Versand" in heard
    assert "kein Mensch" in heard
    assert "For English, press nine" in heard


def test_the_engine_is_told_of_the_call_and_its_words_are_not_said(
    portal: Portal, engine: FakeEngine, caller: Caller
) -> None:
    wait_for_turns(engine, 1)
    assert engine.turns[0].intent is not None
    assert engine.turns[0].intent.name == "call_started"
    assert "call_started" not in caller.speak("hallo")


def test_speech_becomes_a_turn_with_channel_hint_and_language(engine: FakeEngine, caller: Caller) -> None:
    assert caller.speak("wo ist mein paket") == "Verstanden: wo ist mein paket."
    turn = engine.turns[-1]
    assert (turn.channel, turn.phone_hint, turn.language) == ("voice", CALLER, "de")
    assert turn.conversation == caller.conversation()


def test_each_call_is_a_conversation_of_its_own(portal: Portal) -> None:
    first, second = Caller(portal), Caller(portal)
    first.ring(), second.ring()
    assert first.conversation() != second.conversation()


@pytest.mark.parametrize(
    "number",
    [
        "",
        "anonymous",
        "unknown",
        "client:anna",
        "whatsapp:+491713920011",
        "+266696687",
        "+86282452253",
        "0171392",
        "+49",
        "+0123456789",
    ],
)
def test_callers_without_a_number_share_nothing(portal: Portal, engine: FakeEngine, number: str) -> None:
    callers = [Caller(portal, number=number) for _ in range(2)]
    for calling in callers:
        calling.ring()
        calling.speak("hallo")
    with transaction(portal.conversations.store._url) as session:
        addresses = set(session.scalars(select(ContactRow.address)))
    assert addresses == {calling.sid for calling in callers}
    assert {turn.phone_hint for turn in engine.turns} == {None}


def test_barge_in_speech_and_keys_are_in_one_gather(caller: Caller) -> None:
    gather = caller.gather()
    assert gather["input"] == "dtmf speech"
    assert gather["language"] == "de-DE"
    assert gather["actionOnEmptyResult"] == "true"
    assert caller.tree().find("Gather/Say") is not None


def test_listening_fits_the_open_question(engine: FakeEngine, caller: Caller) -> None:
    says(engine, "Wie lautet Ihre Bestellnummer?", ExpectEffect("reference"))
    caller.speak("wo ist mein paket")
    number = caller.gather()
    says(engine, "Soll ich das tun?", ExpectEffect("confirm"), choices=YES_NO)
    caller.press("10482917")
    yes_no = caller.gather()
    assert int(yes_no["speechTimeout"]) < int(number["speechTimeout"])
    assert "zwo" in number["hints"]
    assert "numDigits" not in number
    assert "Ja" in yes_no["hints"]
    assert yes_no["numDigits"] == "1"


def test_choices_are_a_spoken_key_menu(engine: FakeEngine, caller: Caller) -> None:
    says(engine, "Welcher Artikel?", choices=MENU)
    assert "eins für Rucksack, zwei für Zelt" in caller.speak("umtausch")
    caller.press("2")
    assert told(engine)[-1] == ("Zelt", "inform")
    assert engine.turns[-1].intent is not None
    assert engine.turns[-1].intent.data == {"item": "b"}


@pytest.mark.parametrize("words", ["zwei", "die zwei", "Nummer zwei bitte", "zelt", "Zelt.", "2", "Zwei."])
def test_choices_can_be_said_by_key_or_title(engine: FakeEngine, caller: Caller, words: str) -> None:
    says(engine, "Welcher Artikel?", choices=MENU)
    caller.speak("umtausch")
    caller.speak(words)
    assert engine.turns[-1].intent is not None
    assert engine.turns[-1].intent.data == {"item": "b"}


def test_yes_and_no_have_keys_without_a_menu(engine: FakeEngine, caller: Caller) -> None:
    says(engine, "Soll ich das tun?", ExpectEffect("confirm"), choices=YES_NO)
    assert "drücken" not in caller.speak("stornieren")
    caller.press("2")
    assert told(engine)[-1] == ("Nein", "deny")


def test_numbers_are_typed_and_mixed_with_speech(engine: FakeEngine, caller: Caller) -> None:
    says(engine, "Wie lautet Ihre Bestellnummer?", ExpectEffect("reference"))
    caller.speak("wo ist mein paket")
    says(engine, "Wie lautet Ihre Postleitzahl?", ExpectEffect("customer"))
    caller.press("10482917")
    caller.speak("zwei zwei sieben sechs fünf")
    caller.press("24121980")
    assert [text for text, _ in told(engine)] == [
        "wo ist mein paket",
        "10482917",
        "zwei zwei sieben sechs fünf",
        "24.12.1980",
    ]


def test_zero_is_a_human_everywhere(engine: FakeEngine, caller: Caller) -> None:
    caller.press("0")
    says(engine, "Welcher Artikel?", choices=MENU)
    caller.speak("umtausch")
    caller.press("0")
    says(engine, "Wie lautet Ihre Bestellnummer?", ExpectEffect("reference"))
    caller.speak("paket")
    caller.press("0")
    assert [intent for _, intent in told(engine)].count("talk_to_human") == 3


def test_star_repeats_everywhere_without_the_engine(engine: FakeEngine, caller: Caller) -> None:
    greeting = caller.said
    assert caller.press("*") == greeting
    says(engine, "Welcher Artikel?", choices=MENU)
    menu = caller.speak("umtausch")
    before = len(engine.turns)
    assert caller.press("*") == menu
    assert caller.press("12*") == menu
    assert len(engine.turns) == before


def test_floods_and_strange_keys_are_one_short_turn(engine: FakeEngine, caller: Caller) -> None:
    caller.press("1" * 10_000)
    assert told(engine)[-1][0] == "1" * 32
    caller.press("1A0D48#2917")
    assert told(engine)[-1][0] == "10482917"


def test_time_is_typed_where_choices_are_offered_too(engine: FakeEngine, caller: Caller) -> None:
    soon = (Choice("So bald wie möglich", '/inform{"choice": "asap"}'),)
    says(engine, "Wann dürfen wir anrufen?", ExpectEffect("when"), choices=soon)
    caller.speak("rückruf")
    caller.press("1430")
    assert told(engine)[-1][0] == "14:30"
    caller.press("1")
    assert told(engine)[-1] == ("So bald wie möglich", "inform")


def test_the_human_has_no_second_key(engine: FakeEngine, caller: Caller) -> None:
    says(engine, "Worum geht es?", choices=(*MENU, Choice("Mit einem Menschen", "/talk_to_human")))
    assert "vier" not in caller.speak("hilfe")


def test_a_key_without_meaning_is_said_so_and_not_told_to_the_engine(engine: FakeEngine, caller: Caller) -> None:
    says(engine, "Welcher Artikel?", choices=MENU)
    caller.speak("umtausch")
    before = len(engine.turns)
    assert "nicht belegt" in caller.press("7")
    assert len(engine.turns) == before


def test_english_by_key_switches_voice_and_recogniser(engine: FakeEngine, caller: Caller) -> None:
    says(engine, "Of course, let us go on in English.", LanguageEffect("en"), language="en")
    heard = caller.press("9")
    assert told(engine)[-1] == ("", "switch_language")
    assert "What is it about, please?" in heard
    assert caller.gather()["language"] == "en-GB"
    say = caller.tree().find("Gather/Say")
    assert say is not None
    assert (say.get("language"), say.get("voice")) == ("en-GB", "Polly.Amy-Neural")
    assert "I did not hear anything" in caller.silent()


def test_low_confidence_asks_back_once(engine: FakeEngine, caller: Caller) -> None:
    before = len(told(engine))
    assert "nicht gut verstanden" in caller.speak("storno", 0.2)
    assert len(told(engine)) == before
    assert caller.speak("stornieren", 0.2) == "Verstanden: stornieren."


@pytest.mark.parametrize("confidence", [None, "", "nan", "inf", "-1", "2", "high", "0.41"])
def test_confidence_that_says_nothing_is_not_low(caller: Caller, confidence: str | None) -> None:
    assert caller.speak("stornieren", confidence) == "Verstanden: stornieren."


def test_hangup_effect_says_goodbye_and_ends(engine: FakeEngine, caller: Caller) -> None:
    says(engine, "Auf Wiedersehen!", HangupEffect())
    assert caller.speak("tschüss") == "Auf Wiedersehen!"
    assert caller.verbs() == ["Say", "Hangup"]


def test_handoff_with_choices_lets_the_caller_choose(engine: FakeEngine, caller: Caller) -> None:
    says(engine, "Niemand ist da.", HandoffEffect("customer_wish"), choices=(Choice("Rückruf", "/request_callback"),))
    caller.speak("mensch")
    caller.press("1")
    assert told(engine)[-1] == ("Rückruf", "request_callback")


def test_silent_engine_answer_still_says_something(engine: FakeEngine, caller: Caller) -> None:
    engine.answer = lambda _turn: Answer((Reply("😀 https://example.com"),), ())
    assert caller.speak("hallo") == "Worum geht es bitte?"


@pytest.mark.parametrize("words", ["</Say><Hangup/>", "a & b <break/>", "\x00\x0b\x1b\ufffe😀", "​‮x", "ä" * 5000])
def test_what_is_said_is_never_markup(engine: FakeEngine, caller: Caller, words: str) -> None:
    engine.answer = echo
    caller.speak(words)
    assert caller.verbs() == ["Gather", "Redirect"]


def test_slash_and_commands_are_words(engine: FakeEngine, caller: Caller) -> None:
    caller.speak("/restart")
    assert told(engine)[-1] == ("restart", "")
