"""The portal's queries: the inbox of turns, what was said, who holds a conversation.

The store is the only truth about a conversation; it works with the engine down. Every method is one
transaction, and none is open while the engine or a provider is called.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bot.channels.outlet import Form
from bot.database import transaction
from bot.errors import BadRequest
from bot.outbox_store import add_delivery, release_window
from bot.rows import effect_row, in_utc, is_number, reply_of, turn_of
from bot.tables import ContactRow, ConversationRow, EffectRow, ReplyRow, TurnRow
from bot.turns import (
    Answer,
    Choice,
    Effect,
    Incoming,
    Intent,
    LanguageEffect,
    Link,
    LinkEffect,
    Location,
    Reply,
    Turn,
    utc_now,
)

log = logging.getLogger(__name__)
LATEST_OFFERS = 5
OWN_PROCESS = ("terminal", "script")
MOST_RACES = 4
T = TypeVar("T")


@dataclass(frozen=True)
class Received:
    """A turn in the inbox; `fresh` is False when it had been delivered before, `state` as in `bot.tables.TurnRow`."""

    turn_id: str
    conversation: str
    seq: int
    fresh: bool
    state: str = "waiting"


@dataclass(frozen=True)
class Waiting:
    """An unanswered turn: how often it was tried, whether its language was chosen, whether the talk goes on already.

    `address` is the customer's, `provider_id` the channel's id of the turn.
    """

    turn: Turn
    tries: int
    language_chosen: bool
    goes_on: bool
    address: str
    provider_id: str


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


@dataclass(frozen=True)
class Offer:
    """A reply with choices to a `turn`; `is_newest`: it belongs to the last answer of the conversation."""

    reply: Reply
    is_newest: bool
    turn: str


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
            return latest_conversation(session, channel, address)

    def receive(
        self,
        incoming: Incoming,
        language: str,
        *,
        waiting_at_most: int,
        state: str = "waiting",
        opens_window: bool = False,
    ) -> Received:
        """Write a turn to the inbox once; a new contact or conversation begins with it in `language`.

        `opens_window`: we may write freely for a while, and what waited for that goes out. Raises `BadRequest` when
        `waiting_at_most` turns of the conversation are unanswered.
        """

        def receive() -> Received:
            with self._session() as session:
                received = self._receive(session, incoming, language, waiting_at_most, state)
                if opens_window and received.fresh:
                    _open_window(session, received.conversation, incoming.at)
                return received

        return despite_races(receive)

    def _receive(
        self, session: Session, incoming: Incoming, language: str, waiting_at_most: int, state: str
    ) -> Received:
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
            attachments=[asdict(attachment) for attachment in incoming.attachments],
            state=state,
            received_at=utc_now(),
        )
        session.add(turn)
        session.flush()
        return Received(turn.id, conversation, turn.seq, fresh=True, state=state)

    def turns_since(self, conversation: str, since: datetime) -> int:
        """How many turns of the conversation came after a moment."""
        with self._session() as session:
            recent = (TurnRow.conversation_id == conversation) & (TurnRow.received_at > since)
            return session.scalar(select(func.count()).select_from(TurnRow).where(recent)) or 0

    def conversation_of_turn(self, channel: str, provider_id: str) -> str | None:
        """Where a turn was said; None for an unknown one."""
        with self._session() as session:
            same = (TurnRow.channel == channel) & (TurnRow.provider_id == provider_id)
            return session.scalars(select(TurnRow.conversation_id).where(same)).one_or_none()

    def change(self, channel: str, provider_id: str, text: str, intent: Intent | None) -> None:
        """The customer changed a turn: what it says and means now."""
        with self._session() as session:
            same = (TurnRow.channel == channel) & (TurnRow.provider_id == provider_id)
            meant = asdict(intent) if intent else None
            session.execute(update(TurnRow).where(same).values(text=text, intent=meant))

    def take_back(self, channel: str, provider_id: str) -> None:
        """The customer took a turn back: its content goes, and it is not answered unless that has begun already."""
        with self._session() as session:
            same = (TurnRow.channel == channel) & (TurnRow.provider_id == provider_id)
            session.execute(update(TurnRow).where(same).values(text="", intent=None, attachments=[]))
            untouched = same & (TurnRow.state == "waiting") & (TurnRow.tries == 0)
            session.execute(update(TurnRow).where(untouched).values(state="dropped", done_at=utc_now()))

    def _received(self, session: Session, incoming: Incoming) -> Received | None:
        same = (TurnRow.channel == incoming.channel) & (TurnRow.provider_id == incoming.provider_id)
        turn = session.scalars(select(TurnRow).where(same)).one_or_none()
        return Received(turn.id, turn.conversation_id, turn.seq, fresh=False, state=turn.state) if turn else None

    def _conversation_of(self, session: Session, incoming: Incoming, language: str) -> str:
        if incoming.former_address:
            _rename(session, incoming.channel, incoming.former_address, incoming.address)
        return incoming.conversation or conversation_with(session, incoming.channel, incoming.address, language)

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
            address = session.get_one(ContactRow, row.contact_id).address
            talk = turn_of(turn, row.language)
            return Waiting(talk, turn.tries, row.language_chosen, goes_on, address, turn.provider_id)

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
            ended = {"state": state, "done_at": utc_now()}
            open_turn = (TurnRow.id == turn.id) & (TurnRow.state == "waiting")
            if session.execute(update(TurnRow).where(open_turn).values(**ended)).rowcount == 0:  # type: ignore[attr-defined]
                return
            for position, reply in enumerate(answer.replies):
                row = _write_reply(session, turn.conversation, reply, turn_id=turn.id, position=position)
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
            row = _write_reply(session, conversation, reply, turn_id=None, position=0)
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
        if not is_number(reply_id):
            return None
        with self._session() as session:
            row = session.get(ReplyRow, int(reply_id))
            if row is None or row.conversation_id != conversation or not 0 <= index < len(row.choices):
                return None
            return Choice(**row.choices[index])

    def choice_by_id(self, conversation: str, given: str) -> tuple[Reply, Choice] | None:
        """The choice with this id (`bot.channels.outlet.choice_id`) if this conversation was offered it, and where."""
        turn_id, _, rest = given.partition(".")
        position, _, index = rest.partition(".")
        if not (is_number(position) and is_number(index)):
            return None
        with self._session() as session:
            of_turn = (ReplyRow.turn_id == turn_id) & (ReplyRow.position == int(position))
            row = session.scalars(select(ReplyRow).where(of_turn, ReplyRow.conversation_id == conversation)).first()
            return (reply_of(row), Choice(**row.choices[int(index)])) if row and int(index) < len(row.choices) else None

    def offers(self, conversation: str) -> list[Offer]:
        """The latest replies with choices, newest first; what was said unasked does not count."""
        with self._session() as session:
            latest = select(ReplyRow).where(ReplyRow.conversation_id == conversation, ReplyRow.turn_id.is_not(None))
            rows = session.scalars(latest.order_by(ReplyRow.seq.desc()).limit(LATEST_OFFERS)).all()
            return [
                Offer(reply_of(row), row.turn_id == rows[0].turn_id, row.turn_id or "") for row in rows if row.choices
            ]

    def offered(self, conversation: str) -> list[Choice]:
        """The choices of the latest replies, newest reply first."""
        return [choice for offer in self.offers(conversation) for choice in offer.reply.choices]


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


def latest_conversation(session: Session, channel: str, address: str) -> str | None:
    """The contact's newest conversation, within an open transaction."""
    of_contact = (ContactRow.channel == channel) & (ContactRow.address == address)
    newest = select(ConversationRow.id).join(ContactRow).where(of_contact)
    return session.scalars(newest.order_by(ConversationRow.created_at.desc()).limit(1)).one_or_none()


