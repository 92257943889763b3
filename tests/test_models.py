"""The register of models, the gate and the comparison."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from alembic import command

from bot import database
from bot.cli.compare import difference
from bot.cli.figures import worse_than
from bot.errors import ModelMissing, PortalError
from bot.models import Disagreement, Register, RegisterError, usable_file
from bot.settings import GateSettings
from bot.training import Model, find_model
from tests.model_copies import CUT, FIGURES, FIRST, SECOND, add, copies, file_of, register, states

__all__ = ["copies", "register"]


def test_a_promoted_model_is_live_and_the_one_before_is_the_way_back(register: Register) -> None:
    add(register, FIRST, SECOND)
    register.promote(FIRST, by="Kim", instead_of=None)
    register.promote(SECOND, by="Ada", instead_of=FIRST)
    assert states(register) == {FIRST: "former", SECOND: "live"}
    assert register.roll_back(by="Kim", to=FIRST) == SECOND
    assert states(register) == {FIRST: "live", SECOND: "trained"}


def test_who_was_slower_is_told_and_changes_nothing(register: Register) -> None:
    add(register, FIRST, SECOND)
    register.promote(FIRST, by="Kim", instead_of=None)
    with pytest.raises(RegisterError, match=f"{FIRST} was promoted meanwhile"):
        register.promote(SECOND, by="Ada", instead_of=None)
    with pytest.raises(RegisterError, match="not the former model"):
        register.roll_back(by="Ada", to=SECOND)
    assert states(register) == {FIRST: "live", SECOND: "trained"}


def test_of_many_promotions_at_once_one_model_is_live(register: Register) -> None:
    add(register, FIRST, SECOND)
    told = promote_at_once(register)
    assert sorted(states(register).values()) == ["live", "trained"]
    assert told


def test_on_postgresql_one_model_is_live_as_well(copies: None, postgresql: str) -> None:
    url = postgresql.replace("postgresql://", "postgresql+psycopg://")
    database.migrate(url)
    register = Register(url)
    add(register, FIRST, SECOND)
    promote_at_once(register)
    assert sorted(states(register).values()) == ["live", "trained"]
    live, other = sorted((FIRST, SECOND), key=lambda name: states(register)[name])
    register.promote(other, by="Kim", instead_of=live)
    assert register.roll_back(by="Kim", to=live) == other
    assert states(register)[live] == "live"


def promote_at_once(register: Register) -> list[str]:
    """Eight people promote one of two models; what those are told who were too late."""
    told: list[str] = []

    def promote(name: str) -> None:
        try:
            register.promote(name, by="Kim", instead_of=None)
        except PortalError as error:
            told.append(error.what)

    threads = [threading.Thread(target=promote, args=(name,)) for name in (FIRST, SECOND) * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return told


def test_a_model_is_registered_once_with_the_hash_it_had(register: Register) -> None:
    add(register, FIRST)
    before = file_of(FIRST).read_bytes()
    try:
        file_of(FIRST).write_bytes(before + b"tampered")
        row = register.add(Model(file_of(FIRST)), by="somebody else")
        assert row.trained_by == "Kim"
        with pytest.raises(ModelMissing, match="cut or changed"):
            usable_file(row)
    finally:
        file_of(FIRST).write_bytes(before)
    assert usable_file(row) == file_of(FIRST)


def test_what_was_known_of_promotions_before_they_had_a_table_is_kept(register: Register, database_url: str) -> None:
    add(register, FIRST, SECOND)
    register.promote(FIRST, by="Kim", instead_of=None, reason="in a hurry")
    register.promote(SECOND, by="Ada", instead_of=FIRST)
    config = database.migrations(database_url)
    command.downgrade(config, "0007")
    command.upgrade(config, "head")
    told = [(one.model, one.by, one.forced, one.reason) for one in register.promotions()]
    assert told == [(SECOND, "Ada", False, None), (FIRST, "Kim", True, "in a hurry")]


def test_a_cut_model_is_not_registered(register: Register) -> None:
    with pytest.raises(ModelMissing, match="is broken"):
        add(register, CUT)
    assert register.all() == []


def test_live_and_former_model_are_neither_shadow_nor_canary(register: Register) -> None:
    add(register, FIRST, SECOND)
    register.promote(FIRST, by="Kim", instead_of=None)
    register.promote(SECOND, by="Kim", instead_of=FIRST)
    for change in (register.set_shadow, register.set_canary):
        for name in (FIRST, SECOND):
            with pytest.raises(RegisterError):
                change(name)
    assert states(register) == {FIRST: "former", SECOND: "live"}


def test_a_shadow_that_begins_anew_has_counted_nothing(register: Register) -> None:
    add(register, FIRST)
    register.set_shadow(FIRST)
    register.add_compared(FIRST, 7, 1, [Disagreement("t", "greet", 0.5, "goodbye", 0.6, False)])
    row = register.in_state("shadow")
    assert row is not None
    assert (row.compared, row.dropped, len(register.disagreements(FIRST))) == (7, 1, 1)
    register.set_shadow(FIRST)
    row = register.in_state("shadow")
    assert row is not None
    assert (row.compared, row.dropped, register.disagreements(FIRST)) == (0, 0, [])


def test_a_figure_beyond_the_margin_keeps_a_model_out() -> None:
    gate = GateSettings(margin=0.01, intent_margin=0.1)
    worse = {**FIGURES, "accuracy": {**FIGURES["accuracy"], "de voice": 0.9}, "per_intent": {"goodbye": 0.85}}
    told = worse_than(worse, FIGURES, gate)
    assert [line.split(":")[0] for line in told] == ["accuracy of de voice", "intent goodbye"]
    assert "90.0%" in told[0]
    assert "96.0%" in told[0]


def test_within_the_margin_a_model_may_go_live() -> None:
    near = {**FIGURES, "accuracy": {name: value - 0.01 for name, value in FIGURES["accuracy"].items()}}
    assert worse_than(near, FIGURES, GateSettings()) == []
    assert worse_than(near, None, GateSettings()) == []


def test_a_conversation_that_fails_keeps_a_model_out_even_when_it_is_the_first() -> None:
    failure = {"dialogue": "An order is found", "step": 2, "what": "expected: DHL", "heard": "..."}
    told = worse_than({**FIGURES, "failed_dialogues": [failure]}, None, GateSettings())
    assert told == ["conversation failed: An order is found, turn 2: expected: DHL"]


def test_a_clear_difference_has_an_interval_without_zero() -> None:
    found = difference([True] * 60 + [False] * 40, [True] * 58 + [False] * 2 + [True] * 22 + [False] * 18)
    assert (found.only_a, found.only_b, found.difference) == (2, 22, 0.2)
    assert 0.1 < found.low < 0.2 < found.high < 0.3
    assert found.p < 0.001
    assert found.verdict == "B is better."


def test_a_small_difference_may_be_chance() -> None:
    found = difference([True, True, False, True], [True, False, True, True])
    assert (found.difference, found.p) == (0.0, 1.0)
    assert found.low < 0 < found.high
    assert found.verdict == "The difference may be chance."


@pytest.mark.parametrize("name", ["", ".", "/"])
def test_no_name_is_the_name_of_no_model(name: str, tmp_path: Path) -> None:
    (tmp_path / "20261122-101500-0a1b2c3d.tar.gz").touch()
    with pytest.raises(ModelMissing):
        find_model(name, tmp_path)
