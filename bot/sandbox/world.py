"""What the stand-ins remember: customers, what reached them, violations, and media. One lock for all of it."""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from bot.turns import utc_now

Provider = Literal["twilio", "whatsapp", "messenger"]
OptionKind = Literal["button", "row", "quick_reply", "postback", "link"]
WINDOW = timedelta(hours=24)
PROVIDERS: dict[str, Provider] = {
    "sms": "twilio",
    "twilio_whatsapp": "twilio",
    "twilio_messenger": "twilio",
    "whatsapp": "whatsapp",
    "messenger": "messenger",
}


@dataclass(frozen=True)
class Option:
    """Something to press; `id` comes back to the portal. A link has a `url` and tells the portal nothing."""

    title: str
    id: str
    kind: OptionKind
    description: str = ""
    url: str = ""


@dataclass(frozen=True)
class Place:
    """A location, in degrees."""

    latitude: float
    longitude: float
    name: str = ""


@dataclass(frozen=True)
class Shown:
    """What the customer sees of a message; `list_title` opens the list whose rows are the options."""

    text: str = ""
    options: tuple[Option, ...] = ()
    image: str = ""
    place: Place | None = None
    template: str = ""
    list_title: str = ""


@dataclass
class Message:
    """Something the portal sent and the stand-in took.

    `sender` is the portal's number or page, `recipient` the customer's address, both without a prefix; `delivery` is
    the portal's own id of it; `form` is what came; `states` are those it went through.
    """

    channel: str
    sid: str
    sender: str
    recipient: str
    delivery: str
    form: dict[str, Any]
    shown: Shown
    at: datetime
    states: list[str] = field(default_factory=list)
    error: int | None = None
    status_callback: str = ""

    @property
    def provider(self) -> Provider:
        """Who delivers it."""
        return PROVIDERS[self.channel]


@dataclass
class Uttered:
    """Something the customer did; `status` is the portal's answer to the webhook: 0 while or if there is none."""

    id: str
    text: str
    at: datetime
    status: int = 0
    kind: str = "text"
    read: bool = False


@dataclass(frozen=True)
class Violation:
    """A request that broke a rule, and how it was answered."""

    provider: Provider
    path: str
    status: int
    code: int
    what: str
    at: datetime


@dataclass(frozen=True)
class Medium:
    """A file that a customer sent."""

    id: str
    data: bytes
    media_type: str
    name: str = ""

    @property
    def sha256(self) -> str:
        """The hash in hex."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass
class Person:
    """A customer on one channel; `line` is what they wrote and got, in order.

    `user_id` is the business-scoped id on WhatsApp. `last_wrote` opens the 24 hours.
    """

    channel: str
    address: str
    name: str
    user_id: str = ""
    last_wrote: datetime | None = None
    opted_out: bool = False
    typing_until: float = 0.0
    line: list[Message | Uttered] = field(default_factory=list)

    @property
    def received(self) -> list[Message]:
        """What the portal sent, in order."""
        return [each for each in self.line if isinstance(each, Message)]

    @property
    def uttered(self) -> list[Uttered]:
        """What the customer did, in order."""
        return [each for each in self.line if isinstance(each, Uttered)]


class World:
    """The memory of the stand-ins; `changed` is notified, and `version` grows, with every change."""

    def __init__(self, clock: Callable[[], datetime] = utc_now) -> None:
        self.clock = clock
        self.changed = threading.Condition()
        self.version = 0
        self.people: dict[tuple[str, str], Person] = {}
        self.messages: dict[str, Message] = {}
        self.violations: list[Violation] = []
        self.contents: dict[str, dict[str, Any]] = {}
        self.media: dict[str, Medium] = {}
        self.speakers: dict[str, Person] = {}

    def touch(self) -> None:
        """Tell those who wait that something changed."""
        with self.changed:
            self.version += 1
            self.changed.notify_all()

    def person(self, channel: str, address: str, name: str = "", user_id: str = "") -> Person:
        """The customer with this address, new if need be."""
        if channel not in PROVIDERS:
            raise ValueError(f"a channel is one of {', '.join(PROVIDERS)}")
        with self.changed:
            known = self.people.get((channel, address))
            if known is None:
                known = self.people[channel, address] = Person(channel, address, name or address, user_id)
                if user_id:
                    self.people[channel, user_id] = known
        return known

    def find(self, channel: str, address: str) -> Person | None:
        """The customer with this address, if there is one."""
        return self.people.get((channel, address))

    def window_is_open(self, person: Person | None) -> bool:
        """Whether the customer wrote within 24 hours."""
        return bool(person and person.last_wrote and self.clock() - person.last_wrote < WINDOW)

    def accept(self, message: Message) -> None:
        """Keep a message, and show it to the customer."""
        person = self.person(message.channel, message.recipient)
        with self.changed:
            self.messages[message.sid] = message
            person.line.append(message)
            person.typing_until = 0.0
        self.touch()

    def utter(self, person: Person, uttered: Uttered) -> None:
        """Keep what a customer did; it opens the window."""
        with self.changed:
            person.line.append(uttered)
            person.last_wrote = uttered.at
            self.speakers[uttered.id] = person
        self.touch()

    def add_violation(self, violation: Violation) -> None:
        """Keep a broken rule."""
        with self.changed:
            self.violations.append(violation)
        self.touch()

    def set_state(self, message: Message, state: str, error: int | None = None) -> None:
        """The message has come so far."""
        with self.changed:
            message.states.append(state)
            message.error = error or message.error
        self.touch()

    def keep(self, data: bytes, media_type: str, name: str = "") -> Medium:
        """A file for the portal to fetch."""
        medium = Medium(str(uuid.uuid4().int)[:16], data, media_type, name)
        self.media[medium.id] = medium
        return medium

    def forget(self) -> None:
        """Begin anew: nobody wrote, nothing was sent."""
        with self.changed:
            self.violations.clear()
            for memory in (self.people, self.messages, self.contents, self.media, self.speakers):
                memory.clear()
        self.touch()

    def wait(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Wait until something holds; False when it does not within the time."""
        with self.changed:
            return self.changed.wait_for(holds, seconds)
