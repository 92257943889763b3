"""What a training worked out about its examples, kept in an SQLite file so that the next one computes only what is new.

The file holds hashes of texts, never the texts.
"""

from __future__ import annotations

import hashlib
import json
import logging
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

import numpy as np

from bot.nlu.encoder import Encoder, Vectors
from bot.nlu.text import Span

T = TypeVar("T")

logger = logging.getLogger(__name__)


class Cache:
    """Values in a file, by what they were computed with and for."""

    def __init__(self, path: Path) -> None:
        """Keep values in the file `path`, which is made when missing."""
        self._path = path

    def get(self, maker: str, texts: Sequence[str], make: Callable[[list[str]], Sequence[bytes]]) -> list[bytes]:
        """The values of some texts: from the file if they are there, else made, all at once, and put there.

        `maker` names what makes the values; it changes whenever they would.
        """
        keys = [hashlib.blake2b(f"{maker}\n{text}".encode(), digest_size=16).digest() for text in texts]
        values = self._tried(lambda: self._read(keys)) or {}
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in values}
        if new:
            made = dict(zip(new, make(list(new.values())), strict=True))
            self._tried(lambda: self._write(made))
            values |= made
        return [values[key] for key in keys]

    def _tried(self, use: Callable[[], T]) -> T | None:
        """Use the file; None when it cannot be used, since a training does without it."""
        try:
            return use()
        except (sqlite3.Error, OSError) as error:
            logger.warning("The cache %s cannot be used: %s. Delete it, or look at the disk.", self._path, error)
            return None

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        """The file, opened for one transaction."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self._path, timeout=30)) as database, database:
            database.execute("CREATE TABLE IF NOT EXISTS made (key BLOB PRIMARY KEY, value BLOB NOT NULL)")
            yield database

    def _read(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Those values that the file has."""
        with self._database() as database:
            found = (database.execute("SELECT key, value FROM made WHERE key = ?", (key,)) for key in set(keys))
            return dict(row for rows in found for row in rows)

    def _write(self, values: dict[bytes, bytes]) -> None:
        with self._database() as database:
            database.executemany("INSERT OR REPLACE INTO made VALUES (?, ?)", values.items())


class CachedEncoder:
    """An encoder that keeps its vectors: only new texts cost time."""

    def __init__(self, encoder: Encoder, cache: Cache) -> None:
        """Keep the vectors of `encoder` in `cache`."""
        self.name, self.sizes = encoder.name, encoder.sizes
        self._encoder, self._cache = encoder, cache

    def encode(self, texts: Sequence[str]) -> Vectors:
        """The vectors of some texts, one row each."""
        vectors = self._cache.get(self.name, texts, self._made)
        return np.array([np.frombuffer(vector, np.float32) for vector in vectors]).reshape(-1, sum(self.sizes))

    def _made(self, texts: list[str]) -> list[bytes]:
        return [vector.astype(np.float32).tobytes() for vector in self._encoder.encode(texts)]


def cached_spans(
    cache: Cache, version: str, texts: Sequence[str], find: Callable[[str], list[Span]]
) -> list[list[Span]]:
    """What `find` finds in each text; `version` changes whenever it would find something else."""

    def made(new: list[str]) -> list[bytes]:
        return [json.dumps(find(text)).encode() for text in new]

    return [[Span(*span) for span in json.loads(value)] for value in cache.get(f"spans {version}", texts, made)]
