"""`sprachportal run`: serve the portal."""

from __future__ import annotations

import os
from pathlib import Path

import click

from bot.cli import wiring
from bot.logs import set_up_logs
from bot.models import Register
from bot.settings import Settings, for_demo, load_settings
from bot.training import Model
from bot.training_data import fingerprint

DEMO_FILE = Path("bot/demo/nordwind.yml")
DEMO_HINT = """
  Sprachportal is starting. In a few seconds:

    Chat in the browser   {url}/chat
    Call in the browser   {url}/phone
    Chat in the terminal  .venv/bin/sprachportal chat
    Call in the terminal  .venv/bin/sprachportal call --url {url}
    Is it ready?          {url}/readyz

  Try, in German or English:

    Wo ist meine Bestellung 10482917?     then the postcode 22765
    Ich möchte 10483055 stornieren        postcode 04107
    Where is my order 10485035?           postcode 10999
    Wann hat der Laden in Leipzig auf?

  Stop with Ctrl+C.
"""


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(1, 65535), help="Port to listen on.")
@click.option("--demo", is_flag=True, help="Load the demo company first, and say what to try.")
@click.option("--no-work", is_flag=True, help="Leave messengers' turns and deliveries to `sprachportal work`.")
def run(host: str, port: int, demo: bool, no_work: bool) -> None:
    """Serve the portal in the foreground until Ctrl+C or SIGTERM."""
    set_up_logs()
    settings = load_settings()
    if demo:
        settings = for_demo(settings, f"http://{host}:{port}")
    export(settings)
    wiring.prepare_database(settings)
    wiring.claim_database(settings, seconds=_longest_end())
    if demo:
        _load_demo()
    wiring.require_company(settings)
    model = None if settings.rasa_url else Register(settings.database_url).present_file()
    if model and Model(model).fingerprint != fingerprint():
        click.secho("The training data changed since this model was trained.", fg="yellow", err=True)
        click.echo("What to do: train: sprachportal train", err=True)
    if demo:
        click.echo(DEMO_HINT.format(url=settings.public_url or f"http://{host}:{port}"))
    _serve(settings, model, host, port, demo=demo, works=not no_work)


def export(settings: Settings) -> None:
    """The actions read the database's URL from the environment; `.env` counts for them as well."""
    os.environ["DATABASE_URL"] = settings.database_url


def _longest_end() -> float:
    """How many seconds it may take until what a killed portal left behind has ended."""
    from bot.server import STOP_SECONDS

    return STOP_SECONDS + 5


def _load_demo() -> None:
    from actions.load import load

    load(DEMO_FILE)


def _serve(settings: Settings, model: Path | None, host: str, port: int, *, demo: bool, works: bool) -> None:
    from bot.app import Portal, create_app
    from bot.channels.phone_page import add_phone_page
    from bot.server import Server

    def build() -> Portal:
        portal = create_app(settings, wiring.build_conversations(settings, model), works=works)
        if demo:
            add_phone_page(portal.app, settings)
        return portal

    wiring.leave_connections(settings)
    Server(build, host=host, port=port, threads=settings.portal.server.threads).run()
