"""Rasa's memory of a conversation in the portal's database: appends events, loads a bounded window.

A turn costs the same at message 500 as at message 5: what lies before the window is kept as one
state (slots and active form), and only new events are written. A window holds 4 to 8 turns; nothing
in the dialogue looks further back.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from typing import Any

import msgspec
from rasa.core.tracker_store import TrackerStore
from rasa.shared.core.constants import ACTION_LISTEN_NAME, REQUESTED_SLOT
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, ActiveLoop, Event, SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from bot.database import connect, database_url
from bot.engine.lean import event_class
from bot.tables import TrackerEventRow, TrackerRow

MOST_TURNS = 8
KEPT_TURNS = 4
RANKING_KEPT = 4


class PortalTrackerStore(TrackerStore):
    """A tracker store for the portal's database; `url` is the database's URL, by default `DATABASE_URL`."""

    def __init__(
        self, domain: Domain | None = None, event_broker: Any = None, url: str | None = None, **_: Any
    ) -> None:
        super().__init__(domain, event_broker)
        self._url = url or os.path.expandvars(database_url())

    async def retrieve(self, sender_id: str) -> DialogueStateTracker | None:
        """The tracker with the newest turns and the slots as they are; None when there is none."""
        return await asyncio.to_thread(self._retrieve, sender_id)

    async def retrieve_full_tracker(self, conversation_id: str) -> DialogueStateTracker | None:
        """The tracker with every event there ever was."""
        return await asyncio.to_thread(self._retrieve_full, conversation_id)

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Append the events that are not stored yet."""
        await asyncio.to_thread(self._save, tracker)

    async def keys(self) -> Iterable[str]:  # type: ignore[override]
        """The ids of all conversations."""
        with Session(connect(self._url)) as session:
            return list(session.scalars(select(TrackerRow.conversation)))

    async def delete(self, sender_id: str) -> None:
        """Forget a conversation."""
        with Session(connect(self._url)) as session, session.begin():
            session.execute(delete(TrackerEventRow).where(TrackerEventRow.conversation == sender_id))
            session.execute(delete(TrackerRow).where(TrackerRow.conversation == sender_id))

    def _retrieve(self, conversation: str) -> DialogueStateTracker | None:
        with Session(connect(self._url)) as session:
            row = session.get(TrackerRow, conversation)
            if row is None:
                return None
            wanted = (TrackerEventRow.conversation == conversation) & (TrackerEventRow.seq >= row.window_start)
            stored = session.scalars(select(TrackerEventRow.data).where(wanted).order_by(TrackerEventRow.seq)).all()
            start = _state_events(row.state)
            tracker = self._tracker(conversation, [*start, *map(_decode, stored)])
            _mark(tracker, written=len(tracker.events), next_seq=row.window_start + len(stored))
            return tracker

    def _retrieve_full(self, conversation: str) -> DialogueStateTracker | None:
        with Session(connect(self._url)) as session:
            if session.get(TrackerRow, conversation) is None:
                return None
            wanted = select(TrackerEventRow.data).where(TrackerEventRow.conversation == conversation)
            stored = session.scalars(wanted.order_by(TrackerEventRow.seq)).all()
        tracker = self._tracker(conversation, [_decode(data) for data in stored])
        _mark(tracker, written=len(stored), next_seq=len(stored))
        return tracker

    def _tracker(self, conversation: str, events: list[Event]) -> DialogueStateTracker:
        return DialogueStateTracker.from_events(conversation, events, self.domain.slots, domain=self.domain)

    def _save(self, tracker: DialogueStateTracker) -> None:
        written, next_seq = _marked(tracker)
        fresh = list(tracker.events)[written:]
        with Session(connect(self._url)) as session, session.begin():
            row = session.get(TrackerRow, tracker.sender_id)
            if row is None:
                session.add(TrackerRow(conversation=tracker.sender_id, window_start=0, state={}))
                session.flush()
            if fresh:
                session.execute(insert(TrackerEventRow), _rows(tracker.sender_id, next_seq, fresh))
            self._move_window(session, tracker, next_seq + len(fresh))
        _mark(tracker, written=len(tracker.events), next_seq=next_seq + len(fresh))

    def _move_window(self, session: Session, tracker: DialogueStateTracker, next_seq: int) -> None:
        events = list(tracker.events)
        turns = [at for at, event in enumerate(events) if isinstance(event, UserUttered)]
        if len(turns) <= MOST_TURNS:
            return
        cut = _listen_before(events, turns[-KEPT_TURNS])
        before = self._tracker(tracker.sender_id, events[:cut])
        changes = {"window_start": next_seq - (len(events) - cut), "state": _state(before)}
        session.execute(update(TrackerRow).where(TrackerRow.conversation == tracker.sender_id).values(**changes))


def _listen_before(events: list[Event], turn: int) -> int:
    """Where the window may begin: at the `action_listen` that waits for this turn."""
    for at in range(turn, -1, -1):
        event = events[at]
        if isinstance(event, ActionExecuted) and event.action_name == ACTION_LISTEN_NAME:
            return at
    return turn


def _state(tracker: DialogueStateTracker) -> dict[str, Any]:
    slots = {name: slot.value for name, slot in tracker.slots.items() if slot.value != slot.initial_value}
    return {"slots": slots, "active_loop": tracker.active_loop_name}


def _state_events(state: dict[str, Any]) -> list[Event]:
    slots = state.get("slots") or {}
    events: list[Event] = [SlotSet(name, value) for name, value in slots.items() if name != REQUESTED_SLOT]
    if state.get("active_loop"):
        events.append(ActiveLoop(state["active_loop"]))
        events.append(SlotSet(REQUESTED_SLOT, slots.get(REQUESTED_SLOT)))
    return events


def _rows(conversation: str, first_seq: int, events: list[Event]) -> list[dict[str, Any]]:
    return [
        {"conversation": conversation, "seq": first_seq + at, "data": _encode(event)} for at, event in enumerate(events)
    ]


def _encode(event: Event) -> str:
    data = event.as_dict()
    parsed = data.get("parse_data")
    if isinstance(parsed, dict) and "intent_ranking" in parsed:
        data["parse_data"] = {**parsed, "intent_ranking": parsed["intent_ranking"][:RANKING_KEPT]}
    return msgspec.json.encode(data, enc_hook=_plain).decode()


def _plain(value: Any) -> Any:
    """Numbers of numpy's types as Python's."""
    return value.item()


def _decode(data: str) -> Event:
    parameters = msgspec.json.decode(data)
    event: Event = event_class(parameters["event"])._from_parameters(parameters)
    return event


def _mark(tracker: DialogueStateTracker, *, written: int, next_seq: int) -> None:
    tracker.portal_written = (written, next_seq)  # type: ignore[attr-defined]


def _marked(tracker: DialogueStateTracker) -> tuple[int, int]:
    return getattr(tracker, "portal_written", (0, 0))
