"""The way out of a call: a human's number and a callback, offered whenever talk with the bot cannot go on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.app import Portal
from bot.turns import Answer, ExpectEffect, HandoffEffect, Reply
from tests.caller import HASTY, HUMAN, Caller, greeted_caller, healthy_engine, portal_with, ready_portal  # noqa: F401 - fixtures
from tests.fakes import FakeEngine

NOT_REACHED = ["busy", "no-answer", "failed", "canceled", "queued", "ringing", "in-progress", "", "something-new"]
REACHED = ["completed", "answered"]
NOBODY_HEARD = "nicht hören"


def to_callback(caller: Caller) -> str:
    for _ in range(3):
        caller.silent()
    return caller.said


def anonymous_caller(portal: Portal) -> Caller:
    """Somebody with a withheld number who is asked for one."""
    caller = Caller(portal, number="anonymous")
    caller.ring()
    assert "Ihre Telefonnummer" in to_callback(caller)
    return caller


def replies(caller: Caller) -> list[str]:
    """What the conversation's record says that the caller was told."""
    entries = caller.portal.conversations.store.entries(caller.conversation())
    return [entry.text for entry in entries if entry.who == "bot"]


@pytest.mark.parametrize("accept", [lambda c: c.press("1"), lambda c: c.speak("ja gerne"), lambda c: c.press("1#")])
def test_callback_to_the_callers_number_is_recorded(caller: Caller, accept: Callable[[Caller], str]) -> None:
    to_callback(caller)
    assert "Wann dürfen wir anrufen" in accept(caller)
    assert "so bald wie möglich" in caller.press("1")
    assert caller.verbs() == ["Say", "Hangup"]
    assert caller.effects() == [
        {"handoff": {"reason": "not_understood"}},
        {"callback": {"phone": "+491713920011", "at": None}},
    ]
    assert sum("rufen Sie" in text for text in replies(caller)) == 1


@pytest.mark.parametrize(
    ("keys", "words"),
    [("04012345678", ""), ("", "null vier null eins zwei drei vier fünf sechs sieben acht"), ("004940123456 78", "")],
)
def test_callback_to_another_number_is_typed_or_said(portal: Portal, keys: str, words: str) -> None:
    caller = anonymous_caller(portal)
    assert "Wann dürfen" in (caller.press(keys) if keys else caller.speak(words))
    caller.speak("morgen um zehn uhr")
    callback = caller.effects()[1]["callback"]
    assert callback["phone"] == "+494012345678"
    assert callback["at"].endswith("T10:00")


@pytest.mark.parametrize("keys", ["110", "09001234567", "1", "*0", "0000000"])
def test_numbers_that_nobody_may_call_are_refused(portal: Portal, keys: str) -> None:
    caller = anonymous_caller(portal)
    caller.press(keys)
    assert "Telefonnummer" in caller.said or "zurück" in caller.said
    assert caller.verbs() == ["Gather", "Redirect"]


def test_callback_of_a_silent_caller_ends_politely_and_is_none(caller: Caller) -> None:
    heard = [to_callback(caller)]
    while "Hangup" not in caller.verbs():
        heard.append(caller.silent())
    assert len(heard) == 4
    assert len(set(heard)) == 4
    assert NOBODY_HEARD in heard[-1]
    assert caller.effects() == []


FAILED_ANSWERS: list[Callable[[Caller], str]] = [
    lambda caller: caller.speak("meine nummer habe ich gerade nicht"),
    lambda caller: caller.speak("brabbel", 0.1),
    lambda caller: caller.press("110"),
    lambda caller: caller.press("7"),
]


@pytest.mark.parametrize("answer", FAILED_ANSWERS)
def test_who_spoke_without_a_number_is_told_so_and_called_back_on_the_known_one(
    caller: Caller, answer: Callable[[Caller], str]
) -> None:
    to_callback(caller)
    heard = [answer(caller), answer(caller), answer(caller)]
    assert all(NOBODY_HEARD not in each for each in heard[-1:])
    assert "keine Nummer verstanden" in heard[-1]
    assert "null eins sieben eins" in heard[-1]
    assert caller.verbs() == ["Say", "Hangup"]
    assert caller.effects() == [
        {"handoff": {"reason": "not_understood"}},
        {"callback": {"phone": "+491713920011", "at": None}},
    ]
    assert sum("keine Nummer verstanden" in text for text in replies(caller)) == 1


@pytest.mark.parametrize("answer", FAILED_ANSWERS)
def test_the_wish_of_who_spoke_without_any_number_is_recorded(portal: Portal, answer: Callable[[Caller], str]) -> None:
    caller = anonymous_caller(portal)
    answer(caller), caller.silent()
    assert "keine Telefonnummer verstanden" in caller.silent()
    assert caller.verbs() == ["Say", "Hangup"]
    assert caller.effects() == [{"handoff": {"reason": "not_understood"}}]
    assert sum("keine Telefonnummer verstanden" in text for text in replies(caller)) == 1


