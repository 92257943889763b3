"""Twilio's rules for a message that its OpenAPI does not state, each with Twilio's error code.

| code | meaning |
|---|---|
| 20001 | a parameter is wrong (schema) |
| 21211 | `To` is no number |
| 21602, 21617, 21619 | body is empty; too long; neither body, media nor content |
| 21603, 21604, 21606, 63007 | no `From`; no `To`; `From` is not ours: a number, a channel's address |
| 21609 | `StatusCallback` cannot be used |
| 21610 | the customer opted out |
| 21612 | this number cannot get media (no MMS there) |
| 21620, 21623 | a media URL is wrong; too many |
| 21655, 21656 | `ContentSid`, `ContentVariables` are wrong |
| 21910 | `From` and `To` are of different channels |
| 35118 | a scheduled message without a messaging service |
| 63003, 63005, 63013 | nobody there on this channel; content it does not show; content against its rules |
| 63016 | the 24 hours are over, and this is no approved template |
| 63021, 63028 | a template longer than 1,024 characters, content beyond its limits; with another number of variables |
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from bot.sandbox.accounts import Accounts
from bot.sandbox.content import check_filled, kind_of, rendered, shown_content
from bot.sandbox.inbound import PREFIXES, twilio_sender
from bot.sandbox.spec import twilio_message_problem
from bot.sandbox.violations import Broken, require
from bot.sandbox.world import Person, Place, Shown, World

LONGEST_BODY = 1600
LONGEST_CONTENT = 1024
LONGEST_CALLBACK = 4000
MOST_MEDIA = 10
E164 = re.compile(r"\+[1-9][0-9]{6,14}")
PAGE_SCOPED = re.compile(r"[0-9]{1,20}")
GEO = re.compile(r"geo:(-?[0-9]{1,3}(?:\.[0-9]+)?),(-?[0-9]{1,3}(?:\.[0-9]+)?)(?:\|(.*))?")
HOST = re.compile(r"[A-Za-z0-9.:\[\]-]+")
MMS_COUNTRIES = ("+1",)
BUTTONS_IN_SESSION = 3
Form = Mapping[str, list[str]]


class TwilioRules:
    """Checks a message against schema, rules and the state of its customer."""

    def __init__(self, world: World, accounts: Accounts, public_url: str, approved: Mapping[str, int]) -> None:
        self._world = world
        self._accounts = accounts
        self._public_url = public_url
        self._approved = approved

    def channel(self, form: Form) -> str:
        """The portal's channel of this message, from its addressee."""
        to = _one(form, "To")
        return next((name for name, prefix in PREFIXES.items() if prefix and to.startswith(prefix)), "sms")

    def shown(self, form: Form) -> Shown:
        """What the customer will see; raises `Broken`. The 24 hours are not checked here."""
        require(_one(form, "To"), 21604, "To is missing")
        problem = twilio_message_problem(form)
        require(problem is None, 20001, problem or "")
        channel = self.channel(form)
        self._check_ends(form, channel)
        self._check_delivery(form)
        return self._content(form, channel) if "ContentSid" in form else self._words(form, channel)

    def needs_window(self, form: Form, channel: str) -> bool:
        """Whether the message is taken only within 24 hours: all but SMS and approved templates."""
        return channel != "sms" and _one(form, "ContentSid") not in self._approved

    def _check_ends(self, form: Form, channel: str) -> None:
        prefix = PREFIXES[channel]
        sender, recipient = _one(form, "From"), _one(form, "To")
        require(sender, 21603, "From is missing, and there is no messaging service here")
        require(
            sender.startswith(prefix) and (prefix or ":" not in sender), 21910, "From is of another channel than To"
        )
        ours = prefix + twilio_sender(self._accounts, channel)
        require(sender == ours, 63007 if prefix else 21606, f"From is not ours; ours is {ours}")
        person = self._world.find(channel, recipient.removeprefix(prefix))
        if channel == "twilio_messenger":
            require(
                PAGE_SCOPED.fullmatch(recipient.removeprefix(prefix)) and person, 63003, "nobody there with this id"
            )
        else:
            require(E164.fullmatch(recipient.removeprefix(prefix)), 21211, "To is no number such as +491701234567")
        require(not (person and person.opted_out), 21610, "the customer opted out (STOP)")

    def _check_delivery(self, form: Form) -> None:
        callback = _one(form, "StatusCallback")
        if "StatusCallback" in form:
            host = urlsplit(callback).hostname or ""
            require(
                HOST.fullmatch(host) and len(callback) <= LONGEST_CALLBACK, 21609, "StatusCallback is no usable URL"
            )
            ours = callback.startswith(f"{self._public_url}/")
            require(ours, 21609, f"StatusCallback is not below {self._public_url}, the portal's address")
        validity = _one(form, "ValidityPeriod")
        require(not validity or 1 <= int(validity) <= 36000, 20001, "ValidityPeriod may be 1 to 36000")
        require("SendAt" not in form and "ScheduleType" not in form, 35118, "scheduling needs a messaging service")

    def _words(self, form: Form, channel: str) -> Shown:
        require("ContentVariables" not in form, 21656, "ContentVariables without ContentSid")
        require("Body" in form or "MediaUrl" in form, 21619, "give a Body, a MediaUrl or a ContentSid")
        body, media = _one(form, "Body"), form.get("MediaUrl", [])
        require(body.strip() or media, 21602, "Body is empty")
        require(len(body) <= LONGEST_BODY, 21617, f"Body has {len(body)} characters, at most {LONGEST_BODY}")
        _check_media(media, channel, _one(form, "To"))
        return Shown(text=body, image=media[0] if media else "", place=_place(form, channel))

    def _content(self, form: Form, channel: str) -> Shown:
        require(not form.keys() & {"Body", "MediaUrl"}, 20001, "Body and MediaUrl do not go with ContentSid")
        sid, variables = _one(form, "ContentSid"), _variables(_one(form, "ContentVariables"))
        if sid in self._approved:
            count = self._approved[sid]
            expected = {str(number) for number in range(1, count + 1)}
            require(set(variables) == expected, 63028, f"the template has {count} variables, numbered from 1")
            length = sum(map(len, variables.values()))
            require(length <= LONGEST_CONTENT, 63021, f"template and variables exceed {LONGEST_CONTENT} characters")
            return Shown(text="\n".join(variables.values()), template=sid)
        content = self._world.contents.get(sid)
        require(content is not None, 21655, "there is no such Content")
        filled = rendered(content or {}, variables)
        check_filled(filled)
        _check_fit(filled, channel)
        return shown_content(filled)


