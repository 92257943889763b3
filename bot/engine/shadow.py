"""A model that reads along with real turns without being heard.

It understands each turn's words in a thread of its own and compares that with what the live model
understood, which stands in the tracker. It has no tracker and runs no action; when it falls behind,
turns are dropped rather than waited for.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import select

from bot.database import transaction
from bot.engine.quick_domain import prepare_loading
from bot.errors import ModelMissing
from bot.logs import place
from bot.models import Disagreement, Register
from bot.tables import TrackerEventRow
from bot.turns import Turn

log = logging.getLogger(__name__)
MOST_WAITING = 100
EVENTS_OF_A_TURN = 100


@dataclass(frozen=True)
class Understood:
    """What a model makes of a turn's words; `values` are pairs of entity and value, as JSON."""

    intent: str
    confidence: float
    values: frozenset[bytes]


Reader = Callable[[Turn], Understood]
OnDisagreement = Callable[[Turn, Disagreement], None]


class Shadow:
    """Reads along in the background; `load` makes its reader, `heard` gives what the live model understood.

    `on_disagreement` is called in the shadow's thread; it may store the turn's words only when it masks them.
    """

    def __init__(
        self,
        name: str,
        load: Callable[[], AbstractContextManager[Reader]],
        heard: Callable[[Turn], Understood | None],
        *,
        on_disagreement: OnDisagreement | None = None,
    ) -> None:
        self.name = name
        self.error: str | None = None
        self.reads = False
        self._load = load
        self._heard = heard
        self._on_disagreement = on_disagreement
        self._waiting: queue.Queue[Turn | None] = queue.Queue(MOST_WAITING)
        self._guard = threading.Lock()
        self._found: list[Disagreement] = []
        self._compared = self._dropped = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="shadow", daemon=True)

    def start(self) -> None:
        """Begin to load; turns offered meanwhile wait."""
        self._thread.start()

    def offer(self, turn: Turn) -> None:
        """A turn that the live model has answered; returns at once."""
        if not turn.text or turn.intent is not None:
            return
        try:
            self._waiting.put_nowait(turn)
        except queue.Full:
            with self._guard:
                self._dropped += 1

    def write_to(self, register: Register) -> None:
        """Write what was counted and found since the last time."""
        with self._guard:
            compared, dropped, found = self._compared, self._dropped, self._found
            self._compared, self._dropped, self._found = 0, 0, []
        if compared or dropped:
            register.add_compared(self.name, compared, dropped, found)

    def stop(self) -> None:
        """Read no further turns."""
        self._stopping.set()
        try:
            self._waiting.put_nowait(None)
        except queue.Full:
            log.debug("the shadow ends before the turns that wait")
        self._thread.join(2)

    def _work(self) -> None:
        try:
            with self._load() as read:
                self.reads = True
                self._read_along(read)
        except Exception as error:
            self.error = error.what if isinstance(error, ModelMissing) else "it cannot be loaded"
            log.error("the shadow %s cannot be loaded: %s", self.name, place(error))

    def _read_along(self, read: Reader) -> None:
        while (turn := self._waiting.get()) is not None and not self._stopping.is_set():
            try:
                self._compare(turn, read)
            except Exception as error:
                log.error("shadow, turn %s: %s", turn.id, place(error))

    def _compare(self, turn: Turn, read: Reader) -> None:
        live = self._heard(turn)
        if live is None:
            return
        shadow = read(turn)
        found = _difference(turn, live, shadow)
        with self._guard:
            self._compared += 1
            self._found += [found] if found else []
        if found and self._on_disagreement:
            self._on_disagreement(turn, found)


def _difference(turn: Turn, live: Understood, shadow: Understood) -> Disagreement | None:
    if (live.intent, live.values) == (shadow.intent, shadow.values):
        return None
    return Disagreement(
        turn.id, live.intent, live.confidence, shadow.intent, shadow.confidence, live.values != shadow.values
    )


def rasa_reader(model: Path) -> Reader:
    """A model's understanding alone, without trackers and actions."""
    prepare_loading(model)
    from rasa.core.agent import Agent
    from rasa.core.channels.channel import UserMessage

    agent = Agent.load(str(model))

    def read(turn: Turn) -> Understood:
        message = UserMessage(turn.text, metadata=turn.metadata)
        return _understood(asyncio.run(agent.processor.parse_message(message)))

    return read


def heard_in_tracker(url: str, turn: Turn) -> Understood | None:
    """What the live model understood of the turn, from its event in the tracker; None when it is not there."""
    newest = select(TrackerEventRow.data).where(TrackerEventRow.conversation == turn.conversation)
    with transaction(url) as session:
        stored = session.scalars(newest.order_by(TrackerEventRow.seq.desc()).limit(EVENTS_OF_A_TURN)).all()
    for data in stored:
        event = msgspec.json.decode(data)
        if event["event"] == "user" and event.get("message_id") == turn.id:
            return _understood(event["parse_data"])
    return None


def _understood(parsed: dict[str, Any]) -> Understood:
    values = ({"entity": found["entity"], "value": found["value"]} for found in parsed["entities"])
    intent = parsed["intent"]
    return Understood(
        str(intent["name"]), float(intent["confidence"]), frozenset(msgspec.json.encode(value) for value in values)
    )
