"""How an answer looks within a channel's limits: pure helpers for `Outlet.forms`.

A text that is too long becomes several, cut where a reader would. Choices are shown as buttons where they fit, else as
a list, else as numbers in the text; a title is never cut so that two choices look alike.

Lengths are counted in characters (`len`), in UTF-16 units (`utf16`) or in bytes (`octets`), as the provider counts.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Literal

import regex  # type: ignore[import-untyped]

from bot.turns import Choice, Location, Reply

Measure = Callable[[str], int]
Showing = Literal["nothing", "buttons", "list", "numbers"]

# What the channels say themselves, responses of `bot/domain/portal.yml`.
ANSWER_BY_NUMBER = "utter_answer_by_number"
PLEASE_CHOOSE = "utter_please_choose"
LIST_BUTTON = "utter_list_button"

CUT = "…"
LONGEST_TOGETHER = 900
GRAPHEME = regex.compile(r"\X")
# Blanks where a line may end: no-break spaces hold together what belongs together, as in `89,90 €`.
BLANKS = regex.compile(r"[^\S\xa0\u2007\u202f]++(?!\p{M}|\u200d)")
SENTENCE_END = regex.compile(r"[.!?…:][\"'“”»«)\]]*$")
SHORT_FORM = regex.compile(r"(?:\b\p{L}|\d|\b(?:Nr|No|Dr|Tel|Str|St|ca|bzw|inkl|evtl|Hr|Fr))\.$", regex.IGNORECASE)
KEYCAP = regex.compile(r"([0-9#*])\ufe0f?\u20e3")
PICTURE = (
    r"(?:\p{Regional_Indicator}{2}|[\p{Emoji_Presentation}\p{Extended_Pictographic}--[©®™]])"
    r"[\p{Emoji_Modifier}\p{Extended_Pictographic}\ufe0e\ufe0f\u200d\U000e0020-\U000e007f--[©®™]]*+"
)
PICTURES = regex.compile(rf"[ \t]*(?:{PICTURE}[ \t]*)++", regex.VERSION1)
# Signs that a text message would cost twice as much for, and what is written instead.
COSTLY = str.maketrans(
    {
        **dict.fromkeys("„“”‟«»", '"'),
        **dict.fromkeys("‚‘’‛‹›", "'"),
        **dict.fromkeys("‐‑‒–—−", "-"),
        **dict.fromkeys("\xa0\u2007\u202f\u2009", " "),
        **dict.fromkeys("•·", "-"),
        "…": "...",
        "\u200b": None,
        "\ufe0f": None,
    }
)
# The alphabet of text messages, GSM 03.38 with its extension: 160 signs each; with any other sign only 70.
CHEAP = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà^{}\\[~]|€"
)
MAP = "https://www.openstreetmap.org/?mlat={0}&mlon={1}#map=17/{0}/{1}"


@dataclass(frozen=True)
class ChoiceLimits:
    """What a channel can show: so many buttons and list rows, with titles of at most so many UTF-16 units."""

    buttons: int = 0
    button_title: int = 20
    rows: int = 0
    row_title: int = 24
    row_description: int = 72


@dataclass(frozen=True)
class Row:
    """A row of a list; the description is the whole title when that had to be cut, else empty."""

    title: str
    description: str = ""


def utf16(text: str) -> int:
    """The length in UTF-16 units, in which an emoji counts twice."""
    return len(text) + sum(sign > "\uffff" for sign in text)


def octets(text: str) -> int:
    """The length in bytes of UTF-8."""
    return len(text.encode("utf-8", "surrogatepass"))


def split_text(text: str, most: int, measure: Measure = len) -> list[str]:
    """The text in pieces that measure `most` at most, none of them empty.

    Cut at the ends of paragraphs, lines or sentences, else of words; only a longer word is cut, between two characters
    as people see them. ValueError when not even one character fits.
    """
    rest, pieces = text.strip(), []
    while rest:
        cut, onward = _cut(rest, most, measure)
        pieces.append(rest[:cut])
        rest = rest[onward:]
    return [piece for piece in pieces if piece.strip()]


def split_before(text: str, most: int, last_most: int, measure: Measure = len) -> list[str]:
    """As `split_text`, but the last piece measures `last_most` at most: choices or an image go with it."""
    pieces = split_text(text, most, measure)
    if last_most < most and pieces and measure(pieces[-1]) > last_most:
        pieces[-1:] = split_text(pieces[-1], last_most, measure)
    return pieces


def _cut(text: str, most: int, measure: Measure) -> tuple[int, int]:
    """Where the first piece ends and where the next one begins."""
    if measure(text) <= most:
        return len(text), len(text)
    reach = bisect_right(range(len(text) + 1), most, key=lambda end: measure(text[:end])) - 1
    if reach < 1:
        raise ValueError(f"no character fits into {most}")
    ends = [(_rank(text, start, end), start, end) for start, end in _gaps(text, reach)]
    for rank, least in ((3, reach // 2), (2, reach // 2), (1, reach // 4), (0, 1)):
        fitting = [(start, end) for found, start, end in ends if found >= rank and start >= least]
        if fitting:
            return fitting[-1]
    within = _grapheme_end(text, reach)
    return within, within


def _gaps(text: str, reach: int) -> Iterator[tuple[int, int]]:
    """Where blanks begin and end, as far as a piece may reach."""
    for gap in BLANKS.finditer(text):
        if gap.start() > reach:
            return
        yield gap.start(), gap.end()


def _rank(text: str, start: int, end: int) -> int:
    """What ends at these blanks: 3 a paragraph, 2 a line, 1 a sentence, 0 a word."""
    if lines := text.count("\n", start, end):
        return 3 if lines > 1 else 2
    before = text[max(0, start - 8) : start]
    return int(bool(SENTENCE_END.search(before)) and not SHORT_FORM.search(before))


def _grapheme_end(text: str, reach: int) -> int:
    """The last end of a visible character up to `reach`; `reach` itself when the first one is longer."""
    last = 0
    for sign in GRAPHEME.finditer(text):
        if sign.end() > reach:
            break
        last = sign.end()
    return last or reach


def without_emoji(text: str) -> str:
    """The text without emoji and other pictures; a keycap becomes its digit. May be empty."""
    plain: str = PICTURES.sub(_gap_instead, KEYCAP.sub(r"\1", text))
    return plain.replace("\ufe0f", "").strip()


def _gap_instead(found: regex.Match[str]) -> str:
    text = found.string
    before, after = text[found.start() - 1 : found.start()], text[found.end() : found.end() + 1]
    return " " if before.strip() and after.strip() and after not in ".,;:!?…)" else ""


def for_sms(text: str) -> str:
    """The text as a text message: without emoji, with plain quotes, dashes and blanks, so that 160 signs cost one."""
    return without_emoji(unicodedata.normalize("NFC", text)).translate(COSTLY)


def is_distinct(titles: Iterable[str]) -> bool:
    """Whether no two titles look alike."""
    seen = [" ".join(title.casefold().split()) for title in titles]
    return len(set(seen)) == len(seen) and all(seen)


def fits_buttons(choices: Sequence[Choice], most: int = 3, longest: int = 20) -> bool:
    """Whether all choices can be buttons, with their whole titles."""
    titles = [choice.title for choice in choices]
    return 0 < len(titles) <= most and is_distinct(titles) and all(utf16(title) <= longest for title in titles)


def list_rows(choices: Sequence[Choice], most: int = 10, longest: int = 24, description: int = 72) -> list[Row] | None:
    """The choices as rows of a list, a long title cut and told whole below; None when they do not fit or look alike."""
    titles = [choice.title.strip() for choice in choices]
    rows = [Row(title) if utf16(title) <= longest else Row(shortened(title, longest), title) for title in titles]
    told_whole = all(utf16(row.description) <= description for row in rows)
    if not 0 < len(rows) <= most or not told_whole or not is_distinct(titles) or _could_be_another(rows, titles):
        return None
    return rows


def _could_be_another(rows: Sequence[Row], titles: Sequence[str]) -> bool:
    """Whether a cut title is the beginning of another choice's title as well."""
    stems = [row.title.removesuffix(CUT) for row in rows if row.description]
    return any(sum(title.startswith(stem) for title in titles) > 1 for stem in stems)


