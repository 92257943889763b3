"""The media folder: one file for each attachment that was kept, readable by the portal's user alone."""

from __future__ import annotations

import logging
import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from typing import BinaryIO, cast

from bot.media.fetch import Fetched

log = logging.getLogger(__name__)
PART = ".part-"
LEFTOVER_SECONDS = 3600
# What `settle` makes: nothing else in the folder is ours to delete.
NAME = re.compile(r"[0-9a-f]{2}/[0-9a-f]{32}-[0-9]{1,3}\.[a-z0-9]{2,5}")


class MediaFiles:
    """Files below `folder`, as `ab/ab12…-0.jpg` for a turn's first attachment; several processes may share it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, name: str) -> Path:
        """Where the file of this name is."""
        return self._folder / name

    @contextmanager
    def part(self) -> Iterator[BinaryIO]:
        """A file to write into, gone afterwards unless it is settled. Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile(prefix=PART, dir=self._folder, delete=False) as part:
            try:
                yield cast(BinaryIO, part)
            finally:
                Path(part.name).unlink(missing_ok=True)

    def settle(self, part: BinaryIO, fetched: Fetched, turn: str, position: int) -> str:
        """Make the part the file of a turn's attachment, safe from a power cut; its name. Raises OSError."""
        part.flush()
        os.fsync(part.fileno())
        name = f"{turn[:2]}/{turn}-{position}.{fetched.media_type.extension}"
        self.path(name).parent.mkdir(exist_ok=True, mode=0o700)
        os.replace(part.name, self.path(name))
        _sync_folder(self.path(name).parent)
        _sync_folder(self._folder)
        return name

    def delete(self, name: str) -> bool:
        """Delete the file of this name, if it is there; whether it is gone."""
        return _delete(self.path(name))

    def of_turn(self, turn: str) -> list[str]:
        """The names of a turn's files, whether they are written down or not."""
        return [f"{turn[:2]}/{file.name}" for file in self._folder.glob(f"{escape(turn[:2])}/{escape(turn)}-*")]

    def delete_parts(self) -> None:
        """Remove parts that a killed process left behind."""
        for part in self._folder.glob(f"{PART}*"):
            if _is_older(part, LEFTOVER_SECONDS):
                _delete(part)

    def older_than(self, seconds: float) -> Iterator[str]:
        """The names of files that were settled so long ago."""
        for file in self._folder.glob("??/*"):
            if NAME.fullmatch(f"{file.parent.name}/{file.name}") and _is_older(file, seconds):
                yield f"{file.parent.name}/{file.name}"


def _is_older(file: Path, seconds: float) -> bool:
    try:
        return time.time() - file.lstat().st_mtime > seconds
    except OSError:
        return False


def _delete(file: Path) -> bool:
    try:
        file.unlink(missing_ok=True)
    except NotADirectoryError:
        return True
    except OSError as error:
        log.error("a customer's file cannot be deleted: %s", type(error).__name__)
        return False
    return True


def _sync_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
