"""The engine that follows the register of models: a newly promoted model takes over while turns go on.

Every second it looks at the register. A model that it does not have is loaded beside the others; then
new turns go to it. A turn under way ends on the model it began with, and so do the conversation's next
turns until it has ended; after that the old model is let go. A model that cannot be loaded changes
nothing: the reason is written to the register, and it is tried again a little later.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bot.engine import Engine
from bot.engine.shadow import Shadow
from bot.errors import EngineError, EngineNotReady, EngineTimeout, PortalError
from bot.logs import place
from bot.models import ModelRow, Register, usable_file
from bot.training import Model
from bot.turns import Answer, Turn

log = logging.getLogger(__name__)
LOOK_SECONDS = 1.0
READY_LOOK_SECONDS = 0.05
LOAD_SECONDS = 120.0
RETRY_SECONDS = 30.0
STOP_SECONDS = 15.0
Load = Callable[[Path], Engine]
LoadShadow = Callable[[Path], Shadow]


@dataclass(eq=False)
class _Slot:
    """A loaded model. `busy` counts its turns under way by conversation; turns of `late` ones may go on unseen."""

    name: str
    engine: Engine
    busy: Counter[str] = field(default_factory=Counter)
    late: set[str] = field(default_factory=set)
    stopping: bool = False

    def has(self, conversation: str) -> bool:
        """Whether a turn of the conversation may be under way here."""
        return conversation in self.busy or conversation in self.late


class Switching:
    """`Engine` whose models are those the register says; `first` answers until it says anything.

    `load` makes an engine of a model file, `load_shadow` what reads along; neither is started by it.
    """

    def __init__(
        self,
        first: Path,
        register: Register,
        load: Load,
        load_shadow: LoadShadow,
        *,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._first = first
        self._register = register
        self._load = load
        self._load_shadow = load_shadow
        self._look_seconds = look_seconds
        self._changed = threading.Condition()
        self._slots: dict[str, _Slot] = {}
        self._leaving: list[_Slot] = []
        self._live = ""
        self._canary, self._share = "", 0
        self._shadow: Shadow | None = None
        self._retry_at: dict[str, float] = {}
        self._stopping = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="models", daemon=True)
        self.error: EngineError | None = None

    def start(self) -> None:
        """Begin to load the first model and to look at the register."""
        self._watcher.start()

    def ready(self) -> bool:
        """Whether there is a model that would answer."""
        slot = self._slots.get(self._live)
        return slot is not None and slot.engine.ready()

    def responds(self) -> bool:
        """Whether the live model gets through its work."""
        slot = self._slots.get(self._live)
        return slot is not None and slot.engine.responds()

    def reply(self, turn: Turn, *, deadline: float) -> Answer:
        """The answer of the model that has the conversation, within `deadline` seconds."""
        end = time.monotonic() + deadline
        slot = self._enter(turn.conversation, deadline)
        late = False
        try:
            answer = slot.engine.reply(turn, deadline=max(0.0, end - time.monotonic()))
        except EngineTimeout:
            late = True
            raise
        finally:
            self._leave(slot, turn.conversation, late=late)
        shadow = self._shadow
        if shadow is not None and slot.name == self._live:
            shadow.offer(turn)
        return answer

    def stop(self) -> None:
        """Look no more, finish the turns under way and let go of all models."""
        self._stopping.set()
        if self._watcher.is_alive():
            self._watcher.join(STOP_SECONDS)
        if self._shadow is not None:
            self._shadow.stop()
        for slot in [*self._slots.values(), *self._leaving]:
            slot.engine.stop()

    def look(self) -> None:
        """Do once what the register says now."""
        roles = self._register.in_use()
        live, canary = roles.get("live"), roles.get("canary")
        if live is not None and live.name != self._live and self._bring(live):
            self._live = live.name
            log.info("the model %s answers from now on", live.name)
        has_canary = canary is not None and self._bring(canary)
        self._canary, self._share = (canary.name, canary.share or 0) if canary and has_canary else ("", 0)
        self._let_go_of_the_rest()
        self._follow_shadow(roles.get("shadow"))

    def _watch(self) -> None:
        try:
            self._take_in(Model(self._first).name, self._first)
            self._live = Model(self._first).name
        except EngineError as error:
            self.error = error
            log.error("no model answers: %s", error.what)
        while not self._stopping.wait(self._look_seconds):
            try:
                self.look()
            except Exception as error:
                log.error("models: %s", place(error))

    def _enter(self, conversation: str, patience: float) -> _Slot:
        with self._changed:
            slot = self._changed.wait_for(lambda: self._slot_of(conversation), patience)
            if slot is None:
                raise EngineTimeout("the model that had the conversation is still ending its turn")
            slot.busy[conversation] += 1
            return slot

    def _slot_of(self, conversation: str) -> _Slot | None:
        """Who has the conversation; None while the one that has it ends."""
        for slot in [*self._leaving, *self._slots.values()]:
            if slot.has(conversation):
                return None if slot.stopping else slot
        name = self._canary if share_of(conversation, self._canary) < self._share else self._live
        if name not in self._slots:
            raise self.error or EngineNotReady("the model is still loading")
        return self._slots[name]

    def _leave(self, slot: _Slot, conversation: str, *, late: bool) -> None:
        with self._changed:
            slot.busy[conversation] -= 1
            if not slot.busy[conversation]:
                del slot.busy[conversation]
            if late:
                slot.late.add(conversation)
            else:
                slot.late.discard(conversation)
            self._changed.notify_all()

    def _bring(self, row: ModelRow) -> bool:
        """Have a model of the register loaded; False when it cannot be, which the register then tells."""
        if row.name in self._slots:
            return True
        if time.monotonic() < self._retry_at.get(row.name, 0.0):
            return False
        try:
            self._take_in(row.name, usable_file(row))
        except PortalError as error:
            if not self._stopping.is_set():
                self._put_off(row.name, error.what)
            return False
        self._tell_recovered(row.name)
        return True

    def _tell_recovered(self, name: str) -> None:
        if self._retry_at.pop(name, None) is not None:
            self._register.set_error(name, None)

    def _put_off(self, name: str, what: str) -> None:
        log.error("the model %s is not used: %s", name, what)
        self._retry_at[name] = time.monotonic() + RETRY_SECONDS
        self._register.set_error(name, what)

    def _take_in(self, name: str, file: Path) -> None:
        """Load a model beside the others; raises its error."""
        engine = self._load(file)
        engine.start()
        try:
            self._wait_for(engine)
        except EngineError:
            engine.stop()
            raise
        with self._changed:
            self._slots[name] = _Slot(name, engine)
            self.error = None

    def _wait_for(self, engine: Engine) -> None:
        end = time.monotonic() + LOAD_SECONDS
        while not engine.ready():
            error: EngineError | None = getattr(engine, "error", None)
            if error is not None:
                raise error
            if time.monotonic() > end or self._stopping.wait(READY_LOOK_SECONDS):
                raise EngineNotReady("the model did not become ready in time")

    def _let_go_of_the_rest(self) -> None:
        with self._changed:
            gone = [slot for name, slot in self._slots.items() if name not in (self._live, self._canary)]
            for slot in gone:
                del self._slots[slot.name]
                self._leaving.append(slot)
        for slot in gone:
            threading.Thread(target=self._let_go, args=(slot,), name="old model", daemon=True).start()

    def _let_go(self, slot: _Slot) -> None:
        """Stop a model when its turns under way have ended."""
        with self._changed:
            self._changed.wait_for(lambda: not slot.busy)
            slot.stopping = True
        slot.engine.stop()
        with self._changed:
            self._leaving.remove(slot)
            self._changed.notify_all()
        log.info("the model %s is let go", slot.name)

    def _follow_shadow(self, row: ModelRow | None) -> None:
        if self._shadow is not None:
            self._tell_of(self._shadow)
            if self._shadow.error is not None or row is None or row.name != self._shadow.name:
                self._shadow.stop()
                self._shadow = None
        if row is not None and self._shadow is None and time.monotonic() >= self._retry_at.get(row.name, 0.0):
            self._begin_shadow(row)

    def _tell_of(self, shadow: Shadow) -> None:
        shadow.write_to(self._register)
        if shadow.error is not None:
            self._put_off(shadow.name, shadow.error)
        elif shadow.reads:
            self._tell_recovered(shadow.name)

    def _begin_shadow(self, row: ModelRow) -> None:
        try:
            shadow = self._load_shadow(usable_file(row))
        except PortalError as error:
            self._put_off(row.name, error.what)
            return
        shadow.start()
        self._shadow = shadow


def share_of(conversation: str, model: str) -> int:
    """Where a conversation stands among all, from 0 to 99; always the same for a model."""
    return int.from_bytes(hashlib.sha256(f"{model}:{conversation}".encode()).digest()[:4]) % 100
