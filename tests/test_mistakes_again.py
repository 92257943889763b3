"""Decided sentences that go wrong again: they come back when a model that was trained later fails as well."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from bot import database
from bot.mistakes.store import Kind, MistakeError, Mistakes
from bot.models import Register
from bot.training import MOMENT, SUFFIX, Model
from bot.turns import utc_now
from tests.model_copies import write_least_model
from tests.test_mistakes_consent import Person, kept

PARKING = "wo kann ich bei euch parken"


@pytest.fixture
def person(database_url: str) -> Person:
    return Person(database_url, Mistakes(database_url))


def decide(person: Person, decision: str = "right") -> int:
    """Decide on the only sentence; its id."""
    (found,) = person.mistakes.open()
    person.mistakes.settle(found.id, decision, label="ask_store_location", by="Kim")
    return found.id


def promote(person: Person, folder: Path, *, trained: float) -> None:
    """Promote a model now that was trained so many seconds from now."""
    name = f"{utc_now() + timedelta(seconds=trained):{MOMENT}}-aaaaaaaa"
    write_least_model(folder / f"{name}{SUFFIX}")
    register = Register(person.url)
    register.add(Model(folder / f"{name}{SUFFIX}"), by="Kim")
    live = register.in_state("live")
    register.promote(name, by="Kim", instead_of=live.name if live else None)


def test_a_decided_sentence_comes_back_when_a_later_model_fails_and_is_counted_from_then(
    person: Person, tmp_path: Path
) -> None:
    for _ in range(3):
        person.errs(PARKING)
    decided = decide(person)
    person.errs(PARKING)
    assert kept(person.mistakes) == {}
    promote(person, tmp_path, trained=0)
    person.errs(PARKING)
    assert [(found.id, found.count, found.kinds) for found in person.mistakes.open()] == [(decided, 1, ("rejected",))]
    person.errs(PARKING)
    assert kept(person.mistakes) == {PARKING: 2}
    decide(person)
    person.errs(PARKING)
    assert kept(person.mistakes) == {}


def test_a_turn_from_before_and_a_model_from_before_bring_nothing_back(person: Person, tmp_path: Path) -> None:
    person.errs(PARKING)
    decide(person)
    promote(person, tmp_path, trained=-60)
    person.errs(PARKING)
    before = person.says(PARKING)
    promote(person, tmp_path, trained=0)
    person.mistakes.report(before.id, "shadow")
    assert kept(person.mistakes) == {}


def test_what_was_deleted_stays_away_whatever_is_promoted(person: Person, tmp_path: Path) -> None:
    person.errs(PARKING)
    decide(person, "delete")
    promote(person, tmp_path, trained=0)
    person.errs(PARKING)
    assert kept(person.mistakes) == {}


def test_what_came_back_goes_with_its_customers_refusal(person: Person, tmp_path: Path) -> None:
    person.errs(PARKING)
    decided = decide(person)
    promote(person, tmp_path, trained=0)
    person.errs(PARKING)
    person.refuses()
    assert kept(person.mistakes) == {}
    with pytest.raises(MistakeError):
        person.mistakes.get(decided)


@pytest.mark.parametrize("undone", [False, True])
@pytest.mark.parametrize("place", ["sqlite", "postgresql"])
def test_what_came_back_is_decided_as_before_when_only_who_refuses_had_said_it_since(
    place: str, undone: bool, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = request.getfixturevalue("database_url")
    if place == "postgresql":
        url = str(request.getfixturevalue("postgresql")).replace("postgresql://", "postgresql+psycopg://")
    database.migrate(url)
    other, person = Person(url, Mistakes(url)), Person(url, Mistakes(url))
    text = f"{PARKING} {'sehr ' * undone}".strip()
    other.errs(text)
    decided = decide(other)
    promote(other, tmp_path, trained=undone)
    person.errs(text)
    (back,) = person.mistakes.open()
    if undone:
        decide(person, "delete")
        person.mistakes.reopen(back)
    person.refuses()
    with pytest.raises(MistakeError, match="is decided already"):
        person.mistakes.get(decided)
    promote(other, tmp_path, trained=2 + undone)
    other.errs(text)
    assert [(found.id, found.text, found.count, found.label) for found in other.mistakes.open()] == [
        (decided, text, 1, "ask_store_location")
    ]
    decide(other)


@pytest.mark.parametrize("place", ["sqlite", "postgresql"])
def test_many_at_once_bring_a_sentence_back_once_and_each_counts(
    place: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = request.getfixturevalue("database_url")
    if place == "postgresql":
        url = str(request.getfixturevalue("postgresql")).replace("postgresql://", "postgresql+psycopg://")
    database.migrate(url)
    people = [Person(url, Mistakes(url)) for _ in range(12)]
    for attempt in range(5):
        text = f"{PARKING} {'sehr ' * attempt}".strip()
        people[0].errs(text)
        decide(people[0])
        promote(people[0], tmp_path, trained=attempt)
        turns = [person.says(text) for person in (*people[:7], people[7 + attempt])]
        kinds: tuple[Kind, ...] = ("rejected", "shadow")
        with ThreadPoolExecutor(8) as pool:
            done = [pool.submit(people[0].mistakes.report, turn.id, kind) for turn in turns for kind in kinds]
            done.append(pool.submit(people[attempt + 7].refuses))
        assert not [future.exception() for future in done if future.exception()]
        assert kept(people[0].mistakes) == {text: 7}
        decide(people[0])
