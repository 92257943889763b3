"""Figures of sentences that a model read: right and wrong, per intent, what is confused, how far confidences hold."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

Z = 1.959964  # of the normal distribution lie 95 % within so many standard deviations
REJECTED, OUT_OF_SCOPE = "nlu_fallback", "out_of_scope"


@dataclass(frozen=True)
class Reading:
    """A sentence that means `intent`, as a model read it.

    `guessed` is what it would act on, `best` the likeliest intent before any rejection, with its confidence.
    """

    text: str
    intent: str
    language: str
    channel: str
    guessed: str
    best: str
    confidence: float

    @property
    def right(self) -> bool:
        """Whether the model understood; a rejection is right for what is out of scope."""
        return self.guessed == self.intent or (self.intent == OUT_OF_SCOPE and self.guessed == REJECTED)

    @property
    def answer(self) -> str:
        """The guess; a rejection of what is out of scope is the same as saying so."""
        return self.intent if self.right else self.guessed


@dataclass(frozen=True)
class Share:
    """`right` of `total`: `value` from 0 to 1, with its 95 % interval from `low` to `high`."""

    right: int
    total: int
    value: float
    low: float
    high: float

    @classmethod
    def of(cls, right: int, total: int) -> Share:
        """The share with Wilson's interval, which holds for few and for nearly all; 0 of none."""
        if not total:
            return cls(0, 0, 0.0, 0.0, 1.0)
        share, part = right / total, Z * Z / total
        middle = (share + part / 2) / (1 + part)
        spread = Z / (1 + part) * math.sqrt(share * (1 - share) / total + part / (4 * total))
        return cls(right, total, round(share, 4), round(max(0.0, middle - spread), 4), round(middle + spread, 4))


@dataclass(frozen=True)
class IntentFigures:
    """How an intent was understood: `precision` of what was taken for it is it, `recall` of what is it was found."""

    name: str
    sentences: int
    precision: float
    recall: float
    f1: float
    taken_for: dict[str, int]


@dataclass(frozen=True)
class Confusion:
    """Sentences that mean `intent` and were taken for `guessed`."""

    intent: str
    guessed: str
    sentences: list[str]


@dataclass(frozen=True)
class Bin:
    """Sentences whose confidence is from `low` up to `high`: how many, how many right, and the mean confidence."""

    low: float
    high: float
    sentences: int
    right: int
    confidence: float


@dataclass(frozen=True)
class Rejections:
    """What became of sentences that are a matter of ours or none.

    `rejected` and `taken_for_none`: of those that are, the share that was rejected and that was taken for out of
    scope; `none_found`: of those that are out of scope, the share that was rejected or known as such.
    """

    rejected: Share
    taken_for_none: Share
    none_found: Share


def share_right(readings: Sequence[Reading]) -> Share:
    """The share that was understood."""
    return Share.of(sum(reading.right for reading in readings), len(readings))


def per_group(readings: Sequence[Reading]) -> dict[str, Share]:
    """The share that was understood of each language and channel."""
    groups: dict[str, list[Reading]] = defaultdict(list)
    for reading in readings:
        groups[f"{reading.language} {reading.channel}".strip()].append(reading)
    return {name: share_right(group) for name, group in sorted(groups.items())}


def per_intent(readings: Sequence[Reading]) -> list[IntentFigures]:
    """The figures of each intent that has sentences, the worst first."""
    answers: dict[str, Counter[str]] = defaultdict(Counter)
    for reading in readings:
        answers[reading.intent][reading.answer] += 1
    given = sum(answers.values(), Counter())
    figures = [_intent(name, answered, given[name]) for name, answered in answers.items()]
    return sorted(figures, key=lambda intent: (intent.f1, intent.name))


def _intent(name: str, answered: Counter[str], given: int) -> IntentFigures:
    right, sentences = answered[name], answered.total()
    return IntentFigures(
        name=name,
        sentences=sentences,
        precision=round(right / given, 4) if given else 0.0,
        recall=round(right / sentences, 4),
        f1=round(2 * right / (given + sentences), 4),
        taken_for={other: count for other, count in answered.most_common() if other != name},
    )


def macro_f1(intents: Sequence[IntentFigures]) -> float:
    """The mean of the intents' F1: each counts the same, however many sentences it has."""
    return round(sum(intent.f1 for intent in intents) / len(intents), 4) if intents else 0.0


def confusions(readings: Sequence[Reading]) -> list[Confusion]:
    """The pairs that were confused with their sentences, the most frequent first."""
    pairs: dict[tuple[str, str], list[str]] = defaultdict(list)
    for reading in readings:
        if not reading.right:
            pairs[reading.intent, reading.guessed].append(reading.text)
    ordered = sorted(pairs.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    return [Confusion(intent, guessed, sentences) for (intent, guessed), sentences in ordered]


def rejections(readings: Sequence[Reading]) -> Rejections:
    """What was rejected or taken for out of scope, rightly and wrongly."""
    ours = [reading.guessed for reading in readings if reading.intent != OUT_OF_SCOPE]
    none = [reading for reading in readings if reading.intent == OUT_OF_SCOPE]
    return Rejections(
        rejected=Share.of(ours.count(REJECTED), len(ours)),
        taken_for_none=Share.of(ours.count(OUT_OF_SCOPE), len(ours)),
        none_found=share_right(none),
    )


def by_confidence(readings: Sequence[Reading], count: int) -> list[Bin]:
    """`count` equal bins from 0 to 1 of the likeliest intents, before any rejection."""
    bins: list[list[Reading]] = [[] for _ in range(count)]
    for reading in readings:
        bins[min(int(reading.confidence * count), count - 1)].append(reading)
    return [_bin(number / count, (number + 1) / count, inside) for number, inside in enumerate(bins)]


def _bin(low: float, high: float, inside: Sequence[Reading]) -> Bin:
    right = sum(reading.best == reading.intent for reading in inside)
    mean = sum(reading.confidence for reading in inside) / len(inside) if inside else 0.0
    return Bin(round(low, 4), round(high, 4), len(inside), right, round(mean, 4))


def calibration_error(bins: Sequence[Bin]) -> float:
    """How far confidences are from the share that is right, on average over sentences (ECE), from 0 to 1."""
    total = sum(one.sentences for one in bins)
    gaps = sum(abs(one.right - one.confidence * one.sentences) for one in bins)
    return round(gaps / total, 4) if total else 0.0
