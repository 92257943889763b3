"""Letters said one by one: `b r a n d t`, `A wie Anton`, `doppel n`, `Anton Berta`."""

from dataclasses import dataclass

from bot.nlu.tokens import Sentence, word_set

_AS = frozenset({"wie", "as", "for", "like"})
_SIGNS = word_set("- . , ;")
_LETTER_NAMES = {"ypsilon": "y", "jot": "j", "vau": "v", "zett": "z", "zet": "z", "ix": "x", "eszett": "ß", "we": "w"}
_UMLAUTS = {"a": "ä", "o": "ö", "u": "ü", "ae": "ä", "oe": "ö", "ue": "ü"}
_ALPHABET = word_set(
    "anton berta caesar dora emil friedrich gustav heinrich ida julius kaufmann ludwig martha nordpol "
    "otto paula quelle richard samuel siegfried theodor ulrich viktor wilhelm xanthippe ypsilon zacharias "
    "aachen augsburg berlin chemnitz cottbus duesseldorf essen frankfurt goslar hannover ingelheim "
    "iserlohn jena koeln leipzig muenchen nuernberg offenbach potsdam quickborn rostock salzwedel "
    "tuebingen unna voelklingen wuppertal xanten zwickau alpha bravo charlie delta echo foxtrot golf "
    "hotel india juliett juliet kilo lima mike november oscar papa quebec romeo sierra tango uniform "
    "victor whiskey xray yankee zulu"
)
_WORDS = {word: word[0] for word in _ALPHABET} | {"aerger": "ä", "oekonom": "ö", "uebermut": "ü", "schule": "sch"}


@dataclass(frozen=True, slots=True)
class Spelled:
    """Letters that were spelled, and the token after them."""

    letters: str
    end: int
    count: int


def spelled_at(sentence: Sentence, index: int) -> Spelled | None:
    """The word spelled from a token on: three letters or more, or letters with `wie`."""
    letters, position, count, explained = "", index, 0, False
    while sentence.open(position):
        letter = _letter_at(sentence, position)
        if letter is None:
            break
        letters, count = letters + letter.letters, count + 1
        explained = explained or letter.count > 1
        position = letter.end
        if sentence.key(position) in _SIGNS and _letter_at(sentence, position + 1):
            position += 1
    enough = count >= 3 or (explained and count >= 2)
    return Spelled(letters, position, count) if enough else None


def _letter_at(sentence: Sentence, index: int) -> Spelled | None:
    """One letter; `count` is above one when a word explained it."""
    key, following = sentence.key(index), sentence.key(index + 1)
    if key in {"doppel", "doppelt", "double"}:
        again = _letter_at(sentence, index + 1)
        return Spelled(again.letters * 2, again.end, again.count) if again else None
    if key == "scharfes" and following == "s":
        return Spelled("ß", index + 2, 2)
    if following == "umlaut" and key in _UMLAUTS:
        return Spelled(_UMLAUTS[key], index + 2, 2)
    letter = _plain_letter(sentence, index)
    if letter and following in _AS and sentence.key(index + 2)[:1] == key[:1]:
        return Spelled(letter, index + 3, 2)
    return Spelled(letter, index + 1, 1) if letter else None


def _plain_letter(sentence: Sentence, index: int) -> str | None:
    if not sentence.open(index):
        return None
    text, key = sentence.tokens[index].text.lower(), sentence.key(index)
    if len(text) == 1 and text.isalpha():
        return text
    return _LETTER_NAMES.get(key) or _WORDS.get(key)
