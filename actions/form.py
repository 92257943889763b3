"""The form's turn: which matter, what was said, what is asked next.

Rasa's `matter_form` is active while a matter has open needs; its validation decides everything that
happens in one turn of it. Returning no slots makes Rasa leave the turn to a rule (a question in
between, a stop), after which the form asks again.
"""

from __future__ import annotations

import re
from itertools import takewhile
from typing import Any

from rasa_sdk.events import ActiveLoop, EventType, SlotSet

from actions.case import KEPT, Case
from actions.matter import MATTERS, Matter, next_need
from actions.misses import MOST_MISSES, count_miss, way_out
from actions.needs import ConfirmNeed, GiveUp, Need, says_yes

FORM = "matter_form"
FRESH_START: dict[str, Any] = {"answers": {}, "heard": {}, "need": None, "opening": "", "offer": None}
ONLY_DATA = ("inform", "affirm", "deny", "identify", "nlu_fallback", "out_of_scope", "")
ALWAYS_COMMANDS = ("talk_to_human", "stop", "start_over")
LEAVES_FREE_TEXT = ("talk_to_human", "stop", "start_over", "repeat", "switch_language", "location_shared")
OWN_STEPS = (FORM, "action_extract_slots", "action_listen")
SURE_ENOUGH_TO_SWITCH = 0.6
SURE_TO_LEAVE_TEXT = 0.8
MOST_QUESTIONS = 5
MOST_WORDS_OF_A_COMMAND = 4
QUESTION = re.compile(
    r"^\s*(und |and |aber |but |äh |ähm )*(wo|wann|was|wie|warum|wieso|wer|welche\w*|kann|kannst|können|gibt|habt|"
    r"haben|"
    r"where|when|what|how|why|who|which|can|could|do|does|is)\b|\?\s*$",
    re.IGNORECASE,
)


def form_turn(case: Case) -> list[EventType]:
    """One turn with the form active or being activated."""
    if _comes_back(case):
        return _ask_again(case)
    current = MATTERS.get(case.slot("matter") or "")
    wanted = _wanted(case, current)
    if wanted is None:
        return _finish(case)
    if wanted is not current or (_begins(case) and case.intent == wanted.intent):
        _switch(case, current, wanted)
    elif not _begins(case) and _belongs_to_a_rule(case, wanted):
        return []
    return _serve(case, wanted)


def start(case: Case, intent: str) -> None:
    """Make this the matter being served."""
    for slot, value in FRESH_START.items():
        case.set(slot, value)
    case.set("matter", intent)
    case.set("opening", case.text)


def _since_turn(case: Case) -> list[dict[str, Any]]:
    """The events since the customer's latest turn, newest first."""
    return list(takewhile(lambda event: event.get("event") != "user", reversed(case.tracker.events)))


def _begins(case: Case) -> bool:
    """Whether the form has become active in this very turn."""
    return any(event.get("event") == "active_loop" and event.get("name") == FORM for event in _since_turn(case))


def _comes_back(case: Case) -> bool:
    """Whether this turn is answered already, or a left matter is taken up, so that only the question is due."""
    if _begins(case):
        return case.slot("need") is not None
    steps = [event.get("name") for event in _since_turn(case) if event.get("event") == "action"]
    return any(step not in OWN_STEPS for step in steps)


def _wanted(case: Case, current: Matter | None) -> Matter | None:
    """The matter this turn asks for, None when it only answers the current one."""
    wanted = MATTERS.get(case.intent)
    if wanted is None or current is None:
        return wanted or current
    if case.intent in ONLY_DATA or case.confidence < SURE_ENOUGH_TO_SWITCH:
        return current
    if _takes_these_words(case, current):
        return current
    if case.asked_for(ConfirmNeed.slot) and says_yes(case.text):
        return current
    return wanted


def _open_need(case: Case, matter: Matter) -> Need | None:
    """The need that was asked for; the walk stops there, later ones rely on it."""
    if not case.slot("need"):
        return None
    return next((need for need in matter.needs(case) if need.slot == case.slot("need")), None)


def _takes_text(case: Case, current: Matter) -> bool:
    need = _open_need(case, current)
    return need is not None and need.takes_text


def _takes_these_words(case: Case, current: Matter) -> bool:
    """Whether the words answer a question for own words; a plain question of the customer's does not."""
    wanted = MATTERS.get(case.intent)
    interrupts = QUESTION.search(case.text) is not None or (wanted is not None and wanted.interrupts)
    return _takes_text(case, current) and not (interrupts and case.confidence >= SURE_TO_LEAVE_TEXT)


