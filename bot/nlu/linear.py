"""A linear classifier of short texts on their words, their letters and, when there are some, sentence vectors.

Multinomial logistic regression on tf-idf of words and of letter groups plus centred sentence vectors. It is fitted by
how alike the examples are (their Gram matrix): the solution is the same as on the 50,000 features themselves and many
times faster. Memory grows with the square of the number of examples up to `MATRIX_LIMIT`; beyond, the products are made
from the features, which takes longer and hardly any memory.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from bot.nlu.grams import Grams
from bot.nlu.regression import Floats, log_sum, probabilities, regress, temperature

MATRIX_LIMIT = 12_000  # examples whose Gram matrix is kept: 580 MB at most
_BLOCK = 1000  # rows of it that are made at once
_FREQUENT = 500  # terms in so many examples that products without gaps are quicker
_FRONT_ITERATIONS, _ITERATIONS = 30, 20  # the second go on from the first; more change next to nothing
_FRONT = 0.75  # the share of examples that the calibration learns from; the rest tells how sure it may be
_MIN_CALIBRATION = 40  # with fewer examples left over, confidences stay as they are
_STEEPNESS = 3  # how fast the familiar becomes unfamiliar, in standard deviations of the examples' familiarity


class Examples(NamedTuple):
    """What is learnt from: folded texts with their labels, and a row of `vectors` for each.

    `vectors` holds vectors of `sizes` side by side, no columns without an encoder. The last `hints` examples were not
    said by anybody (names of intents): the confidences are not calibrated on them.
    """

    texts: Sequence[str]
    vectors: Floats
    sizes: tuple[int, ...]
    labels: Sequence[str]
    hints: int = 0


class Calibration(NamedTuple):
    """What turns scores into confidences.

    The scores are divided by `temperature`. The logarithm of the sum of their powers tells how much of a text is
    known: at `familiar` the confidences are halved, a few `width` below it is nothing left of them.
    """

    temperature: float = 1.0
    familiar: float = -1e6
    width: float = 1.0

    @classmethod
    def fit(cls, scores: Floats, labels: NDArray[np.int64], unfamiliar: float) -> Calibration:
        """Learn from scores of examples that were not learnt from; a share `unfamiliar` of them counts as such."""
        if len(labels) < _MIN_CALIBRATION:
            return cls()
        warmth, known = temperature(scores, labels), log_sum(scores)
        if not unfamiliar:
            return cls(warmth)
        return cls(warmth, float(np.quantile(known, unfamiliar)), float(known.std()) / _STEEPNESS)

    def confidences(self, scores: Floats) -> Floats:
        """How sure each label is; the rest of a row to 1 is how likely it is none of them."""
        distance = np.clip((self.familiar - log_sum(scores)) / self.width, -50, 50)
        return np.asarray(probabilities(scores / np.float32(self.temperature)) / (1 + np.exp(distance))[:, None])


@dataclass(frozen=True)
class LinearModel:
    """Weights for each intent; `center` is the mean of the vectors, which are of `sizes` side by side."""

    intents: tuple[str, ...]
    grams: Grams
    sizes: tuple[int, ...]
    center: Floats
    gram_weights: Floats
    vector_weights: Floats
    bias: Floats
    calibration: Calibration

    @classmethod
    def fit(cls, examples: Examples, *, strength: float, seed: int, unfamiliar: float = 0.01) -> LinearModel:
        """Learn from examples of two intents or more; `seed` chooses those that calibrate."""
        order, front = _in_order(examples, seed)
        texts, vectors = [examples.texts[i] for i in order], examples.vectors[order]
        intents, labels = np.unique([examples.labels[i] for i in order], return_inverse=True)
        grams, center = Grams.fit(texts), vectors.mean(axis=0)
        features, meanings = grams(texts), centred(vectors, center, examples.sizes)
        duals, scores = _solve(Likeness(features, meanings), labels, front, strength)
        return cls(
            intents=tuple(intents.tolist()),
            grams=grams,
            sizes=examples.sizes,
            center=center,
            gram_weights=features.T @ duals,
            vector_weights=meanings.T @ duals,
            bias=duals.sum(axis=0),
            calibration=Calibration.fit(scores, labels[front:], unfamiliar),
        )

    def confidences(self, texts: Sequence[str], vectors: Floats) -> Floats:
        """How sure each intent is, in the order of `intents`: one row for each folded text and its vector."""
        scores = self.grams(texts) @ self.gram_weights + self.bias
        meanings = centred(vectors, self.center, self.sizes)
        # `@` would wake a second thread even for one vector, which takes longer than the product on a busy machine.
        return self.calibration.confidences(scores + np.einsum("ij,jk->ik", meanings, self.vector_weights))

    def save(self, path: Path) -> None:
        """Write the model to an npz file of plain arrays."""
        np.savez(
            path,
            intents=np.array(self.intents),
            sizes=np.array(self.sizes, dtype=np.int64),
            center=self.center,
            gram_weights=self.gram_weights,
            vector_weights=self.vector_weights,
            bias=self.bias,
            calibration=np.array(self.calibration),
            terms=np.frombuffer("\n".join(self.grams.terms).encode(), np.uint8),
            idf=self.grams.idf,
        )

    @classmethod
    def load(cls, path: Path) -> LinearModel:
        """Read what `save` wrote; nothing in the file is run."""
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
        return cls(
            intents=tuple(arrays["intents"].tolist()),
            grams=Grams(_terms(arrays["terms"]), arrays["idf"]),
            sizes=tuple(arrays["sizes"].tolist()),
            center=arrays["center"],
            gram_weights=arrays["gram_weights"],
            vector_weights=arrays["vector_weights"],
            bias=arrays["bias"],
            calibration=Calibration(*arrays["calibration"].tolist()),
        )


class Likeness:
    """The examples' Gram matrix, as products with it: of the words, the vectors and a constant 1 for the bias."""

    def __init__(self, features: sparse.csr_matrix, vectors: Floats) -> None:
        """Make the matrix, unless there are too many examples: a row of `features` and `vectors` for each."""
        self._features, self._vectors = features, vectors
        self._matrix = self._made() if len(vectors) <= MATRIX_LIMIT else None

    def __len__(self) -> int:
        return len(self._vectors)

    def of_first(self, count: int) -> Callable[[Floats], Floats]:
        """What multiplies the matrix of the first `count` examples with an array of `count` rows."""
        if self._matrix is not None:
            return self._matrix[:count, :count].__matmul__
        features, vectors = self._features[:count], self._vectors[:count]
        turned = features.T.tocsr()

        def product(duals: Floats) -> Floats:
            return np.asarray(features @ (turned @ duals) + vectors @ (vectors.T @ duals) + duals.sum(axis=0))

        return product

    def _made(self) -> Floats:
        examples_with = np.bincount(self._features.indices, minlength=self._features.shape[1])
        by_frequency = np.argsort(-examples_with, kind="stable")
        frequent, rare = (self._features[:, terms] for terms in np.split(by_frequency, [_FREQUENT]))
        dense = np.hstack([self._vectors, frequent.toarray()])
        matrix = dense @ dense.T + np.float32(1)
        turned = rare.T.tocsr()
        for start in range(0, len(matrix), _BLOCK):
            matrix[start : start + _BLOCK] += (rare[start : start + _BLOCK] @ turned).toarray()
        return np.asarray(matrix)


