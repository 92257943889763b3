"""What WhatsApp and Messenger have in common: Meta's handshake and signature, batches of events, the window.

Meta signs the raw bytes of every delivery, HMAC-SHA256 with the app's secret. The algorithm is ours, never the one a
header names. After that the answer is 200 whatever the events are, since Meta switches off a webhook that refuses
them; only when they cannot be kept is it 503, and Meta delivers them again.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec
from flask import Request, Response

from bot.channels.base import raw_body
from bot.channels.events import Event, Intake, Noted
from bot.channels.outlet import Delivery
from bot.errors import BadRequest, StoreError, Unauthorized
from bot.turns import Incoming, Intent, utc_now

log = logging.getLogger(__name__)

MOST_BYTES = 3 * 1024 * 1024
SIGNATURE_HEADER = "X-Hub-Signature-256"
SIGNATURE = re.compile(r"sha256=([0-9a-f]{64})")
CHALLENGE = re.compile(r"[0-9A-Za-z_-]{1,128}")
MESSAGE_ID = re.compile(r"[\x21-\x7e]{1,200}")
PLAIN_ID = re.compile(r"[0-9A-Za-z._-]{1,128}")
OUR_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
MEDIA_HOSTS = ("lookaside.fbsbx.com", "cdn.fbsbx.com", "graph.facebook.com", "*.fbcdn.net")


class Update(msgspec.Struct):
    """A delivery as Meta sends it: what it is about, and a list of entries with events."""

    object: str = ""
    entry: Any = None


class MetaChannel(ABC):
    """One of Meta's channels. A subclass reads its own events, and is an `Outlet` too.

    `secret` is the app's, `verify_token` the word agreed with Meta for the handshake.
    """

    name: str
    has_window = True

    def __init__(self, *, secret: str, verify_token: str, intake: Intake) -> None:
        self._secret = secret
        self._verify_token = verify_token
        self._intake = intake

    @abstractmethod
    def events(self, update: Update) -> Iterator[Event]:
        """All events of a delivery; a single one that cannot be read is `Noted` as unreadable."""

    def webhook(self, request: Request) -> Response:
        """Meta's handshake (GET), or a delivery (POST): signed, read, kept, acknowledged. Refusals have no body."""
        try:
            return self._handshake(request) if request.method == "GET" else self._delivery(request)
        except BadRequest as error:
            return Response(status=error.status)
        except StoreError as error:
            log.error("%s: not kept, Meta will deliver again: %s", self.name, error.what)
            return Response(status=503)

    def find(self, delivery: Delivery) -> str | None:
        """None: Meta cannot be asked. An echo or a status with our id tells that the form was taken."""
        return None

    def _handshake(self, request: Request) -> Response:
        challenge = _only(request, "hub.challenge")
        token = _only(request, "hub.verify_token").encode("utf-8", "replace")
        fits = hmac.compare_digest(token, self._verify_token.encode()) and bool(self._verify_token)
        if not fits or _only(request, "hub.mode") != "subscribe" or not CHALLENGE.fullmatch(challenge):
            raise Unauthorized("not Meta's handshake", status=403)
        return Response(challenge, content_type="text/plain; charset=utf-8")

    def _delivery(self, request: Request) -> Response:
        request.max_content_length = MOST_BYTES + 1
        body = raw_body(request, MOST_BYTES)
        if not is_signed(body, request.headers.getlist(SIGNATURE_HEADER), self._secret):
            raise Unauthorized("not signed by Meta", status=403)
        if request.mimetype != "application/json":
            raise BadRequest("deliveries come as JSON", status=415, code="not_json")
        self._intake.take(in_order(self._read(body)))
        return Response(status=200)

    def _read(self, body: bytes) -> list[Event]:
        try:
            # Not msgspec: it refuses a whole delivery for half a surrogate in one text.
            update = msgspec.convert(json.loads(body.decode("utf-8")), Update)
        except (ValueError, RecursionError, msgspec.ValidationError):
            return [Noted(self.name, "unreadable")]
        return list(self.events(update))


def is_signed(body: bytes, given: list[str], secret: str) -> bool:
    """Whether the one header given is the signature of these bytes; compared in constant time."""
    found = SIGNATURE.fullmatch(given[0]) if len(given) == 1 else None
    if found is None or not secret:
        return False
    return hmac.compare_digest(signature(body, secret), found.group(1))


def signature(body: bytes, secret: str) -> str:
    """Meta's signature of a body, 64 hex digits."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def each(channel: str, items: Any, read: Callable[[Any], Iterable[Event]]) -> Iterator[Event]:
    """The events of all items of a list; one that cannot be read is noted, and the others are taken."""
    if items is not None and not isinstance(items, list):
        yield Noted(channel, "unreadable")
        return
    for item in items or []:
        try:
            yield from read(item)
        except (ValueError, msgspec.ValidationError):
            yield Noted(channel, "unreadable")


def in_order(events: list[Event]) -> list[Event]:
    """Turns first, by the provider's time, since batches come in any order; then the rest as it came."""
    now = utc_now()
    turns = sorted((event for event in events if isinstance(event, Incoming)), key=lambda turn: turn.at or now)
    return [*turns, *(event for event in events if not isinstance(event, Incoming))]


def checked(text: str, form: re.Pattern[str]) -> str:
    """The text, if it is of this form; else ValueError, which does not quote it."""
    if not form.fullmatch(text):
        raise ValueError("an id is not of its form")
    return text


def choice_of(payload: str) -> str | None:
    """The id of a pressed choice; None when it cannot be one of ours."""
    return payload if MESSAGE_ID.fullmatch(payload) else None


def our_id(text: Any) -> str | None:
    """The id of a delivery that came back to us; None when it cannot be one of ours."""
    return text if isinstance(text, str) and OUR_ID.fullmatch(text) else None


def moment(seconds: Any, *, per_second: int = 1) -> datetime | None:
    """Meta's time, a number or its digits, `per_second` units a second; never in the future, None if it is no time."""
    try:
        return min(datetime.fromtimestamp(int(seconds) / per_second, UTC), utc_now())
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def shared_location(latitude: Any, longitude: Any) -> Intent | None:
    """The turn for a place that a customer shared, in degrees with six decimals; None when it is no place on earth."""
    if not (_is_within(latitude, 90) and _is_within(longitude, 180)):
        return None
    return Intent("location_shared", {"latitude": f"{latitude:.6f}", "longitude": f"{longitude:.6f}"})


def media_hosts(api: str) -> tuple[str, ...]:
    """The hosts that media come from, as `bot.media.fetch` reads them: Meta's, and the one of a stand-in's `api`."""
    parts = urlsplit(api)
    return MEDIA_HOSTS if parts.scheme == "https" else (*MEDIA_HOSTS, f"{parts.scheme}://{parts.netloc}")


def _is_within(degrees: Any, most: int) -> bool:
    is_number = isinstance(degrees, int | float) and not isinstance(degrees, bool)
    return is_number and -most <= degrees <= most and math.isfinite(degrees)


def _only(request: Request, name: str) -> str:
    """A parameter that was given exactly once; empty otherwise."""
    given = request.args.getlist(name)
    return given[0] if len(given) == 1 else ""
