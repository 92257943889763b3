"""Responses by themselves: languages, placeholders, words that can be shown and spoken, buttons, what comes along."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from bot.channels.forms import is_distinct
from bot.engine.attachments import is_page
from bot.validation.source import LANGUAGES, WRITTEN_ONLY, Finding, Source, language_of

LONGEST_TEXT = 1000
LONGEST_TITLE = 20
MOST_BUTTONS = 5
VOICE = "voice"
PLACEHOLDER = re.compile(r"(?<!\{)\{([a-z_]+)\}(?!\})")
SINGLE_BRACE = re.compile(r"(?<!\{)\{(?!\{)")
MARKUP = re.compile(r"[<>*_#`|\\]")
UNSPEAKABLE = re.compile(r"https?://|www\.|[\U0001F000-\U0001FFFF\u2600-\u27BF]")
URL = re.compile(r"https?://\S+")
IN_A_LINK = {"title", "url"}
IN_A_LOCATION = {"latitude", "longitude", "name", "address"}
Variant = dict[str, Any]


def check_responses(domain: Sequence[Source], intents: set[str]) -> Iterator[Finding]:
    """What is wrong with the responses of all files."""
    seen: dict[str, Source] = {}
    for source in domain:
        for name, line in source.doubles("responses"):
            yield Finding(f"{source.file}:{line}: {name}", "it stands twice in this file", "keep one of them")
        for name, variants in source.responses():
            where = source.where("responses", name)
            if name in seen:
                yield Finding(where, f"it stands in {seen[name].where('responses', name)} too", "keep one of them")
            seen[name] = source
            yield from _check_languages(where, variants)
            for number, variant in enumerate(variants):
                place = source.where("responses", name, number, name=name)
                yield from _check_variant(
                    place, variant, intents, is_heard=not name.startswith(WRITTEN_ONLY) and _is_heard(variant, variants)
                )


def _check_languages(where: str, variants: list[Variant]) -> Iterator[Finding]:
    by_channel: dict[str, dict[str, set[str]]] = defaultdict(dict)
    for variant in variants:
        language = language_of(variant)
        if language is None:
            yield Finding(where, "a variant has no language", "give it the condition *de or *en")
            continue
        known = by_channel[variant.get("channel") or "any"]
        known.setdefault(language, set()).update(_placeholders(variant))
    for channel, languages in by_channel.items():
        missing = [language for language in LANGUAGES if language not in languages]
        if missing:
            yield Finding(where, f"{', '.join(missing)} is missing (channel {channel})", "add the text")
        elif languages["de"] != languages["en"]:
            other = ", ".join(sorted(languages["de"] ^ languages["en"]))
            yield Finding(where, f"the languages have different placeholders: {other}", "use the same ones")


def _placeholders(variant: Variant) -> Iterator[str]:
    for part in ("text", "image", "attachment"):
        yield from PLACEHOLDER.findall(str(variant.get(part, "")))


def _is_heard(variant: Variant, variants: list[Variant]) -> bool:
    """Whether callers hear it: it is for the phone, or there is no other for the phone."""
    language = language_of(variant)
    others = (other for other in variants if language_of(other) == language)
    return variant.get("channel") == VOICE or not any(other.get("channel") == VOICE for other in others)


def _check_variant(where: str, variant: Variant, intents: set[str], *, is_heard: bool) -> Iterator[Finding]:
    text = str(variant.get("text", ""))
    if not text.strip():
        yield Finding(where, "the text is empty", "write it")
    if len(text) > LONGEST_TEXT:
        yield Finding(where, f"the text has {len(text)} characters", f"at most {LONGEST_TEXT}, or cut it in two")
    if found := MARKUP.search(URL.sub("", text)):
        yield Finding(where, f"{found.group()!r} cannot be spoken and is shown as it stands", "say it in words")
    if is_heard and (found := UNSPEAKABLE.search(text)):
        yield Finding(where, f"{found.group()!r} cannot be spoken", "say it in words, or add a channel: voice variant")
    yield from _check_buttons(where, variant.get("buttons") or [], intents)
    yield from _check_attachment(where, variant)


def _check_buttons(where: str, buttons: list[dict[str, str]], intents: set[str]) -> Iterator[Finding]:
    if len(buttons) > MOST_BUTTONS:
        yield Finding(where, f"{len(buttons)} buttons", f"at most {MOST_BUTTONS}")
    if not is_distinct(button.get("title", "") for button in buttons):
        yield Finding(where, "two buttons look alike, or one has no title", "give each a title of its own")
    for button in buttons:
        yield from _check_button(where, button, intents)


def _check_button(where: str, button: dict[str, str], intents: set[str]) -> Iterator[Finding]:
    title, payload = button.get("title", ""), button.get("payload", "")
    if not 0 < len(title) <= LONGEST_TITLE:
        yield Finding(where, f"the button {title!r} has {len(title)} characters", f"1 to {LONGEST_TITLE}")
    intent = payload.removeprefix("/").partition("{")[0]
    if not payload.startswith("/") or intent not in intents:
        yield Finding(where, f"the button {title!r} leads to {intent!r}, which is no intent", "correct the payload")
    if SINGLE_BRACE.search(payload):
        yield Finding(where, f"the payload of {title!r} has a single brace", "double it, Rasa fills single ones")


def _check_attachment(where: str, variant: Variant) -> Iterator[Finding]:
    image, attachment = variant.get("image"), variant.get("attachment")
    if image and not _may_be_page(str(image)):
        yield Finding(where, "the image is no https address", "give one that anybody can open")
    if attachment is None:
        return
    if variant.get("channel") == VOICE:
        yield Finding(where, "a caller cannot see an attachment", "leave it out of the voice variant")
    parts = attachment if isinstance(attachment, dict) else {}
    link, place = parts.get("link"), parts.get("location")
    if not parts or set(parts) - {"link", "location"}:
        yield Finding(where, "the attachment is neither a link nor a location", "see docs/messengers.md")
    if link is not None and (set(link) != IN_A_LINK or not _may_be_page(str(link.get("url")))):
        yield Finding(where, "the link is no https address with a title", "give `title` and `url`")
    elif link is not None and len(str(link["title"])) > LONGEST_TITLE:
        yield Finding(where, f"the link {link['title']!r} is too long for a button", f"at most {LONGEST_TITLE}")
    if place is not None and not {"latitude", "longitude"} <= set(place) <= IN_A_LOCATION:
        yield Finding(where, "the location has no degrees", "give `latitude`, `longitude`, and `name`, `address`")


def _may_be_page(url: str) -> bool:
    """Whether it is the address of a page, or becomes one when its placeholders are filled."""
    return bool(PLACEHOLDER.fullmatch(url)) or is_page(PLACEHOLDER.sub("x", url))