def _terms(saved: NDArray[np.uint8] | NDArray[np.str_]) -> list[str]:
    """The terms in a model's file: lines of UTF-8, which pack quickly; older models have an array of strings."""
    return saved.tobytes().decode().split("\n") if saved.dtype == np.uint8 else saved.tolist()


def _in_order(examples: Examples, seed: int) -> tuple[list[int], int]:
    """The examples in a new order, and how many come in front: the hints and `_FRONT` of each label, at least one.

    Every stretch behind the hints has its share of each label.
    """
    said = len(examples.labels) - examples.hints
    by_label: dict[str, list[int]] = {}
    for index in range(said):
        by_label.setdefault(examples.labels[index], []).append(index)
    shuffle = random.Random(seed).shuffle
    places: dict[int, float] = {}
    for label in sorted(by_label):
        indices = by_label[label]
        shuffle(indices)
        places |= {index: (place + 0.5) / len(indices) for place, index in enumerate(indices)}
    order = [*range(said, len(examples.labels)), *sorted(places, key=lambda index: (places[index], index))]
    return order, examples.hints + sum(place < _FRONT for place in places.values())


def centred(vectors: Floats, center: Floats, sizes: Sequence[int]) -> Floats:
    """Each vector less its mean, of length 1 again like the words and letters of a text."""
    if not sizes:
        return vectors
    parts = np.split(vectors - center, np.cumsum(sizes)[:-1], axis=1)
    lengths = (np.maximum(np.linalg.norm(part, axis=1, keepdims=True), 1e-9) for part in parts)
    return np.hstack([part / length for part, length in zip(parts, lengths, strict=True)])


def _solve(likeness: Likeness, labels: NDArray[np.int64], front: int, strength: float) -> tuple[Floats, Floats]:
    """The duals of all examples, and the scores of those behind by a fit of those in front; it goes on from that."""
    classes, count = int(labels.max()) + 1, len(likeness)
    fit = partial(regress, classes=classes, strength=strength)
    duals = np.zeros((count, classes), np.float32)
    duals[:front] = fit(likeness.of_first(front), labels[:front], iterations=_FRONT_ITERATIONS)
    product = likeness.of_first(count)
    return fit(product, labels, iterations=_ITERATIONS, start=duals), product(duals)[front:]
