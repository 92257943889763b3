"""Small real implementations of the portal's protocols, for tests that need no model."""

from __future__ import annotations

import threading
from collections.abc import Callable

from bot.errors import EngineError, EngineNotReady, EngineTimeout
from bot.turns import Answer, Reply, Turn

Script = Callable[[Turn], Answer]


def echo(turn: Turn) -> Answer:
    """Says what was said."""
    return Answer((Reply(f"Verstanden: {turn.text or (turn.intent.name if turn.intent else '')}."),))


class FakeEngine:
    """`Engine` that answers by a function; it can hang, die and raise. `turns` are those it was given, in order."""

    def __init__(self, answer: Script = echo) -> None:
        self.answer = answer
        self.turns: list[Turn] = []
        self.is_ready = True
        self.raises: Exception | None = None
        self.running = threading.Event()
        self.running.set()

    def start(self) -> None:
        """Nothing to load."""

    def ready(self) -> bool:
        """Whether it is alive."""
        return self.is_ready

    def responds(self) -> bool:
        """Whether it is alive."""
        return self.is_ready

    def reply(self, turn: Turn, *, deadline: float) -> Answer:
        """The answer; while it hangs, none within the deadline."""
        if not self.is_ready:
            raise EngineNotReady("the fake engine is dead")
        if all(known.id != turn.id for known in self.turns):
            self.turns.append(turn)
        if not self.running.wait(deadline):
            raise EngineTimeout("the fake engine hangs")
        if self.raises:
            raise self.raises
        return self.answer(turn)

    def stop(self) -> None:
        """Nothing to stop."""

    def hang(self) -> None:
        """Answer nothing until `go_on`."""
        self.running.clear()

    def go_on(self) -> None:
        """Answer again."""
        self.running.set()

    def die(self) -> None:
        """Be gone."""
        self.is_ready = False

    def break_down(self) -> None:
        """Raise instead of answering."""
        self.raises = EngineError("the fake engine is broken")
