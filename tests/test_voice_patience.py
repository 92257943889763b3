"""An engine that is slow, gone or broken: fillers, an apology and a way out, each within the caller's patience."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.app import Portal
from bot.database import transaction
from bot.tables import CallStepRow
from tests.caller import HASTY, Caller, greeted_caller, healthy_engine, portal_with, told  # noqa: F401 - fixtures
from tests.fakes import FakeEngine


@pytest.fixture
def portal(engine: FakeEngine, tmp_path: Path) -> Iterator[Portal]:
    """A portal that does not wait long for its engine."""
    hasty = portal_with(engine, tmp_path, wait_seconds=HASTY)
    yield hasty
    engine.go_on()
    hasty.stop()


def no_call_takes_long(act: Callable[[], str]) -> str:
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
    assert "Nordwind" in no_call_takes_long(caller.ring)
    heard = [no_call_takes_long(lambda: caller.speak("wo ist mein paket"))]
    while "Gather" not in caller.verbs():
        heard.append(no_call_takes_long(caller.silent))
    assert len(heard) <= 8
    assert all(one != other for one, other in pairwise(heard))
    assert "schiefgegangen" in heard[-1]
    caller.press("1"), caller.press("1")
    assert caller.effects()[-2] == {"handoff": {"reason": "technical_problem"}}


def test_slow_answer_is_polled_and_said_once(engine: FakeEngine, caller: Caller) -> None:
    caller.speak("hallo")
    caller.until_asked()
    engine.hang()
    assert "Einen Moment" in caller.speak("wo ist mein paket")
    engine.go_on()
    assert caller.until_asked().count("Verstanden: wo ist mein paket.") == 1
    assert [text for text, _ in told(engine)] == ["hallo", "wo ist mein paket"]


def test_late_answer_is_not_said(portal: Portal, engine: FakeEngine, caller: Caller) -> None:
    caller.speak("hallo")
    caller.until_asked()
    engine.hang()
    caller.speak("wo ist mein paket")
    caller.until_asked()
    engine.go_on()
    time.sleep(0.3)
    assert "Verstanden" not in caller.press("*")
    texts = [entry.text for entry in portal.conversations.store.entries(caller.conversation())]
    assert "Verstanden: wo ist mein paket." not in texts


def test_hang_up_ends_the_call_and_drops_its_turn(portal: Portal, engine: FakeEngine, caller: Caller) -> None:
    engine.hang()
    caller.speak("wo ist mein paket")
    conversation = caller.conversation()
    assert caller.hang_up() == 204
    assert portal.conversations.store.next_turn(conversation) is None
    assert b"<Hangup" in caller.again().data
    with transaction(portal.conversations.store._url) as session:
        assert session.scalars(select(CallStepRow)).all() == []
