"""The inbox with the real model, and as people use it: from a customer's words to a line in nlu_data."""

from __future__ import annotations

import difflib
import io
import json
import os
import pty
import select
import shutil
import subprocess
import sys
import termios
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from bot.cli import cli, wiring
from bot.cli.inbox_keys import Sitting
from bot.conversation import Conversations
from bot.mistakes.clusters import Cluster
from bot.mistakes.examples import Examples
from bot.mistakes.review import Review
from bot.mistakes.store import Mistake, Mistakes
from bot.settings import MistakeSettings, load_settings
from bot.store import Store
from bot.turns import Incoming, Intent
from tests.conftest import ROOT, SECRET_KEY

GIFT = "Könnt ihr meine 10482917 als Geschenk einwickeln? Gruß, Annika Brandt, annika.brandt@example.org"
MASKED = "Könnt ihr meine [order_number] als Geschenk einwickeln? Gruß, [name], [email]"


@dataclass
class Talk:
    """A portal with the real model that has doubts about everything, and a customer of its web chat."""

    conversations: Conversations
    mistakes: Mistakes
    url: str
    conversation: str = ""

    def begin(self) -> None:
        self.conversation = self.conversations.store.open_conversation("web", uuid.uuid4().hex, "de")

    def say(self, *lines: str, intent: Intent | None = None) -> None:
        for line in lines:
            incoming = Incoming("web", "", uuid.uuid4().hex, text=line, intent=intent, conversation=self.conversation)
            self.conversations.receive(incoming)
            self.conversations.handle(self.conversation)

    def found(self, text: str) -> Mistake | None:
        return next((mistake for mistake in self.mistakes.open() if mistake.text == text), None)

    def wait_for(self, text: str, *kinds: str) -> Mistake:
        """The mistake of one of these kinds."""
        until(lambda: (found := self.found(text)) and set(kinds) & set(found.kinds))
        found = self.found(text)
        assert found
        return found


