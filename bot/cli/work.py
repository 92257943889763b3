"""`sprachportal work`: answer and deliver without serving, beside other processes."""

from __future__ import annotations

import click

from bot.cli import wiring
from bot.cli.run import export
from bot.cli.stopping import stop_event
from bot.errors import SettingsError
from bot.logs import set_up_logs
from bot.settings import load_settings


@click.command()
def work() -> None:
    """Answer waiting turns and deliver what is said, until Ctrl+C or SIGTERM; `run --no-work` serves the requests."""
    set_up_logs()
    settings = load_settings()
    if settings.database_url.startswith("sqlite") or not settings.redis_url:
        raise SettingsError(
            "several processes need PostgreSQL and Redis",
            "set DATABASE_URL and REDIS_URL, or use sprachportal run alone",
        )
    export(settings)
    wiring.prepare_database(settings)
    wiring.require_company(settings)
    from bot.app import create_app

    portal = create_app(settings, wiring.build_conversations(settings))
    stopped = stop_event()
    portal.start()
    click.echo("Working. Stop with Ctrl+C.")
    stopped.wait()
    portal.stop()
