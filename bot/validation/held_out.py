"""Held-out sentences: none of them stands in the training data, or a test would measure memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from bot.nlu.text import fold
from bot.validation.examples import read_examples, unmarked
from bot.validation.source import Finding, Source
from bot.validation.tables import TableError, read_table

HELD_OUT = Path("tests/nlu/heldout.tsv")
COLUMNS = ("text", "intent", "language", "channel")


def check_held_out(sources: Sequence[Source], file: Path) -> Iterator[Finding]:
    """Sentences of the table `file` that are examples too, case, punctuation and spaces aside; without it nothing."""
    if not file.exists():
        return
    learnt = {fold(unmarked(example.text)): example for example in read_examples(sources)}
    try:
        rows = read_table(file, COLUMNS)
    except TableError as error:
        yield Finding(str(file), error.what, error.todo)
        return
    for row in rows:
        example = learnt.get(fold(row.cells["text"]))
        if example:
            what = f"{row.cells['text']!r} is an example too ({example.where})"
            yield Finding(f"{row.where}: {row.cells['intent']}", what, "delete it here: tests ask what no training saw")
