"""Numbers a shop gives out: orders, invoices, customers, parcels, and postcodes.

Orders begin with 104 or 105, invoices with 550, customers with 270; each has 8 digits, the last
a Luhn check digit. A number that fails this is still found when it is clear what it should be,
so that the dialogue can say what is wrong with it.
"""

import re
from collections.abc import Iterable, Iterator

from stdnum import luhn

from bot.nlu import context
from bot.nlu.runs import Run, find_runs
from bot.nlu.tokens import Found, Sentence, word_set

LENGTH = 8
_PREFIXES = {"104": "order_number", "105": "order_number", "550": "invoice_number", "270": "customer_number"}
_STEMS = {
    "invoice_number": context.INVOICE,
    "customer_number": context.CUSTOMER,
    "order_number": context.ORDER,
}
_IMPOSSIBLE_DATE = re.compile(r"(?<![0-9])[0-9]{1,2}([./-])[0-9]{1,2}\1(?:[0-9]{4}|[0-9]{2})(?![0-9])")
POSTCODE_LENGTH = 5
_NO_REFERENCE = re.compile(r"0[0-9]*|(?:19|20)[0-9]{2}")
_NAMED_LENGTHS = range(4, 12)
_NEAR_LENGTHS = range(6, 11)
_PART_LENGTHS = range(2, LENGTH)
_LONGEST_CALL = 6
_BREAKS = frozenset("/-,:")
_MOST_ALTERNATIVES = 3
_BARE = word_set(
    "# - . , : ! ? ( ) / nr no num nummer number ab nw die das es ist the is it its ja yes also aeh aehm "
    "uh um hm bitte please meine my lautet waere hier here okay ok gerne moment so dann sie s ' ’ und"
)


def luhn_valid(digits: str) -> bool:
    """Whether the last digit is the Luhn check digit of those before it."""
    return bool(luhn.is_valid(digits))


def kind_of(digits: str) -> str | None:
    """The entity that an 8-digit number is by its first digits, or None."""
    return _PREFIXES.get(digits[:3]) if len(digits) == LENGTH else None


def is_reference(digits: str) -> bool:
    """Whether digits are an order, invoice or customer number with a right check digit."""
    return kind_of(digits) is not None and luhn_valid(digits)


def find_references(sentence: Sentence) -> Iterator[Found]:
    """Order, invoice and customer numbers, and postcodes."""
    for run in find_runs(sentence):
        yield from _in_run(sentence, run)


def _in_run(sentence: Sentence, run: Run) -> list[Found]:
    if context.counted(sentence, run.last + 1) and len(run.items) > 1:
        run = Run(run.items[:-1])
    whole = _good(sentence, run)
    if whole:
        return [whole]
    for left, right in run.splits:
        started_anew = _false_start(left, right)
        if started_anew and (found := _reference(sentence, right)):
            return [found]
        first = _good(sentence, left)
        second = _in_run(sentence, right) if first else []
        if first and second:
            return [first, *second]
    return _doubtful(sentence, run)


def _false_start(left: Run, right: Run) -> bool:
    """Whether the speaker broke off and began the number again: `10505... Moment, 10506657`."""
    begun, whole = left.readings[0], right.readings[0]
    return len(begun) < LENGTH and len(whole) == LENGTH and begun[:3] == whole[:3] and begun[:3] in _PREFIXES


def _good(sentence: Sentence, run: Run) -> Found | None:
    """A run that is plainly a reference or a postcode."""
    if context.counted(sentence, run.last + 1):
        return None
    return _reference(sentence, run) or (None if _called(sentence, run) else _postcode(sentence, run))


def _reference(sentence: Sentence, run: Run) -> Found | None:
    known = [digits for digits in run.readings if kind_of(digits)]
    if not known:
        return None
    best = next((digits for digits in known if is_reference(digits)), known[0])
    others = [] if run.typed and not run.fixed else known
    return sentence.found(kind_of(best) or "", best, run.first, run.last, _first_few(others, best))


def _first_few(values: Iterable[str], best: str) -> list[str]:
    return [value for value in dict.fromkeys(values) if value != best][:_MOST_ALTERNATIVES]


