"""Numbers as people say them: digit by digit in groups, amounts of money, telephone numbers, IBANs, codes, decimals.

Numbers below 10,000 keep their figures, which every voice reads right. What is told apart digit by digit is written out
in words, because voices join figures to one large number.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import phonenumbers
from phonenumbers import PhoneNumberFormat

from voice.words import Words, words_of

LARGEST_GROUP = 4
HOME = "DE"
TOLD_IN_DIGITS_FROM = 5
TOGETHER_IN_DIGITS_FROM = 7
LARGEST_CARDINAL = 9
SPELLED = ("AGB", "AI", "AO", "AT", "DSGVO", "EU", "FAQ", "GDPR", "GPS", "KI", "UPS", "USA")
VOWELS = frozenset("AEIOUYÄÖÜ")
SHORTEST_WORD = 4

Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], str]]
NUMBER = r"[1-9]\d{0,2}(?:[.,]\d{3})+(?:[.,]\d{2})?(?!\d)|\d+(?:[.,](?:\d{2}(?!\d)|[-–]))?"
BEFORE = r"(?<![\w.,])"
EMAIL = re.compile(r"(?<![\w.+*-])[\w.+*-]+@[\w-]+(?:\.[\w-]+)*")
DOMAIN = re.compile(r"(?<![\w@.-])(?:[\w-]+\.)+(?:de|com|org|net|eu|info|example)\b(?![.-]?\w)")
ENDING = re.compile(r"(?<!\S)\.(?=(?:de|com|org|net|eu|info)\b)")
IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?(?!\w)")
TELEPHONE = re.compile(r"(?<![\w.,])(?:\+ ?\d|\(?0)[\d ()/-]{5,20}\d(?!\w|[.,]\d)")
MONEY_BEFORE = re.compile(rf"{BEFORE}(?P<minus>- ?)?(?:€|EUR) ?(?P<number>{NUMBER})")
MONEY_AFTER = re.compile(rf"{BEFORE}(?P<minus>- ?)?(?P<number>{NUMBER}) ?(?:€|EUR(?!\w)|[Ee]uros?(?!\w))")
CODE = re.compile(r"(?<![\w-])(?=[A-Z0-9-]*[A-Z])(?=[A-Z0-9-]*\d)[A-Z0-9]+(?:-[A-Z0-9]+)*(?!\w)")
CAPITALS = re.compile(r"(?<![\w-])[A-ZÄÖÜ]{2,}(?![\w-])")
DECIMAL = re.compile(r"(?<![\d.,])(\d+)([.,])(\d+)(?![\d]|[.,]\d)")
GROUPED = re.compile(r"(?<![\w.,])\d{2,}(?:[ /-]\d+)+(?!\w|[.,]\d)")
DIGITS = re.compile(r"(?<![\d:])(?:0\d+|\d{5,})")


def digit_groups(digits: str, language: str) -> str:
    """Digits one by one in even groups of at most four: `eins null vier acht, zwei neun eins sieben`.

    Letters are named as they stand; other signs are left out.
    """
    words = words_of(language)
    signs = [sign for sign in digits if sign.isalnum()]
    if len(signs) <= TOLD_IN_DIGITS_FROM:
        return _one_by_one("".join(signs), words)
    count = -(-len(signs) // LARGEST_GROUP)
    size, larger = divmod(len(signs), count)
    groups, start = [], 0
    for number in range(count):
        end = start + size + (number < larger)
        groups.append("".join(signs[start:end]))
        start = end
    return ", ".join(_one_by_one(group, words) for group in groups)


def cardinal(digits: str, language: str) -> str:
    """A whole number: `249`, `12 tausend 500`, `1 Million`; above a billion digit by digit."""
    words, number = words_of(language), int(digits)
    if len(digits) > LARGEST_CARDINAL:
        return digit_groups(digits, language)
    if number < 10 ** (TOLD_IN_DIGITS_FROM - 1):
        return str(number)
    millions, rest = divmod(number, 10**6)
    thousands, ones = divmod(rest, 10**3)
    parts = [f"{millions} {words.million[millions > 1]}"] if millions else []
    parts += [f"{thousands} {words.thousand}"] if thousands else []
    return " ".join([*parts, str(ones)] if ones else parts)


def money(number: str, language: str) -> str:
    """Euros, with a point or comma before the cents: `89 Euro 90`, `50 Cent`, `1 euro`."""
    words = words_of(language)
    whole, cents = _amount(number)
    if not int(whole) and cents:
        return f"{cents} {words.cent[cents > 1]}"
    euros = f"{cardinal(whole, language)} {words.euro[int(whole) != 1]}"
    return f"{euros} {cents}" if cents else euros


def _amount(number: str) -> tuple[str, int]:
    whole, cents = re.fullmatch(r"([\d.,]+?)(?:[.,](\d{2}|[-–]))?", number).groups()  # type: ignore[union-attr]
    return re.sub(r"\D", "", whole), int(cents) if cents and cents.isdecimal() else 0


def _one_by_one(signs: str, words: Words) -> str:
    return " ".join(words.digits[int(sign)] if sign.isdecimal() else sign for sign in signs)


def number_rules(language: str) -> list[Rule]:
    """What is said for each kind of number, in the order in which they are looked for."""
    words = words_of(language)
    thousands = re.compile(rf"{BEFORE}[1-9]\d{{0,2}}(?:{re.escape(words.thousands)}\d{{3}})+(?![\d]|[.,]\d)")
    return [
        (MONEY_BEFORE, lambda match: _signed_money(match, language)),
        (MONEY_AFTER, lambda match: _signed_money(match, language)),
        (thousands, lambda match: cardinal(re.sub(r"\D", "", match.group()), language)),
        (CODE, lambda match: _code(match.group(), language)),
        (CAPITALS, lambda match: _capitals(match.group())),
        (DECIMAL, lambda match: f"{match[1]} {words.point[match[2]]} {' '.join(match[3])}"),
        (GROUPED, lambda match: _grouped(match.group(), language)),
        (DIGITS, lambda match: f" {digit_groups(match.group(), language)} "),
    ]


def address_rules(language: str) -> list[Rule]:
    """What is said for e-mail addresses, domains, IBANs and telephone numbers."""
    words = words_of(language)
    return [
        (EMAIL, lambda match: _email(match.group(), words)),
        (DOMAIN, lambda match: match.group().replace(".", f" {words.dot} ")),
        (ENDING, lambda match: f"{words.dot} "),
        (IBAN, lambda match: _iban(match.group(), words)),
        (TELEPHONE, lambda match: _telephone(match.group(), language)),
    ]


def _signed_money(match: re.Match[str], language: str) -> str:
    amount = money(match["number"], language)
    return f"minus {amount}" if match["minus"] else amount


def _email(address: str, words: Words) -> str:
    said = re.sub(r"\*+", "*", address)
    return "".join(f" {words.email_signs[sign]} " if sign in words.email_signs else sign for sign in said)


def _iban(iban: str, words: Words) -> str:
    signs = iban.replace(" ", "")
    return ", ".join(
        _one_by_one(signs[start : start + LARGEST_GROUP], words) for start in range(0, len(signs), LARGEST_GROUP)
    )


def _telephone(written: str, language: str) -> str:
    """The number in the groups of its country; unchanged when it is no telephone number."""
    try:
        number = phonenumbers.parse(written, HOME)
    except phonenumbers.NumberParseException:
        return written
    if not phonenumbers.is_valid_number(number):
        return written
    abroad = written.lstrip("( ").startswith("+")
    shown = phonenumbers.format_number(
        number, PhoneNumberFormat.INTERNATIONAL if abroad else PhoneNumberFormat.NATIONAL
    )
    said = ", ".join(digit_groups(group, language) for group in re.findall(r"\d+", shown))
    return f"plus {said}" if abroad else said


def _code(code: str, language: str) -> str:
    """Letters and digits in turn: `Freude 7`, `G L S drei null acht acht, eins zwei sieben sieben`."""
    runs = re.findall(r"[A-Z]+|\d+", code)
    return " ".join(_capitals(run) if run.isalpha() else _short_number(run, language) for run in runs)


def _short_number(digits: str, language: str) -> str:
    return digit_groups(digits, language) if DIGITS.fullmatch(digits) else digits


def _capitals(word: str) -> str:
    """Capitals are letters to be named when they cannot be read as a word."""
    if word in SPELLED or not VOWELS & set(word):
        return " ".join(word)
    return word.capitalize() if len(word) >= SHORTEST_WORD else word


def _grouped(written: str, language: str) -> str:
    """Groups of digits that make one number are said in these groups; few digits are left alone."""
    groups = re.findall(r"\d+", written)
    if sum(map(len, groups)) < TOGETHER_IN_DIGITS_FROM:
        return written
    return ", ".join(digit_groups(group, language) for group in groups)
