"""The portal's queries: the inbox of turns, what was said, who holds a conversation.

The store is the only truth about a conversation; it works with the engine down. Every method is one
transaction, and none is open while the engine or a provider is called.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Text, cast, select, update
from sqlalchemy.orm import Session

from bot.channels.outlet import Form
from bot.database import despite_races, together, transaction
from bot.errors import BadRequest
from bot.inbox_store import (
    Received,
    Waiting,
    add_reply,
    add_turn,
    count_since,
    count_waiting,
    end_turn,
    find_turn,
    forget_words,
    latest_conversation,
    latest_replies,
    next_turn,
    open_window,
)
from bot.mistakes import consent
from bot.outbox_store import add_delivery
from bot.rows import effect_row, in_utc, reply_of
from bot.tables import TAKEN_BACK, ContactRow, ConversationRow, EffectRow, ReplyRow, TurnRow
from bot.turns import (
    Answer,
    Choice,
    Effect,
    Incoming,
    Intent,
    LanguageEffect,
    LearningEffect,
    Link,
    LinkEffect,
    Location,
    Reply,
    Turn,
    utc_now,
)

log = logging.getLogger(__name__)
OWN_PROCESS = ("terminal", "script")
# So long an answer may be under way: engine, fetching and listening have less together.
UNDER_WAY = timedelta(minutes=10)


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
    link: Link | None = None
    location: Location | None = None


class Store:
    """All queries of the portal on the database at `url`."""

    def __init__(self, url: str) -> None:
        self._url = url

    @property
    def url(self) -> str:
        """The database's URL."""
        return self._url

    def _session(self) -> AbstractContextManager[Session]:
        return transaction(self._url)

    def together(self) -> AbstractContextManager[None]:
        """What this thread asks for within it is one transaction."""
        return together(self._url)

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
            return latest_conversation(session, channel, address)

    def receive(
        self,
        incoming: Incoming,
        language: str,
        *,
        waiting_at_most: int | None,
        state: str = "waiting",
        opens_window: bool = False,
    ) -> Received:
        """Write a turn to the inbox once; a new contact or conversation begins with it in `language`.

        `opens_window`: we may write freely for a while, and what waited for that goes out. Raises `BadRequest` when
        `waiting_at_most` turns of the conversation are unanswered; None for no limit.
        """

        def receive() -> Received:
            with self._session() as session:
                received = self._receive(session, incoming, language, waiting_at_most, state)
                if opens_window and received.fresh:
                    open_window(session, received.conversation, incoming.at)
                return received

        return despite_races(receive)

    def _receive(
        self, session: Session, incoming: Incoming, language: str, waiting_at_most: int | None, state: str
    ) -> Received:
        if known := find_turn(session, incoming.channel, incoming.provider_id):
            return known
        conversation = self._conversation_of(session, incoming, language)
        if waiting_at_most is not None and count_waiting(session, conversation) >= waiting_at_most:
            raise BadRequest("too many unanswered messages", status=429, code="too_many")
        return add_turn(session, conversation, incoming, state)

    def turns_since(self, conversation: str, since: datetime) -> int:
        """How many turns of the conversation came after a moment."""
        with self._session() as session:
            return count_since(session, conversation, since)

    def conversation_of_turn(self, channel: str, provider_id: str) -> str | None:
        """Where a turn was said; None for an unknown one."""
        with self._session() as session:
            same = (TurnRow.channel == channel) & (TurnRow.provider_id == provider_id)
            return session.scalars(select(TurnRow.conversation_id).where(same)).one_or_none()

    def change(self, channel: str, provider_id: str, text: str, intent: Intent | None) -> None:
        """The customer changed a turn: what it says and means now; one that was taken back stays empty."""
        with self._session() as session:
            same = (TurnRow.channel == channel) & (TurnRow.provider_id == provider_id)
            has_content = (TurnRow.text != "") | (cast(TurnRow.attachments, Text) != "[]")
            meant = asdict(intent) if intent else None
            session.execute(update(TurnRow).where(same, has_content).values(text=text, intent=meant))

    def take_back(self, channel: str, provider_id: str) -> str | None:
        """The customer took a turn back: its content goes, and it is not answered unless that has begun already.

        Its id, None for an unknown one; it is to be forgotten elsewhere as well (`turns_to_forget`).
        """
        with self._session() as session:
            same = (TurnRow.channel == channel) & (TurnRow.provider_id == provider_id)
            untouched = same & (TurnRow.state == "waiting") & (TurnRow.tries == 0)
            session.execute(update(TurnRow).where(untouched).values(state="dropped", done_at=utc_now()))
            nothing: dict[str, Any] = {
                "text": "",
                "intent": None,
                "attachments": [],
                "forget_at": utc_now() + UNDER_WAY,
            }
            return session.scalars(update(TurnRow).where(same).values(**nothing).returning(TurnRow.id)).one_or_none()

    def forget_words(self, turn: str) -> None:
        """The words of a turn that was taken back leave what the engine remembers."""
        with self._session() as session:
            forget_words(session, turn)

    def turns_to_forget(self) -> list[str]:
        """Turns taken back a while ago: no answer to them is under way any more that could write them down again."""
        with self._session() as session:
            due = select(TurnRow.id).where(TAKEN_BACK, TurnRow.forget_at <= utc_now())
            return list(session.scalars(due.order_by(TurnRow.forget_at).limit(100)))

    def forgotten(self, turn: str, *, again_at: datetime | None = None) -> None:
        """Nothing is left of the turn, or it is looked at again."""
        with self._session() as session:
            session.execute(update(TurnRow).where(TurnRow.id == turn).values(forget_at=again_at))

    def _conversation_of(self, session: Session, incoming: Incoming, language: str) -> str:
        if incoming.former_address:
            _rename(session, incoming.channel, incoming.former_address, incoming.address)
        return incoming.conversation or conversation_with(session, incoming.channel, incoming.address, language)

    def next_turn(self, conversation: str) -> Waiting | None:
        """The conversation's oldest unanswered turn, counted as tried once more; None when there is none."""
        with self._session() as session:
            return next_turn(session, conversation)

    def put_back(self, turn: Turn) -> None:
        """The last try does not count: nobody was there to answer."""
        with self._session() as session:
            session.execute(update(TurnRow).where(TurnRow.id == turn.id).values(tries=TurnRow.tries - 1))

    def waiting_count(self, conversation: str) -> int:
        """How many turns of the conversation are unanswered."""
        with self._session() as session:
            return count_waiting(session, conversation)

    def waiting_conversations(self, off: Collection[str] = ()) -> list[str]:
        """All conversations with unanswered turns, without channels that are `off` or answer in their own process."""
        with self._session() as session:
            waiting = (TurnRow.state == "waiting") & TurnRow.channel.not_in((*OWN_PROCESS, *off))
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

    def finish(self, turn: Turn, answer: Answer, *, state: str = "done", forms: Sequence[Sequence[Form]] = ()) -> None:
        """Write replies, what goes out for each, and effects with the turn's end; a second time changes nothing."""
        with self._session() as session:
            if not end_turn(session, turn.id, state):
                return
            for position, reply in enumerate(answer.replies):
                row = add_reply(session, turn.conversation, reply, turn_id=turn.id, position=position)
                for form in forms[position] if forms else ():
                    add_delivery(session, turn.conversation, form, reply=row)
            for position, effect in enumerate(answer.effects):
                session.add(effect_row(turn, position, effect))
                self._apply(session, turn, effect)

    def notice(
        self, conversation: str, reply: Reply, forms: Sequence[Form], *, kind: str, at: datetime | None, why: str
    ) -> str:
        """Something said unasked, held until `at` if that is given, and why; the id of its first delivery."""
        with self._session() as session:
            row = add_reply(session, conversation, reply, turn_id=None, position=0)
            ids = [add_delivery(session, conversation, form, reply=row, kind=kind, at=at, why=why) for form in forms]
            return ids[0]

    def said_unasked_since(self, conversation: str, moment: datetime | None) -> bool:
        """Whether something was said unasked after a moment, or ever."""
        with self._session() as session:
            unasked = select(ReplyRow.id).where(ReplyRow.conversation_id == conversation, ReplyRow.turn_id.is_(None))
            recent = unasked.where(ReplyRow.said_at > moment) if moment else unasked
            return session.scalars(recent.limit(1)).first() is not None

    def contact_of(self, conversation: str) -> int:
        """Whose conversation it is."""
        with self._session() as session:
            return session.get_one(ConversationRow, conversation).contact_id

    def _apply(self, session: Session, turn: Turn, effect: Effect) -> None:
        conversation = session.get_one(ConversationRow, turn.conversation)
        if isinstance(effect, LanguageEffect):
            conversation.language, conversation.language_chosen = effect.code, True
        if isinstance(effect, LinkEffect):
            contact = session.get_one(ContactRow, conversation.contact_id)
            contact.customer, contact.proof_level = effect.customer, effect.level
            if effect.level == consent.PROVEN:
                consent.carry_over(session, contact)
        if isinstance(effect, LearningEffect):
            consent.note_of_conversation(session, conversation, given=effect.allowed)

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

    def offered(self, conversation: str) -> list[Choice]:
        """The choices of the latest replies, newest reply first; what was said unasked does not count."""
        with self._session() as session:
            return [Choice(**choice) for row in latest_replies(session, conversation) for choice in row.choices]


