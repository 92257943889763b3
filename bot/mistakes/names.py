"""Names of persons wherever they stand, for masking: rather a word too many than a name too few.

The value kit finds names where somebody introduces herself. Here they are found after a title or a relation, by their
first name, and below a letter. What is common language is no name, unless a title stands before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files

from bot.nlu.first_names import first_names
from bot.nlu.tokens import Token, fold, tokenize, word_set

CITY_WORD = r"[^\W\d_][^\W\d_-]+(?:-[^\W\d_]+)*"
TITLES = word_set("herr herrn hr frau fr familie fam dr prof doktor professor mr mrs ms miss mister missus")
PARTICLES = word_set("von van de der den del zu zum zur bin al el da di la le ten ter")
COMMON = word_set(
    "hat hast habt haben hab war waren in an am um so also was will mal man dank gar statt neu alte alter alt last "
    "laut los super echt zwar mehr nur schon scho gilt gleich gleiche ging weit fest ganz ganze ganzen total irgendwo "
    "sondern anderes anderer weil per name namen nummer nr mail mails email post bank bot chat app team service handy "
    "telefon computer lager karton karte katalog code hause haus tuer nett gut alles sowas top stop start status date "
    "year years ago home mind don doesn doesnt didn cant isn wasn whats anymore all i m t s d ll ve re n ok okay hey "
    "hi paypal dhl dpd gls hermes ups amazon google whatsapp klarna nordwind aller allem heissen guten gutes hallo "
    "moin gestern heute morgen today tomorrow yesterday bestellte ordered wrote called came got said says has had "
    "did does was were is are wants wanted sagte sagt meinte rief ruft kam kommt bekam hatte wollte will braucht"
)
CITIES = word_set("berlin hamburg muenchen munich koeln cologne frankfurt stuttgart leipzig dresden bremen kiel")
RELATIONS = word_set(
    "mann frau ehemann ehefrau sohn tochter mutter mama vater papa schwester bruder oma opa nachbar nachbarn nachbarin "
    "freund freundin kollege kollegin husband wife son daughter mother mum mom father dad sister brother neighbour "
    "neighbor friend colleague grandma grandpa namens heisst heisse called named unter under hier bins its"
)
PAUSES = frozenset({",", ".", "aus", "from"})
BEFORE_HIER = word_set("hallo hi hey moin servus tag morgen abend ja also , . ! aeh aehm")
PRONOUNS = word_set("sie er es ich du wir ihr he she it that what who")
ALSO_WORDS = word_set("rosa till mark jan max jack ole nick iris jasmin linda will")  # in small letters
VERB = re.compile(r".*(?:t|te|ten|en|st|ed|ing|s)")
LETTER_END = re.compile(
    r"(?i)\b(?:(?:mit|viele|liebe|beste|sch(?:ö|oe)ne|herzliche|freundliche)\w* (?:\w+ )?gr(?:ü|ue)(?:ß|ss)en?|mfg|lg|"
    r"vg|gru(?:ß|ss)|(?:best|kind|warm)? ?regards|yours(?: \w+)?|sincerely|c/o|z\. ?hd\.)[\s,.!-]*"
)
MOST_WORDS = 3
MOST_SMALL_WORDS = 2


@lru_cache(maxsize=1)
def common_words() -> frozenset[str]:
    """Folded German and English words that are no names."""
    folder = files("bot.nlu")
    texts = (folder.joinpath(f"words.{language}.txt").read_text("utf-8") for language in ("de", "en"))
    return frozenset(fold(word) for text in texts for word in text.split()) | TITLES | COMMON


def find_names(text: str) -> Iterator[tuple[int, int]]:
    """Where names begin and end; they may overlap."""
    words = _Words(text)
    for index, token in enumerate(words.tokens):
        if token.key in TITLES:
            yield from words.stretch(_after_title(words, index + 1))
        if token.key in RELATIONS:
            yield from words.stretch(_after_relation(words, index))
        if token.key in {"hier", "here"}:
            yield from words.stretch(_before_hier(words, index))
        if words.is_first_name(index):
            yield from words.stretch(_around(words, index))
        if words.has_possessive(index):
            yield from words.stretch(range(index, index + 1))
    for match in LETTER_END.finditer(text):
        first = words.at(match.end())
        yield from words.stretch(range(first, words.end_of_name(first)))


class _Words:
    """The words of a text. `mixed`: it has capitals where German and English put them, so that they say something."""

    def __init__(self, text: str) -> None:
        self.tokens: list[Token] = tokenize(text)
        alphabetic = [token.text for token in self.tokens if token.text.isalpha()]
        self.mixed = any(word[0].isupper() for word in alphabetic[1:]) and not all(map(str.isupper, alphabetic))

    def stretch(self, words: range) -> Iterator[tuple[int, int]]:
        """Where some words begin and end in the text; nothing for none."""
        if len(words):
            yield self.tokens[words[0]].start, self.tokens[words[-1]].end

    def at(self, offset: int) -> int:
        """The first word at or after an offset."""
        return next((index for index, token in enumerate(self.tokens) if token.start >= offset), len(self.tokens))

    def is_name_word(self, index: int) -> bool:
        """Whether a word can be a part of a name: no common word, and with a capital where there are capitals."""
        if not 0 <= index < len(self.tokens):
            return False
        token = self.tokens[index]
        if not token.text.isalpha() or token.key in common_words() or token.key in CITIES:
            return False
        is_abbreviation = token.text.isupper() and len(token.text) > 1
        return token.text[0].isupper() and not is_abbreviation if self.mixed else True

    def is_first_name(self, index: int) -> bool:
        """Whether it is a known first name and nothing else."""
        token = self.tokens[index]
        if token.key not in first_names():
            return False
        return token.text[0].isupper() or (not self.mixed and token.key not in ALSO_WORDS)

    def key(self, index: int) -> str:
        """A word, folded; empty outside the text."""
        return self.tokens[index].key if 0 <= index < len(self.tokens) else ""

    def pauses(self, index: int) -> bool:
        """Whether the sentence ends or pauses at a word."""
        return self.key(index) in PAUSES | {""}

    def has_possessive(self, index: int) -> bool:
        """Whether it is a `Bill's` within a sentence."""
        possessive = self.key(index + 1) in {"'", "’"} and self.key(index + 2) == "s" and self.key(index - 1).isalpha()
        return possessive and self.tokens[index].text[0].isupper() and self.key(index) not in PRONOUNS

    def end_of_name(self, index: int) -> int:
        """The word after the name that begins here; in small letters only a first name may have a verb-like one."""
        first = index
        most = MOST_WORDS if self.mixed else MOST_SMALL_WORDS
        while index - first < most and (self._goes_on(first, index) or self._joins(index)):
            index += 1
        return index

    def _goes_on(self, first: int, index: int) -> bool:
        if not self.is_name_word(index):
            return False
        sure = self.mixed or index == first or self.key(first) in first_names()
        return sure or not VERB.fullmatch(self.key(index))

    def _joins(self, index: int) -> bool:
        """Whether a hyphen, an initial's dot or a particle leads to a further part of a name."""
        if not self.is_name_word(index + 1):
            return False
        initial = self.key(index) == "." and len(self.key(index - 1)) == 1
        return initial or self.key(index) in PARTICLES | {"-", "'", "’"}


