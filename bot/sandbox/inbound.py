"""What customers do, in the providers' words: one event each, as Twilio's form or Meta's JSON.

An event is not sent yet, so that a test can send it twice, late, or with others in one batch.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from bot.sandbox.accounts import Accounts
from bot.sandbox.world import Medium, Message, Option, Person, Place

PREFIXES = {"sms": "", "twilio_whatsapp": "whatsapp:", "twilio_messenger": "messenger:"}
OPT_OUT_WORDS = ("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT")
OPT_IN_WORDS = ("START", "YES", "UNSTOP")
HELP_WORDS = ("HELP", "INFO")
BUSINESS_SCOPED = re.compile(r"[A-Z]{2}\..+")
MILLISECONDS = 1000
PAGE_INBOX = 263902037430900


@dataclass(frozen=True)
class Event:
    """One thing a customer did; `payload` is a form for Twilio and JSON for Meta, `id` the provider's of it."""

    channel: str
    id: str
    payload: dict[str, Any]


class Speech(Protocol):
    """How one provider words what a customer does."""

    def text(self, person: Person, text: str, at: datetime) -> Event:
        """Written words."""

    def press(self, person: Person, message: Message, option: Option, at: datetime) -> Event:
        """A pressed option of a message."""

    def file(self, person: Person, kind: str, medium: Medium, caption: str, at: datetime) -> Event:
        """An image, document, audio, voice note, video or sticker."""

    def place(self, person: Person, place: Place, at: datetime) -> Event:
        """A shared location."""


class TwilioSpeech:
    """Twilio's form; `sandbox_url` is where media are fetched."""

    def __init__(self, accounts: Accounts, sandbox_url: str) -> None:
        self._accounts = accounts
        self._url = sandbox_url

    def text(self, person: Person, text: str, at: datetime) -> Event:
        """Words; by SMS the opt-out words are Twilio's business, which it tells by `OptOutType`."""
        more = _opt_out_type(text) if person.channel == "sms" else {}
        return self._event(person, {"Body": text, **more})

    def press(self, person: Person, message: Message, option: Option, at: datetime) -> Event:
        """A quick reply or a row of a list."""
        if option.kind == "row":
            own = {"ListId": option.id, "ListTitle": option.title, "ListDescription": option.description}
        else:
            own = {"ButtonText": option.title, "ButtonPayload": option.id, "ButtonType": "REPLY"}
        context = {
            "OriginalRepliedMessageSid": message.sid,
            "OriginalRepliedMessageSender": PREFIXES[message.channel] + message.sender,
        }
        return self._event(person, {"Body": option.title, **own, **context})

    def file(self, person: Person, kind: str, medium: Medium, caption: str, at: datetime) -> Event:
        """A file behind a URL; without a caption the body is empty."""
        sid = _sid("MM")
        path = f"/2010-04-01/Accounts/{self._accounts.twilio_account}/Messages/{sid}/Media/{medium_sid(medium)}"
        own = {"Body": caption, "MediaUrl0": self._url + path, "MediaContentType0": medium.media_type}
        return self._event(person, own, sid, media=1)

    def place(self, person: Person, place: Place, at: datetime) -> Event:
        """A location, without words."""
        degrees = {"Latitude": str(place.latitude), "Longitude": str(place.longitude)}
        return self._event(person, {"Body": "", **degrees, **({"Label": place.name} if place.name else {})})

    def _event(self, person: Person, own: dict[str, str], sid: str = "", *, media: int = 0) -> Event:
        sid = sid or _sid("SM")
        prefix = PREFIXES[person.channel]
        form = {
            "MessageSid": sid,
            "SmsSid": sid,
            "SmsMessageSid": sid,
            "AccountSid": self._accounts.twilio_account,
            "ApiVersion": "2010-04-01",
            "From": prefix + person.address,
            "To": prefix + twilio_sender(self._accounts, person.channel),
            "NumMedia": str(media),
            "NumSegments": "1",
            "SmsStatus": "received",
            **_about_sender(person),
            **own,
        }
        return Event(person.channel, sid, form)


