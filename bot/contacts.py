"""Who we may write to unasked: consent per address, and how often that was used."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bot.channels.events import Consent
from bot.database import transaction
from bot.rows import in_utc
from bot.store import begin_conversation, contact_of, latest_conversation
from bot.tables import ConsentRow, ContactRow, ConversationRow, DeliveryRow
from bot.turns import utc_now

UNASKED = ("notice", "template")


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
        """Write down what a contact said; unasked deliveries that wait are given up when it was no."""
        try:
            with transaction(self._url) as session:
                contact = contact_of(session, consent.channel, consent.address)
                _write(session, contact.id, consent, source)
                if not consent.given:
                    _drop_notices(session, contact.id)
        except IntegrityError:
            return

    def find(self, channel: str, address: str) -> int:
        """The contact at this address, new or known."""
        with transaction(self._url) as session:
            return contact_of(session, channel, address).id

    def reach(self, contact: int, *, language: str) -> Reach | None:
        """How the contact can be written to, None when there is no such contact; `language` begins a conversation."""
        with transaction(self._url) as session:
            row = session.get(ContactRow, contact)
            if row is None:
                return None
            known = latest_conversation(session, row.channel, row.address)
            conversation = known or begin_conversation(session, row.channel, row.address, language).id
            return Reach(
                channel=row.channel,
                address=row.address,
                conversation=conversation,
                language=session.get_one(ConversationRow, conversation).language,
                consent=_consent(session, contact),
                last_turn_at=in_utc(row.last_turn_at) if row.last_turn_at else None,
                notices_today=_notices_since(session, contact, utc_now() - timedelta(days=1)),
            )


def _write(session: Session, contact: int, consent: Consent, source: str) -> None:
    session.add(ConsentRow(contact_id=contact, given=consent.given, source=source, provider_id=consent.provider_id))
    session.flush()


def _consent(session: Session, contact: int) -> bool | None:
    newest = select(ConsentRow.given).where(ConsentRow.contact_id == contact).order_by(ConsentRow.id.desc())
    return session.scalars(newest.limit(1)).first()


def _notices(contact: int) -> Select[tuple[DeliveryRow]]:
    joined = select(DeliveryRow).join(ConversationRow, ConversationRow.id == DeliveryRow.conversation_id)
    return joined.where(ConversationRow.contact_id == contact, DeliveryRow.kind.in_(UNASKED))


def _notices_since(session: Session, contact: int, since: datetime) -> int:
    recent = _notices(contact).where(DeliveryRow.created_at >= since, DeliveryRow.state != "dropped")
    return session.scalar(select(func.count()).select_from(recent.subquery())) or 0


def _drop_notices(session: Session, contact: int) -> None:
    for row in session.scalars(_notices(contact).where(DeliveryRow.state.in_(("queued", "held")))):
        row.state, row.why = "dropped", "the customer opted out"
