"""What an attack on the messengers found: lost and doubled messages, consent, choices, races, bad moments."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import event, select, text

from bot import database
from bot.channels.events import Changed, Consent, SeenUntil, Status
from bot.channels.outlet import Delivery, DeliveryError, NotTaken, OptedOut, Unclear, WindowClosed, joined
from bot.contacts import Contacts
from bot.errors import StoreError
from bot.messaging_settings import MessagingSettings, QuietSettings, RetrySettings
from bot.scribe import Scribe
from bot.store import Store
from bot.tables import ConsentRow
from bot.turns import Answer, Attachment, Choice, Incoming, Intent, Reply, Turn, utc_now
from tests.fakes import FakeOutlet
from tests.messenger_stage import CUSTOMER, Stage, with_templates

NEVER_QUIET = QuietSettings("00:00", "00:00")
FIRST = Reply("Bestellung 1 stornieren?", (Choice("Ja", "/affirm"), Choice("Nein", "/deny")))
SECOND = Reply("Bestellung 2 stornieren?", (Choice("Ja", "/affirm"), Choice("Nein", "/deny")))
MENU = Reply("Was möchten Sie?", (Choice("Retoure", "/start_return"),))


@pytest.fixture
def stage(database_url: str) -> Stage:
    return Stage(database_url)


def begun(stage: Stage) -> None:
    """A conversation that has begun; what was said so far is forgotten."""
    stage.say("Guten Tag")
    stage.work()
    stage.outlet.sent.clear()


def consent(stage: Stage, address: str = CUSTOMER) -> bool | None:
    reach = stage.contacts.reach(stage.contacts.find("whatsapp", address), language="de")
    assert reach is not None
    return reach.consent


class ToldMeanwhile(FakeOutlet):
    """An outlet whose provider tells news of a form before it answers for it."""

    def __init__(self, told: Callable[[Delivery, str], None]) -> None:
        super().__init__()
        self.told = told

    def send(self, delivery: Delivery) -> str:
        own = f"{super().send(delivery)}-{len(self.sent)}"
        self.told(delivery, own)
        return own


# Unclear deliveries stay unclear, whatever comes between.


def test_an_unclear_delivery_is_asked_for_also_after_its_channel_paused(stage: Stage) -> None:
    begun(stage)
    stage.outlet.outcomes = [Unclear("cut off")]
    stage.say("eins")
    stage.work()
    stage.deliveries.pauses.begin("whatsapp", 60)
    stage.time_passes()
    stage.work()
    assert stage.states()[1:] == ["unclear"]
    stage.outlet.found = "SM1"
    stage.deliveries.pauses = type(stage.deliveries.pauses)()
    stage.time_passes()
    stage.work()
    assert (stage.outlet.sent, stage.rows()[-1].provider_id) == ([], "SM1")


def test_an_unclear_delivery_is_asked_for_also_after_its_channel_was_off(stage: Stage) -> None:
    begun(stage)
    stage.outlet.outcomes = [Unclear("cut off")]
    stage.say("eins")
    stage.work()
    del stage.outlets["whatsapp"]
    stage.time_passes()
    stage.work()
    stage.outlets["whatsapp"], stage.outlet.found = stage.outlet, "SM1"
    stage.time_passes()
    stage.work()
    assert (stage.outlet.sent, stage.states()[1:]) == ([], ["sent"])


def test_an_unclear_delivery_is_asked_for_before_it_is_held_for_the_window(stage: Stage) -> None:
    begun(stage)
    stage.outlet.outcomes = [Unclear("cut off")]
    stage.say("eins")
    stage.work()
    stage.outlet.found = "SM1"
    stage.last_wrote(25)
    stage.time_passes()
    stage.work()
    assert stage.states()[1:] == ["sent"]


# News of the provider: before its answer, of an earlier try.


def test_a_failure_told_before_the_answer_to_the_sending_is_not_forgotten(database_url: str) -> None:
    stage = Stage(database_url)
    begun(stage)

    def told(delivery: Delivery, own: str) -> None:
        if len(outlet.sent) == 1:
            stage.intake.take([Status("whatsapp", "failed", own, delivery.id, "busy")])

    outlet = ToldMeanwhile(told)
    stage.outlet, stage.outlets["whatsapp"] = outlet, outlet
    stage.say("eins")
    stage.work()
    assert stage.states()[1:] == ["queued"]
    stage.time_passes()
    stage.work()
    assert outlet.texts == ["Verstanden: eins.", "Verstanden: eins."]
    assert stage.states()[1:] == ["sent"]


def test_a_failure_of_an_earlier_try_told_again_does_not_send_a_third_time(stage: Stage) -> None:
    begun(stage)
    outlet = ToldMeanwhile(lambda _delivery, _own: None)
    stage.outlets["whatsapp"] = outlet
    stage.say("eins")
    stage.work()
    row = stage.rows()[-1]
    failure = Status("whatsapp", "failed", str(row.provider_id), row.id, "busy")
    stage.intake.take([failure])
    stage.time_passes()
    stage.work()
    stage.intake.take([failure, Status("whatsapp", "failed", str(row.provider_id), row.id, "9")])
    stage.time_passes()
    stage.work()
    assert len(outlet.sent) == 2
    assert stage.states()[1:] == ["sent"]


def test_a_failure_of_the_second_try_told_first_is_believed(stage: Stage) -> None:
    begun(stage)

    def told(delivery: Delivery, own: str) -> None:
        if len(outlet.sent) == 2:
            stage.intake.take([Status("whatsapp", "failed", own, delivery.id, "9")])

    outlet = ToldMeanwhile(told)
    stage.outlets["whatsapp"] = outlet
    stage.say("eins")
    stage.work()
    row = stage.rows()[-1]
    stage.intake.take([Status("whatsapp", "failed", str(row.provider_id), row.id, "busy")])
    stage.time_passes()
    stage.work()
    assert stage.states()[1:] == ["failed"]


def test_an_unknown_error_told_later_is_tried_again_since_it_is_no_longer_unclear(stage: Stage) -> None:
    begun(stage)
    stage.outlet.later_errors["unknown"] = Unclear("an unknown error", "131000")
    stage.say("eins")
    stage.work()
    stage.intake.take([Status("whatsapp", "failed", str(stage.rows()[-1].provider_id), code="unknown")])
    assert stage.states()[1:] == ["queued"]


# The account or the provider is in trouble for long.


def test_what_concerns_all_messages_is_waited_for_and_not_given_up(database_url: str) -> None:
    stage = Stage(database_url, MessagingSettings(retry=RetrySettings(tries=5)))
    begun(stage)
    trouble = NotTaken("the access token has expired", "190", for_all=True)
    stage.outlet.outcomes = [trouble] * 20
    stage.say("eins")
    for _ in range(20):
        stage.work()
        stage.deliveries.pauses = type(stage.deliveries.pauses)()
        stage.time_passes()
    assert stage.states()[1:] == ["queued"]
    stage.work()
    assert stage.outlet.texts == ["Verstanden: eins."]


def test_lasting_trouble_of_a_channel_leaves_the_workers_to_the_others(stage: Stage) -> None:
    begun(stage)
    stage.outlet.outcomes = [NotTaken("nobody there", "connect", for_all=True)] * 4
    stage.say("eins")
    for _ in range(4):
        stage.work()
        stage.time_passes()
    stage.say("zwei", address=joined("15550001", "4915559999"))
    stage.work()
    assert stage.outlet.sent == []
    assert stage.deliveries.pauses.left("whatsapp") > 0


# Killed between two lines, switched off, restored.


def test_a_turn_opens_the_window_in_the_moment_it_is_kept(stage: Stage) -> None:
    incoming = Incoming("whatsapp", CUSTOMER, "wamid.1", "Guten Tag")
    Store(stage.url).receive(incoming, "de", waiting_at_most=10, opens_window=True)
    stage.intake.take([incoming])
    stage.work()
    stage.woken += Store(stage.url).waiting_conversations()
    stage.work()
    assert stage.outlet.texts[-1] == "Verstanden: Guten Tag."


def test_turns_of_a_channel_that_is_off_wait_for_it(stage: Stage) -> None:
    begun(stage)
    stage.say("eins")
    del stage.outlets["whatsapp"]
    stage.work()
    store = stage.conversations.store
    assert [state for _text, state in stage.turns()] == ["done", "waiting"]
    assert store.waiting_conversations(stage.conversations.off_channels()) == []
    stage.outlets["whatsapp"] = stage.outlet
    stage.woken += store.waiting_conversations(stage.conversations.off_channels())
    stage.work()
    assert stage.outlet.texts == ["Verstanden: eins."]


def test_one_event_that_cannot_be_kept_does_not_lose_the_others(stage: Stage) -> None:
    class Broken(FakeOutlet):
        """An outlet that breaks when it is asked what a code means."""

        def error_of(self, code: str) -> DeliveryError:
            raise RuntimeError("broken")

    stage.outlets["whatsapp"] = stage.outlet = Broken()
    good = Incoming("whatsapp", CUSTOMER, "wamid.good", "Hallo")
    with pytest.raises(StoreError):
        stage.intake.take([Status("whatsapp", "failed", "x", code="1"), good])
    stage.work()
    assert stage.outlet.texts[-1] == "Verstanden: Hallo."


# Consent.


def test_stop_and_start_count_by_when_they_were_said(stage: Stage) -> None:
    begun(stage)
    now = utc_now()
    said = [("STOP", now - timedelta(minutes=1)), ("START", now - timedelta(minutes=2))]
    for word, at in said:
        stage.intake.take([Incoming("whatsapp", CUSTOMER, f"wamid.{word}", word, at=at)])
    assert consent(stage) is False
    stage.intake.take([Consent("whatsapp", CUSTOMER, "later", given=True, at=now)])
    assert consent(stage) is True


def test_a_notice_that_was_on_its_way_is_not_tried_again_after_stop(database_url: str) -> None:
    stage = Stage(database_url, with_templates(quiet=NEVER_QUIET))
    contact = stage.agrees()
    stage.last_wrote(30)

    def told(_delivery: Delivery, _own: str) -> None:
        outlet.sent.clear()
        if not stage.woken:
            stage.say("STOP")
            raise NotTaken("busy", "503")

    stage.outlets["whatsapp"] = outlet = ToldMeanwhile(told)
    stage.notices.notify(contact, "shipped", {"order": "1", "day": "2026-11-24"})
    stage.work()
    assert stage.rows()[-1].state == "queued"
    stage.time_passes()
    stage.work()
    assert (outlet.sent, stage.rows()[-1].state) == ([], "dropped")


def test_an_unclear_notice_is_given_up_by_stop(database_url: str) -> None:
    stage = Stage(database_url, with_templates(quiet=NEVER_QUIET))
    contact = stage.agrees()
    stage.last_wrote(30)
    stage.outlet.outcomes = [Unclear("cut off")]
    stage.notices.notify(contact, "shipped", {"order": "1", "day": "2026-11-24"})
    stage.work()
    stage.say("STOP")
    assert stage.rows()[-1].state == "dropped"


def test_stop_does_not_send_what_was_held(stage: Stage) -> None:
    begun(stage)
    stage.say("eins")
    stage.conversations.handle(stage.woken[0])
    stage.last_wrote(25)
    stage.work()
    stage.say("STOP")
    stage.time_passes()
    stage.work()
    assert stage.outlet.sent == []


@pytest.mark.parametrize("word", ["\u200eSTOP", "Stop?", "„Stopp“", "stop ✋"[:5]])
def test_stop_is_understood_with_signs_around_it(stage: Stage, word: str) -> None:
    begun(stage)
    stage.say(word)
    stage.work()
    assert (stage.outlet.sent, consent(stage)) == ([], False)


def test_words_in_the_settings_may_be_small(database_url: str) -> None:
    stage = Stage(database_url, MessagingSettings(opt_out_words=("halt",), opt_in_words=("los",)))
    begun(stage)
    stage.say("HALT")
    assert consent(stage) is False
    stage.say("Los!")
    assert consent(stage) is True


def test_start_is_thanked_for_in_its_turn_and_never_asked_of_the_engine(stage: Stage) -> None:
    begun(stage)
    stage.say("eins")
    stage.say("START")
    stage.woken = stage.woken[:1]
    stage.work()
    assert [text[:16] for text in stage.outlet.texts] == ["Verstanden: eins", "Danke. Wir dürfe"]
    assert [turn.text for turn in stage.engine.turns] == ["Guten Tag", "eins"]


def test_who_the_provider_says_has_opted_out_is_not_written_to_unasked_any_more(stage: Stage) -> None:
    begun(stage)
    stage.deliveries.opted_out = lambda told: stage.contacts.note_consent(told, source="provider")
    stage.outlet.outcomes = [OptedOut("blocked", "21610")]
    stage.say("eins")
    stage.work()
    assert consent(stage) is False


def test_who_writes_again_is_not_asked_to_write_again(database_url: str) -> None:
    stage = Stage(database_url, with_templates(quiet=QuietSettings("00:00", "23:59")))
    begun(stage)
    stage.say("eins")
    stage.conversations.handle(stage.woken[0])
    stage.last_wrote(25)
    stage.work()
    assert stage.states()[1:] == ["held", "held"]
    stage.say("zwei")
    stage.work()
    stage.time_passes()
    stage.work()
    assert stage.outlet.texts == ["Verstanden: eins.", "Verstanden: zwei."]


# Choices.


def test_the_answer_to_an_earlier_question_does_not_answer_the_present_one(stage: Stage) -> None:
    asked = {"eins": FIRST, "zwei": SECOND}
    stage.engine.answer = lambda turn: Answer((asked.get(turn.text, Reply("Gut.")),))
    begun(stage)
    stage.say("eins")
    stage.work()
    yes, _no = stage.outlet.sent[-1].form["ids"]
    stage.say("zwei")
    stage.work()
    stage.say("Ja", choice=yes)
    stage.work()
    assert [turn.text for turn in stage.engine.turns] == ["Guten Tag", "eins", "zwei"]
    assert stage.outlet.texts[-1].startswith("Diese Auswahl gibt es nicht mehr.")
    yes, _no = stage.outlet.sent[-2].form["ids"]
    stage.say("Ja", choice=yes)
    stage.work()
    assert stage.engine.turns[-1].intent == Intent("affirm")


def test_a_choice_stays_good_after_words_without_choices_and_when_its_question_was_asked_again(stage: Stage) -> None:
    asked = {"eins": FIRST, "nochmal": FIRST, "zwei": MENU}
    stage.engine.answer = lambda turn: Answer((asked.get(turn.text, Reply("Gut.")),))
    begun(stage)
    stage.say("eins")
    stage.work()
    yes, _no = stage.outlet.sent[-1].form["ids"]
    for between in ("Moment", "nochmal"):
        stage.say(between)
        stage.work()
        stage.say("Ja", choice=yes)
        stage.work()
        assert stage.engine.turns[-1].intent == Intent("affirm"), between


def test_a_choice_that_says_everything_itself_may_be_pressed_later(stage: Stage) -> None:
    asked = {"menü": MENU, "eins": FIRST}
    stage.engine.answer = lambda turn: Answer((asked.get(turn.text, Reply("Gut.")),))
    begun(stage)
    stage.say("menü")
    stage.work()
    (returns,) = stage.outlet.sent[-1].form["ids"]
    stage.say("eins")
    stage.work()
    stage.say("Retoure", choice=returns)
    stage.work()
    assert stage.engine.turns[-1].intent == Intent("start_return")


def test_a_choice_counts_in_the_first_message_under_a_new_id(stage: Stage) -> None:
    stage.engine.answer = lambda turn: Answer((FIRST,))
    begun(stage)
    stage.say("eins")
    stage.work()
    yes, _no = stage.outlet.sent[-1].form["ids"]
    new = joined("15550001", "DE.1349")
    stage.intake.take([Incoming("whatsapp", new, "wamid.n", "Ja bitte", choice=yes, former_address=CUSTOMER)])
    stage.work()
    assert stage.engine.turns[-1].intent == Intent("affirm")
    assert stage.outlet.sent[-1].address == new


def test_a_number_counts_also_after_a_notice_came_between(database_url: str) -> None:
    many = Reply("Welche?", tuple(Choice(f"Zelt {n}", f'/choose{{"index": "{n}"}}') for n in range(1, 6)))
    stage = Stage(database_url, with_templates(quiet=NEVER_QUIET))
    stage.engine.answer = lambda turn: Answer((many,))
    contact = stage.agrees()
    stage.say("Zelte")
    stage.work()
    stage.notices.notify(contact, "shipped", {"order": "1", "day": "2026-11-24"})
    stage.work()
    stage.say("2")
    stage.work()
    assert stage.engine.turns[-1].intent == Intent("choose", {"index": "2"})


# Edits and deletions at bad moments, empty messages, floods.


def test_a_typed_choice_that_is_corrected_is_no_longer_the_choice(stage: Stage) -> None:
    stage.engine.answer = lambda turn: Answer((FIRST,))
    begun(stage)
    stage.say("eins")
    stage.work()
    own = stage.say("Ja")
    stage.intake.take([Changed("whatsapp", own, "Lieber doch nicht")])
    stage.work()
    assert (stage.engine.turns[-1].intent, stage.engine.turns[-1].text) == (None, "Lieber doch nicht")
    own = stage.say("Ja")
    stage.intake.take([Changed("whatsapp", own, "nein")])
    stage.work()
    assert stage.engine.turns[-1].intent == Intent("deny")


def test_a_turn_taken_back_while_it_is_answered_is_answered(stage: Stage) -> None:
    begun(stage)
    own: list[str] = []

    def slow(turn: Turn) -> Answer:
        stage.intake.take([Changed("whatsapp", own[0], None)])
        return Answer((Reply("Ihre Bestellung ist storniert."),))

    stage.engine.answer = slow
    own.append(stage.say("Ja, stornieren"))
    stage.work()
    assert stage.outlet.texts == ["Ihre Bestellung ist storniert."]
    assert stage.turns()[-1] == ("", "done")


def test_a_turn_taken_back_between_two_tries_is_not_answered(stage: Stage) -> None:
    begun(stage)
    own: list[str] = []

    def breaks(turn: Turn) -> Answer:
        stage.intake.take([Changed("whatsapp", own[0], None)])
        raise RuntimeError("boom")

    stage.engine.answer = breaks
    own.append(stage.say("Ja, stornieren"))
    stage.work()
    assert (stage.outlet.texts, stage.turns()[-1]) == ([], ("", "dropped"))


@pytest.mark.parametrize("text", ["/", "///", "\u202e", "\u200e \u200f"])
def test_a_message_without_readable_content_is_told_so_and_never_asked_of_the_engine(stage: Stage, text: str) -> None:
    begun(stage)
    stage.say(text)
    assert stage.attachments()[-1] == [Attachment("unsupported", "")]


def test_who_writes_too_much_is_told_once(database_url: str) -> None:
    stage = Stage(database_url, MessagingSettings(turns_per_minute=3))
    for number in range(6):
        stage.say(f"Nummer {number}")
    stage.work()
    assert [state for _text, state in stage.turns()] == ["done"] * 4 + ["dropped"] * 2
    assert stage.outlet.texts[-1].startswith("Einen Moment bitte")
    assert len(stage.engine.turns) == 3


def test_a_consent_row_names_the_moment_it_was_said(stage: Stage) -> None:
    at = utc_now() - timedelta(days=2)
    Contacts(stage.url).note_consent(Consent("whatsapp", CUSTOMER, "c1", given=True, at=at), source="provider")
    with database.transaction(stage.url) as session:
        assert abs((session.scalars(select(ConsentRow.at)).one().replace(tzinfo=at.tzinfo) - at).total_seconds()) < 1


def test_a_closed_window_told_as_a_status_holds_and_asks_once(database_url: str) -> None:
    stage = Stage(database_url, with_templates(quiet=NEVER_QUIET))
    begun(stage)
    stage.outlet.later_errors["window"] = WindowClosed("closed", "window")
    stage.say("eins")
    stage.work()
    own = str(stage.rows()[-1].provider_id)
    for _ in range(2):
        stage.intake.take([Status("whatsapp", "failed", own, code="window")])
    stage.work()
    assert stage.states()[1:] == ["held", "sent"]
    assert stage.outlet.texts[-1] == "weiter_1()"


def test_what_a_status_leads_to_does_not_hold_up_what_is_written_down(database_url: str) -> None:
    stage = Stage(database_url, with_templates(quiet=NEVER_QUIET))
    stage.intake.write = Scribe(database_url).write
    begun(stage)
    stage.outlet.later_errors["window"] = WindowClosed("closed", "window")
    stage.say("eins")
    stage.work()
    sent = stage.rows()[-1]
    status = Status("whatsapp", "failed", str(sent.provider_id), code="window")
    telling = threading.Thread(target=stage.intake.take, args=([status],))
    with stage.deliveries.locks.of(f"reopen:{sent.conversation_id}"):
        telling.start()
        began = time.monotonic()
        while stage.states()[-1] != "held":
            assert time.monotonic() < began + 5
        stage.say("zwei")
        with database.transaction(database_url) as session:
            session.execute(text("UPDATE contacts SET channel = channel"))
        assert time.monotonic() - began < 1.5
    telling.join(5)
    assert not telling.is_alive()


def test_a_choice_without_a_readable_payload_counts_by_its_words(stage: Stage) -> None:
    stage.engine.answer = lambda turn: Answer((Reply("Und?", (Choice("Weiter", "weiter bitte"),)),))
    begun(stage)
    stage.say("eins")
    stage.work()
    (on,) = stage.outlet.sent[-1].form["ids"]
    stage.say("Weiter", choice=on)
    stage.say("weiter")
    stage.work()
    assert [(turn.intent, turn.text) for turn in stage.engine.turns[-2:]] == [(None, "Weiter"), (None, "weiter")]


def test_a_look_at_the_outbox_costs_the_same_however_much_was_sent(stage: Stage) -> None:
    engine, asked = database.connect(stage.url), list[tuple[str, object]]()

    def keep(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        asked.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", keep)
    stage.outbox.waiting()
    stage.outbox.release_held()
    stage.outbox.listed(("failed", "held", "unclear"), 50)
    stage.outbox.retry(["0123"])
    stage.outbox.beginning_with("0123")
    stage.outbox.has_due("c1")
    stage.outbox.note_seen(SeenUntil("whatsapp", CUSTOMER, "read", utc_now()))
    event.remove(engine, "before_cursor_execute", keep)
    with engine.connect() as connection:
        plans = [
            str(step[3])
            for statement, parameters in asked
            for step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)  # type: ignore[arg-type]
        ]
    assert len(asked) == 8
    assert not [plan for plan in plans if plan.startswith("SCAN")]
