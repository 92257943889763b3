"""SQLite lets one connection write at a time; within this process they hand on a pen.

SQLite itself lets the others look again after pauses that grow to 100 ms, in no order: under load some would wait for
seconds, and webhooks with them.
"""

from __future__ import annotations

import sqlite3
import threading
from typing import Any

from sqlalchemy import Engine, event

WRITES = ("INSERT", "UPDATE", "DELETE")


class Pen:
    """Who has it may write to one database."""

    def __init__(self, seconds: float) -> None:
        self._lock = threading.Lock()
        self._seconds = seconds

    def connection(self, *args: Any, **more: Any) -> Writer:
        """A connection that waits for the pen; for `factory` of `sqlite3.connect`."""
        return Writer(self, *args, **more)

    def take(self) -> None:
        """Wait for it; raises as SQLite would when that takes too long."""
        if not self._lock.acquire(timeout=self._seconds):
            raise sqlite3.OperationalError("database is locked")

    def hand_on(self) -> None:
        """The next one may write."""
        self._lock.release()


class Writer(sqlite3.Connection):
    """A connection whose transaction has the pen from its first change to its end."""

    def __init__(self, pen: Pen, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._pen = pen
        self._has_pen = False

    def begin_to_write(self) -> None:
        """The transaction is going to change something."""
        if not self._has_pen:
            self._pen.take()
            self._has_pen = True

    def commit(self) -> None:
        """The end: written."""
        try:
            super().commit()
        finally:
            self._end()

    def rollback(self) -> None:
        """The end: taken back."""
        try:
            super().rollback()
        finally:
            self._end()

    def close(self) -> None:
        """The end."""
        try:
            super().close()
        finally:
            self._end()

    def _end(self) -> None:
        if self._has_pen:
            self._has_pen = False
            self._pen.hand_on()


def watch(engine: Engine) -> None:
    """Have the engine's connections, which are `Writer`, wait for the pen before they change something."""
    event.listen(engine, "before_cursor_execute", _before)


def _before(connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
    if statement.startswith(WRITES):
        connection.connection.dbapi_connection.begin_to_write()
