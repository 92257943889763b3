"""Switching between turns, the canary's share and the shadow, with engines that do what they are told."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.engine.shadow import MOST_WAITING, Shadow, Understood
from bot.engine.switching import Switching, share_of
from bot.errors import EngineTimeout, ModelMissing
from bot.models import Register
from bot.training import Model
from bot.turns import Answer, Intent, Reply, Turn
from tests.fakes import FakeEngine
from tests.model_copies import FIRST, SECOND, add, copies, file_of, register, until

__all__ = ["copies", "register"]
GREETED = Understood("greet", 0.9, frozenset())


@dataclass
class Models:
    """Engines by model file, made when they are loaded."""

    made: dict[str, NamedEngine] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)

    def load(self, file: Path) -> NamedEngine:
        engine = NamedEngine(Model(file).name)
        if engine.name in self.broken:
            engine.is_ready = False
            engine.error = ModelMissing(f"the model {engine.name} cannot be loaded")
        self.made[engine.name] = engine
        return engine


class NamedEngine(FakeEngine):
    """Says its model's name; knows whether it was stopped."""

    def __init__(self, name: str) -> None:
        super().__init__(lambda _turn: Answer((Reply(name),)))
        self.name = name
        self.stopped = threading.Event()
        self.error: ModelMissing | None = None

    def stop(self) -> None:
        """Take a moment to end, as a real one does."""
        time.sleep(0.2)
        self.stopped.set()


def no_shadow(_file: Path) -> Shadow:
    raise AssertionError("nobody reads along")


@pytest.fixture
def models() -> Models:
    return Models()


@pytest.fixture
def engine(register: Register, models: Models, copies: None) -> Iterator[Switching]:
    """An engine that has begun with the first model."""
    add(register, FIRST, SECOND)
    switching = Switching(file_of(FIRST), register, models.load, no_shadow, look_seconds=0.05)
    switching.start()
    until(switching.ready)
    yield switching
    for made in models.made.values():
        made.go_on()
    switching.stop()


def who_answers(engine: Switching, conversation: str, deadline: float = 5.0) -> str:
    turn = Turn(os.urandom(8).hex(), conversation, "rest", text="Hallo")
    return engine.reply(turn, deadline=deadline).replies[0].text


def test_a_promoted_model_answers_the_next_turn(engine: Switching, register: Register, models: Models) -> None:
    assert who_answers(engine, "a") == FIRST
    register.promote(SECOND, by="Kim", instead_of=None)
    until(lambda: who_answers(engine, "a") == SECOND)
    assert models.made[FIRST].stopped.wait(2)
    assert engine.ready()


def test_a_turn_under_way_ends_on_the_model_it_began_with(
    engine: Switching, register: Register, models: Models
) -> None:
    models.made[FIRST].hang()
    said: list[str] = []
    slow = threading.Thread(target=lambda: said.append(who_answers(engine, "slow", deadline=20)))
    slow.start()
    until(lambda: bool(models.made[FIRST].turns))
    register.promote(SECOND, by="Kim", instead_of=None)
    until(lambda: SECOND in models.made and who_answers(engine, "other") == SECOND)
    assert not models.made[FIRST].stopped.wait(0.3)
    models.made[FIRST].go_on()
    slow.join(5)
    assert said == [FIRST]
    assert models.made[FIRST].stopped.wait(2)


def test_a_turn_that_had_no_answer_in_time_keeps_its_conversation_until_it_ended(
    engine: Switching, register: Register, models: Models
) -> None:
    models.made[FIRST].hang()
    with pytest.raises(EngineTimeout):
        who_answers(engine, "late", deadline=0.05)
    register.promote(SECOND, by="Kim", instead_of=None)
    until(lambda: SECOND in models.made and who_answers(engine, "other") == SECOND)
    assert who_answers(engine, "late") == SECOND
    assert models.made[FIRST].stopped.is_set()


