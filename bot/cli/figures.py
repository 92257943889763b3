"""How good a model is: held-out sentences understood, conversations that pass; and whether that is good enough."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from bot.dialogues import Failure, load_dialogues
from bot.engine.quick_domain import prepare_loading
from bot.settings import GateSettings
from bot.training import fingerprint

HELD_OUT = Path("tests/nlu/heldout.tsv")
DIALOGUES = Path("tests/e2e")
MEASURED_ON = (HELD_OUT, DIALOGUES, Path("actions"), Path("bot/demo"))
GROUPS = (("de", "chat"), ("de", "voice"), ("en", "chat"), ("en", "voice"))


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


def read_sentences(file: Path = HELD_OUT) -> list[dict[str, str]]:
    """The sentences of a .tsv file with a head: text, intent, language, channel."""
    with file.open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened, delimiter="\t", quoting=csv.QUOTE_NONE))


def load_agents(*models: Path) -> Iterator[Any]:
    """Rasa's agent for one model after the other; TensorFlow stays out when none of them needs it."""
    prepare_loading(*models)
    from rasa.core.agent import Agent

    return (Agent.load(str(model)) for model in models)


def understand_all(agent: Any, sentences: list[dict[str, str]]) -> list[Guess]:
    """What the model makes of every sentence, in their order."""
    from bot.cli.talk import understand

    today = date.today()
    guesses = []
    for row in sentences:
        found = understand(agent, row["text"], row["channel"], row["language"], today)
        guesses.append(Guess(row["text"], row["intent"], row["language"], row["channel"], str(found["intent"])))
    return guesses


def play_all(model: Path) -> tuple[int, list[Failure]]:
    """Have every conversation of tests/e2e with the model: how many, and those that went otherwise."""
    from bot.cli.stage import Stage

    dialogues = [dialogue for file in sorted(DIALOGUES.glob("*.yml")) for dialogue in load_dialogues(file)]
    with Stage(model) as stage:
        return len(dialogues), [failure for failure in map(stage.play, dialogues) if failure]


def measure(model: Path) -> dict[str, Any]:
    """The model's figures with its conversations, and on which data they were measured."""
    (agent,) = load_agents(model)
    guesses = understand_all(agent, read_sentences())
    played, failures = play_all(model)
    return {**figures_of(guesses, failures), "dialogues": played, "measured_on": measured_on()}


def measured_on() -> str:
    """The fingerprint of everything but the model that figures depend on."""
    return fingerprint(MEASURED_ON)


def figures_of(guesses: list[Guess], failures: list[Failure]) -> dict[str, Any]:
    """The figures as JSON: accuracy from 0 to 1 in all, per language and channel, per intent; what failed."""
    groups = {
        "all": guesses,
        **{f"{language} {channel}": in_group(guesses, language, channel) for language, channel in GROUPS},
    }
    return {
        "sentences": len(guesses),
        "accuracy": {name: round(accuracy(group), 4) for name, group in groups.items() if group},
        "per_intent": {name: round(accuracy(group), 4) for name, group in sorted(by_intent(guesses).items())},
        "failed_dialogues": [asdict(failure) for failure in failures],
    }


def in_group(guesses: list[Guess], language: str, channel: str) -> list[Guess]:
    """The sentences of a language and a channel."""
    return [guess for guess in guesses if (guess.language, guess.channel) == (language, channel)]


def by_intent(guesses: list[Guess]) -> dict[str, list[Guess]]:
    """The sentences by what they mean."""
    grouped: dict[str, list[Guess]] = defaultdict(list)
    for guess in guesses:
        grouped[guess.intent].append(guess)
    return grouped


def accuracy(guesses: list[Guess]) -> float:
    """The share that was understood, from 0 to 1; 0 of none."""
    return sum(guess.right for guess in guesses) / len(guesses) if guesses else 0.0


def worse_than(figures: dict[str, Any], live: dict[str, Any] | None, gate: GateSettings) -> list[str]:
    """What keeps a model from being promoted: each figure below the live model's, each conversation that failed."""
    failed = [
        f"conversation failed: {failure['dialogue']}, turn {failure['step']}: {failure['what']}"
        for failure in figures["failed_dialogues"]
    ]
    if live is None:
        return failed
    groups = _falls(figures["accuracy"], live["accuracy"], gate.margin)
    intents = _falls(figures["per_intent"], live["per_intent"], gate.intent_margin)
    return [*(f"accuracy of {fall}" for fall in groups), *(f"intent {fall}" for fall in intents), *failed]


def _falls(figures: dict[str, float], live: dict[str, float], margin: float) -> Iterator[str]:
    for name, before in live.items():
        now = figures.get(name)
        if now is not None and now < before - margin - 1e-9:
            yield f"{name}: {now:.1%}, the live model has {before:.1%} (margin {margin:.1%})"
