"""All that a test measured, summed up: what `--json` prints and what the report shows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bot.dialogues import Failure
from bot.nlu.text import fold
from bot.reports.refit import CurvePoint
from bot.reports.statistics import (
    Bin,
    Confusion,
    IntentFigures,
    Reading,
    Rejections,
    Share,
    by_confidence,
    calibration_error,
    confusions,
    macro_f1,
    per_group,
    per_intent,
    rejections,
    share_right,
)
from bot.reports.values import ValueFigures

HISTOGRAM_BINS, RELIABILITY_BINS = 20, 10


@dataclass(frozen=True)
class Subject:
    """What was tested: a model, or with `folds` the training data by cross-validation.

    `measured_at` is a moment in ISO form. `data_changed` says that the model was trained on other data than are there
    now. Intents with a confidence below `threshold` are rejected.
    """

    model: str
    fingerprint: str
    measured_at: str
    threshold: float
    data_changed: bool = False
    folds: int | None = None


@dataclass(frozen=True)
class Conversations:
    """How many conversations were had, and those that went otherwise than expected."""

    played: int
    failed: list[Failure]


@dataclass(frozen=True)
class Measured:
    """What came out, as it was measured; None was not measured. `learnt` are the folded training sentences."""

    readings: list[Reading]
    curve: list[CurvePoint]
    learnt: Collection[str] = ()
    values: ValueFigures | None = None
    conversations: Conversations | None = None


@dataclass(frozen=True)
class Summary:
    """The figures of a test. Shares are from 0 to 1, lists have the worst first.

    `unseen` counts only the sentences that do not stand in the training data word for word.
    """

    subject: Subject
    understood: Share
    unseen: Share
    macro_f1: float
    groups: dict[str, Share]
    intents: list[IntentFigures]
    rejections: Rejections
    confusions: list[Confusion]
    histogram: list[Bin]
    reliability: list[Bin]
    calibration_error: float
    wrong: list[Reading]
    learning_curve: list[CurvePoint]
    values: ValueFigures | None
    conversations: Conversations | None


def sum_up(subject: Subject, measured: Measured) -> Summary:
    """The figures of what was measured."""
    readings = measured.readings
    intents, reliability = per_intent(readings), by_confidence(readings, RELIABILITY_BINS)
    return Summary(
        subject=subject,
        understood=share_right(readings),
        unseen=share_right([one for one in readings if fold(one.text) not in measured.learnt]),
        macro_f1=macro_f1(intents),
        groups=per_group(readings),
        intents=intents,
        rejections=rejections(readings),
        confusions=confusions(readings),
        histogram=by_confidence(readings, HISTOGRAM_BINS),
        reliability=reliability,
        calibration_error=calibration_error(reliability),
        wrong=_wrong(readings),
        learning_curve=measured.curve,
        values=measured.values,
        conversations=measured.conversations,
    )


def _wrong(readings: Sequence[Reading]) -> list[Reading]:
    """The sentences that were not understood, the most confident mistakes first."""
    return sorted(
        (one for one in readings if not one.right), key=lambda one: (one.guessed != one.best, -one.confidence)
    )
