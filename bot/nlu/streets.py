"""Streets with a house number: `Bahrenfelder Straße 101`, `lindenweg drei a`, `221b Baker Street`."""

import re
from collections.abc import Iterator

from bot.nlu import context
from bot.nlu.first_names import first_names
from bot.nlu.numbers import cardinal_at
from bot.nlu.runs import find_runs
from bot.nlu.tokens import Found, Sentence, fold, word_set

_TYPES = word_set(
    "strasse strase str weg platz allee gasse ring damm ufer chaussee steig stieg kamp twiete promenade pfad wall"
)
_PLACES = word_set("markt graben hof berg park bruecke deich tor garten feld teich see wald bach kanal hafen")
_ENDINGS = tuple(_TYPES | _PLACES - {"see", "bach", "wald", "hafen", "tor"} | {"street", "road"})
_ALONE = _TYPES | _PLACES
_ENGLISH = word_set("street road avenue lane drive st rd ave")
_ENGLISH_ORDER = ("strasse", "weg", "platz", "allee")
_NO_STREETS = word_set(
    "unterwegs deswegen weswegen supermarkt hering bahnhof friedhof flughafen fussweg hinweg rueckweg "
    "heimweg postweg mailweg versandweg zahlweg umweg spring bring campingplatz zeltplatz stellplatz "
    "parkplatz arbeitsplatz marktplatz baumarkt freizeitpark zahlungsweg rechtsweg lieferweg fahrrad"
)
_FIXED_NAMES = frozenset({("unter", "den", "linden"), ("jungfernstieg",)})
_ONE_PREPOSITION = frozenset({"am", "im", "zum", "zur"})
_TWO_PREPOSITIONS = frozenset(
    {("an", "der"), ("an", "den"), ("auf", "der"), ("auf", "dem"), ("hinter", "der"), ("bei", "der")}
)
_ADDRESS = (
    "adresse",
    "anschrift",
    "wohn",
    "umgezogen",
    "umzug",
    "strasse",
    "zieh",
    "hausnummer",
    "address",
    "live",
    "moved",
)
_SIZES = word_set("grosse grosser kleine kleiner lange obere untere hohe")
_AGES = word_set("alte alter neue neuer")
_NOT_IN_NAME = word_set(
    "in der die das den dem des ist war wohne wohnt ich meine mein neue neuen alte adresse anschrift "
    "lautet jetzt nach zur zum und aus nun bitte von ab auf er sie wir bin umgezogen ziehe an strasse "
    "heisst unsere unser es also aeh aehm ja neu my is street address the at to on live i hausnummer "
    "wohnen gezogen naemlich liefern schicken wohnhaft seit statt nicht sondern keine"
)
_BEFORE_NUMBER = word_set("nummer nr hausnummer number , .")
_LETTER = re.compile(r"[a-h]")
_NO_QUALIFIERS = word_set(
    "aber immer wieder leider spaeter frueher bisher weiter ausser dieser dieses meiner deiner seiner unserer "
    "eurer einer keiner jeder welcher ueber unter hinter vorher nachher nummer sicher lieber naher "
    "number order after never other under former another either rather whether deliver remember enter "
    "customer moeglicherweise september oktober november dezember october december"
)
_MOST_WORDS = 3
_MOST_DIGITS = 4
_MOST_SPOKEN_DIGITS = 3


def find_streets(sentence: Sentence) -> Iterator[Found]:
    """Street and house number, written out: `Bahrenfelder Straße 101`, `Lindenweg 3a`."""
    for index in range(len(sentence)):
        if sentence.open(index):
            found = _phrase(sentence, index) or _street(sentence, index) or _number_first(sentence, index)
            if found:
                yield found


def _phrase(sentence: Sentence, index: int) -> Found | None:
    """`Unter den Linden 77`, `Platz der Republik 1`, `Am Markt 4`; in an address also `An der Alster 12`."""
    named = next((name for name in _FIXED_NAMES if sentence.keys(index, index + len(name)) == name), None)
    if named:
        return _numbered(sentence, index, index + len(named) - 1)
    first, second = sentence.key(index), sentence.key(index + 1)
    if first in {"platz", "strasse", "allee"} and second in {"der", "des"}:
        return _numbered(sentence, index, index + 2)
    last = index + 2 if (first, second) in _TWO_PREPOSITIONS else index + 1 if first in _ONE_PREPOSITION else 0
    if not last or last >= len(sentence) or not sentence.key(last).isalpha():
        return None
    if sentence.key(last) in _PLACES or (
        context.mentions(sentence, _ADDRESS) and sentence.tokens[last].text[0].isupper()
    ):
        return _numbered(sentence, index, last)
    return None


def _street(sentence: Sentence, index: int) -> Found | None:
    """A word that ends like a street, with the words of its name before it."""
    key = sentence.key(index)
    if not key.endswith(_ENDINGS) or key in _NO_STREETS:
        return None
    first = _first_word(sentence, index)
    return None if first is None else _numbered(sentence, first, index)


def _first_word(sentence: Sentence, index: int) -> int | None:
    """Where the name of a street begins, or None when there is only `Straße`."""
    first = index
    while index - first < 2 * _MOST_WORDS and _is_name(sentence, first - 1):
        first -= 1
    while first < index and sentence.key(first) == "-":
        first += 1
    if sentence.key(index) in _ALONE or sentence.key(index) in _ENGLISH:
        return first if first < index else None
    before = sentence.key(index - 1)
    if first == index or before == "-":
        return first
    return index - 1 if _qualifies(sentence, index - 1, before) else index


