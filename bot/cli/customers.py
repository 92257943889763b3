"""`sprachportal customers`: the shop's data."""

from __future__ import annotations

from pathlib import Path

import click

from bot.cli import fail, wiring
from bot.logs import set_up_logs
from bot.settings import load_settings


@click.group()
def customers() -> None:
    """The company, its stores, customers and orders."""


@customers.command()
@click.argument("file", type=click.Path(path_type=Path))
def load(file: Path) -> None:
    """Load FILE into the database; loading it again changes nothing."""
    from actions.load import LoadError
    from actions.load import load as load_file

    set_up_logs(30)
    settings = load_settings()
    wiring.prepare_database(settings)
    try:
        summary = load_file(file, settings.database_url)
    except LoadError as error:
        fail(error.what, error.todo)
        return
    for kind in sorted({*summary.new, *summary.there}):
        click.echo(f"{kind:12} {summary.new[kind]:5} new {summary.there[kind]:5} already there")
