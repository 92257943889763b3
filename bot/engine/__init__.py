"""The dialogue engine seen from outside: a turn in, an answer out."""

from __future__ import annotations

from typing import Protocol

from bot.turns import Answer, Turn


class Engine(Protocol):
    """Rasa, embedded or as a server.

    `reply` is idempotent by the turn's id: a turn that the tracker already has gives back what was
    said after it. Raises `EngineError`.
    """

    def start(self) -> None:
        """Begin to load; returns at once."""

    def ready(self) -> bool:
        """Whether `reply` would answer now."""

    def responds(self) -> bool:
        """Whether it is ready and gets through its work; asks it, so it takes a moment."""

    def reply(self, turn: Turn, *, deadline: float) -> Answer:
        """The answer to a turn within `deadline` seconds."""

    def stop(self) -> None:
        """Finish what is under way and let go of everything."""
