"""Failed understandings: after three in a row there is always a way out."""

from __future__ import annotations

from actions.case import Case

MOST_MISSES = 3


def count_miss(case: Case) -> int:
    """Count this turn as not understood; how many there were in a row, 1 to 3."""
    before = case.slot("misses") or {}
    in_a_row = before.get("count", 0) + 1 if before.get("turn") == _turn_before(case) else 1
    if not case.understood:
        case.tell_phone(missed={})
    case.set("misses", {"turn": case.turn_id, "count": in_a_row % MOST_MISSES})
    return int(in_a_row)


def way_out(case: Case) -> None:
    """Hand the customer to a human and say what happens next."""
    case.say("utter_not_understood_way_out")
    case.effect(handoff={"reason": "not_understood"})


def _turn_before(case: Case) -> str | None:
    turns = [e for e in case.tracker.events if e.get("event") == "user"]
    return str(turns[-2].get("message_id") or turns[-2].get("timestamp")) if len(turns) > 1 else None
