"""Whether we may learn from a customer's words: the newest that was said about it counts, and a no deletes.

Who notes or asks holds the contacts' rows first, so that nothing is kept beside a refusal that is being noted.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, String, case, cast, exists, func, literal, select, update
from sqlalchemy import delete as remove
from sqlalchemy.orm import Session

from bot.mistakes.tables import LearningConsentRow, MistakeRow, ReportRow
from bot.tables import ContactRow, ConversationRow, EffectRow, TurnRow

Source = Literal["customer", "ops"]
PROVEN = "proven"
FORGOTTEN = "forgotten"
OUT_OF_SCOPE = "out_of_scope"


def note_of_conversation(session: Session, conversation: ConversationRow, *, given: bool) -> None:
    """The customer said so; who has proven in this conversation who they are says it for all their channels."""
    contact = session.get_one(ContactRow, conversation.contact_id)
    customer = contact.customer if _proved(session, conversation, contact) else None
    whose = _same_person(contact.id, customer)
    hold(session, whose)
    _note(session, contact.id, customer, given=given, source="customer")
    if not given:
        forget(session, whose)


def note_of_customer(session: Session, customer: str, *, given: bool) -> int:
    """Somebody says it for the customer with this number, such as after a letter; how many sentences went."""
    whose = ever(customer)
    hold(session, whose)
    _note(session, None, customer, given=given, source="ops")
    return 0 if given else forget(session, whose)


def ever(customer: str) -> ColumnElement[bool]:
    """The contacts that are taken for a customer, and those that had proven to be one before they proved another."""
    linked = EffectRow.data["customer"].as_string() == customer, EffectRow.data["level"].as_string() == PROVEN
    proved = select(EffectRow.conversation_id).where(EffectRow.name == "link", *linked)
    then = select(ConversationRow.contact_id).where(ConversationRow.id.in_(proved))
    return (ContactRow.customer == customer) | ContactRow.id.in_(then)


def carry_over(session: Session, contact: ContactRow) -> None:
    """The contact has proven to be a customer: what it refused before holds for all the customer's channels."""
    own = select(LearningConsentRow).where(LearningConsentRow.contact_id == contact.id)
    newest = session.scalars(own.order_by(LearningConsentRow.id.desc()).limit(1)).first()
    if newest is not None and not newest.given and newest.customer != contact.customer:
        whose = _same_person(contact.id, contact.customer)
        hold(session, whose)
        _note(session, contact.id, contact.customer, given=False, source="customer")
        forget(session, whose)


def given_by(session: Session, contact: ContactRow, *, until: datetime | None = None) -> bool | None:
    """What the contact, or the customer it is taken for, said last, or last until then; None when they never did."""
    about = LearningConsentRow.contact_id == contact.id
    if contact.customer is not None:
        about |= LearningConsentRow.customer == contact.customer
    newest = select(LearningConsentRow.given).where(about).order_by(LearningConsentRow.id.desc()).limit(1)
    return session.scalars(newest.where(LearningConsentRow.at <= until) if until else newest).first()


def hold(session: Session, whose: ColumnElement[bool]) -> None:
    """Nobody else notes or asks about these contacts until the transaction is over."""
    session.execute(update(ContactRow).where(whose).values(channel=ContactRow.channel))


def forget(session: Session, whose: ColumnElement[bool]) -> int:
    """Delete what was taken in from the turns of these contacts; how many sentences nobody else had said.

    Their rows stay without a word, so that no other sentence gets the number of one that somebody may be deciding on.
    """
    theirs = select(TurnRow.id).join(ConversationRow).join(ContactRow).where(whose)
    gone = remove(ReportRow).where(ReportRow.turn_id.in_(theirs)).returning(ReportRow.mistake_id)
    touched = set(session.scalars(gone))
    recount(session, touched)
    nobodys = MistakeRow.id.in_(touched) & ~exists().where(ReportRow.mistake_id == MistakeRow.id)
    nothing: dict[str, object] = {"text": "", "ranking": [], "suggested": None, "decision": FORGOTTEN}
    key = literal(f"{FORGOTTEN} ") + cast(MistakeRow.id, String)
    forgotten = update(MistakeRow).where(nobodys, MistakeRow.text != "").values(key=key, **nothing)
    number = len(session.scalars(forgotten.returning(MistakeRow.id)).all())
    _decide_again(session, touched)
    return number


def recount(session: Session, mistakes: Collection[int]) -> None:
    """Count the turns that each of these sentences was reported for since it is undecided.

    One transaction after the other, as each counts the others' turns.
    """
    these = MistakeRow.id.in_(mistakes)
    session.execute(select(MistakeRow.id).where(these).order_by(MistakeRow.id).with_for_update(key_share=True))
    since = (ReportRow.mistake_id == MistakeRow.id) & (ReportRow.at >= MistakeRow.first_at)
    turns = select(func.count(ReportRow.turn_id.distinct())).where(since)
    session.execute(update(MistakeRow).where(these).values(count=turns.scalar_subquery()))


def _decide_again(session: Session, mistakes: Collection[int]) -> None:
    """What had come back for nobody else's turn is decided as it was before; the label that stayed says how."""
    back = MistakeRow.id.in_(mistakes) & MistakeRow.decision.is_(None) & (MistakeRow.count == 0)
    right, out_of_scope = MistakeRow.label == MistakeRow.intent, MistakeRow.label == OUT_OF_SCOPE
    before = case((right, "right"), (out_of_scope, OUT_OF_SCOPE), else_="intent")
    session.execute(update(MistakeRow).where(back, MistakeRow.label.is_not(None)).values(decision=before))


def _same_person(contact: int, customer: str | None) -> ColumnElement[bool]:
    itself = ContactRow.id == contact
    return itself if customer is None else itself | (ContactRow.customer == customer)


def _proved(session: Session, conversation: ConversationRow, contact: ContactRow) -> bool:
    links = select(EffectRow.data).where(EffectRow.conversation_id == conversation.id, EffectRow.name == "link")
    newest = session.scalars(links.order_by(EffectRow.id.desc()).limit(1)).first()
    return newest == {"customer": contact.customer, "level": PROVEN}


def _note(session: Session, contact: int | None, customer: str | None, *, given: bool, source: Source) -> None:
    session.add(LearningConsentRow(contact_id=contact, customer=customer, given=given, source=source))
    session.flush()
