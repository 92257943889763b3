"""What a voice should say: written text becomes words for the ear, and `<Say>` within Twilio's limits.

Everything is plain words, which Amazon's and Google's voices read alike; only the pause between two groups of digits is
SSML. Not said are: control characters, zero width, emoji, markup signs, page addresses, and signs without a sound.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from urllib.parse import quote
from xml.sax.saxutils import escape

from twilio.twiml.voice_response import Gather, Say, VoiceResponse

from voice.clean import first_unspeakable, plain, smooth
from voice.spoken_dates import date_rules
from voice.spoken_numbers import Rule, address_rules, digit_groups, number_rules
from voice.words import Words, words_of

__all__ = ["digit_groups", "say", "short_menu", "spoken_text", "unspeakable"]

# Amazon's voices take 3,000 characters and Twilio 4,500 URL-encoded ones; the rest is reserve.
LONGEST_SAY = 3000
LONGEST_ENCODED = 4000
PAUSE = "300ms"
BREAK = f'<break time="{PAUSE}" /> '
LOCALES = {"de": "de-DE", "en": "en-GB"}
VOICE_LOCALE = re.compile(r"\b[a-z]{2}-[A-Z]{2}\b")
PLACEHOLDER = re.compile(r"\{[a-z_]+\}")
SENTENCES = re.compile(r"(?<=[.!?]) +")
CLAUSES = re.compile(r"(?<=[,;:]) +")
BLANKS = re.compile(r" +")
KEYS = range(1, 10)
FOR_THE_EYE = re.compile(
    r"\b(?:schreiben Sie|\w*(?:klick|tipp)(?:en|e|t)|siehe (?:oben|unten)|click(?:ed|ing)?|tap|mistyped"
    r"|(?:please|or|just) (?:write|type)|see (?:above|below))\b",
    re.IGNORECASE,
)


def say(parent: VoiceResponse | Gather, text: str, *, language: str, voice: str) -> None:
    """Append the text to a response or gather as one or more `<Say>`, cut at the ends of sentences.

    `language` is de, en or a full tag such as en-US; `voice` is Twilio's name of a voice. Nothing is appended when the
    text has nothing to say.
    """
    locale = VOICE_LOCALE.search(voice)
    for part in _parts(spoken_text(text, language), language):
        pieces = _between_pauses(part, language)
        said: Say = parent.say(
            pieces[0], voice=voice, language=locale.group() if locale else LOCALES.get(language, language)
        )
        for piece in pieces[1:]:
            said.break_(time=PAUSE)
            said.append(f" {piece}")


def spoken_text(text: str, language: str) -> str:
    """What is heard: numbers, dates, amounts, addresses, units and abbreviations in words, on one line."""
    said = plain(text)
    for pattern, words in _rules(language):
        said = pattern.sub(words, said)
    return smooth(said)


def unspeakable(text: str) -> str | None:
    """The first thing in a text that a caller cannot hear or use, None when it can all be said.

    That is a page address, markup, emoji or control character, or words such as „klicken“; placeholders are fine.
    """
    words = PLACEHOLDER.sub("", text)
    eye = FOR_THE_EYE.search(words)
    return first_unspeakable(words) or (eye.group() if eye else None)


def short_menu(titles: Sequence[str], language: str) -> str:
    """Choices by number, for the keys 1 to 9: `Sagen oder drücken Sie: eins für Ja, zwei für Nein.`"""
    words = words_of(language)
    choices = (
        f"{words.digits[key]} {words.key} {title.rstrip(' .?!')}" for key, title in zip(KEYS, titles, strict=False)
    )
    return f"{words.menu}: {', '.join(choices)}."


@lru_cache(maxsize=8)
def _rules(language: str) -> tuple[Rule, ...]:
    words = words_of(language)
    return (
        *address_rules(language),
        *date_rules(language),
        *_short_forms(words),
        *number_rules(language),
        *_signs(words),
    )


def _short_forms(words: Words) -> Iterator[Rule]:
    for short, long in words.short.items():
        start = f"[{short[0].upper()}{short[0].lower()}]" if short not in ("max.", "Fr.") else short[0]
        written = start + re.escape(short[1:]).replace(r"\ ", " ?")
        end = r"(?= ?[A-ZÄÖÜ])" if short == "Fr." else r"(?!\w)" if short[-1] != "." else ""
        yield re.compile(rf"(?<![\w.]){written}{end}"), _constant(long)
    for short, long in words.endings.items():
        yield re.compile(rf"(?<=\w){re.escape(short)}(?!\w)"), _constant(long)
    yield re.compile(r"(?:#|\bNos?\.) ?(?=\d)"), _constant(f"{words.number} ")
    units = "|".join(re.escape(unit) for unit in sorted(words.units, key=len, reverse=True))
    yield (
        re.compile(rf"(?<![\w])(\d+(?:[.,]\d+)?) ?({units})(?!\w)"),
        lambda match: f"{match[1]} {words.units[match[2]][match[1] != '1']}",
    )
    yield re.compile(r"(?<!\w)(\d+) ?[x×](?= )"), lambda match: f"{match[1]} {words.times}"


def _signs(words: Words) -> Iterator[Rule]:
    for sign, word in words.signs.items():
        yield re.compile(re.escape(sign)), _constant(f" {word} ")


def _constant(words: str) -> Callable[[re.Match[str]], str]:
    return lambda _: words


def _parts(text: str, language: str) -> Iterator[str]:
    """The text in parts that each fit into a `<Say>`: whole sentences, else clauses, words, or characters."""
    part = ""
    for piece in _pieces(text, language, (SENTENCES, CLAUSES, BLANKS)):
        longer = f"{part} {piece}".strip()
        if part and not _fits(longer, language):
            yield part
            longer = piece
        part = longer
    if part:
        yield part


def _pieces(text: str, language: str, cuts: Sequence[re.Pattern[str]]) -> Iterator[str]:
    """The text cut at the first of `cuts`; a piece that is still too long is cut at the next."""
    if _fits(text, language):
        yield text
    elif cuts:
        for piece in cuts[0].split(text):
            yield from _pieces(piece, language, cuts[1:])
    else:
        middle = len(text) // 2
        yield from _pieces(text[:middle], language, ())
        yield from _pieces(text[middle:], language, ())


def _fits(text: str, language: str) -> bool:
    written = BREAK.join(escape(piece) for piece in _between_pauses(text, language))
    return len(written) <= LONGEST_SAY and len(quote(written)) <= LONGEST_ENCODED


def _between_pauses(text: str, language: str) -> list[str]:
    return _pauses(language).split(text)


@lru_cache(maxsize=8)
def _pauses(language: str) -> re.Pattern[str]:
    """The comma between two groups of digits."""
    digits = words_of(language).digits
    return re.compile(f"(?:{'|'.join(rf'(?<= {digit})' for digit in digits)}), (?=(?:{'|'.join(digits)}) )")
