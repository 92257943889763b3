"""Tells waiting streams of this process that a conversation has something new."""

from __future__ import annotations

import threading

BUCKETS = 4096


class Bell:
    """A bell for conversations; a few share one, so that a ring may be another's. `closed` ends all waiting."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._rings = [0] * BUCKETS
        self.closed = False

    def ring(self, conversation: str) -> None:
        """Something new is in the store for this conversation."""
        with self._changed:
            self._rings[hash(conversation) % BUCKETS] += 1
            self._changed.notify_all()

    def count(self, conversation: str) -> int:
        """How often it has rung."""
        with self._changed:
            return self._rings[hash(conversation) % BUCKETS]

    def wait(self, conversation: str, seen: int, seconds: float) -> int:
        """Wait until it has rung more often than `seen`, at most `seconds`; how often it has rung now."""
        with self._changed:
            self._changed.wait_for(lambda: self.closed or self._rings[hash(conversation) % BUCKETS] > seen, seconds)
            return self._rings[hash(conversation) % BUCKETS]

    def close(self) -> None:
        """Let everybody go who waits."""
        with self._changed:
            self.closed = True
            self._changed.notify_all()
