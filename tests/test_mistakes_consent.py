"""Learning only from those who want it: refusals and permissions of customers, on all their channels."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from click.testing import CliRunner

from bot.cli import cli
from bot.mistakes.collector import Collector
from bot.mistakes.store import Mistakes
from bot.store import Store
from bot.turns import Answer, Effect, Incoming, LearningEffect, LinkEffect, Reply, Turn

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
        """The customer says so, and the collector sees the turn."""
        turn = self.says("bitte lernt nicht von mir", REFUSED)
        collector = Collector(self.mistakes, unsure_below=0.7)
        collector.offer(turn)
        collector.stop()


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
