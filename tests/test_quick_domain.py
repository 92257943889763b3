"""A model's domain read quickly is the one that Rasa reads."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from bot import yaml12
from bot.engine.quick_domain import prepare_loading, read_domain


@pytest.fixture(scope="module")
def domain_folder(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a trained model's domain."""
    folder = tmp_path_factory.mktemp("model")
    with tarfile.open(model) as archive:
        archive.extractall(folder, filter="data")
    return next(folder.rglob("domain.yml")).parent


def test_the_domain_is_the_same_as_rasas(model: Path, domain_folder: Path) -> None:
    prepare_loading(model)
    from rasa.shared.core.domain import Domain

    quick, slow = read_domain(domain_folder), Domain.from_path(str(domain_folder))
    assert quick.as_dict() == slow.as_dict()
    assert quick.fingerprint() == slow.fingerprint()


def test_words_that_older_yaml_takes_for_something_else_stay_words(model: Path) -> None:
    prepare_loading(model)
    from rasa.shared.utils.io import read_yaml

    words = "on yes No 10:30 0o17 0x1F -0b11 012 089 +7 1_000 1.5 1e-3 4E-1 -.5 .inf true null ~ '1' 2024-01-02 Grüße🙂"
    text = "".join(f"- {word}\n" for word in words.split())
    assert yaml12.read_yaml(text) == read_yaml(text)
