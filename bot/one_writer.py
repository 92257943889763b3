"""SQLite lets one connection write at a time; the portal's hand on a pen, within a process and between processes.

SQLite itself lets the others look again after pauses that grow to 100 ms, in no order: under load some would wait for
seconds, and webhooks with them.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

WRITES = ("INSERT", "UPDATE", "DELETE", "BEGIN IMMEDIATE")
LOOK_SECONDS = 0.0005


class Hurry(threading.local):
    """Whether the thread's changes go before those of others."""

    first = False


_hurry = Hurry()


def go_first() -> None:
    """This thread's changes go before those of others from now on: customers' providers wait for it."""
    _hurry.first = True


class Pen:
    """Who has it may write to one database; the lock of `file`, which is made, keeps other processes waiting.

    Within the process it is handed to who waits longest, and before that to who goes first.
    """

    def __init__(self, file: Path | None, seconds: float) -> None:
        self._file = file
        self._seconds = seconds
        self._guard = threading.Lock()
        self._taken = False
        self._waiting: deque[threading.Lock] = deque()
        self._opened: int | None = None

    def connection(self, *args: Any, **more: Any) -> Writer:
        """A connection that waits for the pen; for `factory` of `sqlite3.connect`."""
        return Writer(self, *args, **more)

    def take(self) -> None:
        """Wait for it; raises as SQLite would when that takes too long."""
        end = time.monotonic() + self._seconds
        self._take_here()
        try:
            self._take_file(end)
        except BaseException:
            self._hand_on_here()
            raise

    def hand_on(self) -> None:
        """The next one may write."""
        if self._opened is not None:
            os.close(self._opened)
            self._opened = None
        self._hand_on_here()

    def _take_here(self) -> None:
        with self._guard:
            if not self._taken:
                self._taken = True
                return
            turn = threading.Lock()
            turn.acquire()
            (self._waiting.appendleft if _hurry.first else self._waiting.append)(turn)
        if turn.acquire(timeout=self._seconds):
            return
        with self._guard:
            if turn in self._waiting:
                self._waiting.remove(turn)
                raise sqlite3.OperationalError("database is locked")

    def _hand_on_here(self) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False

    def _take_file(self, end: float) -> None:
        if self._file is None:
            return
        opened = _opened(self._file)
        try:
            while not _locked(opened):
                if time.monotonic() > end:
                    raise sqlite3.OperationalError("database is locked")
                time.sleep(LOOK_SECONDS)
        except BaseException:
            os.close(opened)
            raise
        self._opened = opened


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


def _opened(file: Path) -> int:
    """Opened each time anew: a lock belongs to what was opened, also across a fork."""
    try:
        return os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise sqlite3.OperationalError("unable to open database file") from error


def _locked(opened: int) -> bool:
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise sqlite3.OperationalError("the pen's file cannot be locked") from error
    return True
