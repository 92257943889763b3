"""The portal's database: one engine per URL, sessions, migrations.

SQLite with a write-ahead log by default, PostgreSQL to grow.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from bot.errors import StoreError

DEFAULT_URL = "sqlite:///var/sprachportal.db"
BUSY_TIMEOUT_MS = 2000
PATIENCE = {"pool_timeout": 2, "hide_parameters": True}
POSTGRESQL = {"connect_timeout": 2, "options": "-c lock_timeout=2000 -c statement_timeout=2000"}


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
    engine = create_engine(url, pool_size=20, max_overflow=100, **PATIENCE)
    if engine.url.database:
        Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", f"busy_timeout={BUSY_TIMEOUT_MS}"):
        connection.execute(f"PRAGMA {pragma}")


@contextmanager
def transaction(url: str) -> Iterator[Session]:
    """One transaction; raises `StoreError` when the database does not answer."""
    try:
        with Session(connect(url)) as session, session.begin():
            yield session
    except (IntegrityError, DataError):
        raise
    except (DBAPIError, PoolTimeout) as error:
        raise StoreError("the database does not answer", "look at DATABASE_URL and the disk") from error


def migrate(url: str) -> None:
    """Bring the portal's tables to the newest version."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["url"] = url
    command.upgrade(config, "head")
