"""Multinomial logistic regression on how alike examples are: it sees products of feature vectors, never the features.

The weights of a linear classifier are sums of its examples' feature vectors, so it is enough to learn how much each
example counts for each label (`duals`). The optimizer is L-BFGS in the space of the weights; an iteration costs one
product with the examples' Gram matrix.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_PAST = 10  # how many steps the next one learns from
_HALVINGS = 8


class Point(NamedTuple):
    """A vector of weights: `duals`, a row for each example, and `scores`, its products with the examples."""

    duals: Floats
    scores: Floats

    def plus(self, factor: float, other: Point) -> Point:
        """This one and `factor` times the other."""
        step = np.float32(factor)
        return Point(self.duals + step * other.duals, self.scores + step * other.scores)

    def times(self, other: Point) -> float:
        """The scalar product of the two vectors of weights."""
        return float(np.vdot(self.duals, other.scores))


class Loss:
    """Cross entropy of the labels plus the regularization: half the squared weights, divided by `strength`."""

    def __init__(self, labels: NDArray[np.int64], classes: int, strength: float) -> None:
        """`labels` are numbers from 0 to `classes` - 1, one for each example."""
        self._wanted = np.eye(classes, dtype=np.float32)[labels]
        self._strength = strength

    def value(self, at: Point) -> float:
        """How bad the weights are."""
        right = (at.scores * self._wanted).sum(axis=1)
        return float((log_sum(at.scores) - right).sum(dtype=np.float64)) + at.times(at) / (2 * self._strength)

    def slope(self, at: Point) -> Floats:
        """The duals of the gradient."""
        return np.asarray(probabilities(at.scores) - self._wanted + at.duals / np.float32(self._strength))

    def step(self, at: Point, direction: Point, downhill: float) -> float:
        """How far to go: Newton's step along the direction, shortened until it pays; 0 when nothing does."""
        chances = probabilities(at.scores)
        mean = (chances * direction.scores).sum(axis=1, keepdims=True)
        spread = float((chances * (direction.scores - mean) ** 2).sum())
        curvature = spread + direction.times(direction) / self._strength
        length, before = downhill / max(curvature, 1e-12), self.value(at)
        for _ in range(_HALVINGS):
            if self.value(at.plus(length, direction)) < before:
                return length
            length /= 2
        return 0.0


def regress(
    product: Callable[[Floats], Floats],
    labels: NDArray[np.int64],
    *,
    classes: int,
    strength: float,
    iterations: int,
    start: Floats | None = None,
) -> Floats:
    """The duals, a row for each example and a column for each label.

    `product` multiplies the examples' Gram matrix with such an array; `start` are duals to go on from.
    """
    loss = Loss(labels, classes, strength)
    duals = np.zeros((len(labels), classes), np.float32) if start is None else start
    at = Point(duals, product(duals) if start is not None else duals)
    past: deque[tuple[Point, Point]] = deque(maxlen=_PAST)
    slope = _point(loss.slope(at), product)
    for _ in range(iterations):
        direction = _direction(slope, past)
        length = loss.step(at, direction, -slope.times(direction))
        if not length:
            break
        there = at.plus(length, direction)
        next_slope = _point(loss.slope(there), product)
        step, change = there.plus(-1, at), next_slope.plus(-1, slope)
        if step.times(change) > 0:  # rounding may turn the last tiny steps
            past.append((step, change))
        at, slope = there, next_slope
    return at.duals


def probabilities(scores: Floats) -> Floats:
    """The softmax of each row."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def log_sum(scores: Floats) -> Floats:
    """The logarithm of the sum of each row's powers."""
    highest = scores.max(axis=1, keepdims=True)
    return np.asarray(np.log(np.exp(scores - highest).sum(axis=1)) + highest[:, 0])


def temperature(scores: Floats, labels: NDArray[np.int64]) -> float:
    """The divisor of the scores, from 1/20 to 20, under which the labels are likeliest."""
    rows = np.arange(len(labels))

    def surprise(exponent: float) -> float:
        scaled = scores / np.float32(np.exp(exponent))
        return float((log_sum(scaled) - scaled[rows, labels]).mean())

    return float(np.exp(_lowest(surprise, -3.0, 3.0)))


def _lowest(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a function with one valley is lowest, to a hundredth."""
    while high - low > 0.01:
        third = (high - low) / 3
        if function(low + third) < function(high - third):
            high -= third
        else:
            low += third
    return (low + high) / 2


def _point(duals: Floats, product: Callable[[Floats], Floats]) -> Point:
    return Point(duals, product(duals))


def _direction(slope: Point, past: Sequence[tuple[Point, Point]]) -> Point:
    """Where to go: downhill, corrected by how the slope changed in the past steps."""
    direction, factors = Point(-slope.duals, -slope.scores), []
    for step, change in reversed(past):
        factors.append(step.times(direction) / step.times(change))
        direction = direction.plus(-factors[-1], change)
    if past:
        step, change = past[-1]
        direction = Point(*(part * np.float32(step.times(change) / change.times(change)) for part in direction))
    for (step, change), factor in zip(past, reversed(factors), strict=True):
        direction = direction.plus(factor - change.times(direction) / step.times(change), step)
    return direction
