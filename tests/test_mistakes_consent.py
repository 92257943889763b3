"""Learning only from those who want it: refusals and permissions of customers, on all their channels."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
from click.testing import CliRunner

from bot import database
from bot.cli import cli
from bot.mistakes.store import MistakeError, Mistakes
from bot.store import Store
from bot.turns import Answer, Effect, Incoming, LearningEffect, LinkEffect, Reply, Turn
from tests.conftest import free_port

ANNIKA = LinkEffect("27004118", "proven")
REFUSED, ALLOWED = LearningEffect(allowed=False), LearningEffect(allowed=True)


@dataclass
class Person:
    """Somebody at one address; `errs` says something that is not understood."""

    url: str
    mistakes: Mistakes
    address: str = field(default_factory=lambda: uuid.uuid4().hex)

    def __post_init__(self) -> None:
        self.store = Store(self.url)
        self.begins_anew()

    def begins_anew(self) -> None:
        """A new conversation at the same address, in which nothing is proven."""
        self.conversation = self.store.open_conversation("web", self.address, "de")

    def says(self, text: str, *effects: Effect) -> Turn:
        incoming = Incoming("web", "", uuid.uuid4().hex, text=text, conversation=self.conversation)
        received = self.store.receive(incoming, "de", waiting_at_most=10)
        turn = Turn(received.turn_id, self.conversation, "web", text)
        self.store.finish(turn, Answer((Reply("Ja."),), effects))
        return turn

    def errs(self, text: str) -> None:
        self.mistakes.report(self.says(text).id, "rejected")

    def refuses(self) -> None:
        self.says("bitte lernt nicht von mir", REFUSED)


@pytest.fixture
def mistakes(database_url: str) -> Mistakes:
    return Mistakes(database_url)


@pytest.fixture
def people(database_url: str, mistakes: Mistakes) -> Iterator[Person]:
    return (Person(database_url, mistakes) for _ in range(9))


def kept(mistakes: Mistakes) -> dict[str, int]:
    return {mistake.text: mistake.count for mistake in mistakes.open()}


def test_who_refuses_is_not_learnt_from_any_more_and_what_was_kept_goes(
    people: Iterator[Person], mistakes: Mistakes
) -> None:
    person, other = next(people), next(people)
    person.errs("habt ihr schneeschuhe zum leihen")
    person.errs("habt ihr schneeschuhe zum leihen")
    person.errs("macht ihr auch zelte wieder dicht")
    other.errs("macht ihr auch zelte wieder dicht")
    person.refuses()
    assert kept(mistakes) == {"macht ihr auch zelte wieder dicht": 1}
    person.errs("kann man bei euch klettern lernen")
    other.errs("wo kann ich bei euch parken")
    assert kept(mistakes) == {"macht ihr auch zelte wieder dicht": 1, "wo kann ich bei euch parken": 1}


def test_who_allows_it_again_is_learnt_from_again(people: Iterator[Person], mistakes: Mistakes) -> None:
    person = next(people)
    person.refuses()
    person.says("ihr dürft doch wieder", ALLOWED)
    person.errs("wo kann ich bei euch parken")
    assert kept(mistakes) == {"wo kann ich bei euch parken": 1}


def test_a_proven_customer_refuses_for_all_channels(people: Iterator[Person], mistakes: Mistakes) -> None:
    at_home, on_the_way, later = next(people), next(people), next(people)
    for person in (at_home, on_the_way):
        person.says("27004118, 22765", ANNIKA)
    on_the_way.errs("habt ihr schneeschuhe zum leihen")
    at_home.refuses()
    assert kept(mistakes) == {}
    on_the_way.errs("wo kann ich bei euch parken")
    later.says("27004118, 22765", ANNIKA)
    later.errs("macht ihr auch zelte wieder dicht")
    assert kept(mistakes) == {}


def test_a_telephone_number_alone_refuses_nothing_for_others(people: Iterator[Person], mistakes: Mistakes) -> None:
    caller, customer = next(people), next(people)
    caller.says("hallo", LinkEffect("27004118", "hint"))
    customer.says("27004118, 22765", ANNIKA)
    customer.errs("wo kann ich bei euch parken")
    caller.refuses()
    assert kept(mistakes) == {"wo kann ich bei euch parken": 1}
    customer.errs("macht ihr auch zelte wieder dicht")
    caller.errs("habt ihr schneeschuhe zum leihen")
    assert set(kept(mistakes)) == {"wo kann ich bei euch parken", "macht ihr auch zelte wieder dicht"}


def test_by_setting_only_who_agreed_is_learnt_from(people: Iterator[Person], database_url: str) -> None:
    asking = Mistakes(database_url, need_consent=True)
    silent, agreed = next(people), next(people)
    silent.mistakes = agreed.mistakes = asking
    agreed.says("ihr dürft von mir lernen", ALLOWED)
    silent.errs("wo kann ich bei euch parken")
    agreed.errs("macht ihr auch zelte wieder dicht")
    assert kept(asking) == {"macht ihr auch zelte wieder dicht": 1}


def test_a_refusal_before_the_proof_holds_for_all_channels_after_it(
    people: Iterator[Person], mistakes: Mistakes
) -> None:
    person, elsewhere = next(people), next(people)
    elsewhere.says("27004118, 22765", ANNIKA)
    elsewhere.errs("wo kann ich bei euch parken")
    person.refuses()
    assert kept(mistakes) == {"wo kann ich bei euch parken": 1}
    person.says("27004118, 22765", ANNIKA)
    assert kept(mistakes) == {}
    elsewhere.errs("macht ihr auch zelte wieder dicht")
    assert kept(mistakes) == {}


def test_only_who_has_proven_it_in_this_conversation_speaks_for_the_customer(
    people: Iterator[Person], mistakes: Mistakes
) -> None:
    person, elsewhere = next(people), next(people)
    for one in (person, elsewhere):
        one.says("27004118, 22765", ANNIKA)
    mistakes.note_consent("27004118", given=False)
    person.begins_anew()
    person.says("ihr dürft von mir lernen", ALLOWED)
    elsewhere.errs("wo kann ich bei euch parken")
    assert kept(mistakes) == {}


def test_what_was_said_while_it_was_refused_is_never_kept(people: Iterator[Person], mistakes: Mistakes) -> None:
    person = next(people)
    person.refuses()
    turn = person.says("wo kann ich bei euch parken")
    person.says("ihr dürft doch wieder", ALLOWED)
    assert mistakes.report(turn.id, "shadow") is None
    assert kept(mistakes) == {}


def test_a_turn_counts_once_however_it_is_reported_and_goes_with_all_its_reports(
    people: Iterator[Person], mistakes: Mistakes
) -> None:
    person, other = next(people), next(people)
    turn = person.says("wo kann ich bei euch parken")
    mistakes.report(turn.id, "rejected")
    mistakes.report(turn.id, "shadow")
    other.errs("wo kann ich bei euch parken")
    assert kept(mistakes) == {"wo kann ich bei euch parken": 2}
    person.refuses()
    assert kept(mistakes) == {"wo kann ich bei euch parken": 1}


def test_what_was_deleted_does_not_come_back_after_its_customer_refused(
    people: Iterator[Person], mistakes: Mistakes
) -> None:
    person, other = next(people), next(people)
    person.errs("wo kann ich bei euch parken")
    mistakes.settle(mistakes.open()[0].id, "delete", label=None, by="Kim")
    person.refuses()
    other.errs("wo kann ich bei euch parken")
    assert kept(mistakes) == {}


def test_a_decision_cannot_bring_back_what_was_forgotten(people: Iterator[Person], mistakes: Mistakes) -> None:
    person, other = next(people), next(people)
    person.errs("wo kann ich bei euch parken")
    (forgotten,) = mistakes.open()
    mistakes.settle(forgotten.id, "right", label="ask_store_location", by="Kim")
    person.refuses()
    other.errs("macht ihr auch zelte wieder dicht")
    with pytest.raises(MistakeError, match="does not want"):
        mistakes.reopen(forgotten)
    assert kept(mistakes) == {"macht ihr auch zelte wieder dicht": 1}
    other.errs("wo kann ich bei euch parken")
    assert kept(mistakes) == {"macht ihr auch zelte wieder dicht": 1, "wo kann ich bei euch parken": 1}


@pytest.mark.parametrize("place", ["sqlite", "postgresql"])
def test_nothing_is_kept_beside_a_refusal_that_is_being_noted(place: str, request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue("database_url")
    if place == "postgresql":
        url = str(request.getfixturevalue("postgresql")).replace("postgresql://", "postgresql+psycopg://")
    database.migrate(url)
    mistakes = Mistakes(url)
    for attempt in range(10):
        people = [Person(url, mistakes) for _ in range(4)]
        turns = [(person, person.says(f"wo kann ich bei euch parken {'sehr ' * attempt}")) for person in people]
        with ThreadPoolExecutor(8) as pool:
            done = [pool.submit(mistakes.report, turn.id, kind) for _, turn in turns for kind in ("rejected", "shadow")]
            done += [pool.submit(person.refuses) for person in people]
        assert not [future.exception() for future in done if future.exception()]
        assert kept(mistakes) == {}


def test_a_letter_is_noted_in_the_terminal(people: Iterator[Person], mistakes: Mistakes, database_url: str) -> None:
    person = next(people)
    person.says("27004118, 22765", ANNIKA)
    person.errs("wo kann ich bei euch parken")

    def inbox(*words: str) -> str:
        done = CliRunner().invoke(cli, ["inbox", *words], env={"DATABASE_URL": database_url}, catch_exceptions=False)
        assert done.exit_code == 0
        return done.output

    assert "sentences deleted: 1" in inbox("refuse", "27004118")
    person.errs("macht ihr auch zelte wieder dicht")
    assert kept(mistakes) == {}
    assert "look whether the number is right" in inbox("refuse", "2700411")
    assert "look whether" not in inbox("allow", "27004118")
    person.errs("macht ihr auch zelte wieder dicht")
    assert kept(mistakes) == {"macht ihr auch zelte wieder dicht": 1}


@pytest.mark.parametrize("place", ["sqlite", "postgresql"])
def test_a_letter_counts_for_an_address_that_proved_another_customer_later(
    place: str, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("database_url")
    if place == "postgresql":
        url = str(request.getfixturevalue("postgresql")).replace("postgresql://", "postgresql+psycopg://")
    database.migrate(url)
    mistakes = Mistakes(url)
    shared, other = Person(url, mistakes), Person(url, mistakes)
    shared.says("27004118, 22765", ANNIKA)
    shared.errs("habt ihr schneeschuhe zum leihen")
    shared.says("27004225, 10999", LinkEffect("27004225", "proven"))
    other.says("27004225, 10999", LinkEffect("27004225", "proven"))
    other.errs("wo kann ich bei euch parken")
    assert mistakes.note_consent("27004118", given=False) == (1, 1)
    assert kept(mistakes) == {"wo kann ich bei euch parken": 1}
    shared.errs("macht ihr auch zelte wieder dicht")
    assert set(kept(mistakes)) == {"wo kann ich bei euch parken", "macht ihr auch zelte wieder dicht"}


@pytest.mark.parametrize("number", ["", "   ", "Kundennummer 27004118", "27004118; drop", "9" * 100, "\udcff\udcfe"])
def test_what_is_no_customer_number_is_told(number: str, database_url: str) -> None:
    done = CliRunner().invoke(cli, ["inbox", "refuse", number], env={"DATABASE_URL": database_url})
    assert (done.exit_code, "as the shop writes it" in done.output) == (2, True)


def test_a_database_that_is_not_there_is_told() -> None:
    nowhere = {**os.environ, "DATABASE_URL": f"postgresql://portal@127.0.0.1:{free_port()}/portal"}
    command = [sys.executable, "-m", "bot.cli", "inbox", "refuse", "27004118"]
    done = subprocess.run(command, env=nowhere, capture_output=True, text=True, check=False)
    assert (done.returncode, "the database cannot be prepared" in done.stderr) == (2, True)
    assert "Traceback" not in done.stderr
