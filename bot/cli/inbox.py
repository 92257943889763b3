"""`sprachportal inbox`: what went wrong in conversations, and what each sentence should have been."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import Any

import click
import msgspec
from rich.text import Text

from bot.cli import wiring
from bot.cli.inbox_keys import Sitting, summary
from bot.cli.known_models import operator
from bot.cli.tables import new_table, show
from bot.cli.train import Progress
from bot.logs import set_up_logs
from bot.mistakes.clusters import Cluster
from bot.mistakes.examples import Examples
from bot.mistakes.review import Decision, Review
from bot.mistakes.store import Mistakes
from bot.settings import Settings, load_settings

CUSTOMER_NUMBER = re.compile(r"[A-Z]{0,5}-?[0-9][A-Z0-9-]{0,30}")


@click.group(invoke_without_command=True)
@click.option("--list", "as_list", is_flag=True, help="Show the sentences without asking.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line per sentence.")
@click.option("--limit", default=200, show_default=True, type=click.IntRange(1, 100_000), help="How many at most.")
@click.pass_context
def inbox(context: click.Context, as_list: bool, as_json: bool, limit: int) -> None:
    """Decide on sentences that were not understood, or perhaps wrongly: largest cluster first, one key for each.

    Personal data are masked before a sentence gets here. What you accept is added to nlu_data; look at it with git.
    """
    if context.invoked_subcommand:
        return
    settings = load_settings()
    review = _review(settings)
    with Progress("Sorting"):
        clusters = _first(review.clusters(_vectors), limit)
    if as_json:
        _print_lines(clusters)
    elif as_list or not sys.stdin.isatty():
        _print_table(clusters, settings)
    else:
        summary(Sitting(review, clusters, read_key=click.getchar).run())


@inbox.command()
@click.argument("sentence", type=int)
@click.option("--right", is_flag=True, help="The likeliest intent was meant.")
@click.option("--intent", help="This intent was meant.")
@click.option("--new", "new_intent", help="A new intent, begun with this sentence; needs --topic.")
@click.option("--topic", help="The topic of the new intent, such as orders.")
@click.option("--out-of-scope", is_flag=True, help="Nothing for the assistant.")
@click.option("--delete", is_flag=True, help="Nothing to learn from; it does not come back.")
def decide(sentence: int, topic: str | None, **chosen: Any) -> None:
    """Decide on one SENTENCE by its id: give one of the options."""
    given = [name for name, value in chosen.items() if value]
    if len(given) != 1 or (given == ["new_intent"]) != bool(topic):
        raise click.UsageError("give one decision; --new and --topic go together")
    kind: Any = given[0]
    intent = chosen[kind] if kind in ("intent", "new_intent") else None
    summary([_review(load_settings()).decide(sentence, Decision(kind, intent, topic))])


@inbox.command()
@click.argument("customer")
def refuse(customer: str) -> None:
    """Keep nothing here any more of what the CUSTOMER with this number says on any channel; delete what was kept.

    For those who say so by letter or mail; who tells the assistant needs nobody.
    """
    _note_consent(customer, given=False)


@inbox.command()
@click.argument("customer")
def allow(customer: str) -> None:
    """Take `refuse` back for the CUSTOMER with this number, or note that they agreed."""
    _note_consent(customer, given=True)


def _note_consent(given_number: str, *, given: bool) -> None:
    number = "".join(given_number.split())
    if not CUSTOMER_NUMBER.fullmatch(number):
        raise click.UsageError("give the customer's number as the shop writes it, such as 27004118")
    addresses, gone = _mistakes(load_settings()).note_consent(number, given=given)
    if given:
        click.echo(f"What customer {number} says may be kept in the inbox, without personal data.")
    else:
        click.echo(f"The inbox keeps nothing any more of what customer {number} says; sentences deleted: {gone}.")
    if not addresses:
        click.echo("This customer was not here yet: look whether the number is right.")


def _review(settings: Settings) -> Review:
    return Review(_mistakes(settings), Examples(), by=operator())


def _mistakes(settings: Settings) -> Mistakes:
    set_up_logs(50)
    wiring.prepare_database(settings)
    mistakes = wiring.open_mistakes(settings)
    mistakes.forget_old()
    return mistakes


def _vectors(texts: Sequence[str]) -> Any:
    from bot.cli.check import sentence_vectors

    return sentence_vectors(texts)


def _first(clusters: Sequence[Cluster], limit: int) -> list[Cluster]:
    """As many of the largest clusters as have no more than so many sentences, the last one cut."""
    taken: list[Cluster] = []
    for cluster in clusters:
        room = limit - sum(len(found.mistakes) for found in taken)
        if room > 0:
            taken.append(Cluster(cluster.mistakes[:room]))
    return taken


def _print_lines(clusters: Sequence[Cluster]) -> None:
    for number, cluster in enumerate(clusters, 1):
        for mistake in cluster.mistakes:
            line = {"cluster": number, **msgspec.to_builtins(mistake)}
            click.echo(msgspec.json.encode(line).decode())


def _print_table(clusters: Sequence[Cluster], settings: Settings) -> None:
    if not settings.portal.mistakes.collect:
        click.echo("Nothing is collected: mistakes.collect is false in portal.yml.")
    if not clusters:
        click.echo("The inbox is empty.")
        return
    whole = ("Id", "Times", "Taken for", "Sure")
    table = new_table("Id", "Times", "Sentence", "Taken for", "Sure", "Why", "Last", whole=whole)
    for cluster in clusters:
        for mistake in cluster.mistakes:
            last = f"{mistake.last_at.astimezone():%d.%m.}"
            cells = (mistake.text, mistake.intent, f"{mistake.confidence:.2f}", ", ".join(mistake.kinds), last)
            table.add_row(str(mistake.id), str(mistake.count), *map(Text, cells))
        table.add_section()
    show(table)
    click.echo("Decide in the terminal: sprachportal inbox. Or one: sprachportal inbox decide ID --intent NAME")
