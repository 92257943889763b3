"""The portal's database: one engine per URL, sessions, migrations.

SQLite with a write-ahead log by default, PostgreSQL to grow.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from bot.errors import StoreError
from bot.one_writer import Pen, watch

DEFAULT_URL = "sqlite:///var/sprachportal.db"
BUSY_TIMEOUT_MS = 2000
PATIENCE = {"pool_timeout": 2, "hide_parameters": True}
MOST_RACES = 4
POSTGRESQL = {"connect_timeout": 2, "options": "-c lock_timeout=2000 -c statement_timeout=2000"}

T = TypeVar("T")
log = logging.getLogger(__name__)


class _Joined(threading.local):
    """The open transactions of a thread that others join."""

    def __init__(self) -> None:
        self.by_url: dict[str, Session] = {}


_joined = _Joined()


def database_url() -> str:
    """`DATABASE_URL` with the installed PostgreSQL driver named."""
    url = os.environ.get("DATABASE_URL") or DEFAULT_URL
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


@lru_cache(maxsize=8)
def connect(url: str) -> Engine:
    """One engine per URL; nothing waits longer than two seconds for a lock, since a caller waits as well."""
    if not url.startswith("sqlite"):
        return create_engine(
            url, connect_args=POSTGRESQL, pool_pre_ping=True, pool_size=20, max_overflow=40, **PATIENCE
        )
    database = make_url(url).database
    pen = Pen(Path(f"{database}-pen") if database and database != ":memory:" else None, BUSY_TIMEOUT_MS / 1000)
    engine = create_engine(url, pool_size=20, max_overflow=100, connect_args={"factory": pen.connection}, **PATIENCE)
    if engine.url.database:
        Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)
    event.listen(engine, "connect", _prepare_sqlite)
    watch(engine)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", f"busy_timeout={BUSY_TIMEOUT_MS}"):
        connection.execute(f"PRAGMA {pragma}")


@contextmanager
def transaction(url: str) -> Iterator[Session]:
    """One transaction, or a part of that of `together`; raises `StoreError` when the database does not answer."""
    joined = _joined.by_url.get(url)
    if joined is not None:
        yield joined
        return
    try:
        with Session(connect(url)) as session, session.begin():
            yield session
    except (IntegrityError, DataError):
        raise
    except (DBAPIError, PoolTimeout, sqlite3.Error) as error:
        raise StoreError("the database does not answer", "look at DATABASE_URL and the disk") from error


@contextmanager
def together(url: str) -> Iterator[None]:
    """All transactions of this thread within it are one."""
    with transaction(url) as session:
        outer = _joined.by_url
        _joined.by_url = {**outer, url: session}
        try:
            yield
        finally:
            _joined.by_url = outer


def despite_races(work: Callable[[], T]) -> T:
    """What the work gives, from its transactions; done again when somebody else wrote the same row first.

    A part of a larger transaction is left to whoever began that.
    """
    for _ in range(0 if _joined.by_url else MOST_RACES):
        try:
            return work()
        except IntegrityError:
            log.debug("somebody was faster")
    return work()


def migrate(url: str) -> None:
    """Bring the portal's tables to the newest version."""
    command.upgrade(migrations(url), "head")


def migrations(url: str) -> Config:
    """What Alembic needs to know to change the portal's tables."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["url"] = url
    return config
