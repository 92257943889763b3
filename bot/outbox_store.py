"""The outbox's queries: deliveries in order, what became of them, the dead letters.

    queued -> sending -> sent -> delivered -> read
                 |  `--> unclear -> sent, or queued again        (the provider's answer was lost)
                 `-----> queued again with a pause               (surely not taken)
    queued -> held -> queued                                      (window closed, quiet hours)
    any of these -> failed (a dead letter)
    failed, held, queued (unclear) -> queued or dropped           (by the ops team)

A state moves forward only, whatever order the provider's news come in, and two at once wait for each other. A delivery
under way that nobody finished counts as unclear after a while; it stays so until that is settled.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CursorResult, Row, Select, Update, exists, func, select, update
from sqlalchemy.orm import Session, aliased

from bot.channels.events import SeenUntil, Status
from bot.channels.outlet import Delivery, Form
from bot.database import transaction
from bot.rows import in_utc
from bot.statements import (
    ADD_DELIVERY,
    CONTACT_OF,
    DELIVERY_BY_ID,
    DELIVERY_BY_PROVIDER_ID,
    MARK_SENT,
    MOVE_DELIVERY,
    MOVED,
    NEXT_DELIVERY,
    NOTE_PROVIDER_ID,
    RELEASE_HELD,
    TAKE_DELIVERY,
    TO_DO,
)
from bot.tables import UNSETTLED, ConsentRow, ContactRow, ConversationRow, DeliveryRow
from bot.turns import utc_now

UNASKED = ("notice", "template", "reopen")
RANK = {
    "queued": 0,
    "sending": 0,
    "unclear": 0,
    "held": 0,
    "sent": 1,
    "failed": 2,
    "delivered": 3,
    "read": 4,
    "dropped": 5,
}
SENDING_SECONDS = 30
LATE_SECONDS = 5
AWAY = "no clear answer, and its news were missed"
LONGEST_WHY = 200
# What the ops team may send anew or give up: an unclear one may have arrived, so it is not sent again by hand.
MAY_RETRY = ("failed", "held", "queued")
MAY_DROP = (*MAY_RETRY, "unclear")
BY_HAND = "dropped by hand"
MOVED_AT_ONCE = 500


@dataclass(frozen=True)
class Taken:
    """A delivery that is ours to make now.

    `was_unclear`: an earlier try may have reached the provider; `was_left`: and nobody was here to take its news.
    `last_turn_at` is when the customer last wrote, UTC.
    `unwanted`: nobody asked for it, and the customer has opted out. `reply` is the number of what it is a part of.
    """

    delivery: Delivery
    conversation: str
    kind: str
    tries: int
    was_unclear: bool
    last_turn_at: datetime | None
    unwanted: bool = False
    was_left: bool = False
    reply: int | None = None


@dataclass(frozen=True)
class Listed:
    """A delivery as the ops team sees it: no words, no numbers."""

    id: str
    channel: str
    conversation: str
    kind: str
    state: str
    tries: int
    code: str
    why: str
    created_at: datetime
    next_at: datetime


class Outbox:
    """All queries of the outbox on the database at `url`."""

    def __init__(self, url: str) -> None:
        self._url = url

    def has_due(self, conversation: str) -> bool:
        """Whether the conversation's next delivery may be made now."""
        with transaction(self._url) as session:
            row = _next(session, conversation)
            return row is not None and _is_due(row)

    def take(self, conversation: str) -> Taken | None:
        """The conversation's next delivery, marked as under way; None when there is none or it is not due."""
        with transaction(self._url) as session:
            row = _next(session, conversation)
            until = utc_now() + timedelta(seconds=SENDING_SECONDS)
            if row is None or not _is_due(row) or not _change(session, row, TAKE_DELIVERY, until=until):
                return None
            owner = session.execute(CONTACT_OF, {"conversation": conversation}).one()
            last = in_utc(owner.last_turn_at) if owner.last_turn_at else None
            delivery = Delivery(row.id, row.channel, row.address, row.form)
            was_unclear = row.state in ("sending", "unclear")
            unwanted = row.kind in UNASKED and newest_consent(session, owner.id) is False
            tries, left = row.tries + 1, _was_left(row)
            return Taken(delivery, conversation, row.kind, tries, was_unclear, last, unwanted, left, row.reply_id)

    def sent(self, delivery: str, provider_id: str) -> None:
        """The provider has taken it; news that it failed afterwards may have come before."""
        with transaction(self._url) as session:
            told = {"delivery": delivery, "told": provider_id}
            session.execute(MARK_SENT, told)
            session.execute(NOTE_PROVIDER_ID, {**told, "now": utc_now()})

    def later(self, delivery: str, at: datetime, *, state: str, why: str, code: str = "", counts: bool = True) -> None:
        """Try again from `at` on, as `state` (queued, unclear or held); a try that does not count is taken back."""
        with transaction(self._url) as session:
            changes = {"state": state, "next_at": at, "why": why[:LONGEST_WHY], "code": code}
            tries = DeliveryRow.tries if counts else DeliveryRow.tries - 1
            under_way = (DeliveryRow.id == delivery) & (DeliveryRow.state == "sending")
            session.execute(update(DeliveryRow).where(under_way).values(**changes, tries=tries))

    def failed(self, delivery: str, why: str, code: str = "") -> None:
        """It will not reach the customer: a dead letter."""
        self._end(delivery, {"state": "failed", "why": why[:LONGEST_WHY], "code": code})

    def dropped(self, delivery: str, why: str) -> None:
        """It shall not reach the customer."""
        self._end(delivery, {"state": "dropped", "why": why[:LONGEST_WHY]})

    def _end(self, delivery: str, changes: dict[str, object]) -> None:
        with transaction(self._url) as session:
            open_one = (DeliveryRow.id == delivery) & DeliveryRow.state.in_((*TO_DO, "held"))
            session.execute(update(DeliveryRow).where(open_one).values(**changes))

    def take_back(self, status: Status, at: datetime, *, state: str, why: str) -> str | None:
        """The provider tells of a failure that can be mended: again from `at` on, as queued or held; whose it is.

        None when the delivery is unknown or has got further than the news say.
        """
        with transaction(self._url) as session:
            while (row := _named(session, status)) and row.state in ("sending", "unclear", "sent"):
                if _is_old(row, status):
                    return None
                changes = {"provider_id": status.provider_id, "next_at": at, "code": status.code, "why": why}
                if _move(session, row, state, **changes):
                    return str(row.conversation_id)
            return None

    def note(self, status: Status) -> str | None:
        """What the provider tells of a delivery; the conversation whose next one waited for that, None otherwise."""
        with transaction(self._url) as session:
            while (row := _named(session, status)) and _is_news(row, status):
                why = "the provider could not deliver it" if status.state == "failed" else ""
                changes = {"provider_id": row.provider_id or status.provider_id, "sent_at": row.sent_at or utc_now()}
                if _move(session, row, status.state, code=status.code, why=why, **changes):
                    return str(row.conversation_id) if row.state in TO_DO else None
            return None

    def note_seen(self, seen: SeenUntil) -> None:
        """Everything sent to an address up to a moment was delivered or read."""
        with transaction(self._url) as session:
            theirs = (ContactRow.channel == seen.channel) & (ContactRow.address == seen.address)
            conversations = select(ConversationRow.id).join(ContactRow).where(theirs)
            ours = DeliveryRow.conversation_id.in_(conversations)
            until = ours & (DeliveryRow.sent_at <= seen.at) & DeliveryRow.state.in_(("sent", "delivered"))
            earlier = DeliveryRow.state.in_(_below(seen.state))
            session.execute(update(DeliveryRow).where(until & earlier).values(state=seen.state))

    def release_held(self) -> list[str]:
        """Deliveries whose time has come go back into the queue; the conversations that have something due."""
        with transaction(self._url) as session:
            over = (DeliveryRow.state == "held") & (DeliveryRow.next_at <= utc_now())
            session.execute(update(DeliveryRow).where(UNSETTLED, over).values(state="queued"))
            return list(session.scalars(_due_conversations().limit(200)))

    def knows(self, channel: str, provider_id: str) -> bool:
        """Whether a delivery of the channel has this provider's id."""
        with transaction(self._url) as session:
            named = (DeliveryRow.channel == channel) & (DeliveryRow.provider_id == provider_id)
            return session.scalars(select(DeliveryRow.id).where(named).limit(1)).first() is not None

    def waiting(self) -> dict[str, int]:
        """How many deliveries are in each state that is not a good end."""
        with transaction(self._url) as session:
            counted = select(DeliveryRow.state, func.count()).where(UNSETTLED).group_by(DeliveryRow.state)
            found = dict(session.execute(counted).tuples().all())
        return {state: found.get(state, 0) for state in (*TO_DO, "held", "failed")}

    def listed(self, states: Sequence[str], limit: int | None = None) -> list[Listed]:
        """The oldest deliveries in these states, all without a limit."""
        with transaction(self._url) as session:
            wanted = select(DeliveryRow).where(UNSETTLED, DeliveryRow.state.in_(states))
            return [_listed(row) for row in session.scalars(wanted.order_by(DeliveryRow.number).limit(limit))]

    def beginning_with(self, prefix: str) -> list[Listed]:
        """Some deliveries that are not settled whose id begins so."""
        with transaction(self._url) as session:
            wanted = select(DeliveryRow).where(UNSETTLED, DeliveryRow.id.startswith(prefix, autoescape=True))
            return [_listed(row) for row in session.scalars(wanted.limit(2))]

    def retry(self, deliveries: Sequence[str]) -> int:
        """These go out anew, as far as they are in one of `MAY_RETRY`; how many."""
        anew = {"state": "queued", "tries": 0, "next_at": utc_now(), "why": "", "code": ""}
        return self._move(deliveries, MAY_RETRY, anew)

    def drop(self, deliveries: Sequence[str]) -> int:
        """These are given up, as far as they are in one of `MAY_DROP`; how many."""
        return self._move(deliveries, MAY_DROP, {"state": "dropped", "why": BY_HAND})

    def _move(self, deliveries: Sequence[str], states: Sequence[str], changes: dict[str, object]) -> int:
        moved = 0
        with transaction(self._url) as session:
            for first in range(0, len(deliveries), MOVED_AT_ONCE):
                some = DeliveryRow.id.in_(deliveries[first : first + MOVED_AT_ONCE])
                done = session.execute(update(DeliveryRow).where(some, DeliveryRow.state.in_(states)).values(**changes))
                moved += done.rowcount if isinstance(done, CursorResult) else 0
        return moved


