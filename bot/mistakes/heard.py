"""What the engine made of a turn, read from Rasa's tracker in the portal's database.

Names of the dialogue that are known here: the form, its slot for the matter, and the slot that counts misses.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from bot.tables import TrackerEventRow

FORM = "matter_form"
MATTER_SLOT = "matter"
MISSES_SLOT = "misses"
MOST_GUESSES = 3
FALLBACK = "nlu_fallback"
WAY_OUT = {"handoff": {"reason": "not_understood"}}
EVENTS_OF_A_TURN = 100
Event = dict[str, Any]


@dataclass(frozen=True)
class Guess:
    """An intent and how sure the model was of it, from 0 to 1."""

    intent: str
    confidence: float


@dataclass(frozen=True)
class Heard:
    """A turn as the engine took it.

    `ranking` are real intents, likeliest first; `rejected` that the model was too unsure of all of them; `missed` that
    the dialogue could do nothing with the turn; `gave_up` that it then called a human; `answered` that the words were
    taken as the answer to a question, whatever their intent.
    """

    ranking: tuple[Guess, ...]
    rejected: bool
    missed: bool
    gave_up: bool
    answered: bool

    @property
    def best(self) -> Guess:
        """The likeliest intent; an empty one when there is none."""
        return self.ranking[0] if self.ranking else Guess("", 0.0)


def heard_of(session: Session, conversation: str, turn_id: str) -> Heard | None:
    """What the engine made of a turn; None when it never got it, or got a pressed button."""
    events = _newest(session, conversation, turn_id) or _older(session, conversation, turn_id)
    if not events or not events[0]["parse_data"].get("intent_ranking"):
        return None
    turn, *after = events
    parsed = turn["parse_data"]
    found = [Guess(str(one["name"]), float(one["confidence"])) for one in parsed["intent_ranking"]]
    return Heard(
        ranking=tuple(guess for guess in found if guess.intent != FALLBACK)[:MOST_GUESSES],
        rejected=parsed["intent"]["name"] == FALLBACK,
        missed=any((value or {}).get("turn") == turn_id for value in _values(after, MISSES_SLOT)),
        gave_up=any((event.get("data") or {}).get("custom") == WAY_OUT for event in after),
        answered=_only_answered(after),
    )


def _newest(session: Session, conversation: str, turn_id: str) -> list[Event]:
    """A turn's event and those after it, when it is among the newest; nothing else is decoded."""
    newest = _events(TrackerEventRow.conversation == conversation).order_by(TrackerEventRow.seq.desc())
    since: list[Event] = []
    for data in session.scalars(newest.limit(EVENTS_OF_A_TURN)):
        since.append(msgspec.json.decode(data))
        if _is_turn(since[-1], turn_id):
            return list(_until_next_turn(reversed(since)))
    return []


def _older(session: Session, conversation: str, turn_id: str) -> list[Event]:
    in_conversation = TrackerEventRow.conversation == conversation
    named = TrackerEventRow.data.contains(f'"{turn_id}"', autoescape=True)
    first = session.scalar(select(func.min(TrackerEventRow.seq)).where(in_conversation, named))
    if first is None:
        return []
    later = _events(in_conversation & (TrackerEventRow.seq >= first)).order_by(TrackerEventRow.seq)
    events = [msgspec.json.decode(data) for data in session.scalars(later.limit(EVENTS_OF_A_TURN))]
    return list(_until_next_turn(iter(events))) if _is_turn(events[0], turn_id) else []


def _events(wanted: ColumnElement[bool]) -> Any:
    return select(TrackerEventRow.data).where(wanted)


def _is_turn(event: Event, turn_id: str) -> bool:
    return event["event"] == "user" and event.get("message_id") == turn_id


def _until_next_turn(events: Iterator[Event]) -> Iterator[Event]:
    yield next(events)
    for event in events:
        if event["event"] == "user":
            return
        yield event


def _values(events: list[Event], slot: str) -> list[Any]:
    return [event["value"] for event in events if event["event"] == "slot" and event["name"] == slot]


def _only_answered(events: list[Event]) -> bool:
    """Whether the form was there before, took the turn, and went on with the same matter."""
    ran = any(event["event"] == "action" and event["name"] == FORM for event in events)
    begun = any(event["event"] == "active_loop" and event["name"] == FORM for event in events)
    return ran and not begun and not any(_values(events, MATTER_SLOT))
