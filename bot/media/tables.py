"""The table of what came with customers' turns."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from bot.tables import Base
from bot.turns import utc_now

# Queries that name it in these words find its index, however many files are gone.
KEPT = sql("state = 'kept'")


class MediaRow(Base):
    """What became of one attachment of a turn; `file` is below the media folder, `text` what a voice note says."""

    __tablename__ = "media"
    __table_args__ = (
        UniqueConstraint("turn_id", "position"),
        Index("ix_media_kept", "at", sqlite_where=KEPT, postgresql_where=KEPT),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    turn_id: Mapped[str] = mapped_column(ForeignKey("turns.id"))
    position: Mapped[int]
    kind: Mapped[str] = mapped_column(String(20), doc="as in `bot.turns.Attachment`")
    state: Mapped[str] = mapped_column(String(10), doc="kept, refused, failed, or gone: it was kept")
    why: Mapped[str] = mapped_column(String(20), default="", doc="a fixed word, empty when it is kept")
    media_type: Mapped[str] = mapped_column(String(40), default="", doc="what the first bytes say")
    bytes: Mapped[int] = mapped_column(default=0)
    sha256: Mapped[str] = mapped_column(String(64), default="")
    file: Mapped[str] = mapped_column(String(80), default="")
    text: Mapped[str] = mapped_column(Text, default="")
    at: Mapped[datetime] = mapped_column(default=utc_now)
