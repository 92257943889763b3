"""Names of persons, where somebody introduces or spells one."""

import re
from collections.abc import Iterator
from functools import lru_cache

from bot.nlu.first_names import first_names
from bot.nlu.spelling import spelled_at
from bot.nlu.tokens import Found, Sentence, fold, word_set

_STRONG = (
    "ich heisse|ich heiss|und heisse|heisse jetzt|heisse nun|ich heisse jetzt|hier spricht|hier schreibt|es spricht|"
    "mein name ist|mein name lautet|mein name waere|mein nachname ist|mein familienname ist|vorname ist|vorname|"
    "nachname ist|nachname|vor und nachname|vor - und nachname|der name ist|der name lautet|name :|auf den namen|"
    "unter dem namen|am apparat ist|my name is|my name ' s|my name ’ s|my surname is|my last name is|last name is|"
    "first name is|the name is|the name ' s|i am called|under the name|speaking with|this is mr|this is mrs|this is ms"
)
_WEAK = (
    "hier ist|hier|ich bin|ich bin der|ich bin die|this is|i am|i ' m|i ’ m|it ' s|it ’ s|hier is|call me|names|"
    "name ist"
)
_AFTER = "mein name|is my name|ist mein name|am apparat|speaking|here|hier"
_AFTER_WEAK = frozenset({"speaking", "here", "hier"})
_TITLES = word_set("herr herrn frau dr prof doktor professor mr mrs ms miss mister die der")
_PARTICLES = word_set("von van de der den del zu zum zur bin al el da di la le ten ter o mc mac")
_SKIPPED = word_set("aeh aehm oeh uh um also jetzt nun ja eigentlich neuerdings now well so : , wieder")
_STOP = word_set(
    "und ich meine mein die das aus mit wohne habe hab hatte haette moechte wollte will rufe bin ist war "
    "kundennummer nummer postleitzahl plz geboren guten tag hallo bitte wegen es geht um aber oder in im "
    "noch mal nochmal am an auf bei fuer hier schon nicht kein keine falsch richtig doch ganz sehr was "
    "wie wo wer wann warum welche wurde wird werden kann koennen gern gerne seit ohne buchstabiere "
    "buchstabiert geschrieben eben gerade bestellung bestellnummer rechnung rechnungsnummer geburtsdatum "
    "email mail telefon adresse strasse speaking calling here and i my from about the with is was wrong "
    "spelled misspelled order have would want like number born customer please for on at not it you your "
    "to that this sorry too still so ne nee nein ja ok okay genau also dass weil da dann nach von vom sie "
    "ihr ihre euer einen eine ein einer der dem den zufrieden sauer guter morgen abend moin servus danke "
    "vielen a an of where when what why how but good hello hi thanks in new changed there angry happy "
    "trying looking waiting still s aendern geaendert ueber vorname nachname name auch nur alles kaputt "
    "kunde kundin customer anders des dieser dieses diesem diesen next back later when asap hat haben "
    "sich stimmt steht lautet soll muss fehlt aehm oeh uh um er hm mitarbeiter berater kollege kollegin "
    "mensch jemand niemand nichts alles now jetzt nun gut"
)
_GREETINGS = word_set("gruess gott guten gute tag morgen abend hallo moin hello hi good morning servus ja yes , . !")
_MOST_WORDS = 3
Phrases = dict[str, list[tuple[str, ...]]]


def find_person_names(sentence: Sentence) -> Iterator[Found]:
    """Names after words of introduction, before `mein Name`, or as the whole text."""
    for index in range(len(sentence)):
        strong = _phrase_at(sentence, index, _STRONG)
        found = _after(sentence, index + strong, sure=True) if strong else None
        weak = 0 if found else _phrase_at(sentence, index, _WEAK)
        found = found or (_after(sentence, index + weak, sure=_opens_call(sentence, index, weak)) if weak else None)
        if found:
            yield _with_last_name(sentence, found)
    yield from _before(sentence)
    yield from _alone(sentence)


def _with_last_name(sentence: Sentence, first: Found) -> Found:
    """`Vorname Annika, Nachname Brandt` as one name."""
    index = sentence.index_at(first.end - 1) + 1
    while sentence.key(index) in {",", "und", "and", "der", "mein"}:
        index += 1
    if sentence.key(index) != "nachname":
        return first
    last = _after(sentence, index + 1 + (sentence.key(index + 1) == "ist"), sure=True)
    if last is None:
        return first
    return sentence.between("person_name", f"{first.value} {last.value}", first.start, last.end)


