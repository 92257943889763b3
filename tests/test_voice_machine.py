"""Random calls: whatever comes, in whatever order, each answer is TwiML that Twilio plays, and every call ends."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bot.turns import (
    Answer,
    Choice,
    Effect,
    ExpectEffect,
    HandoffEffect,
    HangupEffect,
    LanguageEffect,
    MissedEffect,
    Reply,
)
from tests.caller import Caller, portal_with
from tests.fakes import FakeEngine

MOST_SILENT_STEPS = 16
EFFECTS = st.lists(
    st.one_of(
        st.sampled_from(["reference", "customer", "confirm", "when", "unheard-of"]).map(ExpectEffect),
        st.sampled_from(["customer_wish", "not_understood", "proof_locked"]).map(HandoffEffect),
        st.sampled_from(["de", "en"]).map(LanguageEffect),
        st.just(MissedEffect()),
        st.just(HangupEffect()),
    ),
    max_size=2,
)
CHOICES = st.lists(
    st.builds(Choice, st.text(max_size=20), st.sampled_from(["/affirm", "/deny", "/inform"])), max_size=12
)
REPLIES = st.lists(st.builds(Reply, st.text(max_size=200) | st.just("Was denn?" * 500), CHOICES.map(tuple)), max_size=3)
WORDS = st.text(max_size=60) | st.sampled_from(["ja", "eins", "04012345678", "/restart", "</Say>", "morgen um zehn"])
KEYS = st.text("0123456789*#AD", max_size=40) | st.sampled_from(["0", "1", "2", "9", "*", "10482917"])


class Calls(RuleBasedStateMachine):
    """One portal, one call at a time, an engine in any state."""

    engine = FakeEngine()
    portal = portal_with(engine, Path(tempfile.mkdtemp()), wait_seconds=0.1, fillers=2, most_steps=40)

    def __init__(self) -> None:
        super().__init__()
        self.engine.go_on()
        self.engine.is_ready, self.engine.raises = True, None
        self.answers_with([], [])

    def answers_with(self, replies: list[Reply], effects: list[Effect]) -> None:
        self.engine.answer = lambda _turn: Answer(tuple(replies), tuple(effects))

    @initialize(number=st.sampled_from(["+491713920011", "anonymous", "client:x", "+266696687"]))
    def ring(self, number: str) -> None:
        self.caller = Caller(self.portal, number=number)
        assert "Nordwind" in self.caller.ring()

    @rule(replies=REPLIES, effects=EFFECTS)
    def engine_says_something_else(self, replies: list[Reply], effects: list[Effect]) -> None:
        self.answers_with(replies, effects)

    @rule(trouble=st.sampled_from(["hang", "die", "break_down", "recover"]))
    def engine_changes(self, trouble: str) -> None:
        if trouble == "recover":
            self.engine.go_on()
            self.engine.is_ready, self.engine.raises = True, None
        else:
            getattr(self.engine, trouble)()

    @precondition(lambda self: self.goes_on)
    @rule(words=WORDS, confidence=st.sampled_from([None, 0.1, 0.9, "x"]))
    def speak(self, words: str, confidence: float | str | None) -> None:
        self.caller.speak(words, confidence)

    @precondition(lambda self: self.goes_on)
    @rule(keys=KEYS)
    def press(self, keys: str) -> None:
        self.caller.press(keys)

    @precondition(lambda self: self.goes_on)
    @rule()
    def stay_silent(self) -> None:
        self.caller.silent()

    @precondition(lambda self: self.goes_on)
    @rule(status=st.sampled_from(["completed", "busy", "new"]))
    def dial_ends(self, status: str) -> None:
        self.caller.post(DialCallStatus=status)

    @rule()
    def deliver_again(self) -> None:
        answer = self.caller.answers[-1]
        again = self.caller.again()
        assert again.status_code == 200
        assert again.data == answer.data

    @rule()
    def silence_brings_every_call_to_its_end(self) -> None:
        steps = 0
        while self.goes_on:
            self.caller.silent()
            steps += 1
            assert steps <= MOST_SILENT_STEPS, self.caller.said

    @property
    def goes_on(self) -> bool:
        """Whether Twilio would ask again."""
        return "Hangup" not in self.caller.verbs()

    @invariant()
    def something_is_heard(self) -> None:
        if hasattr(self, "caller"):
            assert self.caller.said.strip()

    @invariant()
    def only_one_speaks_next(self) -> None:
        if hasattr(self, "caller"):
            leading_on = [verb for verb in self.caller.verbs() if verb in ("Gather", "Dial", "Hangup")]
            assert len(leading_on) <= 1

    def teardown(self) -> None:
        if hasattr(self, "caller"):
            assert self.caller.hang_up() == 204
            assert b"<Hangup" in self.caller.again().data


Calls.TestCase.settings = settings(
    max_examples=50, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
TestCalls = Calls.TestCase
