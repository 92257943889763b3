"""Telephone numbers of callers: a hint to who calls, never a proof; and numbers that somebody may be called on."""

from __future__ import annotations

import re

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

HOME = "DE"
E164 = re.compile(r"\+[1-9][0-9]{6,14}")
# What Twilio sends where networks withhold the number: ANONYMOUS, RESTRICTED, BLOCKED, UNKNOWN and UNAVAILABLE as keys.
WITHHELD = frozenset({"+266696687", "+7378742833", "+2562533", "+8656696", "+86282452253"})
COSTLY = (PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST)


def caller_number(sent: str) -> str | None:
    """The caller's number in E.164; None when it is withheld, unknown, a client's or none."""
    if not E164.fullmatch(sent) or sent in WITHHELD:
        return None
    number = _parsed(sent)
    return sent if number is not None and phonenumbers.is_possible_number(number) else None


def number_to_call(written: str) -> str | None:
    """A number as it was typed or said, in E.164; None when it is none, or one that nobody may be called on."""
    number = _parsed(written)
    if number is None or not phonenumbers.is_valid_number(number) or phonenumbers.number_type(number) in COSTLY:
        return None
    return str(phonenumbers.format_number(number, PhoneNumberFormat.E164))


def readable(number: str) -> str:
    """An E.164 number as people write it here."""
    parsed = phonenumbers.parse(number, HOME)
    at_home = phonenumbers.region_code_for_number(parsed) == HOME
    kind = PhoneNumberFormat.NATIONAL if at_home else PhoneNumberFormat.INTERNATIONAL
    return str(phonenumbers.format_number(parsed, kind))


def _parsed(written: str) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(written, HOME)
    except NumberParseException:
        return None
