"""Digits said or typed one after the other, read in every way the speaker may have meant.

A run is a stretch such as `eins null vier nein fünf acht`, `zehn achtundvierzig`, `22 7 65` or
`doppel fünf`. Between its numbers may stand fillers (`äh`, `und`, `Moment`), signs and
corrections. `readings` lists the digit strings it can mean, the likeliest first.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from bot.nlu.numbers import cardinal_at, numeral, pieces
from bot.nlu.readings import Atom, Fix, Item, readings
from bot.nlu.tokens import Sentence, word_set

_FILLERS = word_set(
    "ach aeh aehm oeh hm hmm mh mhm eh ehm also ja dann und die der das noch mal warten warte sie sekunde "
    "moment bitte so gell ne jetzt komma punkt strich bindestrich minus leerzeichen schraegstrich slash "
    "anschliessend danach weiter genau okay ok gleich gefolgt uh um uhm er then and dash hyphen space "
    "please followed by wait hang on let me see the just kurz augenblick einen eine a"
)
_SIGNS = frozenset(".,:-/#_–—()'’·…")
_FIXES = word_set(
    "nein nee noe quatsch falsch sorry entschuldigung verzeihung korrektur sondern stimmt nicht meine "
    "mein meinte ich pardon no actually mean i correction scratch that wrong rather tschuldigung halt "
    "stopp stop doch"
)
_STRONG_FIXES = _FIXES - {"ich", "meine", "mein", "nicht", "i", "that", "halt", "doch", "stimmt", "mean", "meinte"}
_PAIRED_FIXES = (("ich", "meine"), ("ich", "mein"), ("ich", "meinte"), ("stimmt", "nicht"), ("i", "mean"))
_RESTARTS = word_set("moment warte warten nochmal neu vorn vorne again start wait mal einmal beginning anfang")
_DOUBLE = {"doppel": 2, "doppelt": 2, "doppelte": 2, "double": 2, "triple": 3, "dreifach": 3, "treble": 3}
_TIMES = {f"{word}mal": count for count, word in enumerate(("zwei", "drei", "vier", "fuenf"), 2)} | {"twice": 2}
_PLURALS = {"nullen": 0, "einsen": 1, "zweien": 2, "dreien": 3, "vieren": 4, "fuenfen": 5, "sechsen": 6, "siebenen": 7}
_PLURALS |= {"achten": 8, "neunen": 9, "zeros": 0, "zeroes": 0, "ones": 1, "twos": 2, "fives": 5, "nines": 9}
_ARTICLES = frozenset({"die", "der", "das", "eine", "the"})
_OH = frozenset({"oh", "o"})
_LISTED = frozenset({",", "und", "and"})
_COMPLETE, _LONG = 8, 5
_LONGEST_GAP = 8
_LONGEST_RUN = 40  # the ways to cut and read a run grow with its square; two numbers said digit by digit are 20
_REPEATS = range(2, 6)


@dataclass(frozen=True)
class Run:
    """Neighbouring numbers of a sentence with the corrections between them."""

    items: tuple[Item, ...]

    @cached_property
    def atoms(self) -> tuple[Atom, ...]:
        """Its numbers, corrections left out."""
        return tuple(item for item in self.items if isinstance(item, Atom))

    @property
    def first(self) -> int:
        """Its first token."""
        return self.atoms[0].first

    @property
    def last(self) -> int:
        """Its last token."""
        return self.atoms[-1].end - 1

    @property
    def typed(self) -> bool:
        """Whether all its numbers are written in digits."""
        return all(not atom.words for atom in self.atoms)

    @property
    def fixed(self) -> bool:
        """Whether the speaker corrected something inside it."""
        return len(self.atoms) < len(self.items)

    @cached_property
    def splits(self) -> tuple[tuple["Run", "Run"], ...]:
        """The ways to cut the run in two at a number."""
        cuts = [
            cut
            for cut in range(1, len(self.items))
            if isinstance(self.items[cut], Atom) and isinstance(self.items[cut - 1], Atom)
        ]
        return tuple((Run(self.items[:cut]), Run(self.items[cut:])) for cut in cuts)

    @cached_property
    def readings(self) -> tuple[str, ...]:
        """The digit strings it can mean, the likeliest first."""
        return readings(self.items)


def find_runs(sentence: Sentence) -> list[Run]:
    """All runs in the unclaimed parts of a sentence."""
    if "runs" not in sentence.memo:
        sentence.memo["runs"] = list(_runs(sentence))
    runs: list[Run] = sentence.memo["runs"]
    return runs


def _runs(sentence: Sentence) -> Iterator[Run]:
    index = 0
    while index < len(sentence):
        run, index = _run_at(sentence, index)
        if run:
            yield run


def _run_at(sentence: Sentence, index: int) -> tuple[Run | None, int]:
    """The run that starts at a token, and where to look for the next one."""
    atoms = atoms_at(sentence, index)
    if not atoms:
        return None, index + 1
    items: list[Item] = [*atoms]
    while len(items) < _LONGEST_RUN:
        gap = _gap(sentence, atoms[-1].end)
        if gap is None:
            break
        fix, atoms = gap
        items += [*([fix] if fix else []), *atoms]
    return Run(tuple(items)), atoms[-1].end


def _gap(sentence: Sentence, index: int) -> tuple[Fix | None, list[Atom]] | None:
    """What stands between two numbers, and the numbers after it; None when the run ends here."""
    words: list[str] = []
    for position in range(index, min(index + _LONGEST_GAP, len(sentence))):
        if not sentence.open(position):
            return None
        atoms = atoms_at(sentence, position, after=True)
        if atoms:
            return None if _ends(sentence, index - 1, words) else (_fix(words), atoms)
        key = sentence.key(position)
        if not _bridges(key, sentence.key(position + 1)):
            return None
        words.append(key)
    return None


def _ends(sentence: Sentence, last: int, words: list[str]) -> bool:
    """Whether a typed number is complete in itself: eight digits, or five and then a comma."""
    key = sentence.key(last)
    if not key.isdecimal() or _fix(words) or _RESTARTS & set(words):
        return False
    return (len(key) >= _COMPLETE and key[0] != "0") or (len(key) >= _LONG and not _LISTED.isdisjoint(words))


def _bridges(key: str, following: str) -> bool:
    """Whether a word may stand between two numbers of one run."""
    if key in {"von", "from"}:
        return following in {"vorn", "vorne", "the", "anfang"}
    return key in _FILLERS or key in _SIGNS or key in _FIXES or key in _RESTARTS


def _fix(words: list[str]) -> Fix | None:
    """The correction that the words of a gap announce, if any."""
    paired = any(pair in _PAIRED_FIXES for pair in pairwise(words))
    again = any(word in {"nochmal", "vorn", "vorne", "again", "neu"} for word in words)
    if not (paired or again or any(word in _STRONG_FIXES for word in words)):
        return None
    return Fix(any(word in _RESTARTS for word in words))


def atoms_at(sentence: Sentence, index: int, *, after: bool = False) -> list[Atom]:
    """The numbers that start at a token; more than one when a recogniser ran words together."""
    key = sentence.key(index)
    if not sentence.open(index):
        return []
    repeated = _repeated(sentence, index)
    if repeated:
        return repeated
    if key.isdecimal():
        return [Atom(key, index, index + 1)]
    if key in _OH and (after or _digit_follows(sentence, index)):
        return [Atom("0", index, index + 1, (key,))]
    return _spoken(sentence, index)


def _spoken(sentence: Sentence, index: int) -> list[Atom]:
    key = sentence.key(index)
    number = cardinal_at(sentence, index)
    if number is None:
        return [Atom(digits, index, index + 1, (key,)) for digits in pieces(key)]
    single = numeral(key)
    if single is None or (number.end > index + 1 and number.value < 100):
        return [Atom(str(number.value), index, number.end, number.words, "de" if single is None else single.language)]
    return [Atom(str(single.value), index, index + 1, (key,), single.language)]


def _digit_follows(sentence: Sentence, index: int) -> bool:
    """Whether an English digit comes next, perhaps after more of `oh`."""
    while sentence.key(index + 1) in _OH:
        index += 1
    following = numeral(sentence.key(index + 1))
    return following is not None and following.language == "en" and following.value < 10


def _repeated(sentence: Sentence, index: int) -> list[Atom]:
    """`doppel fünf`, `dreimal die null`, `drei mal null`, `three times zero`."""
    count, position = _repetition(sentence, index)
    if not count:
        glued = numeral(sentence.key(index).removeprefix("doppel"))
        double = glued and sentence.key(index).startswith("doppel") and glued.value < 10 and not glued.ordinal
        return [Atom(str(glued.value) * 2, index, index + 1, (sentence.key(index),))] if glued and double else []
    if sentence.key(position) in _ARTICLES or sentence.key(position) == "-":
        position += 1
    digit = _digit(sentence, position)
    return [Atom(digit * count, index, position + 1, (digit,))] if digit else []


def _repetition(sentence: Sentence, index: int) -> tuple[int, int]:
    """How often a digit is said to stand, and where it is said."""
    count = _DOUBLE.get(sentence.key(index)) or _TIMES.get(sentence.key(index)) or 0
    if count:
        return count, index + 1
    plural = sentence.key(index + 1) in _PLURALS
    if sentence.key(index + 1) not in {"mal", "times"} and not plural:
        return 0, index
    number = cardinal_at(sentence, index)
    if number is None or number.end != index + 1 or number.value not in _REPEATS:
        return 0, index
    return number.value, index + 2 - plural


def _digit(sentence: Sentence, index: int) -> str:
    key = sentence.key(index)
    if key in _PLURALS:
        return str(_PLURALS[key])
    if key in _OH:
        return "0"
    number = cardinal_at(sentence, index)
    return str(number.value) if number and number.end == index + 1 and number.value < 10 else ""
