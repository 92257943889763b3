"""Which model belongs to the present data, and where models are kept.

A model is named by the time of its training and the fingerprint of what it was trained on: config,
training data, stories, domain and our components.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

MODELS = Path("models")
DATA = (Path("config.yml"), Path("nlu_data"), Path("stories"), Path("bot/domain"), Path("bot/nlu"))
SUFFIX = ".tar.gz"


@dataclass(frozen=True)
class Model:
    """A trained model's file; `fingerprint` says what it was trained on."""

    file: Path

    @property
    def name(self) -> str:
        """Its name, such as 20261122-081500-1f2e3d4c."""
        return self.file.name.removesuffix(SUFFIX)

    @property
    def fingerprint(self) -> str:
        """The last part of the name."""
        return self.name.rpartition("-")[2]


def fingerprint(data: tuple[Path, ...] = DATA) -> str:
    """Eight hex digits that change with any of the data a model is trained on."""
    digest = hashlib.sha256()
    for file in sorted(_files(data)):
        digest.update(file.as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:8]


def _files(data: tuple[Path, ...]) -> Iterator[Path]:
    for place in data:
        if place.is_file():
            yield place
        else:
            yield from (f for f in place.rglob("*") if f.suffix in (".yml", ".py", ".txt") and f.is_file())


def newest_model(folder: Path = MODELS) -> Model | None:
    """The model trained last; None when there is none."""
    files = sorted(folder.glob(f"[0-9]*{SUFFIX}"))
    return Model(files[-1]) if files else None


def next_model(folder: Path = MODELS) -> Model:
    """Where the model of the present data will be."""
    folder.mkdir(parents=True, exist_ok=True)
    return Model(folder / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{fingerprint()}{SUFFIX}")
