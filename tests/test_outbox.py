"""What was acknowledged is answered once and in order, whatever the provider does (invariants 2 and 3)."""

from __future__ import annotations

import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.channels.events import Changed, Consent, SeenUntil, State, Status
from bot.channels.outlet import NotTaken, OptedOut, Refused, Unclear, WindowClosed, joined
from bot.messaging_settings import MessagingSettings, RetrySettings
from bot.outbox_store import RANK
from bot.turns import Answer, Choice, Intent, Reply, utc_now
from tests.messenger_stage import CUSTOMER, NUMBERS, Stage

OTHER = joined("15550001", "4915550003")
ASKED = Reply("Wirklich?", (Choice("Ja", '/affirm{"x": "1"}'), Choice("Nein", "/deny")))
MANY = Reply("Welche?", tuple(Choice(f"Zelt {n}", f'/choose{{"index": "{n}"}}') for n in range(1, 6)))


@pytest.fixture
def stage(database_url: str) -> Stage:
    return Stage(database_url)


def first_turn(stage: Stage) -> str:
    """A conversation that has begun; what was said so far is forgotten."""
    own = stage.say("Guten Tag")
    stage.work()
    stage.outlet.sent.clear()
    return own


def test_a_turn_is_answered_on_its_channel_and_the_next_one_likewise(stage: Stage) -> None:
    stage.say("Wo ist mein Paket?")
    stage.work()
    assert stage.outlet.texts == ["Verstanden: Wo ist mein Paket?."]
    assert {delivery.address for delivery in stage.outlet.sent} == {CUSTOMER}
    assert stage.states() == ["sent"]
    stage.say("Danke")
    stage.work()
    assert stage.outlet.texts[1:] == ["Verstanden: Danke."]


def test_message_delivered_twice_is_answered_once(stage: Stage) -> None:
    own = first_turn(stage)
    stage.say("Guten Tag", provider_id=own)
    stage.work()
    assert stage.outlet.sent == []