def test_silence_about_the_time_books_as_soon_as_possible(caller: Caller) -> None:
    to_callback(caller)
    caller.press("1")
    for _ in range(3):
        caller.silent()
    assert "so bald wie möglich" in caller.said
    assert caller.verbs() == ["Say", "Hangup"]
    assert caller.effects()[1] == {"callback": {"phone": "+491713920011", "at": None}}


def dialled(engine: FakeEngine, folder: Path) -> tuple[Portal, Caller]:
    """A call whose human is dialled by the engine's wish, or since the engine is dead."""
    portal = portal_with(engine, folder, human_number=HUMAN, ring_seconds=17, fillers=1, wait_seconds=HASTY)
    caller = Caller(portal)
    caller.ring()
    engine.answer = lambda _turn: Answer((Reply("Gern."),), (HandoffEffect("customer_wish"),))
    caller.speak("mensch")
    assert "Ich verbinde Sie" in caller.until_asked()
    dial = caller.tree().find("Dial")
    assert dial is not None
    assert (dial.get("timeout"), "".join(dial.itertext())) == ("17", HUMAN)
    return portal, caller


@pytest.mark.parametrize(
    ("state", "status"),
    [*(("die", each) for each in NOT_REACHED), ("healthy", "busy"), ("break_down", ""), ("hang", "x")],
)
def test_human_who_is_not_reached_becomes_a_callback(
    engine: FakeEngine, tmp_path: Path, state: str, status: str
) -> None:
    getattr(engine, state, lambda: None)()
    portal, caller = dialled(engine, tmp_path)
    heard = caller.post(DialCallStatus=status)
    assert "niemand zu erreichen" in heard
    assert "Wir rufen Sie zurück" in heard
    caller.press("1"), caller.press("1")
    assert {"callback": {"phone": "+491713920011", "at": None}} in caller.effects()
    engine.go_on()
    portal.stop()


@pytest.mark.parametrize("state", ["healthy", "die"])
@pytest.mark.parametrize("status", REACHED)
def test_after_the_talk_with_a_human_the_call_ends_politely(
    engine: FakeEngine, tmp_path: Path, state: str, status: str
) -> None:
    getattr(engine, state, lambda: None)()
    portal, caller = dialled(engine, tmp_path)
    assert "Auf Wiedersehen" in caller.post(DialCallStatus=status)
    assert caller.verbs() == ["Say", "Hangup"]
    portal.stop()


LONG: list[dict[str, Any]] = [{"most_steps": 10}, {"longest_minutes": 0}]


@pytest.mark.parametrize("limit", LONG)
def test_a_very_long_talk_is_led_to_a_callback(engine: FakeEngine, tmp_path: Path, limit: dict[str, Any]) -> None:
    portal = portal_with(engine, tmp_path, **limit)
    caller = Caller(portal)
    caller.ring()
    while "sehr lange gesprochen" not in caller.said:
        caller.press("*")
    assert len(caller.answers) == limit.get("most_steps", 1) + 1
    assert "Wir rufen Sie zurück" in caller.said
    assert "Wann dürfen" in caller.press("1")
    caller.press("1")
    assert caller.effects() == [
        {"handoff": {"reason": "too_long"}},
        {"callback": {"phone": "+491713920011", "at": None}},
    ]
    portal.stop()


@pytest.mark.parametrize("limit", LONG)
def test_a_very_long_talk_is_led_to_the_human(engine: FakeEngine, tmp_path: Path, limit: dict[str, Any]) -> None:
    portal = portal_with(engine, tmp_path, human_number=HUMAN, **limit)
    caller = Caller(portal)
    caller.ring()
    while "sehr lange gesprochen" not in caller.said:
        caller.press("*")
    assert caller.verbs()[-1] == "Dial"
    assert "Auf Wiedersehen" in caller.post(DialCallStatus="completed")
    portal.stop()


def test_a_very_long_way_out_ends_and_the_wish_is_recorded(engine: FakeEngine, tmp_path: Path) -> None:
    portal = portal_with(engine, tmp_path, most_steps=10)
    caller = Caller(portal)
    caller.ring()
    while "Hangup" not in caller.verbs():
        caller.press("*")
        assert len(caller.answers) < 40
    assert "keine Nummer verstanden" in caller.said
    assert caller.effects()[0] == {"handoff": {"reason": "too_long"}}
    portal.stop()


def test_the_way_out_speaks_the_language_of_the_conversation(engine: FakeEngine, caller: Caller) -> None:
    english = Reply("What is your order number?", language="en")
    engine.answer = lambda _turn: Answer((english,), (ExpectEffect("reference"),))
    caller.portal.conversations.store.speak(caller.conversation(), "en")
    caller.speak("hello")
    assert "We will call you back" in to_callback(caller)
    for _ in range(3):
        caller.speak("i do not know")
    assert "did not understand a number" in caller.said
