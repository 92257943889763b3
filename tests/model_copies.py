"""Models for the tests of the register: copies of the suite's one, under names older than any other."""

from __future__ import annotations

import os
import shutil
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bot.cli import cli
from bot.models import Register
from bot.training import MODELS, SUFFIX, Model

# Older than any other model, and of another year in each of the processes that run tests side by side.
DAY = f"20{os.environ.get('PYTEST_XDIST_WORKER', 'gw0').removeprefix('gw').zfill(2)}0101"
FIRST, SECOND, CUT = f"{DAY}-000001-aaaaaaaa", f"{DAY}-000002-bbbbbbbb", f"{DAY}-000003-cccccccc"
SWITCH_SECONDS = 5.0
FIGURES: dict[str, Any] = {
    "sentences": 200,
    "accuracy": {"all": 0.95, "de chat": 0.94, "de voice": 0.96, "en chat": 0.95, "en voice": 0.95},
    "per_intent": {"ask_order_status": 0.9, "goodbye": 1.0},
    "failed_dialogues": [],
    "dialogues": 100,
}


@pytest.fixture(scope="module")
def copies(model: Path) -> Iterator[None]:
    """The suite's model under two more names, older than any other, and one that was cut in half."""
    for name in (FIRST, SECOND):
        shutil.copy(model, MODELS / f"{name}{SUFFIX}")
    whole = model.read_bytes()
    file_of(CUT).write_bytes(whole[: len(whole) // 2])
    yield
    for name in (FIRST, SECOND, CUT):
        file_of(name).unlink()


@pytest.fixture
def register(copies: None, database_url: str) -> Register:
    """An empty register."""
    return Register(database_url)


def file_of(name: str) -> Path:
    return MODELS / f"{name}{SUFFIX}"


def write_least_model(file: Path) -> None:
    """The least that counts as a whole model, for tests that never load it."""
    with tarfile.open(file, "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("metadata.json"))


def add(register: Register, *names: str) -> None:
    for name in names:
        register.add(Model(file_of(name)), by="Kim")


def states(register: Register) -> dict[str, str]:
    return {row.name: row.state for row in register.all()}


def until(happened: Callable[[], bool], seconds: float = SWITCH_SECONDS) -> float:
    """Wait for it; how long it took."""
    began = time.monotonic()
    while not happened():
        if time.monotonic() - began > seconds:
            pytest.fail(f"it did not happen within {seconds} s")
        time.sleep(0.02)
    return time.monotonic() - began


def typed(*words: str) -> Result:
    """What a command gives, as it is typed after `sprachportal`."""
    return CliRunner().invoke(cli, words)
