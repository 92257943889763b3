"""The commands about models as people type them, and a running portal that follows them."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bot.cli.figures import measured_on
from bot.errors import ModelMissing, PortalError
from bot.models import Disagreement, Register
from tests.conftest import ROOT, Running, start_portal
from tests.model_copies import CUT, DAY, FIGURES, FIRST, SECOND, add, copies, file_of, register, states, typed, until

__all__ = ["copies", "register"]
QUESTION = "Was kostet der Versand?"


def listed() -> dict[str, dict[str, Any]]:
    return {model["name"]: model for model in map(json.loads, typed("models", "--json").stdout.splitlines())}


def good(register: Register, *names: str, **changed: Any) -> None:
    """Register models with figures as if they had been measured."""
    add(register, *names)
    for name in names:
        register.set_figures(name, {**FIGURES, **changed, "measured_on": measured_on()})


def test_promote_and_rollback_as_typed(register: Register) -> None:
    good(register, FIRST, SECOND)
    assert typed("promote", FIRST, "--force", "--reason", "the first one").exit_code == 0
    assert typed("promote", SECOND).exit_code == 0
    models = listed()
    assert (models[FIRST]["state"], models[SECOND]["state"]) == ("former", "live")
    assert (models[FIRST]["forced"], models[FIRST]["reason"]) == (True, "the first one")
    assert models[SECOND]["forced"] is False
    assert models[SECOND]["promoted_by"]
    back = typed("rollback")
    assert back.exit_code == 0
    assert f"{FIRST} is live again" in back.output
    assert f"rolled back from {SECOND}" in typed("models").output
    history = [json.loads(line) for line in typed("models", "--history", "--json").stdout.splitlines()]
    told = [(one["model"], one["forced"], one["reason"]) for one in history]
    assert told == [
        (FIRST, False, f"rolled back from {SECOND}"),
        (SECOND, False, None),
        (FIRST, True, "the first one"),
    ]
    assert [one["instead_of"] for one in history[:2]] == [SECOND, FIRST]
    assert "forced: the first one" in typed("models", "--history").output


def test_shadow_and_canary_do_not_end_each_other(register: Register) -> None:
    typed("canary", FIRST, "10")
    typed("shadow", SECOND)
    for words, todo in ((("shadow", FIRST), "canary off"), (("canary", SECOND, "5"), "shadow off")):
        error = typed(*words).exception
        assert isinstance(error, PortalError)
        assert todo in error.todo
    assert states(register) == {FIRST: "canary", SECOND: "shadow"}
    assert typed("canary", FIRST, "20").exit_code == 0
    assert listed()[FIRST]["share"] == 20
    assert "it is the canary no more" in typed("promote", FIRST, "--force", "--reason", "a test").output


def test_a_worse_model_is_stopped_by_the_gate_which_says_why(register: Register) -> None:
    good(register, FIRST)
    good(register, SECOND, accuracy={**FIGURES["accuracy"], "en voice": 0.5})
    typed("promote", FIRST, "--force", "--reason", "begin")
    refused = typed("promote", SECOND)
    assert refused.exit_code == 1
    assert "accuracy of en voice: 50.0%, the live model has 95.0%" in refused.stderr
    assert states(register)[FIRST] == "live"


def test_force_needs_a_reason(register: Register) -> None:
    assert typed("promote", FIRST, "--force").exit_code == 2
    assert typed("promote", FIRST, "--reason", "just so").exit_code == 2
    assert states(register) == {}


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("promote", "19990101"), "there is no model"),
        (("promote", DAY), "3 models have"),
        (("promote", CUT, "--force", "--reason", "hurry"), "is broken"),
        (("shadow", CUT), "is broken"),
        (("canary", CUT, "10"), "is broken"),
        (("rollback",), "no former model"),
        (("shadow", "--report"), "no model reads along"),
    ],
)
def test_what_cannot_be_done_is_told(register: Register, words: tuple[str, ...], what: str) -> None:
    result = typed(*words)
    assert isinstance(result.exception, PortalError)
    assert what in result.exception.what
    assert result.exception.todo
    assert states(register) == {}


def test_canary_and_shadow_as_typed(register: Register) -> None:
    assert typed("canary", FIRST, "10").exit_code == 0
    assert typed("shadow", SECOND).exit_code == 0
    models = listed()
    assert (models[FIRST]["state"], models[FIRST]["share"], models[SECOND]["state"]) == ("canary", 10, "shadow")
    register.add_compared(SECOND, 4, 0, [Disagreement("t1", "greet", 0.5, "goodbye", 0.6, False)])
    report = json.loads(typed("shadow", "--report", "--json").stdout)
    assert (report["model"], report["compared"], report["disagreements"][0]["turn_id"]) == (SECOND, 4, "t1")
    assert "disagreed in 1 (25.0%)" in typed("shadow", "--report").output
    assert typed("canary", "off").exit_code == typed("shadow", "off").exit_code == 0
    assert states(register) == {FIRST: "trained", SECOND: "trained"}


def test_the_present_model_is_the_live_one_and_a_changed_file_is_refused(register: Register, model: Path) -> None:
    assert register.present_file() == model
    add(register, FIRST)
    register.promote(FIRST, by="Kim", instead_of=None)
    assert register.present_file() == file_of(FIRST)
    before = file_of(FIRST).read_bytes()
    try:
        file_of(FIRST).write_bytes(before[:1000])
        with pytest.raises(ModelMissing, match="cut or changed"):
            register.present_file()
        assert "cut or changed" in listed()[FIRST]["problem"]
    finally:
        file_of(FIRST).write_bytes(before)


def test_two_models_are_compared_sentence_by_sentence(register: Register, tmp_path: Path) -> None:
    sentences = tmp_path / "sentences.tsv"
    rows = (f"{QUESTION}\task_shipping_cost\tde\tchat", "Hallo\tgreet\tde\tchat", "Guten Tag\tgoodbye\tde\tvoice")
    sentences.write_text("\n".join(("text\tintent\tlanguage\tchannel", *rows)) + "\n")
    told = json.loads(typed("compare", FIRST, SECOND, "--on", str(sentences), "--json").stdout)
    assert (told["a"]["model"], told["b"]["model"], told["sentences"]) == (FIRST, SECOND, 3)
    assert (told["difference"], told["p"], told["changed"]) == (0.0, 1.0, [])
    assert 0 < told["a"]["accuracy"]["all"] < 1


def test_a_promotion_that_is_killed_leaves_the_state_before(register: Register, database_url: str) -> None:
    good(register, FIRST, SECOND)
    register.promote(FIRST, by="Kim", instead_of=None)
    command = [sys.executable, "-c", PROMOTE, SECOND, FIRST]
    promoting = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, env={**os.environ, "DATABASE_URL": database_url}
    )
    assert promoting.stdout is not None
    assert promoting.stdout.readline() == b"half done\n"
    promoting.send_signal(signal.SIGKILL)
    promoting.wait(10)
    assert states(register) == {FIRST: "live", SECOND: "trained"}
    assert typed("promote", SECOND).exit_code == 0
    assert states(register) == {FIRST: "former", SECOND: "live"}


# Stops where the live model is free already and the new one not yet there.
PROMOTE = """
import os, sys, time
from sqlalchemy import event
from bot.database import connect
from bot.models import Register

