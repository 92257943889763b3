"""Two threads or processes at the same row: on SQLite and on PostgreSQL nothing is lost, doubled or moved back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

import pytest
from sqlalchemy import select

from bot import database
from bot.channels.events import Consent, State, Status
from bot.channels.outlet import Unclear, joined
from bot.messaging_settings import QuietSettings
from bot.outbox_store import Taken
from bot.tables import ContactRow, ConversationRow
from bot.turns import Answer, Reply
from tests.messenger_stage import NUMBERS, Stage, with_templates

ROUNDS = 8
NEWS: tuple[State, ...] = ("delivered", "read", "sent")


@pytest.fixture(params=["sqlite", "postgresql"])
def stage(request: pytest.FixtureRequest) -> Stage:
    if request.param == "sqlite":
        return Stage(request.getfixturevalue("database_url"))
    url = str(request.getfixturevalue("postgresql")).replace("postgresql://", "postgresql+psycopg://")
    database.migrate(url)
    return Stage(url)


def at_once(*deeds: Callable[[], object]) -> None:
    """All of these at the same time."""
    together = threading.Barrier(len(deeds))

    def do(deed: Callable[[], object]) -> None:
        together.wait()
        deed()

    threads = [threading.Thread(target=do, args=(deed,)) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def somebody() -> str:
    return joined("15550001", f"4915{next(NUMBERS):06}")


def test_news_that_come_at_once_never_move_a_state_back(stage: Stage) -> None:
    for _ in range(ROUNDS):
        stage.say("eins", address=somebody())
        stage.work()
        own = str(stage.rows()[-1].provider_id)
        at_once(*(partial(stage.intake.take, [Status("whatsapp", state, own)]) for state in NEWS))
        assert stage.rows()[-1].state == "read"


def test_a_delivery_that_was_just_settled_is_not_sent_again(stage: Stage) -> None:
    address = somebody()
    stage.say("eins", address=address)
    stage.work()
    for number in range(ROUNDS):
        stage.outlet.outcomes = [Unclear("cut off")]
        stage.say(str(number), address=address)
        stage.work()
        stage.time_passes()
        row, news, taken = stage.rows()[-1], f"{address}.{number}", list[Taken | None]()
        at_once(
            partial(stage.intake.take, [Status("whatsapp", "sent", news, row.id)]),
            lambda row=row, taken=taken: taken.append(stage.outbox.take(row.conversation_id)),  # type: ignore[misc]
        )
        assert stage.rows()[-1].state == "sent"


def test_two_messages_at_once_of_a_contact_without_conversation_are_one_conversation(stage: Stage) -> None:
    for _ in range(ROUNDS):
        address = somebody()
        stage.intake.take([Consent("whatsapp", address, f"c.{address}", given=True)])
        at_once(*(partial(stage.say, text, address=address) for text in ("eins", "zwei", "drei", "vier")))
        with database.transaction(stage.url) as session:
            theirs = select(ConversationRow.id).join(ContactRow).where(ContactRow.address == address)
            assert len(session.scalars(theirs).all()) == 1


def test_stop_is_kept_when_the_contact_comes_into_being_at_the_same_moment(stage: Stage) -> None:
    for _ in range(ROUNDS):
        address = somebody()
        find = partial(stage.contacts.find, "whatsapp", address)
        says = partial(stage.say, address=address)
        at_once(partial(says, "STOP"), partial(says, "Hallo"), partial(says, "Hallo"), find)
        reach = stage.contacts.reach(find(), language="de")
        assert reach is not None
        assert reach.consent is False


def test_a_customer_of_several_late_messages_is_asked_once_to_write(stage: Stage) -> None:
    settings = with_templates(quiet=QuietSettings("00:00", "00:00"))
    stage.notices.settings = stage.deliveries.settings = settings
    stage.engine.answer = lambda turn: Answer((Reply("eins"), Reply("zwei"), Reply("drei")))
    for _ in range(ROUNDS):
        address = somebody()
        stage.say("Hallo", address=address)
        stage.work()
        theirs = [row for row in stage.rows() if row.address == address]
        late = [Status("whatsapp", "failed", str(row.provider_id), code="window") for row in theirs]
        at_once(*(partial(stage.intake.take, [status]) for status in late))
        assert [row.kind for row in stage.rows() if row.address == address].count("reopen") == 1


def test_a_message_delivered_many_times_at_once_by_somebody_new_is_one_turn(stage: Stage) -> None:
    for _ in range(ROUNDS):
        address, before = somebody(), len(stage.turns())
        own = f"wamid.{address}"
        deliver = partial(stage.say, "Hallo", address=address, provider_id=own)
        at_once(*(deliver for _ in range(6)))
        assert len(stage.turns()) == before + 1
