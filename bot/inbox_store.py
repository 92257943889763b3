"""The inbox's queries, each within an open transaction."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row, Text, cast, select, update
from sqlalchemy.orm import Session

from bot.outbox_store import release_window
from bot.rows import turn_of
from bot.statements import (
    ADD_REPLY,
    ADD_TURN,
    COUNT_SINCE,
    COUNT_TRY,
    COUNT_WAITING,
    END_TURN,
    FIND_TURN,
    HAS_ANSWERED,
    LATEST_CONVERSATION,
    LATEST_OFFERS,
    LATEST_REPLIES,
    NEXT_TURN,
    OPEN_WINDOW,
    RAISE_SEQ,
)
from bot.tables import ReplyRow, TrackerEventRow, TrackerRow, TurnRow
from bot.turns import Incoming, Reply, Turn, utc_now

VERBATIM_SLOT = "opening"


@dataclass(frozen=True)
class Received:
    """A turn in the inbox; `fresh` is False when it had been delivered before, `state` as in `bot.tables.TurnRow`."""

    turn_id: str
    conversation: str
    seq: int
    fresh: bool
    state: str = "waiting"


@dataclass(frozen=True)
class Waiting:
    """An unanswered turn: how often it was tried, whether its language was chosen, whether the talk goes on already.

    `address` is the customer's, `provider_id` the channel's id of the turn.
    """

    turn: Turn
    tries: int
    language_chosen: bool
    goes_on: bool
    address: str
    provider_id: str


def find_turn(session: Session, channel: str, provider_id: str) -> Received | None:
    """The turn with the channel's id, if it came before."""
    row = session.execute(FIND_TURN, {"channel": channel, "provider_id": provider_id}).one_or_none()
    return Received(row.id, row.conversation_id, row.seq, fresh=False, state=row.state) if row else None


def latest_conversation(session: Session, channel: str, address: str) -> str | None:
    """The contact's newest conversation."""
    return session.execute(LATEST_CONVERSATION, {"channel": channel, "address": address}).scalar_one_or_none()


def count_waiting(session: Session, conversation: str) -> int:
    """How many turns of the conversation are unanswered."""
    return int(session.execute(COUNT_WAITING, {"conversation": conversation}).scalar_one())


def count_since(session: Session, conversation: str, since: datetime) -> int:
    """How many turns of the conversation came after a moment."""
    return int(session.execute(COUNT_SINCE, {"conversation": conversation, "since": since}).scalar_one())


def latest_replies(session: Session, conversation: str) -> list[Row[Any]]:
    """The latest replies to turns, newest first, with the columns of `ReplyRow`."""
    return list(session.execute(LATEST_REPLIES, {"conversation": conversation}))


def last_questions(session: Session, conversation: str) -> Sequence[ReplyRow]:
    """The latest replies to turns that have choices, newest first."""
    asked = (ReplyRow.conversation_id == conversation) & ReplyRow.turn_id.is_not(None)
    with_choices = select(ReplyRow).where(asked, cast(ReplyRow.choices, Text) != "[]")
    return session.scalars(with_choices.order_by(ReplyRow.seq.desc()).limit(LATEST_OFFERS)).all()


def add_turn(session: Session, conversation: str, incoming: Incoming, state: str) -> Received:
    """Write a turn down as the conversation's newest."""
    turn, seq = uuid.uuid4().hex, next_seq(session, conversation)
    values = {
        "id": turn,
        "conversation_id": conversation,
        "channel": incoming.channel,
        "provider_id": incoming.provider_id,
        "seq": seq,
        "text": incoming.text,
        "intent": asdict(incoming.intent) if incoming.intent else None,
        "phone_hint": incoming.phone_hint,
        "attachments": [asdict(attachment) for attachment in incoming.attachments],
        "state": state,
        "received_at": utc_now(),
    }
    session.execute(ADD_TURN, values)
    return Received(turn, conversation, seq, fresh=True, state=state)


