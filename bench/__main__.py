"""`make bench`: times to start, memory, p50 and p95 of a turn, the five-hundredth turn; a table in bench/results/."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from bench.load import long_talk, percentile, talk
from bench.report import machine, model_file, table, today, write
from bench.servers import Server, portal, stock_rasa
from bot.cli.train import make_model
from bot.training_data import read_training_data

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
    """Seconds to train the model of the present data, with warm caches, in a folder that is deleted."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        make_model(read_training_data(), folder=Path(folder))
        return time.monotonic() - began


def main() -> None:
    """Measure both and write the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--dialogues", type=int, default=15)
    parser.add_argument("--turns", type=int, default=500)
    options = parser.parse_args()
    model = model_file()
    starters: dict[str, Starter] = {"portal": portal, "stock rasa": stock_rasa}
    columns = {}
    for name, start in starters.items():
        print(f"Measuring {name} ...", flush=True)
        columns[name] = measure(start, model, dialogues=options.dialogues, turns=options.turns)
        print(columns[name], flush=True)
    notes = (
        f"Same model, same machine ({machine()}), one run, "
        "through `/webhooks/rest/webhook`. Stock Rasa: `rasa run` with its REST channel, trackers in memory, and "
        "`rasa run actions`; the portal keeps everything in SQLite. `ratio` is portal / stock.\n"
        f"Training took {time_training():.1f} s."
    )
    write("turns.md", [f"# Turns: the portal beside stock Rasa, {today()}", notes, table(columns)])


if __name__ == "__main__":
    main()
