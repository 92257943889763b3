"""What is said unasked: consent, quiet hours, a cap, and the 24-hour window with its approved templates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.messaging_settings import MessagingSettings, QuietSettings
from bot.notices import NoticeError
from bot.turns import utc_now
from tests.fakes import FakeOutlet
from tests.messenger_stage import CUSTOMER, NOON, Stage, with_templates

SHIPPED = {"order": "10482917", "day": "2026-11-24"}
IN_WORDS = "Ihre Bestellung 10482917 ist unterwegs und kommt voraussichtlich am 24. November 2026 an."
NIGHT = datetime(2026, 11, 22, 21, 30, tzinfo=UTC)


@pytest.fixture
def stage(database_url: str) -> Stage:
    return Stage(database_url, with_templates())


def test_within_the_window_a_notice_is_said_in_our_own_words(stage: Stage) -> None:
    contact = stage.agrees()
    stage.now = utc_now()
    stage.notices.settings = with_templates(quiet=QuietSettings("00:00", "00:00"))
    notice = stage.notices.notify(contact, "shipped", SHIPPED)
    stage.work()
    assert notice.state == "queued"
    assert stage.outlet.texts[-1] == IN_WORDS


def test_outside_the_window_the_approved_template_goes_out(stage: Stage) -> None:
    contact = stage.agrees()
    stage.last_wrote(30)
    stage.notices.settings = with_templates(quiet=QuietSettings("00:00", "00:00"))
    assert stage.notices.notify(contact, "shipped", SHIPPED).state == "queued"
    stage.work()
    assert stage.outlet.texts[-1] == "versand_1(10482917, 24. November 2026)"


def test_without_an_approved_template_the_notice_waits_and_says_why(stage: Stage) -> None:
    contact = stage.agrees()
    stage.last_wrote(30)
    templates = with_templates().templates
    bare = type(templates["shipped"])(text="utter_notice_shipped", variables=templates["shipped"].variables)
    quiet = QuietSettings("00:00", "00:00")
    stage.notices.settings = with_templates(templates={"shipped": bare}, reopen="", quiet=quiet)
    notice = stage.notices.notify(contact, "shipped", SHIPPED)
    stage.work()
    assert (notice.state, "24 hours" in notice.why) == ("held", True)
    stage.say("Hallo")
    stage.work()
    assert IN_WORDS in stage.outlet.texts


def test_in_the_quiet_hours_a_notice_waits_for_the_morning(stage: Stage) -> None:
    contact = stage.agrees()
    stage.now = NIGHT
    notice = stage.notices.notify(contact, "shipped", SHIPPED)
    assert notice.state == "held"
    assert notice.until == datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
    stage.work()
    assert IN_WORDS not in stage.outlet.texts
    stage.time_passes()
    stage.work()
    assert "versand_1(10482917, 24. November 2026)" in stage.outlet.texts or IN_WORDS in stage.outlet.texts


def test_nobody_is_written_to_without_consent(stage: Stage) -> None:
    stage.say("Guten Tag")
    stage.work()
    contact = stage.contacts.find("whatsapp", CUSTOMER)
    assert stage.notices.notify(contact, "shipped", SHIPPED).why == "the customer has not agreed"
    stage.agrees()
    stage.say("STOP")
    stage.work()
    assert stage.notices.notify(contact, "shipped", SHIPPED).why == "the customer opted out"


def test_who_opts_out_does_not_get_what_already_waits(stage: Stage) -> None:
    contact = stage.agrees()
    stage.now = NIGHT
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
    stage.notices.settings = with_templates(quiet=QuietSettings("00:00", "00:00"))
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
    stage.notices.settings = with_templates(quiet=QuietSettings("00:00", "00:00"))
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
    assert stage.notices.notify(contact, "shipped", SHIPPED).state in ("queued", "held")
