"""Long strings of numbers: read in steps that grow with their length, and never too deep."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import pytest

from bot.nlu.values import extract

MOST_CALLS_PER_SIGN = 2000


def calls_to_read(text: str) -> int:
    """How many Python functions are called to find the values of a text."""
    calls = 0

    def count(frame: FrameType, event: str, arg: Any) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        extract(text)
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize(
    ("part", "times"),
    [
        ("1 ", 1000),
        ("1,", 1000),
        ("1.1.", 500),
        ("10115 ", 330),
        ("104 82 917 ", 180),
        ("1 0 1 1 5 ", 200),
        ("eins ", 400),
    ],
)
def test_a_long_string_of_numbers_is_read_in_a_bounded_number_of_steps(part: str, times: int) -> None:
    text = part * times
    assert calls_to_read(text) < MOST_CALLS_PER_SIGN * len(text)


def test_what_a_customer_says_in_one_go_is_still_read_whole() -> None:
    said = "zwei sieben null null vier eins eins acht und die postleitzahl zwei zwei sieben sechs fünf"
    assert [(found.entity, found.value) for found in extract(said)] == [
        ("customer_number", "27004118"),
        ("postcode", "22765"),
    ]
