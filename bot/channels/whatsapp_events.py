"""What WhatsApp's webhook tells (Cloud API), read into events.

What is unknown is let by. A customer is known by the business-scoped user id
(`DE.1349…`) if there is one, since the phone number may be missing, else by the number.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from bot.channels.events import Changed, Consent, Event, Noted, State, Status
from bot.channels.meta import MESSAGE_ID, PLAIN_ID, Update, checked, choice_of, each, moment, our_id, shared_location
from bot.channels.outlet import joined
from bot.channels.whatsapp_json import (
    Change,
    Content,
    Entry,
    ErrorPart,
    Medium,
    Message,
    Person,
    Preference,
    StatusPart,
    Value,
)
from bot.turns import Attachment, Incoming, Intent, clean_text

CHANNEL = "whatsapp"
OBJECT = "whatsapp_business_account"
USER_ID = re.compile(r"[A-Z]{2}\.[0-9A-Za-z.]{1,120}")
PHONE_NUMBER = re.compile(r"[1-9][0-9]{6,14}")
CODE = re.compile(r"[0-9]{1,9}")
LONGEST_NAME = 200
UNSUPPORTED = Attachment("unsupported", "")

# Fields of a change that need no answer, and types of messages that say nothing, by the word they are counted under.
NOTED_FIELDS = {"message_echoes": "echo", "smb_message_echoes": "echo", "calls": "call"}
NOTED_TYPES = {"reaction": "reaction", "system": "system", "request_welcome": "welcome"}
STATES: dict[str, State] = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "played": "read",
    "failed": "failed",
}
PREFERENCES = {"stop": False, "resume": True, "signup": True}


@dataclass(frozen=True)
class Said:
    """What a message's content comes to."""

    text: str = ""
    choice: str | None = None
    intent: Intent | None = None
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True)
class Sender:
    """Who wrote: an address, the one before user ids came, and a number that may be the customer's."""

    address: str
    former: str | None
    phone_hint: str | None


def read_update(update: Update, number_id: str) -> Iterator[Event]:
    """The events of a delivery; those of other numbers than `number_id` are noted as foreign."""
    if update.object != OBJECT:
        yield Noted(CHANNEL, "other_object")
        return
    yield from each(CHANNEL, update.entry, partial(_entry, number_id))


def _entry(number_id: str, item: Any) -> Iterator[Event]:
    yield from each(CHANNEL, msgspec.convert(item, Entry).changes, partial(_change, number_id))


def _change(number_id: str, item: Any) -> Iterator[Event]:
    change = msgspec.convert(item, Change)
    if change.field not in ("messages", "user_preferences"):
        yield Noted(CHANNEL, NOTED_FIELDS.get(change.field, "other"))
        return
    value = msgspec.convert(change.value, Value)
    if value.metadata.phone_number_id != number_id:
        yield Noted(CHANNEL, "foreign")
        return
    yield from each(CHANNEL, value.messages, partial(_message, value))
    yield from each(CHANNEL, value.statuses, _status)
    yield from each(CHANNEL, value.user_preferences, partial(_preference, value))
    yield from each(CHANNEL, value.errors, lambda _error: [Noted(CHANNEL, "error")])


def _message(value: Value, item: Any) -> Iterator[Event]:
    message = msgspec.convert(item, Message)
    if message.type in NOTED_TYPES:
        yield Noted(CHANNEL, NOTED_TYPES[message.type])
    elif message.group_id:
        yield Noted(CHANNEL, "group")
    elif message.edit:
        said = _said(message.edit.message or Content())
        yield Changed(CHANNEL, checked(message.edit.original_message_id, MESSAGE_ID), clean_text(said.text))
    elif message.revoke:
        yield Changed(CHANNEL, checked(message.revoke.original_message_id, MESSAGE_ID), None)
    else:
        yield _turn(message, value)


def _turn(message: Message, value: Value) -> Incoming:
    sender = _sender(message.number, message.from_user_id, value)
    said = _said(message)
    return Incoming(
        channel=CHANNEL,
        address=sender.address,
        provider_id=checked(message.id, MESSAGE_ID),
        text=said.text,
        intent=said.intent,
        phone_hint=sender.phone_hint,
        choice=said.choice,
        attachments=said.attachments,
        former_address=sender.former,
        at=moment(message.timestamp),
    )


