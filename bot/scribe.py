"""Group commit: what several requests want to write at the same moment is written in one transaction.

SQLite lets one transaction write at a time. When each request has its own, a burst of them spends its time on handing
the pen on; one scribe writes for all who wait.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from bot.database import despite_races, together
from bot.errors import StoreError
from bot.one_writer import go_first

T = TypeVar("T")
MOST_AT_ONCE = 50


@dataclass(frozen=True)
class Task:
    """What somebody wants to write, and where they wait for its result."""

    work: Callable[[], Any]
    result: Future[Any] = field(default_factory=Future)


class Scribe:
    """Writes to the database at `url` for all threads of this process."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._waiting: deque[Task] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="scribe", initializer=go_first)

    def write(self, work: Callable[[], T]) -> T:
        """What the work gives once it is committed, or its error; it may be run again, and alone."""
        task = Task(work)
        self._waiting.append(task)
        self._thread.submit(self._write_down)
        found: T = task.result.result()
        return found

    def _write_down(self) -> None:
        tasks = [self._waiting.popleft() for _ in range(min(MOST_AT_ONCE, len(self._waiting)))]
        if len(tasks) < 2:
            self._one_by_one(tasks)
            return
        try:
            with together(self._url):
                found = [task.work() for task in tasks]
        except StoreError as error:
            for task in tasks:
                task.result.set_exception(error)
        except Exception:
            self._one_by_one(tasks)
        else:
            for task, result in zip(tasks, found, strict=True):
                task.result.set_result(result)

    def _one_by_one(self, tasks: list[Task]) -> None:
        """In a transaction each, so that what one cannot write is no other's trouble."""
        for task in tasks:
            try:
                task.result.set_result(despite_races(task.work))
            except Exception as error:
                task.result.set_exception(error)
