"""Conversations as data: what is said and what is expected, played through the whole portal.

A file below `tests/e2e/` is a list of

    - name: An order is found by its number and the postcode
      language: de                 # de if left out
      turns:
      - said: Wo ist meine Bestellung 10482917?
        expected: [Postleitzahl]   # each must occur in what is said back, upper or lower case
        not_expected: [DHL]
      - pressed: Ja                # a choice offered before
        effects: [{handoff: {reason: complaint}}]
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from bot.conversation import Conversations
from bot.turns import Choice, Incoming, Intent, read_payload


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One turn: said or pressed, and what must come of it. `effects` are all that must come, in any order."""

    said: str | None = None
    pressed: str | None = None
    opened: bool = False
    expected: list[str] = msgspec.field(default_factory=list)
    not_expected: list[str] = msgspec.field(default_factory=list)
    effects: list[dict[str, Any]] | None = None


class Dialogue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A conversation with its expectations."""

    name: str
    turns: list[Step]
    language: str = "de"


@dataclass(frozen=True)
class Failure:
    """Where a conversation went otherwise; `heard` is what was said back."""

    dialogue: str
    step: int
    what: str
    heard: str


def load_dialogues(file: Path) -> list[Dialogue]:
    """The conversations of a file; msgspec's errors name the place."""
    return msgspec.yaml.decode(file.read_bytes(), type=list[Dialogue])


def play(conversations: Conversations, dialogue: Dialogue) -> Failure | None:
    """Have the conversation; the first thing that is not as expected, None when all is."""
    conversation = conversations.store.open_conversation("script", uuid.uuid4().hex, dialogue.language)
    for number, step in enumerate(dialogue.turns, 1):
        heard, effects = _take_turn(conversations, conversation, step, dialogue.language)
        for problem in _problems(step, heard, effects):
            return Failure(dialogue.name, number, problem, heard)
    return None


def _take_turn(
    conversations: Conversations, conversation: str, step: Step, language: str
) -> tuple[str, list[dict[str, Any]]]:
    choice = _pressed(conversations.store.offered(conversation), step.pressed)
    if step.pressed is not None and choice is None:
        return "", [{"missing choice": step.pressed}]
    intent = read_payload(choice.payload) if choice else Intent("conversation_started") if step.opened else None
    text = choice.title if choice else step.said or ""
    incoming = Incoming("script", "", uuid.uuid4().hex, text=text, intent=intent, conversation=conversation)
    received = conversations.receive(incoming, language=language)
    conversations.handle(conversation)
    replies, effects = conversations.store.answer_to(received.turn_id)
    said = [line for reply in replies for line in (reply.text, *(c["title"] for c in reply.choices))]
    return "\n".join(said), [{effect.name: effect.data} for effect in effects]


def _pressed(offered: list[Choice], title: str | None) -> Choice | None:
    return next((choice for choice in offered if choice.title == title), None)


def _problems(step: Step, heard: str, effects: list[dict[str, Any]]) -> Iterator[str]:
    words = heard.casefold()
    yield from (f"not offered: {step.pressed}" for effect in effects if "missing choice" in effect)
    yield from (f"expected: {wanted}" for wanted in step.expected if wanted.casefold() not in words)
    yield from (f"not expected: {wrong}" for wrong in step.not_expected if wrong.casefold() in words)
    for effect in step.effects or []:
        if effect not in effects:
            yield f"effect {effect} is missing, there are {effects}"
    if not heard:
        yield "nothing was said"
