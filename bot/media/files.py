"""The media folder: files named by their checksum, readable by the portal's user alone."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from bot.media.fetch import Fetched

PART = ".part-"
LEFTOVER_SECONDS = 3600


class MediaFiles:
    """Files below `folder`, as `ab/ab12….jpg`; several processes may share it."""

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

    def settle(self, part: BinaryIO, fetched: Fetched) -> str:
        """Make the part the file of this content, safe from a power cut; its name. Raises OSError."""
        part.flush()
        os.fsync(part.fileno())
        name = f"{fetched.sha256[:2]}/{fetched.sha256}.{fetched.media_type.extension}"
        self.path(name).parent.mkdir(exist_ok=True, mode=0o700)
        os.replace(part.name, self.path(name))
        _sync_folder(self.path(name).parent)
        _sync_folder(self._folder)
        return name

    def tidy(self) -> None:
        """Remove parts that a killed process left behind."""
        for part in self._folder.glob(f"{PART}*"):
            try:
                if time.time() - part.stat().st_mtime > LEFTOVER_SECONDS:
                    part.unlink()
            except FileNotFoundError:
                continue


def _sync_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
