"""Ways to reach or pay somebody: e-mail addresses, phone numbers, IBANs; typed and spoken."""

import re
from collections.abc import Iterator

import phonenumbers
from stdnum import iban

from bot.nlu import context
from bot.nlu.first_names import first_names
from bot.nlu.numbers import cardinal_at
from bot.nlu.references import is_reference
from bot.nlu.runs import Run, atoms_at, find_runs
from bot.nlu.second_thoughts import FIXES
from bot.nlu.spelling import spelled_at
from bot.nlu.tokens import Found, Sentence, word_set

REGION = "DE"
_EMAIL = re.compile(r"[\w.+%-]*[\w+%-]@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,24}(?![\w@])")
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}[ -]?[0-9]{2}(?:[ -]?[A-Z0-9]{1,4}){2,8}(?![A-Za-z0-9])", re.IGNORECASE)
_IBAN_DIGITS = range(13, 31)
_FURTHEST_LETTERS = 6
_AT = word_set("at aet ett et add @ klammeraffe affenschwanz")
_CONNECTORS = {
    **{"punkt": ".", "dot": ".", ".": ".", "minus": "-", "bindestrich": "-", "strich": "-", "dash": "-", "hyphen": "-"},
    **{"-": "-", "unterstrich": "_", "underscore": "_", "_": "_", "plus": "+", "+": "+"},
}
_BEFORE_ADDRESS = word_set(
    "ist lautet is adresse address mail email e an auf unter also aeh aehm my meine ja und the to it its "
    "at : , ist's bitte nochmal wie folgt heisst waere neue alte new old jetzt now dann und me s ' hier "
    "here die"
)
_HOW_WRITTEN = word_set("alles klein kleingeschrieben zusammen zusammengeschrieben geschrieben lowercase zeichen")
_BRACKETS = frozenset("()[]{}<>")
_MOST_PARTS = 12
_MOST_READINGS = 8
_UMLAUTS = {ord("ä"): "ae", ord("ö"): "oe", ord("ü"): "ue", ord("ß"): "ss"}


def find_emails(sentence: Sentence) -> Iterator[Found]:
    """E-mail addresses in lower case."""
    for match in _EMAIL.finditer(sentence.plain):
        yield sentence.between("email", match.group().lower(), match.start(), match.end())
    for index, token in enumerate(sentence.tokens):
        if token.key in _AT and sentence.open(index):
            found = _spoken_email(sentence, index)
            if found:
                yield found


def _spoken_email(sentence: Sentence, at: int) -> Found | None:
    after = at + 3 if sentence.keys(at + 1, at + 3) == ("-", "zeichen") else at + 1
    domain, end = _mended(sentence, *_domain(sentence, after + (sentence.key(after) in _BRACKETS)))
    name, first = _local_part(sentence, at - (sentence.key(at - 1) in _BRACKETS))
    if not domain or not name:
        return None
    return sentence.found("email", f"{name}@{domain}".lower(), first, end - 1)


def _domain(sentence: Sentence, index: int) -> tuple[str, int]:
    """The domain spoken from a token on, and where it ends; empty without a top level."""
    label, position = _part(sentence, index)
    domain, end = "", index
    while label:
        domain, end = domain + label, position
        connector = _connector(sentence, position)
        if not connector:
            more = spelled_at(sentence, position) if "." not in domain else None
            if more is None:
                break
            label, position = more.letters, more.end
            continue
        domain += connector
        label, position = _label(sentence, position + 1)
    domain = domain.rstrip(".-_+")
    return (domain, end) if re.fullmatch(r"[\w-]+(?:\.[\w-]+)*\.[a-z]{2,24}", _ascii(domain)) else ("", index)


def _mended(sentence: Sentence, domain: str, end: int) -> tuple[str, int]:
    """The domain after a correction of its last part or of all of it: `example punkt com nein punkt org`."""
    again = end
    while domain and sentence.key(again) in FIXES:
        again += 1
    if again == end:
        return domain, end
    if _connector(sentence, again) == ".":
        label, last = _label(sentence, again + 1)
        return (f"{domain.rpartition('.')[0]}.{label}", last) if label.isalpha() and len(label) > 1 else (domain, end)
    whole, last = _domain(sentence, again)
    return (whole, last) if whole and sentence.key(last) not in _AT else (domain, end)


