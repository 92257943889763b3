"""What Messenger's webhook tells, read into events.

What is unknown is let by; lists are read item by item. While another app or a human in the page's inbox has
the thread, Meta tells everything as standby, and we keep silent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Literal

import msgspec

from bot.channels.events import Changed, Event, Noted, SeenUntil, Status
from bot.channels.meta import MESSAGE_ID, PLAIN_ID, Update, checked, choice_of, each, moment, our_id, shared_location
from bot.channels.outlet import joined
from bot.turns import Attachment, Incoming, Intent, clean_text

CHANNEL = "messenger"
OBJECT = "page"
MILLISECONDS = 1000
LONGEST_URL = 4000
UNSUPPORTED = Attachment("unsupported", "")

# Recordings made in Messenger come as audio; sending a file as audio is hardly possible there.
KINDS = {"image": "image", "audio": "voice", "video": "video", "file": "document", "sticker": "sticker"}
# Attachments that repeat what the text says already: the preview of a link.
PREVIEWS = ("fallback",)
NOTED_PARTS = {
    "reaction": "reaction",
    "referral": "referral",
    "optin": "optin",
    "pass_thread_control": "handover",
    "take_thread_control": "handover",
    "request_thread_control": "handover",
    "app_roles": "handover",
}


class Entry(msgspec.Struct):
    """The events of one page; those of `standby` are somebody else's to answer."""

    id: str = ""
    messaging: Any = None
    standby: Any = None
    changes: Any = None


class Party(msgspec.Struct):
    """Who wrote: a page-scoped id; visitors of a chat plugin may have none."""

    id: str = ""


class QuickReply(msgspec.Struct):
    """A pressed quick reply; its label is the message's text."""

    payload: str = ""


class Coordinates(msgspec.Struct):
    """A place in degrees."""

    lat: Any = None
    long: Any = None


class FilePart(msgspec.Struct):
    """Where a file is, or a place."""

    url: str = ""
    sticker_id: Any = None
    coordinates: Coordinates | None = None


class FileAttachment(msgspec.Struct):
    """One attachment."""

    type: str = ""
    payload: FilePart | None = None


class Message(msgspec.Struct):
    """A message of a customer, or the echo of one that the page sent."""

    mid: str
    text: str = ""
    quick_reply: QuickReply | None = None
    attachments: Any = None
    is_echo: bool = False
    is_deleted: bool = False
    metadata: Any = None


class Postback(msgspec.Struct):
    """A pressed button; before version 11 it had no id."""

    mid: str = ""
    title: str = ""
    payload: str = ""


class Read(msgspec.Struct):
    """The customer has read everything up to this moment, in milliseconds."""

    watermark: Any = None


class Delivered(msgspec.Struct):
    """These messages, or everything up to the moment, reached the customer."""

    mids: Any = None
    watermark: Any = None


class Edited(msgspec.Struct):
    """A message's new text."""

    mid: str
    text: str = ""


class Happened(msgspec.Struct):
    """One event: who, when in milliseconds, and one part that says what."""

    sender: Party | None = None
    timestamp: Any = None
    message: Message | None = None
    postback: Postback | None = None
    read: Read | None = None
    delivery: Delivered | None = None
    message_edit: Edited | None = None


def read_update(update: Update, page: str) -> Iterator[Event]:
    """The events of a delivery; those of other pages than `page` are noted as foreign."""
    if update.object != OBJECT:
        yield Noted(CHANNEL, "other_object")
        return
    yield from each(CHANNEL, update.entry, partial(_entry, page))


def _entry(page: str, item: Any) -> Iterator[Event]:
    entry = msgspec.convert(item, Entry)
    if entry.id != page:
        yield Noted(CHANNEL, "foreign")
        return
    yield from each(CHANNEL, entry.messaging, partial(_happened, page))
    yield from each(CHANNEL, entry.standby, _standby)
    yield from each(CHANNEL, entry.changes, lambda _change: [Noted(CHANNEL, "other")])


def _happened(page: str, item: Any) -> Iterator[Event]:
    event = msgspec.convert(item, Happened)
    if event.message and event.message.is_echo:
        yield _echo(event.message)
    elif event.delivery and isinstance(event.delivery.mids, list) and event.delivery.mids:
        yield from each(CHANNEL, event.delivery.mids, _delivered)
    elif event.sender and event.sender.id:
        address = joined(page, checked(event.sender.id, PLAIN_ID))
        yield _from_customer(event, address) or Noted(CHANNEL, _word(item) or "other")
    else:
        yield Noted(CHANNEL, _word(item) or "no_sender")


