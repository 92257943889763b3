"""Tells waiting streams of this process that a conversation has something new."""

from __future__ import annotations

import threading
from collections import defaultdict


class Bell:
    """A bell per conversation; `closed` ends all waiting, for a clean stop."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._rings: dict[str, int] = defaultdict(int)
        self.closed = False

    def ring(self, conversation: str) -> None:
        """Something new is in the store for this conversation."""
        with self._changed:
            self._rings[conversation] += 1
            self._changed.notify_all()

    def count(self, conversation: str) -> int:
        """How often it has rung."""
        with self._changed:
            return self._rings[conversation]

    def wait(self, conversation: str, seen: int, seconds: float) -> int:
        """Wait until it has rung more often than `seen`, at most `seconds`; how often it has rung now."""
        with self._changed:
            self._changed.wait_for(lambda: self.closed or self._rings[conversation] > seen, seconds)
            return self._rings[conversation]

    def close(self) -> None:
        """Let everybody go who waits."""
        with self._changed:
            self.closed = True
            self._changed.notify_all()