def status_callback(form: Form) -> str:
    """Where the portal wants to hear what became of the message."""
    return _one(form, "StatusCallback")


def require_window(world: World, person: Person | None) -> None:
    """Raise `Broken` when the customer has not written within 24 hours."""
    require(world.window_is_open(person), 63016, "outside the 24 hours; only an approved template is taken")


def segments(text: str) -> int:
    """How many SMS the text makes: 160 signs of GSM-7 or 70 of UCS-2, fewer in each when there are several."""
    if all(sign in GSM_7 or sign in GSM_7_DOUBLE for sign in text):
        length, one, part = len(text) + sum(sign in GSM_7_DOUBLE for sign in text), 160, 153
    else:
        length, one, part = len(text.encode("utf-16-le")) // 2, 70, 67
    return 1 if length <= one else -(-length // part)


GSM_7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_7_DOUBLE = frozenset("^{}\\[~]|€\f")


def _one(form: Form, name: str) -> str:
    return form.get(name, [""])[0]


def _check_media(urls: list[str], channel: str, recipient: str) -> None:
    require(len(urls) <= MOST_MEDIA, 21623, f"at most {MOST_MEDIA} media")
    for url in urls:
        require(url.startswith(("https://", "http://")) and urlsplit(url).hostname, 21620, "a MediaUrl is no URL")
    if urls and channel == "sms":
        require(recipient.startswith(MMS_COUNTRIES), 21612, "no MMS in this country: SMS there is text only")


def _place(form: Form, channel: str) -> Place | None:
    actions = form.get("PersistentAction", [])
    if not actions:
        return None
    found = GEO.fullmatch(actions[0])
    require(
        channel == "twilio_whatsapp" and found, 20001, "PersistentAction is geo:latitude,longitude|label, on WhatsApp"
    )
    latitude, longitude, label = found.groups() if found else ("0", "0", "")
    require(abs(float(latitude)) <= 90 and abs(float(longitude)) <= 180, 20001, "PersistentAction is nowhere on earth")
    return Place(float(latitude), float(longitude), label or "")


def _variables(text: str) -> dict[str, str]:
    if not text:
        return {}
    try:
        variables = msgspec.json.decode(text, type=dict[str, str])
    except msgspec.DecodeError as error:
        raise Broken(21656, "ContentVariables is no JSON object of strings") from error
    require(all(variables.values()), 21656, "a variable is empty")
    return variables


def _check_fit(content: dict[str, Any], channel: str) -> None:
    """Whether a channel shows this Content; it is not approved, so it is sent in session."""
    kind, parts = kind_of(content)
    if channel == "sms":
        require(kind in ("twilio/text", "twilio/media"), 63005, f"SMS shows no {kind}")
    if kind == "twilio/list-picker":
        require(channel == "twilio_whatsapp", 63005, "only WhatsApp shows lists")
    if kind == "twilio/quick-reply" and channel == "twilio_whatsapp":
        count = len(parts["actions"])
        require(count <= BUTTONS_IN_SESSION, 63013, f"{count} buttons; unapproved at most {BUTTONS_IN_SESSION}")
