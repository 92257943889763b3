"""The door to the shop's database.

`DATABASE_URL` says where it is (SQLite below `var/` by default, PostgreSQL to grow); it may be the
portal's own database, the tables do not overlap.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.orm import Session

DEFAULT_URL = "sqlite:///var/sprachportal.db"
BUSY_TIMEOUT_MS = 5000


def database_url() -> str:
    """The database's URL, with the installed PostgreSQL driver named."""
    url = os.environ.get("DATABASE_URL") or DEFAULT_URL
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


@lru_cache(maxsize=4)
def connect(url: str) -> Engine:
    """One engine per URL; SQLite waits for locks and keeps a write-ahead log."""
    engine = create_engine(url, hide_parameters=True, pool_pre_ping=not url.startswith("sqlite"))
    if url.startswith("sqlite"):
        if engine.url.database:
            Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)
        event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection, _record) -> None:  # type: ignore[no-untyped-def]
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", f"busy_timeout={BUSY_TIMEOUT_MS}"):
        connection.execute(f"PRAGMA {pragma}")


@contextmanager
def session(url: str | None = None) -> Iterator[Session]:
    """A session that commits at the end and rolls back on an error."""
    with Session(connect(url or database_url())) as opened, opened.begin():
        yield opened


def migrate(url: str | None = None) -> None:
    """Bring the shop's tables to the newest version."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["url"] = url or database_url()
    command.upgrade(config, "head")
