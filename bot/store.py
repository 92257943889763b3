"""The portal's queries: the inbox of turns, what was said, who holds a conversation.

The store is the only truth about a conversation; it works with the engine down. Every method is one
transaction, and none is open while the engine or a provider is called.
"""

from __future__ import annotations

import logging
import uuid
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bot.database import transaction
from bot.errors import BadRequest
from bot.rows import effect_row, in_utc, turn_of
from bot.tables import ContactRow, ConversationRow, EffectRow, ReplyRow, TurnRow
from bot.turns import Answer, Choice, Effect, Incoming, LanguageEffect, LinkEffect, Turn, utc_now

log = logging.getLogger(__name__)
LATEST_OFFERS = 5
OWN_PROCESS = ("terminal", "script")


@dataclass(frozen=True)
class Received:
    """A turn in the inbox; `fresh` is False when it had been delivered before."""

    turn_id: str
    conversation: str
    seq: int
    fresh: bool


@dataclass(frozen=True)
class Waiting:
    """An unanswered turn: how often it was tried, whether its language was chosen, whether the talk goes on already."""

    turn: Turn
    tries: int
    language_chosen: bool
    goes_on: bool


@dataclass(frozen=True)
class Entry:
    """One line of a conversation as customers see it; `who` is customer, bot or agent."""

    seq: int
    who: str
    id: str
    text: str
    language: str
    at: datetime
    choices: tuple[Choice, ...] = ()
    image: str | None = None


