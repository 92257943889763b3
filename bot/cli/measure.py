"""`sprachportal test`: how well a model understands, and do the conversations go as they should."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import click
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from bot.cli import curve
from bot.cli.figures import figures_of, measured_on, whole_figures
from bot.cli.known_models import open_register, wanted_model
from bot.cli.reading import load_agents, read_all, threshold_of
from bot.cli.summary_view import show
from bot.cli.train import Progress
from bot.dialogues import Dialogue
from bot.errors import PortalError
from bot.logs import set_up_logs
from bot.nlu.text import fold
from bot.nlu.without_tensorflow import keep_out_tensorflow
from bot.pipeline import CLASSIFIER, CONFIG
from bot.reports.html import render, require_writable, write_report
from bot.reports.recipe import read_recipe
from bot.reports.refit import CurvePoint, in_folds
from bot.reports.sentences import read_held_out, read_training
from bot.reports.statistics import Reading, Share
from bot.reports.summary import Conversations, Measured, Subject, Summary, sum_up
from bot.reports.values import measure_values
from bot.settings import load_settings
from bot.training import Model
from bot.training_data import fingerprint
from bot.validation.conversations import read_dialogues
from bot.validation.held_out import HELD_OUT

LOWEST_ACCURACY = 0.75
REPORTS = Path("var/reports")
FOLDS, FEWEST_FOLDS, MOST_FOLDS = 5, 2, 20


class Step(Protocol):
    """Tells what is done now, and how much of it of how much; `total` is None when nobody knows."""

    def __call__(self, what: str, done: int = 0, total: int | None = None) -> None:
        """Tell it."""
        ...


@click.command()
@click.option("--model", help="Its name, `newest` or `live`.  [default: newest]")
@click.option("--conversations/--no-conversations", default=True, help="Also have the conversations of tests/e2e.")
@click.option("--cross-validate", is_flag=True, help="Test the training data in folds instead of a model.")
@click.option("--folds", type=click.IntRange(FEWEST_FOLDS, MOST_FOLDS), help="For --cross-validate.  [default: 5]")
@click.option("--report", type=click.Path(path_type=Path), help="The HTML report.  [default: var/reports/<model>.html]")
@click.option("--json", "as_json", is_flag=True, help="The figures as JSON.")
def test(
    model: str | None, conversations: bool, cross_validate: bool, folds: int | None, report: Path | None, as_json: bool
) -> None:
    """Measure a model on sentences it was not trained on, and have the conversations through the portal.

    Exit code 1 when too few sentences are understood or a conversation fails.
    """
    if cross_validate and model:
        raise click.UsageError("--cross-validate tests the data of nlu_data/, not a --model")
    if folds and not cross_validate:
        raise click.UsageError("--folds goes with --cross-validate")
    set_up_logs(50)
    began = time.monotonic()
    tested = None if cross_validate else wanted_model(model or "newest")
    file = report or REPORTS / f"{tested.name if tested else f'cross-validation-{fingerprint()}'}.html"
    require_writable(file)
    stamp = measured_on()
    subject, measured = _by_model(tested, conversations) if tested else _by_folds(folds or FOLDS)
    summary, seconds = sum_up(subject, measured), time.monotonic() - began
    if tested and (had := measured.conversations):
        figures = whole_figures(measured.readings, had.failed, had.played, stamp)
        open_register(load_settings()).set_figures(tested.name, figures)
    if as_json:
        told = json_of(summary, measured.readings)
        click.echo(json.dumps({**told, "seconds": round(seconds, 1), "report": str(file)}, ensure_ascii=False))
    else:
        show(summary)
    write_report(file, render(summary))
    click.echo(f"{seconds:.0f} s. Report: {file}", err=as_json)
    sys.exit(0 if good_enough(summary) else 1)


def json_of(summary: Summary, readings: Sequence[Reading]) -> dict[str, Any]:
    """The summary for programs, beside the figures that the register of models keeps, under their names there."""
    failed = summary.conversations.failed if summary.conversations else []
    return {**figures_of(readings, failed), **asdict(summary)}


def good_enough(summary: Summary) -> bool:
    """Whether enough was understood and all conversations went as expected."""
    failed = summary.conversations.failed if summary.conversations else []
    return summary.understood.value >= LOWEST_ACCURACY and not failed


def _by_model(model: Model, conversations: bool) -> tuple[Subject, Measured]:
    changed = model.fingerprint != fingerprint()
    sentences, dialogues = read_held_out(HELD_OUT), (read_dialogues() if conversations else [])
    training = read_training()
    fitting = curve.begin(HELD_OUT, whole=changed)
    try:
        with _steps() as step:
            step("Loading the model")
            (agent,) = load_agents(model.file)
            readings = read_all(agent, sentences, lambda done: step("Reading sentences", done, len(sentences)))
            step("Looking for values")
            values = measure_values()
            had = _have(model, dialogues, step) if conversations else None
            step("Fitting the learning curve")
            points = curve.ended(fitting)
    finally:
        fitting.kill()
        fitting.wait()
    if points and not changed:
        likeliest = sum(one.best == one.intent for one in readings)
        points.append(CurvePoint(1.0, len(training), Share.of(likeliest, len(readings))))
    subject = Subject(model.name, model.fingerprint, _now(), threshold_of(agent), changed)
    learnt = {fold(one.text) for one in training}
    return subject, Measured(readings, points, learnt, values, had)


def _by_folds(folds: int) -> tuple[Subject, Measured]:
    training, readings = read_training(), list[Reading]()
    keep_out_tensorflow()
    with _steps() as step:
        step("Preparing the examples")
        recipe = read_recipe()
        if recipe is None:
            raise PortalError(f"{CONFIG} has no {CLASSIFIER}, which alone is fitted in folds", "use: rasa test nlu")
        for done, fold in enumerate(in_folds(recipe, training, folds), 1):
            step("Fitting and reading folds", done, folds)
            readings += fold
    subject = Subject("cross-validation", fingerprint(), _now(), recipe.threshold, folds=folds)
    return subject, Measured(readings, [])


def _have(model: Model, dialogues: list[Dialogue], step: Step) -> Conversations:
    """Have the conversations, one after the other."""
    from bot.cli.stage import Stage

    failed = []
    with Stage(model.file) as stage:
        for done, dialogue in enumerate(dialogues):
            step("Having conversations", done, len(dialogues))
            failed.append(stage.play(dialogue))
    return Conversations(len(dialogues), [failure for failure in failed if failure])


@contextmanager
def _steps() -> Iterator[Step]:
    """Shows how far the work is: on a terminal as a bar, elsewhere by a line every ten seconds."""
    terminal = sys.stderr.isatty()
    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    bars = Bars(*columns, console=Console(stderr=True), transient=True, disable=not terminal)
    with nullcontext() if terminal else Progress("Testing"), bars:
        task = bars.add_task("", total=None)

        def step(what: str, done: int = 0, total: int | None = None) -> None:
            bars.update(task, description=what, completed=done, total=total)

        yield step


def _now() -> str:
    return datetime.now().astimezone().isoformat(sep=" ", timespec="minutes")