def _is_name(sentence: Sentence, index: int) -> bool:
    key = sentence.key(index)
    return sentence.open(index) and (key == "-" or (key.isalpha() and len(key) > 1 and key not in _NOT_IN_NAME))


def _qualifies(sentence: Sentence, index: int, key: str) -> bool:
    """Whether the word before a street belongs to it: `Ottenser Hauptstraße`, `Große Bergstraße`."""
    if not sentence.open(index):
        return False
    of_a_place = key.endswith("er") and len(key) > 4 and key not in _NO_QUALIFIERS
    if sentence.tokens[index].text[0].isupper():
        return key in _SIZES | _AGES or of_a_place
    return key in _SIZES or (of_a_place and sentence.text.islower())


def _numbered(sentence: Sentence, first: int, last: int) -> Found | None:
    """The street with the number that follows it."""
    position = last + 1
    while sentence.key(position) in _BEFORE_NUMBER and position - last < 4:
        position += 1
    number = _house_number(sentence, position)
    if number is None or last >= len(sentence):
        return None
    digits, end = number
    if context.counted(sentence, end):
        return None
    name = street_name(sentence.text[sentence.tokens[first].start : sentence.tokens[last].end])
    return sentence.found("street", f"{name} {digits}", first, end - 1)


def _house_number(sentence: Sentence, index: int) -> tuple[str, int] | None:
    """`101`, `3a`, `12-14`, `hunderteins`, and the token after it; leaves a postcode that follows to itself."""
    number = cardinal_at(sentence, index)
    if number is None or number.value == 0:
        return None
    digits, end = str(number.value), number.end
    if not number.typed:
        digits, end = _spoken_house_number(sentence, index) or (digits, end)
    return _with_suffix(sentence, digits, end) if len(digits) <= _MOST_DIGITS else None


def _spoken_house_number(sentence: Sentence, index: int) -> tuple[str, int] | None:
    """A number said digit by digit, unless five digits of a postcode follow."""
    run = next((run for run in find_runs(sentence) if run.first == index), None)
    if run is None:
        return None
    if len(run.readings[0]) <= _MOST_SPOKEN_DIGITS:
        return run.readings[0], run.last + 1
    for left, right in run.splits:
        if len(right.readings[0]) == 5 and len(left.readings[0]) <= _MOST_SPOKEN_DIGITS:
            return left.readings[0], left.last + 1
    return None


def _with_suffix(sentence: Sentence, digits: str, end: int) -> tuple[str, int]:
    key, after = sentence.key(end), sentence.key(end + 1)
    if (
        key in {"-", "–", "/"}
        and after.isdecimal()
        and sentence.glued(end)
        and sentence.glued(end + 1)
        and len(after) < 4
    ):
        return f"{digits}-{after}" if key != "/" else f"{digits}/{after}", end + 2
    if _LETTER.fullmatch(key) and after != "wie":
        return digits + key, end + 1
    return digits, end


def _number_first(sentence: Sentence, index: int) -> Found | None:
    """`221b Baker Street`, `12 Hafenstraße`."""
    number = cardinal_at(sentence, index)
    if number is None or len(str(number.value)) > _MOST_DIGITS:
        return None
    letter = (
        sentence.key(number.end) if _LETTER.fullmatch(sentence.key(number.end)) and sentence.glued(number.end) else ""
    )
    start = number.end + len(letter)
    house = f"{number.value}{letter}"
    if sentence.language == "en" and _is_german_street(sentence.key(start)):
        return sentence.found("street", f"{street_name(sentence.tokens[start].text)} {house}", index, start)
    for end in range(start + 1, start + 1 + _MOST_WORDS):
        if not sentence.key(end - 1).isalpha() or sentence.key(end - 1) in _NOT_IN_NAME - {"street"}:
            return None
        if sentence.key(end) in _ENGLISH:
            name = street_name(sentence.text[sentence.tokens[start].start : sentence.tokens[end].end])
            return sentence.found("street", f"{house} {name}", index, end)
    return None


def _is_german_street(key: str) -> bool:
    return key.endswith(_ENGLISH_ORDER) and key not in _ALONE and key not in _NO_STREETS


def street_name(text: str) -> str:
    """A street's name written out, capitalised where it was all lower or all upper case."""
    text = re.sub(r"\s+", " ", text)
    if text in {text.lower(), text.upper()}:
        text = re.sub(r"[^\W\d_]+", _capital, text.lower())
        text = text[:1].upper() + text[1:]
    text = _hyphenated(text)
    text = re.sub(r"(?i)(?<=s)tras?se\b", "traße", text)
    return re.sub(r"(?i)(?:\b|(?<=[a-zäöüß]))str\b\.?", lambda m: m[0][0] + "traße", text)


def _hyphenated(text: str) -> str:
    """Streets named after a person in full take hyphens: `Karl-Liebknecht-Straße`."""
    words = text.split(" ")
    after_person = len(words) > 2 and fold(words[0]) in first_names() and fold(words[-1]).rstrip(".") in _TYPES
    return "-".join(words) if after_person else text


def _capital(word: re.Match[str]) -> str:
    return word[0] if word[0] in {"der", "den", "dem", "des"} else word[0].capitalize()
