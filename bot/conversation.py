"""The heart: a conversation's waiting turns are answered in order, once each, whatever happens."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from bot.bell import Bell
from bot.channels.forms import together
from bot.channels.outlet import MESSENGERS, Outlet
from bot.choices import CHOICE_IS_OLD, Choices
from bot.engine import Engine
from bot.errors import EngineError, EngineNotReady, EngineTimeout, StoreError
from bot.inbox_store import Received, Waiting
from bot.locks import Locks
from bot.logs import place
from bot.media import Media
from bot.metrics import TURN_SECONDS, TURNS
from bot.presence import Presence
from bot.store import Store
from bot.texts import Texts
from bot.turns import (
    Answer,
    Attachment,
    Effect,
    HandoffEffect,
    Incoming,
    Intent,
    Reply,
    Turn,
    clean_text,
    utc_now,
)

log = logging.getLogger(__name__)
MOST_TRIES = 3
SURE_OF_LANGUAGE = 0.9
SURE_OF_ANOTHER_LANGUAGE = 0.97
TIDY_SECONDS = 60.0
FORGET_AGAIN = timedelta(hours=1)
# Turns that the portal answers itself, by their intent.
CONSENT_GIVEN, TOO_MANY = "consent_given", "too_many"
OWN_ANSWERS = {
    CONSENT_GIVEN: "utter_consent_given",
    CHOICE_IS_OLD: "utter_error_not_offered",
    TOO_MANY: "utter_error_too_many",
}
# What nobody can read, such as a lone slash, is told to the customer as any other unsupported content.
UNREADABLE = Attachment("unsupported", "")
LanguageGuess = Callable[[str], tuple[str, float] | None]
Answered = Callable[[Turn], None]


@dataclass
class Conversations:
    """Takes turns in and has them answered; `deadline` is how many seconds the engine has for one.

    `waiting_at_most` unanswered turns of a conversation are taken in; `zone` is where the company's days begin.
    `outlets` are the channels that deliver by themselves, by name. `on_done` is told of each answered turn at once.
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
    outlets: Mapping[str, Outlet] = field(default_factory=dict)
    media: Media | None = None
    presence: Presence | None = None
    on_done: Answered | None = None
    _tidy_from: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self.choices = Choices(self.store.url)

    def receive(
        self,
        incoming: Incoming,
        *,
        language: str = "de",
        limited: bool = True,
        state: str = "waiting",
        opens_window: bool = False,
    ) -> Received:
        """Write a turn to the inbox; human words are cleaned, and taken for a choice if they mean one.

        `language` is for a conversation that begins with it; `state` other than waiting is for turns without an answer.
        `opens_window`: from now on the customer may be written to for a while. Raises `BadRequest` when `limited` and
        too many wait.
        """
        received = replace(incoming, text=clean_text(incoming.text))
        if incoming.intent is None and incoming.conversation:
            received = replace(received, intent=self._meant(incoming.conversation, received))
        if incoming.channel in self.outlets and not (received.text or received.intent or received.attachments):
            received = replace(received, attachments=(UNREADABLE,))
        at_most = self.waiting_at_most if limited else None
        return self.store.receive(received, language, waiting_at_most=at_most, state=state, opens_window=opens_window)

    def change(self, channel: str, provider_id: str, text: str | None) -> None:
        """The customer changed a turn of theirs, or took it back (None); what is unknown is let by."""
        conversation = self.store.conversation_of_turn(channel, provider_id)
        if conversation is None:
            return
        if text is None:
            if turn := self.store.take_back(channel, provider_id):
                self._forget(turn)
        else:
            said = Incoming(channel, "", provider_id, clean_text(text))
            self.store.change(channel, provider_id, said.text, self._meant(conversation, said))

    def _forget(self, turn: str) -> bool:
        """What is left of a turn that was taken back is removed; False when something stays for now."""
        try:
            self.store.forget_words(turn)
            return self.media.retention.forget(turn) if self.media else True
        except Exception as error:
            log.error("turn %s is not forgotten yet: %s", turn, place(error))
            return False

    def tidy(self) -> None:
        """Once a minute at most: remove what is left of turns that were taken back, and media that are too old."""
        if time.monotonic() < self._tidy_from:
            return
        self._tidy_from = time.monotonic() + TIDY_SECONDS
        self.tidy_now()

    def tidy_now(self) -> None:
        """Do so at once."""
        for turn in self.store.turns_to_forget():
            self.store.forgotten(turn, again_at=None if self._forget(turn) else utc_now() + FORGET_AGAIN)
        if self.media:
            self.media.retention.delete_old()

    def _meant(self, conversation: str, incoming: Incoming) -> Intent | None:
        return self.choices.meant(conversation, incoming, self.outlets.get(incoming.channel))

    def off_channels(self) -> frozenset[str]:
        """The messengers that this process cannot deliver to: their turns wait."""
        return MESSENGERS - self.outlets.keys()

    def handle(self, conversation: str) -> None:
        """Answer the conversation's waiting turns, oldest first. Turns wait on while the engine is not ready."""
        with self.locks.of(conversation):
            self._handle_waiting(conversation, lambda _turn: None)

    def handle_if_free(self, conversation: str, answered: Answered) -> None:
        """Do so unless somebody else does it now; `answered` is told after each turn.

        Who holds the conversation looks for waiting turns once more afterwards, so that none is left behind.
        """
        while self.store.waiting_count(conversation):
            with self.locks.attempt(conversation) as held:
                if not held or not self._handle_waiting(conversation, answered):
                    return

    def _handle_waiting(self, conversation: str, answered: Answered) -> bool:
        while waiting := self.store.next_turn(conversation):
            if not self._handle_turn(waiting):
                return False
            answered(waiting.turn)
        return True

    def _handle_turn(self, waiting: Waiting) -> bool:
        """Answer a turn; False when nobody is there to do it. After some tries the customer is told and it goes on."""
        turn = waiting.turn
        if turn.channel in self.off_channels():
            self.store.put_back(turn)
            return False
        if turn.channel in self.outlets and not (turn.text or turn.intent or turn.attachments):
            self._finish(turn, Answer(), "dropped")
            return True
        if self.presence:
            self.presence.show(waiting)
        try:
            turn = self._in_its_language(waiting)
            if waiting.tries > MOST_TRIES:
                raise EngineError("tried too often")
            answer = self._answer(turn)
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
        said = answer if answer.replies or answer.effects else self._apology(turn)
        self._finish(turn, said, "done")
        return True

    def _answer(self, turn: Turn) -> Answer:
        """What came along is named by the portal itself, words are answered by the engine."""
        if own := self._own_answer(turn):
            return Answer(self._own(self.texts.say(own, turn.language), turn))
        if not (turn.attachments and self.media):
            return self.engine.reply(turn, deadline=self.deadline)
        kept = self.media.keep(turn)
        text, named = self.media.text_of(turn, kept), self.media.named(turn, kept, turn.language)
        answer = (
            self.engine.reply(replace(turn, text=text), deadline=self.deadline) if text or turn.intent else Answer()
        )
        return replace(answer, replies=(*self._own(named, turn), *answer.replies))

    def _own_answer(self, turn: Turn) -> str | None:
        """The response with which the portal itself answers; None for a turn that the engine answers."""
        if turn.intent is None:
            return None
        return OWN_ANSWERS.get(CHOICE_IS_OLD if self.choices.came_too_late(turn) else turn.intent.name)

    def _own(self, text: str, turn: Turn) -> tuple[Reply, ...]:
        return (Reply(text, language=turn.language),) if text else ()

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
        outlet = self.outlets.get(turn.channel)
        forms = [
            outlet.forms(reply, f"{turn.id}.{position}") if outlet and reply else []
            for position, reply in enumerate(together(answer.replies))
        ]
        self.store.finish(turn, answer, state=state, forms=forms)
        self.bell.ring(turn.conversation)
        TURNS.labels(turn.channel, state).inc()
        TURN_SECONDS.observe((utc_now() - turn.at).total_seconds())
        if self.on_done and state == "done":
            self.on_done(turn)


def _is_worth_a_retry(error: Exception, tries: int) -> bool:
    """A time-out has used up the customer's patience; anything else is tried again at once, a few times."""
    return not isinstance(error, EngineTimeout) and getattr(error, "retry_helps", True) and tries < MOST_TRIES
