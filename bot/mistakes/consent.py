"""Whether we may learn from a customer's words: the newest that was said about it counts."""

from __future__ import annotations

from typing import Literal

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from bot.mistakes.tables import LearningConsentRow
from bot.tables import ContactRow

Source = Literal["customer", "ops"]
PROVEN = "proven"


def note_of_contact(session: Session, contact: ContactRow, *, given: bool) -> None:
    """The contact said so; who has proven to be a customer says it for all their ways to reach us."""
    customer = contact.customer if contact.proof_level == PROVEN else None
    _note(session, contact.id, customer, given=given, source="customer")


def note_of_customer(session: Session, customer: str, *, given: bool) -> None:
    """Somebody says it for the customer with this number, such as after a letter."""
    _note(session, None, customer, given=given, source="ops")


def same_person(contact: ContactRow) -> ColumnElement[bool]:
    """The contact, with all others of the customer it has proven to be."""
    itself = ContactRow.id == contact.id
    return itself | (ContactRow.customer == contact.customer) if contact.proof_level == PROVEN else itself


def given_by(session: Session, contact: ContactRow) -> bool | None:
    """What the contact, or the customer it is taken for, said last; None when they never did."""
    about = LearningConsentRow.contact_id == contact.id
    if contact.customer is not None:
        about |= LearningConsentRow.customer == contact.customer
    newest = select(LearningConsentRow.given).where(about).order_by(LearningConsentRow.id.desc()).limit(1)
    return session.scalars(newest).first()


def _note(session: Session, contact: int | None, customer: str | None, *, given: bool, source: Source) -> None:
    session.add(LearningConsentRow(contact_id=contact, customer=customer, given=given, source=source))
    session.flush()
