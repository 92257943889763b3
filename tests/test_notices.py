"""What is said unasked: consent, quiet hours, a cap, and the 24-hour window with its approved templates."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import delete, update
from time_machine import Traveller

from bot import database
from bot.channels.events import Status
from bot.channels.outlet import Delivery, Form, NotTaken, Unclear
from bot.messaging_settings import MessagingSettings, QuietSettings
from bot.notices import NoticeError
from bot.tables import ConsentRow, DeliveryRow
from bot.turns import Reply, utc_now
from tests.fakes import FakeOutlet
from tests.messenger_stage import CUSTOMER, Stage, with_templates

SHIPPED = {"order": "10482917", "day": "2026-11-24"}
IN_WORDS = "Ihre Bestellung 10482917 ist unterwegs und kommt voraussichtlich am 24. November 2026 an."
NOON, NIGHT = datetime(2026, 11, 22, 11, 0, tzinfo=UTC), datetime(2026, 11, 22, 21, 30, tzinfo=UTC)
MORNING = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock() -> Iterator[Traveller]:
    """The clock of the whole process; it starts at noon and goes on."""
    with time_machine.travel(NOON) as coordinates:
        yield coordinates


@pytest.fixture
def stage(database_url: str) -> Stage:
    return Stage(database_url, with_templates())


def test_within_the_window_a_notice_is_said_in_our_own_words(stage: Stage) -> None:
    contact = stage.agrees()
    notice = stage.notices.notify(contact, "shipped", SHIPPED)
    stage.work()
    assert notice.state == "queued"
    assert stage.outlet.texts[-1] == IN_WORDS


def test_outside_the_window_the_approved_template_goes_out(stage: Stage) -> None:
    contact = stage.agrees()
    stage.last_wrote(30)
    assert stage.notices.notify(contact, "shipped", SHIPPED).state == "queued"
    stage.work()
    assert stage.outlet.texts[-1] == "versand_1(10482917, 24. November 2026)"


def test_without_an_approved_template_the_notice_waits_and_says_why(stage: Stage) -> None:
    contact = stage.agrees()
    stage.last_wrote(30)
    templates = with_templates().templates
    bare = type(templates["shipped"])(text="utter_notice_shipped", variables=templates["shipped"].variables)
    stage.notices.settings = with_templates(templates={"shipped": bare}, reopen="")
    notice = stage.notices.notify(contact, "shipped", SHIPPED)
    stage.work()
    assert (notice.state, "24 hours" in notice.why) == ("held", True)
    stage.say("Hallo")
    stage.work()
    assert IN_WORDS in stage.outlet.texts


def test_in_the_quiet_hours_a_notice_waits_for_the_morning(stage: Stage, clock: Traveller) -> None:
    contact = stage.agrees()
    clock.move_to(NIGHT)
    notice = stage.notices.notify(contact, "shipped", SHIPPED)
    assert notice.state == "held"
    assert notice.until == datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
    stage.work()
    assert IN_WORDS not in stage.outlet.texts
    clock.move_to(MORNING)
    stage.time_passes()
    stage.work()
    assert stage.outlet.texts[-1] == IN_WORDS


def test_nobody_is_written_to_without_consent(stage: Stage) -> None:
    stage.say("Guten Tag")
    stage.work()
    contact = stage.contacts.find("whatsapp", CUSTOMER)
    assert stage.notices.notify(contact, "shipped", SHIPPED).why == "the customer has not agreed"
    stage.agrees()
    stage.say("STOP")
    stage.work()
    assert stage.notices.notify(contact, "shipped", SHIPPED).why == "the customer opted out"


def test_who_opts_out_does_not_get_what_already_waits(stage: Stage, clock: Traveller) -> None:
    contact = stage.agrees()
    clock.move_to(NIGHT)
    assert stage.notices.notify(contact, "shipped", SHIPPED).state == "held"
    stage.say("STOP")
    stage.time_passes()
    stage.work()
    assert stage.rows()[-1].state == "dropped"
    assert not [text for text in stage.outlet.texts if "10482917" in text]


def test_there_are_only_so_many_notices_a_day(stage: Stage) -> None:
    contact = stage.agrees()
    notices = [stage.notices.notify(contact, "shipped", SHIPPED) for _ in range(4)]
    assert [notice.state == "refused" for notice in notices] == [False, False, False, True]
    assert notices[3].why == "too many notices today"


@pytest.mark.parametrize(
    ("template", "variables"),
    [
        ("unknown", {}),
        ("shipped", {"order": "1"}),
        ("shipped", {**SHIPPED, "more": "1"}),
        ("shipped", {"order": "1", "day": "morgen"}),
    ],
)
def test_a_notice_with_a_wrong_template_or_variables_is_an_error(
    stage: Stage, template: str, variables: dict[str, str]
) -> None:
    with pytest.raises(NoticeError):
        stage.notices.notify(stage.agrees(), template, variables)


def test_customers_words_cannot_fill_other_placeholders_or_lines(stage: Stage) -> None:
    contact = stage.agrees()
    stage.last_wrote(30)
    stage.notices.notify(contact, "shipped", {"order": "{day}\n\n   x", "day": "2026-11-24"})
    stage.work()
    assert stage.outlet.texts[-1] == "versand_1({day} x, 24. November 2026)"
    stage.last_wrote(1)
    stage.notices.notify(contact, "shipped", {"order": "{day}", "day": "2026-11-24"})
    stage.work()
    assert stage.outlet.texts[-1].startswith("Ihre Bestellung {day} ist unterwegs")


def test_a_customer_whose_answer_waits_is_asked_once_to_write_again(stage: Stage) -> None:
    stage.deliveries.reopen = stage.notices.reopen
    stage.say("Guten Tag")
    stage.work()
    stage.say("eins")
    stage.conversations.handle(stage.woken[0])
    stage.say("zwei")
    stage.conversations.handle(stage.woken[0])
    stage.last_wrote(25)
    stage.work()
    assert stage.outlet.texts[-1] == "weiter_1()"
    assert stage.states()[1:] == ["held", "held", "sent"]


def test_a_channel_without_window_needs_no_template(database_url: str) -> None:
    stage = Stage(database_url, with_templates(), FakeOutlet("sms", has_window=False))
    contact = stage.agrees()
    stage.last_wrote(500)
    stage.notices.notify(contact, "shipped", SHIPPED)
    stage.work()
    assert stage.outlet.texts[-1] == IN_WORDS


@pytest.mark.parametrize(
    ("begin", "end", "quiet", "loud"),
    [("21:00", "08:00", NIGHT, NOON), ("08:00", "21:00", NOON, NIGHT), ("00:00", "00:00", None, NOON)],
)
def test_quiet_hours_may_go_over_midnight(begin: str, end: str, quiet: datetime | None, loud: datetime) -> None:
    hours = QuietSettings(begin, end)
    assert not hours.holds(loud.time())
    assert quiet is None or hours.holds((quiet + timedelta(hours=1)).time())


def test_notices_can_be_free_of_consent_by_setting(database_url: str) -> None:
    stage = Stage(database_url, with_templates(MessagingSettings(notices_need_consent=False)))
    stage.say("Guten Tag")
    contact = stage.contacts.find("whatsapp", CUSTOMER)
    assert stage.notices.notify(contact, "shipped", SHIPPED).state == "queued"


def test_a_customer_who_writes_at_night_does_not_get_what_waits_for_the_morning(stage: Stage, clock: Traveller) -> None:
    contact = stage.agrees()
    clock.move_to(NIGHT)
    stage.notices.notify(contact, "shipped", SHIPPED)
    stage.say("Guten Abend")
    stage.work()
    assert stage.outlet.texts[-1] == "Verstanden: Guten Abend."
    notice = next(row for row in stage.rows() if row.kind == "notice")
    assert (notice.state, notice.why, notice.tries) == ("held", "quiet hours", 0)
    clock.move_to(MORNING)
    stage.time_passes()
    stage.work()
    assert stage.outlet.texts[-1] == IN_WORDS


@pytest.mark.parametrize("trouble", [NotTaken("down", "503"), Unclear("cut off")])
def test_a_notice_that_the_provider_did_not_take_by_day_is_not_sent_at_night(
    stage: Stage, trouble: Exception, clock: Traveller
) -> None:
    contact = stage.agrees()
    stage.outlet.outcomes = [trouble]
    assert stage.notices.notify(contact, "shipped", SHIPPED).state == "queued"
    stage.work()
    clock.move_to(NIGHT)
    stage.time_passes()
    stage.work()
    assert (stage.rows()[-1].state, stage.rows()[-1].why) == ("held", "quiet hours")
    clock.move_to(MORNING)
    stage.time_passes()
    stage.work()
    assert stage.outlet.texts.count(IN_WORDS) == 1
    assert stage.states()[-1] == "sent"


def test_a_failure_told_at_night_is_mended_in_the_morning(stage: Stage, clock: Traveller) -> None:
    contact = stage.agrees()
    stage.notices.notify(contact, "shipped", SHIPPED)
    stage.work()
    clock.move_to(NIGHT)
    stage.intake.take([Status("whatsapp", "failed", str(stage.rows()[-1].provider_id), code="busy")])
    stage.time_passes()
    stage.work()
    assert (stage.rows()[-1].state, stage.outlet.texts.count(IN_WORDS)) == ("held", 1)


def test_notices_that_waited_together_do_not_go_out_together_above_the_cap(stage: Stage, clock: Traveller) -> None:
    contact = stage.agrees()
    clock.move_to(NIGHT)
    for _ in range(3):
        stage.notices.notify(contact, "shipped", SHIPPED)
    stage.notices.settings = with_templates(notices_per_day=2)
    clock.move_to(MORNING)
    stage.time_passes()
    stage.work()
    assert stage.states()[1:] == ["sent", "sent", "held"]
    late = stage.rows()[-1]
    assert late.why == "too many notices today"
    with database.transaction(stage.url) as session:
        session.execute(update(DeliveryRow).values(sent_at=utc_now() - timedelta(days=2)))
    stage.time_passes()
    stage.work()
    assert stage.states()[1:] == ["sent"] * 3


def test_a_cap_of_none_ends_what_waits(stage: Stage, clock: Traveller) -> None:
    contact = stage.agrees()
    clock.move_to(NIGHT)
    stage.notices.notify(contact, "shipped", SHIPPED)
    stage.notices.settings = with_templates(notices_per_day=0)
    clock.move_to(MORNING)
    stage.time_passes()
    stage.work()
    assert stage.states()[1:] == ["dropped"]


def test_what_waits_is_not_sent_to_who_has_not_agreed_any_more(stage: Stage, clock: Traveller) -> None:
    contact = stage.agrees()
    clock.move_to(NIGHT)
    stage.notices.notify(contact, "shipped", SHIPPED)
    with database.transaction(stage.url) as session:
        session.execute(delete(ConsentRow))
    clock.move_to(MORNING)
    stage.time_passes()
    stage.work()
    assert (stage.rows()[-1].state, stage.rows()[-1].why) == ("dropped", "the customer has not agreed")


class InParts(FakeOutlet):
    """An outlet that needs three messages for a notice; `night_falls` when it takes one."""

    night_falls: Callable[[], None] = staticmethod(lambda: None)

    def forms(self, reply: Reply, reference: str) -> list[Form]:
        if reference == "notice":
            return [{"text": f"{part}/3", "ids": []} for part in (1, 2, 3)]
        return super().forms(reply, reference)

    def send(self, delivery: Delivery) -> str:
        self.night_falls()
        return super().send(delivery)


def test_a_notice_of_several_messages_counts_once_and_goes_out_whole(database_url: str, clock: Traveller) -> None:
    outlet = InParts()
    stage = Stage(database_url, with_templates(notices_per_day=1), outlet)
    contact = stage.agrees()
    stage.notices.notify(contact, "shipped", SHIPPED)
    assert stage.notices.notify(contact, "shipped", SHIPPED).why == "too many notices today"
    outlet.night_falls = lambda: clock.move_to(NIGHT)
    stage.work()
    assert stage.outlet.texts[-3:] == ["1/3", "2/3", "3/3"]


def test_the_request_to_write_waits_for_the_morning_too(stage: Stage, clock: Traveller) -> None:
    stage.say("Guten Tag")
    stage.conversations.handle(stage.woken[0])
    stage.last_wrote(25)
    stage.outlet.outcomes = [NotTaken("down", "503")]
    stage.work()
    assert [(row.kind, row.state) for row in stage.rows()] == [("reply", "held"), ("reopen", "queued")]
    clock.move_to(NIGHT)
    with database.transaction(stage.url) as session:
        only = DeliveryRow.kind == "reopen"
        session.execute(update(DeliveryRow).where(only).values(next_at=utc_now() - timedelta(seconds=1)))
    stage.woken.append(stage.rows()[-1].conversation_id)
    stage.work()
    assert (stage.rows()[-1].state, stage.rows()[-1].why) == ("held", "quiet hours")