def _connector(sentence: Sentence, index: int) -> str:
    """The sign that joins two parts of an address, said or typed; a typed one stands without spaces."""
    key = sentence.key(index)
    if key.isalpha() or (sentence.glued(index) and sentence.glued(index + 1)):
        return _CONNECTORS.get(key, "")
    return ""


def _label(sentence: Sentence, index: int) -> tuple[str, int]:
    """A part of the domain; `d.e.` and `d e` are `de`."""
    label, end = _part(sentence, index)
    following = end + (sentence.key(end) == ".")
    if len(label) == 1 and len(sentence.key(following)) == 1 and sentence.key(following).isalpha():
        return label + sentence.key(following), following + 1
    return label, end


def _local_part(sentence: Sentence, at: int) -> tuple[str, int]:
    """What is said before the `at`, and its first token."""
    first = at
    while first > max(0, at - 3 * _MOST_PARTS) and sentence.open(first - 1) and _belongs(sentence, first - 1):
        first -= 1
    parts: list[tuple[str, int]] = []
    while first < at:
        if sentence.key(first) in _HOW_WRITTEN:
            first += 1
            continue
        remark = _remark(sentence, first) if parts else None
        if remark:
            letter, first = remark
            parts[-1] = (_doubled(parts[-1][0], letter), parts[-1][1])
            continue
        part, end = _part(sentence, first)
        end = end if part else first + 1
        if parts and _begins_anew(sentence, parts, first, part):
            parts.clear()
        parts.append((part or _connector(sentence, first), first))
        first = end
    name = "".join(part for part, _ in parts)
    return _ascii(name.strip(".-_+")), parts[0][1] if parts else at


def _remark(sentence: Sentence, index: int) -> tuple[str, int] | None:
    """The letter in `mit doppel s`, `with a double t`, and the token after it."""
    position = index + 1 + (sentence.key(index + 1) in {"einem", "a"})
    letter = sentence.key(position + 1)
    if sentence.key(index) not in {"mit", "with"} or sentence.key(position) not in {"doppel", "doppeltem", "double"}:
        return None
    return (letter, position + 2) if len(letter) == 1 and letter.isalpha() else None


def _doubled(word: str, letter: str) -> str:
    """The word with the last such letter doubled, unless it is already: `weis` with `s` is `weiss`."""
    before, found, after = word.rpartition(letter)
    return word if letter * 2 in word or not found else f"{before}{letter * 2}{after}"


def _begins_anew(sentence: Sentence, parts: list[tuple[str, int]], index: int, part: str) -> bool:
    """Whether a word does not belong to the words before it: nothing joins them, and those are no name."""
    joined = _connector(sentence, index - 1) or _connector(sentence, index)
    if joined or part.isdecimal() or all(len(text) == 1 or text.isdecimal() for text, _ in parts):
        return False
    return not any(text in first_names() for text, _ in parts)


def _belongs(sentence: Sentence, index: int) -> bool:
    key, before = sentence.key(index), sentence.key(index - 1)
    if len(key) == 1 and key.isalpha():
        return before not in {"'", "’"}
    if key == "wie" and len(before) == 1:
        return True
    return bool(_connector(sentence, index)) or (key.isalnum() and key not in _BEFORE_ADDRESS)


def _part(sentence: Sentence, index: int) -> tuple[str, int]:
    """A word, a number or spelled letters, and the token after it."""
    if not sentence.open(index):
        return "", index
    spelled = spelled_at(sentence, index)
    if spelled:
        return _ascii(spelled.letters), spelled.end
    atoms = atoms_at(sentence, index)
    if atoms:
        number = cardinal_at(sentence, index)
        if number and not number.typed and number.end > atoms[-1].end:
            return str(number.value), number.end
        return "".join(atom.digits for atom in atoms), atoms[-1].end
    key = sentence.key(index)
    return (key, index + 1) if key.isalnum() and key not in _CONNECTORS else ("", index)


