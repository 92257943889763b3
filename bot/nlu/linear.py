"""A linear classifier of short texts on their words, their letters and, when there are some, sentence vectors.

Multinomial logistic regression on tf-idf of words and of letter groups plus centred sentence vectors. It is
fitted in the space of the training examples (a Cholesky factor of their Gram matrix): the solution is the same
as on the 50,000 features themselves and many times faster. Memory grows with the square of the number of
examples (5,000: 0.5 GB while training; 20,000: 8 GB).
"""

from __future__ import annotations

import random
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

Floats = NDArray[np.float32]

_FRONT_ITERATIONS, _ITERATIONS = 30, 20  # the second go on from the first; more change next to nothing
_JITTER = 1e-3  # keeps the factor stable when examples are alike
_FRONT = 0.75  # the share of examples that the calibration learns from; the rest tells how sure it may be
_MIN_CALIBRATION = 40  # with fewer examples left over, confidences stay as they are
_LETTERS = range(2, 6)


class Solution(NamedTuple):
    """A row of coefficients and a bias for each label, and the temperature of their softmax."""

    coefficients: Floats
    bias: Floats
    temperature: float


class Grams:
    """The tf-idf of words, word pairs and groups of letters; `terms` and their weights `idf` in the same order.

    What scikit-learn's TfidfVectorizer computes, but a single text takes a tenth of its time.
    """

    def __init__(self, terms: Sequence[str], idf: Floats) -> None:
        """Use known terms and weights."""
        self.terms, self.idf = terms, idf
        self._columns = {term: column for column, term in enumerate(terms)}

    @classmethod
    def fit(cls, texts: Sequence[str]) -> Grams:
        """Learn the terms, the rarer the heavier."""
        texts_with = Counter(term for text in texts for term in set(_terms(text)))
        terms = sorted(texts_with)
        counts = np.array([texts_with[term] for term in terms])
        return cls(terms, (np.log((1 + len(texts)) / (1 + counts)) + 1).astype(np.float32))

    def __call__(self, texts: Sequence[str]) -> sparse.csr_matrix:
        """The features of some folded texts: a row of length 1 for each, 0 if it has no known term."""
        rows = [self._row(text) for text in texts]
        values = np.concatenate([values for _, values in rows])
        columns = np.concatenate([columns for columns, _ in rows])
        ends = np.cumsum([0, *(len(columns) for columns, _ in rows)])
        return sparse.csr_matrix((values, columns, ends), shape=(len(texts), len(self.terms)))

    def _row(self, text: str) -> tuple[NDArray[np.int64], Floats]:
        """The columns of a text's terms and their values."""
        counts = Counter(self._columns[term] for term in _terms(text) if term in self._columns)
        columns = np.fromiter(counts, dtype=np.int64, count=len(counts))
        values = (1 + np.log(np.fromiter(counts.values(), dtype=np.float32, count=len(counts)))) * self.idf[columns]
        return columns, values / max(float(np.linalg.norm(values)), 1e-9)


@dataclass(frozen=True)
class LinearModel:
    """Weights for each intent; `center` is the mean sentence vector, of size 0 without an encoder."""

    intents: tuple[str, ...]
    grams: Grams
    center: Floats
    gram_weights: Floats
    vector_weights: Floats
    bias: Floats
    temperature: float

    @classmethod
    def fit(
        cls, texts: Sequence[str], vectors: Floats, labels: Sequence[str], *, strength: float, seed: int
    ) -> LinearModel:
        """Learn from folded texts, their vectors (`len(texts)` rows, no columns without an encoder) and labels."""
        order, front = _stratified(labels, seed)
        texts, vectors = [texts[i] for i in order], vectors[order]
        intents, targets = np.unique([labels[i] for i in order], return_inverse=True)
        grams, center = Grams.fit(texts), vectors.mean(axis=0)
        features, centred = grams(texts), _centred(vectors, center)
        factor = _factor(features, centred)
        solution = _solve(factor, targets, front, strength)
        dual = solve_triangular(factor, solution.coefficients.T, lower=True, trans=1).astype(np.float32)
        return cls(
            intents=tuple(intents.tolist()),
            grams=grams,
            center=center,
            gram_weights=features.T @ dual,
            vector_weights=centred.T @ dual,
            bias=solution.bias,
            temperature=solution.temperature,
        )

    def probabilities(self, texts: Sequence[str], vectors: Floats) -> NDArray[np.float64]:
        """How sure each intent is, in the order of `intents`: one row for each folded text and its vector."""
        logits = self.grams(texts) @ self.gram_weights + self.bias
        logits = logits + _centred(vectors, self.center) @ self.vector_weights
        return np.asarray(softmax(logits.astype(np.float64) / self.temperature, axis=1))

    def save(self, path: Path) -> None:
        """Write the model to an npz file of plain arrays."""
        np.savez(
            path,
            intents=np.array(self.intents),
            center=self.center,
            gram_weights=self.gram_weights,
            vector_weights=self.vector_weights,
            bias=self.bias,
            temperature=np.array(self.temperature),
            terms=np.array(self.grams.terms),
            idf=self.grams.idf,
        )

    @classmethod
    def load(cls, path: Path) -> LinearModel:
        """Read what `save` wrote; nothing in the file is run."""
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
        return cls(
            intents=tuple(arrays["intents"].tolist()),
            grams=Grams(arrays["terms"].tolist(), arrays["idf"]),
            center=arrays["center"],
            gram_weights=arrays["gram_weights"],
            vector_weights=arrays["vector_weights"],
            bias=arrays["bias"],
            temperature=float(arrays["temperature"]),
        )