@lru_cache(maxsize=4)
def _by_first_word(phrases: str) -> Phrases:
    sorted_in: Phrases = {}
    for phrase in phrases.split("|"):
        words = tuple(phrase.split())
        sorted_in.setdefault(words[0], []).append(words)
    return sorted_in


def _phrase_at(sentence: Sentence, index: int, phrases: str) -> int:
    """The length of the longest of the phrases that starts at a token."""
    candidates = _by_first_word(phrases).get(sentence.key(index), ())
    return max((len(p) for p in candidates if sentence.keys(index, index + len(p)) == p), default=0)


def _opens_call(sentence: Sentence, index: int, length: int) -> bool:
    """Whether a caller begins with `hier ist` and one word, then ends or speaks of herself."""
    if length and sentence.key(index + length + 1) == "speaking":
        return True
    greeted = all(key in _GREETINGS | _SKIPPED for key in sentence.keys(0, index))
    named = sentence.channel == "voice" and sentence.keys(index, index + length) in {("hier", "ist"), ("this", "is")}
    return greeted and named and sentence.key(index + length + 1) in {"", "ich", "aus", "guten", "i", "from", "und"}


def _after(sentence: Sentence, index: int, *, sure: bool) -> Found | None:
    titled = False
    while sentence.key(index) in _SKIPPED or sentence.key(index) in _TITLES or (titled and sentence.key(index) == "."):
        titled = titled or (sentence.key(index) in _TITLES and sentence.key(index) not in {"der", "die"})
        index += 1
    return _name_at(sentence, index, sure=sure or titled)


def _name_at(sentence: Sentence, index: int, *, sure: bool) -> Found | None:
    """The name that starts at a token; if not `sure`, a first name must be known or two words capitalised."""
    end = _in_full(sentence, index, _name_end(sentence, index))
    spelled = spelled_at(sentence, _skip_spelling_words(sentence, end))
    words = [sentence.tokens[position].text for position in range(index, end)]
    if not words and not spelled:
        return None
    if not (sure or spelled or _looks_like_a_name(words)):
        return None
    if not spelled:
        return sentence.found("person_name", _written(sentence, index, end), index, end - 1)
    return _spelled_name(sentence, index, end)


def _in_full(sentence: Sentence, index: int, end: int) -> int:
    """Where `Jansen, Nele Jansen` ends, whose first word is said again in the full name."""
    if sentence.key(end) != "," or end - index != 1:
        return end
    whole = _name_end(sentence, end + 1)
    return whole if whole > end + 2 and sentence.key(whole - 1) == sentence.key(index) else end


def _skip_spelling_words(sentence: Sentence, index: int) -> int:
    while sentence.key(index) in {
        "ich",
        "buchstabiere",
        "buchstabiert",
        "das",
        "spelled",
        "that",
        "is",
        "s",
        "'",
        ",",
        "also",
        ":",
        "-",
        "schreibt",
        "sich",
    }:
        index += 1
    return index


def _spelled_name(sentence: Sentence, index: int, end: int) -> Found | None:
    """The spelled word takes the place of the last word said."""
    start = _skip_spelling_words(sentence, end)
    spelled = spelled_at(sentence, start)
    if spelled is None:
        return None
    before = [_capital(sentence.tokens[p].text) for p in range(index, end) if sentence.key(p).isalpha()]
    again = spelled_at(sentence, spelled.end)
    last = before[-1] if before else ""
    if again or not _alike(last, spelled.letters):
        words = [*before, spelled.letters.capitalize()]
    else:
        words = [*before[:-1], spelled.letters.capitalize()]
    if again:
        words.append(again.letters.capitalize())
    return sentence.found("person_name", " ".join(words), index, (again or spelled).end - 1)


def _alike(said: str, letters: str) -> bool:
    """Whether the letters spell the word said rather than a further name."""
    return bool(said) and fold(said)[0] == fold(letters)[0] and abs(len(said) - len(letters)) <= 3


def _name_end(sentence: Sentence, index: int) -> int:
    """The token after the words that can be a name."""
    position, words = index, 0
    while sentence.open(position) and words < _MOST_WORDS:
        key = sentence.key(position)
        if key in {"-", "'", "’", "."} and position > index:
            if not (sentence.glued(position) and sentence.glued(position + 1)):
                break
        elif key in _PARTICLES and (position > index or key in {"von", "van", "de", "al", "el"}):
            following = sentence.key(position + 1)
            if following not in {"'", "’"} and (not following.isalpha() or following in _STOP - _PARTICLES):
                break
        elif not _is_name_word(sentence, position) or spelled_at(sentence, position):
            break
        else:
            words += not (position > index and sentence.key(position - 1) in {"-", "'", "’"})
        position += 1
    return position


