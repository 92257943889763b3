"""Rasa in a process of its own: what happens when it, or the process it works for, ends."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.engine.apart import RasaApart, RasaProcess, reader_apart
from bot.errors import EngineError, EngineTimeout, ModelMissing
from bot.turns import Answer, HandoffEffect, Intent, Turn

SHIPPING = "Was kostet der Versand?"
STARTER = """
import sys, time
from pathlib import Path
from bot.engine.apart import RasaApart, RasaProcess
process = RasaProcess()
engine = RasaApart(Path(sys.argv[1]), sys.argv[2], process)
engine.start()
while not engine.ready():
    time.sleep(0.05)
print(process.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="module")
def engine(model: Path, demo_database: Path) -> Iterator[RasaApart]:
    engine = RasaApart(model, f"sqlite:///{demo_database}", RasaProcess())
    engine.start()
    until(engine.ready, 60)
    yield engine
    engine.stop()


def until(happened: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.02)


def ask(engine: RasaApart, text: str = SHIPPING, turn: str = "", deadline: float = 20) -> Answer:
    return engine.reply(Turn(turn or os.urandom(8).hex(), "talk", "rest", text=text), deadline=deadline)


def words(answer: Answer) -> str:
    return " ".join(reply.text for reply in answer.replies)


def pid_of(engine: RasaApart) -> int:
    pid = engine._process.pid
    assert pid
    return pid


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_turns_are_answered_with_choices_and_effects(engine: RasaApart) -> None:
    assert engine.responds()
    assert "4,95" in words(ask(engine))
    human = engine.reply(Turn("human", "other", "rest", intent=Intent("talk_to_human")), deadline=20)
    assert human.replies


@pytest.mark.parametrize("begun", [False, True])
def test_an_intent_that_no_rule_leads_on_is_not_understood_and_ends_with_a_way_out(
    engine: RasaApart, begun: bool
) -> None:
    talk, new = f"no-rule-{begun}", Intent("ask_gift_wrap")
    if begun:
        engine.reply(Turn(talk, talk, "rest", text="Wo ist mein Paket?"), deadline=20)
    first, second, third = (engine.reply(Turn(f"{talk}-{n}", talk, "rest", intent=new), deadline=20) for n in range(3))
    assert "leider nicht verstanden" in words(first)
    assert "Geht es um eines davon?" in words(second)
    assert ("Bestellnummer" in words(first), "Bestellnummer" in words(second)) == (begun, begun)
    assert third.effects == (HandoffEffect("not_understood"),)
    assert "Bestellnummer" not in words(third)
    assert "4,95" in words(engine.reply(Turn(f"{talk}-after", talk, "rest", text=SHIPPING), deadline=20))


def test_a_turn_asked_for_again_is_answered_alike(engine: RasaApart) -> None:
    assert ask(engine, turn="twice") == ask(engine, turn="twice")


def test_many_turns_at_once_find_their_own_answers(engine: RasaApart) -> None:
    texts = {SHIPPING: "4,95", "Wann hat der Laden in Leipzig auf?": "Leipzig", "Wie kann ich bezahlen?": "Rechnung"}
    found: list[tuple[str, str]] = []

    def one(number: int) -> None:
        text = list(texts)[number % len(texts)]
        turn = Turn(f"many-{number}", f"many-{number}", "rest", text=text)
        found.append((text, words(engine.reply(turn, deadline=30))))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 24
    assert all(texts[text] in answer for text, answer in found)


def test_a_killed_process_is_told_at_once_and_started_again(engine: RasaApart) -> None:
    os.kill(pid_of(engine), signal.SIGSTOP)
    caught: list[Exception] = []

    def wait() -> None:
        try:
            ask(engine, turn="caught")
        except EngineError as error:
            caught.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    until(lambda: bool(engine._process._asked))
    os.kill(pid_of(engine), signal.SIGKILL)
    waiting.join(5)
    assert not isinstance(caught[0], EngineTimeout)
    until(engine.ready, 60)
    assert "4,95" in words(ask(engine, turn="caught"))


def test_a_frozen_process_is_no_answer_in_time_and_does_not_respond(engine: RasaApart) -> None:
    os.kill(pid_of(engine), signal.SIGSTOP)
    try:
        with pytest.raises(EngineTimeout):
            ask(engine, deadline=0.2)
        assert not engine.responds()
    finally:
        os.kill(pid_of(engine), signal.SIGCONT)
    assert engine.responds()


