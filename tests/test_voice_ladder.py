"""Silence, no-match and low confidence climb one ladder: never the same twice in a row, never without a way out."""

from __future__ import annotations

from itertools import pairwise

import pytest

from bot.app import Portal
from bot.turns import Answer, Choice, ExpectEffect, HandoffEffect, LanguageEffect, MissedEffect, Reply
from tests.caller import Caller, greeted_caller, healthy_engine, ready_portal  # noqa: F401 - fixtures among them
from tests.fakes import FakeEngine

MENU = (Choice("Rucksack", "/inform"), Choice("Zelt", "/inform"), Choice("Jacke", "/inform"))
YES_NO = (Choice("Ja", "/affirm"), Choice("Nein", "/deny"))
WAY_OUT = "Wir rufen Sie zurück"


def ask(engine: FakeEngine, caller: Caller, need: str, *choices: Choice) -> None:
    """Bring the call to a question."""
    engine.answer = lambda _turn: Answer((Reply("Die Frage?", choices),), (ExpectEffect(need),))
    caller.speak("los")


@pytest.mark.parametrize(
    ("need", "choices", "rephrased", "with_keys"),
    [
        ("open", (), "in einem Satz", "eins für Wo ist mein Paket"),
        ("reference", (), "acht Ziffern", "am Ende die Raute"),
        ("customer", (), "Postleitzahl", "Postleitzahl mit den Tasten"),
        ("confirm", YES_NO, "Ja oder Nein", "Drücken Sie die Eins für Ja"),
        ("item", MENU, "Rucksack; Zelt; Jacke", "eins für Rucksack"),
        ("complaint", (), "", "drücken Sie die Null"),
        ("a-need-without-settings", MENU, "Sie haben die Wahl", "zwei für Zelt"),
        ("wish_day", (), "", "zwei Ziffern für den Tag"),
        ("when", (), "morgen", "vier Ziffern"),
    ],
)
def test_silence_is_rephrased_then_narrowed_then_led_out(
    engine: FakeEngine, caller: Caller, need: str, choices: tuple[Choice, ...], rephrased: str, with_keys: str
) -> None:
    ask(engine, caller, need, *choices)
    heard = [caller.said, caller.silent(), caller.silent(), caller.silent()]
    assert rephrased in heard[1]
    assert with_keys in heard[2]
    assert WAY_OUT in heard[3]
    assert len(set(heard)) == 4
    assert all(one != other for one, other in pairwise(heard))


def test_after_an_answer_silence_is_offered_more_and_then_goodbye(caller: Caller) -> None:
    caller.speak("hallo")
    assert caller.silent() == "Kann ich noch etwas für Sie tun?"
    assert "Auf Wiedersehen" in caller.silent()
    assert caller.verbs() == ["Say", "Hangup"]


def test_help_is_not_offered_twice(caller: Caller) -> None:
    caller.speak("hallo")
    caller.silent()
    caller.speak("nein danke")
    assert "Auf Wiedersehen" in caller.silent()


def test_silence_low_confidence_wrong_keys_and_no_match_are_counted_together(
    engine: FakeEngine, caller: Caller
) -> None:
    ask(engine, caller, "reference")
    caller.silent()
    caller.speak("mmh", 0.1)
    engine.answer = lambda _turn: Answer((Reply("Noch einmal?"),), (MissedEffect(), ExpectEffect("reference")))
    assert WAY_OUT in caller.speak("brabbel")


def test_engine_that_does_not_understand_three_times_leads_out(engine: FakeEngine, caller: Caller) -> None:
    engine.answer = lambda turn: Answer((Reply(f"Wie bitte, {turn.text}?"),), (MissedEffect(),))
    assert WAY_OUT not in caller.speak("a a")
    assert WAY_OUT not in caller.speak("b b")
    assert WAY_OUT in caller.speak("c c")


def test_engine_that_repeats_itself_is_put_in_other_words(engine: FakeEngine, caller: Caller) -> None:
    engine.answer = lambda _turn: Answer((Reply("Dabei kann ich nicht helfen."),), (MissedEffect(),))
    caller.speak("der mond ist blau")
    heard = caller.speak("kartoffel")
    assert "Dabei kann ich nicht helfen" not in heard
    assert "eins für Wo ist mein Paket" in heard


def test_help_that_was_just_heard_is_not_said_again(portal: Portal, engine: FakeEngine, caller: Caller) -> None:
    ask(engine, caller, "customer")
    helped = caller.silent()
    help_text = portal.conversations.texts.say("utter_help_customer", "de", channel="voice")
    assert help_text in helped
    replies = (Reply(help_text), Reply("Wie lautet Ihre Postleitzahl?"))
    engine.answer = lambda _turn: Answer(replies, (MissedEffect(), ExpectEffect("customer")))
    assert caller.speak("brabbel") == "Wie lautet Ihre Postleitzahl?"


def test_silence_after_unclear_speech_is_told_as_silence(engine: FakeEngine, caller: Caller) -> None:
    ask(engine, caller, "reference")
    caller.speak("mmh", 0.1)
    assert "Ich habe leider nichts gehört." in caller.silent()


def test_an_understood_answer_begins_the_ladder_anew(engine: FakeEngine, caller: Caller) -> None:
    ask(engine, caller, "reference")
    caller.silent()
    caller.silent()
    ask(engine, caller, "customer")
    assert WAY_OUT not in caller.silent()


def test_engine_that_is_stuck_leads_to_the_gateways_way_out(engine: FakeEngine, caller: Caller) -> None:
    engine.answer = lambda _turn: Answer((Reply("Ich bin stecken geblieben."),), (HandoffEffect("not_understood"),))
    heard = caller.speak("brabbel")
    assert "stecken geblieben" not in heard
    assert WAY_OUT in heard


def test_ladder_speaks_the_language_of_the_conversation(engine: FakeEngine, caller: Caller) -> None:
    reply = Reply("What is your order number?", language="en")
    engine.answer = lambda _turn: Answer((reply,), (LanguageEffect("en"), ExpectEffect("reference")))
    caller.speak("english please")
    assert "I did not hear anything" in caller.silent()
    assert "hash key" in caller.silent()
    assert "call you back" in caller.silent()
