"""Personal data out of a sentence before it is kept: names, numbers and addresses become words in brackets.

Rather too much is masked than too little. What the value kit finds goes first, read in both languages, typed and
spoken; then names and patterns that it leaves, and at last every number of four digits and more.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from datetime import date

from bot.mistakes.names import CITY_WORD, common_words, find_names
from bot.nlu.runs import find_runs
from bot.nlu.tokens import Found, Sentence, fold, tokenize
from bot.nlu.values import extract

PLACEHOLDERS = {
    "person_name": "name",
    "phone_number": "phone",
    "email": "email",
    "iban": "iban",
    "street": "street",
    "postcode": "postcode",
    "order_number": "order_number",
    "invoice_number": "invoice_number",
    "customer_number": "customer_number",
    "tracking_number": "tracking_number",
    "digits": "number",
}
HARMLESS = ("date", "time", "amount", "store")  # unless they hold a long number, or a day long ago
PLACEHOLDER = re.compile(r"\[(\w+)\]")
LONGEST = 300
MOST_READ = 2 * LONGEST  # what is cut off here may have said that a word before it is a name
FEWEST_DIGITS = 4
OLD_YEARS = 5
BIRTH = re.compile(r"(?i)\bgeb\b|geboren|geburt|\bborn\b|birth")
BRACKETS = str.maketrans("", "", "[]")
TAKEN = "\u25a0"
READINGS = tuple((language, channel) for language in ("de", "en") for channel in ("chat", "voice"))

STREET = r"(?:stra(?:ß|ss)e|str\.|gasse|allee|chaussee)"
MAILERS = r"(?:gmail|gmx|web|outlook|yahoo|icloud|hotmail|posteo|freenet|t-online)"
SECRETS = r"(?:passwort|kennwort|password|pin|tan)"
# What stands in the first group, or all of it.
PATTERNS = tuple(
    (name, re.compile(pattern, re.IGNORECASE))
    for name, pattern in (
        ("email", r"\S*(?:@|\(\s?(?:at|ät)\s?\))\S*"),
        ("email", rf"\S+ (?:at|ät|aet|klammeraffe) {MAILERS}\b\S*(?: (?:punkt|dot) \w+)?"),
        ("secret", rf"\b{SECRETS}(?: (?:ist|is|lautet|war|was))?\s*:?\s+(\S*\d\S*)"),
        ("secret", rf"\b{SECRETS}(?: (?:ist|is|lautet|war|was)|\s*:)\s+(\S+)"),
        ("iban", r"\b[a-z]{2}\s?\d{2}(?:\s?[a-z0-9]{4}){2,7}(?:\s?[a-z0-9]{1,3}\b)?"),
        ("street", rf"\b(?:\w+er\s)?[^\W\d_]+(?:-[^\W\d_]+)*-?{STREET}(?!\w)(?:\s*\d+\s?[a-h]?\b)?"),
        ("street", rf"\b\w+er\s{STREET}(?!\w)(?:\s*\d+\s?[a-h]?\b)?"),
        ("number", r"\b(?=(?:[^\W\d_]*\d){3})(?=\d*[^\W\d_])\w{5,}\b"),
    )
)
LINK = re.compile(r"(?i)(?:https?://|www\.)\S+")
NUMBER = re.compile(rf"\d(?:[\s./,:()–-]{{0,3}}\d){{{FEWEST_DIGITS - 1},}}")
YEAR = re.compile(r"(?:19|20)\d\d")
LONG_NUMBER = re.compile(rf"\d{{{FEWEST_DIGITS}}}")
CITY_AFTER = re.compile(rf"[\s,]*(?:in\s)?({CITY_WORD})")
HOME = re.compile(
    rf"\b(?:wohn\w*|lebe\w*|zieh\w*|(?:um)?gezogen|live|living|moved|moving) (?:in|nach|to) ({CITY_WORD})"
)


class _Text:
    """A text and which stretches of it are masked; `rest` has the others, with signs in place of those."""

    def __init__(self, text: str) -> None:
        self.text = self.rest = text
        self._spans: list[tuple[int, int, str]] = []

    def mask(self, start: int, end: int, name: str) -> None:
        """Mask a stretch; one that overlaps another makes that longer."""
        for span in [span for span in self._spans if span[0] < end and start < span[1]]:
            start, end, name = min(start, span[0]), max(end, span[1]), span[2]
            self._spans.remove(span)
        self._spans.append((start, end, name))
        self.keep(start, end)

    def keep(self, start: int, end: int) -> None:
        """Have nothing else look at a stretch."""
        self.rest = self.rest[:start] + TAKEN * (end - start) + self.rest[end:]

    def texts(self, name: str) -> list[str]:
        """What was masked under a name."""
        return [self.text[start:end] for start, end, given in self._spans if given == name]

    def masked(self) -> str:
        """The text with placeholders."""
        pieces, at = [], 0
        for start, end, name in sorted(self._spans):
            pieces += [self.text[at:start], f"[{name}]"]
            at = end
        return " ".join("".join([*pieces, self.text[at:]]).split())


def mask(text: str, *, language: str = "de", today: date | None = None) -> str | None:
    """The text on one line without personal data; None when something personal might be left.

    Placeholders are names in brackets, such as `[order_number]`; brackets of the text itself are dropped. What is
    longer than 300 characters is cut at a word.
    """
    work = _Text(_cut(_plain(text), MOST_READ))
    for link in LINK.finditer(work.text):
        work.mask(*link.span(), "link")
    values = _values(work.text, language, today or date.today())
    for found in values:
        if found.entity in PLACEHOLDERS:
            work.mask(found.start, found.end, PLACEHOLDERS[found.entity])
    _mask_places(work, values)
    _mask_names(work)
    _mask_patterns(work, [found for found in values if found.entity == "store"])
    _keep_harmless(work, values, today or date.today())
    _mask_numbers(work)
    masked = _cut(work.masked(), LONGEST)
    return None if _is_unsafe(masked) else masked


def has_words(masked: str) -> bool:
    """Whether a masked text says anything besides data."""
    return re.search(r"[^\W\d_]{2}", PLACEHOLDER.sub(" ", masked)) is not None


def _plain(text: str) -> str:
    """One line of ordinary signs: no invisible ones, no brackets, all kinds of digits and @ as such."""
    composed = unicodedata.normalize("NFKC", text).translate(BRACKETS)
    return " ".join("".join(sign for sign in composed if unicodedata.category(sign) != "Cf").split())


def _values(text: str, language: str, today: date) -> list[Found]:
    """What the kit finds in any reading, the turn's own language first."""
    readings = sorted(READINGS, key=lambda reading: reading[0] != language)
    return [
        found for spoken, channel in readings for found in extract(text, language=spoken, channel=channel, today=today)
    ]


