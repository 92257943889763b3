"""What the benchmarks write: tables in Markdown, and on what they were measured."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from pathlib import Path

from bot.training import newest_model

RESULTS = Path("bench/results")


def table(columns: dict[str, dict[str, float]]) -> str:
    """The figures side by side; whole numbers are counts, the ratio is the first column by the last."""
    names = list(columns)
    lines = [f"| | {' | '.join(names)} | ratio |", "|---|" + "---:|" * (len(names) + 1)]
    for row in columns[names[0]]:
        values = [columns[name][row] for name in names]
        ratio = f"{values[0] / values[-1]:.2f}" if values[-1] else "–"
        lines.append(f"| {row} | " + " | ".join(figure(value) for value in values) + f" | {ratio} |")
    return "\n".join(lines)


def figure(value: float) -> str:
    """A number for a table; whole numbers are counts."""
    return str(value) if isinstance(value, int) else f"{value:.1f}"


def write(name: str, parts: list[str]) -> None:
    """Write the paragraphs to a file in `bench/results` and print them."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    text = "\n\n".join(parts) + "\n"
    (RESULTS / name).write_text(text)
    print(text)


def today() -> str:
    """The day of the measurement, in ISO form."""
    return f"{datetime.now(UTC):%Y-%m-%d}"


def machine() -> str:
    """Kind and number of processors."""
    return f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores"


def model_file() -> Path:
    """The newest model; ends the program when there is none."""
    model = newest_model()
    if model is None:
        raise SystemExit("Error: there is no model\nWhat to do: sprachportal train")
    return model.file