class WhatsAppSpeech:
    """The Cloud API's webhook."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def text(self, person: Person, text: str, at: datetime) -> Event:
        """Words."""
        return self._event(person, {"type": "text", "text": {"body": text}}, at)

    def press(self, person: Person, message: Message, option: Option, at: datetime) -> Event:
        """A reply button, a row, or a template's button."""
        context = {"context": {"from": self._accounts.whatsapp_number, "id": message.sid}}
        if option.kind == "quick_reply":
            return self._event(
                person, {"type": "button", "button": {"payload": option.id, "text": option.title}, **context}, at
            )
        kind = "list_reply" if option.kind == "row" else "button_reply"
        reply = {"id": option.id, "title": option.title}
        if option.description:
            reply["description"] = option.description
        return self._event(person, {"type": "interactive", "interactive": {"type": kind, kind: reply}, **context}, at)

    def file(self, person: Person, kind: str, medium: Medium, caption: str, at: datetime) -> Event:
        """A file by its id."""
        field = "audio" if kind == "voice" else kind
        about: dict[str, Any] = {"id": medium.id, "mime_type": medium.media_type, "sha256": medium.sha256}
        if kind == "voice":
            about["voice"] = True
        if caption:
            about["caption"] = caption
        if medium.name and kind == "document":
            about["filename"] = medium.name
        return self._event(person, {"type": field, field: about}, at)

    def place(self, person: Person, place: Place, at: datetime) -> Event:
        """A location."""
        about: dict[str, Any] = {"latitude": place.latitude, "longitude": place.longitude}
        if place.name:
            about["name"] = place.name
        return self._event(person, {"type": "location", "location": about}, at)

    def _event(self, person: Person, own: dict[str, Any], at: datetime) -> Event:
        name = f"wamid.{uuid.uuid4().hex}"
        contact: dict[str, Any] = {"profile": {"name": person.name}}
        message: dict[str, Any] = {"id": name, "timestamp": str(int(at.timestamp())), **own}
        if not BUSINESS_SCOPED.fullmatch(person.address):
            contact["wa_id"] = message["from"] = person.address.lstrip("+")
        user_id = person.user_id or (person.address if BUSINESS_SCOPED.fullmatch(person.address) else "")
        if user_id:
            contact["user_id"] = message["from_user_id"] = user_id
        value = {"contacts": [contact], "messages": [message]}
        return Event(person.channel, name, whatsapp_change(self._accounts, value))


class MessengerSpeech:
    """Messenger's webhook; `sandbox_url` is where attachments are fetched."""

    def __init__(self, accounts: Accounts, sandbox_url: str) -> None:
        self._accounts = accounts
        self._url = sandbox_url

    def text(self, person: Person, text: str, at: datetime) -> Event:
        """Words."""
        return self._event(person, {"text": text}, at)

    def press(self, person: Person, message: Message, option: Option, at: datetime) -> Event:
        """A quick reply is a message with a payload; a template's button is a postback."""
        if option.kind == "quick_reply":
            return self._event(person, {"text": option.title, "quick_reply": {"payload": option.id}}, at)
        name = _mid()
        postback = {"postback": {"mid": name, "title": option.title, "payload": option.id}}
        return Event(person.channel, name, messenger_event(self._accounts, person.address, postback, at))

    def file(self, person: Person, kind: str, medium: Medium, caption: str, at: datetime) -> Event:
        """An attachment behind a URL; Messenger knows no captions, so it comes as text."""
        known = {"image": "image", "sticker": "image", "voice": "audio", "audio": "audio", "video": "video"}
        attachment = {"type": known.get(kind, "file"), "payload": {"url": f"{self._url}/sandbox/files/{medium.id}"}}
        return self._event(person, {"attachments": [attachment], **({"text": caption} if caption else {})}, at)

    def place(self, person: Person, place: Place, at: datetime) -> Event:
        """A location as an attachment."""
        degrees = {"lat": place.latitude, "long": place.longitude}
        attachment = {"type": "location", "title": place.name, "payload": {"coordinates": degrees}}
        return self._event(person, {"attachments": [attachment]}, at)

    def _event(self, person: Person, own: dict[str, Any], at: datetime) -> Event:
        name = _mid()
        payload = messenger_event(self._accounts, person.address, {"message": {"mid": name, **own}}, at)
        return Event(person.channel, name, payload)