def stop(_connection, _cursor, statement, parameters, *_):
    if statement.startswith("UPDATE models") and sys.argv[2] in parameters:
        print("half done", flush=True)
        time.sleep(60)

event.listen(connect(os.environ["DATABASE_URL"]), "before_cursor_execute", stop)
Register(os.environ["DATABASE_URL"]).promote(sys.argv[1], by="Kim", instead_of=sys.argv[2])
"""


@dataclass
class Traffic:
    """Customers who ask one question after the other; `lost` are the turns without the answer."""

    portal: Running
    asked: int = 0
    lost: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def customer(self, name: str) -> None:
        while not self.ended.is_set():
            answer = self.portal.post({"sender": name, "message": QUESTION})
            self.asked += 1
            if answer.status_code != 200 or "4,95" not in answer.text:
                self.lost.append(answer.text)

    def __enter__(self) -> Traffic:
        self._threads = [threading.Thread(target=self.customer, args=(f"customer {n}",)) for n in range(3)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        for thread in self._threads:
            thread.join(30)


def test_a_running_portal_switches_under_traffic_and_loses_no_turn(
    register: Register, database_url: str, tmp_path: Path
) -> None:
    add(register, FIRST, SECOND)
    register.promote(FIRST, by="Kim", instead_of=None)
    portal = start_portal(database_url, tmp_path / "log.txt")
    try:
        with Traffic(portal) as traffic:
            until(lambda: traffic.asked > 5, 10)
            typed("promote", SECOND, "--force", "--reason", "a test")
            switched = until(lambda: f"{SECOND} answers from now on" in portal.log.read_text())
            until(lambda: f"{FIRST} is let go" in portal.log.read_text(), 10)
            typed("rollback")
            went_back = until(lambda: f"{FIRST} answers from now on" in portal.log.read_text())
        print(f"switched in {switched:.1f} s, back in {went_back:.1f} s, {traffic.asked} turns")
        assert traffic.lost == []
        reads_along(portal, register)
        refuses_a_changed_file(portal, register)
    finally:
        portal.stop()
    answered_once(database_url)


def reads_along(portal: Running, register: Register) -> None:
    """The second model as shadow of the first: the same model, so it agrees."""
    typed("shadow", SECOND)

    def compared() -> int:
        portal.say("somebody", QUESTION)
        row = register.in_state("shadow")
        return row.compared if row else 0

    until(lambda: compared() > 2, 20)
    assert register.disagreements(SECOND) == []
    typed("shadow", "off")


def refuses_a_changed_file(portal: Running, register: Register) -> None:
    """The first model goes on, and the register says why."""
    before = file_of(SECOND).read_bytes()
    try:
        register.promote(SECOND, by="Kim", instead_of=FIRST)
        file_of(SECOND).write_bytes(before[:1000])
        until(lambda: listed()[SECOND]["problem"] is not None)
        assert "4,95" in str(portal.say("somebody", QUESTION))
    finally:
        file_of(SECOND).write_bytes(before)


def answered_once(database_url: str) -> None:
    with sqlite3.connect(database_url.removeprefix("sqlite:///")) as connection:
        states = connection.execute("SELECT state, count(*) FROM turns GROUP BY state").fetchall()
        tracked = connection.execute(
            "SELECT count(*), count(DISTINCT json_extract(data, '$.message_id')) FROM tracker_events "
            "WHERE json_extract(data, '$.event') = 'user'"
        ).fetchone()
    assert [state for state, _count in states] == ["done"]
    assert tracked[0] == tracked[1] == states[0][1]