def _terms(text: str) -> list[str]:
    """The words and word pairs of a folded text and the groups of 2 to 5 letters in its words."""
    words = text.split()
    pairs = (f"{first} {second}" for first, second in pairwise(words))
    groups = (f" {word} "[start : start + size] for word in words for size in _LETTERS for start in _starts(word, size))
    return [*words, *pairs, *groups]


def _starts(word: str, size: int) -> range:
    """Where a group of letters may begin in a word between two spaces."""
    return range(len(word) + 2 - size + 1)


def _stratified(labels: Sequence[str], seed: int) -> tuple[list[int], int]:
    """An order of the examples in which every stretch has its share of each label, and how many come in front.

    In front stand `_FRONT` of each label's examples, at least one.
    """
    by_label: dict[str, list[int]] = {}
    for index, label in enumerate(labels):
        by_label.setdefault(label, []).append(index)
    shuffle = random.Random(seed).shuffle
    places: dict[int, float] = {}
    for label in sorted(by_label):
        indices = by_label[label]
        shuffle(indices)
        places |= {index: (place + 0.5) / len(indices) for place, index in enumerate(indices)}
    order = sorted(places, key=lambda index: (places[index], index))
    return order, sum(place < _FRONT for place in places.values())


def _centred(vectors: Floats, center: Floats) -> Floats:
    """Sentence vectors less their mean, of length 1 again."""
    moved = vectors - center
    return np.asarray(moved / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-9), dtype=np.float32)


def _factor(features: sparse.csr_matrix, centred: Floats) -> Floats:
    """The lower Cholesky factor of the examples' Gram matrix: row `i` stands for example `i`."""
    gram = (features @ features.T).toarray() + centred @ centred.T
    gram.flat[:: len(gram) + 1] += _JITTER
    return np.asarray(cholesky(gram, lower=True, overwrite_a=True, check_finite=False), order="C")


def _solve(factor: Floats, targets: NDArray[np.int64], front: int, strength: float) -> Solution:
    """Fit all examples.

    The factor is triangular, so a regression on its first rows is the one on the first examples alone. Its
    answers for the remaining examples calibrate, then it goes on with all of them.
    """
    regression = LogisticRegression(C=strength, max_iter=_FRONT_ITERATIONS, multi_class="multinomial", warm_start=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the few iterations are meant
        regression.fit(factor[:front], targets[:front])
        coefficients, bias = _all_rows(regression)
        temperature = _temperature(factor[front:] @ coefficients.T + bias, targets[front:])
        regression.set_params(max_iter=_ITERATIONS).fit(factor, targets)
    return Solution(*_all_rows(regression), temperature)


def _all_rows(regression: LogisticRegression) -> tuple[Floats, Floats]:
    """Coefficients and bias, a row for each label: for two labels scikit-learn keeps only the second's."""
    coefficients, bias = regression.coef_, regression.intercept_
    if len(bias) == 1:
        coefficients, bias = np.vstack([-coefficients, coefficients]), np.concatenate([-bias, bias])
    return coefficients.astype(np.float32), bias.astype(np.float32)


def _temperature(logits: Floats, targets: NDArray[np.int64]) -> float:
    """The divisor of the logits under which the targets are likeliest."""
    if len(targets) < _MIN_CALIBRATION:
        return 1.0
    rows = np.arange(len(targets))

    def surprise(log_temperature: float) -> float:
        return -float(log_softmax(logits / np.exp(log_temperature), axis=1)[rows, targets].mean())

    return float(np.exp(minimize_scalar(surprise, bounds=(-3, 3), method="bounded").x))
