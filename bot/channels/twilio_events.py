"""Twilio's forms, already verified, as events: incoming messages and status callbacks; pure.

Source: https://www.twilio.com/docs/messaging/guides/webhook-request. Parameters appear without notice and are ignored
unless they are named here. Channels are told apart by the prefix of the addresses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qsl

from bot.channels.events import Consent, Event, Noted, Status
from bot.channels.outlet import joined
from bot.channels.twilio_codes import STATES
from bot.channels.twilio_signature import Form
from bot.errors import BadRequest, Unauthorized
from bot.turns import Attachment, Incoming, Intent, clean_text

PREFIXES = {"": "sms", "whatsapp": "twilio_whatsapp", "messenger": "twilio_messenger"}
SINGLETONS = (
    *("MessageSid", "SmsSid", "SmsMessageSid", "AccountSid", "From", "To", "Body", "NumMedia", "OptOutType"),
    *("ButtonPayload", "ButtonText", "ListId", "ListTitle", "Latitude", "Longitude", "MessageType"),
    *("MessageStatus", "SmsStatus", "ErrorCode"),
)
MEDIA_NAME = re.compile(r"Media(Url|ContentType)[0-9]+")
MESSAGE_SID = re.compile(r"(SM|MM)[0-9a-fA-F]{32}")
ADDRESS = re.compile(r"(?:(whatsapp|messenger):)?([0-9A-Za-z+._-]{1,64})")
E164 = re.compile(r"\+[1-9][0-9]{6,14}")
DEGREES = re.compile(r"-?[0-9]{1,3}(\.[0-9]{1,20})?")
MEDIA_URL = re.compile(r"https?://[!-~]{1,2000}")
DELIVERY = re.compile(r"[0-9A-Za-z._-]{1,80}")
ERROR_CODE = re.compile(r"[0-9]{1,6}")
MOST_MEDIA = 10
LONGEST_CHOICE = 256
VOICE_NOTES = ("audio/ogg", "audio/opus")
CONTACT_CARDS = ("text/vcard", "text/x-vcard", "text/directory")


def message_events(form: Form, account: str) -> list[Event]:
    """What an incoming message says. Raises `BadRequest`, or `Unauthorized` for another account's."""
    sid = _checked_sid(form, account)
    ours, theirs = ADDRESS.fullmatch(form.get("To", "")), ADDRESS.fullmatch(form.get("From", ""))
    if ours is None or theirs is None or ours[1] != theirs[1]:
        return [Noted("sms", "unknown_sender")]
    channel, address = PREFIXES[theirs[1] or ""], joined(ours[2], theirs[2])
    if form.get("OptOutType"):
        return [_opt_out(form["OptOutType"].strip().upper(), channel, address, sid)]
    if form.get("MessageType") == "reaction":
        return [Noted(channel, "reaction")]
    phone = theirs[2] if E164.fullmatch(theirs[2]) and channel != "twilio_messenger" else None
    return [_turn(form, Incoming(channel, address, sid, phone_hint=phone))]


def status_events(form: Form, query: str, account: str) -> list[Event]:
    """What a status callback says; `query` is that of its address. Raises as `message_events` does."""
    sid = _checked_sid(form, account)
    ours = ADDRESS.fullmatch(form.get("From", ""))
    channel = PREFIXES[(ours and ours[1]) or ""]
    state = STATES.get(form.get("MessageStatus") or form.get("SmsStatus", ""))
    if state is None:
        return [Noted(channel, "unknown_status")]
    code = form.get("ErrorCode", "")
    return [Status(channel, state, sid, _delivery(query), code if ERROR_CODE.fullmatch(code) else "")]


def _checked_sid(form: Form, account: str) -> str:
    """The message's id; ambiguous, foreign and ill-formed requests are refused."""
    for name, values in form.lists():
        if len(values) > 1 and (name in SINGLETONS or MEDIA_NAME.fullmatch(name)):
            raise BadRequest(f"{name} is there more than once")
    if form.get("AccountSid") != account:
        raise Unauthorized("another account", status=403)
    sid = form.get("MessageSid") or form.get("SmsSid", "")
    if not MESSAGE_SID.fullmatch(sid):
        raise BadRequest("MessageSid is none")
    return sid


def _opt_out(kind: str, channel: str, address: str, sid: str) -> Event:
    """Twilio has already answered such a message itself."""
    if kind in ("STOP", "START"):
        return Consent(channel, address, sid, given=kind == "START")
    return Noted(channel, "help" if kind == "HELP" else "unknown_opt_out")


def _turn(form: Form, sender: Incoming) -> Incoming:
    """The turn of this sender; what has no content that we can read is an unsupported attachment."""
    choice = form.get("ButtonPayload") or form.get("ListId", "")
    label = form.get("ButtonText") or form.get("ListTitle") or form.get("Body", "")
    text = label if choice else form.get("Body", "") or label
    place = _place(form)
    attachments = tuple(_attachments(form))
    if not (clean_text(text) or place or attachments):
        attachments = (Attachment("unsupported", ""),)
    return Incoming(
        channel=sender.channel,
        address=sender.address,
        provider_id=sender.provider_id,
        text=text,
        intent=place,
        phone_hint=sender.phone_hint,
        choice=choice if 0 < len(choice) <= LONGEST_CHOICE and clean_text(choice) == choice else None,
        attachments=attachments,
    )


def _place(form: Form) -> Intent | None:
    """The place the customer shares, if both coordinates are such."""
    latitude, longitude = form.get("Latitude", "").strip(), form.get("Longitude", "").strip()
    if not DEGREES.fullmatch(latitude) or not DEGREES.fullmatch(longitude):
        return None
    if abs(float(latitude)) > 90 or abs(float(longitude)) > 180:
        return None
    return Intent("location_shared", {"latitude": _degrees(latitude), "longitude": _degrees(longitude)})


def _degrees(number: str) -> str:
    """Plain decimals, to about ten centimetres."""
    return f"{float(number):.6f}".rstrip("0").rstrip(".")


def _attachments(form: Form) -> Iterator[Attachment]:
    count = form.get("NumMedia", "")
    number = min(int(count), MOST_MEDIA) if re.fullmatch("[0-9]{1,3}", count) else 0
    for index in range(number):
        url, media_type = form.get(f"MediaUrl{index}", ""), form.get(f"MediaContentType{index}", "")
        if MEDIA_URL.fullmatch(url):
            yield Attachment(
                _kind(form, media_type.partition(";")[0].strip().lower()), url, clean_text(media_type)[:100]
            )
        else:
            yield Attachment("unsupported", "")


def _kind(form: Form, media_type: str) -> str:
    """What an attachment is to the customer. A voice note comes as Ogg; nothing else tells it from other audio."""
    if media_type in CONTACT_CARDS:
        return "contact"
    if media_type in VOICE_NOTES:
        return "voice"
    if form.get("MessageType") == "sticker":
        return "sticker"
    main = media_type.partition("/")[0]
    return main if main in ("image", "audio", "video") else "document"


def _delivery(query: str) -> str | None:
    """Our own id of the delivery, from the address that we gave Twilio for its status."""
    values = [value for name, value in parse_qsl(query) if name == "delivery"]
    return values[0] if len(values) == 1 and DELIVERY.fullmatch(values[0]) else None
