"""What no voice can say is taken out of a text: control characters, zero width, emoji, markup, addresses of pages."""

from __future__ import annotations

import re
import unicodedata

URL = re.compile(
    r"(?:https?|ftp)://[^\s<>“”„\"]*[^\s<>“”„\".,;:!?)]|\bwww\.[^\s<>“”„\"]*[^\s<>“”„\".,;:!?)]", re.IGNORECASE
)
LINK = re.compile(r"\[([^\[\]\n]*)\]\([^)\s]*\)")
TAG = re.compile(r"</?[A-Za-z][\w-]*(?:\s[^<>]*)?/?>")
BULLET = re.compile(r"^[ \t]*[-–•*][ \t]+", re.MULTILINE)
LINE_END = re.compile(r"(?<=[.!?:;,])\s*\n\s*")
NEW_LINE = re.compile(r"\s*\n\s*")
HYPHENS = str.maketrans("\u2010\u2011\u2212", "---")
SAID_OTHERWISE = "°%&+=§×@/()—…"
SILENT = ("Cc", "Cf", "Cs", "Co", "Cn", "Mn", "Me")
PICTURES = ("So", "Sk")
PUNCTUATION = frozenset(".,;:!?'’‘\"“”„»«‚-–")
AFTER_A_SENTENCE = re.compile(r"(?<=[.!?])\s*[()]")
BRACKET = re.compile(r"\s*[()]\s*")
DASH = re.compile(r"\s+[-–—]+\s+|\s*—\s*")
DOTS = re.compile(r"…|\.{2,}")
TIDY = (
    (re.compile(r"\s+"), " "),
    (re.compile(r" (?=[,.;:!?])"), ""),
    (re.compile(r",+(?=[,.;:!?])"), ""),
    (re.compile(r"(?<=[;:!?]),+"), ""),
    (re.compile(r"(?<=[.!?][“”\"])\."), ""),
    (re.compile(r",(?=[^\s\d])"), ", "),
)


def plain(text: str) -> str:
    """The text in NFC on one line, without page addresses, tags, emoji, and characters that are silent or no XML.

    Marks that do not combine with their letter are left out as well. A line end becomes the end of a sentence.
    """
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").translate(HYPHENS))
    text = "".join(_readable(sign) for sign in text)
    text = TAG.sub(" ", URL.sub(" ", LINK.sub(r"\1", text)))
    text = BULLET.sub("", text).strip()
    return NEW_LINE.sub(". ", LINE_END.sub(" ", text))


def _readable(sign: str) -> str:
    kind = unicodedata.category(sign)
    if sign == "\n" or kind in ("Zl", "Zp"):
        return "\n"
    if sign in "\t\r" or kind == "Zs":
        return " "
    if kind in PICTURES and sign not in SAID_OTHERWISE:
        return " "
    return "" if kind in SILENT else sign


def smooth(text: str) -> str:
    """The text without signs that have no sound: only letters, digits, currency and punctuation that makes pauses.

    Empty when there is nothing but punctuation.
    """
    text = DOTS.sub(".", BRACKET.sub(", ", AFTER_A_SENTENCE.sub(" ", DASH.sub(", ", text))))
    text = "".join(sign if _has_sound(sign) else " " for sign in text)
    for pattern, tidy in TIDY:
        text = pattern.sub(tidy, text)
    return text.strip(" ,") if any(sign.isalnum() for sign in text) else ""


def _has_sound(sign: str) -> bool:
    kind = unicodedata.category(sign)
    return kind[0] in "LN" or kind in ("Mc", "Sc") or sign in PUNCTUATION


def first_unspeakable(text: str) -> str | None:
    """The first thing in the text that would be left out, None when everything has a sound."""
    for pattern in (URL, LINK, TAG):
        if found := pattern.search(text):
            return found.group()
    return next((sign for sign in text if not (_has_sound(sign) or _is_blank(sign) or sign in SAID_OTHERWISE)), None)


def _is_blank(sign: str) -> bool:
    return sign in "\n\t" or unicodedata.category(sign) == "Zs"
