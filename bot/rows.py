"""Rows of the portal's tables from its values, and back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import Row

from bot.tables import EffectRow, ReplyRow, TurnRow
from bot.turns import Attachment, Choice, Effect, Intent, Link, Location, Reply, Turn, effect_name

LONGEST_NUMBER = 18


def turn_of(row: TurnRow | Row[Any], language: str) -> Turn:
    """The turn in a row of the inbox."""
    intent = msgspec.convert(row.intent, Intent) if row.intent else None
    return Turn(
        id=row.id,
        conversation=row.conversation_id,
        channel=row.channel,
        text=row.text,
        intent=intent,
        language=language,
        phone_hint=row.phone_hint,
        at=in_utc(row.received_at),
        attachments=tuple(msgspec.convert(row.attachments, list[Attachment])),
    )


def reply_of(row: ReplyRow | Row[Any]) -> Reply:
    """The reply in a row of what was said."""
    return Reply(
        text=row.text,
        choices=tuple(Choice(**choice) for choice in row.choices),
        image=row.image,
        language=row.language,
        link=msgspec.convert(row.link, Link) if row.link else None,
        location=msgspec.convert(row.location, Location) if row.location else None,
    )


def effect_row(turn: Turn, position: int, effect: Effect) -> EffectRow:
    """The row for one of a turn's effects."""
    data: dict[str, Any] = msgspec.to_builtins(effect)
    return EffectRow(
        turn_id=turn.id,
        conversation_id=turn.conversation,
        position=position,
        name=effect_name(effect),
        data=data,
    )


def in_utc(moment: datetime) -> datetime:
    """SQLite gives moments without a zone; they are UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def is_number(given: str) -> bool:
    """Whether it is digits that a column of numbers can hold."""
    return given.isascii() and given.isdecimal() and len(given) <= LONGEST_NUMBER
