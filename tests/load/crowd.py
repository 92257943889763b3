"""Customers of all channels who write at the same time, over webhooks that come twice, late and in batches.

What one customer does reaches the portal in order: the next thing is sent when the one before it was acknowledged.
Everything else is left to chance: which customer comes first, what is delivered again and when.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

from bot.sandbox import Customer, Event, Message, Option, Sandbox
from bot.turns import utc_now

CHANNELS = ("whatsapp", "messenger", "sms", "twilio_whatsapp", "twilio_messenger")
WORDS = (
    "Hallo",
    "Wo ist meine Bestellung 10482917?",
    "22765",
    "Und wann kommt sie genau an?",
    "Wann hat der Laden in Leipzig auf?",
    "Was kostet der Versand?",
    "Wie kann ich bezahlen?",
    "Ich möchte meine Bestellung stornieren",
    "nein danke",
    "Wo ist mein Paket 10483774?",
    "04107",
    "Do you have a store in Munich?",
    "Kann ich etwas zurückschicken?",
    "2",
    "Danke, das war es",
)
PRESS, PHOTO, PLACE, BATCH = 0.4, 0.02, 0.02, 0.05
LONGEST_PAUSE = 3.0
MOST_CUSTOMERS = 1000 * len(CHANNELS)
TWO = 2
LATELY = 3


@dataclass(frozen=True)
class Chances:
    """How often a webhook comes twice at the same time, and how often an old one comes again, of all events."""

    twice: float = 0.08
    late: float = 0.08


@dataclass
class Counts:
    """What the crowd has done so far, and how often it was told to come again."""

    total: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, what: str, number: int = 1) -> None:
        """So many more of these."""
        with self.lock:
            self.total[what] += number


class Talker:
    """One customer with `events` things to do at moments within `seconds`; `acknowledged` are their
    ids in order, and when."""

    def __init__(self, sandbox: Sandbox, customer: Customer, counts: Counts, chances: Chances, seed: str) -> None:
        self.customer = customer
        self.acknowledged: dict[str, datetime] = {}
        self._sandbox = sandbox
        self._counts = counts
        self._chances = chances
        self._random = random.Random(seed)
        self._old: list[Event] = []
        self._next_words = self._random.randrange(len(WORDS))

    def talk(self, events: int, seconds: float) -> None:
        """Do everything, each at its moment or as soon as what came before was acknowledged."""
        began = time.monotonic()
        moments = sorted(self._random.uniform(0, seconds) for _ in range(events))
        done = 0
        while done < events:
            time.sleep(max(0.0, began + moments[done] - time.monotonic()))
            done += self._step(events - done)
            if self._random.random() < self._chances.late and self._old:
                self._counts.add("delivered again later")
                self._sandbox.send(self._random.choice(self._old))

    def _step(self, most: int) -> int:
        """One thing, or two in one batch; how many."""
        chance, channel = self._random.random(), self.customer.person.channel
        offered = self._offered()
        if chance < BATCH and most >= TWO and channel in ("whatsapp", "messenger"):
            return self._batch()
        if chance < BATCH + PHOTO:
            self._deed("photo", self.customer.sends_photo)
        elif chance < BATCH + PHOTO + PLACE:
            self._deed("place", self.customer.shares_place)
        elif offered and chance < BATCH + PHOTO + PLACE + PRESS:
            message, option = offered
            self._deed("press", lambda: self.customer.chooses(message, option))
        else:
            self._words()
        return 1

    def _offered(self) -> tuple[Message, Option] | None:
        """Something to press of what came lately."""
        for message in self.customer.received()[-LATELY:]:
            options = [each for each in message.shown.options if each.kind != "link"]
            if options:
                return message, self._random.choice(options)
        return None

    def _words(self) -> None:
        event = self.customer.event_of_text(self._say())
        if self._random.random() < self._chances.twice:
            self._counts.add("delivered twice at once")
            again = threading.Thread(target=self._sandbox.send, args=(event,))
            again.start()
            self._until_taken("text", [event], self._sandbox.send(event))
            again.join()
        else:
            self._until_taken("text", [event], self._sandbox.send(event))

    def _batch(self) -> int:
        events = [self.customer.event_of_text(self._say()) for _ in range(TWO)]
        self._until_taken("text in a batch", events, self._sandbox.send(*events))
        return TWO

    def _say(self) -> str:
        """The next words of the talk, mostly."""
        self._next_words += 1 if self._random.random() < 0.8 else self._random.randrange(len(WORDS))
        return WORDS[self._next_words % len(WORDS)]

    def _deed(self, kind: str, deed: Callable[[], Event]) -> None:
        event = deed()
        status = next(each.status for each in reversed(self.customer.person.uttered) if each.id == event.id)
        self._until_taken(kind, [event], status)

    def _until_taken(self, kind: str, events: list[Event], status: int) -> None:
        """Deliver again until it is acknowledged, as providers do."""
        pause = 0.2
        while status // 100 != TWO:
            self._counts.add(f"came again after {status or 'no connection'}")
            time.sleep(self._random.uniform(0.5, 1) * pause)
            pause = min(LONGEST_PAUSE, 2 * pause)
            status = self._sandbox.send(*events)
        for event in events:
            self.acknowledged[event.id] = utc_now()
        self._old += events
        self._counts.add(kind, len(events))
        self._counts.add("events", len(events))


class Crowd:
    """So many customers, spread over the channels, with so many events in all."""

    def __init__(self, sandbox: Sandbox, *, customers: int, events: int, seconds: float, seed: int) -> None:
        self.counts = Counts()
        self._seconds = seconds
        self._shares = [events // customers + (number < events % customers) for number in range(customers)]
        self.talkers = [
            Talker(sandbox, _customer(sandbox, number), self.counts, Chances(), f"{seed} {number}")
            for number in range(customers)
        ]

    def talk(self) -> None:
        """All of them, until everything was acknowledged."""
        with ThreadPoolExecutor(len(self.talkers)) as pool:
            talks = zip(self.talkers, self._shares, strict=True)
            for done in [pool.submit(talker.talk, share, self._seconds) for talker, share in talks]:
                done.result()


def _customer(sandbox: Sandbox, number: int) -> Customer:
    """The customer with this number in the crowd; their phone numbers are kept free for films."""
    channel, own = CHANNELS[number % len(CHANNELS)], number // len(CHANNELS)
    address = f"24681357{own:06d}" if channel.endswith("messenger") else f"+493023125{own:03d}"
    return sandbox.customer(channel, address)