def _postcode(sentence: Sentence, run: Run) -> Found | None:
    fitting = [digits for digits in run.readings if _is_postcode(digits)]
    if not fitting or _in_code(sentence, run) or (_is_round(run) and not context.near(sentence, run, context.POSTCODE)):
        return None
    likely = len(run.readings[0]) == 5 and not _is_quantity(sentence, run)
    if not run.typed and not likely and not context.near(sentence, run, context.POSTCODE):
        return None
    others = [] if run.typed else fitting[1:]
    return sentence.found("postcode", fitting[0], run.first, run.last, _first_few(others, fitting[0]))


def _in_code(sentence: Sentence, run: Run) -> bool:
    """Whether the figures are part of something else: `FLT10047PN`, `78/72/6`, `9,989`."""
    before, after = sentence.key(run.first - 1), sentence.key(run.last + 1)
    inside = sentence.keys(run.first, run.last + 1)
    glued = (sentence.glued(run.first) and before.isalpha()) or (sentence.glued(run.last + 1) and after.isalpha())
    return glued or (run.typed and not run.fixed and not _BREAKS.isdisjoint(inside))


def _is_postcode(digits: str) -> bool:
    return len(digits) == POSTCODE_LENGTH and "01001" <= digits <= "99998"


def _is_round(run: Run) -> bool:
    """Whether it is a round number such as ten thousand, said in one go."""
    return len(run.atoms) <= 2 and run.readings[0].endswith("000")


def _is_quantity(sentence: Sentence, run: Run) -> bool:
    """Whether English thousands stand in a longer sentence: nobody says a postcode so."""
    return any("thousand" in atom.words for atom in run.atoms) and not _bare(sentence, run)


def _bare(sentence: Sentence, run: Run) -> bool:
    """Whether the text is only this number."""
    rest = sentence.keys(0, run.first) + sentence.keys(run.last + 1, len(sentence))
    return all(key in _BARE for key in rest)


def _doubtful(sentence: Sentence, run: Run) -> list[Found]:
    """Numbers that do not fit but were meant as a reference, and typed postcodes among other numbers."""
    entity = _meant_as(sentence, run)
    digits = _likely(run, _NAMED_LENGTHS)
    if entity and digits and not context.counted(sentence, run.last + 1):
        return [sentence.found(entity, digits, run.first, run.last)]
    singles = [Run((atom,)) for atom in run.atoms if not atom.words]
    return [found for single in singles if (found := _good(sentence, single))] or _part(sentence, run)


def _part(sentence: Sentence, run: Run) -> list[Found]:
    """A caller's bare digits that may be a part of a number said in two turns."""
    digits = run.readings[0]
    if sentence.channel != "voice" or len(digits) not in _PART_LENGTHS or not _bare(sentence, run) or _is_round(run):
        return []
    return [sentence.found("digits", digits, run.first, run.last)]


def _likely(run: Run, lengths: range) -> str | None:
    """The reading with eight digits, a right check digit first; else the first one if its length may do."""
    full = [digits for digits in run.readings if len(digits) == LENGTH]
    best = next((digits for digits in full if luhn_valid(digits)), full[0] if full else run.readings[0])
    return best if len(best) in lengths and not _NO_REFERENCE.fullmatch(best) else None


def _called(sentence: Sentence, run: Run) -> str | None:
    """The reference whose name stands right before a run: `Bestellnummer ist 14254`."""
    index = run.first - 1
    while sentence.key(index) in _BARE and run.first - index < _LONGEST_CALL:
        index -= 1
    return next((entity for entity, stems in _STEMS.items() if sentence.key(index).startswith(stems)), None)


def _meant_as(sentence: Sentence, run: Run) -> str | None:
    """The reference that a run is called, stands near to or, standing alone, looks like."""
    called = _called(sentence, run)
    if called or not _likely(run, _NEAR_LENGTHS):
        return called or _by_first_digits(sentence, run)
    for entity, stems in _STEMS.items():
        if context.near(sentence, run, stems, before=5, after=3):
            return entity
    return _by_first_digits(sentence, run)


def _by_first_digits(sentence: Sentence, run: Run) -> str | None:
    """What a text that is only a number looks like."""
    if not _bare(sentence, run) or _IMPOSSIBLE_DATE.search(sentence.text):
        return None
    digits = _likely(run, _NAMED_LENGTHS) or ""
    if len(digits) == POSTCODE_LENGTH:
        return None
    return _PREFIXES.get(digits[:3]) or ("order_number" if LENGTH - 1 <= len(digits) <= LENGTH + 1 else None)
