"""`sprachportal outbox`: what did not reach a customer, and what to do with it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import click
import msgspec
from rich.text import Text

from bot import database
from bot.cli import fail
from bot.cli.tables import new_table, show
from bot.locks import only_here
from bot.outbox_store import MAY_DROP, MAY_RETRY, Listed, Outbox
from bot.settings import load_settings
from bot.turns import utc_now

STATES = ("failed", "held", "unclear", "queued", "sending")
SHOWN = ("failed", "held", "unclear")
RESTING = ("failed", "held")
ID = re.compile(r"[0-9a-f]{4,32}")
SHORT_ID = 8
FAR_AWAY = timedelta(days=60)


@click.group(invoke_without_command=True)
@click.option("--state", "states", type=click.Choice(STATES), multiple=True, help="Only these; may be repeated.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), help="How many at most.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line, with whole ids.")
@click.pass_context
def outbox(context: click.Context, states: Sequence[str], limit: int, as_json: bool) -> None:
    """Show what did not reach a customer: failed, held or unclear deliveries, the oldest first.

    \b
    failed   given up; retry sends it anew, drop forgets it
    held     waits for the customer to write again, or for the morning
    unclear  the provider's answer was lost; decided by itself after a while
    queued   waits for its turn or its next try
    sending  under way
    """
    if context.invoked_subcommand is not None:
        if states or as_json:
            fail(
                "options for a subcommand come after its name", f"sprachportal outbox {context.invoked_subcommand} ..."
            )
        return
    box = _open()
    found = box.listed(states or SHOWN, limit)
    _print_lines(found) if as_json else _print_table(found, states or SHOWN, box.waiting())


def _choosing(states: Sequence[str]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The ways to name deliveries of these states, the same for all subcommands."""

    def add(command: Callable[..., None]) -> Callable[..., None]:
        for option in (
            click.option("--json", "as_json", is_flag=True, help="One JSON object."),
            click.option("--all", "everything", is_flag=True, help="All that failed or are held."),
            click.option("--state", "states", type=click.Choice(states), multiple=True, help="All of this state."),
            click.argument("ids", nargs=-1, metavar="[ID]..."),
        ):
            command = option(command)
        return command

    return add


@outbox.command()
@_choosing(MAY_RETRY)
def retry(as_json: bool, **chosen: Any) -> None:
    """Send deliveries anew: those with these IDs (or how they begin), or all of a state.

    What failed or is held goes out now, and what is queued without its pause. What the 24 hours, quiet hours or the
    customer's wish forbid is held or dropped again.
    """
    box = _open()
    wanted = _wanted(box, MAY_RETRY, **chosen)
    _tell("sent anew", box.retry([one.id for one in wanted]), wanted, as_json)


@outbox.command()
@_choosing(MAY_DROP)
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def drop(yes: bool, as_json: bool, **chosen: Any) -> None:
    """Forget deliveries: those with these IDs (or how they begin), or all of a state. The customers do not get them.

    Asks before; what a provider has taken already is not called back.
    """
    box = _open()
    wanted = _wanted(box, MAY_DROP, **chosen)
    if wanted and not yes:
        _ask(wanted)
    _tell("dropped", box.drop([one.id for one in wanted]), wanted, as_json)


def _open() -> Outbox:
    settings = load_settings()
    try:
        with only_here(settings.database_url, "prepare"):
            database.migrate(settings.database_url)
    except Exception as error:
        fail(f"the database cannot be opened ({type(error).__name__})", "look at DATABASE_URL and the disk")
    return Outbox(settings.database_url)


def _wanted(
    box: Outbox, allowed: Sequence[str], *, ids: Sequence[str], states: Sequence[str], everything: bool
) -> list[Listed]:
    """What was named on the command line, each once; ends the command when that is not clear."""
    if bool(ids) == bool(states or everything):
        fail("name deliveries by id, or use --all or --state", "sprachportal outbox shows ids and states")
    if ids:
        return list({one.id: one for one in (_named(box, given, allowed) for given in ids)}.values())
    return box.listed(tuple({*states, *(RESTING if everything else ())}))


def _named(box: Outbox, given: str, allowed: Sequence[str]) -> Listed:
    """The delivery whose id begins so, if it is in one of these states; ends the command otherwise."""
    if not ID.fullmatch(given):
        fail(f"{given[:40]!r} is no id: at least 4 of its digits 0-9 and a-f", "sprachportal outbox shows them")
    found = box.beginning_with(given)
    if not found:
        fail(
            f"nothing that waits or failed has the id {given}; it may have arrived meanwhile", "sprachportal outbox", 1
        )
    if len(found) > 1:
        fail(f"several ids begin with {given}", "give more of it: sprachportal outbox --json shows whole ids")
    if found[0].state not in allowed:
        fail(f"{given} is {found[0].state}: it is decided by itself within a minute or two", "sprachportal outbox", 1)
    return found[0]


def _ask(wanted: Sequence[Listed]) -> None:
    """Go on only after a yes."""
    states = ", ".join(f"{number} {state}" for state, number in Counter(one.state for one in wanted).items())
    click.echo(f"{states}: customers do not get what is dropped, and it cannot be brought back.", err=True)
    try:
        agreed = click.confirm(f"Drop {_counted(len(wanted))}?", err=True)
    except click.Abort:
        click.echo(err=True)
        fail("nothing was dropped: nobody said yes", "add --yes to drop without being asked")
    if not agreed:
        fail("nothing was dropped", code=1)


def _tell(what: str, number: int, wanted: Sequence[Listed], as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode({"done": number, "wanted": len(wanted)}).decode())
    else:
        click.echo(f"{_counted(number)} {what}.")
    if number < len(wanted):
        fail(f"{_counted(len(wanted) - number)} went on meanwhile, nothing was done to them", "sprachportal outbox", 1)


def _counted(number: int) -> str:
    return f"{number} {'delivery' if number == 1 else 'deliveries'}"


def _print_lines(found: Sequence[Listed]) -> None:
    for one in found:
        click.echo(msgspec.json.encode(one).decode())


def _print_table(found: Sequence[Listed], states: Sequence[str], waiting: dict[str, int]) -> None:
    if not found:
        click.echo(f"Nothing is {' or '.join(states)}.")
    else:
        table = new_table("Id", "Channel", "Kind", "State", "Tries", "Since", "Next", "Why", whole=("Id",))
        length = _short_enough(found)
        for one in found:
            cells = (one.id[:length], one.channel, one.kind, one.state, str(one.tries), _clock(one.created_at))
            table.add_row(*cells, _next(one), Text(f"{one.code} {one.why}".strip()))
        show(table)
    more = sum(waiting[state] for state in states) - len(found)
    if more > 0:
        click.echo(f"{more} more: --limit {len(found) + more}")
    click.echo(", ".join(f"{number} {state}" for state, number in waiting.items() if number) or "The outbox is empty.")


def _short_enough(found: Sequence[Listed]) -> int:
    """How many signs tell these ids apart, at least eight."""
    lengths = range(SHORT_ID, 33)
    return next(length for length in lengths if len({one.id[:length] for one in found}) == len(found))


def _next(one: Listed) -> str:
    if one.state == "failed":
        return ""
    return "customer writes" if one.next_at - utc_now() > FAR_AWAY else _clock(one.next_at)


def _clock(moment: datetime) -> str:
    return moment.astimezone().strftime("%d.%m. %H:%M")
