"""The portal's tables: contacts, conversations, turns, replies, deliveries, effects, calls, and Rasa's trackers.

The inbox (`turns`) and what was said (`replies`) are the truth; `seq` numbers both in the order of
the conversation. All moments are in UTC.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, DateTime, ForeignKey, Index, MetaData, String, Text, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from bot.turns import utc_now

NAMES = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


# Deliveries that somebody still looks after. Queries that name it in these words find its index, however many are sent.
UNSETTLED = text("state IN ('queued', 'sending', 'unclear', 'held', 'failed')")
TAKEN_BACK = text("forget_at IS NOT NULL")


class Base(DeclarativeBase):
    """Base of the portal's tables; constraint names are fixed so that migrations find them."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {dict[str, Any]: JSON, list[Any]: JSON, datetime: DateTime(timezone=True)}


class ContactRow(Base):
    """A person we talk to, known by channel and address; perhaps linked to a customer."""

    __tablename__ = "contacts"
    __table_args__ = (UniqueConstraint("channel", "address"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(String(20))
    address: Mapped[str] = mapped_column(doc="number or id within the channel")
    customer: Mapped[str | None] = mapped_column(index=True, doc="the shop's customer number")
    proof_level: Mapped[str | None] = mapped_column(doc="hint or proven")
    last_turn_at: Mapped[datetime | None] = mapped_column(doc="opens the time in which we may write freely")
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class ConversationRow(Base):
    """One customer's matter; `held_by` is bot, queued or assigned; `last_seq` counts its turns and replies."""

    __tablename__ = "conversations"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"), index=True)
    channel: Mapped[str] = mapped_column(String(20))
    language: Mapped[str] = mapped_column(String(2))
    language_chosen: Mapped[bool] = mapped_column(default=False, doc="the customer asked for it")
    held_by: Mapped[str] = mapped_column(String(10), default="bot")
    last_seq: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class TurnRow(Base):
    """One thing a customer said, as it was received; `state` is waiting, done, failed or dropped."""

    __tablename__ = "turns"
    __table_args__ = (
        UniqueConstraint("channel", "provider_id"),
        Index(
            "ix_turns_waiting",
            "state",
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
        Index("ix_turns_forget", "forget_at", sqlite_where=TAKEN_BACK, postgresql_where=TAKEN_BACK),
    )
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id"), index=True)
    channel: Mapped[str] = mapped_column(String(20))
    provider_id: Mapped[str] = mapped_column(String(200), doc="the channel's own id of the turn")
    seq: Mapped[int]
    text: Mapped[str] = mapped_column(Text)
    intent: Mapped[dict[str, Any] | None]
    phone_hint: Mapped[str | None]
    attachments: Mapped[list[Any]] = mapped_column(default=list)
    state: Mapped[str] = mapped_column(String(10), default="waiting")
    tries: Mapped[int] = mapped_column(default=0)
    received_at: Mapped[datetime] = mapped_column(default=utc_now)
    done_at: Mapped[datetime | None]
    forget_at: Mapped[datetime | None] = mapped_column(
        doc="taken back: what is left of it is looked for then once more"
    )


class ReplyRow(Base):
    """One thing said back for a turn; a notice that nobody asked for has no turn."""

    __tablename__ = "replies"
    __table_args__ = (UniqueConstraint("turn_id", "position"), Index("ix_replies_order", "conversation_id", "seq"))
    id: Mapped[int] = mapped_column(primary_key=True)
    turn_id: Mapped[str | None] = mapped_column(ForeignKey("turns.id"))
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id"))
    position: Mapped[int]
    seq: Mapped[int]
    text: Mapped[str] = mapped_column(Text)
    choices: Mapped[list[Any]]
    image: Mapped[str | None]
    link: Mapped[dict[str, Any] | None]
    location: Mapped[dict[str, Any] | None]
    language: Mapped[str] = mapped_column(String(2))
    said_at: Mapped[datetime] = mapped_column(default=utc_now)


class DeliveryRow(Base):
    """One form of a reply on its way to the customer; `number` is the order, `id` ours towards the provider.

    `state` is one of `bot.outbox_store`; `kind` is reply, notice or template; `why` is what became of it, in our words.
    A delivery under way has `next_at` as the moment from which its outcome counts as unclear.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        Index("ix_deliveries_conversation", "conversation_id", "number"),
        Index("ix_deliveries_provider", "channel", "provider_id"),
        Index("ix_deliveries_open", "state", "next_at", sqlite_where=UNSETTLED, postgresql_where=UNSETTLED),
    )
    number: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(String(32), unique=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id"))
    reply_id: Mapped[int | None] = mapped_column(ForeignKey("replies.id"))
    kind: Mapped[str] = mapped_column(String(10), default="reply")
    channel: Mapped[str] = mapped_column(String(20))
    address: Mapped[str]
    form: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(10), default="queued")
    tries: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime] = mapped_column(default=utc_now)
    provider_id: Mapped[str | None] = mapped_column(String(200))
    code: Mapped[str] = mapped_column(String(40), default="")
    why: Mapped[str] = mapped_column(String(200), default="")
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    sent_at: Mapped[datetime | None]


class ConsentRow(Base):
    """A contact said whether we may write unasked; the newest counts. `source` is word, provider or ops."""

    __tablename__ = "consents"
    __table_args__ = (UniqueConstraint("contact_id", "provider_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"))
    given: Mapped[bool]
    source: Mapped[str] = mapped_column(String(20))
    provider_id: Mapped[str] = mapped_column(String(200), doc="of the turn that said so")
    at: Mapped[datetime] = mapped_column(default=utc_now)


class EffectRow(Base):
    """What an action asked the portal to do for a turn."""

    __tablename__ = "effects"
    __table_args__ = (UniqueConstraint("turn_id", "position"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    turn_id: Mapped[str] = mapped_column(ForeignKey("turns.id"))
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id"), index=True)
    position: Mapped[int]
    name: Mapped[str] = mapped_column(String(20))
    data: Mapped[dict[str, Any]]
    at: Mapped[datetime] = mapped_column(default=utc_now)


class CallRow(Base):
    """A telephone call: its conversation, the step that comes next, and where it stands (`voice.calls`).

    `number` is the caller's in E.164, None when it is withheld or none.
    """

    __tablename__ = "calls"
    __table_args__ = (
        Index(
            "ix_calls_open",
            "began_at",
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )
    sid: Mapped[str] = mapped_column(String(34), primary_key=True, doc="Twilio's id of the call")
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id"), index=True)
    number: Mapped[str | None] = mapped_column(String(16))
    step: Mapped[int] = mapped_column(default=0)
    state: Mapped[dict[str, Any]]
    began_at: Mapped[datetime] = mapped_column(default=utc_now)
    ended_at: Mapped[datetime | None]


class CallStepRow(Base):
    """What a step of a call was answered with, while the call lasts; `digest` is of the request's parameters."""

    __tablename__ = "call_steps"
    sid: Mapped[str] = mapped_column(ForeignKey("calls.sid"), primary_key=True)
    step: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    digest: Mapped[str] = mapped_column(String(64))
    twiml: Mapped[str] = mapped_column(Text)


class TrackerRow(Base):
    """Rasa's tracker of a conversation: where its window starts and what was the state before."""

    __tablename__ = "trackers"
    conversation: Mapped[str] = mapped_column(String(64), primary_key=True)
    window_start: Mapped[int]
    state: Mapped[dict[str, Any]]


class TrackerEventRow(Base):
    """One event of Rasa's tracker, as JSON."""

    __tablename__ = "tracker_events"
    conversation: Mapped[str] = mapped_column(String(64), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    data: Mapped[str] = mapped_column(Text)