def add_delivery(
    session: Session,
    conversation: str,
    form: Form,
    *,
    reply: int,
    kind: str = "reply",
    at: datetime | None = None,
    why: str = "",
) -> str:
    """Put a form into the outbox within an open transaction; held until `at` if that is given, and why. Its id."""
    owner = session.execute(CONTACT_OF, {"conversation": conversation}).one()
    delivery = {
        "id": uuid.uuid4().hex,
        "conversation_id": conversation,
        "reply_id": reply,
        "kind": kind,
        "channel": owner.channel,
        "address": owner.address,
        "form": form,
        "state": "held" if at else "queued",
        "next_at": at or utc_now(),
        "why": why if at else "",
    }
    session.execute(ADD_DELIVERY, delivery)
    return str(delivery["id"])


def release_window(session: Session, conversation: str) -> None:
    """The customer wrote: what is held goes out, but for the request to write."""
    session.execute(RELEASE_HELD, {"conversation": conversation, "now": utc_now()})


def newest_consent(session: Session, contact: int) -> bool | None:
    """What the contact said last about being written to unasked, by when it was said; None for nothing."""
    said = select(ConsentRow.given).where(ConsentRow.contact_id == contact)
    return session.scalars(said.order_by(ConsentRow.at.desc(), ConsentRow.id.desc()).limit(1)).first()


