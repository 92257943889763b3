"""How much one client may ask of the portal: requests in a time, and places that are held."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import Counter
from collections.abc import Callable

MOST_KEYS = 10_000


class Allowance:
    """A token bucket for each key: `at_once` requests, and then `per_minute`."""

    def __init__(self, *, at_once: int, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._gap = 60 / per_minute
        self._burst = (at_once - 1) * self._gap
        self._clock = clock
        self._full_at: dict[str, float] = {}
        self._lock = threading.Lock()

    def take(self, key: str) -> bool:
        """Whether one more is allowed; it counts if it is."""
        now = self._clock()
        with self._lock:
            full_at = max(self._full_at.get(key, now), now)
            if full_at - now > self._burst:
                return False
            self._forget(now)
            self._full_at[key] = full_at + self._gap
            return True

    def _forget(self, now: float) -> None:
        """A full bucket is like one that was never used."""
        if len(self._full_at) >= MOST_KEYS:
            self._full_at = {key: full_at for key, full_at in self._full_at.items() if full_at > now}


class Places:
    """Places that are held for a while: `at_most` in all, `for_each` of them by one key."""

    def __init__(self, *, at_most: int, for_each: int) -> None:
        self._at_most = at_most
        self._for_each = for_each
        self._held: Counter[str] = Counter()
        self._lock = threading.Lock()

    def take(self, key: str) -> bool:
        """Whether there was a place; it must be given back."""
        with self._lock:
            free = self._held.total() < self._at_most and self._held[key] < self._for_each
            if free:
                self._held[key] += 1
            return free

    def give_back(self, key: str) -> None:
        """The place is free again."""
        with self._lock:
            self._held[key] -= 1
            if not self._held[key]:
                del self._held[key]


def client_of(address: str | None) -> str:
    """One client's addresses by one name: an IPv6 client has a whole /64 network."""
    try:
        known = ipaddress.ip_address(address or "")
    except ValueError:
        return address or ""
    return str(known) if known.version == 4 else str(ipaddress.ip_network((known, 64), strict=False))
