"""What went wrong, kept without personal data: the one way in for all who notice it, and the queries of its review."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import delete, exists, func, select, update
from sqlalchemy.orm import Session

from bot.database import despite_races, transaction
from bot.errors import PortalError
from bot.mistakes import consent
from bot.mistakes.heard import Guess, Heard, heard_of
from bot.mistakes.mask import has_words, mask
from bot.mistakes.tables import MistakeRow, ReportRow
from bot.models import ModelRow
from bot.nlu.language import detect
from bot.nlu.text import fold
from bot.rows import in_utc
from bot.tables import ContactRow, ConversationRow, TurnRow
from bot.turns import utc_now

log = logging.getLogger(__name__)
Kind = Literal["rejected", "unsure", "three_tries", "corrected", "shadow", "marked", "rated"]
DELETED = "delete"
SURE_OF_LANGUAGE = 0.9


class MistakeError(PortalError):
    """Something cannot be done with a sentence of the inbox."""


@dataclass(frozen=True)
class Mistake:
    """A masked sentence that went wrong, how often, and what the model took it for; moments in UTC.

    `intent` is the likeliest one, empty when there was none; `suggested` another one that something speaks for. `label`
    and who decided when are those of the time before it came back.
    """

    id: int
    text: str
    language: str
    channel: str
    intent: str
    confidence: float
    ranking: tuple[Guess, ...]
    suggested: str | None
    kinds: tuple[str, ...]
    count: int
    first_at: datetime
    last_at: datetime
    label: str | None
    decided_by: str | None
    decided_at: datetime | None


@dataclass(frozen=True)
class _Said:
    """A reported turn, masked."""

    text: str
    language: str
    channel: str
    heard: Heard | None

    @property
    def best(self) -> Guess:
        return self.heard.best if self.heard else Guess("", 0.0)

    @property
    def ranking(self) -> list[Any]:
        return [[guess.intent, guess.confidence] for guess in (self.heard.ranking if self.heard else ())]

    @property
    def key(self) -> str:
        words = fold(self.text) or self.text
        return hashlib.sha256(f"{self.language}\n{self.best.intent}\n{words}".encode()).hexdigest()


class Mistakes:
    """All queries on what went wrong, in the database at `url`; without `collect` nothing is taken in.

    With `need_consent` we learn only from who said yes, otherwise from all who did not say no.
    """

    def __init__(self, url: str, *, collect: bool = True, need_consent: bool = False, days_kept: int = 90) -> None:
        self._url = url
        self._collect = collect
        self._need_consent = need_consent
        self._days_kept = days_kept

    def report(self, turn_id: str, kind: Kind, *, suggested: str | None = None) -> int | None:
        """Take in that a turn went wrong; the id of its sentence. A turn counts once, however often it is reported.

        A sentence that was decided on, but not deleted, is undecided again when a model that was trained later fails.
        None when nothing is collected, when the customer does not want it, or when masking leaves no words of it.
        """
        if not self._collect:
            return None
        with transaction(self._url) as session:
            said = _said(session, turn_id)
        return despite_races(lambda: self._write(turn_id, kind, said, suggested)) if said else None

    def _write(self, turn_id: str, kind: Kind, said: _Said, suggested: str | None) -> int | None:
        with transaction(self._url) as session:
            if not self._may_learn(session, turn_id):
                return None
            known = select(MistakeRow).where(MistakeRow.key == said.key).with_for_update(key_share=True)
            row = session.scalars(known).one_or_none() or _new(said)
            if _is_wrong_again(session, row, turn_id):
                _come_back(row, said)
            if row.decision != DELETED:
                row.kinds = sorted({*row.kinds, kind})
                row.suggested = suggested or row.suggested
            session.add(row)
            session.flush()
            _count(session, row, turn_id, kind)
            return row.id

    def _may_learn(self, session: Session, turn_id: str) -> bool:
        """Whether who said this agrees to it now, and did so then."""
        whose = select(ConversationRow.contact_id).join(TurnRow).where(TurnRow.id == turn_id)
        consent.hold(session, ContactRow.id == whose.scalar_subquery())
        turn, contact = session.get_one(TurnRow, turn_id), session.get_one(ContactRow, session.scalars(whose).one())
        said = (consent.given_by(session, contact), consent.given_by(session, contact, until=turn.received_at))
        return all(not self._need_consent if given is None else given for given in said)

    def open(self) -> list[Mistake]:
        """The sentences that nobody decided on, the most frequent first."""
        order = (MistakeRow.count.desc(), MistakeRow.last_at.desc(), MistakeRow.id)
        with transaction(self._url) as session:
            rows = session.scalars(select(MistakeRow).where(MistakeRow.decision.is_(None)).order_by(*order))
            return [_mistake(row) for row in rows]

    def get(self, mistake: int) -> Mistake:
        """An undecided sentence; raises `MistakeError` when there is none with this id."""
        with transaction(self._url) as session:
            row = session.get(MistakeRow, mistake)
            if row is None or row.decision is not None:
                done = "is decided already" if row else "is not in the inbox"
                raise MistakeError(f"the sentence {mistake} {done}", "see: sprachportal inbox --list")
            return _mistake(row)

    def settle(self, mistake: int, decision: str, *, label: str | None, by: str) -> None:
        """Keep what was decided; the words of a deleted sentence are gone, its digest keeps it from coming back."""
        gone: dict[str, object] = {"text": "", "ranking": [], "suggested": None} if decision == DELETED else {}
        self._change(mistake, decision=decision, label=label, decided_by=by, decided_at=utc_now(), **gone)

    def reopen(self, mistake: Mistake) -> None:
        """Take a decision back."""
        before = {name: getattr(mistake, name) for name in ("text", "suggested", "label", "decided_by", "decided_at")}
        ranking = [[guess.intent, guess.confidence] for guess in mistake.ranking]
        self._change(mistake.id, decision=None, ranking=ranking, **before)

    def _change(self, mistake: int, **values: object) -> None:
        kept = (MistakeRow.id == mistake) & (MistakeRow.decision.is_distinct_from(consent.FORGOTTEN))
        with transaction(self._url) as session:
            changed = session.scalars(update(MistakeRow).where(kept).values(**values).returning(MistakeRow.id)).first()
        if changed is None:
            raise MistakeError("the customer does not want this sentence kept", "it is gone; go on with the next")

    def forget_old(self) -> int:
        """Delete what was not seen for `days_kept` days, decided or not; how many sentences."""
        limit = utc_now() - timedelta(days=self._days_kept)
        with transaction(self._url) as session:
            old = select(MistakeRow.id).where(MistakeRow.last_at < limit)
            outdated = delete(ReportRow).where((ReportRow.at < limit) | ReportRow.mistake_id.in_(old))
            consent.recount(session, set(session.scalars(outdated.returning(ReportRow.mistake_id))))
            gone = delete(MistakeRow).where(MistakeRow.last_at < limit).returning(MistakeRow.id)
            return len(session.scalars(gone).all())

    def note_consent(self, customer: str, *, given: bool) -> tuple[int, int]:
        """Somebody says for a customer whether we may learn from them.

        Under how many addresses the customer has been here, and how many sentences were deleted.
        """
        addresses = select(func.count()).select_from(ContactRow).where(consent.ever(customer))
        with transaction(self._url) as session:
            gone = consent.note_of_customer(session, customer, given=given)
            return session.scalar(addresses) or 0, gone

    def turn_before(self, turn_id: str) -> str | None:
        """The id of what the customer had said in own words before this turn."""
        with transaction(self._url) as session:
            turn = session.get(TurnRow, turn_id)
            if turn is None:
                return None
            earlier = (TurnRow.conversation_id == turn.conversation_id) & (TurnRow.seq < turn.seq)
            spoken = (TurnRow.text != "") & (TurnRow.state == "done")
            found = session.scalars(
                select(TurnRow).where(earlier, spoken).order_by(TurnRow.seq.desc()).limit(1)
            ).first()
            return found.id if found and found.intent is None else None

    def heard(self, turn_id: str) -> Heard | None:
        """What the engine made of a turn; None when it never got it."""
        with transaction(self._url) as session:
            turn = session.get(TurnRow, turn_id)
            return heard_of(session, turn.conversation_id, turn_id) if turn else None


def _said(session: Session, turn_id: str) -> _Said | None:
    turn = session.get(TurnRow, turn_id)
    if turn is None or turn.intent is not None:
        return None
    channel = "voice" if turn.channel == "voice" else "chat"
    language = _language(session, turn)
    masked = mask(turn.text, language=language, today=in_utc(turn.received_at).date())
    if masked is None or not has_words(masked):
        return None
    return _Said(masked, language, channel, heard_of(session, turn.conversation_id, turn_id))


def _language(session: Session, turn: TurnRow) -> str:
    """The language of the words, or the conversation's when they do not say."""
    guess = detect(turn.text)
    if guess and guess.confidence >= SURE_OF_LANGUAGE:
        return guess.language
    return session.get_one(ConversationRow, turn.conversation_id).language


