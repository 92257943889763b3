"""Calls in the portal's database: where a call stands, and what each of its steps was answered with.

A step is one request of a call; the address that an answer names carries the number of the next one. What a step was
answered with is kept while the call lasts, so that a repeated request gets the same again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import msgspec
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bot.database import transaction
from bot.rows import in_utc
from bot.store import begin_conversation
from bot.tables import CallRow, CallStepRow
from bot.turns import Choice, utc_now

FORGOTTEN = timedelta(hours=4)


class Said(msgspec.Struct, frozen=True):
    """Words that were said, in their language."""

    text: str
    language: str


class Question(msgspec.Struct, frozen=True):
    """What the call was last asked: all that was said with it, the need behind it, and the choices with their keys."""

    said: tuple[Said, ...] = ()
    need: str = "open"
    choices: tuple[Choice, ...] = ()
    language: str = "de"


class CallState(msgspec.Struct):
    """Where a call stands between two steps.

    `misses` counts silence, no-match and low confidence in a row; `turn` is the engine's turn that is waited for and
    `fillers` how often the caller was asked to wait for it; `asked_back` says that low confidence was asked back once,
    `more_offered` that further help was offered; `last` is what the caller has just heard. `stage` is who leads: the
    engine (`talk`), the human who is dialled (`dial`), or the gateway itself, which takes down a callback's `number`
    and `time`; `reason` is why, `tried` says that the caller gave some answer to the gateway's question.
    """

    question: Question = msgspec.field(default_factory=Question)
    misses: int = 0
    turn: str = ""
    fillers: int = 0
    asked_back: bool = False
    more_offered: bool = False
    last: tuple[str, ...] = ()
    stage: Literal["talk", "dial", "number", "time"] = "talk"
    reason: str = ""
    tried: bool = False
    phone: str = ""


@dataclass
class Call:
    """A call: `number` is the caller's in E.164 or None, `step` the one that comes next."""

    sid: str
    conversation: str
    number: str | None
    step: int
    state: CallState
    began_at: datetime
    ended: bool


@dataclass(frozen=True)
class Answered:
    """What a step was answered with, and the digest of its request."""

    digest: str
    twiml: str


class Calls:
    """All queries about calls on the database at `url`."""

    def __init__(self, url: str) -> None:
        self._url = url

    def find(self, sid: str) -> Call | None:
        """The call with this id."""
        with transaction(self._url) as session:
            row = session.get(CallRow, sid)
            return _call(row) if row else None

    def begin(self, sid: str, number: str | None, language: str) -> Call:
        """A new call with a conversation of its own; the one there is when it has begun already."""
        try:
            with transaction(self._url) as session:
                conversation = begin_conversation(session, "voice", number or sid, language)
                _end_forgotten(session)
                state = msgspec.to_builtins(CallState())
                row = CallRow(sid=sid, conversation_id=conversation.id, number=number, state=state)
                session.add(row)
                session.flush()
                return _call(row)
        except IntegrityError:
            known = self.find(sid)
            if known is None:
                return self.begin(sid, number, language)
            return known

    def answered(self, sid: str, step: int) -> Answered | None:
        """What this step was answered with, None when it was not."""
        with transaction(self._url) as session:
            return _answered(session, sid, step)

    def keep(self, call: Call, digest: str, twiml: str) -> str:
        """Keep where the call stands and what its step is answered with, and go on to the next.

        Gives back the answer that counts: the one that was kept first.
        """
        row = CallStepRow(sid=call.sid, step=call.step, digest=digest, twiml=twiml)
        changes = {"step": call.step + 1, "state": msgspec.to_builtins(call.state)}
        try:
            with transaction(self._url) as session:
                session.add(row)
                session.flush()
                session.execute(update(CallRow).where(CallRow.sid == call.sid).values(**changes))
            return twiml
        except IntegrityError:
            kept = self.answered(call.sid, call.step)
            return kept.twiml if kept else twiml

    def end(self, sid: str) -> str | None:
        """The call is over, once; its answers are forgotten. Gives back its conversation if it was still open."""
        with transaction(self._url) as session:
            is_open = (CallRow.sid == sid) & CallRow.ended_at.is_(None)
            closing = update(CallRow).where(is_open).values(ended_at=utc_now()).returning(CallRow.conversation_id)
            conversation = session.scalars(closing).one_or_none()
            session.execute(delete(CallStepRow).where(CallStepRow.sid == sid))
            return conversation


def _end_forgotten(session: Session) -> None:
    """Calls whose end was never told, end; what they were answered with is a customer's and not kept."""
    forgotten = CallRow.ended_at.is_(None) & (CallRow.began_at < utc_now() - FORGOTTEN)
    session.execute(delete(CallStepRow).where(CallStepRow.sid.in_(select(CallRow.sid).where(forgotten))))
    session.execute(update(CallRow).where(forgotten).values(ended_at=utc_now()))


def _answered(session: Session, sid: str, step: int) -> Answered | None:
    wanted = (CallStepRow.sid == sid) & (CallStepRow.step == step)
    row = session.scalars(select(CallStepRow).where(wanted)).one_or_none()
    return Answered(row.digest, row.twiml) if row else None


def _call(row: CallRow) -> Call:
    return Call(
        sid=row.sid,
        conversation=row.conversation_id,
        number=row.number,
        step=row.step or 0,
        state=msgspec.convert(row.state, CallState),
        began_at=in_utc(row.began_at),
        ended=row.ended_at is not None,
    )
