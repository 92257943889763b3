"""What goes wrong at the providers, by setting: by share, or in a given sequence, from a seeded generator."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Annotated, Literal

import msgspec
from flask import Response, request

FaultKind = Literal["none", "slow", "busy", "error_before", "error_after", "cut_before", "cut_after"]
Call = Literal["message", "content", "list", "typing", "media"]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=600)]


class FaultSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How often what goes wrong.

    `sequence` is used up first, one kind per request; then each kind of `shares` happens in its share of requests.
    `on` are the requests concerned, `channels` the portal's channels (empty: all). `slow` answers after `slow_seconds`;
    `busy` is 429 with Retry-After `retry_after`; `error_*` is 500 and `cut_*` no answer, before or after the message
    was accepted. Of accepted messages, the share `undelivered` fails later; statuses come within `status_seconds` of
    each other. `window_by_status` tells of the closed 24 hours by a status instead of refusing.
    """

    shares: dict[FaultKind, Share] = {}
    sequence: tuple[FaultKind, ...] = ()
    on: tuple[Call, ...] = ("message",)
    channels: tuple[str, ...] = ()
    slow_seconds: Seconds = 2.0
    retry_after: Annotated[int, msgspec.Meta(ge=0, le=600)] = 1
    undelivered: Share = 0.0
    duplicate_statuses: Share = 0.0
    reorder_statuses: Share = 0.0
    status_seconds: tuple[Seconds, Seconds] = (0.02, 0.2)
    window_by_status: bool = False
    seed: int = 1

    def __post_init__(self) -> None:
        if sum(self.shares.values()) > 1 + 1e-9:
            raise ValueError("the shares are more than 1 together")
        if self.status_seconds[0] > self.status_seconds[1]:
            raise ValueError("status_seconds are the least and the most")


class Faults:
    """Draws what goes wrong with each request; `counts` tells how often each kind did."""

    def __init__(self, settings: FaultSettings) -> None:
        self._lock = threading.Lock()
        self.set(settings)

    def set(self, settings: FaultSettings) -> None:
        """From now on, with the generator and the counts begun anew."""
        with self._lock:
            self.settings = settings
            self.counts: Counter[str] = Counter()
            self._sequence = list(settings.sequence)
            self._random = random.Random(settings.seed)

    def draw(self, call: Call, channel: str) -> FaultKind:
        """What goes wrong with this request."""
        with self._lock:
            if call not in self.settings.on or (self.settings.channels and channel not in self.settings.channels):
                return "none"
            kind = self._sequence.pop(0) if self._sequence else self._by_share()
            self.counts[kind] += 1
            return kind

    def happens(self, share: float) -> bool:
        """Whether something with this share happens now."""
        with self._lock:
            return self._random.random() < share

    def pause(self) -> float:
        """Seconds until the next status."""
        with self._lock:
            return self._random.uniform(*self.settings.status_seconds)

    def shuffle(self, items: list[str]) -> None:
        """Put the items into another order."""
        before = list(items)
        with self._lock:
            while len(set(before)) > 1 and items == before:
                self._random.shuffle(items)

    def around(self, call: Call, channel: str, accept: Callable[[], Response], failed: FailedAnswers) -> Response:
        """The answer to a request that `accept` would take, with what goes wrong around it."""
        kind = self.draw(call, channel)
        if kind == "slow":
            time.sleep(self.settings.slow_seconds)
        elif kind == "busy":
            return failed.busy(self.settings.retry_after)
        elif kind == "error_before":
            return failed.error()
        elif kind == "cut_before":
            return cut()
        answer = accept()
        if kind == "error_after":
            return failed.error()
        return cut() if kind == "cut_after" else answer

    def _by_share(self) -> FaultKind:
        point = self._random.random()
        for kind, share in self.settings.shares.items():
            if point < share:
                return kind
            point -= share
        return "none"


class FailedAnswers(msgspec.Struct, frozen=True):
    """How a provider words 429 (with seconds for Retry-After) and 500."""

    busy: Callable[[int], Response]
    error: Callable[[], Response]


def cut() -> Response:
    """Cut the connection of the present request: the answer given back reaches nobody."""
    connection: socket.socket = request.environ["werkzeug.socket"]
    connection.shutdown(socket.SHUT_RDWR)
    return Response(status=500)
