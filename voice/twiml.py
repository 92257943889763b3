"""TwiML: what is said, asked, dialled or awaited, as the document that Twilio plays. Pure.

Made with Twilio's helper only, never with string templates, and read once by an XML parser before it leaves.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import accumulate

from twilio.twiml.voice_response import Dial as DialVerb
from twilio.twiml.voice_response import Gather, VoiceResponse

from bot.settings import SpeakerSettings
from voice import speech
from voice.clean import plain

MOST_BYTES = 64 * 1024
MOST_HINTS = 500
LONGEST_HINT = 100
MOST_HINT_BYTES = 16 * 1024
MOST_CHARACTERS = 8000
CONTENT_TYPE = "text/xml; charset=utf-8"


class TwimlTooLong(ValueError):
    """The document is larger than Twilio takes."""


@dataclass(frozen=True)
class Saying:
    """Words in a language, `de` or `en`."""

    text: str
    language: str


@dataclass(frozen=True)
class Ears:
    """How the call listens: seconds until silence counts and that end an answer; `one_key` takes a key at once.

    `hints` are for the recogniser, the most specific first; those that are too many are left out.
    """

    language: str
    timeout: int
    pause: int
    hints: Sequence[str] = ()
    one_key: bool = False


@dataclass(frozen=True)
class Ask:
    """Say something and listen."""

    sayings: Sequence[Saying]
    ears: Ears


@dataclass(frozen=True)
class Wait:
    """Say something and ask again for the answer."""

    sayings: Sequence[Saying]


@dataclass(frozen=True)
class Dial:
    """Say something and connect the call with a number, which rings for so many seconds."""

    sayings: Sequence[Saying]
    number: str
    ring_seconds: int


@dataclass(frozen=True)
class End:
    """Say something and hang up."""

    sayings: Sequence[Saying] = ()


Move = Ask | Wait | Dial | End
Speakers = dict[str, SpeakerSettings]


def render(move: Move, speakers: Speakers, next_url: str) -> str:
    """The document for a move; `next_url` is where the call goes on."""
    response = VoiceResponse()
    match move:
        case Ask():
            response.append(_gather(move, speakers, next_url))
            response.redirect(next_url)
        case Wait():
            _say(response, move.sayings, speakers)
            response.redirect(next_url)
        case Dial():
            _say(response, move.sayings, speakers)
            response.append(_dial(move, next_url))
        case End():
            _say(response, move.sayings, speakers)
            response.hangup()
    return checked(response)


def checked(response: VoiceResponse) -> str:
    """The document's text; raises `ValueError` when Twilio could not play it."""
    text = str(response)
    if len(text.encode()) > MOST_BYTES:
        raise TwimlTooLong(f"{len(text.encode())} bytes")
    try:
        document = ET.fromstring(text)  # noqa: S314 - our own document, without a doctype
    except ET.ParseError as error:
        raise ValueError("the document is no XML") from error
    if not len(document):
        raise ValueError("the document is empty")
    return text


def _gather(ask: Ask, speakers: Speakers, next_url: str) -> Gather:
    ears, speaker = ask.ears, speakers[ask.ears.language]
    gather = Gather(
        input="dtmf speech",
        action=next_url,
        method="POST",
        action_on_empty_result=True,
        timeout=ears.timeout,
        speech_timeout=ears.pause,
        language=speaker.code,
        finish_on_key="#",
        num_digits=1 if ears.one_key else None,
        speech_model=speaker.speech_model,
        hints=_hints(ears.hints) or None,
        profanity_filter=False,
    )
    _say(gather, ask.sayings, speakers)
    return gather


def _hints(hints: Iterable[str]) -> str:
    """Different phrases within Twilio's limits and ours, whole ones, joined by commas."""
    clean = dict.fromkeys(plain(hint).replace(",", " ")[:LONGEST_HINT].strip() for hint in hints)
    different = [hint for hint in clean if hint][:MOST_HINTS]
    ends = accumulate(len(escape(hint).encode()) + 1 for hint in different)
    return ",".join(hint for hint, end in zip(different, ends, strict=True) if end <= MOST_HINT_BYTES)


def _dial(dial: Dial, next_url: str) -> DialVerb:
    verb = DialVerb(action=next_url, method="POST", timeout=dial.ring_seconds, answer_on_bridge=True)
    verb.number(dial.number)
    return verb


def _say(parent: VoiceResponse | Gather, sayings: Iterable[Saying], speakers: Speakers) -> None:
    """Say everything in order; nobody listens longer than some minutes, so the rest is left out."""
    left = MOST_CHARACTERS
    for saying in sayings:
        speaker = speakers[saying.language]
        speech.say(parent, saying.text[:left], language=speaker.code, voice=speaker.voice)
        left -= len(saying.text[:left])
