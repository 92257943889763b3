"""The tables of what went wrong. No words stand in them but masked ones."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from bot.tables import Base
from bot.turns import utc_now

IS_OPEN = text("decision IS NULL")


class MistakeRow(Base):
    """A sentence that went wrong, with what the model took it for; the same one again is counted, from `first_at` on.

    `key` is a digest of words, language and intent. `decision` is None while nobody decided, else a word of
    `bot.mistakes.review`, and `label` the intent that was chosen; `label` and who decided when stay when the sentence
    comes back. A deleted sentence has no text any more.
    """

    __tablename__ = "mistakes"
    __table_args__ = (Index("ix_mistakes_open", "count", sqlite_where=IS_OPEN, postgresql_where=IS_OPEN),)
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    text: Mapped[str] = mapped_column(Text, doc="masked")
    language: Mapped[str] = mapped_column(String(2))
    channel: Mapped[str] = mapped_column(String(20), doc="chat or voice")
    intent: Mapped[str] = mapped_column(doc="the likeliest one, empty when there was none")
    confidence: Mapped[float]
    ranking: Mapped[list[Any]] = mapped_column(doc="pairs of intent and confidence")
    suggested: Mapped[str | None] = mapped_column(doc="the intent that another model or the next turn speaks for")
    kinds: Mapped[list[Any]]
    count: Mapped[int] = mapped_column(default=0, doc="turns")
    first_at: Mapped[datetime] = mapped_column(default=utc_now)
    last_at: Mapped[datetime] = mapped_column(default=utc_now)
    decision: Mapped[str | None] = mapped_column(String(20))
    label: Mapped[str | None]
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]


class ReportRow(Base):
    """A turn that was reported for a reason, so that it is counted once."""

    __tablename__ = "mistake_reports"
    turn_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    mistake_id: Mapped[int] = mapped_column(ForeignKey("mistakes.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime] = mapped_column(default=utc_now)


class LearningConsentRow(Base):
    """Whether we may learn from somebody's words: a contact's, a customer's on every channel, or both; `source` is
    customer or ops.
    """

    __tablename__ = "learning_consents"
    id: Mapped[int] = mapped_column(primary_key=True)
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contacts.id"), index=True)
    customer: Mapped[str | None] = mapped_column(index=True, doc="the shop's customer number")
    given: Mapped[bool]
    source: Mapped[str] = mapped_column(String(20))
    at: Mapped[datetime] = mapped_column(default=utc_now)