def batch(events: Sequence[Event]) -> Event:
    """Several events of one of Meta's channels as one delivery."""
    first = events[0]
    entries = [entry for event in events for entry in event.payload["entry"]]
    return Event(first.channel, first.id, {"object": first.payload["object"], "entry": entries})


def whatsapp_change(accounts: Accounts, value: dict[str, Any]) -> dict[str, Any]:
    """A webhook of WhatsApp with this value."""
    metadata = {"display_phone_number": accounts.whatsapp_number, "phone_number_id": accounts.whatsapp_number_id}
    whole = {"messaging_product": "whatsapp", "metadata": metadata, **value}
    changes = [{"field": "messages", "value": whole}]
    return {"object": "whatsapp_business_account", "entry": [{"id": accounts.business, "changes": changes}]}


def messenger_event(accounts: Accounts, customer: str, own: dict[str, Any], at: datetime) -> dict[str, Any]:
    """A webhook of Messenger about one event; an echo goes from the page to the customer."""
    stamp = int(at.timestamp() * MILLISECONDS)
    ends = [{"id": customer}, {"id": accounts.messenger_page}]
    sender, recipient = reversed(ends) if own.get("message", {}).get("is_echo") else ends
    event = {"sender": sender, "recipient": recipient, "timestamp": stamp, **own}
    return {"object": "page", "entry": [{"id": accounts.messenger_page, "time": stamp, "messaging": [event]}]}


def agents_echo(accounts: Accounts, person: Person, text: str, at: datetime) -> Event:
    """What somebody writes in the page's own inbox on Facebook, as Messenger echoes it: another app, no metadata."""
    name = _mid()
    own = {"message": {"mid": name, "text": text, "is_echo": True, "app_id": PAGE_INBOX}}
    return Event(person.channel, name, messenger_event(accounts, person.address, own, at))


def twilio_sender(accounts: Accounts, channel: str) -> str:
    """The portal's number or page on one of Twilio's channels."""
    senders = {
        "sms": accounts.twilio_number,
        "twilio_whatsapp": accounts.twilio_whatsapp,
        "twilio_messenger": accounts.messenger_page,
    }
    return senders[channel]


def medium_sid(medium: Medium) -> str:
    """Twilio's name of a file."""
    return "ME" + medium.id.zfill(32)


def _opt_out_type(text: str) -> dict[str, str]:
    word = text.strip().upper()
    for kind, words in (("STOP", OPT_OUT_WORDS), ("START", OPT_IN_WORDS), ("HELP", HELP_WORDS)):
        if word in words:
            return {"OptOutType": kind}
    return {}


def _about_sender(person: Person) -> dict[str, str]:
    """What Twilio adds; for SMS the places it does not know, which are empty and signed all the same."""
    if person.channel == "twilio_whatsapp":
        return {"ProfileName": person.name, "WaId": person.address.lstrip("+")}
    if person.channel == "sms":
        return {"FromCountry": "DE", "FromCity": "", "FromState": "", "FromZip": "", "ToCountry": "DE", "ToCity": ""}
    return {}


def _sid(kind: str) -> str:
    return kind + uuid.uuid4().hex


def _mid() -> str:
    return f"m_{uuid.uuid4().hex}"
