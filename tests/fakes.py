"""Small real implementations of the portal's protocols, for tests that need no model."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from bot.channels.outlet import (
    Delivery,
    DeliveryError,
    Form,
    NotTaken,
    Refused,
    Template,
    WindowClosed,
    choice_id,
)
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


class FakeOutlet:
    """`Outlet` that keeps what it is given; `outcomes` is what comes of the next sendings: an error, None for taken.

    With `found`, an unclear delivery is known there by that id. `shown` are the turns that were marked as read.
    `later_errors` is what codes of failures told later mean.
    """

    def __init__(self, name: str = "whatsapp", *, has_window: bool = True) -> None:
        self.name = name
        self.has_window = has_window
        self.outcomes: list[Exception | None] = []
        self.sent: list[Delivery] = []
        self.found: str | None = None
        self.shown: list[str] = []
        self.later_errors: dict[str, DeliveryError] = {}

    @property
    def texts(self) -> list[str]:
        """What was taken, in order."""
        return [str(delivery.form["text"]) for delivery in self.sent]

    def forms(self, reply: Reply, reference: str) -> list[Form]:
        """One form for each paragraph."""
        ids = [choice_id(reference, index) for index in range(len(reply.choices))]
        return [{"text": part, "ids": ids} for part in reply.text.split("\n\n")]

    def numbers_choices(self, reply: Reply) -> bool:
        """More than three."""
        return len(reply.choices) > 3

    def template_form(self, template: Template, language: str, variables: Mapping[str, str]) -> Form | None:
        """Its approved name with the values."""
        if language not in template.names:
            return None
        return {"text": f"{template.names[language]}({', '.join(variables[name] for name in template.variables)})"}

    def send(self, delivery: Delivery) -> str:
        """The next outcome."""
        outcome = self.outcomes.pop(0) if self.outcomes else None
        if outcome:
            raise outcome
        self.sent.append(delivery)
        return f"provider-{delivery.id}"

    def find(self, delivery: Delivery) -> str | None:
        """What the test says."""
        return self.found

    def error_of(self, code: str) -> DeliveryError:
        """The code's own name tells."""
        if code in self.later_errors:
            return self.later_errors[code]
        kinds: dict[str, type[DeliveryError]] = {"window": WindowClosed, "busy": NotTaken}
        return kinds.get(code, Refused)("failed later", code)

    def show_typing(self, address: str, provider_id: str) -> None:
        """Kept."""
        self.shown.append(provider_id)