def fits_list(choices: Sequence[Choice], most: int = 10, longest: int = 24, description: int = 72) -> bool:
    """Whether all choices can be rows of a list."""
    return list_rows(choices, most, longest, description) is not None


def shortened(text: str, most: int) -> str:
    """The text's beginning, cut at the end of a word and marked with `…`, within `most` UTF-16 units."""
    if utf16(text) <= most:
        return text
    return split_text(text, most - len(CUT), utf16)[0].rstrip(" ,.;:-–") + CUT


def showing(choices: Sequence[Choice], limits: ChoiceLimits) -> Showing:
    """How the choices are shown: as buttons if they fit, else as a list, else as numbers in the text."""
    if not choices:
        return "nothing"
    if fits_buttons(choices, limits.buttons, limits.button_title):
        return "buttons"
    fits = fits_list(choices, limits.rows, limits.row_title, limits.row_description)
    return "list" if fits else "numbers"


def numbered(text: str, choices: Sequence[Choice], hint: str) -> str:
    """The choices below the text, a line each with its number, and `hint`: that the number will do as an answer.

    `hint` is the response `ANSWER_BY_NUMBER` in the reply's language. A number stands apart from a title with digits.
    """
    if not choices:
        return text
    mark = ": " if any(choice.title[:1].isdigit() for choice in choices) else " "
    lines = (f"{number}{mark}{choice.title}" for number, choice in enumerate(choices, start=1))
    return "\n\n".join(part for part in (text.rstrip(), "\n".join(lines), hint) if part)


def map_url(location: Location) -> str:
    """The address of a page that shows the place on a map."""
    return MAP.format(f"{location.latitude:.5f}", f"{location.longitude:.5f}")


def together(replies: Sequence[Reply]) -> list[Reply | None]:
    """As few messages as read well: words alone go before the next reply, where None stands in their place."""
    joined: list[Reply | None] = []
    lead = ""
    for reply, following in zip_longest(replies, replies[1:]):
        text = "\n\n".join(part for part in (lead, reply.text) if part)
        goes_along = following is not None and _is_words(reply) and len(text) + len(following.text) < LONGEST_TOGETHER
        joined.append(None if goes_along else replace(reply, text=text))
        lead = text if goes_along else ""
    return joined


def _is_words(reply: Reply) -> bool:
    return bool(reply.text) and not (reply.choices or reply.image or reply.link or reply.location)


def link_line(reply: Reply) -> str:
    """The link as text, `Title: https://…`; empty without one."""
    return f"{reply.link.title}: {reply.link.url}" if reply.link else ""


def location_lines(location: Location) -> str:
    """The place as text: its name and address, if they are known, and a map."""
    return "\n".join(line for line in (location.name, location.address, map_url(location)) if line)


def as_text(reply: Reply, hint: str) -> str:
    """The whole reply as one text: words, then what can only be told by its address, then numbered choices."""
    place = reply.location
    known = place is not None and place.address in reply.text
    where = map_url(place) if place and known else location_lines(place) if place else ""
    parts = (reply.text.rstrip(), link_line(reply), where, reply.image or "")
    return numbered("\n".join(part for part in parts if part), reply.choices, hint)
