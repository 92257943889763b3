"""Silence, no-match and low confidence climb one ladder: never the same twice in a row, never without a way out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import select, text

from bot.app import Portal
from bot.database import transaction
from bot.tables import EffectRow
from bot.turns import Answer, Choice, ExpectEffect, HandoffEffect, LanguageEffect, MissedEffect, Reply
from tests.caller import Caller, portal_with
from tests.fakes import FakeEngine

MENU = (Choice("Rucksack", "/inform"), Choice("Zelt", "/inform"), Choice("Jacke", "/inform"))
YES_NO = (Choice("Ja", "/affirm"), Choice("Nein", "/deny"))
WAY_OUT = "Wir rufen Sie zurück"


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def portal(engine: FakeEngine, tmp_path: Path) -> Iterator[Portal]:
    ready = portal_with(engine, tmp_path)
    yield ready
    engine.go_on()
    ready.stop()


@pytest.fixture
def caller(portal: Portal) -> Caller:
    calling = Caller(portal)
    calling.ring()
    return calling


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


def to_callback(caller: Caller) -> str:
    for _ in range(3):
        caller.silent()
    return caller.said


def booked(portal: Portal, caller: Caller) -> list[dict[str, object]]:
    """The effects of the call's callback."""
    with_reply = [
        entry for entry in portal.conversations.store.entries(caller.conversation()) if "rufen Sie" in entry.text
    ]
    assert len(with_reply) == 1
    with transaction(portal.conversations.store._url) as session:
        return [{row.name: row.data} for row in session.scalars(select(EffectRow).order_by(EffectRow.position))]


@pytest.mark.parametrize("accept", [lambda c: c.press("1"), lambda c: c.speak("ja gerne"), lambda c: c.press("1#")])
def test_callback_to_the_callers_number_is_recorded(
    portal: Portal, caller: Caller, accept: Callable[[Caller], str]
) -> None:
    to_callback(caller)
    assert "Wann dürfen wir anrufen" in accept(caller)
    assert "so bald wie möglich" in caller.press("1")
    assert caller.verbs() == ["Say", "Hangup"]
    assert booked(portal, caller) == [
        {"handoff": {"reason": "not_understood"}},
        {"callback": {"phone": "+491713920011", "at": None}},
    ]


@pytest.mark.parametrize(
    ("keys", "words"),
    [("04012345678", ""), ("", "null vier null eins zwei drei vier fünf sechs sieben acht"), ("004940123456 78", "")],
)
def test_callback_to_another_number_is_typed_or_said(portal: Portal, keys: str, words: str) -> None:
    caller = Caller(portal, number="anonymous")
    caller.ring()
    assert "Ihre Telefonnummer" in to_callback(caller)
    assert "Wann dürfen" in (caller.press(keys) if keys else caller.speak(words))
    caller.speak("morgen um zehn uhr")
    effects = booked(portal, caller)
    assert effects[1]["callback"]["phone"] == "+494012345678"  # type: ignore[index]
    assert str(effects[1]["callback"]["at"]).endswith("T10:00")  # type: ignore[index]


@pytest.mark.parametrize("keys", ["110", "09001234567", "1", "*0", "0000000"])
def test_numbers_that_nobody_may_call_are_refused(portal: Portal, keys: str) -> None:
    caller = Caller(portal, number="anonymous")
    caller.ring()
    to_callback(caller)
    caller.press(keys)
    assert "Telefonnummer" in caller.said or "zurück" in caller.said
    assert caller.verbs() == ["Gather", "Redirect"]


def test_callback_of_a_silent_caller_ends_politely(caller: Caller) -> None:
    heard = [to_callback(caller)]
    while "Hangup" not in caller.verbs():
        heard.append(caller.silent())
    assert len(heard) == 4
    assert len(set(heard)) == 4
    assert "lege jetzt auf" in heard[-1]


def test_silence_about_the_time_books_as_soon_as_possible(portal: Portal, caller: Caller) -> None:
    to_callback(caller)
    caller.press("1")
    for _ in range(3):
        caller.silent()
    assert "so bald wie möglich" in caller.said
    assert caller.verbs() == ["Say", "Hangup"]


def no_call_takes_long(caller: Caller, act: Callable[[], str]) -> str:
    began = time.monotonic()
    heard = act()
    assert time.monotonic() - began < 2
    assert heard
    return heard


@pytest.mark.parametrize("trouble", [FakeEngine.hang, FakeEngine.die, FakeEngine.break_down])
def test_engine_in_trouble_leads_to_fillers_an_apology_and_a_callback(
    portal: Portal, engine: FakeEngine, trouble: Callable[[FakeEngine], None]
) -> None:
    trouble(engine)
    caller = Caller(portal)
    assert "Nordwind" in no_call_takes_long(caller, caller.ring)
    heard = [no_call_takes_long(caller, lambda: caller.speak("wo ist mein paket"))]
    while "Gather" not in caller.verbs():
        heard.append(no_call_takes_long(caller, caller.silent))
    assert len(heard) <= 8
    assert all(one != other for one, other in pairwise(heard))
    assert "schiefgegangen" in heard[-1]
    caller.press("1")
    caller.press("1")
    assert booked(portal, caller)[0] == {"handoff": {"reason": "technical_problem"}}


def test_slow_answer_is_polled_and_said_once(engine: FakeEngine, caller: Caller) -> None:
    caller.speak("hallo")
    engine.hang()
    assert "Einen Moment" in caller.speak("wo ist mein paket")
    engine.go_on()
    assert caller.until_asked().count("Verstanden: wo ist mein paket.") == 1
    assert [turn.text for turn in engine.turns if turn.text] == ["hallo", "wo ist mein paket"]


def test_late_answer_is_not_said(portal: Portal, engine: FakeEngine, caller: Caller) -> None:
    caller.speak("hallo")
    engine.hang()
    caller.speak("wo ist mein paket")
    caller.until_asked()
    engine.go_on()
    time.sleep(0.3)
    assert "Verstanden" not in caller.press("*")
    texts = [entry.text for entry in portal.conversations.store.entries(caller.conversation())]
    assert "Verstanden: wo ist mein paket." not in texts


def test_dead_engine_with_a_human_number_dials_it(engine: FakeEngine, tmp_path: Path) -> None:
    portal = portal_with(engine, tmp_path, human_number="+494012345678", fillers=1)
    engine.die()
    caller = Caller(portal)
    caller.ring()
    caller.speak("hallo")
    assert "Ich verbinde Sie" in caller.until_asked()
    assert caller.verbs()[-1] == "Dial"
    portal.stop()


def test_database_that_is_gone_still_apologises(tmp_path: Path) -> None:
    portal = portal_with(FakeEngine(), tmp_path, human_number="+494012345678")
    portal.jobs.stop()
    with transaction(portal.conversations.store._url) as session:
        session.execute(text("DROP TABLE call_steps"))
        session.execute(text("DROP TABLE calls"))
    caller = Caller(portal)
    heard = caller.ring()
    assert "schiefgegangen" in heard
    assert caller.verbs() == ["Say", "Dial", "Say", "Hangup"]
