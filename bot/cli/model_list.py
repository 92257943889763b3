"""`sprachportal models`, and what a shadow found: tables for people, JSON for programs."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import click
from rich.text import Text

from bot.cli.known_models import open_register
from bot.cli.tables import new_table, show
from bot.errors import PortalError
from bot.models import DisagreementRow, ModelRow, PromotionRow, Register, usable_file
from bot.rows import in_utc
from bot.settings import load_settings
from bot.training import Model, all_models, newest_model

SHOWN_TURNS = 5
HEADS = ("Model", "State", "Trained", "Right", "Lowest", "Talks")


@click.command()
@click.option("--history", is_flag=True, help="Which model went live when, by whom, and why.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line per model.")
def models(history: bool, as_json: bool) -> None:
    """List the models: when and by whom trained, how good, which one answers customers."""
    register = open_register(load_settings())
    if history:
        _show_history(register.promotions(), as_json)
        return
    rows, promotions = register.all(), {one.model: one for one in reversed(register.promotions())}
    known = {row.name for row in rows}
    listed = [_described(row, promotions.get(row.name)) for row in rows]
    listed += [_unregistered(model) for model in all_models() if model.name not in known]
    listed.sort(key=lambda model: str(model["trained_at"]))
    _mark_default(listed)
    if as_json:
        for model in listed:
            click.echo(json.dumps(model, ensure_ascii=False))
    else:
        _show(listed)


def _described(row: ModelRow, promotion: PromotionRow | None) -> dict[str, Any]:
    """The model with its last promotion."""
    names = ("name", "state", "share", "fingerprint", "trained_by", "figures")
    return {
        **{name: getattr(row, name) for name in names},
        "trained_at": _iso(row.trained_at),
        "promoted_at": _iso(row.promoted_at),
        "promoted_by": promotion.by if promotion else None,
        "forced": promotion.forced if promotion else False,
        "reason": promotion.reason if promotion else None,
        "problem": row.error or _file_problem(row),
    }


def _file_problem(row: ModelRow) -> str | None:
    try:
        usable_file(row)
    except PortalError as error:
        return error.what
    return None


def _unregistered(model: Model) -> dict[str, Any]:
    nothing = ("share", "trained_by", "promoted_by", "promoted_at", "reason", "figures", "problem")
    return {
        "name": model.name,
        "state": "trained",
        "fingerprint": model.fingerprint,
        "trained_at": _iso(model.trained_at),
        "forced": False,
        **dict.fromkeys(nothing),
    }


def _mark_default(listed: list[dict[str, Any]]) -> None:
    """Say which one answers while none was ever promoted."""
    newest = newest_model()
    if newest is None or any(model["state"] == "live" for model in listed):
        return
    next(model for model in listed if model["name"] == newest.name)["state"] = "newest"


def _iso(moment: datetime | None) -> str | None:
    return in_utc(moment).isoformat(timespec="seconds") if moment else None


def _show(listed: list[dict[str, Any]]) -> None:
    table = new_table(*HEADS, whole=("Model", "Right", "Talks"))
    for model in listed:
        state = f"canary {model['share']} %" if model["state"] == "canary" else str(model["state"])
        style = "bold" if state in ("live", "newest") else ""
        trained = f"{_local(datetime.fromisoformat(model['trained_at']))} {model['trained_by'] or ''}".strip()
        table.add_row(Text(model["name"]), state, Text(trained), *_figure_cells(model), style=style)
    show(table)
    for note in filter(None, map(_note, listed)):
        click.echo(note)
    if any(model["state"] == "newest" for model in listed):
        click.echo("None was promoted yet: the newest model answers.")


def _figure_cells(model: dict[str, Any]) -> list[str]:
    figures = model["figures"]
    if figures is None:
        return [""] * 3
    shares = figures["accuracy"]
    lowest = min((group for group in shares if group != "all"), key=lambda group: float(shares[group]))
    passed = figures["dialogues"] - len(figures["failed_dialogues"])
    return [f"{shares['all']:.1%}", f"{shares[lowest]:.1%} {lowest}", f"{passed}/{figures['dialogues']}"]


def _note(model: dict[str, Any]) -> str:
    if model["problem"]:
        return f"{model['name']}: {model['problem']}"
    if model["reason"] is None or model["state"] != "live":
        return ""
    how = "forced" if model["forced"] else "made live"
    when = _local(datetime.fromisoformat(model["promoted_at"]))
    return f"{model['name']}: {how} by {model['promoted_by']} on {when}: {model['reason']}"


def _local(moment: datetime) -> str:
    return f"{in_utc(moment).astimezone():%Y-%m-%d %H:%M}"


def _show_history(promotions: Sequence[PromotionRow], as_json: bool) -> None:
    if not promotions and not as_json:
        click.echo("No model was promoted yet.")
    for one in promotions:
        told = {name: getattr(one, name) for name in ("model", "instead_of", "by", "forced", "reason")}
        if as_json:
            click.echo(json.dumps({**told, "at": _iso(one.at)}, ensure_ascii=False))
        else:
            click.echo(_promotion(one))


def _promotion(one: PromotionRow) -> str:
    instead = f", instead of {one.instead_of}" if one.instead_of else ""
    why = f", {'forced: ' if one.forced else ''}{one.reason}" if one.reason else ""
    return f"{_local(one.at)}  {one.model}  by {one.by}{instead}{why}"


def show_report(register: Register, name: str | None, as_json: bool) -> None:
    """What this model disagreed with while it read along, or the one that does now."""
    row = register.get(name) if name else register.in_state("shadow")
    if row is None:
        raise PortalError("no model reads along", "begin: sprachportal shadow MODEL")
    found = register.disagreements(row.name)
    if as_json:
        click.echo(json.dumps(_report_data(row, found), ensure_ascii=False))
    else:
        _show_report(row, found)


def _report_data(row: ModelRow, found: list[DisagreementRow]) -> dict[str, Any]:
    wanted = ("turn_id", "live_intent", "live_confidence", "shadow_intent", "shadow_confidence", "values_differ")
    listed = [{name: getattr(one, name) for name in wanted} for one in found]
    return {"model": row.name, "compared": row.compared, "dropped": row.dropped, "disagreements": listed}


def _show_report(row: ModelRow, found: list[DisagreementRow]) -> None:
    share = len(found) / row.compared if row.compared else 0.0
    dropped = f", {row.dropped} turns were not read" if row.dropped else ""
    click.echo(f"{row.name} read {row.compared} turns along and disagreed in {len(found)} ({share:.1%}){dropped}.")
    pairs: dict[tuple[str, str], list[DisagreementRow]] = defaultdict(list)
    for one in found:
        pairs[one.live_intent, one.shadow_intent].append(one)
    for (live, shadow), group in sorted(pairs.items(), key=lambda pair: -len(pair[1])):
        live_sure = f"{sum(one.live_confidence for one in group) / len(group):.2f}"
        shadow_sure = f"{sum(one.shadow_confidence for one in group) / len(group):.2f}"
        meant = shadow if shadow != live else "the same, other values"
        turns = "1 turn" if len(group) == 1 else f"{len(group)} turns"
        click.echo(f"{live} {live_sure}, shadow: {meant} {shadow_sure}: {turns}")
        for one in group[:SHOWN_TURNS]:
            click.echo(f"    {one.turn_id}")
