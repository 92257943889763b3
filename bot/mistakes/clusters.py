"""Sentences that mean the same lie together, so that a person decides on them in one go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.mistakes.mask import PLACEHOLDER
from bot.mistakes.store import Mistake

# Cosine of a sentence's vector and that of its cluster's first; two ways to ask for one thing often have 0.5 to 0.7.
ALIKE = 0.55
Embed = Callable[[Sequence[str]], NDArray[np.float32]]


@dataclass(frozen=True)
class Cluster:
    """Sentences of one meaning, the most frequent first."""

    mistakes: tuple[Mistake, ...]

    @property
    def count(self) -> int:
        """How many turns they were said in."""
        return sum(mistake.count for mistake in self.mistakes)


def cluster(mistakes: Sequence[Mistake], embed: Embed) -> list[Cluster]:
    """The sentences in clusters, the one with most turns first; `embed` gives a vector of length 1 for each text.

    Each sentence joins the nearest cluster by its first and most frequent sentence, or begins one.
    """
    ordered = sorted(mistakes, key=lambda mistake: (-mistake.count, mistake.id))
    if not ordered:
        return []
    vectors = embed([_words(mistake) for mistake in ordered])
    leaders: list[int] = []
    members: list[list[Mistake]] = []
    for index, mistake in enumerate(ordered):
        likeness = vectors[leaders] @ vectors[index]
        nearest = int(np.argmax(likeness)) if leaders else 0
        if leaders and likeness[nearest] >= ALIKE:
            members[nearest].append(mistake)
        else:
            leaders.append(index)
            members.append([mistake])
    return sorted((Cluster(tuple(found)) for found in members), key=lambda found: -found.count)


def _words(mistake: Mistake) -> str:
    return PLACEHOLDER.sub("0", mistake.text).lower()
