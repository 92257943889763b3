"""Responses on the channels: each is rendered by every channel's own code and held against the channel's limits.

The limits stand here a second time, as the providers document them, so that a channel's mistake is found as well:
WhatsApp https://developers.facebook.com/documentation/business-messaging/whatsapp/messages, Messenger
https://developers.facebook.com/documentation/business-messaging/messenger-platform/send-messages, Twilio
https://www.twilio.com/docs/content and https://www.twilio.com/docs/messaging/api/message-resource.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bot.channels.forms import CHEAP, for_sms, utf16, without_emoji
from bot.channels.outlet import Form, Outlet
from bot.engine.attachments import link_in, location_in
from bot.turns import Choice, Reply
from bot.validation.responses import PLACEHOLDER, VOICE
from bot.validation.samples import sample
from bot.validation.source import LANGUAGES, Finding, Source, language_of

MOST_MESSAGES = 3
REFERENCE = "r" * 40
SMS = "sms"
WORDS = re.compile(r"\w+")
LEAK = re.compile(r"/[a-z_]+\{|\{[a-z_]+\}|\{\{|\}\}")

# The most UTF-16 units of each text in a channel's forms, and the most entries of each list.
TEXTS: Mapping[str, Mapping[str, int]] = {
    "sms": {"body": 1600},
    "twilio_whatsapp": {
        "body": 1600,
        "media": 2000,
        "place": 300,
        "button": 20,
        "buttons.id": 200,
        "buttons.title": 20,
        "rows.id": 200,
        "rows.title": 24,
        "rows.description": 72,
    },
    "twilio_messenger": {"body": 1600, "media": 2000, "buttons.id": 200, "buttons.title": 20},
    "whatsapp": {
        "type": 20,
        "text.body": 4096,
        "image.link": 2000,
        "image.caption": 1024,
        "location.latitude": 20,
        "location.longitude": 20,
        "location.name": 1000,
        "location.address": 1000,
        "interactive.type": 20,
        "interactive.body.text": 1024,
        "interactive.action.button": 20,
        "interactive.action.buttons.type": 20,
        "interactive.action.buttons.reply.id": 256,
        "interactive.action.buttons.reply.title": 20,
        "interactive.action.sections.rows.id": 200,
        "interactive.action.sections.rows.title": 24,
        "interactive.action.sections.rows.description": 72,
    },
    "messenger": {
        "text": 2000,
        "quick_replies.content_type": 20,
        "quick_replies.title": 20,
        "quick_replies.payload": 1000,
        "attachment.type": 20,
        "attachment.payload.url": 2000,
        "attachment.payload.template_type": 20,
        "attachment.payload.text": 640,
        "attachment.payload.buttons.type": 20,
        "attachment.payload.buttons.url": 2000,
        "attachment.payload.buttons.title": 20,
    },
}
# Twilio's rows are sent without an empty description.
MAY_BE_EMPTY = ("rows.description",)
LISTS: Mapping[str, Mapping[str, int]] = {
    "twilio_whatsapp": {"buttons": 3, "rows": 10},
    "twilio_messenger": {"buttons": 10},
    "whatsapp": {
        "interactive.action.buttons": 3,
        "interactive.action.sections": 10,
        "interactive.action.sections.rows": 10,
    },
    "messenger": {"quick_replies": 13, "attachment.payload.buttons": 3},
}


def check_channels(domain: Sequence[Source], outlets: Sequence[Outlet]) -> Iterator[Finding]:
    """What does not fit when each response goes out on each channel, with the longest ordinary values filled in."""
    for source in domain:
        for name, variants in source.responses():
            for number, variant in enumerate(variants):
                language = language_of(variant)
                if language not in LANGUAGES or variant.get("channel") == VOICE:
                    continue
                where = source.where("responses", name, number, name=f"{name} ({language})")
                yield from _check_cost(where, variant)
                reply = rendered(variant, language)
                for outlet in outlets:
                    yield from _check(where, outlet, reply)


def rendered(variant: Mapping[str, Any], language: str) -> Reply:
    """The variant as a reply, its placeholders filled."""
    buttons = variant.get("buttons") or []
    attachment = _filled(variant.get("attachment"))
    return Reply(
        text=_filled(str(variant.get("text", ""))),
        choices=tuple(Choice(_filled(b.get("title", "")), _filled(b.get("payload", ""))) for b in buttons),
        image=_filled(variant.get("image")),
        language=language,
        link=link_in(attachment),
        location=location_in(attachment),
    )


def _filled(part: Any) -> Any:
    if isinstance(part, dict):
        return {name: _filled(value) for name, value in part.items()}
    if not isinstance(part, str):
        return part
    return PLACEHOLDER.sub(lambda found: sample(found[1]), part).replace("{{", "{").replace("}}", "}")


def _check_cost(where: str, variant: Mapping[str, Any]) -> Iterator[Finding]:
    """A sign beyond the cheap alphabet makes a text message cost more than twice as much."""
    text = PLACEHOLDER.sub("", str(variant.get("text", "")))
    titles = [str(button.get("title", "")) for button in variant.get("buttons") or []]
    dear = sorted({sign for sign in for_sms(" ".join([text, *titles])) if sign not in CHEAP})
    if dear:
        yield Finding(where, f"{' '.join(dear)!r} makes a text message twice as dear", "use plain signs", is_hint=True)


def _check(where: str, outlet: Outlet, reply: Reply) -> Iterator[Finding]:
    try:
        forms = outlet.forms(reply, REFERENCE)
    except Exception as error:
        yield Finding(where, f"{outlet.name} cannot show it ({type(error).__name__})", "look at the channel's `forms`")
        return
    if not forms:
        yield Finding(where, f"nothing of it is sent on {outlet.name}", "write a text")
    if len(forms) > MOST_MESSAGES:
        yield Finding(where, f"it becomes {len(forms)} messages on {outlet.name}", "make it shorter")
    for what in sorted(set(_problems(outlet, reply, forms))):
        yield Finding(where, f"{outlet.name}: {what}", "shorten or split it; see docs/messengers.md")


def _problems(outlet: Outlet, reply: Reply, forms: list[Form]) -> Iterator[str]:
    shown = []
    for form in forms:
        for path, entry in _parts(form, ""):
            if isinstance(entry, str):
                shown.append(entry)
                yield from _too_long(outlet.name, path, entry)
                if LEAK.search(entry) or any(entry == choice.payload for choice in reply.choices):
                    yield f"customers would read {entry!r}"
            elif isinstance(entry, list):
                yield from _too_many(outlet.name, path, entry)
    yield from _lost(reply, " ".join(shown))
    if outlet.name == SMS and any(without_emoji(text) != text.strip() for text in shown):
        yield "there is an emoji in a text message"


def _parts(part: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every text and list in a form, with the names that lead to it."""
    if isinstance(part, dict):
        for name, value in part.items():
            yield from _parts(value, f"{path}.{name}".lstrip("."))
    else:
        yield path, part
        if isinstance(part, list):
            for value in part:
                yield from _parts(value, path)


