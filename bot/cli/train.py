"""`sprachportal train`: make a model of the present data."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import click

from bot.cli import fail
from bot.logs import set_up_logs
from bot.nlu.without_tensorflow import keep_out_tensorflow, needs_tensorflow
from bot.training import MODELS, Model, fingerprint, newest_model, next_model

CONFIG = Path("config.yml")


@click.command()
@click.option("--if-needed", is_flag=True, help="Only when there is no model of the present data.")
def train(if_needed: bool) -> None:
    """Train a model of config.yml, nlu_data, stories and bot/domain."""
    model = newest_model()
    if if_needed and model and model.fingerprint == fingerprint():
        click.echo(f"The model {model.name} is up to date.")
        return
    began = time.monotonic()
    with Progress("Training"):
        trained = make_model(next_model())
    click.echo(f"Trained {trained.name} in {time.monotonic() - began:.0f} s, {trained.file.stat().st_size >> 10} kB.")
    from bot.cli.known_models import register_trained

    register_trained(trained)


def make_model(model: Model, *, folder: Path = MODELS) -> Model:
    """Train with Rasa into the model's file; exits with a message when the data cannot be used."""
    set_up_logs(40)
    if not needs_tensorflow(CONFIG):
        keep_out_tensorflow()
    os.environ.setdefault("RASA_MAX_CACHE_SIZE", "0")  # all is trained anew, so Rasa's copies are never used
    import rasa.model_training

    try:
        with _quiet_output():
            result = rasa.model_training.train(
                domain="bot/domain",
                config=str(CONFIG),
                training_files=["nlu_data", "stories"],
                output=str(folder),
                fixed_model_name=f".{model.name}",
                force_training=True,
            )
    except Exception as error:
        reason = str(error.__cause__ or error).strip() or type(error).__name__
        fail(f"the training failed: {reason}", "correct the data: sprachportal validate names file and line", 1)
        raise
    if result.code != 0 or result.model is None:
        fail("the training did not end well", "look at: sprachportal validate", 1)
    Path(str(result.model)).rename(model.file)
    return model


class _quiet_output:
    """Keeps Rasa's prints and progress bars away; errors come as exceptions."""

    def __enter__(self) -> None:
        import contextlib
        import io

        self._stack = contextlib.ExitStack()
        self._stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        self._stack.enter_context(contextlib.redirect_stderr(io.StringIO()))

    def __exit__(self, *_: object) -> None:
        self._stack.close()


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