def _after_title(words: _Words, index: int) -> range:
    while index < len(words.tokens) and words.tokens[index].key in TITLES | PARTICLES | {"."}:
        index += 1
    end = words.end_of_name(index)
    capital = words.mixed and index < len(words.tokens) and words.tokens[index].text[0].isupper()
    return range(index, max(end, index + 1) if capital else end)


def _after_relation(words: _Words, index: int) -> range:
    """`mein nachbar schulze`, `hier jansen,`; in small letters no verb, unless the sentence pauses after it."""
    if words.key(index) == "hier" and index and words.key(index - 1) not in BEFORE_HIER:
        return range(0)
    first = index + 1 + (words.key(index + 1) == ",")
    if not words.is_name_word(first):
        return range(0)
    is_verb = not words.mixed and VERB.fullmatch(words.key(first)) and not words.pauses(first + 1)
    return range(0) if is_verb else range(first, words.end_of_name(first))


def _before_hier(words: _Words, index: int) -> range:
    """`Guten Tag, Jansen hier, ...`."""
    alone = words.pauses(index + 1) and (index == 1 or words.key(index - 2) in BEFORE_HIER)
    return range(index - 1, index) if alone and words.is_name_word(index - 1) else range(0)


def _around(words: _Words, index: int) -> range:
    """A first name with the last name after it, or before it as in `Brandt, Annika`."""
    end = max(words.end_of_name(index), index + 1)
    first = index - 2 if index and words.tokens[index - 1].key == "," else index - 1
    return range(first if words.is_name_word(first) else index, end)
