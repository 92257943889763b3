"""The calls of `tests/e2e/calls/*.yml`, played by the simulated phone through the whole portal with the real model.

A file is a list of

    - name: The state of an order, spoken
      caller: "+491713920011"     # withheld if left out
      heard: [KI]                 # each must occur in the greeting, upper or lower case
      steps:
      - say: wo ist meine bestellung
        confidence: 0.3           # 0.92 if left out
        heard: [Postleitzahl]
        not_heard: [DHL]
      - keys: "22765#"            # pressed keys
      - silence: true             # nothing is said
      - hangup: true              # the caller goes
        ended: true               # false if left out: whether nobody is on the line afterwards
        repeated: true            # the same words as before; null if they may be; otherwise they must differ
        listens: en-GB            # the recogniser's language now
        effects: [{callback: {phone: "+491713920011", at: null}}]  # of the conversation so far; each must be there

Every answer is read as Twilio reads it (`voice.phone_twiml`), and none may take longer than five seconds.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import select

from bot.app import Portal, create_app
from bot.cli.stage import Stage
from bot.database import transaction
from bot.settings import for_demo, load_settings
from bot.tables import CallRow, EffectRow
from voice.phone import STATUS_PATH, WITHHELD, Call, Heard, Line

FOLDER = Path(__file__).parent / "calls"
PUBLIC = "https://portal.example.com"
LONGEST_ANSWER = 5.0


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the caller does, and what must come of it."""

    say: str | None = None
    confidence: float = 0.92
    keys: str | None = None
    silence: bool = False
    hangup: bool = False
    heard: list[str] = msgspec.field(default_factory=list)
    not_heard: list[str] = msgspec.field(default_factory=list)
    ended: bool = False
    repeated: bool | None = False
    listens: str | None = None
    effects: list[dict[str, Any]] = msgspec.field(default_factory=list)


class Script(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A call with its expectations."""

    name: str
    steps: list[Step]
    caller: str = WITHHELD
    heard: list[str] = msgspec.field(default_factory=list)


def scripts(file: Path) -> list[Script]:
    return msgspec.yaml.decode(file.read_bytes(), type=list[Script])


SCRIPTS = [(file.stem, script) for file in sorted(FOLDER.glob("*.yml")) for script in scripts(file)]


class Telephone:
    """A phone at a portal whose shop is fresh for every call."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        url = os.environ["DATABASE_URL"]
        settings = load_settings({"DATABASE_URL": url, "SPRACHPORTAL_SECRET_KEY": "only-for-these-tests"})
        self.settings = for_demo(settings, PUBLIC)
        self.portal: Portal = create_app(self.settings, stage.conversations)
        self.portal.messengers.jobs.start()

    def call(self, caller: str) -> Call:
        """A call that has heard the greeting."""
        self._stage._refresh()
        client = httpx.Client(transport=httpx.WSGITransport(app=self.portal.app))
        given = self.settings
        call = Call(Line(client, PUBLIC, given.twilio_account, given.twilio_token, given.twilio_number), caller=caller)
        call.ring()
        call.run()
        return call

    def effects(self, call: Call) -> list[dict[str, Any]]:
        """The effects of the call's conversation so far."""
        with transaction(self.settings.database_url) as session:
            conversation = session.scalar(select(CallRow.conversation_id).where(CallRow.sid == call.sid))
            rows = session.scalars(select(EffectRow).where(EffectRow.conversation_id == conversation))
            return [{row.name: row.data} for row in rows]


@pytest.fixture(scope="module")
def telephone(model: Path) -> Iterator[Telephone]:
    with Stage(model) as stage:
        telephone = Telephone(stage)
        yield telephone
        telephone.portal.messengers.jobs.stop()


@pytest.mark.parametrize(("topic", "script"), SCRIPTS, ids=[f"{topic}: {s.name}" for topic, s in SCRIPTS])
def test_call(topic: str, script: Script, telephone: Telephone) -> None:
    call = telephone.call(script.caller)
    before = words(call.heard)
    expect(before, script.heard, [], f"greeting of {script.name}")
    for number, step in enumerate(script.steps, 1):
        heard = take(call, step)
        where = f"step {number} of {script.name}"
        expect(heard, step.heard, step.not_heard, where)
        if not step.hangup:
            assert heard, f"{where}: silence"
            assert step.repeated in (None, heard == before), (
                f"{where}: {'the same' if heard == before else 'other'} words: {heard}"
            )
        assert call.ended is step.ended, f"{where}: ended is {call.ended} after: {heard}"
        assert step.listens in (None, call.listening and call.listening.language), where
        for effect in step.effects:
            assert effect in telephone.effects(call), f"{where}: effects {telephone.effects(call)}"
        before = heard
    call.hang_up()
    assert_answers_are_good(call)


def take(call: Call, step: Step) -> str:
    """One step of the caller's; the words heard then."""
    if step.say is not None:
        call.speak(step.say, step.confidence)
    elif step.keys is not None:
        call.press(step.keys)
    elif step.hangup:
        call.hang_up()
    else:
        assert step.silence, "a step says, keys, is silent or hangs up"
        call.stay_silent()
    return words(call.run())


def words(heard: list[Heard]) -> str:
    """What is heard in one line, without the commas between groups of digits."""
    return " ".join(each.text for each in heard if each.kind == "say").replace(",", "")


def expect(heard: str, wanted: list[str], unwanted: list[str], where: str) -> None:
    said = heard.casefold()
    for each in wanted:
        assert each.casefold() in said, f"{where}: expected {each!r} in {heard!r}"
    for each in unwanted:
        assert each.casefold() not in said, f"{where}: did not expect {each!r} in {heard!r}"


def assert_answers_are_good(call: Call) -> None:
    """Twilio would have played everything, and nobody waited for long."""
    assert [heard.text for heard in call.heard if heard.kind == "problem"] == []
    assert max(exchange.seconds for exchange in call.exchanges) < LONGEST_ANSWER
    assert call.exchanges[-1].url.endswith(STATUS_PATH)
    assert call.exchanges[-1].status in (200, 204)


def test_step_delivered_again_is_answered_the_same_and_done_once(telephone: Telephone) -> None:
    call = telephone.call(WITHHELD)
    for said in (
        "ich möchte meine bestellung eins null vier acht drei null fünf fünf stornieren",
        "null vier eins null sieben",
    ):
        call.speak(said)
        call.run()
    call.press("1")
    call.run()
    assert call.repeat().body == call.exchanges[-1].body
    call.speak("wie ist der stand meiner bestellung")
    assert "storniert" in words(call.run())
    call.hang_up()
    assert_answers_are_good(call)