def _mask_places(work: _Text, values: list[Found]) -> None:
    """The city after a postcode, and where somebody lives."""
    for found in values:
        if found.entity == "postcode" and (city := CITY_AFTER.match(work.rest, found.end)):
            _mask_city(work, city)
    for city in HOME.finditer(work.rest):
        _mask_city(work, city)


def _mask_city(work: _Text, city: re.Match[str]) -> None:
    if fold(city[1]) not in common_words():
        work.mask(city.start(1), city.end(1), "city")


def _mask_names(work: _Text) -> None:
    """Names, and their words wherever else they stand."""
    for start, end in find_names(work.rest):
        work.mask(start, end, "name")
    named = {token.key for text in work.texts("name") for token in tokenize(text)} - common_words()
    for token in tokenize(work.rest):
        if token.key in named and len(token.key) > 1:
            work.mask(token.start, token.end, "name")


def _mask_patterns(work: _Text, stores: list[Found]) -> None:
    for name, pattern in PATTERNS:
        for match in pattern.finditer(work.rest):
            start, end = match.span(match.lastindex or 0)
            if name == "street":
                start = _street_start(match)
                if start == end or any(store.start < end and start < store.end for store in stores):
                    continue
            work.mask(start, end, name)


def _street_start(match: re.Match[str]) -> int:
    """Where a street begins that may have a word like `der` before it; at the end when it is just `welche straße`."""
    first, _, rest = match[0].partition(" ")
    if fold(first) not in common_words():
        return match.start()
    return match.end() if not rest or fold(rest) in common_words() else match.start() + len(first) + 1


def _keep_harmless(work: _Text, values: list[Found], today: date) -> None:
    """Times, sums and days stay, but not with a long number in them, and no birthdays."""
    tells_birth = BIRTH.search(work.text) is not None
    for found in values:
        if found.entity not in HARMLESS or TAKEN in work.rest[found.start : found.end]:
            continue
        is_birth = found.entity == "date" and (tells_birth or int(found.value[:4]) < today.year - OLD_YEARS)
        if is_birth or LONG_NUMBER.search(found.text):
            work.mask(found.start, found.end, found.entity)
        else:
            work.keep(found.start, found.end)


def _mask_numbers(work: _Text) -> None:
    """Whatever else has four digits, typed or spoken."""
    for match in NUMBER.finditer(work.rest):
        work.mask(match.start(), match.end(), "year" if YEAR.fullmatch(match[0]) else "number")
    for start, end in _spoken_numbers(work.rest):
        work.mask(start, end, "number")


def _spoken_numbers(text: str) -> Iterator[tuple[int, int]]:
    sentence = Sentence(text, "de", "voice", date.min)
    for run in find_runs(sentence):
        if len(run.atoms) > 1 and max(map(len, run.readings)) >= FEWEST_DIGITS:
            yield sentence.tokens[run.first].start, sentence.tokens[run.last].end


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest + 1].rpartition(" ")[0]


def _is_unsafe(masked: str) -> bool:
    return "@" in masked or LONG_NUMBER.search(masked) is not None
