"""The heart: a conversation's waiting turns are answered in order, once each, whatever happens."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo

from bot.bell import Bell
from bot.engine import Engine
from bot.errors import EngineError, EngineNotReady, EngineTimeout, StoreError
from bot.locks import Locks
from bot.logs import place
from bot.metrics import TURN_SECONDS, TURNS
from bot.store import Received, Store, Waiting
from bot.texts import Texts
from bot.turns import (
    Answer,
    Choice,
    Effect,
    HandoffEffect,
    Incoming,
    Intent,
    Reply,
    Turn,
    clean_text,
    read_payload,
    utc_now,
)

log = logging.getLogger(__name__)
MOST_TRIES = 3
SURE_OF_LANGUAGE = 0.9
SURE_OF_ANOTHER_LANGUAGE = 0.97
LanguageGuess = Callable[[str], tuple[str, float] | None]


@dataclass
class Conversations:
    """Takes turns in and has them answered; `deadline` is how many seconds the engine has for one.

    `waiting_at_most` unanswered turns of a conversation are taken in; `zone` is where the company's days begin.
    """

    store: Store
    engine: Engine
    texts: Texts
    bell: Bell
    locks: Locks
    guess_language: LanguageGuess
    deadline: float = 20.0
    waiting_at_most: int = 10
    languages: tuple[str, ...] = ("de", "en")
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Europe/Berlin"))

    def receive(self, incoming: Incoming, *, language: str = "de") -> Received:
        """Write a turn to the inbox; human words are cleaned, and taken for a choice if they are its label.

        `language` is for a conversation that begins with it. Raises `BadRequest` when too many turns wait.
        """
        text = clean_text(incoming.text)
        received = replace(incoming, text=text)
        if incoming.intent is None and incoming.conversation and text:
            received = replace(received, intent=self._meant(incoming.conversation, text))
        return self.store.receive(received, language, waiting_at_most=self.waiting_at_most)

    def _meant(self, conversation: str, text: str) -> Intent | None:
        wanted = text.casefold()
        for choice in self.store.offered(conversation):
            if choice.title.casefold() == wanted:
                return read_payload(choice.payload)
        return None

    def chosen(self, conversation: str, payload: str) -> Choice | None:
        """The choice with this payload, if it was lately offered to this conversation."""
        return next((c for c in self.store.offered(conversation) if c.payload == payload), None)

    def handle(self, conversation: str) -> None:
        """Answer the conversation's waiting turns, oldest first. Turns wait on while the engine is not ready."""
        with self.locks.of(conversation):
            while waiting := self.store.next_turn(conversation):
                if not self._handle_turn(waiting):
                    return

    def _handle_turn(self, waiting: Waiting) -> bool:
        """Answer a turn; False when nobody is there to do it. After some tries the customer is told and it goes on."""
        turn = waiting.turn
        try:
            turn = self._in_its_language(waiting)
            if waiting.tries > MOST_TRIES:
                raise EngineError("tried too often")
            answer = self.engine.reply(turn, deadline=self.deadline)
        except EngineNotReady:
            self.store.put_back(turn)
            return False
        except StoreError:
            raise
        except Exception as error:
            log.error("turn %s: %s", turn.id, error.what if isinstance(error, EngineError) else place(error))
            if not _is_worth_a_retry(error, waiting.tries):
                self._finish(turn, self._apology(turn), "failed")
            return True
        self._finish(turn, answer if answer.replies or answer.effects else self._apology(turn), "done")
        return True

    def _in_its_language(self, waiting: Waiting) -> Turn:
        turn = waiting.turn
        language = self._language_of(waiting)
        if language != turn.language:
            self.store.speak(turn.conversation, language)
        return replace(turn, language=language, today=turn.at.astimezone(self.zone).date())

    def _language_of(self, waiting: Waiting) -> str:
        """The conversation's language; one foreign word does not turn a conversation round that goes on in it."""
        turn = waiting.turn
        if not turn.text or turn.intent or waiting.language_chosen:
            return turn.language
        guess = self.guess_language(turn.text)
        sure = SURE_OF_ANOTHER_LANGUAGE if waiting.goes_on else SURE_OF_LANGUAGE
        return guess[0] if guess and guess[0] in self.languages and guess[1] >= sure else turn.language

    def _apology(self, turn: Turn) -> Answer:
        effects: tuple[Effect, ...] = (HandoffEffect(reason="technical_problem"),)
        return Answer(
            (Reply(self.texts.say("utter_technical_problem", turn.language), language=turn.language),), effects
        )

    def _finish(self, turn: Turn, answer: Answer, state: str) -> None:
        self.store.finish(turn, answer, state=state)
        self.bell.ring(turn.conversation)
        TURNS.labels(turn.channel, state).inc()
        TURN_SECONDS.observe((utc_now() - turn.at).total_seconds())


def _is_worth_a_retry(error: Exception, tries: int) -> bool:
    """A time-out has used up the customer's patience; anything else is tried again at once, a few times."""
    return not isinstance(error, EngineTimeout) and getattr(error, "retry_helps", True) and tries < MOST_TRIES
