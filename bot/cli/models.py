"""`sprachportal models`, `promote`, `rollback`, `shadow`, `canary`: which model answers customers."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Any

import click

from bot.cli.known_models import open_register, operator, wanted_model
from bot.cli.model_list import show_report
from bot.errors import ModelMissing, PortalError
from bot.logs import place
from bot.models import ModelRow, Register, usable_file
from bot.settings import Settings, load_settings
from bot.training import all_models
from bot.training_data import fingerprint, unled

SWITCH = "A running portal switches within a few seconds."


@click.command()
@click.argument("model")
@click.option("--force", is_flag=True, help="Without measuring; the reason is kept.")
@click.option("--reason", help="Why it is forced.")
def promote(model: str, force: bool, reason: str | None) -> None:
    """Have MODEL answer customers, when it is not worse than the live one."""
    if force != bool(reason):
        raise click.UsageError("--force and --reason TEXT go together")
    settings = load_settings()
    register = open_register(settings)
    row = _registered(register, model)
    if row.state == "live":
        click.echo(f"{row.name} is live already.")
        return
    before = _before(register, row, measured=not force)
    problems = [] if force else _problems(settings, register, row, before)
    if problems:
        _refuse(row, problems)
    register.promote(row.name, by=operator(), instead_of=before.name if before else None, reason=reason)
    click.echo(f"{row.name} is live. {SWITCH}")
    if row.state in ("shadow", "canary"):
        click.echo(f"So it is the {row.state} no more.")
    _tell_of_server(settings)


@click.command()
def rollback() -> None:
    """Go back to the model that was live before, at once."""
    settings = load_settings()
    register = open_register(settings)
    former = register.in_state("former")
    if former is None:
        raise PortalError("there is no former model to go back to", "choose one: sprachportal promote MODEL")
    usable_file(former)
    gone = register.roll_back(by=operator(), to=former.name)
    click.echo(f"{former.name} is live again instead of {gone}. {SWITCH}")
    _tell_of_server(settings)


@click.command()
@click.argument("model", required=False)
@click.option("--report", is_flag=True, help="Where it disagreed with the live model.")
@click.option("--json", "as_json", is_flag=True, help="The report as JSON.")
def shadow(model: str | None, report: bool, as_json: bool) -> None:
    """Have MODEL read along with real turns without being heard; `off` ends it."""
    settings = load_settings()
    register = open_register(settings)
    if report:
        show_report(register, wanted_model(model).name if model else None, as_json)
    elif model == "off":
        register.set_shadow(None)
        click.echo("No model reads along.")
    elif model:
        row = _registered(register, model)
        register.set_shadow(row.name)
        click.echo(f"{row.name} reads along. See: sprachportal shadow --report")
        _tell_of_server(settings)
    else:
        raise click.UsageError("give a MODEL, `off` or --report")


@click.command()
@click.argument("model")
@click.argument("percent", required=False, type=click.IntRange(1, 100))
def canary(model: str, percent: int | None) -> None:
    """Have MODEL answer PERCENT of the conversations, always the same ones; `canary off` ends it."""
    settings = load_settings()
    register = open_register(settings)
    if model == "off":
        register.set_canary(None)
        click.echo("The live model answers all conversations.")
        return
    if percent is None:
        raise click.UsageError("give the share as well, such as: canary MODEL 10")
    row = _registered(register, model)
    register.set_canary(row.name, percent)
    click.echo(f"{row.name} answers {percent} % of the conversations. {SWITCH}")
    _tell_of_server(settings)


def _registered(register: Register, name: str) -> ModelRow:
    return register.add(wanted_model(name), by=operator())


def _before(register: Register, candidate: ModelRow, *, measured: bool) -> ModelRow | None:
    """The live model. While none was ever promoted, the newest other one, if it is of any use."""
    live = register.in_state("live")
    if live is not None:
        return live
    others = [model for model in all_models() if model.name != candidate.name]
    with suppress(ModelMissing):
        for model in others[-1:]:
            row = register.add(model, by="unknown")
            if measured:
                _figures(register, row)
            return row
    return None


def _problems(settings: Settings, register: Register, row: ModelRow, before: ModelRow | None) -> list[str]:
    from bot.cli.figures import worse_than

    live = _figures_before(register, before) if before else None
    return [*worse_than(_figures(register, row), live, settings.portal.gate), *_unled(row)]


def _figures_before(register: Register, before: ModelRow) -> dict[str, Any]:
    try:
        return _figures(register, before)
    except ModelMissing as error:
        todo = "mend that, or promote without comparing: sprachportal promote MODEL --force --reason TEXT"
        raise ModelMissing(f"the model that answers now cannot be measured: {error.what}", todo) from error


def _unled(row: ModelRow) -> list[str]:
    """What customers may mean that the model has no answer to; known as long as its data are there."""
    if row.fingerprint != fingerprint():
        return []
    return [f"nothing leads on from the intent {intent}: write a rule for it in stories/" for intent in unled()]


def _figures(register: Register, row: ModelRow) -> dict[str, Any]:
    """The model's figures on the present tests; measured now when the register has none."""
    from bot.cli import figures

    if row.figures is None or row.figures.get("measured_on") != figures.measured_on():
        row.figures = _measure(row)
        register.set_figures(row.name, row.figures)
    return row.figures


def _measure(row: ModelRow) -> dict[str, Any]:
    from bot.cli.figures import measure
    from bot.cli.train import Progress

    try:
        with Progress(f"Measuring {row.name}"):
            return measure(usable_file(row))
    except PortalError:
        raise
    except Exception as error:
        what = f"the model {row.name} cannot be measured ({place(error)})"
        raise ModelMissing(what, "train again; one that was trained with other code may not load") from error


def _refuse(row: ModelRow, problems: list[str]) -> None:
    click.secho(f"{row.name} is not promoted:", fg="red", err=True)
    for problem in problems:
        click.echo(f"  {problem}", err=True)
    todo = "correct the data and train again; or, if you must: sprachportal promote MODEL --force --reason TEXT"
    click.echo(f"What to do: {todo}", err=True)
    sys.exit(1)


def _tell_of_server(settings: Settings) -> None:
    if settings.rasa_url:
        click.secho("RASA_URL is set: the Rasa server must be given the model by hand.", fg="yellow", err=True)