def _belongs_to_a_rule(case: Case, current: Matter) -> bool:
    if _takes_these_words(case, current):
        return case.intent in LEAVES_FREE_TEXT and _is_command(case)
    return case.intent not in MATTERS and case.intent not in ONLY_DATA


def _is_command(case: Case) -> bool:
    """Whether a short text is meant for the assistant; a person's wish for a human or a stop always is."""
    short = len(case.text.split()) <= MOST_WORDS_OF_A_COMMAND and not any(sign.isdigit() for sign in case.text)
    return case.intent in ALWAYS_COMMANDS or (short and case.confidence >= SURE_TO_LEAVE_TEXT)


def _switch(case: Case, current: Matter | None, wanted: Matter) -> None:
    if current is not None and not _begins(case):
        kept = {name: case.slot(name) for name in ("matter", *KEPT, *FRESH_START)}
        case.set("suspended", [*(case.slot("suspended") or []), kept][-3:])
    start(case, wanted.intent)


def _serve(case: Case, matter: Matter) -> list[EventType]:
    if not _takes_text(case, matter) or case.names_a_number():
        case.listen()
    try:
        need = next_need(case, matter)
    except GiveUp:
        case.set("matter", None)
        return _finish(case)
    if need is None:
        return _finish(case)
    if not case.progress and case.asked_for(need.slot):
        return _missed(case, need)
    return _ask(case, need)


def _missed(case: Case, need: Need) -> list[EventType]:
    if count_miss(case) >= MOST_MISSES:
        return _no_further(case)
    if not case.understood:
        need.help(case)
    return _ask(case, need)


def _no_further(case: Case) -> list[EventType]:
    way_out(case)
    case.set("matter", None)
    case.set("suspended", [])
    case.set("asked", None)
    return _finish(case)


def _asked_in_vain(case: Case, need: Need) -> bool:
    """Whether the same question has been asked often without an answer, whatever was said in between."""
    before = case.slot("asked") or {}
    again = before.get("need") == need.slot and before.get("matter") == case.slot("matter") and not case.progress
    count = before.get("count", 0) + 1 if again else 1
    case.set("asked", {"need": need.slot, "matter": case.slot("matter"), "count": count})
    return count > MOST_QUESTIONS


def _ask_again(case: Case) -> list[EventType]:
    matter = MATTERS.get(case.slot("matter") or "")
    need = _open_need(case, matter) if matter else None
    return _ask(case, need) if need else _finish(case)


def _ask(case: Case, need: Need) -> list[EventType]:
    if _asked_in_vain(case, need):
        return _no_further(case)
    need.ask(case)
    case.tell_phone(expect={"need": need.slot})
    case.set("need", need.slot)
    return [*case.events(), SlotSet("need", need.slot), SlotSet("requested_slot", "answer")]


def _finish(case: Case) -> list[EventType]:
    return [*case.events(), SlotSet("need", None), SlotSet("requested_slot", None)]


def leave(case: Case) -> list[EventType]:
    """Events that end the form wherever it stands; a number that was not proven is forgotten."""
    if not case.get("customer"):
        case.set("reference", None)
    for slot, value in {**FRESH_START, "matter": None, "suspended": []}.items():
        case.set(slot, value)
    return [*case.events(), SlotSet("requested_slot", None), ActiveLoop(None)]


def declined(case: Case) -> bool:
    """Whether the customer said no to the last question before anything was changed."""
    return case.get(ConfirmNeed.slot) is False


def resume(case: Case) -> bool:
    """Take up the matter that was left for this one, with the customer it was about, if it still asks for something.

    A mere look-up of the same topic is not taken up again.
    """
    suspended = list(case.slot("suspended") or [])
    done = MATTERS.get(case.slot("matter") or "")
    while suspended:
        kept: dict[str, Any] = suspended.pop()
        case.set("suspended", suspended)
        earlier = MATTERS[kept["matter"]]
        if earlier.lookup and done and type(earlier).__module__ == type(done).__module__:
            continue
        for slot, value in kept.items():
            if value is not None or slot not in KEPT:
                case.set(slot, value)
        if _still_asks(case, earlier):
            return True
        start(case, "")
    return False


def _still_asks(case: Case, matter: Matter) -> bool:
    try:
        return _open_need(case, matter) is not None
    except GiveUp:
        return False
