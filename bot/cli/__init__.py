"""The command `sprachportal`: runs, trains, tests and talks.

Exit code 0: all right; 1: a check failed; 2: wrong use or settings. An error is one line what is
wrong and one line what to do.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys

import click

os.environ.setdefault("RASA_TELEMETRY_ENABLED", "false")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

COMMANDS = {
    "run": ("bot.cli.run", "run"),
    "work": ("bot.cli.work", "work"),
    "outbox": ("bot.cli.outbox", "outbox"),
    "train": ("bot.cli.train", "train"),
    "validate": ("bot.cli.check", "validate"),
    "test": ("bot.cli.measure", "test"),
    "compare": ("bot.cli.compare", "compare"),
    "models": ("bot.cli.model_list", "models"),
    "promote": ("bot.cli.models", "promote"),
    "rollback": ("bot.cli.models", "rollback"),
    "shadow": ("bot.cli.models", "shadow"),
    "canary": ("bot.cli.models", "canary"),
    "inbox": ("bot.cli.inbox", "inbox"),
    "parse": ("bot.cli.talk", "parse"),
    "chat": ("bot.cli.talk", "chat"),
    "call": ("bot.cli.call", "call"),
    "sandbox": ("bot.cli.sandbox", "sandbox"),
    "customers": ("bot.cli.customers", "customers"),
}


class LazyGroup(click.Group):
    """Loads a command's module only when it is used: Rasa takes seconds to import."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order of use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and give a command."""
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), name)
        return command


@click.group(cls=LazyGroup)
def cli() -> None:
    """Sprachportal: one assistant for chat and telephone."""


def main() -> None:
    """The entry point: tells errors in two lines and exits with their code; SIGTERM ends as Ctrl+C does."""
    from bot.errors import PortalError

    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        cli(prog_name="sprachportal")
    except PortalError as error:
        fail(error.what, error.todo)


def fail(what: str, todo: str = "", code: int = 2) -> None:
    """Say what is wrong and what to do, and exit."""
    click.secho(f"Error: {what}", fg="red", err=True)
    if todo:
        click.echo(f"What to do: {todo}", err=True)
    sys.exit(code)
