"""Puts the parts together for the commands: database, model, engine, conversations."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from sqlalchemy import make_url

from actions import db as shop
from bot import database
from bot.bell import open_bell
from bot.conversation import Conversations
from bot.engine import Engine
from bot.engine.apart import RasaApart, RasaProcess, reader_apart
from bot.engine.server import RasaServer
from bot.engine.shadow import Shadow, heard_in_tracker
from bot.engine.switching import Switching
from bot.errors import EngineNotReady, SettingsError
from bot.locks import only_here, open_locks, take_file
from bot.mistakes.collector import Collector
from bot.mistakes.store import Mistakes
from bot.models import Register
from bot.nlu.language import detect
from bot.nlu.without_tensorflow import needs_tensorflow
from bot.settings import Settings
from bot.store import Store
from bot.texts import Texts
from bot.training import Model

SECONDS_IN_SILENCE = 2.0
LOAD = "load one: sprachportal customers load bot/demo/nordwind.yml"


def prepare_database(settings: Settings) -> None:
    """Bring both sets of tables up to date; raises `SettingsError` when the database cannot be used."""
    try:
        with only_here(settings.database_url, "prepare"):
            database.migrate(settings.database_url)
            shop.migrate(settings.database_url)
    except Exception as error:
        raise SettingsError(
            f"the database cannot be prepared ({type(error).__name__})", "look at DATABASE_URL and the disk"
        ) from error


def claim_database(settings: Settings, *, seconds: float) -> None:
    """Keep other portals from a SQLite file until this process has ended, and those it forked.

    Raises `SettingsError` when there is another one that does not end within these seconds, and says that it waits.
    """
    url = settings.database_url
    if not url.startswith("sqlite") or _claimed(url, SECONDS_IN_SILENCE):
        return
    used = f"another portal uses the database {make_url(url).database}"
    click.echo(f"Waiting up to {seconds:.0f} s for it to end: {used}.", err=True)
    if not _claimed(url, seconds):
        raise SettingsError(
            used,
            "stop it first; for several processes set DATABASE_URL to a PostgreSQL, and REDIS_URL: docs/settings.md",
        )


def _claimed(url: str, seconds: float) -> bool:
    try:
        take_file(url, "run", seconds=seconds)
    except BlockingIOError:
        return False
    return True


def require_company(settings: Settings) -> None:
    """Raises `SettingsError` when there is no company in the shop's tables."""
    from sqlalchemy import select

    from actions.models import Company

    with shop.session(settings.database_url) as session:
        if session.scalars(select(Company)).first() is None:
            raise SettingsError("there is no company in the database", LOAD)


def leave_connections(settings: Settings) -> None:
    """Close this process's connections to the database before it forks: a connection belongs to one process."""
    database.connect(settings.database_url).dispose()
    shop.connect(settings.database_url).dispose()


def build_engine(settings: Settings, model: Path | None = None, mistakes: Collector | None = None) -> Engine:
    """The engine that the settings ask for: a Rasa server, or Rasa beside us with the models of the register.

    `mistakes` is told where a shadow disagrees.
    """
    if settings.rasa_url:
        return RasaServer(settings.rasa_url, settings.rasa_token)
    url, plain, with_tensorflow = settings.database_url, RasaProcess(), RasaProcess()

    def process_for(file: Path) -> RasaProcess:
        return with_tensorflow if needs_tensorflow(file) else plain

    def load(file: Path) -> RasaApart:
        return RasaApart(file, url, process_for(file))

    def load_shadow(file: Path) -> Shadow:
        heard = partial(heard_in_tracker, url)
        told = mistakes.disagreed if mistakes else None
        return Shadow(Model(file).name, partial(reader_apart, file, process_for(file)), heard, on_disagreement=told)

    register = Register(url)
    return Switching(model or register.present_file(), register, load, load_shadow)


def build_conversations(settings: Settings, model: Path | None = None) -> Conversations:
    """Everything that answers turns, not started yet."""
    mistakes = build_collector(settings)
    return Conversations(
        store=Store(settings.database_url),
        engine=build_engine(settings, model, mistakes),
        texts=Texts.load(),
        bell=open_bell(settings.redis_url),
        locks=open_locks(settings.database_url),
        guess_language=guess_language,
        deadline=settings.portal.turn.deadline_seconds,
        waiting_at_most=settings.portal.turn.waiting_at_most,
        languages=tuple(settings.portal.languages),
        zone=ZoneInfo(settings.portal.company.timezone),
        on_done=mistakes.offer if mistakes else None,
    )


def build_collector(settings: Settings) -> Collector | None:
    """What looks for turns that went wrong; None when nothing is to be collected."""
    wanted = settings.portal.mistakes
    if not wanted.collect:
        return None
    return Collector(open_mistakes(settings), unsure_below=wanted.unsure_below)


def open_mistakes(settings: Settings) -> Mistakes:
    """The sentences that went wrong, in the portal's database."""
    wanted = settings.portal.mistakes
    return Mistakes(
        settings.database_url,
        collect=wanted.collect,
        need_consent=wanted.need_consent,
        days_kept=wanted.days_kept,
    )


def wait_until_ready(conversations: Conversations, seconds: float = 120) -> None:
    """Wait until the engine would answer; raises its error when it cannot."""
    end = time.monotonic() + seconds
    while not conversations.engine.ready():
        error = getattr(conversations.engine, "error", None)
        if error is not None:
            raise error
        if time.monotonic() > end:
            raise EngineNotReady(f"the engine was not ready after {seconds:.0f} s")
        time.sleep(0.1)


def guess_language(text: str) -> tuple[str, float] | None:
    """The language of a text, `de` or `en`, with how sure that is from 0 to 1; None when the text does not say."""
    guess = detect(text)
    return (guess.language, guess.confidence) if guess else None
