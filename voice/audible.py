"""Can a caller hear everything that the bot says: each response as the phone would say it, with ordinary values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bot.validation import Finding
from bot.validation.shapes import DOMAIN
from bot.validation.source import WRITTEN_ONLY, language_of, read_folder
from voice.samples import SAMPLES
from voice.speech import spoken_text, unspeakable

LONGEST_HEARD = 300
PLACEHOLDER = re.compile(r"(?<!\{)\{([a-z_]+)\}(?!\})")
Variants = Sequence[Mapping[str, Any]]


def check_audible(domain: Path) -> list[Finding]:
    """What a caller could not hear well in the responses of a domain folder.

    A voice variant needs every language, no text or button may be unspeakable, and none takes too long to listen to.
    What only messengers say is left out, by its name.
    """
    return [
        finding
        for source in read_folder(domain, DOMAIN)
        for name, variants in source.responses()
        if not name.startswith(WRITTEN_ONLY)
        for finding in _check_response(source.where("responses", name), variants)
    ]


def heard(text: str, language: str) -> str:
    """A response's text as a caller hears it, with an ordinary value in each placeholder."""
    values = SAMPLES[language]
    return spoken_text(PLACEHOLDER.sub(lambda match: values.get(match[1], match[1]), text), language)


def _check_response(where: str, variants: Variants) -> Iterator[Finding]:
    spoken = {language_of(variant) for variant in variants if variant.get("channel") == "voice"}
    for language in SAMPLES:
        if spoken and language not in spoken:
            yield Finding(where, f"it has a voice variant, but none in {language}", "add it with channel: voice")
        for variant in _for_callers(variants, language):
            yield from _check_variant(f"{where} ({language})", variant, language)


def _for_callers(variants: Variants, language: str) -> list[Mapping[str, Any]]:
    """What a caller can hear in a language: the voice variants if there are any, else those of every channel."""
    fitting = [variant for variant in variants if language_of(variant) == language]
    voice = [variant for variant in fitting if variant.get("channel") == "voice"]
    return voice or [variant for variant in fitting if variant.get("channel") is None]


def _check_variant(where: str, variant: Mapping[str, Any], language: str) -> Iterator[Finding]:
    text = str(variant.get("text", ""))
    for said in (text, *(str(button.get("title", "")) for button in variant.get("buttons") or [])):
        if found := unspeakable(said):
            yield Finding(
                where, f"{found!r} is nothing for the phone", "say it in words, or add a channel: voice variant"
            )
    length = len(heard(text, language))
    if length > LONGEST_HEARD:
        yield Finding(
            where, f"{length} characters are heard", f"at most {LONGEST_HEARD}: add a shorter channel: voice variant"
        )