def _below(state: str) -> list[str]:
    """The states that come before this one."""
    return [name for name, rank in RANK.items() if rank < RANK[state]]


def _next(session: Session, conversation: str) -> Row[Any] | None:
    """The oldest delivery that is not at an end and not held."""
    return session.execute(NEXT_DELIVERY, {"conversation": conversation}).one_or_none()


def _is_due(row: Row[Any]) -> bool:
    return bool(row.state in TO_DO and in_utc(row.next_at) <= utc_now())


def _was_left(row: Row[Any]) -> bool:
    """Whether a crash left it under way, or nobody was here when its time was over."""
    is_late = utc_now() - in_utc(row.next_at) > timedelta(seconds=LATE_SECONDS)
    return bool(row.state == "sending" or (row.state == "unclear" and is_late and row.why != AWAY))


def _change(session: Session, row: Row[Any], how: Update, **values: object) -> bool:
    """Change the delivery, if nobody else has since the row was read; whether that was so."""
    read = {"wanted": row.number, "was": row.state, "tried": row.tries}
    changed = session.execute(how, {**read, **values})
    return bool(changed.rowcount)  # type: ignore[attr-defined]


def _move(session: Session, row: Row[Any], state: str, **changes: Any) -> bool:
    """Move the delivery to a state, if nobody else has moved it since the row was read; whether that was so."""
    changes["why"] = changes["why"][:LONGEST_WHY]
    new = {f"new_{name}": changes.get(name, getattr(row, name)) for name in MOVED}
    return _change(session, row, MOVE_DELIVERY, new_state=state, **new)


