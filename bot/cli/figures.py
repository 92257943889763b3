"""How good a model is: held-out sentences understood, conversations that pass; and whether that is good enough."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bot.cli.reading import load_agents, read_all
from bot.dialogues import Failure
from bot.reports.sentences import read_held_out
from bot.reports.statistics import Reading
from bot.settings import GateSettings
from bot.training_data import fingerprint_of
from bot.validation.conversations import CONVERSATIONS, read_dialogues
from bot.validation.held_out import HELD_OUT

MEASURED_ON = (HELD_OUT, CONVERSATIONS, Path("actions"), Path("bot/demo"))
GROUPS = (("de", "chat"), ("de", "voice"), ("en", "chat"), ("en", "voice"))


def play_all(model: Path) -> tuple[int, list[Failure]]:
    """Have every conversation of tests/e2e with the model: how many, and those that went otherwise."""
    from bot.cli.stage import Stage

    dialogues = read_dialogues()
    with Stage(model) as stage:
        return len(dialogues), [failure for failure in map(stage.play, dialogues) if failure]


def measure(model: Path) -> dict[str, Any]:
    """The model's figures with its conversations, and on which data they were measured."""
    stamp = measured_on()
    (agent,) = load_agents(model)
    readings = read_all(agent, read_held_out(HELD_OUT))
    played, failures = play_all(model)
    return whole_figures(readings, failures, played, stamp)


def whole_figures(
    readings: Sequence[Reading], failures: Sequence[Failure], played: int, measured_on: str
) -> dict[str, Any]:
    """The figures as the register keeps them: with how many conversations were played, and what all depends on."""
    return {**figures_of(readings, failures), "dialogues": played, "measured_on": measured_on}


def measured_on() -> str:
    """The fingerprint of everything but the model that figures depend on."""
    return fingerprint_of(*MEASURED_ON)


def figures_of(readings: Sequence[Reading], failures: Sequence[Failure]) -> dict[str, Any]:
    """The figures as JSON: accuracy from 0 to 1 in all, per language and channel, per intent; what failed."""
    groups = {
        "all": readings,
        **{f"{language} {channel}": in_group(readings, language, channel) for language, channel in GROUPS},
    }
    return {
        "sentences": len(readings),
        "accuracy": {name: round(accuracy(group), 4) for name, group in groups.items() if group},
        "per_intent": {name: round(accuracy(group), 4) for name, group in sorted(by_intent(readings).items())},
        "failed_dialogues": [asdict(failure) for failure in failures],
    }


def in_group(readings: Sequence[Reading], language: str, channel: str) -> list[Reading]:
    """The sentences of a language and a channel."""
    return [reading for reading in readings if (reading.language, reading.channel) == (language, channel)]


def by_intent(readings: Sequence[Reading]) -> dict[str, list[Reading]]:
    """The sentences by what they mean."""
    grouped: dict[str, list[Reading]] = defaultdict(list)
    for reading in readings:
        grouped[reading.intent].append(reading)
    return grouped


def accuracy(readings: Sequence[Reading]) -> float:
    """The share that was understood, from 0 to 1; 0 of none."""
    return sum(reading.right for reading in readings) / len(readings) if readings else 0.0


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
