"""How a call goes on: what was heard becomes a turn of the engine, its answer becomes what is said next.

Every step gives a move, whatever the engine does: an answer within the time, a filler while it thinks, or the way out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from bot.conversation import Conversations
from bot.errors import BadRequest
from bot.turns import (
    Answer,
    Choice,
    Effect,
    ExpectEffect,
    HandoffEffect,
    HangupEffect,
    Incoming,
    Intent,
    LanguageEffect,
    MissedEffect,
    Reply,
    clean_text,
    read_effect,
    read_payload,
)
from voice.callback import Callback
from voice.calls import Call, Question
from voice.keys import Pressed, Typed, clean_keys, keys_of, meaning
from voice.ladder import Cause
from voice.script import Heard, Script, audible, kept
from voice.twiml import Dial, End, Move, Saying, Wait
from voice.words import words_of

STUCK = ("not_understood", "technical_problem")
HUMAN = "/talk_to_human"
MOST_CHOICES = 9
MOST_MISSES = 3
Wanted = TypeVar("Wanted", bound=Effect)


class Conduct:
    """Leads calls; `wake` has a conversation's waiting turns handled in the background."""

    def __init__(self, conversations: Conversations, wake: Callable[[str], None], script: Script) -> None:
        self._conversations = conversations
        self._store = conversations.store
        self._wake = wake
        self._script = script
        self._settings = script.settings
        self._ladder = script.ladder
        self._callback = Callback(script, conversations.store)

    def greet(self, call: Call) -> Move:
        """The first words, at once; the engine is told meanwhile."""
        language = self._script.portal.languages[0]
        sayings = [self._script.say("utter_voice_greeting", language)]
        key = int(self._settings.language_key)
        for other in self._script.portal.languages[1:]:
            sayings.append(self._script.say("utter_voice_language_key", other, key=words_of(other).digits[key]))
        call.state.question = Question(said=kept(sayings), need="open", language=language)
        self._conversations.receive(self._incoming(call, intent=Intent("call_started")))
        self._wake(call.conversation)
        return self._script.ask(call.state.question)

    def step(self, call: Call, heard: Heard) -> Move:
        """What comes next."""
        state = call.state
        if state.stage == "dial":
            return self.after_dial(call, heard)
        if state.stage != "talk":
            return self._callback.step(call, heard)
        if state.turn:
            return self._await_answer(call)
        if keys := clean_keys(heard.keys):
            return self._press(call, keys)
        return self._hear(call, clean_text(heard.text), heard.confidence)

    def end_long_talk(self, call: Call) -> Move:
        """Say that it was long, and lead out."""
        return self._way_out(call, "too_long", [self._script.say("utter_voice_too_long", call.state.question.language)])

    def end_call(self, call: Call) -> Move:
        """No more questions: record what is known of the wish for a human, and hang up."""
        return self._callback.finish(call)

    def after_dial(self, call: Call, heard: Heard) -> Move:
        """Whoever was not connected with a human gets a callback; so does who was not dialled, since a step broke."""
        self._store.drop_waiting(call.conversation)
        state, language = call.state, self._store.language(call.conversation)[0]
        state.turn, state.question = "", Question((), "open", (), language)
        if heard.was_connected:
            return End([self._script.say("utter_voice_goodbye", language)])
        lead = [self._script.say("utter_voice_nobody", language)] if self._settings.human_number else []
        return self._callback.begin(call, state.reason or "technical_problem", lead)

    def _press(self, call: Call, keys: str) -> Move:
        question = call.state.question
        typed = self._settings.question(question.need).keys
        meant = meaning(keys, typed, question.choices, self._settings.language_key)
        match meant:
            case Pressed(choice):
                return self._choose(call, choice)
            case Typed(text):
                return self._ask_engine(call, text=text)
            case "human":
                return self._ask_engine(call, intent=Intent("talk_to_human"))
            case "repeat":
                return self._script.ask(question)
            case "language" if len(self._script.portal.languages) > 1:
                return self._ask_engine(call, intent=Intent("switch_language"))
        return self._missed(call, "wrong_key")

    def _hear(self, call: Call, text: str, confidence: float | None) -> Move:
        if not text:
            return self._missed(call, "silence")
        question = call.state.question
        if confidence is not None and confidence < self._settings.sure_from and not call.state.asked_back:
            call.state.asked_back = True
            return self._missed(call, "unclear")
        if chosen := keys_of(question.choices, text, question.language):
            return self._choose(call, chosen)
        return self._ask_engine(call, text=text)

    def _choose(self, call: Call, choice: Choice) -> Move:
        return self._ask_engine(call, text=choice.title, intent=read_payload(choice.payload))

    def _missed(self, call: Call, cause: Cause) -> Move:
        """One rung up the ladder."""
        state, question = call.state, call.state.question
        state.misses += 1
        rung = self._ladder.rung(question, state.misses)
        if rung == "goodbye" and cause != "silence":
            rung = "keys" if state.misses < MOST_MISSES else "way_out"
        if rung == "way_out":
            return self._way_out(call, "not_understood", [self._script.say("utter_voice_stuck", question.language)])
        if rung == "goodbye":
            name = "utter_voice_goodbye" if question.need == "done" else "utter_voice_call_again"
            return End([self._script.say(name, question.language)])
        words = self._ladder.words(rung, question, cause, state.last)
        state.more_offered = state.more_offered or rung == "more"
        state.question = Question(question.said, question.need, self._ladder.choices(rung, question), question.language)
        return self._script.ask(state.question, words)

    def _ask_engine(self, call: Call, text: str = "", intent: Intent | None = None) -> Move:
        try:
            received = self._conversations.receive(self._incoming(call, text, intent))
        except BadRequest:
            return self._apologise(call)
        call.state.turn, call.state.fillers, call.state.asked_back = received.turn_id, 0, False
        self._wake(call.conversation)
        return self._await_answer(call)

    def _incoming(self, call: Call, text: str = "", intent: Intent | None = None) -> Incoming:
        return Incoming(
            channel="voice",
            address=call.number or call.sid,
            provider_id=f"{call.sid}:{call.step}",
            text=text,
            intent=intent,
            conversation=call.conversation,
            phone_hint=call.number,
        )

    def _await_answer(self, call: Call) -> Move:
        """The answer if it comes soon, else a filler; after some fillers the way out."""
        state = call.state
        if self._comes(call):
            turn, state.turn = state.turn, ""
            return self._go_on(call, self._answer(turn)) if self._is_done(turn) else self._apologise(call)
        state.fillers += 1
        if state.fillers > self._settings.fillers:
            return self._apologise(call)
        name = "utter_voice_filler" if state.fillers % 2 else "utter_voice_filler_again"
        return Wait([self._script.say(name, state.question.language)])

    def _comes(self, call: Call) -> bool:
        """Wait until the engine's turn is over, or the time is."""
        bell, end = self._conversations.bell, time.monotonic() + self._settings.wait_seconds
        while True:
            seen = bell.count(call.conversation)
            if self._store.state_of(call.state.turn) != "waiting":
                return True
            left = end - time.monotonic()
            if left <= 0 or bell.closed:
                return False
            bell.wait(call.conversation, seen, left)

    def _is_done(self, turn: str) -> bool:
        return self._store.state_of(turn) == "done"

    def _answer(self, turn: str) -> Answer:
        replies, effects = self._store.answer_to(turn)
        return Answer(
            tuple(Reply(r.text, tuple(Choice(**c) for c in r.choices), language=r.language) for r in replies),
            tuple(read_effect({effect.name: effect.data}) for effect in effects),
        )

    def _go_on(self, call: Call, answer: Answer) -> Move:
        """Say the answer and listen for what it asks, unless it ends the call or hands it over."""
        sayings = audible([Saying(reply.text, reply.language) for reply in answer.replies])
        choices = _with_keys(answer.replies[-1].choices) if answer.replies else ()
        if _first(answer.effects, HangupEffect):
            return End(sayings[:1] or [self._script.say("utter_voice_goodbye", call.state.question.language)])
        handoff = _first(answer.effects, HandoffEffect)
        if handoff and handoff.reason in STUCK:
            return self._give_up(call, handoff.reason)
        if handoff and not choices:
            return self._way_out(call, handoff.reason, sayings)
        if _first(answer.effects, MissedEffect):
            if self._is_too_many(call):
                return self._give_up(call, "not_understood")
            sayings = [saying for saying in sayings if saying.text not in call.state.last]
            if not sayings:
                return self._missed(call, "unknown")
        self._take_question(call, answer, sayings, choices)
        return self._script.ask(call.state.question)

    def _is_too_many(self, call: Call) -> bool:
        """Whether one more no-match is one too many."""
        misses = call.state.misses + 1
        return misses >= MOST_MISSES or self._ladder.rung(call.state.question, misses) == "way_out"

    def _take_question(self, call: Call, answer: Answer, sayings: list[Saying], choices: tuple[Choice, ...]) -> None:
        state, language = call.state, self._store.language(call.conversation)[0]
        missed = _first(answer.effects, MissedEffect) is not None
        expected = _first(answer.effects, ExpectEffect)
        asks = missed or bool(choices) or (bool(sayings) and sayings[-1].text.rstrip(' “"').endswith("?"))
        if not sayings or (not expected and not asks and _first(answer.effects, LanguageEffect)):
            sayings, asks = [*sayings, self._script.say("utter_voice_go_on", language)], True
        need = expected.need if expected else "open" if asks else "done"
        state.question = Question(kept(sayings), need, choices, language)
        state.more_offered = state.more_offered and need == "done"
        state.misses = state.misses + 1 if missed else int(state.more_offered)

    def _give_up(self, call: Call, reason: str) -> Move:
        name = "utter_voice_problem" if reason == "technical_problem" else "utter_voice_stuck"
        return self._way_out(call, reason, [self._script.say(name, call.state.question.language)])

    def _apologise(self, call: Call) -> Move:
        return self._give_up(call, "technical_problem")

    def _way_out(self, call: Call, reason: str, lead: Sequence[Saying]) -> Move:
        """A human at once if there is a number for it, else a callback; the engine's late answers do not count."""
        self._store.drop_waiting(call.conversation)
        language = self._store.language(call.conversation)[0]
        call.state.turn, call.state.reason = "", reason
        call.state.question = Question(kept(lead), "open", (), language)
        if not self._settings.human_number:
            return self._callback.begin(call, reason, lead)
        call.state.stage = "dial"
        words = [*lead, self._script.say("utter_voice_connecting", language)]
        return Dial(words, self._settings.human_number, self._settings.ring_seconds)


def _with_keys(choices: Sequence[Choice]) -> tuple[Choice, ...]:
    """Those that get a key of their own; the human has the `0` everywhere."""
    return tuple(choice for choice in choices if choice.payload != HUMAN)[:MOST_CHOICES]


def _first(effects: Sequence[Effect], kind: type[Wanted]) -> Wanted | None:
    return next((effect for effect in effects if isinstance(effect, kind)), None)