def _sender(number: str, user_id: str, value: Value) -> Sender:
    ours = value.metadata.phone_number_id
    known_as = user_id or _user_id(number, value.contacts)
    if not USER_ID.fullmatch(known_as):
        known_as = ""
    hint = f"+{number}" if PHONE_NUMBER.fullmatch(number) else None
    address = joined(ours, checked(known_as or number, PLAIN_ID))
    return Sender(address, joined(ours, number) if known_as and PLAIN_ID.fullmatch(number) else None, hint)


def _user_id(number: str, contacts: Any) -> str:
    """The user id that stands beside the message for this number; without a number, of the only one without it."""
    fitting = [person.user_id for person in _people(contacts) if person.wa_id == number]
    return fitting[0] if len(fitting) == 1 else ""


def _people(contacts: Any) -> Iterator[Person]:
    for contact in contacts if isinstance(contacts, list) else ():
        try:
            yield msgspec.convert(contact, Person)
        except msgspec.ValidationError:
            continue


def _said(content: Content) -> Said:
    """What the content says; when it is of a kind that we cannot take, an attachment that tells so."""
    read = READERS.get(content.type)
    return (read(content) if read else None) or Said(attachments=(UNSUPPORTED,))


def _text(content: Content) -> Said | None:
    return Said(content.text.body) if content.text and content.text.body.strip() else None


def _interactive(content: Content) -> Said | None:
    answer = content.interactive and (content.interactive.button_reply or content.interactive.list_reply)
    return _pressed(answer.id, answer.title) if answer else None


def _button(content: Content) -> Said | None:
    return _pressed(content.button.payload, content.button.text) if content.button else None


def _pressed(choice: str, label: str) -> Said:
    return Said(label, choice=choice_of(choice))


def _location(content: Content) -> Said | None:
    place = content.location
    intent = shared_location(place.latitude, place.longitude) if place else None
    return Said(intent=intent) if intent else None


def _contacts(_content: Content) -> Said:
    return Said(attachments=(Attachment("contact", ""),))


def _medium(content: Content) -> Said | None:
    medium: Medium | None = getattr(content, content.type)
    if medium is None or not PLAIN_ID.fullmatch(medium.id):
        return None
    kind = "voice" if content.type == "audio" and medium.voice else content.type
    name = clean_text(medium.filename)[:LONGEST_NAME]
    return Said(medium.caption, attachments=(Attachment(kind, medium.id, clean_text(medium.mime_type), name),))


READERS: dict[str, Callable[[Content], Said | None]] = {
    "text": _text,
    "interactive": _interactive,
    "button": _button,
    "location": _location,
    "contacts": _contacts,
    "image": _medium,
    "document": _medium,
    "audio": _medium,
    "video": _medium,
    "sticker": _medium,
}


def _status(item: Any) -> Iterator[Event]:
    status = msgspec.convert(item, StatusPart)
    state = STATES.get(status.status)
    if state is None:
        yield Noted(CHANNEL, "status")
        return
    delivery = our_id(status.biz_opaque_callback_data)
    yield Status(CHANNEL, state, checked(status.id, MESSAGE_ID), delivery, _code(status.errors))


def _code(errors: Any) -> str:
    """The first error's code, digits; empty without one."""
    for error in errors if isinstance(errors, list) else ():
        try:
            code = str(msgspec.convert(error, ErrorPart).code)
        except msgspec.ValidationError:
            continue
        if CODE.fullmatch(code):
            return code
    return ""


def _preference(value: Value, item: Any) -> Iterator[Event]:
    preference = msgspec.convert(item, Preference)
    if preference.value not in PREFERENCES:
        yield Noted(CHANNEL, "other")
        return
    address = _sender(preference.wa_id, preference.user_id, value).address
    told = f"{address} {preference.value} {preference.timestamp}"
    provider_id = "preference-" + hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()
    given, at = PREFERENCES[preference.value], moment(preference.timestamp)
    yield Consent(CHANNEL, address, provider_id, given, at)
