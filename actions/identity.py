"""Who is this, and how sure are we: references, proofs, locks.

A reference (order, invoice or customer number, or a known phone number) only claims a customer. The
claim becomes a proof with the postcode or the date of birth. A number nobody has and a wrong
postcode are told in the same words, so that nobody learns which numbers exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from actions.models import Customer, Invoice, Order, ProofAttempt, utc_now

TRIES_PER_CONVERSATION = 3
TRIES_PER_DAY = 10


@dataclass(frozen=True)
class Reference:
    """A number that claims a customer; `kind` is order, invoice, customer or phone."""

    kind: str
    number: str

    def customer(self, session: Session) -> Customer | None:
        """The customer this reference claims to be, None when nobody has it."""
        match self.kind:
            case "order":
                order = session.get(Order, self.number)
                return order.customer if order else None
            case "invoice":
                invoice = session.get(Invoice, self.number)
                return invoice.customer if invoice else None
            case "customer":
                return session.get(Customer, self.number)
        found = session.scalars(select(Customer).where(Customer.phone == self.number)).all()
        return found[0] if len(found) == 1 else None


@dataclass(frozen=True)
class Proof:
    """What the customer offers to show who they are: a postcode or an ISO date of birth."""

    kind: str
    value: str

    def fits(self, customer: Customer) -> bool:
        """Whether the customer's data say the same."""
        if self.kind == "postcode":
            return self.value == customer.postcode
        return customer.birth_date is not None and self.value == customer.birth_date.isoformat()


def is_locked(session: Session, conversation: str, reference: Reference) -> bool:
    """Whether there were too many wrong proofs for this customer, here or anywhere today."""
    subject = _subject(session, reference)
    wrong = select(func.count()).select_from(ProofAttempt).where(ProofAttempt.subject == subject)
    here = session.scalar(wrong.where(ProofAttempt.conversation_id == conversation)) or 0
    today = session.scalar(wrong.where(ProofAttempt.at > utc_now() - timedelta(days=1))) or 0
    return here >= TRIES_PER_CONVERSATION or today >= TRIES_PER_DAY


def prove(session: Session, conversation: str, turn_id: str, reference: Reference, proof: Proof) -> Customer | None:
    """The customer if the proof fits the reference; a wrong proof is counted once per turn."""
    customer = reference.customer(session)
    if customer and proof.fits(customer) and not is_locked(session, conversation, reference):
        return customer
    if not session.scalar(select(ProofAttempt.id).where(ProofAttempt.turn_id == turn_id)):
        subject = _subject(session, reference)
        session.add(ProofAttempt(conversation_id=conversation, subject=subject, turn_id=turn_id))
        session.flush()
    return None


def _subject(session: Session, reference: Reference) -> str:
    customer = reference.customer(session)
    return customer.number if customer else reference.number