class Store:
    """All queries of the portal on the database at `url`."""

    def __init__(self, url: str) -> None:
        self._url = url

    def _session(self) -> AbstractContextManager[Session]:
        return transaction(self._url)

    def check(self) -> None:
        """Raises `StoreError` when the database cannot be written."""
        with self._session() as session:
            session.execute(update(ConversationRow).where(ConversationRow.id == "").values(last_seq=0))

    def open_conversation(self, channel: str, address: str, language: str) -> str:
        """Begin a conversation with a contact; its id cannot be guessed."""
        with self._session() as session:
            return begin_conversation(session, channel, address, language).id

    def has_conversation(self, conversation: str) -> bool:
        """Whether there is this conversation."""
        with self._session() as session:
            return session.get(ConversationRow, conversation) is not None

    def latest_conversation(self, channel: str, address: str) -> str | None:
        """The contact's newest conversation."""
        with self._session() as session:
            return self._latest(session, channel, address)

    def receive(self, incoming: Incoming, language: str, *, waiting_at_most: int) -> Received:
        """Write a turn to the inbox once; a new contact or conversation begins with it in `language`.

        Raises `BadRequest` when `waiting_at_most` turns of the conversation are unanswered.
        """
        try:
            return self._receive(incoming, language, waiting_at_most)
        except IntegrityError:
            return self._receive(incoming, language, waiting_at_most)

    def _receive(self, incoming: Incoming, language: str, waiting_at_most: int) -> Received:
        with self._session() as session:
            if known := self._received(session, incoming):
                return known
            conversation = self._conversation_of(session, incoming, language)
            if _waiting(session, conversation) >= waiting_at_most:
                raise BadRequest("too many unanswered messages", status=429, code="too_many")
            turn = TurnRow(
                id=uuid.uuid4().hex,
                conversation_id=conversation,
                channel=incoming.channel,
                provider_id=incoming.provider_id,
                seq=_next_seq(session, conversation),
                text=incoming.text,
                intent=asdict(incoming.intent) if incoming.intent else None,
                phone_hint=incoming.phone_hint,
            )
            session.add(turn)
            session.flush()
            return Received(turn.id, conversation, turn.seq, fresh=True)

    def _received(self, session: Session, incoming: Incoming) -> Received | None:
        same = (TurnRow.channel == incoming.channel) & (TurnRow.provider_id == incoming.provider_id)
        turn = session.scalars(select(TurnRow).where(same)).one_or_none()
        return Received(turn.id, turn.conversation_id, turn.seq, fresh=False) if turn else None

    def _conversation_of(self, session: Session, incoming: Incoming, language: str) -> str:
        if incoming.conversation:
            return incoming.conversation
        latest = self._latest(session, incoming.channel, incoming.address)
        return latest or begin_conversation(session, incoming.channel, incoming.address, language).id

    def _latest(self, session: Session, channel: str, address: str) -> str | None:
        of_contact = (ContactRow.channel == channel) & (ContactRow.address == address)
        newest = select(ConversationRow.id).join(ContactRow).where(of_contact)
        return session.scalars(newest.order_by(ConversationRow.created_at.desc()).limit(1)).one_or_none()

    def next_turn(self, conversation: str) -> Waiting | None:
        """The conversation's oldest unanswered turn, counted as tried once more; None when there is none."""
        with self._session() as session:
            wanted = (TurnRow.conversation_id == conversation) & (TurnRow.state == "waiting")
            turn = session.scalars(select(TurnRow).where(wanted).order_by(TurnRow.seq).limit(1)).first()
            if turn is None:
                return None
            row = session.get_one(ConversationRow, conversation)
            turn.tries += 1
            goes_on = turn.seq > 1 and self._has_answered(session, conversation)
            return Waiting(turn_of(turn, row.language), turn.tries, row.language_chosen, goes_on)

    def put_back(self, turn: Turn) -> None:
        """The last try does not count: nobody was there to answer."""
        with self._session() as session:
            session.execute(update(TurnRow).where(TurnRow.id == turn.id).values(tries=TurnRow.tries - 1))

    def _has_answered(self, session: Session, conversation: str) -> bool:
        wanted = (TurnRow.conversation_id == conversation) & (TurnRow.state == "done") & (TurnRow.text != "")
        return session.scalars(select(TurnRow.id).where(wanted).limit(1)).first() is not None

    def waiting_count(self, conversation: str) -> int:
        """How many turns of the conversation are unanswered."""
        with self._session() as session:
            return _waiting(session, conversation)

    def waiting_conversations(self) -> list[str]:
        """All conversations with unanswered turns, without those that another process answers itself."""
        with self._session() as session:
            waiting = (TurnRow.state == "waiting") & TurnRow.channel.not_in(OWN_PROCESS)
            return list(session.scalars(select(TurnRow.conversation_id).where(waiting).distinct()))

    def state_of(self, turn_id: str) -> str:
        """Whether the turn is waiting, done, failed or dropped."""
        with self._session() as session:
            return session.scalars(select(TurnRow.state).where(TurnRow.id == turn_id)).one()

    def drop_waiting(self, conversation: str) -> None:
        """Nobody waits for these answers any more; what the engine still says to them is not kept."""
        with self._session() as session:
            wanted = (TurnRow.conversation_id == conversation) & (TurnRow.state == "waiting")
            session.execute(update(TurnRow).where(wanted).values(state="dropped", done_at=utc_now()))

    def finish(self, turn: Turn, answer: Answer, *, state: str = "done") -> None:
        """Write replies and effects together with the turn's end; a second time changes nothing."""
        with self._session() as session:
            ended = {"state": state, "done_at": utc_now()}
            open_turn = (TurnRow.id == turn.id) & (TurnRow.state == "waiting")
            if session.execute(update(TurnRow).where(open_turn).values(**ended)).rowcount == 0:  # type: ignore[attr-defined]
                return
            self._write_replies(session, turn, answer)
            for position, effect in enumerate(answer.effects):
                session.add(effect_row(turn, position, effect))
                self._apply(session, turn, effect)

    def _write_replies(self, session: Session, turn: Turn, answer: Answer) -> None:
        for position, reply in enumerate(answer.replies):
            session.execute(
                insert(ReplyRow).values(
                    turn_id=turn.id,
                    conversation_id=turn.conversation,
                    position=position,
                    seq=_next_seq(session, turn.conversation),
                    text=reply.text,
                    choices=[asdict(choice) for choice in reply.choices],
                    image=reply.image,
                    language=reply.language,
                )
            )

    def _apply(self, session: Session, turn: Turn, effect: Effect) -> None:
        conversation = session.get_one(ConversationRow, turn.conversation)
        if isinstance(effect, LanguageEffect):
            conversation.language, conversation.language_chosen = effect.code, True
        if isinstance(effect, LinkEffect):
            contact = session.get_one(ContactRow, conversation.contact_id)
            contact.customer, contact.proof_level = effect.customer, effect.level

    def language(self, conversation: str) -> tuple[str, bool]:
        """The conversation's language, and whether the customer chose it."""
        with self._session() as session:
            row = session.get_one(ConversationRow, conversation)
            return row.language, row.language_chosen

    def speak(self, conversation: str, language: str) -> None:
        """Go on in this language."""
        with self._session() as session:
            session.get_one(ConversationRow, conversation).language = language

    def answer_to(self, turn_id: str) -> tuple[list[ReplyRow], list[EffectRow]]:
        """What was said and asked for the turn, in order."""
        with self._session() as session:
            replies = session.scalars(select(ReplyRow).where(ReplyRow.turn_id == turn_id).order_by(ReplyRow.position))
            effects = session.scalars(
                select(EffectRow).where(EffectRow.turn_id == turn_id).order_by(EffectRow.position)
            )
            found = list(replies), list(effects)
            session.expunge_all()
            return found

    def entries(self, conversation: str, after: int = 0) -> list[Entry]:
        """What customer and portal said after `after`, in order; the portal's own structured turns are left out."""
        with self._session() as session:
            row = session.get_one(ConversationRow, conversation)
            now = row.last_seq
            said = select(ReplyRow).where(ReplyRow.conversation_id == conversation, ReplyRow.seq > after)
            heard = select(TurnRow).where(TurnRow.conversation_id == conversation, TurnRow.seq > after)
            replies = session.scalars(said.where(ReplyRow.seq <= now))
            turns = session.scalars(heard.where(TurnRow.seq <= now, TurnRow.text != ""))
            entries = [*map(_reply_entry, replies), *(_turn_entry(turn, row.language) for turn in turns)]
        return sorted(entries, key=lambda entry: entry.seq)

    def choice(self, conversation: str, reply_id: str, index: int) -> Choice | None:
        """A choice that this conversation was offered, None when it was not."""
        if not reply_id.isdecimal() or len(reply_id) > 18:
            return None
        with self._session() as session:
            row = session.get(ReplyRow, int(reply_id))
            if row is None or row.conversation_id != conversation or not 0 <= index < len(row.choices):
                return None
            return Choice(**row.choices[index])

    def offered(self, conversation: str) -> list[Choice]:
        """The choices of the latest replies, newest reply first."""
        with self._session() as session:
            latest = select(ReplyRow.choices).where(ReplyRow.conversation_id == conversation)
            found = session.scalars(latest.order_by(ReplyRow.seq.desc()).limit(LATEST_OFFERS)).all()
        return [Choice(**choice) for choices in found for choice in choices]


