"""The regression beneath the intent classifier."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from bot.nlu import linear
from bot.nlu.linear import Likeness
from bot.nlu.regression import Floats, probabilities, regress, temperature

STRENGTH = 3.0


def points(
    count: int = 90, width: int = 12, classes: int = 4
) -> tuple[Floats, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Points around a centre for each class, near enough that they overlap."""
    chance = np.random.default_rng(1)
    labels = np.arange(count) % classes
    centres = chance.normal(size=(classes, width))
    return (centres[labels] + chance.normal(size=(count, width))).astype(np.float32), labels


def test_it_finds_what_scikit_learn_finds() -> None:
    features, labels = points()
    gram = features @ features.T
    duals = regress(gram.__matmul__, labels, classes=4, strength=STRENGTH, iterations=200)
    theirs = LogisticRegression(C=STRENGTH, fit_intercept=False, multi_class="multinomial", max_iter=1000, tol=1e-8)
    expected = theirs.fit(features, labels).predict_proba(features)
    assert np.allclose(probabilities(gram @ duals), expected, atol=2e-3)


def test_going_on_from_a_solution_changes_next_to_nothing() -> None:
    features, labels = points()
    gram = features @ features.T
    first = regress(gram.__matmul__, labels, classes=4, strength=STRENGTH, iterations=200)
    again = regress(gram.__matmul__, labels, classes=4, strength=STRENGTH, iterations=5, start=first)
    assert np.allclose(gram @ first, gram @ again, atol=0.05)


@pytest.mark.parametrize("frequent", [0, 5, 1000])
def test_too_many_examples_for_a_matrix_give_the_same_products(monkeypatch: pytest.MonkeyPatch, frequent: int) -> None:
    vectors, _ = points()
    features = sparse.csr_matrix(np.where(vectors > 1, vectors, 0))
    monkeypatch.setattr(linear, "_FREQUENT", frequent)
    duals = np.random.default_rng(2).normal(size=(60, 3)).astype(np.float32)
    with_matrix = Likeness(features, vectors).of_first(60)(duals)
    monkeypatch.setattr(linear, "MATRIX_LIMIT", 10)
    assert np.allclose(Likeness(features, vectors).of_first(60)(duals), with_matrix, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("factor", [0.25, 1.0, 4.0])
def test_the_temperature_undoes_too_much_certainty(factor: float) -> None:
    chance = np.random.default_rng(3)
    scores = chance.normal(size=(4000, 3)).astype(np.float32)
    labels = (scores + chance.gumbel(size=scores.shape)).argmax(axis=1)
    assert temperature(scores * np.float32(factor), labels) == pytest.approx(factor, rel=0.15)
