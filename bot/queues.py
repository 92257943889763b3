"""Queues that wake the workers: huey on a SQLite file by default, on Redis when several machines share the work.

A queue holds hints only. What has to be done stands in the inbox and the outbox, and is found there as well when a
hint is lost. Webhooks do not wait for the queue, and one that fails is left alone for some seconds.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from huey import Huey, RedisHuey
from huey.consumer import Consumer
from huey.serializer import SignedSerializer
from huey.storage import SqliteStorage
from redis import ConnectionPool
from sqlalchemy.engine import make_url

from bot.logs import place
from bot.settings import Settings

log = logging.getLogger(__name__)
IDLE_SECONDS = 1.0
REST_SECONDS = 5.0
# Longer than huey waits for a hint. A Redis that hangs costs no more than that.
REDIS_SECONDS = {"socket_timeout": 3.0, "socket_connect_timeout": 2.0}


class NotifyingStorage(SqliteStorage):  # type: ignore[misc]
    """huey's SQLite storage for one process: a waiting worker is told at once that there is something to do."""

    blocking = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._more = threading.Condition()
        self._count = 0
        super().__init__(*args, **kwargs)

    def enqueue(self, data: bytes, priority: float | None = None) -> None:
        """Add a task and wake a worker."""
        super().enqueue(data, priority)
        with self._more:
            self._count += 1
            self._more.notify()

    def let_go(self) -> None:
        """Wake all waiting workers, for nothing."""
        with self._more:
            self._count += 1
            self._more.notify_all()

    def dequeue(self) -> bytes | None:
        """The next task; waits a second for one."""
        seen = self._count
        task: bytes | None = super().dequeue()
        if task is not None:
            return task
        with self._more:
            self._more.wait_for(lambda: self._count > seen, IDLE_SECONDS)
        late: bytes | None = super().dequeue()
        return late


class _Workers(Consumer):  # type: ignore[misc]
    """huey's workers inside a server that has its own signal handlers."""

    def _set_signal_handlers(self) -> None:
        """The server's stay."""


class Queue:
    """Hints for one kind of work; `work` takes what a hint names."""

    def __init__(self, name: str, settings: Settings, work: Callable[[str], None], *, threads: int) -> None:
        self._name = name
        self._rests_until = 0.0
        self._huey = _open(name, settings)
        self._task = self._huey.task(name=name)(work)
        self._workers = _Workers(self._huey, workers=threads, periodic=False, initial_delay=IDLE_SECONDS)
        self._hints: SimpleQueue[str] = SimpleQueue()
        threading.Thread(target=self._pass_on, name=f"{name}-hints", daemon=True).start()

    def wake_soon(self, what: str) -> None:
        """As `wake`, without waiting for the queue."""
        self._hints.put(what)

    def wake(self, what: str) -> bool:
        """Have it looked at soon; whether the queue took the hint."""
        return self._ask(partial(self._put, what), instead=False)

    def is_idle(self) -> bool:
        """Whether no hint waits for a worker, as none does in a queue that fails."""
        return self._ask(lambda: not self._huey.pending_count(), instead=True)

    def _pass_on(self) -> None:
        """Pass hints on to the queue; those that came meanwhile, each once."""
        while True:
            hints = [self._hints.get()]
            while not self._hints.empty():
                hints.append(self._hints.get())
            for what in dict.fromkeys(hints):
                self.wake(what)

    def _put(self, what: str) -> bool:
        self._task(what)
        return True

    def _ask(self, what: Callable[[], bool], *, instead: bool) -> bool:
        if time.monotonic() < self._rests_until:
            return instead
        try:
            return what()
        except Exception as error:
            log.warning("queue %s: %s", self._name, place(error))
            self._rests_until = time.monotonic() + REST_SECONDS
            return instead

    def start(self) -> None:
        """Begin to work."""
        self._workers.start()

    def end(self) -> None:
        """Take no more hints; workers that wait for one are let go."""
        self._workers.stop()
        if isinstance(self._huey.storage, NotifyingStorage):
            self._huey.storage.let_go()

    def stop(self) -> None:
        """Take no more hints, and finish what is under way."""
        self.end()
        self._workers.stop(graceful=True)


def _open(name: str, settings: Settings) -> Huey:
    """The queue of this name; tasks are signed, since huey's format could carry code."""
    signed = SignedSerializer(secret=settings.secret_key, salt=name)
    if settings.redis_url:
        pool = ConnectionPool.from_url(settings.redis_url, **REDIS_SECONDS)
        return RedisHuey(f"sprachportal-{name}", connection_pool=pool, results=False, serializer=signed)
    file = _file_of(settings.database_url)
    file.parent.mkdir(parents=True, exist_ok=True)
    return Huey(name, storage_class=NotifyingStorage, filename=str(file), fsync=False, results=False, serializer=signed)


def _file_of(database_url: str) -> Path:
    """Beside a SQLite database, since both belong to one portal."""
    url = make_url(database_url)
    is_file = url.get_backend_name() == "sqlite" and url.database
    return Path(f"{url.database}-queue") if is_file else Path("var/queue.db")
