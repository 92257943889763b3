"""`make bench`: times to start, memory, p50 and p95 of a turn, the five-hundredth turn; a table in bench/results/."""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

from bench.load import long_talk, percentile, talk
from bench.servers import Server, portal, stock_rasa
from bot.cli.train import make_model
from bot.training import newest_model, next_model

RESULTS = Path("bench/results/turns.md")
Starter = Callable[[Path], AbstractContextManager[Server]]


def measure(start: Starter, model: Path, *, dialogues: int, turns: int) -> dict[str, float]:
    """All figures of one server; times of turns in milliseconds."""
    with start(model) as server:
        figures = {"ready after, s": server.started}
        talk(server, customers=1, dialogues=2)
        for customers in (1, 10):
            times = talk(server, customers=customers, dialogues=dialogues)
            figures[f"p50 at {customers}, ms"] = 1000 * percentile(times, 0.5)
            figures[f"p95 at {customers}, ms"] = 1000 * percentile(times, 0.95)
        early, late = long_talk(server, turns)
        figures["turn 5, ms"], figures[f"turn {turns}, ms"] = 1000 * early, 1000 * late
        figures["late / early"] = late / early
        figures["memory, MB"] = server.megabytes()
    return figures


def time_training() -> float:
    """Seconds to train the model of the present data, with warm caches, in a fresh file that is deleted."""
    began = time.monotonic()
    make_model(next_model()).file.unlink()
    return time.monotonic() - began


def table(columns: dict[str, dict[str, float]], notes: list[str]) -> str:
    """The figures side by side, in Markdown."""
    names = list(columns)
    lines = [f"| | {' | '.join(names)} | ratio |", "|---|" + "---:|" * (len(names) + 1)]
    for row in columns[names[0]]:
        values = [columns[name][row] for name in names]
        lines.append(f"| {row} | " + " | ".join(f"{v:.1f}" for v in values) + f" | {values[0] / values[-1]:.2f} |")
    return "\n".join([*notes, "", *lines, ""])


def main() -> None:
    """Measure both and write the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--dialogues", type=int, default=15)
    parser.add_argument("--turns", type=int, default=500)
    options = parser.parse_args()
    model = newest_model()
    if model is None:
        raise SystemExit("Error: there is no model\nWhat to do: sprachportal train")
    starters: dict[str, Starter] = {"portal": portal, "stock rasa": stock_rasa}
    columns = {}
    for name, start in starters.items():
        print(f"Measuring {name} ...", flush=True)
        columns[name] = measure(start, model.file, dialogues=options.dialogues, turns=options.turns)
        print(columns[name], flush=True)
    notes = [
        f"# Turns: the portal beside stock Rasa, {datetime.now(UTC):%Y-%m-%d}",
        "",
        f"Same model, same machine ({platform.machine()}, {len(os.sched_getaffinity(0))} cores), one run, "
        "through `/webhooks/rest/webhook`. Stock Rasa: `rasa run` with its REST channel, trackers in memory, and "
        "`rasa run actions`; the portal keeps everything in SQLite. `ratio` is portal / stock.",
        f"Training took {time_training():.1f} s.",
    ]
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    text = table(columns, notes)
    RESULTS.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
