"""Turns, payloads and effects: what people type is never a command (invariant 6)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.turns import (
    LONGEST_TEXT,
    CallbackEffect,
    HandoffEffect,
    Intent,
    clean_text,
    read_effect,
    read_payload,
)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("/restart", "restart"),
        ('/ask_order_status{"order_number":"1"}', 'ask_order_status{"order_number":"1"}'),
        ("  ///  /stop", "stop"),
        ("a\u202eb\u200fc", "abc"),
        ("a\x00b\x1bc\x7f", "abc"),
        ("zwei\nZeilen", "zwei\nZeilen"),
        ("Gru\u0308n", "Grün"),
        ("\ufffe\uffff\ufdd0", ""),
        ("\ud800x", "x"),
        ("👍 ja", "👍 ja"),
        ("\u202e/restart", "restart"),
    ],
)
def test_human_words_are_made_harmless(typed: str, kept: str) -> None:
    assert clean_text(typed) == kept


@given(st.text())
def test_clean_text_never_begins_with_a_slash_and_stays_clean(text: str) -> None:
    cleaned = clean_text(text)
    assert not cleaned.startswith("/")
    assert len(cleaned) <= LONGEST_TEXT
    assert clean_text(cleaned) == cleaned
    cleaned.encode("utf-8")


def test_a_long_text_is_cut_with_a_mark() -> None:
    assert clean_text("x" * 100_000) == "x" * (LONGEST_TEXT - 1) + "…"


def test_payloads_are_read() -> None:
    assert read_payload("/affirm") == Intent("affirm")
    assert read_payload('/inform{"order_number": "10482917"}') == Intent("inform", {"order_number": "10482917"})


@pytest.mark.parametrize(
    "payload", ["affirm", "", "/", "/a b", '/inform{"x": 1}', "/inform{", '/inform{"x": {"y": "z"}}']
)
def test_what_is_no_payload_is_refused(payload: str) -> None:
    with pytest.raises(ValueError, match="payload"):
        read_payload(payload)


def test_effects_are_typed() -> None:
    assert read_effect({"handoff": {"reason": "complaint"}}) == HandoffEffect("complaint")
    assert read_effect({"callback": {"phone": "+4940123"}}) == CallbackEffect("+4940123")


@pytest.mark.parametrize(
    "custom",
    [
        {},
        {"unknown": {}},
        {"handoff": {}},
        {"handoff": {"reason": 1}},
        {"handoff": {"reason": "x", "more": 1}},
        {"handoff": {"reason": "x"}, "hangup": {}},
    ],
)
def test_what_is_no_effect_is_refused(custom: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="effect"):
        read_effect(custom)
