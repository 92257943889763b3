"""One lock per conversation, so that its turns are answered one after the other; and what one process does at a time.

One process has its own locks. Several processes on one PostgreSQL share its advisory locks, on one SQLite file those of
files beside it: they are free again when their holder dies.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import DBAPIError

from bot.database import connect
from bot.logs import place

log = logging.getLogger(__name__)
POLL_SECONDS = 0.05
LONGEST_WAIT = 60.0


class Locks(Protocol):
    """Locks by key."""

    def of(self, key: str) -> AbstractContextManager[None]:
        """Hold the key's lock; waits for it."""

    def attempt(self, key: str) -> AbstractContextManager[bool]:
        """Hold the key's lock if it is free; whether it is held."""


class ProcessLocks:
    """Locks within this process; an unused lock is forgotten."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held: dict[str, tuple[threading.Lock, int]] = {}

    @contextmanager
    def of(self, key: str) -> Iterator[None]:
        """Hold the key's lock; waits for it."""
        lock = self._take(key)
        try:
            with lock:
                yield
        finally:
            self._give_back(key)

    @contextmanager
    def attempt(self, key: str) -> Iterator[bool]:
        """Hold the key's lock if it is free; whether it is held."""
        lock = self._take(key)
        held = lock.acquire(blocking=False)
        try:
            yield held
        finally:
            if held:
                lock.release()
            self._give_back(key)

    def _take(self, key: str) -> threading.Lock:
        with self._guard:
            lock, users = self._held.get(key, (threading.Lock(), 0))
            self._held[key] = (lock, users + 1)
            return lock

    def _give_back(self, key: str) -> None:
        with self._guard:
            lock, users = self._held[key]
            if users == 1:
                del self._held[key]
            else:
                self._held[key] = (lock, users - 1)


class PostgresLocks:
    """Advisory locks of the database at `url`; a held lock keeps one connection."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._here = ProcessLocks()

    @contextmanager
    def of(self, key: str) -> Iterator[None]:
        """Hold the key's lock; waits for it."""
        with self._here.of(key), self._connection() as connection:
            while not _lock(connection, key):
                time.sleep(POLL_SECONDS)
            try:
                yield
            finally:
                _unlock(connection, key)

    @contextmanager
    def attempt(self, key: str) -> Iterator[bool]:
        """Hold the key's lock if it is free; whether it is held."""
        with self._here.attempt(key) as free:
            if not free:
                yield False
                return
            with self._connection() as connection:
                held = _lock(connection, key)
                try:
                    yield held
                finally:
                    if held:
                        _unlock(connection, key)

    def _connection(self) -> Connection:
        return connect(self._url).connect().execution_options(isolation_level="AUTOCOMMIT")


def open_locks(database_url: str) -> Locks:
    """The locks that fit the database: those of SQLite's one process, or PostgreSQL's."""
    return ProcessLocks() if database_url.startswith("sqlite") else PostgresLocks(database_url)


@contextmanager
def only_here(database_url: str, what: str) -> Iterator[None]:
    """Do something that only one process does with this database at a time; waits for the others."""
    if not database_url.startswith("sqlite"):
        with PostgresLocks(database_url).of(what):
            yield
        return
    held = take_file(database_url, what, seconds=LONGEST_WAIT)
    try:
        yield
    finally:
        os.close(held)


def take_file(database_url: str, what: str, *, seconds: float) -> int:
    """Take the lock of a file beside SQLite's; it is held until what was opened here is closed, by forked ones as well.

    Raises `BlockingIOError` when another process has it for so long.
    """
    database = Path(make_url(database_url).database or "")
    database.parent.mkdir(parents=True, exist_ok=True)
    opened = os.open(f"{database}-{what}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    end = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() > end:
                os.close(opened)
                raise
            time.sleep(POLL_SECONDS)
        else:
            return opened


def _lock(connection: Connection, key: str) -> bool:
    return bool(connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": _number(key)}))


def _unlock(connection: Connection, key: str) -> None:
    """Give the lock back; a connection that broke has given it back already."""
    try:
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _number(key)})
    except DBAPIError as error:
        log.warning("locks: %s", place(error))
        connection.invalidate()


def _number(key: str) -> int:
    """64 bits of the key, as PostgreSQL's locks want it."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], signed=True)
