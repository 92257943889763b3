"""What customers were offered, and what they mean by a choice that they press or type.

A choice counts only where it was offered. One that answers its question (yes, no, one of several) counts only while
that question is the last one with choices.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.channels.outlet import Outlet
from bot.database import transaction
from bot.inbox_store import last_questions, latest_replies
from bot.rows import is_number, reply_of
from bot.tables import ReplyRow, TurnRow
from bot.turns import Choice, Incoming, Intent, Reply, Turn, read_payload

NUMBER = re.compile(r"\W*([1-9][0-9]?)\W*")
# Choices with these intents answer their question and mean nothing without it.
ANSWERS = ("affirm", "deny", "inform")
# The intent of a choice that answers a question which another one has followed.
CHOICE_IS_OLD = "choice_is_old"


@dataclass(frozen=True)
class Offer:
    """A reply with choices to a `turn`; `is_newest`: it belongs to the last answer of the conversation."""

    reply: Reply
    is_newest: bool
    turn: str


class Choices:
    """What choices mean, from the offers in the database at `url`."""

    def __init__(self, url: str) -> None:
        self._url = url

    def _session(self) -> AbstractContextManager[Session]:
        return transaction(self._url)

    def meant(self, conversation: str, incoming: Incoming, outlet: Outlet | None) -> Intent | None:
        """The choice that was pressed or typed, if it was offered here; None for free words."""
        offers = self._offers(conversation)
        pressed = self._by_id(conversation, incoming.choice) if incoming.choice else None
        if pressed:
            return self._now(conversation, *pressed, offers)
        choice = _typed(offers, incoming.text, outlet) if incoming.text else None
        return intent_of(choice) if choice else None

    def pressed(self, conversation: str, reply_id: str, index: int) -> tuple[Choice, Intent | None] | None:
        """The choice at `index` of a reply and what it means now; None when this conversation was not offered it."""
        found = self._at(conversation, reply_id, index)
        return (found[1], self._now(conversation, *found, self._offers(conversation))) if found else None

    def given(self, conversation: str, payload: str) -> Intent | None:
        """What the choice with this payload means now; None when it was not offered lately."""
        offers = self._offers(conversation)
        for offer in offers:
            for choice in offer.reply.choices:
                if choice.payload == payload:
                    return self._now(conversation, offer.reply, choice, offers)
        return None

    def came_too_late(self, turn: Turn) -> bool:
        """Whether a turn that answers a question waited until another one was asked; callers hear what they answer."""
        if turn.intent is None or turn.intent.name not in ANSWERS or turn.channel == "voice":
            return False
        with self._session() as session:
            came = session.scalars(select(TurnRow.seq).where(TurnRow.id == turn.id)).one()
            asked = last_questions(session, turn.conversation)
            before = [row for row in asked if row.seq < came]
            if len(before) == len(asked):
                return False
            return not before or _in_first_answer(before).isdisjoint(_in_first_answer(asked))

    def _now(self, conversation: str, offered: Reply, choice: Choice, offers: Sequence[Offer]) -> Intent | None:
        """What a choice means now; the answer to a question that another one has followed is none to that one."""
        intent = intent_of(choice)
        if intent is None or intent.name not in ANSWERS:
            return intent
        asked = offers or self._last_offers(conversation)
        is_asked = any(offer.reply.text == offered.text for offer in asked if offer.turn == asked[0].turn)
        return intent if is_asked else Intent(CHOICE_IS_OLD)

    def _offers(self, conversation: str) -> list[Offer]:
        """The latest replies with choices, newest first; what was said unasked does not count."""
        with self._session() as session:
            rows = latest_replies(session, conversation)
            return [Offer(reply_of(row), row.turn_id == rows[0].turn_id, row.turn_id) for row in rows if row.choices]

    def _last_offers(self, conversation: str) -> list[Offer]:
        """As `_offers`, however long ago they were made."""
        with self._session() as session:
            rows = last_questions(session, conversation)
            return [Offer(reply_of(row), is_newest=False, turn=str(row.turn_id)) for row in rows]

    def _at(self, conversation: str, reply_id: str, index: int) -> tuple[Reply, Choice] | None:
        if not is_number(reply_id):
            return None
        with self._session() as session:
            row = session.get(ReplyRow, int(reply_id))
            if row is None or row.conversation_id != conversation or not 0 <= index < len(row.choices):
                return None
            return reply_of(row), Choice(**row.choices[index])

    def _by_id(self, conversation: str, given: str) -> tuple[Reply, Choice] | None:
        """The choice with this id (`bot.channels.outlet.choice_id`) and where it was offered."""
        turn_id, _, rest = given.partition(".")
        position, _, index = rest.partition(".")
        if not (is_number(position) and is_number(index)):
            return None
        with self._session() as session:
            of_turn = (ReplyRow.turn_id == turn_id) & (ReplyRow.position == int(position))
            row = session.scalars(select(ReplyRow).where(of_turn, ReplyRow.conversation_id == conversation)).first()
            return (reply_of(row), Choice(**row.choices[int(index)])) if row and int(index) < len(row.choices) else None


def intent_of(choice: Choice) -> Intent | None:
    """What a choice stands for; None for one without a payload that we can read, which counts by its words."""
    try:
        return read_payload(choice.payload)
    except ValueError:
        return None


def _typed(offers: Sequence[Offer], text: str, outlet: Outlet | None) -> Choice | None:
    """The choice with this title, or with this number where choices are numbered."""
    for choice in (choice for offer in offers for choice in offer.reply.choices):
        if choice.title.casefold() == text.casefold():
            return choice
    number = NUMBER.fullmatch(text)
    if not (number and outlet and offers and offers[0].is_newest and outlet.numbers_choices(offers[0].reply)):
        return None
    choices, index = offers[0].reply.choices, int(number[1]) - 1
    return choices[index] if index < len(choices) else None


def _in_first_answer(replies: Sequence[ReplyRow]) -> set[str]:
    """What was asked in the same answer as the first of these replies."""
    return {row.text for row in replies if row.turn_id == replies[0].turn_id}