def test_a_model_that_cannot_be_loaded_changes_nothing_and_is_told(
    engine: Switching, register: Register, models: Models
) -> None:
    models.broken.add(SECOND)
    register.promote(SECOND, by="Kim", instead_of=None)
    until(lambda: register.all()[1].error is not None)
    assert register.all()[1].error == f"the model {SECOND} cannot be loaded"
    assert who_answers(engine, "a") == FIRST
    assert models.made[SECOND].stopped.is_set()


def test_a_canary_answers_its_share_and_always_the_same_conversations(engine: Switching, register: Register) -> None:
    conversations = [f"conversation {number}" for number in range(200)]
    expected = {name for name in conversations if share_of(name, SECOND) < 25}
    register.set_canary(SECOND, 25)
    until(lambda: any(who_answers(engine, name) == SECOND for name in expected))
    for _ in range(2):
        assert {name for name in conversations if who_answers(engine, name) == SECOND} == expected
    assert 30 < len(expected) < 70
    register.set_canary(None)
    until(lambda: {who_answers(engine, name) for name in conversations} == {FIRST})


def turns(count: int) -> list[Turn]:
    return [Turn(f"t{number}", "c", "rest", text="Hallo") for number in range(count)]


def test_a_shadow_counts_where_it_disagrees(register: Register) -> None:
    add(register, SECOND)
    told: list[tuple[str, str]] = []
    answers = {
        "t0": GREETED,
        "t1": Understood("goodbye", 0.6, frozenset()),
        "t2": Understood("greet", 0.8, frozenset([b"x"])),
    }
    shadow = Shadow(
        SECOND,
        lambda: nullcontext(lambda turn: answers[turn.id]),
        lambda _turn: GREETED,
        on_disagreement=lambda turn, found: told.append((turn.id, found.shadow_intent)),
    )
    shadow.start()
    for turn in turns(3):
        shadow.offer(turn)
    until(lambda: len(told) == 2)
    shadow.stop()
    shadow.write_to(register)
    assert told == [("t1", "goodbye"), ("t2", "greet")]
    row = register.get(SECOND)
    assert row is not None
    assert (row.compared, row.dropped) == (3, 0)
    newest, other = register.disagreements(SECOND)
    assert (newest.turn_id, newest.live_intent, newest.shadow_intent, newest.values_differ) == (
        "t2",
        "greet",
        "greet",
        True,
    )
    assert (other.turn_id, other.shadow_intent, other.values_differ) == ("t1", "goodbye", False)


def test_a_shadow_that_falls_behind_drops_turns_and_holds_nobody_up(register: Register) -> None:
    add(register, SECOND)
    go_on = threading.Event()

    def slow(_turn: Turn) -> Understood:
        go_on.wait(10)
        return GREETED

    shadow = Shadow(SECOND, lambda: nullcontext(slow), lambda _turn: GREETED)
    shadow.start()
    began = time.monotonic()
    for turn in turns(MOST_WAITING + 50):
        shadow.offer(turn)
    assert time.monotonic() - began < 0.5
    shadow.write_to(register)
    row = register.get(SECOND)
    assert row is not None
    assert row.dropped in (49, 50)
    go_on.set()
    shadow.stop()


def test_a_shadow_reads_human_words_only_and_survives_what_it_cannot_read(register: Register) -> None:
    add(register, SECOND)
    read: list[str] = []

    def reader(turn: Turn) -> Understood:
        read.append(turn.id)
        if turn.id == "t0":
            raise ValueError("cannot read this")
        return GREETED

    shadow = Shadow(SECOND, lambda: nullcontext(reader), lambda _turn: GREETED)
    shadow.start()
    shadow.offer(Turn("button", "c", "rest", text="Ja", intent=Intent("affirm")))
    for turn in turns(2):
        shadow.offer(turn)
    until(lambda: read == ["t0", "t1"])
    shadow.stop()
    shadow.write_to(register)
    row = register.get(SECOND)
    assert row is not None
    assert row.compared == 1
