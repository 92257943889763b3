"""The words of a text and the groups of letters in them, as numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from bot.nlu.regression import Floats

_LETTERS = range(2, 6)


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


def _terms(text: str) -> list[str]:
    """The words and word pairs of a folded text and the groups of 2 to 5 letters in its words."""
    words = text.split()
    pairs = (f"{first} {second}" for first, second in pairwise(words))
    groups = (f" {word} "[start : start + size] for word in words for size in _LETTERS for start in _starts(word, size))
    return [*words, *pairs, *groups]


def _starts(word: str, size: int) -> range:
    """Where a group of letters may begin in a word between two spaces."""
    return range(len(word) + 2 - size + 1)
