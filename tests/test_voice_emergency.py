"""Texts, tables or the engine break at any point of a call: the caller hears TwiML that leads on, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from bot.app import Portal
from bot.texts import Texts
from bot.turns import Answer, HandoffEffect, Reply, Turn
from tests.caller import (  # noqa: F401 - fixtures
    HUMAN,
    Caller,
    greeted_caller,
    healthy_engine,
    portal_with,
    ready_portal,
    settings_for,
    table_gone,
)
from tests.fakes import FakeEngine
from voice.emergency import Emergency
from voice.script import Script

POINTS = ("ring", "talk", "number", "time", "dial")
TABLES = ("calls", "call_steps", "turns", "replies", "conversations", "contacts")
WAY_OUT = "Wir rufen Sie zurück"
MOST_STEPS_TO_THE_END = 12


class FragileTexts(Texts):
    """The texts, which may be gone."""

    gone = False

    def say(self, name: str, language: str, *, channel: str | None = None) -> str:
        """The text of a response while there are any."""
        if self.gone:
            raise KeyError(name)
        return super().say(name, language, channel=channel)


def wants_a_human(_turn: Turn) -> Answer:
    return Answer((Reply("Gern."),), (HandoffEffect("customer_wish"),))


def bring(caller: Caller, engine: FakeEngine, point: str) -> None:
    """Bring the call to where something will break."""
    if point == "ring":
        return
    caller.ring()
    if point == "talk":
        return
    engine.answer = wants_a_human
    caller.speak("mensch bitte")
    assert ("Dial" in caller.verbs()) == (point == "dial")
    if point == "time":
        caller.press("1")


def act(caller: Caller, point: str) -> str:
    """The step that breaks."""
    if point == "ring":
        return caller.ring()
    if point == "talk":
        return caller.speak("wo ist mein paket")
    return caller.post(DialCallStatus="busy") if point == "dial" else caller.press("1")


def follow(caller: Caller) -> list[str]:
    """Go on in silence to the end; nobody answers who is dialled."""
    heard = [caller.said]
    while "Hangup" not in caller.verbs():
        assert len(heard) <= MOST_STEPS_TO_THE_END, heard
        heard.append(caller.post(DialCallStatus="no-answer") if "Dial" in caller.verbs() else caller.silent())
    return heard


@contextmanager
def broken(portal: Portal, what: str) -> Iterator[None]:
    """A portal without its texts or one of its tables."""
    texts = portal.conversations.texts
    assert isinstance(texts, FragileTexts)
    with table_gone(portal, what) if what in TABLES else nullcontext():
        texts.gone = what == "texts"
        yield
    texts.gone = False


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("what", ["texts", *TABLES])
def test_whatever_breaks_at_any_point_the_caller_hears_words_to_the_end(
    engine: FakeEngine, tmp_path: Path, what: str, point: str
) -> None:
    texts = FragileTexts(Texts.load()._responses)
    portal = portal_with(engine, tmp_path, texts=texts, human_number=HUMAN if point == "dial" else "")
    caller = Caller(portal)
    bring(caller, engine, point)
    with broken(portal, what):
        act(caller, point)
        heard = follow(caller)
    assert all(heard)
    assert "Auf Wiedersehen" in heard[-1]
    portal.stop()


@pytest.mark.parametrize("point", ["ring", "talk", "number", "time"])
def test_once_it_is_mended_a_callback_is_taken_down(engine: FakeEngine, tmp_path: Path, point: str) -> None:
    portal = portal_with(engine, tmp_path)
    caller = Caller(portal)
    bring(caller, engine, point)
    with table_gone(portal, "call_steps"):
        assert "schiefgegangen" in act(caller, point)
        assert caller.verbs() == ["Say", "Redirect"]
    assert WAY_OUT in caller.silent()
    assert caller.again().data == caller.answers[-1].data
    caller.press("1"), caller.press("1")
    assert caller.verbs() == ["Say", "Hangup"]
    assert {"callback": {"phone": "+491713920011", "at": None}} in caller.effects()
    portal.stop()


@pytest.mark.parametrize("status", ["busy", "no-answer", "failed", "canceled", "", "something-new"])
def test_a_human_who_was_dialled_in_an_emergency_and_not_reached_becomes_a_callback(
    engine: FakeEngine, tmp_path: Path, status: str
) -> None:
    portal = portal_with(engine, tmp_path, human_number=HUMAN, ring_seconds=17)
    caller = Caller(portal)
    caller.ring()
    with table_gone(portal, "call_steps"):
        assert "schiefgegangen" in caller.speak("wo ist mein paket")
        assert caller.verbs() == ["Say", "Say", "Dial"]
        assert [dial.get("timeout") for dial in caller.tree().iter("Dial")] == ["17"]
    heard = caller.post(DialCallStatus=status)
    assert "niemand zu erreichen" in heard
    assert WAY_OUT in heard
    portal.stop()


@pytest.mark.parametrize("is_mended", [True, False])
@pytest.mark.parametrize("status", ["completed", "answered"])
def test_after_a_talk_with_the_human_of_an_emergency_the_call_ends_politely(
    engine: FakeEngine, tmp_path: Path, status: str, is_mended: bool
) -> None:
    portal = portal_with(engine, tmp_path, human_number=HUMAN)
    caller = Caller(portal)
    caller.ring()
    with table_gone(portal, "calls"):
        caller.speak("wo ist mein paket")
        if not is_mended:
            caller.post(DialCallStatus=status)
    if is_mended:
        caller.post(DialCallStatus=status)
    assert "Vielen Dank für Ihren Anruf" in caller.said
    assert caller.verbs() == ["Say", "Hangup"]
    portal.stop()


def test_nobody_is_dialled_twice_when_the_database_stays_away(engine: FakeEngine, tmp_path: Path) -> None:
    portal = portal_with(engine, tmp_path, human_number=HUMAN)
    caller = Caller(portal)
    caller.ring()
    with table_gone(portal, "calls"):
        caller.speak("wo ist mein paket")
        assert "später noch einmal" in caller.post(DialCallStatus="busy")
    assert caller.verbs() == ["Say", "Say", "Hangup"]
    portal.stop()


def test_a_step_that_was_completed_unseen_is_heard_on_the_way_out(engine: FakeEngine, caller: Caller) -> None:
    before = caller.url
    heard = caller.speak("wo ist mein paket")
    caller.url = f"{before}&way_out=1"
    assert caller.silent() == heard
    assert [turn.text for turn in engine.turns if turn.text] == ["wo ist mein paket"]


@pytest.mark.parametrize(("status", "words"), [("completed", "Auf Wiedersehen"), ("busy", WAY_OUT)])
def test_after_the_dial_of_an_emergency_no_late_answer_is_said(caller: Caller, status: str, words: str) -> None:
    before = caller.url
    caller.speak("wo ist mein paket")
    caller.url = f"{before}&way_out=1"
    heard = caller.post(DialCallStatus=status)
    assert words in heard
    assert "Verstanden" not in heard
    assert caller.again().data == caller.answers[-1].data


def test_an_engine_that_raises_anything_leads_out(engine: FakeEngine, caller: Caller) -> None:
    engine.raises = ValueError("something that nobody thought of")
    assert WAY_OUT in caller.speak("wo ist mein paket")


def test_missing_words_are_told_at_the_start(portal: Portal) -> None:
    responses = dict(portal.conversations.texts._responses)
    del responses["utter_voice_problem"]
    with pytest.raises(KeyError, match="utter_voice_problem"):
        Emergency(Script(settings_for("sqlite:///var/none.db").portal, Texts(responses)))
