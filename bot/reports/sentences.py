"""Sentences with their intents: those held out for tests, and the training examples."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bot.errors import PortalError
from bot.validation import shapes
from bot.validation.examples import read_examples, unmarked
from bot.validation.held_out import COLUMNS
from bot.validation.source import read_folder
from bot.validation.tables import read_table

EXAMPLES = Path("nlu_data")


@dataclass(frozen=True)
class Sentence:
    """A sentence with its intent; a training example has no channel."""

    text: str
    intent: str
    language: str
    channel: str = ""


def read_held_out(file: Path) -> list[Sentence]:
    """The held-out sentences; raises `TableError` with file and line."""
    return [Sentence(**{name: row.cells[name] for name in COLUMNS}) for row in read_table(file, COLUMNS)]


def read_training(folder: Path = EXAMPLES) -> list[Sentence]:
    """The training examples without the marks of entities; raises `PortalError` when there are none to be read."""
    examples = read_examples(read_folder(folder, shapes.EXAMPLES))
    if not examples:
        raise PortalError(f"there are no examples in {folder}/", "go to the project's folder, or write some first")
    return [Sentence(unmarked(example.text), example.intent, example.language) for example in examples]
