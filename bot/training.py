"""Which model belongs to the present data, and where models are kept.

A model is named by the time of its training and the fingerprint of what it was trained on (`bot.training_data`).
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import shutil
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import IO

from bot.errors import ModelMissing, PortalError
from bot.nlu.without_tensorflow import METADATA

MODELS = Path("models")
SUFFIX = ".tar.gz"
NEWEST = "newest"
UNFINISHED = ".unfinished-"
MOMENT = "%Y%m%d-%H%M%S"
PIECE = 1 << 20


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

    @property
    def trained_at(self) -> datetime:
        """When it was trained, by its name; for another name when its file was written."""
        try:
            return datetime.strptime(self.name.rpartition("-")[0], MOMENT).replace(tzinfo=UTC)
        except ValueError:
            return datetime.fromtimestamp(self.file.stat().st_mtime, UTC)

    @property
    def data_file(self) -> Path:
        """Where it is kept what it was trained on, beside its file."""
        return self.file.with_name(f"{self.name}.data.json")

    @property
    def sha256(self) -> str:
        """The SHA-256 of its file, in hex."""
        with self.file.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def require_whole(self) -> None:
        """Raises `ModelMissing` when the file is not there or was cut: gzip keeps a checksum at its end."""
        if not self.file.is_file():
            raise ModelMissing(f"the model file {self.file} is not there", "look at: sprachportal models")
        try:
            with gzip.open(self.file) as opened:
                while opened.read(PIECE):
                    pass
            with tarfile.open(self.file) as archive:
                archive.getmember(METADATA)
        except PermissionError as error:
            raise ModelMissing(f"the model file {self.file} may not be read", "look at its permissions") from error
        except (OSError, EOFError, zlib.error, tarfile.TarError, KeyError) as error:
            todo = "delete it and train one: sprachportal train"
            raise ModelMissing(f"the model file {self.file} is broken", todo) from error


def all_models(folder: Path = MODELS) -> list[Model]:
    """The models in the folder, oldest first."""
    return [Model(file) for file in sorted(folder.glob(f"[0-9]*{SUFFIX}"))]


def newest_model(folder: Path = MODELS) -> Model | None:
    """The model trained last; None when there is none."""
    models = all_models(folder)
    return models[-1] if models else None


def find_model(wanted: str, folder: Path = MODELS) -> Model:
    """The `newest` model, the one with this name or file name, or the only one with this in its name.

    Raises `ModelMissing` when there is none, or more than one.
    """
    if wanted == NEWEST:
        return _newest_of(folder)
    name = Path(wanted).name.removesuffix(SUFFIX)
    models = all_models(folder)
    found = [model for model in models if model.name == name] or [
        model for model in models if name and name in model.name
    ]
    if len(found) == 1:
        return found[0]
    what = f"{len(found)} models have {name} in their names" if found else f"there is no model {name} in {folder}/"
    raise ModelMissing(what, "give its whole name: sprachportal models lists them")


def _newest_of(folder: Path) -> Model:
    newest = newest_model(folder)
    if newest is None:
        raise ModelMissing(f"there is no model in {folder}/", "train one: sprachportal train")
    return newest


@contextmanager
def alone(folder: Path = MODELS, waiting: Callable[[], object] = lambda: None) -> Iterator[None]:
    """One training at a time in a folder; `waiting` is called when another one must end first.

    Raises `PortalError` when the folder cannot be used.
    """
    with _opened(folder) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(lock, fcntl.LOCK_EX)
        for left in folder.glob(f"{UNFINISHED}*"):
            shutil.rmtree(left, ignore_errors=True)
        yield


def _opened(folder: Path) -> IO[str]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return (folder / ".training").open("w")
    except OSError as error:
        what = f"models cannot be put into {folder}/: {error.strerror} ({error.filename})"
        raise PortalError(what, "look at this file or folder and its permissions") from error


def new_model(fingerprint: str, folder: Path = MODELS) -> Model:
    """Where the model will be that is trained now on data with this fingerprint; no other has its name."""
    moments = (datetime.now(UTC) + timedelta(seconds=later) for later in count())
    models = (Model(folder / f"{moment:{MOMENT}}-{fingerprint}{SUFFIX}") for moment in moments)
    return next(model for model in models if not model.file.exists())