def until(happened: Callable[[], Any], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def talk(model: Path, demo_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talk]:
    file = tmp_path_factory.mktemp("inbox") / "portal.db"
    shutil.copy(demo_database, file)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DATABASE_URL", f"sqlite:///{file}")
        settings = load_settings({"DATABASE_URL": f"sqlite:///{file}", "SPRACHPORTAL_SECRET_KEY": SECRET_KEY})
        portal = msgspec.structs.replace(settings.portal, mistakes=MistakeSettings(unsure_below=1.0))
        settings = msgspec.structs.replace(settings, portal=portal)
        conversations = wiring.build_conversations(settings, model)
        conversations.engine.start()
        wiring.wait_until_ready(conversations)
        yield Talk(conversations, wiring.open_mistakes(settings), settings.database_url)
        conversations.engine.stop()


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as an ops person has it, to work in: portal.yml and the examples."""
    for name in ("portal.yml", "nlu_data"):
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def inbox(talk: Talk, *arguments: str) -> Result:
    environment = {"DATABASE_URL": talk.url, "COLUMNS": "200"}
    return CliRunner().invoke(cli, ["inbox", *arguments], env=environment, catch_exceptions=False)


def added_lines(work: Path) -> list[str]:
    """What `git diff` would show."""
    found = []
    for file in sorted((work / "nlu_data").glob("*.yml")):
        before = (ROOT / "nlu_data" / file.name).read_text("utf-8").splitlines()
        lines = list(difflib.unified_diff(before, file.read_text("utf-8").splitlines(), n=0))[2:]
        found += [f"{file.name}: {line}" for line in lines if line[0] in "+-"]
    return found


def test_a_confused_sentence_becomes_an_example(talk: Talk, work: Path) -> None:
    talk.begin()
    talk.say(GIFT)
    found = talk.wait_for(MASKED, "unsure")
    assert 0 < len(found.ranking) <= 3
    assert found.intent == found.ranking[0].intent

    listed = [json.loads(line) for line in inbox(talk, "--json").output.splitlines()]
    (line,) = [line for line in listed if line["text"] == MASKED]
    assert (line["id"], line["count"], line["kinds"]) == (found.id, 1, ["unsure"])
    assert line["ranking"][0].keys() == {"intent", "confidence"}

    new = inbox(talk, "decide", str(found.id), "--new", "ask_gift_wrap", "--topic", "orders")
    assert new.exit_code == 0, new.output
    header, examples, sentence = added_lines(work)
    assert (header, examples) == ("orders.de.yml: +- intent: ask_gift_wrap", "orders.de.yml: +  examples: |")
    assert sentence.startswith("orders.de.yml: +    - Könnt ihr meine 10")
    assert "Annika Brandt, annika" not in sentence
    assert "[" not in sentence
    assert "bot/domain/orders.yml" in new.output
    assert "git diff nlu_data" in new.output
    assert talk.found(MASKED) is None


def test_a_way_out_after_three_tries_is_reported(talk: Talk) -> None:
    talk.begin()
    talk.say("wo ist mein paket", "brumm brumm", "blub blub blub", "wuschelbär wackelzahn")
    assert talk.wait_for("wuschelbär wackelzahn", "three_tries")


def test_a_customer_who_corrects_the_bot_reports_the_turn_before(talk: Talk) -> None:
    talk.begin()
    talk.say("ich will was an der Adresse drehen", "nein, ich meinte ich will etwas zurückschicken")
    assert talk.wait_for("ich will was an der Adresse drehen", "corrected")


def test_answers_to_questions_and_pressed_buttons_are_no_mistakes(talk: Talk) -> None:
    talk.begin()
    talk.say("ich bin umgezogen", "10482917", "22765", "Hafenstraße 12", "24103 Kiel")
    talk.say("Ja", intent=Intent("affirm"))
    talk.say("zum Schluss noch dies")
    talk.wait_for("zum Schluss noch dies", "unsure")
    texts = [mistake.text for mistake in talk.mistakes.open()]
    assert not any("[street]" in text or "[postcode]" in text or text == "Ja" for text in texts)


def test_the_list_shows_sentences_and_what_to_do(talk: Talk, work: Path) -> None:
    talk.begin()
    talk.say("seid ihr [bold]nett[/bold] zu tieren")
    talk.wait_for("seid ihr boldnett/bold zu tieren", "unsure", "rejected")
    shown = inbox(talk)
    assert shown.exit_code == 0
    assert "seid ihr boldnett/bold zu tieren" in shown.output
    assert "sprachportal inbox decide ID" in shown.output


def test_wrong_use_is_told(talk: Talk, work: Path) -> None:
    assert inbox(talk, "decide", "1").exit_code == 2
    assert inbox(talk, "decide", "1", "--right", "--delete").exit_code == 2
    assert inbox(talk, "decide", "1", "--new", "x").exit_code == 2


# At the keyboard


@dataclass
class Keyboard:
    """Keys and lines that a person types."""

    keys: list[str]
    lines: list[str] = field(default_factory=list)

    def key(self) -> str:
        return self.keys.pop(0) if self.keys else "q"

    def line(self, _question: str) -> str:
        return self.lines.pop(0)


@pytest.fixture
def reported(database_url: str, work: Path) -> Mistakes:
    """Four sentences in the inbox, without a guess of a model."""
    conversation = (store := Store(database_url)).open_conversation("web", "somebody", "de")
    mistakes = Mistakes(database_url)
    for text in ("packt ihr geschenke ein", "geschenkpapier gibts das", "bitte hübsch verpackt", "quak quak quaaak"):
        incoming = Incoming("web", "", uuid.uuid4().hex, text=text, conversation=conversation)
        mistakes.report(store.receive(incoming, "de", waiting_at_most=10).turn_id, "marked", suggested="thank")
    return mistakes


def sit(mistakes: Mistakes, keys: str, *lines: str) -> tuple[list[str], str]:
    """Type; what was decided in the end, and what was shown."""
    keyboard, screen = Keyboard(list(keys), list(lines)), io.StringIO()
    sentences = sorted(mistakes.open(), key=lambda mistake: mistake.id)
    clusters = [Cluster(tuple(sentences[:3])), Cluster(tuple(sentences[3:]))]
    review = Review(mistakes, Examples(), by="Kim")
    done = Sitting(review, clusters, keyboard.key, keyboard.line, Console(file=screen, width=120)).run()
    return [f"{one.mistake.text}: {one.label}" for one in done], screen.getvalue()


def test_one_key_decides_on_one_sentence(reported: Mistakes, work: Path) -> None:
    decided, shown = sit(reported, "io4d", "thank")
    assert decided == [
        "packt ihr geschenke ein: thank",
        "geschenkpapier gibts das: out_of_scope",
        "bitte hübsch verpackt: thank",
        "quak quak quaaak: None",
    ]
    assert len(added_lines(work)) == 3
    assert "an agent marked it" in shown
    assert "4 thank (suggested)" in shown


def test_one_key_decides_on_a_whole_cluster_and_one_takes_it_back(reported: Mistakes, work: Path) -> None:
    decided, _ = sit(reported, "anuq", "ask_gift_wrap", "orders")
    assert decided == []
    assert added_lines(work) == []
    decided, _ = sit(reported, "anao", "ask_gift_wrap", "orders")
    assert [line.rpartition(": ")[2] for line in decided] == ["ask_gift_wrap"] * 3 + ["out_of_scope"]
    assert len(added_lines(work)) == 6


def test_the_whole_cluster_is_meant_only_once(reported: Mistakes, work: Path) -> None:
    decided, _ = sit(reported, "adq")
    assert len(decided) == 3
    assert [kept.text for kept in reported.open()] == ["quak quak quaaak"]


def test_what_is_left_stays_and_the_last_decision_can_be_taken_back(reported: Mistakes, work: Path) -> None:
    decided, _ = sit(reported, "souduq")
    assert decided == []
    assert added_lines(work) == []
    assert len(reported.open()) == 4


def test_a_part_of_a_name_is_enough_when_it_fits_one(reported: Mistakes, work: Path) -> None:
    decided, shown = sit(reported, "iiq", "ask_", "no such", "repea", "")
    assert decided == ["packt ihr geschenke ein: repeat"]
    assert "ask_order_status" in shown
    assert "nothing is called no such" in shown


def test_a_decision_that_cannot_be_is_told_and_asked_again(reported: Mistakes, work: Path) -> None:
    decided, shown = sit(reported, "rno", "Gift Wrap", "orders")
    assert "is no name for an intent" in shown
    assert decided == ["packt ihr geschenke ein: out_of_scope"]


def test_the_terminal_takes_keys_as_they_are_pressed(reported: Mistakes, database_url: str, work: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "bot.cli", "inbox"]
    environment = {**os.environ, "DATABASE_URL": database_url, "TERM": "xterm", "COLUMNS": "120"}
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, cwd=work)
    os.close(theirs)
    shown = read_until(ours, b"q end")
    steps = ((b"i", b"part of its name: "), (b"\n", b"q end"), (b"o", b"q end"), (b"u", b"q end"), (b"o", b"q end"))
    for key, answer in (*steps, (b"q", b"sprachportal test")):
        if key != b"\n":
            until(lambda: not termios.tcgetattr(ours)[3] & termios.ICANON)
        os.write(ours, key)
        shown += read_until(ours, answer)
    assert ": :" not in shown
    assert process.wait(20) == 0
    assert "dialogue.de.yml: 1 added" in shown
    assert len(added_lines(work)) == 1


def read_until(terminal: int, wanted: bytes, seconds: float = 40) -> str:
    """What appears until something wanted does."""
    seen, end = b"", time.monotonic() + seconds
    while wanted not in seen:
        ready, _, _ = select.select([terminal], [], [], max(0.0, end - time.monotonic()))
        assert ready, seen.decode(errors="replace")
        seen += os.read(terminal, 4096)
    return seen.decode(errors="replace")
