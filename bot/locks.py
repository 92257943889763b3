"""One lock per conversation, so that its turns are answered one after the other."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Locks:
    """Locks by conversation, within this process; an unused lock is forgotten."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held: dict[str, tuple[threading.Lock, int]] = {}

    @contextmanager
    def of(self, conversation: str) -> Iterator[None]:
        """Hold the conversation's lock."""
        lock = self._take(conversation)
        try:
            with lock:
                yield
        finally:
            self._give_back(conversation)

    def _take(self, conversation: str) -> threading.Lock:
        with self._guard:
            lock, users = self._held.get(conversation, (threading.Lock(), 0))
            self._held[conversation] = (lock, users + 1)
            return lock

    def _give_back(self, conversation: str) -> None:
        with self._guard:
            lock, users = self._held[conversation]
            if users == 1:
                del self._held[conversation]
            else:
                self._held[conversation] = (lock, users - 1)