def conversation_with(session: Session, channel: str, address: str, language: str) -> str:
    """The contact's newest conversation or a first one, within an open transaction; two at once get the same."""
    if known := latest_conversation(session, channel, address):
        return known
    contact = contact_of(session, channel, address)
    # Whoever comes at the same moment waits here, then finds what the first one began.
    session.execute(update(ContactRow).where(ContactRow.id == contact.id).values(channel=ContactRow.channel))
    known = latest_conversation(session, channel, address)
    return known or begin_conversation(session, channel, address, language).id


def despite_races(work: Callable[[], T]) -> T:
    """What the work gives; it is done again when somebody else wrote the same row first."""
    for _ in range(MOST_RACES):
        try:
            return work()
        except IntegrityError:
            log.debug("somebody was faster")
    return work()


def _open_window(session: Session, conversation: str, at: datetime | None) -> None:
    """The customer wrote at this moment, now if it is not known; never in the future."""
    now = utc_now()
    said = min(at or now, now)
    contact = session.get_one(ContactRow, session.get_one(ConversationRow, conversation).contact_id)
    if contact.last_turn_at is None or in_utc(contact.last_turn_at) < said:
        contact.last_turn_at = said
        release_window(session, conversation)


def _rename(session: Session, channel: str, former: str, address: str) -> None:
    """A contact is known by another address from now on, if nobody is there yet."""
    taken = select(ContactRow.id).where(ContactRow.channel == channel, ContactRow.address == address)
    if session.scalars(taken).first() is None:
        known = (ContactRow.channel == channel) & (ContactRow.address == former)
        session.execute(update(ContactRow).where(known).values(address=address))


def _write_reply(session: Session, conversation: str, reply: Reply, *, turn_id: str | None, position: int) -> int:
    row = ReplyRow(
        turn_id=turn_id,
        conversation_id=conversation,
        position=position,
        seq=_next_seq(session, conversation),
        text=reply.text,
        choices=[asdict(choice) for choice in reply.choices],
        image=reply.image,
        link=asdict(reply.link) if reply.link else None,
        location=asdict(reply.location) if reply.location else None,
        language=reply.language,
    )
    session.add(row)
    session.flush()
    return row.id


def _waiting(session: Session, conversation: str) -> int:
    wanted = (TurnRow.conversation_id == conversation) & (TurnRow.state == "waiting")
    return session.scalar(select(func.count()).select_from(TurnRow).where(wanted)) or 0


def _next_seq(session: Session, conversation: str) -> int:
    counted = update(ConversationRow).where(ConversationRow.id == conversation)
    raised = counted.values(last_seq=ConversationRow.last_seq + 1).returning(ConversationRow.last_seq)
    return int(session.execute(raised).scalar_one())


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
