"""`sprachportal sandbox`: Twilio and Meta on this machine, to try the messengers without an account at either."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import click
import msgspec
from dotenv import dotenv_values

from bot.cli.stopping import stop_event
from bot.errors import SettingsError
from bot.messaging_settings import TemplateSettings
from bot.sandbox import Accounts, Approved, FaultSettings, Sandbox
from bot.settings import PORTAL_FILE, PortalFile

HINT = """
  The sandbox plays Twilio and Meta. For development only: its secrets are made up, and whoever reaches it may use it.

    Customers to play     {url}/
    What was sent         {url}/sandbox/messages
    Broken rules          {url}/sandbox/violations
    Faults                {url}/sandbox/faults

  Start the portal at {public_url} with these settings{written}:

{lines}

  Stop with Ctrl+C.
"""
WRITTEN = """, for example:

    set -a; . {file}; set +a
    .venv/bin/sprachportal run --demo

  The settings in {file}"""
LOCAL_HOSTS = ("127.0.0.1", "localhost")
KINDS = "slow, busy, error_before, error_after, cut_before, cut_after"


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=9090, show_default=True, type=click.IntRange(0, 65535), help="Port; 0 for a free one.")
@click.option("--portal", default="http://127.0.0.1:8080", show_default=True, help="Where the portal is.")
@click.option("--write-env", type=click.Path(dir_okay=False, path_type=Path), help="File for the portal's settings.")
@click.option("--fault", "shares", multiple=True, metavar="KIND=SHARE", help=f"Share of requests with {KINDS}.")
@click.option("--slow-seconds", default=2.0, show_default=True, help="How slow a slow answer is.")
@click.option("--retry-after", default=1, show_default=True, help="Retry-After of a busy answer.")
@click.option("--undelivered", default=0.0, help="Share of messages that fail after they were accepted.")
@click.option("--duplicate-statuses", default=0.0, help="Share of statuses that come twice.")
@click.option("--reorder-statuses", default=0.0, help="Share of messages whose statuses come out of order.")
@click.option("--window-by-status", is_flag=True, help="Tell of closed 24 hours by a status, not by the answer.")
@click.option("--seed", default=1, show_default=True, help="Seed of all chance.")
def sandbox(
    host: str, port: int, portal: str, write_env: Path | None, shares: tuple[str, ...], **faults: object
) -> None:
    """Play Twilio and Meta for a portal on this machine, and its customers in the browser."""
    accounts = _accounts(write_env)
    settings = _faults({**faults, "shares": _shares(shares)})
    played = _made(accounts, portal, host, port, settings)
    environment = played.environment()
    if write_env:
        _write(write_env, environment)
    if host not in LOCAL_HOSTS:
        click.secho(
            "Others on the network can reach the sandbox; stop it if you do not mean that.", fg="yellow", err=True
        )
    stopped = stop_event()
    with played:
        click.echo(_hint(played, environment, write_env))
        stopped.wait()


def _made(accounts: Accounts, portal: str, host: str, port: int, faults: FaultSettings) -> Sandbox:
    try:
        approved = Approved.of(_templates())
        return Sandbox(accounts, public_url=portal, host=host, port=port, approved=approved, faults=faults)
    except OSError as error:
        raise SettingsError(f"{host}:{port} cannot be used", "give another --port") from error


def _templates() -> Mapping[str, TemplateSettings]:
    """The templates of `portal.yml`: they count as approved."""
    try:
        return msgspec.yaml.decode(PORTAL_FILE.read_bytes(), type=PortalFile).messaging.templates
    except FileNotFoundError as error:
        raise SettingsError(f"{PORTAL_FILE} is missing", "run in the project's folder") from error
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise SettingsError(f"{PORTAL_FILE}: {error}", "correct portal.yml (see docs/settings.md)") from error


def _accounts(file: Path | None) -> Accounts:
    """Those of the file, so that a portal that was started with it goes on; new ones without it."""
    if file is None or not file.exists():
        return Accounts.made_up()
    try:
        return Accounts.from_environment({name: value or "" for name, value in dotenv_values(file).items()})
    except KeyError as error:
        raise SettingsError(f"{file} lacks {error.args[0]}", "name another file, or delete this one") from error


def _write(file: Path, environment: Mapping[str, str]) -> None:
    """Only the owner may read it."""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as opened:
        opened.writelines(f"{name}={value}\n" for name, value in environment.items())


def _hint(played: Sandbox, environment: Mapping[str, str], file: Path | None) -> str:
    lines = "\n".join(f"    {name}={value}" for name, value in environment.items())
    written = WRITTEN.format(file=file if file is None or file.is_absolute() else f"./{file}") if file else ""
    return HINT.format(url=played.url, public_url=played.public_url, written=written, lines=lines)


def _faults(given: Mapping[str, object]) -> FaultSettings:
    try:
        return msgspec.convert(given, FaultSettings)
    except msgspec.ValidationError as error:
        raise SettingsError(
            f"the faults do not fit: {error}", "look at sprachportal sandbox --help; shares are 1 together at most"
        ) from error


def _shares(given: tuple[str, ...]) -> dict[str, float]:
    shares = {}
    for each in given:
        kind, _, share = each.partition("=")
        try:
            shares[kind] = float(share)
        except ValueError as error:
            raise SettingsError(f"--fault {each} has no share", "write it as --fault cut_after=0.1") from error
    return shares
