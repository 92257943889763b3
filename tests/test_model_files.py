"""Models whose files cannot be used: every command that would read one says so, and what to do."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.cli.figures import measured_on
from bot.errors import ModelMissing
from bot.models import Register
from tests.model_copies import CUT, FIGURES, FIRST, SECOND, add, copies, file_of, register, states, typed

__all__ = ["copies", "register"]
READERS = [("parse", "Hallo", "--model"), ("test", "--no-conversations", "--model"), ("compare", SECOND)]


def refused(*words: str) -> ModelMissing:
    """What a command says that cannot use a model; it shows no traceback."""
    error = typed(*words).exception
    assert isinstance(error, ModelMissing)
    assert error.todo
    return error


@contextmanager
def changed(file: Path, content: bytes) -> Iterator[None]:
    before = file.read_bytes()
    file.write_bytes(content)
    try:
        yield
    finally:
        file.write_bytes(before)


def with_encoder(file: Path, encoder: str) -> bytes:
    """The model as if it had been trained with one encoder and were loaded with another."""
    made = io.BytesIO()
    with tarfile.open(file) as old, tarfile.open(fileobj=made, mode="w:gz") as new:
        for member in old.getmembers():
            found = old.extractfile(member)
            content = found.read() if found else b""
            if member.name == "metadata.json":
                told = json.loads(content)
                (node,) = (name for name in told["predict_schema"]["nodes"] if "LinearIntent" in name)
                told["predict_schema"]["nodes"][node]["config"]["encoder"] = encoder
                content = json.dumps(told).encode()
                member.size = len(content)
            new.addfile(member, io.BytesIO(content))
    return made.getvalue()


@pytest.mark.parametrize("words", READERS, ids=lambda words: words[0])
def test_a_registered_model_that_was_exchanged_is_not_read(register: Register, words: tuple[str, ...]) -> None:
    """It is whole and would load; nothing was promoted yet."""
    add(register, FIRST)
    with changed(file_of(FIRST), with_encoder(file_of(FIRST), "universal")):
        assert "changed since it was registered" in refused(*words, FIRST).what


def test_the_newest_model_does_not_answer_when_it_was_exchanged(register: Register, model: Path) -> None:
    typed("shadow", "newest")
    typed("shadow", "off")
    with changed(model, file_of(FIRST).read_bytes() + b"\0"), pytest.raises(ModelMissing, match="changed"):
        register.present_file()
    assert register.present_file() == model


@pytest.mark.parametrize("words", READERS, ids=lambda words: words[0])
def test_a_model_that_was_cut_is_not_read(register: Register, words: tuple[str, ...]) -> None:
    assert "is broken" in refused(*words, CUT).what


@pytest.mark.parametrize("content", [b"", gzip.compress(b"junk")], ids=["empty", "no archive"])
def test_what_is_no_model_is_not_promoted(register: Register, content: bytes) -> None:
    with changed(file_of(FIRST), content):
        assert "is broken" in refused("promote", FIRST, "--force", "--reason", "hurry").what
    assert states(register) == {}


def test_a_live_model_whose_file_is_gone_does_not_keep_others_out(register: Register, tmp_path: Path) -> None:
    add(register, FIRST, SECOND)
    register.promote(FIRST, by="Kim", instead_of=None)
    away = file_of(FIRST).rename(tmp_path / "away")
    try:
        assert "--force" in refused("promote", SECOND).todo
        assert typed("promote", SECOND, "--force", "--reason", "the other is gone").exit_code == 0
    finally:
        away.rename(file_of(FIRST))


@pytest.mark.parametrize("words", [*READERS, ("promote",)], ids=lambda words: words[0])
def test_a_model_without_its_encoder_is_not_read(register: Register, words: tuple[str, ...]) -> None:
    add(register, SECOND)
    register.set_figures(SECOND, {**FIGURES, "measured_on": measured_on()})
    register.promote(SECOND, by="Kim", instead_of=None)
    with changed(file_of(FIRST), with_encoder(file_of(FIRST), "none")):
        error = refused(*words, FIRST)
    assert "sentence vectors of 512 numbers, the encoder at hand gives 0" in error.what
    assert states(register).get(FIRST, "trained") == "trained"
