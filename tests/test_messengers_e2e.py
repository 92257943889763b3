"""Customers of the messengers talk to a whole portal with the real model; the sandbox plays their providers."""

from __future__ import annotations

import random
import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.cli.outbox import outbox
from bot.sandbox import Customer, FaultSettings, Sandbox
from tests.conftest import free_port
from tests.load.checks import wait_until_done
from tests.load.site import Balanced, Site, lay_out

CHANNELS = ("whatsapp", "messenger", "sms", "twilio_whatsapp")
QUESTIONS = (("Was kostet der Versand?", "4,95"), ("Wie kann ich bezahlen?", "PayPal"), ("Was kannst du?", "Ich helfe"))
SECONDS = 40.0
STOPPED = 21610


@dataclass(frozen=True)
class Stage:
    """A portal and its providers."""

    site: Site
    sandbox: Sandbox


@pytest.fixture(scope="module")
def stage(model: Path, demo_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder, port = tmp_path_factory.mktemp("messengers"), free_port()
    shutil.copy(demo_database, folder / "portal.db")
    lay_out(folder, model, {"messaging": {"retry": {"unclear_seconds": 8.0}}})
    with Sandbox(send_to="http://127.0.0.1", transport=Balanced([port])) as sandbox:
        site = Site(folder, f"sqlite:///{folder / 'portal.db'}", sandbox.environment(), [port])
        site.start()
        yield Stage(site, sandbox)
        site.stop()


@pytest.fixture
def sandbox(stage: Stage) -> Sandbox:
    return stage.sandbox


def somebody(sandbox: Sandbox, channel: str, number: int) -> Customer:
    """A customer of a channel; the phone numbers are kept free for films."""
    return sandbox.customer(channel, f"24681357{number:03d}" if channel == "messenger" else f"+493023125{number:03d}")


def hears(customer: Customer, words: str, after: int) -> None:
    """These words arrive after the first messages."""
    customer.wait_for(words, count=after, seconds=SECONDS)


def says(customer: Customer, text: str, answer: str) -> None:
    """The customer writes and gets an answer with these words."""
    count = len(customer.received())
    customer.says(text)
    hears(customer, answer, count)


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_whole_matter_is_served(sandbox: Sandbox, channel: str) -> None:
    customer = somebody(sandbox, channel, 1)
    says(customer, "Wo ist meine Bestellung 10482917?", "Postleitzahl")
    assert "eine KI und kein Mensch" in customer.received()[0].shown.text
    says(customer, "22765", "mit DHL unterwegs")
    says(customer, "Ich möchte die Bestellung 10484665 stornieren", "Postleitzahl")
    says(customer, "10999", "wirklich stornieren")
    count = len(customer.received())
    if channel == "sms":
        assert "1 Ja\n2 Nein" in customer.received()[-1].shown.text
        customer.says("2")
    else:
        customer.presses("Nein")
    hears(customer, "nichts geändert", count)


@pytest.mark.parametrize("channel", CHANNELS)
def test_photos_and_places_are_answered(sandbox: Sandbox, channel: str) -> None:
    customer = somebody(sandbox, channel, 2)
    customer.sends_photo()
    hears(customer, "Foto ist angekommen", 0)
    customer.shares_place()
    hears(customer, "Nordwind Hamburg", 0)


@pytest.mark.parametrize("channel", CHANNELS)
def test_stop_and_start_are_obeyed(sandbox: Sandbox, channel: str) -> None:
    customer = somebody(sandbox, channel, 3)
    says(customer, "Was kostet der Versand?", "4,95")
    count = len(customer.received())
    customer.stops()
    customer.says("START")
    says(customer, "Wie kann ich bezahlen?", "Rechnung")
    thanks = [
        message for message in customer.received()[count:] if "ab jetzt von uns aus schreiben" in message.shown.text
    ]
    assert len(thanks) == (0 if channel == "sms" else 1), "by SMS Twilio itself answers these words"
    assert len(customer.received()) == count + 1 + len(thanks)


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_message_that_comes_three_times_is_answered_once(sandbox: Sandbox, channel: str) -> None:
    customer = somebody(sandbox, channel, 4)
    says(customer, "Hallo", "")
    event = customer.event_of_text("Was kostet der Versand?")
    at_once = [threading.Thread(target=sandbox.send, args=(event,)) for _ in range(2)]
    for thread in at_once:
        thread.start()
    for thread in at_once:
        thread.join()
    customer.wait_for("4,95", seconds=SECONDS)
    assert sandbox.send(event) == 200
    says(customer, "Wie kann ich bezahlen?", "Rechnung")
    assert sum("4,95" in message.shown.text for message in customer.received()) == 1


def command(*words: str) -> Result:
    """What `sprachportal outbox` says."""
    return CliRunner().invoke(outbox, words, catch_exceptions=False)


def test_a_dead_letter_is_shown_and_sent_anew(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", stage.site.database_url)
    sandbox, customer = stage.sandbox, somebody(stage.sandbox, "sms", 5)
    says(customer, "Hallo", "")
    customer.person.opted_out = True
    customer.says("Was kostet der Versand?")
    assert sandbox.world.wait(lambda: STOPPED in [each.code for each in sandbox.violations], SECONDS)
    shown = command("--state", "failed", "--json")
    for _ in range(50):
        if not shown.output.strip():
            time.sleep(0.1)
            shown = command("--state", "failed", "--json")
    assert f'"code":"{STOPPED}"' in shown.output
    assert "4,95" not in shown.output
    customer.person.opted_out = False
    assert "sent anew" in command("retry", "--all").output
    customer.wait_for("4,95", seconds=SECONDS)


def test_kill_9_while_answers_of_providers_are_lost_loses_nothing_and_sends_nothing_twice(stage: Stage) -> None:
    site, sandbox = stage.site, stage.sandbox
    customers = [somebody(sandbox, channel, 6) for channel in CHANNELS]
    sandbox.faults.set(FaultSettings(shares={"cut_after": 0.5}, status_seconds=(0.3, 1.0)))
    before = len(sandbox.messages)
    for question, _ in QUESTIONS:
        for customer in customers:
            customer.says(question)
    assert sandbox.world.wait(lambda: len(sandbox.world.messages) >= before + len(customers), SECONDS)
    site.processes[0].kill(random.Random(1), whole=True)
    for customer in customers:
        hears(customer, QUESTIONS[-1][1], 0)
    assert wait_until_done(site.database_url, sandbox, SECONDS)
    for customer in customers:
        texts = [message.shown.text for message in customer.received()]
        found = [at for _, answer in QUESTIONS for at, text in enumerate(texts) if answer in text]
        assert len(found) == len(QUESTIONS), texts
        assert found == sorted(found), texts
    assert set(Counter(message.delivery for message in sandbox.messages).values()) == {1}
    assert len(site.processes[0].starts) == 2


def test_no_rule_of_a_provider_was_broken(sandbox: Sandbox) -> None:
    assert [violation for violation in sandbox.violations if violation.code != STOPPED] == []