def _word(item: Mapping[str, Any]) -> str:
    return next((word for part, word in NOTED_PARTS.items() if part in item), "")


def _from_customer(event: Happened, address: str) -> Event | None:
    if event.message and event.message.is_deleted:
        return Changed(CHANNEL, checked(event.message.mid, MESSAGE_ID), None)
    if event.message:
        return _message(event.message, address, event.timestamp)
    if event.postback:
        return _postback(event.postback, address, event.timestamp)
    if event.message_edit:
        return Changed(CHANNEL, checked(event.message_edit.mid, MESSAGE_ID), clean_text(event.message_edit.text))
    if event.read:
        return _seen(address, "read", event.read.watermark)
    return _seen(address, "delivered", event.delivery.watermark) if event.delivery else None


def _standby(item: Any) -> Iterator[Event]:
    """What happens while somebody else has the thread; an echo of ours still tells that Meta took it."""
    message = msgspec.convert(item, Happened).message
    is_ours = message and message.is_echo and our_id(message.metadata)
    yield _echo(message) if message and is_ours else Noted(CHANNEL, "standby")


def _echo(message: Message) -> Event:
    """What the page sent: by us if it has an id of ours, else by a human or another app."""
    delivery = our_id(message.metadata)
    if delivery is None:
        return Noted(CHANNEL, "echo")
    return Status(CHANNEL, "sent", checked(message.mid, MESSAGE_ID), delivery)


def _delivered(mid: Any) -> Iterator[Event]:
    yield Status(CHANNEL, "delivered", checked(msgspec.convert(mid, str), MESSAGE_ID))


def _seen(address: str, state: Literal["delivered", "read"], watermark: Any) -> SeenUntil:
    at = moment(watermark, per_second=MILLISECONDS)
    if at is None:
        raise ValueError("a watermark is no time")
    return SeenUntil(CHANNEL, address, state, at)


def _message(message: Message, address: str, timestamp: Any) -> Incoming:
    place, files = _place(message.attachments), tuple(_files(message.attachments, bool(message.text.strip())))
    if not message.text.strip() and not files and place is None:
        files = (UNSUPPORTED,)
    return Incoming(
        channel=CHANNEL,
        address=address,
        provider_id=checked(message.mid, MESSAGE_ID),
        text=message.text,
        intent=None if message.text.strip() else place,
        choice=choice_of(message.quick_reply.payload) if message.quick_reply else None,
        attachments=files,
        at=moment(timestamp, per_second=MILLISECONDS),
    )


def _postback(postback: Postback, address: str, timestamp: Any) -> Incoming:
    told = f"{address} {timestamp} {postback.payload}"
    made_up = "postback-" + hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()
    return Incoming(
        channel=CHANNEL,
        address=address,
        provider_id=checked(postback.mid or made_up, MESSAGE_ID),
        text=postback.title,
        choice=choice_of(postback.payload),
        attachments=() if postback.title.strip() or postback.payload else (UNSUPPORTED,),
        at=moment(timestamp, per_second=MILLISECONDS),
    )


def _parts(attachments: Any) -> Iterator[FileAttachment]:
    """The attachments; one of a wrong form is of no kind."""
    for item in attachments if isinstance(attachments, list) else ():
        try:
            yield msgspec.convert(item, FileAttachment)
        except msgspec.ValidationError:
            yield FileAttachment()


def _files(attachments: Any, has_text: bool) -> Iterator[Attachment]:
    for part in _parts(attachments):
        if part.type == "location" or (part.type in PREVIEWS and has_text):
            continue
        yield _file(part)


def _file(part: FileAttachment) -> Attachment:
    kind, content = KINDS.get(part.type), part.payload
    if kind is None or content is None or not content.url.isascii() or not 0 < len(content.url) <= LONGEST_URL:
        return UNSUPPORTED
    return Attachment("sticker" if content.sticker_id else kind, content.url)


def _place(attachments: Any) -> Intent | None:
    for part in _parts(attachments):
        if part.type == "location" and part.payload and part.payload.coordinates:
            return shared_location(part.payload.coordinates.lat, part.payload.coordinates.long)
    return None