def test_ctrl_c_and_sigterm_are_left_to_the_process_it_works_for(engine: RasaApart) -> None:
    before = pid_of(engine)
    for ending in (signal.SIGINT, signal.SIGTERM):
        os.kill(before, ending)
    assert "4,95" in words(ask(engine))
    assert pid_of(engine) == before


def test_it_ends_with_the_process_it_works_for(model: Path, database_url: str) -> None:
    command = [sys.executable, "-W", "ignore", "-c", STARTER, str(model), database_url]
    starter = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert starter.stdout
    child = int(starter.stdout.readline())
    assert is_alive(child)
    starter.kill()
    starter.wait()
    starter.stdout.close()
    until(lambda: not is_alive(child), 5)


def test_turns_under_way_are_finished_before_the_end(model: Path, database_url: str) -> None:
    engine = RasaApart(model, database_url, RasaProcess())
    engine.start()
    until(engine.ready, 60)
    child = pid_of(engine)
    said: list[Answer] = []
    asking = threading.Thread(target=lambda: said.append(ask(engine)))
    asking.start()
    until(lambda: bool(engine._process._asked))
    engine.stop()
    asking.join(5)
    assert "4,95" in words(said[0])
    assert not is_alive(child)


def test_a_model_that_cannot_be_loaded_is_told(model: Path, database_url: str, tmp_path: Path) -> None:
    cut = tmp_path / model.name
    cut.write_bytes(model.read_bytes()[:-20_000])
    engine = RasaApart(cut, database_url, RasaProcess())
    engine.start()
    until(lambda: engine.error is not None, 60)
    assert isinstance(engine.error, ModelMissing)
    with pytest.raises(ModelMissing):
        ask(engine)
    engine.stop()
    with pytest.raises(EngineError), reader_apart(cut, RasaProcess()):
        pass


def test_models_that_cannot_be_loaded_leave_nothing_behind(model: Path, database_url: str, tmp_path: Path) -> None:
    process = RasaProcess()
    live = RasaApart(model, database_url, process)
    live.start()
    until(live.ready, 60)
    opened = Path(f"/proc/{process.pid}/fd")
    broken = tmp_path / "broken.tar.gz"
    broken.write_bytes(b"no model")
    before = len(list(opened.iterdir()))
    for _ in range(4):
        other = RasaApart(broken, database_url, process)
        other.start()
        until(lambda other=other: other.error is not None, 30)  # type: ignore[misc]
        other.stop()
        assert live.responds()
    until(lambda: len(list(opened.iterdir())) < before + 4)
    live.stop()


def test_a_model_that_worked_is_loaded_again_once_its_file_is_back(
    model: Path, database_url: str, tmp_path: Path
) -> None:
    copy, away = tmp_path / model.name, tmp_path / "away"
    shutil.copy(model, copy)
    engine = RasaApart(copy, database_url, RasaProcess())
    engine.start()
    until(engine.ready, 60)
    before = pid_of(engine)
    copy.rename(away)
    os.kill(before, signal.SIGKILL)
    until(lambda: engine._process.pid not in (None, before), 30)
    assert not engine.responds()
    away.rename(copy)
    until(engine.ready, 90)
    assert engine.error is None
    assert "4,95" in words(ask(engine))
    engine.stop()


def test_a_reader_understands_without_answering(model: Path) -> None:
    with reader_apart(model, RasaProcess()) as read:
        found = read(Turn("t", "c", "rest", text=SHIPPING))
    assert found.intent == "ask_shipping_cost"
    assert found.confidence > 0.5


def test_two_models_in_one_process_end_one_after_the_other(model: Path, database_url: str) -> None:
    process = RasaProcess()
    first, second = (RasaApart(model, database_url, process) for _ in range(2))
    for engine in (first, second):
        engine.start()
    until(lambda: first.ready() and second.ready(), 60)
    child = pid_of(first)
    assert pid_of(second) == child
    first.stop()
    with pytest.raises(EngineError):
        ask(first)
    assert "4,95" in words(ask(second))
    second.stop()
    assert not is_alive(child)
    second.start()
    until(second.ready, 60)
    assert "4,95" in words(ask(second))
    second.stop()
