"""Rows of the portal's tables from its values, and back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from bot.tables import EffectRow, TurnRow
from bot.turns import Effect, Intent, Turn, effect_name


def turn_of(row: TurnRow, language: str) -> Turn:
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
