"""The conversations of `tests/e2e/*.yml` through the whole portal with the real model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.cli.stage import Stage
from bot.dialogues import Dialogue, load_dialogues

FILES = sorted(Path(__file__).parent.glob("*.yml"))
DIALOGUES = [(file.stem, dialogue) for file in FILES for dialogue in load_dialogues(file)]


@pytest.fixture(scope="module")
def stage(model: Path) -> Iterator[Stage]:
    with Stage(model) as ready:
        yield ready


@pytest.mark.parametrize(("topic", "dialogue"), DIALOGUES, ids=[f"{topic}: {d.name}" for topic, d in DIALOGUES])
def test_dialogue(topic: str, dialogue: Dialogue, stage: Stage) -> None:
    failure = stage.play(dialogue)
    assert failure is None, f"turn {failure.step}: {failure.what}\n{failure.heard}"
