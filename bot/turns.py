"""Turns, replies and effects: the values that travel through the portal, frozen.

An effect is what an action asks the portal to do. It comes from Rasa as a custom message with one
key, such as `{"handoff": {"reason": "complaint"}}`; this module lists, types and checks all of them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import msgspec

LONGEST_TEXT = 2000
CUT_MARK = "…"
LEADING_SLASHES = re.compile(r"^[\s/]+")
BIDI_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def utc_now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Choice:
    """One of the answers offered: what the customer reads, and the payload it stands for."""

    title: str
    payload: str


@dataclass(frozen=True)
class Intent:
    """A structured turn: what a button or the portal itself says, with its data by entity name."""

    name: str
    data: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Attachment:
    """What came with a turn; `kind` is image, document, audio, voice, video, sticker or contact.

    `source` is a URL or the provider's id, where the channel gets it from; `media_type` and `name` are the sender's
    words for it.
    """

    kind: str
    source: str
    media_type: str = ""
    name: str = ""


@dataclass(frozen=True)
class Link:
    """A page on the web, with what customers read instead of its address."""

    title: str
    url: str


@dataclass(frozen=True)
class Location:
    """A place in degrees, with what it is called."""

    latitude: float
    longitude: float
    name: str = ""
    address: str = ""


@dataclass(frozen=True)
class Incoming:
    """A turn as a channel reads it, before it has a conversation.

    `address` is who wrote, within the channel; `former_address` what the same person was known by before;
    `provider_id` the channel's own id of the turn. `conversation` is set when the channel knows it. `choice` is the id
    of a pressed choice (`bot.channels.outlet.choice_id`); it counts only if it was offered here, else `text` does.
    `at` is the provider's moment, in UTC.
    """

    channel: str
    address: str
    provider_id: str
    text: str = ""
    intent: Intent | None = None
    conversation: str | None = None
    phone_hint: str | None = None
    choice: str | None = None
    attachments: tuple[Attachment, ...] = ()
    former_address: str | None = None
    at: datetime | None = None


@dataclass(frozen=True)
class Turn:
    """One thing a customer said. `text` is human words, never a command; `intent` is set for structured turns.

    `id` is unique; `channel` names where it came from; `language` is de or en; `phone_hint` an E.164 number that
    may be the customer's; `at` is in UTC, `today` the company's day then.
    """

    id: str
    conversation: str
    channel: str
    text: str = ""
    intent: Intent | None = None
    language: str = "de"
    phone_hint: str | None = None
    at: datetime = field(default_factory=utc_now)
    today: date | None = None
    attachments: tuple[Attachment, ...] = ()

    @property
    def metadata(self) -> dict[str, Any]:
        """What actions may know of the turn."""
        return {
            "turn_id": self.id,
            "channel": "voice" if self.channel == "voice" else "chat",
            "language": self.language,
            "phone_hint": self.phone_hint,
            "now": self.at.isoformat(),
            "today": (self.today or self.at.date()).isoformat(),
        }


@dataclass(frozen=True)
class Reply:
    """One thing said back: text, with choices, an image (its URL), a link or a location if there are any."""

    text: str
    choices: tuple[Choice, ...] = ()
    image: str | None = None
    language: str = "de"
    link: Link | None = None
    location: Location | None = None


class HandoffEffect(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A human is wanted; `reason` is a word for the desk."""

    reason: str


class CallbackEffect(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody shall call `phone` (E.164) at `at` (ISO, None as soon as possible); None for `phone` cancels."""

    phone: str | None = None
    at: str | None = None


class LanguageEffect(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The conversation goes on in `code`, de or en, by the customer's wish."""

    code: str


class LinkEffect(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The contact is the customer with this number, at this proof level."""

    customer: str
    level: str


class LearningEffect(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether the portal may learn from the customer's words."""

    allowed: bool


class HangupEffect(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The call ends after what is said."""


class ExpectEffect(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The last reply asks for `need`; told only on the phone, which listens accordingly."""

    need: str


class MissedEffect(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The turn was not understood; told only on the phone, which counts it with silence."""


Effect = (
    HandoffEffect
    | CallbackEffect
    | LanguageEffect
    | LinkEffect
    | LearningEffect
    | HangupEffect
    | ExpectEffect
    | MissedEffect
)
EFFECTS: dict[str, type[Effect]] = {
    "handoff": HandoffEffect,
    "callback": CallbackEffect,
    "language": LanguageEffect,
    "link": LinkEffect,
    "learning": LearningEffect,
    "hangup": HangupEffect,
    "expect": ExpectEffect,
    "missed": MissedEffect,
}


@dataclass(frozen=True)
class Answer:
    """What the engine gives for one turn: replies in order, and effects."""

    replies: tuple[Reply, ...] = ()
    effects: tuple[Effect, ...] = ()


def read_effect(custom: Mapping[str, Any]) -> Effect:
    """The effect in a custom message; ValueError when it is none of ours or ill-formed."""
    if len(custom) != 1 or next(iter(custom)) not in EFFECTS:
        raise ValueError(f"not an effect: {sorted(custom)}")
    name, data = next(iter(custom.items()))
    try:
        return msgspec.convert(data, EFFECTS[name])
    except msgspec.ValidationError as error:
        raise ValueError(f"effect {name}: {error}") from error


def effect_name(effect: Effect) -> str:
    """The effect's key in a custom message."""
    return next(name for name, kind in EFFECTS.items() if isinstance(effect, kind))


def clean_text(text: str) -> str:
    """Human words, made harmless: NFC, no control or bidi signs, no leading slash, cut at 2,000 characters."""
    normal = unicodedata.normalize("NFC", text)
    kept = LEADING_SLASHES.sub("", "".join(sign for sign in normal if _is_readable(sign))).rstrip()
    return kept if len(kept) <= LONGEST_TEXT else kept[: LONGEST_TEXT - 1] + CUT_MARK


def _is_readable(sign: str) -> bool:
    if sign in "\n\t":
        return True
    if sign in BIDI_CONTROLS or ord(sign) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(sign) <= 0xFDEF:
        return False
    return unicodedata.category(sign) not in ("Cc", "Cs")


def read_payload(payload: str) -> Intent:
    """A button's payload, `/intent` or `/intent{"entity": "value"}`; ValueError when it is not one."""
    name, brace, rest = payload.removeprefix("/").partition("{")
    if not payload.startswith("/") or not name.isidentifier():
        raise ValueError("not a payload")
    if not brace:
        return Intent(name)
    try:
        return Intent(name, msgspec.json.decode(brace + rest, type=dict[str, str]))
    except msgspec.DecodeError as error:
        raise ValueError("not a payload") from error
