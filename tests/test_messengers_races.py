"""Two threads or processes at the same row: on SQLite and on PostgreSQL nothing is lost, doubled or moved back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

import pytest
from sqlalchemy import select, update

from bot import database
from bot.channels.events import Changed, Consent, State, Status
from bot.channels.outlet import Unclear, joined
from bot.messaging_settings import QuietSettings
from bot.outbox_store import Taken
from bot.tables import ContactRow, ConversationRow, TurnRow
from bot.turns import Answer, Choice, Intent, Reply, utc_now
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


def test_a_message_taken_back_while_it_is_answered_and_tidied_is_forgotten(stage: Stage) -> None:
    for _ in range(ROUNDS):
        address = somebody()
        own = stage.say("Geheim", address=address)
        take_back = partial(stage.intake.take, [Changed("whatsapp", own, None)])
        at_once(take_back, take_back, stage.work, stage.conversations.tidy_now)
        with database.transaction(stage.url) as session:
            session.execute(update(TurnRow).where(TurnRow.forget_at.is_not(None)).values(forget_at=utc_now()))
        at_once(stage.conversations.tidy_now, stage.conversations.tidy_now, take_back)
        with database.transaction(stage.url) as session:
            row = session.scalars(select(TurnRow).where(TurnRow.provider_id == own)).one()
            assert (row.text, row.attachments, row.state in ("done", "dropped")) == ("", [], True)


def test_many_presses_of_one_choice_at_once_answer_its_question_only(stage: Stage) -> None:
    asked = (Choice("Ja", "/affirm"), Choice("Nein", "/deny"))
    stage.engine.answer = lambda turn: Answer((Reply(f"Frage {turn.id}?", asked),))
    for _ in range(ROUNDS):
        address = somebody()
        stage.say("Hallo", address=address)
        stage.work()
        stage.engine.turns.clear()
        yes = stage.outlet.sent[-1].form["ids"][0]
        at_once(*(partial(stage.say, "Ja", address=address, choice=yes) for _ in range(4)))
        stage.work()
        assert [turn.intent for turn in stage.engine.turns] == [Intent("affirm")]
        assert [text.startswith("Diese Auswahl") for text in stage.outlet.texts[-3:]] == [True] * 3
