"""Held-out sentences: their intents exist, and none stands in the training data, or a test would measure memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from bot.nlu.text import fold
from bot.validation.examples import read_examples, unmarked
from bot.validation.source import Finding, Source
from bot.validation.tables import TableError, read_table

HELD_OUT = Path("tests/nlu/heldout.tsv")
COLUMNS = ("text", "intent", "language", "channel")


def check_held_out(sources: Sequence[Source], file: Path, intents: set[str]) -> Iterator[Finding]:
    """Sentences of the table `file` that are examples too, case, punctuation and spaces aside, or have no intent."""
    if not file.exists():
        todo = "write some, as docs/training.md says, or bring the file back from git"
        what = "there are no held-out sentences: `test` and `promote` cannot measure"
        yield Finding(str(file), what, todo, is_hint=True)
        return
    learnt = {fold(unmarked(example.text)): example for example in read_examples(sources)}
    try:
        rows = read_table(file, COLUMNS)
    except TableError as error:
        yield Finding(str(file), error.what, error.todo)
        return
    for row in rows:
        where = f"{row.where}: {row.cells['intent']}"
        if row.cells["intent"] not in intents:
            yield Finding(where, "the domain does not know this intent", "correct it, or add it to bot/domain")
        example = learnt.get(fold(row.cells["text"]))
        if example:
            what = f"{row.cells['text']!r} is an example too ({example.where})"
            yield Finding(where, what, "delete it here: tests ask what no training saw")