def _too_long(channel: str, path: str, text: str) -> Iterator[str]:
    most = TEXTS.get(channel, {}).get(path)
    if most is None:
        yield f"`{path}` has no limit in bot/validation/channels.py"
    elif utf16(text) > most or not (text or path in MAY_BE_EMPTY):
        yield f"`{path}` has {utf16(text)} characters, at most {most}"


def _too_many(channel: str, path: str, entries: list[Any]) -> Iterator[str]:
    most = LISTS.get(channel, {}).get(path, 0)
    if not 0 < len(entries) <= most:
        yield f"`{path}` has {len(entries)} entries, at most {most}"
    titles = [str(entry.get("title") or entry.get("reply", {}).get("title")) for entry in entries]
    if len(set(titles)) < len(titles):
        yield f"two entries of `{path}` look alike"


def _lost(reply: Reply, shown: str) -> Iterator[str]:
    """Words and titles that the forms do not have."""
    told = f" {' '.join(WORDS.findall(shown))} "
    known = set(WORDS.findall(shown))
    if missing := [word for word in WORDS.findall(reply.text) if word not in known]:
        yield f"the word {missing[0]!r} is lost"
    for choice in reply.choices:
        if f" {' '.join(WORDS.findall(choice.title))} " not in told:
            yield f"the choice {choice.title!r} is lost or cut"