def open_window(session: Session, conversation: str, at: datetime | None) -> None:
    """The customer wrote at this moment, now if it is not known; never in the future. What waited for it goes out."""
    now = utc_now()
    opened = session.execute(OPEN_WINDOW, {"conversation": conversation, "said": min(at or now, now)})
    if opened.rowcount:  # type: ignore[attr-defined]
        release_window(session, conversation)


def next_turn(session: Session, conversation: str) -> Waiting | None:
    """The conversation's oldest unanswered turn, counted as tried once more; None when there is none."""
    row = session.execute(NEXT_TURN, {"conversation": conversation}).one_or_none()
    if row is None:
        return None
    session.execute(COUNT_TRY, {"turn": row.id})
    goes_on = row.seq > 1 and bool(session.execute(HAS_ANSWERED, {"conversation": conversation}).scalar_one())
    talk = turn_of(row, row.spoken)
    return Waiting(talk, row.tries + 1, row.language_chosen, goes_on, row.address, row.provider_id)


def forget_words(session: Session, turn: str) -> None:
    """The words of a turn leave Rasa's memory, where they stand as they were said; what it made of them stays."""
    conversation = session.scalars(select(TurnRow.conversation_id).where(TurnRow.id == turn)).one()
    theirs = TrackerEventRow.conversation == conversation
    rows = session.scalars(select(TrackerEventRow).where(theirs, TrackerEventRow.data.contains(turn)))
    for row in rows.all():
        event = msgspec.json.decode(row.data)
        if event["event"] == "user" and event.get("message_id") == turn:
            row.data = msgspec.json.encode(_without_words(event)).decode()
            _empty_slot(session, conversation, event.get("text"))


def _without_words(event: dict[str, Any]) -> dict[str, Any]:
    parsed = event.get("parse_data") or {}
    understood = {name: parsed[name] for name in ("intent", "message_id", "metadata") if name in parsed}
    return {**event, "text": "", "parse_data": {**understood, "text": "", "entities": []}}


def _empty_slot(session: Session, conversation: str, words: str | None) -> None:
    """The slot that keeps a matter's first words as they were said is empty, if it has these."""
    named = TrackerEventRow.data.contains(f'"{VERBATIM_SLOT}"')
    for row in session.scalars(select(TrackerEventRow).where(TrackerEventRow.conversation == conversation, named)):
        event = msgspec.json.decode(row.data)
        if words and (event["event"], event.get("name"), event.get("value")) == ("slot", VERBATIM_SLOT, words):
            row.data = msgspec.json.encode({**event, "value": ""}).decode()
    tracker = session.get_one(TrackerRow, conversation)
    slots = tracker.state.get("slots", {})
    if words and slots.get(VERBATIM_SLOT) == words:
        state = {**tracker.state, "slots": {**slots, VERBATIM_SLOT: ""}}
        # The engine may have moved its window since this was read; then its newer state stays.
        as_read = (TrackerRow.conversation == conversation) & (TrackerRow.window_start == tracker.window_start)
        session.execute(update(TrackerRow).where(as_read).values(state=state))


def end_turn(session: Session, turn: str, state: str) -> bool:
    """The turn is at its end; False when it was before."""
    ended = session.execute(END_TURN, {"turn": turn, "end": state, "at": utc_now()})
    return bool(ended.rowcount)  # type: ignore[attr-defined]


def add_reply(session: Session, conversation: str, reply: Reply, *, turn_id: str | None, position: int) -> int:
    """Write down what is said; the reply's number."""
    values = {
        "turn_id": turn_id,
        "conversation_id": conversation,
        "position": position,
        "seq": next_seq(session, conversation),
        "text": reply.text,
        "choices": [asdict(choice) for choice in reply.choices],
        "image": reply.image,
        "link": asdict(reply.link) if reply.link else None,
        "location": asdict(reply.location) if reply.location else None,
        "language": reply.language,
        "said_at": utc_now(),
    }
    return int(session.execute(ADD_REPLY, values).scalar_one())


def next_seq(session: Session, conversation: str) -> int:
    """The next place in the conversation."""
    return int(session.execute(RAISE_SEQ, {"conversation": conversation}).scalar_one())
