"""`sprachportal compare`: is one model better than the other, or is the difference chance?"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.table import Table
from rich.text import Text
from scipy.stats import binomtest

from bot.cli.figures import figures_of
from bot.cli.known_models import wanted_model
from bot.cli.reading import load_agents, read_all
from bot.cli.tables import new_table, show
from bot.cli.train import Progress
from bot.errors import PortalError
from bot.logs import set_up_logs
from bot.reports.sentences import read_held_out
from bot.reports.statistics import Reading
from bot.training import SUFFIX, Model
from bot.validation.held_out import HELD_OUT

RESAMPLES = 10_000
SEED = 1
SURE_FROM = 0.05
SHOWN = 40


@dataclass(frozen=True)
class Difference:
    """Accuracy of B minus A on the same sentences, with its 95 % interval and McNemar's exact p.

    `only_a` and `only_b` count the sentences that only one of them understood.
    """

    sentences: int
    only_a: int
    only_b: int
    difference: float
    low: float
    high: float
    p: float

    @property
    def verdict(self) -> str:
        """In one sentence."""
        if self.p >= SURE_FROM:
            return "The difference may be chance."
        return "B is better." if self.difference > 0 else "A is better."


def difference(a: list[bool], b: list[bool]) -> Difference:
    """How much more often B is right than A; the lists are of the same sentences in the same order.

    The interval is the percentile bootstrap over sentences, p the exact McNemar test.
    """
    total = len(a)
    only_a = sum(x and not y for x, y in zip(a, b, strict=True))
    only_b = sum(y and not x for x, y in zip(a, b, strict=True))
    shares = np.array([only_a, only_b, total - only_a - only_b]) / total
    drawn = np.random.default_rng(SEED).multinomial(total, shares, RESAMPLES)
    low, high = np.percentile((drawn[:, 1] - drawn[:, 0]) / total, [2.5, 97.5])
    p = binomtest(only_b, only_a + only_b).pvalue if only_a + only_b else 1.0
    return Difference(total, only_a, only_b, (only_b - only_a) / total, float(low), float(high), float(p))


@click.command()
@click.argument("a")
@click.argument("b")
@click.option("--on", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=HELD_OUT, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Everything as JSON.")
def compare(a: str, b: str, on: Path, as_json: bool) -> None:
    """Compare two models on sentences that they were not trained on.

    A and B are names of models, `live`, `newest`, or the configuration of a model to be trained now (a .yml file).
    """
    set_up_logs(50)
    sentences = read_held_out(on)
    with tempfile.TemporaryDirectory(prefix="sprachportal-compare-") as folder:
        files = [_model_file(wanted, Path(folder) / place) for wanted, place in ((a, "a"), (b, "b"))]
        with Progress("Comparing"):
            readings = [read_all(agent, sentences) for agent in load_agents(*files)]
    found = difference(*([one.right for one in made] for made in readings))
    names = (Model(files[0]).name, Model(files[1]).name)
    if as_json:
        click.echo(json.dumps(_as_json(names, readings, found), ensure_ascii=False))
    else:
        _show(names, readings, found)


def _model_file(wanted: str, folder: Path) -> Path:
    if not wanted.endswith((".yml", ".yaml")):
        return wanted_model(wanted).file
    config = Path(wanted)
    if not config.is_file():
        raise click.UsageError(f"there is no file {wanted}")
    with Progress(f"Training with {wanted}"):
        return _train(config, folder)


def _train(config: Path, folder: Path) -> Path:
    """A model of the present data, made in a process of its own: one configuration may need TensorFlow."""
    folder.mkdir()
    command = [sys.executable, "-m", "bot.cli.train", str(config), str(folder)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if made.returncode != 0:
        raise PortalError(f"{config}: {made.stderr.strip()}", "correct this configuration")
    return Path(made.stdout.strip()).rename(folder / f"{config.stem}{SUFFIX}")


def _changed(readings: list[list[Reading]]) -> list[dict[str, Any]]:
    """The sentences that only one of the two understood."""
    return [
        {"text": x.text, "intent": x.intent, "a": x.guessed, "b": y.guessed, "better": "b" if y.right else "a"}
        for x, y in zip(*readings, strict=True)
        if x.right != y.right
    ]


def _as_json(names: tuple[str, str], readings: list[list[Reading]], found: Difference) -> dict[str, Any]:
    a, b = (figures_of(made, [])["accuracy"] for made in readings)
    return {
        "a": {"model": names[0], "accuracy": a},
        "b": {"model": names[1], "accuracy": b},
        "difference": round(found.difference, 4),
        "interval": [round(found.low, 4), round(found.high, 4)],
        "p": round(found.p, 4),
        "only_a": found.only_a,
        "only_b": found.only_b,
        "sentences": found.sentences,
        "changed": _changed(readings),
    }


def _show(names: tuple[str, str], readings: list[list[Reading]], found: Difference) -> None:
    click.echo(f"A is {names[0]}, B is {names[1]}.\nSentences understood:")
    table = new_table("", "A", "B")
    a, b = (figures_of(made, [])["accuracy"] for made in readings)
    for group in a:
        table.add_row(group, f"{a[group]:.1%}", f"{b[group]:.1%}")
    show(table)
    changed = _changed(readings)
    if changed:
        click.echo(f"Changed side: {len(changed)}" + (f", the first {SHOWN}:" if len(changed) > SHOWN else ":"))
        show(_sentences(changed))
    interval = f"95 % interval {found.low:+.1%} to {found.high:+.1%}, p = {found.p:.3f}"
    click.echo(f"B - A: {found.difference:+.2%} of {found.sentences} sentences ({interval}). {found.verdict}")


def _sentences(changed: list[dict[str, Any]]) -> Table:
    table = new_table("Sentence", "Means", "Right", "The other's guess", whole=("Means", "Right", "The other's guess"))
    for found in changed[:SHOWN]:
        other = "a" if found["better"] == "b" else "b"
        table.add_row(*map(Text, (found["text"], found["intent"], found["better"].upper(), found[other])))
    return table
