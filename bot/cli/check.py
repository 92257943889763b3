"""`sprachportal validate` and `sprachportal test`: is the data sound, does the model understand."""

from __future__ import annotations

import csv
import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from bot.cli import rasa_check
from bot.cli.train import Progress
from bot.dialogues import Failure, load_dialogues
from bot.logs import set_up_logs
from bot.texts import Texts
from bot.validation import Finding, Project
from bot.validation.outlets import every_outlet
from bot.validation.source import UnreadableError

HELD_OUT = Path("tests/nlu/heldout.tsv")
DIALOGUES = Path("tests/e2e")
RESPONSES = Path("bot/domain")
VECTORS = Path("var/cache/vectors.sqlite")
LOWEST_ACCURACY = 0.75
GROUPS = (("de", "chat"), ("de", "voice"), ("en", "chat"), ("en", "voice"))


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON line per finding.")
@click.option("--rasa/--no-rasa", default=True, help="Also let Rasa look at domain and stories.")
@click.option("--near/--no-near", default=True, help="Also look for examples of two intents that mean the same.")
def validate(as_json: bool, rasa: bool, near: bool) -> None:
    """Check examples, responses and rules without training: is all there, does it fit every channel, can it be heard.

    Hints do not count as failures.
    """
    with Progress("Checking"):
        findings = sorted(_findings(rasa=rasa, near=near), key=lambda finding: finding.is_hint)
    for finding in findings:
        if as_json:
            click.echo(json.dumps(asdict(finding), ensure_ascii=False))
        else:
            click.echo(f"{'hint: ' if finding.is_hint else ''}{finding.where}: {finding.what}\n    {finding.todo}")
    wrong = sum(not finding.is_hint for finding in findings)
    if not as_json:
        click.echo(f"{wrong} to correct, {len(findings) - wrong} hints." if findings else "Nothing to correct.")
    sys.exit(1 if wrong else 0)


def _findings(*, rasa: bool, near: bool) -> list[Finding]:
    checking = rasa_check.begin() if rasa else None
    try:
        project = Project()
    except UnreadableError as error:
        if checking:
            checking.kill()
            checking.wait()
        return [error.finding]
    findings = [*project.findings(every_outlet(Texts.load())), *_unheard()]
    if near:
        findings += project.near(_vectors)
    return [*findings, *(rasa_check.ended(checking) if checking else [])]


def _unheard() -> list[Finding]:
    from voice.audible import check_audible

    return check_audible(RESPONSES)


def _vectors(texts: Sequence[str]) -> Any:
    """Vectors of sentences, those known before from the cache; empty ones without an encoder."""
    import numpy as np

    from bot.nlu.encoder import UNIVERSAL, CachedEncoder, load_encoder

    encoder = load_encoder(UNIVERSAL)
    if encoder is None:
        return np.zeros((len(texts), 1), np.float32)
    return CachedEncoder(encoder, VECTORS).encode(texts)


@dataclass(frozen=True)
class Guess:
    """One held-out sentence: what it means and what the model made of it."""

    text: str
    intent: str
    language: str
    channel: str
    guessed: str

    @property
    def right(self) -> bool:
        """Whether the model understood; a rejection is right for what is out of scope."""
        return self.guessed == self.intent or (self.intent == "out_of_scope" and self.guessed == "nlu_fallback")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="The figures as JSON.")
@click.option("--dialogues/--no-dialogues", default=True, help="Also play the conversations of tests/e2e.")
def test(as_json: bool, dialogues: bool) -> None:
    """Measure the newest model on held-out sentences, and play the conversations through the portal."""
    set_up_logs(50)
    began = time.monotonic()
    with Progress("Testing"):
        guesses = _measure()
        failures = _play() if dialogues else []
    accuracy = sum(guess.right for guess in guesses) / len(guesses)
    if as_json:
        click.echo(json.dumps(_figures(guesses, failures), ensure_ascii=False))
    else:
        _show(guesses, failures, time.monotonic() - began)
    sys.exit(0 if accuracy >= LOWEST_ACCURACY and not failures else 1)


def _measure() -> list[Guess]:
    from bot.cli.talk import load_model

    agent = load_model()
    with HELD_OUT.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [_guess(agent, row) for row in rows]


def _guess(agent: Any, row: dict[str, str]) -> Guess:
    from bot.cli.talk import understand

    understood = understand(agent, row["text"], row["channel"], row["language"], date.today())
    return Guess(row["text"], row["intent"], row["language"], row["channel"], str(understood["intent"]))


def _play() -> list[Failure]:
    from bot.cli.stage import Stage

    with Stage() as stage:
        dialogues = [dialogue for file in sorted(DIALOGUES.glob("*.yml")) for dialogue in load_dialogues(file)]
        return [failure for failure in map(stage.play, dialogues) if failure]


def _figures(guesses: list[Guess], failures: list[Failure]) -> dict[str, Any]:
    groups = {
        "all": guesses,
        **{f"{language} {channel}": _group(guesses, language, channel) for language, channel in GROUPS},
    }
    return {
        "sentences": len(guesses),
        "accuracy": {name: round(_accuracy(group), 4) for name, group in groups.items()},
        "per_intent": {name: round(_accuracy(group), 4) for name, group in sorted(_by_intent(guesses).items())},
        "failed_dialogues": [asdict(failure) for failure in failures],
    }


def _group(guesses: list[Guess], language: str, channel: str) -> list[Guess]:
    return [guess for guess in guesses if (guess.language, guess.channel) == (language, channel)]


def _by_intent(guesses: list[Guess]) -> dict[str, list[Guess]]:
    by_intent: dict[str, list[Guess]] = defaultdict(list)
    for guess in guesses:
        by_intent[guess.intent].append(guess)
    return by_intent


def _accuracy(guesses: list[Guess]) -> float:
    return sum(guess.right for guess in guesses) / len(guesses) if guesses else 0.0


def _show(guesses: list[Guess], failures: list[Failure], seconds: float) -> None:
    console = Console()
    table = Table("Intent", "Right", "Of", "Taken for", title="Understanding of held-out sentences")
    for intent, group in sorted(_by_intent(guesses).items(), key=lambda item: _accuracy(item[1])):
        taken = Counter(guess.guessed for guess in group if not guess.right).most_common(3)
        confused = ", ".join(f"{name} {count}" for name, count in taken)
        table.add_row(intent, f"{_accuracy(group):.0%}", str(len(group)), confused)
    console.print(table)
    for language, channel in GROUPS:
        console.print(f"{language} {channel:6} {_accuracy(_group(guesses, language, channel)):.1%}")
    console.print(f"all       {_accuracy(guesses):.1%} of {len(guesses)} sentences")
    for failure in failures:
        console.print(f"[red]{failure.dialogue}[/red], turn {failure.step}: {failure.what}")
    console.print(f"{len(failures)} conversations failed. {seconds:.0f} s.")
