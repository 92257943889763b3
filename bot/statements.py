"""Statements of the inbox and the outbox that run for every turn and delivery, each built once for all times.

Building a statement takes longer than running it on SQLite, and webhooks wait for both. Parameters in small letters
are given with each execution.
"""

from __future__ import annotations

from typing import cast

from sqlalchemy import Table, bindparam, case, exists, func, insert, select, update

from bot.tables import ContactRow, ConversationRow, DeliveryRow, ReplyRow, TurnRow

CONTACT_TABLE = cast(Table, ContactRow.__table__)
CONVERSATION_TABLE = cast(Table, ConversationRow.__table__)
TURN_TABLE = cast(Table, TurnRow.__table__)
REPLY_TABLE = cast(Table, ReplyRow.__table__)
DELIVERY_TABLE = cast(Table, DeliveryRow.__table__)
CONTACTS, CONVERSATIONS, TURNS = CONTACT_TABLE.c, CONVERSATION_TABLE.c, TURN_TABLE.c
REPLIES, DELIVERIES = REPLY_TABLE.c, DELIVERY_TABLE.c
TO_DO = ("queued", "sending", "unclear")
NOT_SENT = (*TO_DO, "held")
LATEST_OFFERS = 5

_of_turns = TURNS.conversation_id == bindparam("conversation")
_of_replies = REPLIES.conversation_id == bindparam("conversation")
_is_this = CONVERSATIONS.id == bindparam("conversation")
_waits = _of_turns & (TURNS.state == "waiting")
FIND_TURN = select(TURNS.id, TURNS.conversation_id, TURNS.seq, TURNS.state).where(
    TURNS.channel == bindparam("channel"), TURNS.provider_id == bindparam("provider_id")
)
COUNT_WAITING = select(func.count()).select_from(TURN_TABLE).where(_waits)
COUNT_SINCE = select(func.count()).select_from(TURN_TABLE).where(_of_turns, TURNS.received_at > bindparam("since"))
LATEST_CONVERSATION = (
    select(CONVERSATIONS.id)
    .join(CONTACT_TABLE, CONTACTS.id == CONVERSATIONS.contact_id)
    .where(CONTACTS.channel == bindparam("channel"), CONTACTS.address == bindparam("address"))
    .order_by(CONVERSATIONS.created_at.desc())
    .limit(1)
)
RAISE_SEQ = (
    update(CONVERSATION_TABLE)
    .where(_is_this)
    .values(last_seq=CONVERSATIONS.last_seq + 1)
    .returning(CONVERSATIONS.last_seq)
)
ADD_TURN = insert(TURN_TABLE)
ADD_REPLY = insert(REPLY_TABLE).returning(REPLIES.id)
_owner = select(CONVERSATIONS.contact_id).where(_is_this).scalar_subquery()
_is_later = CONTACTS.last_turn_at.is_(None) | (CONTACTS.last_turn_at < bindparam("said"))
OPEN_WINDOW = update(CONTACT_TABLE).where(CONTACTS.id == _owner, _is_later).values(last_turn_at=bindparam("said"))
NEXT_TURN = (
    select(
        *TURNS,
        CONVERSATIONS.language.label("spoken"),
        CONVERSATIONS.language_chosen,
        CONTACTS.address.label("address"),
    )
    .join(CONVERSATION_TABLE, CONVERSATIONS.id == TURNS.conversation_id)
    .join(CONTACT_TABLE, CONTACTS.id == CONVERSATIONS.contact_id)
    .where(_waits)
    .order_by(TURNS.seq)
    .limit(1)
)
COUNT_TRY = update(TURN_TABLE).where(TURNS.id == bindparam("turn")).values(tries=TURNS.tries + 1)
HAS_ANSWERED = select(exists().where(_of_turns, TURNS.state == "done", TURNS.text != ""))
END_TURN = (
    update(TURN_TABLE)
    .where(TURNS.id == bindparam("turn"), TURNS.state == "waiting")
    .values(state=bindparam("end"), done_at=bindparam("at"))
)
LATEST_REPLIES = (
    select(*REPLIES).where(_of_replies, REPLIES.turn_id.is_not(None)).order_by(REPLIES.seq.desc()).limit(LATEST_OFFERS)
)

_of_conversation = DELIVERIES.conversation_id == bindparam("conversation")
# Nobody was faster since the row was read.
_as_read = (
    (DELIVERIES.number == bindparam("wanted"))
    & (DELIVERIES.state == bindparam("was"))
    & (DELIVERIES.tries == bindparam("tried"))
)
NEXT_DELIVERY = (
    select(*DELIVERIES).where(_of_conversation, DELIVERIES.state.in_(TO_DO)).order_by(DELIVERIES.number).limit(1)
)
CONTACT_OF = (
    select(CONTACTS.id, CONTACTS.channel, CONTACTS.address, CONTACTS.last_turn_at)
    .join(CONVERSATION_TABLE, CONTACTS.id == CONVERSATIONS.contact_id)
    .where(CONVERSATIONS.id == bindparam("conversation"))
)
TAKE_DELIVERY = (
    update(DELIVERY_TABLE)
    .where(_as_read)
    .values(state="sending", tries=DELIVERIES.tries + 1, next_at=bindparam("until"))
)
MOVED = ("code", "why", "provider_id", "sent_at", "next_at")
MOVE_DELIVERY = (
    update(DELIVERY_TABLE)
    .where(_as_read)
    .values(state=bindparam("new_state"), **{name: bindparam(f"new_{name}") for name in MOVED})
)
_is_told = DELIVERIES.id == bindparam("delivery")
_has_failed = DELIVERIES.state.in_(("queued", "held")) & (
    func.coalesce(DELIVERIES.provider_id, "") == bindparam("told")
)
MARK_SENT = (
    update(DELIVERY_TABLE)
    .where(_is_told, DELIVERIES.state.in_(NOT_SENT), ~_has_failed)
    .values(state="sent", why="", code="")
)
NOTE_PROVIDER_ID = (
    update(DELIVERY_TABLE)
    .where(_is_told)
    .values(provider_id=bindparam("told"), sent_at=func.coalesce(DELIVERIES.sent_at, bindparam("now")))
)
_asks_to_write = DELIVERIES.kind == "reopen"
# What is held goes out, but for the request to write, also when that is on its way.
RELEASE_HELD = (
    update(DELIVERY_TABLE)
    .where(_of_conversation, (DELIVERIES.state == "held") | (_asks_to_write & (DELIVERIES.state == "queued")))
    .values(
        state=case((_asks_to_write, "dropped"), else_="queued"),
        why=case((_asks_to_write, "the customer has written"), else_=""),
        next_at=bindparam("now"),
    )
)
ADD_DELIVERY = insert(DELIVERY_TABLE)
DELIVERY_BY_ID = select(*DELIVERIES).where(DELIVERIES.id == bindparam("delivery"))
DELIVERY_BY_PROVIDER_ID = (
    select(*DELIVERIES)
    .where(DELIVERIES.channel == bindparam("channel"), DELIVERIES.provider_id == bindparam("provider_id"))
    .limit(1)
)
