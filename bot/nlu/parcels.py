"""Tracking numbers of the parcel services."""

import re
from collections.abc import Iterator

from bot.nlu import context
from bot.nlu.runs import Run, find_runs
from bot.nlu.tokens import Found, Sentence

_TYPED = re.compile(
    r"(?<![A-Za-z0-9])(?:GLS[ -]?[0-9]{8,12}|H[ -]?[0-9]{19}|JJD[ -]?[0-9]{15,20}|1Z[0-9A-Z]{16})(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_LENGTHS_WHEN_NAMED = range(10, 23)
_SHORTEST = 8


def find_tracking_numbers(sentence: Sentence) -> Iterator[Found]:
    """DHL (20 digits from 0034), DPD (14), GLS, Hermes (H and 19 digits), or any that is called one."""
    for match in _TYPED.finditer(sentence.plain):
        yield sentence.between("tracking_number", re.sub("[ -]", "", match.group()).upper(), match.start(), match.end())
    for run in find_runs(sentence):
        found = _in_run(sentence, run)
        if found:
            yield found


def _in_run(sentence: Sentence, run: Run) -> Found | None:
    readings = run.readings
    if max(len(digits) for digits in readings) < _SHORTEST:
        return None
    lettered = _lettered(sentence, run)
    if lettered:
        return lettered
    named = context.near(sentence, run, context.TRACKING + context.CARRIERS)
    by_shape = named or not run.fixed  # a phone number with a correction can have 14 digits too
    number = next((digits for digits in readings if _is_dhl(digits) or (by_shape and _is_dpd(digits))), None)
    if number is None and named:
        number = next((digits for digits in readings if len(digits) in _LENGTHS_WHEN_NAMED), None)
    return sentence.found("tracking_number", number, run.first, run.last) if number else None


def _is_dhl(digits: str) -> bool:
    return len(digits) == 20 and digits.startswith("0034")


def _is_dpd(digits: str) -> bool:
    return len(digits) == 14 and digits.startswith("0") and not digits.startswith("00")


def _lettered(sentence: Sentence, run: Run) -> Found | None:
    """Numbers that begin with letters: `G L S drei null acht ...`, `h eins null ...`."""
    first = run.first
    if sentence.keys(first - 3, first) == ("g", "l", "s"):
        return _with_letters(sentence, run, "GLS", first - 3)
    if sentence.key(first - 1) == "gls":
        return _with_letters(sentence, run, "GLS", first - 1)
    if sentence.keys(first - 3, first - 1) == ("h", "wie"):
        return _with_letters(sentence, run, "H", first - 3)
    if sentence.key(first - 1) in {"h", "ha"}:
        return _with_letters(sentence, run, "H", first - 1)
    return None


def _with_letters(sentence: Sentence, run: Run, letters: str, first: int) -> Found | None:
    lengths = range(19, 20) if letters == "H" else range(8, 13)
    number = next((digits for digits in run.readings if len(digits) in lengths), None)
    return sentence.found("tracking_number", letters + number, first, run.last) if number else None