def _ascii(text: str) -> str:
    return text.lower().translate(_UMLAUTS)


def find_ibans(sentence: Sentence) -> Iterator[Found]:
    """IBANs with a right check number."""
    for match in _IBAN.finditer(sentence.plain):
        for end in (match.end(), *_shorter(match.group(), match.start())):
            number = iban.compact(sentence.text[match.start() : end]).replace("-", "")
            if iban.is_valid(number):
                yield sentence.between("iban", number, match.start(), end)
                break
    for run in find_runs(sentence):
        found = _spoken_iban(sentence, run)
        if found:
            yield found


def _shorter(text: str, start: int) -> list[int]:
    """Where the match could end earlier: words after the number look like a part of it."""
    return [start + gap.start() for gap in reversed(list(re.finditer(" ", text)))]


def _spoken_iban(sentence: Sentence, run: Run) -> Found | None:
    """`D E acht neun drei sieben ...`: the letters of the country before a long run."""
    if max(map(len, run.readings)) not in _IBAN_DIGITS:
        return None
    country, first = _country(sentence, run.first)
    number = next((country + d for d in run.readings if country and iban.is_valid(country + d)), None)
    return sentence.found("iban", number, first, run.last) if number else None


def _country(sentence: Sentence, end: int) -> tuple[str, int]:
    """The two letters right before a token, said as `a t`, `at` or `D wie Dora E wie Emil`, and where they begin."""
    pair, word = sentence.keys(end - 2, end), sentence.key(end - 1)
    if len(word) == 2 and word.isalpha():
        return word.upper(), end - 1
    if len(pair) == 2 and all(len(letter) == 1 and letter.isalpha() for letter in pair):
        return "".join(pair).upper(), end - 2
    for first in range(max(0, end - _FURTHEST_LETTERS), end):
        spelled = spelled_at(sentence, first)
        if spelled and spelled.end == end and len(spelled.letters) == 2:
            return spelled.letters.upper(), first
    return "", end


def find_phone_numbers(sentence: Sentence) -> Iterator[Found]:
    """Phone numbers as E.164; German ones without a country code."""
    for run in find_runs(sentence):
        if run.fixed and _has_reference(run):
            continue
        after_reference = (right for left, right in run.splits if _has_reference(left))
        found = next((found for part in (run, *after_reference) if (found := _phone_number(sentence, part))), None)
        if found:
            yield found


def _has_reference(run: Run) -> bool:
    return any(is_reference(digits) for digits in run.readings)


def _phone_number(sentence: Sentence, run: Run) -> Found | None:
    first, prefix = _international(sentence, run)
    named = context.near(sentence, run, context.PHONE)
    likely = run.readings[:_MOST_READINGS]
    number = next((e164 for digits in likely if (e164 := _e164(prefix + digits, named=named))), None)
    return sentence.found("phone_number", number, first, run.last) if number else None


def _international(sentence: Sentence, run: Run) -> tuple[int, str]:
    if sentence.key(run.first - 1) in {"+", "plus"} and sentence.open(run.first - 1):
        return run.first - 1, "+"
    if sentence.key(run.first - 1) == "(" and sentence.key(run.first - 2) == "+":
        return run.first - 2, "+"
    if sentence.key(run.first - 1) == "(":
        return run.first - 1, ""
    return run.first, ""


def _e164(digits: str, *, named: bool) -> str | None:
    """The number in E.164 if it can be one; those without a leading zero must be called a phone number."""
    if not 6 <= len(digits) <= 18 or not (digits.startswith(("+", "0")) or (named and len(digits) > 9)):
        return None
    text = re.sub(r"^(\+|00)490", r"+49", digits)
    try:
        number = phonenumbers.parse(text, REGION)
    except phonenumbers.NumberParseException:
        return None
    lenient = named and digits.startswith(("+", "0")) and phonenumbers.is_possible_number(number)
    right = lenient or phonenumbers.is_valid_number(number)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if right else None