def _new(said: _Said) -> MistakeRow:
    return MistakeRow(
        key=said.key,
        text=said.text,
        language=said.language,
        channel=said.channel,
        intent=said.best.intent,
        confidence=said.best.confidence,
        ranking=said.ranking,
        kinds=[],
        count=0,
    )


def _is_wrong_again(session: Session, row: MistakeRow, turn_id: str) -> bool:
    """Whether the sentence was decided on, but the live model, trained and promoted later, failed in this turn.

    A model's name tells the second of its training, no more.
    """
    if row.decision in (None, DELETED) or row.decided_at is None:
        return False
    said_at = session.get_one(TurnRow, turn_id).received_at
    trained_later = ModelRow.trained_at >= in_utc(row.decided_at).replace(microsecond=0)
    promoted_later = ModelRow.promoted_at.between(row.decided_at, said_at)
    return bool(session.scalar(select(exists().where(ModelRow.state == "live", trained_later, promoted_later))))


def _come_back(row: MistakeRow, said: _Said) -> None:
    """The sentence is undecided again and counted from now on; what was decided before, and by whom, stays."""
    row.decision, row.kinds, row.suggested, row.first_at = None, [], None, utc_now()
    row.confidence, row.ranking = said.best.confidence, said.ranking


def _count(session: Session, row: MistakeRow, turn_id: str, kind: Kind) -> None:
    """The turn stands for the sentence, once, whatever it is reported for."""
    reported = select(ReportRow.kind).where(ReportRow.turn_id == turn_id, ReportRow.mistake_id == row.id)
    kinds = set(session.scalars(reported))
    if not kinds:
        row.last_at = utc_now()
    if kind not in kinds:
        session.add(ReportRow(turn_id=turn_id, kind=kind, mistake_id=row.id))
        session.flush()
        consent.recount(session, [row.id])


def _mistake(row: MistakeRow) -> Mistake:
    return Mistake(
        id=row.id,
        text=row.text,
        language=row.language,
        channel=row.channel,
        intent=row.intent,
        confidence=row.confidence,
        ranking=tuple(Guess(*pair) for pair in row.ranking),
        suggested=row.suggested,
        kinds=tuple(row.kinds),
        count=row.count,
        first_at=in_utc(row.first_at),
        last_at=in_utc(row.last_at),
        label=row.label,
        decided_by=row.decided_by,
        decided_at=in_utc(row.decided_at) if row.decided_at else None,
    )
