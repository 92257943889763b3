"""Tells waiting streams that a conversation has something new: in this process, or in all that share a Redis."""

from __future__ import annotations

import logging
import threading

import redis

log = logging.getLogger(__name__)
BUCKETS = 4096
CHANNEL = "sprachportal:bell"
AGAIN_SECONDS = 1.0


class Bell:
    """A bell for conversations; a few share one, so that a ring may be another's. `closed` ends all waiting."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._rings = [0] * BUCKETS
        self.closed = False

    def ring(self, conversation: str) -> None:
        """Something new is in the store for this conversation."""
        self._ring(conversation)

    def _ring(self, conversation: str) -> None:
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


class RedisBell(Bell):
    """A bell that rings in every process with the same Redis."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._redis = redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=2, decode_responses=True)
        threading.Thread(target=self._listen, name="bell", daemon=True).start()

    def ring(self, conversation: str) -> None:
        """Ring here and tell the others; without Redis they look a little later by themselves."""
        self._ring(conversation)
        try:
            self._redis.publish(CHANNEL, conversation)
        except redis.RedisError as error:
            log.warning("bell: %s", type(error).__name__)

    def _listen(self) -> None:
        while not self.closed:
            try:
                self._hear()
            except redis.RedisError as error:
                log.warning("bell: %s", type(error).__name__)
                threading.Event().wait(AGAIN_SECONDS)

    def _hear(self) -> None:
        with self._redis.pubsub(ignore_subscribe_messages=True) as heard:
            heard.subscribe(CHANNEL)
            while not self.closed:
                message = heard.get_message(timeout=AGAIN_SECONDS)
                if message:
                    self._ring(str(message["data"]))


def open_bell(redis_url: str) -> Bell:
    """The bell of this process, or of all with this Redis."""
    return RedisBell(redis_url) if redis_url else Bell()