def test_parallel_deliveries_of_a_message_are_answered_once(stage: Stage) -> None:
    first_turn(stage)
    together = threading.Barrier(8)

    def deliver() -> None:
        together.wait()
        stage.say("Hallo", provider_id="wamid.same")

    threads = [threading.Thread(target=deliver) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    workers = [threading.Thread(target=stage.work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert stage.outlet.texts == ["Verstanden: Hallo."]


def test_a_delivery_that_was_surely_not_taken_goes_out_again_before_the_next(stage: Stage) -> None:
    first_turn(stage)
    stage.outlet.outcomes = [NotTaken("busy", "429", retry_after=None)]
    stage.say("eins")
    stage.say("zwei")
    stage.work()
    assert stage.outlet.sent == []
    assert stage.states()[1:] == ["queued", "queued"]
    stage.time_passes()
    stage.work()
    assert stage.outlet.texts == ["Verstanden: eins.", "Verstanden: zwei."]


def test_one_customers_trouble_does_not_hold_up_another(stage: Stage) -> None:
    first_turn(stage)
    stage.outlet.outcomes = [NotTaken("busy", "503")]
    stage.say("eins")
    stage.work()
    stage.say("zwei", address=OTHER)
    stage.work()
    assert stage.outlet.texts[-1] == "Verstanden: zwei."


def test_a_provider_that_asks_to_wait_is_left_alone_meanwhile(stage: Stage) -> None:
    first_turn(stage)
    stage.outlet.outcomes = [NotTaken("too fast", "429", retry_after=60)]
    stage.say("eins")
    stage.work()
    stage.say("zwei", address=OTHER)
    stage.work()
    assert stage.outlet.sent == []
    assert stage.outbox.release_held() == []


def test_a_delivery_without_a_clear_answer_is_not_sent_again_when_the_provider_has_it(stage: Stage) -> None:
    first_turn(stage)
    stage.outlet.outcomes = [Unclear("cut off")]
    stage.say("eins")
    stage.work()
    assert stage.states()[1:] == ["unclear"]
    stage.outlet.found = "SM1"
    stage.time_passes()
    stage.work()
    assert stage.outlet.sent == []
    assert stage.rows()[-1].provider_id == "SM1"
    assert stage.states()[1:] == ["sent"]


def test_news_of_the_provider_settle_what_was_unclear(stage: Stage) -> None:
    first_turn(stage)
    stage.outlet.outcomes = [Unclear("cut off")]
    stage.say("eins")
    stage.say("zwei")
    stage.work()
    unclear = stage.rows()[1]
    stage.intake.take([Status("whatsapp", "sent", "wamid.out", delivery=unclear.id)])
    stage.work()
    assert stage.outlet.texts == ["Verstanden: zwei."]
    assert stage.rows()[1].provider_id == "wamid.out"


def test_an_unclear_delivery_nobody_knows_of_goes_out_again_after_its_time(stage: Stage) -> None:
    first_turn(stage)
    stage.outlet.outcomes = [Unclear("cut off")]
    stage.say("eins")
    stage.work()
    assert stage.outlet.sent == []
    stage.time_passes()
    stage.work()
    assert stage.outlet.texts == ["Verstanden: eins."]


def test_a_crash_while_sending_leaves_the_delivery_unclear(stage: Stage) -> None:
    first_turn(stage)
    stage.say("eins")
    conversation = stage.woken[0]
    stage.conversations.handle(conversation)
    taken = stage.outbox.take(conversation)
    assert taken is not None
    assert not taken.was_unclear
    assert stage.outbox.take(conversation) is None
    stage.outlet.found = "SM2"
    stage.time_passes()
    stage.work()
    assert stage.outlet.sent == []
    assert stage.states()[1:] == ["sent"]


def test_after_a_crash_the_providers_news_are_awaited_before_a_delivery_goes_out_again(stage: Stage) -> None:
    first_turn(stage)
    stage.say("eins")
    conversation = stage.woken[0]
    stage.conversations.handle(conversation)
    taken = stage.outbox.take(conversation)
    assert taken is not None
    stage.time_passes()
    stage.work()
    assert (stage.outlet.sent, stage.states()[-1]) == ([], "unclear")
    stage.intake.take([Status("whatsapp", "sent", "wamid.out", delivery=taken.delivery.id)])
    stage.time_passes()
    stage.work()
    assert (stage.outlet.sent, stage.states()[-1]) == ([], "sent")


def test_after_an_outage_the_providers_news_are_awaited_once(stage: Stage) -> None:
    first_turn(stage)
    stage.outlet.outcomes = [Unclear("cut off")]
    stage.say("eins")
    stage.work()
    for sent in ([], ["Verstanden: eins."]):
        stage.time_passes(late=60)
        stage.work()
        assert stage.outlet.texts == sent


@pytest.mark.parametrize("error", [Refused("no such number", "131026"), OptedOut("blocked", "21610")])
def test_what_the_provider_never_takes_is_a_dead_letter_and_does_not_stop_the_next(
    stage: Stage, error: Refused
) -> None:
    first_turn(stage)
    stage.outlet.outcomes = [error]
    stage.say("eins")
    stage.say("zwei")
    stage.work()
    assert stage.outlet.texts == ["Verstanden: zwei."]
    assert stage.states()[1:] == ["failed", "sent"]
    (dead,) = stage.outbox.listed(("failed",), 10)
    assert dead.code == error.code
    assert stage.outbox.retry([dead.id]) == 1
    stage.woken.append(dead.conversation)
    stage.work()
    assert stage.outlet.texts[-1] == "Verstanden: eins."


def test_a_delivery_that_keeps_failing_is_given_up_after_so_many_tries(database_url: str) -> None:
    stage = Stage(database_url, MessagingSettings(retry=RetrySettings(tries=3)))
    first_turn(stage)
    stage.outlet.outcomes = [NotTaken("down", "503")] * 5
    stage.say("eins")
    for _ in range(5):
        stage.work()
        stage.time_passes()
    assert stage.states()[1:] == ["failed"]
    assert stage.outlet.outcomes == [stage.outlet.outcomes[0]] * 2
    assert stage.outbox.drop([stage.rows()[-1].id]) == 1
    assert stage.states()[1:] == ["dropped"]


def test_retry_and_drop_leave_alone_what_is_under_way_or_arrived(stage: Stage) -> None:
    first_turn(stage)
    ids = [row.id for row in stage.rows()]
    assert stage.outbox.retry(ids) == 0
    assert stage.outbox.drop(ids) == 0


def test_pauses_grow_and_end(stage: Stage) -> None:
    pauses = [stage.deliveries.pause_after(tries) for tries in (1, 2, 4, 8, 500)]
    assert pauses[0] < 1.5
    assert pauses[0] < pauses[1] < pauses[2] < pauses[3]
    assert pauses[4] <= stage.settings.retry.most_seconds * 1.25


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(news=st.lists(st.sampled_from(["sent", "delivered", "read", "failed"]), max_size=8))
def test_news_in_any_order_move_a_state_forward_only(news: list[State], stage: Stage) -> None:
    stage.say("eins", address=joined("15550001", f"4915{next(NUMBERS)}"))
    stage.work()
    delivery, before = stage.rows()[-1], RANK["sent"]
    for state in news:
        stage.intake.take([Status("whatsapp", state, str(delivery.provider_id))])
        now = RANK[stage.rows()[-1].state]
        assert now == max(before, RANK[state])
        before = now


def test_a_watermark_moves_all_that_was_sent_before(stage: Stage) -> None:
    stage.say("eins")
    stage.work()
    stage.intake.take([SeenUntil("whatsapp", CUSTOMER, "read", utc_now())])
    assert stage.states() == ["read"]
    stage.intake.take([SeenUntil("whatsapp", CUSTOMER, "delivered", utc_now())])
    assert stage.states() == ["read"]


def test_news_of_unknown_deliveries_change_nothing(stage: Stage) -> None:
    stage.intake.take([Status("whatsapp", "read", "wamid.unknown"), Status("whatsapp", "sent", "x", delivery="y")])
    assert stage.rows() == []


def test_an_answer_too_late_for_the_window_waits_until_the_customer_writes(stage: Stage) -> None:
    first_turn(stage)
    stage.say("eins")
    stage.conversations.handle(stage.woken[0])
    stage.last_wrote(25)
    stage.work()
    assert stage.outlet.sent == []
    assert stage.states()[1:] == ["held"]
    assert stage.rows()[-1].why == "the 24 hours are over"
    stage.say("zwei")
    stage.work()
    assert stage.outlet.texts == ["Verstanden: eins.", "Verstanden: zwei."]


def test_a_provider_that_says_the_window_is_closed_is_believed(stage: Stage) -> None:
    first_turn(stage)
    stage.outlet.outcomes = [WindowClosed("re-engagement", "131047")]
    stage.say("eins")
    stage.work()
    assert stage.states()[1:] == ["held"]


def test_a_pressed_choice_counts_only_where_it_was_offered(stage: Stage) -> None:
    stage.engine.answer = lambda turn: Answer((ASKED,))
    first_turn(stage)
    stage.say("noch einmal")
    stage.work()
    yes, _no = stage.outlet.sent[-1].form["ids"]
    stage.say("Ja", choice=yes)
    stage.work()
    assert stage.engine.turns[-1].intent == Intent("affirm", {"x": "1"})
    stage.say("Ja", choice=yes, address=OTHER)
    stage.work()
    assert stage.engine.turns[-1].intent is None
    for forged in ("/restart", '/affirm{"x": "2"}', f"{yes}9", "..", f"{yes}.1", "0.0.0"):
        stage.say("etwas anderes", choice=forged)
        stage.work()
        assert stage.engine.turns[-1].intent is None


def test_a_number_or_a_label_stands_for_a_choice_of_the_last_answer(stage: Stage) -> None:
    stage.engine.answer = lambda turn: Answer((MANY,))
    first_turn(stage)
    for typed in ("3", "3.", "(3)", "zelt 3"):
        stage.say(typed)
        stage.work()
        assert stage.engine.turns[-1].intent == Intent("choose", {"index": "3"}), typed
    stage.say("7")
    stage.work()
    assert stage.engine.turns[-1].intent is None


def test_a_number_means_itself_where_choices_are_not_numbered(stage: Stage) -> None:
    stage.engine.answer = lambda turn: Answer((ASKED,))
    first_turn(stage)
    stage.say("2")
    stage.work()
    assert stage.engine.turns[-1].intent is None


def test_typed_commands_are_words(stage: Stage) -> None:
    first_turn(stage)
    stage.say("/restart")
    stage.work()
    assert stage.engine.turns[-1].text == "restart"
    assert stage.engine.turns[-1].intent is None


def test_more_turns_a_minute_than_allowed_are_kept_and_only_the_first_is_answered(database_url: str) -> None:
    stage = Stage(database_url, MessagingSettings(turns_per_minute=3))
    for number in range(6):
        stage.say(f"Nummer {number}")
    stage.work()
    assert [state for _text, state in stage.turns()] == ["done"] * 4 + ["dropped"] * 2


@pytest.mark.parametrize("word", ["STOP", "stop", " Stopp! ", "Abmelden"])
def test_a_word_to_opt_out_is_kept_and_not_answered(stage: Stage, word: str) -> None:
    first_turn(stage)
    stage.say(word)
    stage.work()
    assert stage.outlet.sent == []
    contact = stage.contacts.find("whatsapp", CUSTOMER)
    reach = stage.contacts.reach(contact, language="de")
    assert reach is not None
    assert reach.consent is False
    stage.say("Wo ist mein Paket?")
    stage.work()
    assert stage.outlet.texts == ["Verstanden: Wo ist mein Paket?."]


def test_consent_told_twice_by_the_provider_is_written_once(stage: Stage) -> None:
    for _ in range(2):
        stage.intake.take([Consent("whatsapp", CUSTOMER, "wamid.stop", given=False)])
    reach = stage.contacts.reach(stage.contacts.find("whatsapp", CUSTOMER), language="de")
    assert reach is not None
    assert reach.consent is False


def test_a_turn_taken_back_before_its_answer_is_not_answered_and_its_words_are_gone(stage: Stage) -> None:
    first_turn(stage)
    own = stage.say("falsch")
    stage.intake.take([Changed("whatsapp", own, None)])
    stage.work()
    assert stage.outlet.sent == []
    assert stage.turns()[-1] == ("", "dropped")


def test_a_turn_changed_before_its_answer_is_answered_as_it_is_now(stage: Stage) -> None:
    first_turn(stage)
    own = stage.say("Bestelung")
    stage.intake.take([Changed("whatsapp", own, "Bestellung")])
    stage.work()
    assert stage.outlet.texts == ["Verstanden: Bestellung."]


def test_a_customer_known_by_number_is_the_same_under_a_new_id(stage: Stage) -> None:
    first_turn(stage)
    (before,) = {row.conversation_id for row in stage.rows()}
    from bot.turns import Incoming

    new = joined("15550001", "DE.1349")
    turn = Incoming("whatsapp", new, "wamid.new", "Ich bin es", former_address=CUSTOMER)
    stage.intake.take([turn])
    stage.work()
    assert {row.conversation_id for row in stage.rows()} == {before}
    assert stage.outlet.sent[-1].address == new


def test_a_failing_engine_does_not_block_the_next_message(stage: Stage) -> None:
    first_turn(stage)

    def moody(turn: object) -> Answer:
        if getattr(turn, "text", "") == "Gift":
            raise RuntimeError("boom")
        return Answer((Reply("geht"),))

    stage.engine.answer = moody
    stage.say("Gift")
    stage.say("weiter")
    stage.work()
    assert stage.outlet.texts[-1] == "geht"
    assert stage.turns()[-2:] == [("Gift", "failed"), ("weiter", "done")]
    assert len(stage.outlet.texts) == 2


def test_a_failure_told_later_is_mended_where_it_can_be(stage: Stage) -> None:
    first_turn(stage)
    stage.say("eins")
    stage.work()
    first = str(stage.rows()[-1].provider_id)
    stage.intake.take([Status("whatsapp", "failed", first, code="busy")])
    assert stage.states()[1:] == ["queued"]
    stage.intake.take([Status("whatsapp", "sent", first), Status("whatsapp", "failed", first, code="busy")])
    assert stage.states()[1:] == ["queued"]
    stage.time_passes()
    stage.work()
    assert stage.outlet.texts == ["Verstanden: eins.", "Verstanden: eins."]
    stage.intake.take([Status("whatsapp", "failed", f"provider-{stage.rows()[-1].id}", code="window")])
    assert stage.states()[1:] == ["held"]


def test_a_failure_told_after_the_message_arrived_changes_nothing(stage: Stage) -> None:
    first_turn(stage)
    stage.say("eins")
    stage.work()
    own = str(stage.rows()[-1].provider_id)
    for news in (Status("whatsapp", "delivered", own), Status("whatsapp", "failed", own, code="busy")):
        stage.intake.take([news])
    assert stage.states()[1:] == ["delivered"]


def test_an_answer_in_several_parts_is_one_message_and_its_choices_still_count(stage: Stage) -> None:
    stage.engine.answer = lambda turn: Answer((Reply("Gern."), ASKED))
    stage.say("stornieren")
    stage.work()
    assert stage.outlet.texts == ["Gern.", "Wirklich?"]
    assert len({row.reply_id for row in stage.rows()}) == 1
    stage.say("Ja", choice=stage.outlet.sent[-1].form["ids"][0])
    stage.work()
    assert stage.engine.turns[-1].intent == Intent("affirm", {"x": "1"})


def test_a_choice_pressed_while_a_newer_question_is_on_its_way_does_not_answer_that(stage: Stage) -> None:
    stage.engine.answer = lambda turn: Answer((Reply(f"{turn.text}?", ASKED.choices),))
    stage.say("alles stornieren")
    stage.work()
    yes = stage.outlet.sent[-1].form["ids"][0]
    stage.say("doch nur das Zelt stornieren")
    stage.say("Ja", choice=yes)
    stage.work()
    assert [turn.text for turn in stage.engine.turns] == ["alles stornieren", "doch nur das Zelt stornieren"]
    assert stage.outlet.texts[-1].startswith("Diese Auswahl gibt es nicht mehr.")
    stage.say("Ja", choice=stage.outlet.sent[-2].form["ids"][0])
    stage.work()
    assert stage.engine.turns[-1].intent == Intent("affirm", {"x": "1"})


def test_a_choice_pressed_while_its_question_is_asked_again_answers_it(stage: Stage) -> None:
    stage.engine.answer = lambda turn: Answer((ASKED,))
    stage.say("stornieren")
    stage.work()
    stage.say("Moment")
    stage.say("Ja", choice=stage.outlet.sent[-1].form["ids"][0])
    stage.work()
    assert stage.engine.turns[-1].intent == Intent("affirm", {"x": "1"})


@pytest.mark.parametrize("answers_between", [1, 8])
def test_only_the_last_question_is_answered_however_much_was_said_since(stage: Stage, answers_between: int) -> None:
    stage.engine.answer = lambda turn: Answer((Reply(f"{turn.text}?", ASKED.choices),))
    ids = []
    for words in ("eins", "zwei"):
        stage.say(words)
        stage.work()
        ids.append(stage.outlet.sent[-1].form["ids"][0])
    stage.engine.answer = lambda turn: Answer((Reply("Aha."),))
    for _ in range(answers_between):
        stage.say("Übrigens")
        stage.work()
    stage.say("Ja", choice=ids[0])
    stage.work()
    assert stage.outlet.texts[-1].startswith("Diese Auswahl gibt es nicht mehr.")
    stage.say("Ja", choice=ids[1])
    stage.work()
    assert stage.engine.turns[-1].intent == Intent("affirm", {"x": "1"})
