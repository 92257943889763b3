"""What `sprachportal test` says in the terminal: the figures that matter, and where the report lies."""

from __future__ import annotations

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bot.cli import tables
from bot.reports.charts import percent
from bot.reports.statistics import REJECTED, Share
from bot.reports.summary import Summary

WORST_INTENTS, TAKEN_FOR, TOP_PAIRS, SENTENCES = 8, 2, 5, 2


def show(summary: Summary) -> None:
    """Print the summary."""
    console = tables.console()
    console.print(Text(f"{summary.subject.model}: {_share(summary.understood)}", style="bold"))
    if summary.unseen.total < summary.understood.total:
        console.print(Text(f"Not in the training data: {_share(summary.unseen)}"))
    console.print(Text("  ".join(f"{name} {percent(group.value)}" for name, group in summary.groups.items())))
    _rejections(console, summary)
    tables.show(_intents(summary), console)
    _pairs(console, summary)
    if summary.values:
        console.print(Text(f"Values, by rules whatever the model: all exact in {_share(summary.values.exact)}"))
    _conversations(console, summary)
    if summary.subject.data_changed:
        console.print(
            Text(
                "The training data or the code that reads them have changed since this model was trained.",
                style="yellow",
            )
        )


def _share(share: Share) -> str:
    return f"{percent(share.value)} of {share.total} sentences ({percent(share.low)} to {percent(share.high)})"


def _rejections(console: Console, summary: Summary) -> None:
    found = summary.rejections
    said = f"Macro F1 {percent(summary.macro_f1)}. Rejected though ours: {percent(found.rejected.value)}."
    known = f"Out of scope found: {percent(found.none_found.value)} of {found.none_found.total}."
    console.print(Text(f"{said} {known}"))
    console.print(Text(f"Confidences are {percent(summary.calibration_error)} off on average."))


def _intents(summary: Summary) -> Table:
    heads = ("Worst intents", "F1", "Precision", "Recall", "Of")
    table = tables.new_table(*heads, "Taken for", whole=heads)
    for intent in summary.intents[:WORST_INTENTS]:
        taken = ", ".join(f"{_name(name)} {count}" for name, count in list(intent.taken_for.items())[:TAKEN_FOR])
        figures = (percent(figure, 0) for figure in (intent.f1, intent.precision, intent.recall))
        table.add_row(Text(intent.name), *figures, str(intent.sentences), Text(taken))
    return table


def _pairs(console: Console, summary: Summary) -> None:
    for pair in summary.confusions[:TOP_PAIRS]:
        became = "rejected" if pair.guessed == REJECTED else f"taken for {pair.guessed}"
        console.print(Text(f"{pair.intent} {became}: {len(pair.sentences)}"))
        for sentence in pair.sentences[:SENTENCES]:
            console.print(Padding(Text(sentence, style="dim"), (0, 0, 0, 4), expand=False))


def _conversations(console: Console, summary: Summary) -> None:
    if summary.conversations is None:
        return
    failed = summary.conversations.failed
    console.print(Text(f"Conversations: {summary.conversations.played}, failed: {len(failed)}"))
    for failure in failed:
        console.print(Text(f"    {failure.dialogue}, turn {failure.step}: {failure.what}", style="red"))


def _name(intent: str) -> str:
    return "rejected" if intent == REJECTED else intent
