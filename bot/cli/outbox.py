"""`sprachportal outbox`: what did not reach a customer, and what to do with it."""

from __future__ import annotations

from collections.abc import Sequence

import click
import msgspec
from rich.console import Console
from rich.table import Table

from bot import database
from bot.cli import fail
from bot.outbox_store import Listed, Outbox
from bot.settings import load_settings

STATES = ("failed", "held", "unclear", "queued", "sending")
SHOWN = ("failed", "held", "unclear")


@click.group(invoke_without_command=True)
@click.option("--state", "states", type=click.Choice(STATES), multiple=True, help="Only these; may be repeated.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), help="How many at most.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@click.pass_context
def outbox(context: click.Context, states: Sequence[str], limit: int, as_json: bool) -> None:
    """Show what did not reach a customer: failed, held or unclear deliveries, the oldest first.

    \b
    failed   given up; retry sends it anew, drop forgets it
    held     waits for the customer to write again, or for the morning
    unclear  the provider's answer was lost; decided by itself after a while
    """
    context.obj = _open()
    if context.invoked_subcommand is None:
        found = context.obj.listed(states or SHOWN, limit)
        _print_lines(found) if as_json else _print_table(found, context.obj.waiting())


@outbox.command()
@click.argument("ids", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All that failed or are held.")
@click.pass_obj
def retry(box: Outbox, ids: Sequence[str], everything: bool) -> None:
    """Send deliveries anew: those with these IDS, or all."""
    _done("sent anew", box.retry(_wanted(ids, everything)), ids)


@outbox.command()
@click.argument("ids", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All that failed or are held.")
@click.pass_obj
def drop(box: Outbox, ids: Sequence[str], everything: bool) -> None:
    """Forget deliveries: those with these IDS, or all. The customer does not get them."""
    _done("dropped", box.drop(_wanted(ids, everything)), ids)


def _open() -> Outbox:
    settings = load_settings()
    database.migrate(settings.database_url)
    return Outbox(settings.database_url)


def _wanted(ids: Sequence[str], everything: bool) -> Sequence[str] | None:
    if bool(ids) == everything:
        fail("name deliveries, or use --all", "sprachportal outbox shows their ids")
    return None if everything else ids


def _done(what: str, number: int, ids: Sequence[str]) -> None:
    click.echo(f"{number} {'delivery' if number == 1 else 'deliveries'} {what}.")
    if number < len(ids):
        fail(f"{len(ids) - number} not found among those that failed or are held", "sprachportal outbox", 1)


def _print_lines(found: Sequence[Listed]) -> None:
    for one in found:
        click.echo(msgspec.json.encode(one).decode())


def _print_table(found: Sequence[Listed], waiting: dict[str, int]) -> None:
    if not found:
        click.echo("Nothing failed, is held or unclear.")
    else:
        table = Table("id", "channel", "state", "tries", "since", "code", "why")
        for one in found:
            since = one.created_at.astimezone().strftime("%d.%m. %H:%M")
            table.add_row(one.id, one.channel, one.state, str(one.tries), since, one.code, one.why)
        Console().print(table)
    click.echo(", ".join(f"{number} {state}" for state, number in waiting.items() if number) or "The outbox is empty.")
