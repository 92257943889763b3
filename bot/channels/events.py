"""What a provider's webhook tells: turns, states of what we sent, consent, changes, and what is only counted.

A channel reads a request into these events, all of a batch; `bot.intake` writes them down before the request is
answered.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from bot.turns import Incoming

State = Literal["sent", "delivered", "read", "failed"]


@dataclass(frozen=True)
class Status:
    """What became of something we sent; `delivery` is our own id of it, if the provider gives that back.

    `code` is the provider's error code, empty without one.
    """

    channel: str
    state: State
    provider_id: str
    delivery: str | None = None
    code: str = ""


@dataclass(frozen=True)
class SeenUntil:
    """The customer has read, or the provider delivered, everything sent up to `at` (Messenger's watermark)."""

    channel: str
    address: str
    state: Literal["delivered", "read"]
    at: datetime


@dataclass(frozen=True)
class Consent:
    """The customer wants to hear from us unasked, or no longer, as the provider tells it by itself.

    `at` is when they said so, in UTC, if the provider tells; what was said last counts.
    """

    channel: str
    address: str
    provider_id: str
    given: bool
    at: datetime | None = None


@dataclass(frozen=True)
class Changed:
    """The customer changed an earlier turn of theirs; `text` is None when they took it back."""

    channel: str
    provider_id: str
    text: str | None


@dataclass(frozen=True)
class Noted:
    """Something that needs no answer; `what` is one of the channel's fixed words for it, used in metrics."""

    channel: str
    what: str


Event = Incoming | Status | SeenUntil | Consent | Changed | Noted


class Intake(Protocol):
    """Takes a webhook's events in; when it returns, they are kept."""

    def take(self, events: list[Event]) -> None:
        """Write the events down and have the turns answered; raises `StoreError` when they are not kept."""