def _due_conversations() -> Select[tuple[str]]:
    """Conversations whose oldest open delivery is due."""
    earlier = aliased(DeliveryRow)
    blocked = exists().where(
        earlier.conversation_id == DeliveryRow.conversation_id,
        earlier.number < DeliveryRow.number,
        earlier.state.in_(TO_DO),
    )
    due = DeliveryRow.state.in_(TO_DO) & (DeliveryRow.next_at <= utc_now())
    return select(DeliveryRow.conversation_id).where(UNSETTLED, due, ~blocked).order_by(DeliveryRow.number)


def _named(session: Session, status: Status) -> Row[Any] | None:
    if status.delivery:
        return session.execute(DELIVERY_BY_ID, {"delivery": status.delivery}).one_or_none()
    told = {"channel": status.channel, "provider_id": status.provider_id}
    return session.execute(DELIVERY_BY_PROVIDER_ID, told).one_or_none()


def _is_old(row: Row[Any], status: Status) -> bool:
    """Whether the news are of an earlier try: the one that failed when a next is due, else any failure of another."""
    if row.state in (*TO_DO, "held"):
        return bool(row.provider_id == status.provider_id)
    return status.state == "failed" and row.provider_id not in (None, status.provider_id)


def _is_news(row: Row[Any], status: Status) -> bool:
    """Whether the status moves the delivery on; what we gave up without an answer may have arrived after all."""
    given_up = row.state == "failed" and row.provider_id is None
    return not _is_old(row, status) and (RANK[row.state] < RANK[status.state] or given_up)


def _listed(row: DeliveryRow) -> Listed:
    return Listed(
        row.id,
        row.channel,
        row.conversation_id,
        row.kind,
        row.state,
        row.tries,
        row.code,
        row.why,
        in_utc(row.created_at),
        in_utc(row.next_at),
    )