def begin_conversation(session: Session, channel: str, address: str, language: str) -> ConversationRow:
    """A new conversation with a contact, who is new or known, within an open transaction."""
    of_contact = (ContactRow.channel == channel) & (ContactRow.address == address)
    contact = session.scalars(select(ContactRow).where(of_contact)).one_or_none()
    if contact is None:
        contact = ContactRow(channel=channel, address=address)
        session.add(contact)
        session.flush()
    conversation = ConversationRow(id=uuid.uuid4().hex, contact_id=contact.id, channel=channel, language=language)
    session.add(conversation)
    session.flush()
    return conversation


def _waiting(session: Session, conversation: str) -> int:
    wanted = (TurnRow.conversation_id == conversation) & (TurnRow.state == "waiting")
    return session.scalar(select(func.count()).select_from(TurnRow).where(wanted)) or 0


def _next_seq(session: Session, conversation: str) -> int:
    counted = update(ConversationRow).where(ConversationRow.id == conversation)
    raised = counted.values(last_seq=ConversationRow.last_seq + 1).returning(ConversationRow.last_seq)
    return int(session.execute(raised).scalar_one())


def _reply_entry(row: ReplyRow) -> Entry:
    choices = tuple(Choice(**choice) for choice in row.choices)
    return Entry(row.seq, "bot", str(row.id), row.text, row.language, in_utc(row.said_at), choices, row.image)


def _turn_entry(row: TurnRow, language: str) -> Entry:
    client_id = row.provider_id.rpartition(":")[2]
    return Entry(row.seq, "customer", client_id, row.text, language, in_utc(row.received_at))