def contact_of(session: Session, channel: str, address: str) -> ContactRow:
    """The contact at this address, new or known, within an open transaction."""
    of_contact = (ContactRow.channel == channel) & (ContactRow.address == address)
    contact = session.scalars(select(ContactRow).where(of_contact)).one_or_none()
    if contact is None:
        contact = ContactRow(channel=channel, address=address)
        session.add(contact)
        session.flush()
    return contact


def begin_conversation(session: Session, channel: str, address: str, language: str) -> ConversationRow:
    """A new conversation with a contact, who is new or known, within an open transaction."""
    contact = contact_of(session, channel, address)
    conversation = ConversationRow(id=uuid.uuid4().hex, contact_id=contact.id, channel=channel, language=language)
    session.add(conversation)
    session.flush()
    return conversation


def conversation_with(session: Session, channel: str, address: str, language: str) -> str:
    """The contact's newest conversation or a first one, within an open transaction; two at once get the same."""
    if known := latest_conversation(session, channel, address):
        return known
    contact = contact_of(session, channel, address)
    # Whoever comes at the same moment waits here, then finds what the first one began.
    session.execute(update(ContactRow).where(ContactRow.id == contact.id).values(channel=ContactRow.channel))
    known = latest_conversation(session, channel, address)
    return known or begin_conversation(session, channel, address, language).id


def _rename(session: Session, channel: str, former: str, address: str) -> None:
    """A contact is known by another address from now on, if nobody is there yet."""
    taken = select(ContactRow.id).where(ContactRow.channel == channel, ContactRow.address == address)
    if session.scalars(taken).first() is None:
        known = (ContactRow.channel == channel) & (ContactRow.address == former)
        session.execute(update(ContactRow).where(known).values(address=address))


def _reply_entry(row: ReplyRow) -> Entry:
    said = reply_of(row)
    return Entry(
        seq=row.seq,
        who="bot",
        id=str(row.id),
        text=row.text,
        language=row.language,
        at=in_utc(row.said_at),
        choices=said.choices,
        image=said.image,
        link=said.link,
        location=said.location,
    )


def _turn_entry(row: TurnRow, language: str) -> Entry:
    client_id = row.provider_id.rpartition(":")[2]
    return Entry(row.seq, "customer", client_id, row.text, language, in_utc(row.received_at))