def _is_name_word(sentence: Sentence, index: int) -> bool:
    key = sentence.key(index)
    return key.isalpha() and len(key) > 1 and key not in _STOP


def _looks_like_a_name(words: list[str]) -> bool:
    alphabetic = [word for word in words if word[0].isalpha()]
    capitals = sum(word[0].isupper() for word in alphabetic)
    return bool(alphabetic) and (
        fold(alphabetic[0]) in first_names() or (capitals >= 2 and capitals == len(alphabetic))
    )


def _written(sentence: Sentence, index: int, end: int) -> str:
    """The words as a name is written: capitals where there were none."""
    text = sentence.text[sentence.tokens[index].start : sentence.tokens[end - 1].end]
    words = text.split()
    if text == text.upper():
        words = text.lower().split()
    once = [word for word, before in zip(words, ["", *words], strict=False) if word != before]
    if len(once) > 2 and fold(once[0]).strip(",") == fold(once[-1]):
        once = once[1:]
    return " ".join(_capital(w) if w.islower() and fold(w) not in _PARTICLES else w for w in once)


def _capital(word: str) -> str:
    """`anna-lena` as `Anna-Lena`, `o'connor` as `O'Connor`."""
    return re.sub(r"(?:^|(?<=-)|(?<=^[od]['’]))[^\W\d_]", lambda letter: letter[0].upper(), word.lower())


def _before(sentence: Sentence) -> Iterator[Found]:
    """`Annika Brandt mein Name`, `Brandt am Apparat`, `Annika Brandt here`."""
    for index in range(1, len(sentence)):
        if _phrase_at(sentence, index, _AFTER):
            found = _ending_at(sentence, index, sure=sentence.key(index) not in _AFTER_WEAK)
            if found:
                yield found


def _ending_at(sentence: Sentence, index: int, *, sure: bool) -> Found | None:
    """The name right before a token, if only a greeting stands before it."""
    first = index
    while index - first < _MOST_WORDS + 1 and sentence.open(first - 1) and _can_precede(sentence, first - 1):
        first -= 1
    while sentence.key(first) in _GREETINGS:
        first += 1
    begins = all(key in _SKIPPED | _GREETINGS | _TITLES for key in sentence.keys(0, first))
    found = _name_at(sentence, first, sure=sure) if begins and first < index else None
    return found if found and found.end == sentence.tokens[index - 1].end else None


def _can_precede(sentence: Sentence, index: int) -> bool:
    return (_is_name_word(sentence, index) and sentence.key(index) not in _TITLES) or sentence.key(index) in {
        "-",
        "von",
        "van",
    }


def _alone(sentence: Sentence) -> Iterator[Found]:
    """A first and a last name at the beginning of a text, with nothing but other values after it."""
    start = 0
    while sentence.key(start) in _SKIPPED | _TITLES:
        start += 1
    spelled = spelled_at(sentence, start)
    if spelled and spelled.end == len(sentence):
        yield sentence.found("person_name", spelled.letters.capitalize(), start, spelled.end - 1)
        return
    end = _name_end(sentence, start)
    spelled = spelled_at(sentence, end)
    if spelled and end == start + 1 and _alike(sentence.tokens[start].text, spelled.letters):
        yield sentence.found("person_name", spelled.letters.capitalize(), start, spelled.end - 1)
        return
    words = [sentence.tokens[position].text for position in range(start, end)]
    ends = sentence.key(end) in {"", ",", "."} or not sentence.open(end)
    if sentence.key(end) == "," and end + 2 == len(sentence):
        words, end = [*words, sentence.tokens[end + 1].text], end + 2
    if end == len(sentence) and _is_reversed(words):
        yield sentence.found("person_name", f"{_capital(words[-1])} {_capital(words[0])}", start, end - 1)
    elif len(words) >= 2 and ends and fold(words[0]) in first_names():
        yield sentence.found("person_name", _written(sentence, start, end), start, end - 1)


def _is_reversed(words: list[str]) -> bool:
    """Whether the last name stands first: `Brandt Annika`."""
    first, last = fold(words[0]) if words else "", fold(words[-1]) if words else ""
    return len(words) == 2 and last in first_names() and first not in first_names()
