"""Who we may write to unasked: consent per address, and how often that was used."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ScalarSelect, Select, func, select, update
from sqlalchemy.orm import Session

from bot.channels.events import Consent
from bot.database import despite_races, transaction
from bot.outbox_store import UNASKED, newest_consent
from bot.rows import in_utc
from bot.store import contact_of, conversation_with
from bot.tables import ConsentRow, ContactRow, ConversationRow, DeliveryRow
from bot.turns import utc_now


@dataclass(frozen=True)
class Reach:
    """How a contact can be written to; `consent` is None when they never said; moments in UTC."""

    channel: str
    address: str
    conversation: str
    language: str
    consent: bool | None
    last_turn_at: datetime | None
    notices_today: int


class Contacts:
    """Queries about contacts on the database at `url`."""

    def __init__(self, url: str) -> None:
        self._url = url

    def note_consent(self, consent: Consent, *, source: str) -> None:
        """Write down what a contact said, once; unasked deliveries that wait are given up when it was no."""
        despite_races(lambda: self._note(consent, source))

    def _note(self, consent: Consent, source: str) -> None:
        with transaction(self._url) as session:
            _note(session, consent, source)

    def find(self, channel: str, address: str) -> int:
        """The contact at this address, new or known."""
        return despite_races(lambda: self._find(channel, address))

    def _find(self, channel: str, address: str) -> int:
        with transaction(self._url) as session:
            return contact_of(session, channel, address).id

    def reach(self, contact: int, *, language: str) -> Reach | None:
        """How the contact can be written to, None when there is no such contact; `language` begins a conversation."""
        with transaction(self._url) as session:
            row = session.get(ContactRow, contact)
            if row is None:
                return None
            conversation = conversation_with(session, row.channel, row.address, language)
            return Reach(
                channel=row.channel,
                address=row.address,
                conversation=conversation,
                language=session.get_one(ConversationRow, conversation).language,
                consent=newest_consent(session, contact),
                last_turn_at=in_utc(row.last_turn_at) if row.last_turn_at else None,
                notices_today=_notices_since(session, contact, utc_now() - timedelta(days=1)),
            )

    def notices_sent(self, conversation: str, since: datetime) -> dict[int, datetime]:
        """When a part of what was said unasked went out since a moment, by the reply; to the conversation's contact."""
        with transaction(self._url) as session:
            contact = select(ConversationRow.contact_id).where(ConversationRow.id == conversation)
            theirs = DeliveryRow.conversation_id.in_(_conversations(contact.scalar_subquery()))
            sent = DeliveryRow.state.in_(("sent", "delivered", "read")) & (DeliveryRow.sent_at >= since)
            first = select(DeliveryRow.reply_id, func.min(DeliveryRow.sent_at)).group_by(DeliveryRow.reply_id)
            found = session.execute(first.where(theirs, sent, DeliveryRow.kind.in_(UNASKED))).tuples()
            return {reply: in_utc(at) for reply, at in found if reply is not None and at is not None}


def _notices_since(session: Session, contact: int, since: datetime) -> int:
    theirs = DeliveryRow.conversation_id.in_(_conversations(contact)) & DeliveryRow.kind.in_(UNASKED)
    recent = theirs & (DeliveryRow.created_at >= since) & (DeliveryRow.state != "dropped")
    return session.scalar(select(func.count(DeliveryRow.reply_id.distinct())).where(recent)) or 0


def _note(session: Session, consent: Consent, source: str) -> None:
    contact, own = contact_of(session, consent.channel, consent.address).id, consent.provider_id
    known = select(ConsentRow.id).where(ConsentRow.contact_id == contact, ConsentRow.provider_id == own)
    if session.scalars(known).first() is None:
        at = min(consent.at or utc_now(), utc_now())
        session.add(ConsentRow(contact_id=contact, given=consent.given, source=source, provider_id=own, at=at))
        session.flush()
        if not consent.given:
            _drop_notices(session, contact)


def _drop_notices(session: Session, contact: int) -> None:
    theirs = DeliveryRow.conversation_id.in_(_conversations(contact)) & DeliveryRow.kind.in_(UNASKED)
    waiting = theirs & DeliveryRow.state.in_(("queued", "held", "unclear"))
    session.execute(update(DeliveryRow).where(waiting).values(state="dropped", why="the customer opted out"))


def _conversations(contact: int | ScalarSelect[int]) -> Select[tuple[str]]:
    return select(ConversationRow.id).where(ConversationRow.contact_id == contact)
