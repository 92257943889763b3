"""What customers are told about the photos, documents and voice notes they sent."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import phonenumbers

from bot.texts import Texts

LONGEST_NAME = 60
LONGEST_EXTENSION = 8
INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
ARRIVED = {"image": "utter_media_image", "video": "utter_media_video"}
FILES = ("image", "video", "document")
NOT_FETCHED = {"sticker": "utter_media_sticker", "contact": "utter_media_contact"}
SPOKEN = ("voice", "audio")


@dataclass(frozen=True)
class Arrival:
    """An attachment as far as the customer is told of it; `name` is clean, `is_heard` for a voice note with its text.

    `kind`, `state` and `why` as in `bot.media.Kept`.
    """

    kind: str
    state: str
    why: str
    name: str = ""
    is_heard: bool = False


@dataclass(frozen=True)
class Details:
    """What the texts name: our telephone number (E.164, or empty), and how large a file may be."""

    phone: str
    megabytes: int


def told(texts: Texts, arrivals: Sequence[Arrival], language: str, details: Details) -> str:
    """What the customer is told of all that came with a turn; empty when there is nothing to say."""
    told_of = [arrival for arrival in arrivals if not arrival.is_heard]
    arrived = [one for one in told_of if one.state in ("kept", "gone") and one.kind in FILES]
    problems = dict.fromkeys(_problem(one, details) for one in told_of if one not in arrived)
    names = [*_thanks(arrived), *problems]
    values = {"phone": _shown(details.phone), "megabytes": str(details.megabytes), "count": str(len(arrived))}
    values["name"] = arrived[0].name if arrived else ""
    return "\n".join(_filled(texts.say(name, language), values) for name in names)


def _thanks(arrived: Sequence[Arrival]) -> Iterator[str]:
    if not arrived:
        return
    first = arrived[0]
    if len(arrived) > 1:
        yield "utter_media_images" if all(one.kind == "image" for one in arrived) else "utter_media_several"
    elif first.kind == "document":
        yield "utter_media_document_named" if first.name else "utter_media_document"
    else:
        yield ARRIVED[first.kind]


def _problem(one: Arrival, details: Details) -> str:
    if one.kind in SPOKEN:
        return "utter_media_voice_or_call" if details.phone else "utter_media_voice"
    if one.kind not in FILES:
        return NOT_FETCHED.get(one.kind, "utter_media_unsupported")
    if one.state == "failed":
        return "utter_media_failed"
    return "utter_media_too_large" if one.why == "too_large" else "utter_media_unreadable"


def _filled(text: str, values: dict[str, str]) -> str:
    """The text with its placeholders filled in one go, so that a name with a placeholder in it stays a name."""
    return re.sub(r"\{([a-z]+)\}", lambda found: values[found[1]], text)


def _shown(number: str) -> str:
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def clean_name(name: str) -> str:
    """A file's name as its sender wrote it, without folders, invisible signs and direction marks; at most 60 signs.

    It is for reading only: our files are named by their turn.
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    seen = "".join(" " if sign.isspace() else sign for sign in last if _is_seen(sign))
    words = " ".join(seen.split()).strip(". ")
    if len(words) <= LONGEST_NAME:
        return words
    stem, dot, extension = words.rpartition(".")
    if not dot or len(extension) > LONGEST_EXTENSION:
        stem, dot, extension = words, "", ""
    return stem[: LONGEST_NAME - 1 - len(dot + extension)] + "…" + dot + extension


def _is_seen(sign: str) -> bool:
    return sign in "\n\t" or unicodedata.category(sign) not in INVISIBLE
