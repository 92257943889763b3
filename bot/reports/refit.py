"""The intent classifier fitted again: on parts of the training examples for the learning curve, on folds of them.

Only the classifier is fitted, on features that are kept; no model is made.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.nlu.grams import Grams
from bot.nlu.linear import Examples, Likeness, LinearModel, centred
from bot.nlu.regression import Floats, regress
from bot.reports.features import Features, features_of
from bot.reports.recipe import Recipe
from bot.reports.sentences import Sentence
from bot.reports.statistics import REJECTED, Reading, Share

PARTS = (0.2, 0.4, 0.6, 0.8, 1.0)
FIT = ("strength", "unfamiliar", "seed")  # the settings that a fit takes
ITERATIONS = 20  # of each fit, which goes on from the one before; more change next to nothing
SEED = 1


@dataclass(frozen=True)
class CurvePoint:
    """The share whose likeliest intent is right when so many examples, a `part` of each intent's, are learnt from."""

    part: float
    examples: int
    understood: Share


def learning_curve(
    recipe: Recipe, training: Sequence[Sentence], sentences: Sequence[Sentence], parts: Sequence[float] = PARTS
) -> Iterator[CurvePoint]:
    """What is understood of `sentences`, before any rejection, after learning from growing parts of the examples.

    To take seconds, all parts share the weights of terms and the mean of vectors of all examples.
    """
    placed, names = places(training), _names(recipe, training)
    order = sorted(range(len(training)), key=placed.__getitem__)
    examples = [*names, *(training[index] for index in order)]
    seen, held_out = features_of(recipe, examples), features_of(recipe, sentences)
    intents, labels = np.unique([example.intent for example in examples], return_inverse=True)
    grams, center = Grams.fit(seen.texts), seen.vectors.mean(axis=0)
    words, meanings = grams(seen.texts), centred(seen.vectors, center, seen.sizes)
    read_words, read_meanings = grams(held_out.texts), centred(held_out.vectors, center, seen.sizes)
    likeness, duals = Likeness(words, meanings), np.zeros((0, len(intents)), np.float32)
    for part in parts:
        count = len(names) + sum(place <= part for place in placed)
        duals = _fit_on(likeness, labels[:count], duals, recipe)
        scores = read_words @ (words[:count].T @ duals) + read_meanings @ (meanings[:count].T @ duals)
        likeliest = intents[(scores + duals.sum(axis=0)).argmax(axis=1)]
        right = sum(one.intent == intent for one, intent in zip(sentences, likeliest, strict=True))
        yield CurvePoint(part, count - len(names), Share.of(right, len(sentences)))


def _fit_on(likeness: Likeness, labels: NDArray[np.int64], before: Floats, recipe: Recipe) -> Floats:
    """The duals of the first examples, which have these labels; it goes on from the duals of fewer."""
    new = np.zeros((len(labels) - len(before), before.shape[1]), np.float32)
    return regress(
        likeness.of_first(len(labels)),
        labels,
        classes=before.shape[1],
        strength=recipe.settings["strength"],
        iterations=ITERATIONS,
        start=np.vstack([before, new]),
    )


def in_folds(recipe: Recipe, training: Sequence[Sentence], folds: int) -> Iterator[list[Reading]]:
    """Each fold of the training examples, read by what was learnt from the others."""
    seen = features_of(recipe, training)
    fold_of = [min(int(place * folds), folds - 1) for place in places(training)]
    for fold in range(folds):
        learnt = [index for index, of in enumerate(fold_of) if of != fold]
        read = [index for index, of in enumerate(fold_of) if of == fold]
        model = _fit(recipe, [training[index] for index in learnt], seen.of(learnt))
        confidences = model.confidences(*seen.of(read)[:2])
        yield [_reading(recipe, training[index], model, row) for index, row in zip(read, confidences, strict=True)]


def _fit(recipe: Recipe, learnt: Sequence[Sentence], seen: Features) -> LinearModel:
    """Learn from sentences with these features, as a training does."""
    names = _names(recipe, learnt)
    hints = features_of(recipe, names)
    examples = Examples(
        texts=[*seen.texts, *hints.texts],
        vectors=np.vstack([seen.vectors, hints.vectors]),
        sizes=seen.sizes,
        labels=[sentence.intent for sentence in (*learnt, *names)],
        hints=len(names),
    )
    return LinearModel.fit(examples, **{name: recipe.settings[name] for name in FIT})


def _names(recipe: Recipe, sentences: Sequence[Sentence]) -> list[Sentence]:
    """The intents' names, if they are learnt from as well."""
    names = sorted({sentence.intent for sentence in sentences}) if recipe.settings["learn_names"] else []
    return [Sentence(name.replace("_", " "), name, "") for name in names]


def _reading(recipe: Recipe, sentence: Sentence, model: LinearModel, confidences: Floats) -> Reading:
    second, first = np.partition(confidences, -2)[-2:]
    best = model.intents[int(confidences.argmax())]
    rejected = first < recipe.threshold or first - second < recipe.ambiguity
    return Reading(
        text=sentence.text,
        intent=sentence.intent,
        language=sentence.language,
        channel=sentence.channel,
        guessed=REJECTED if rejected else best,
        best=best,
        confidence=round(float(first), 4),
    )


def places(sentences: Sequence[Sentence]) -> list[float]:
    """For each sentence where it stands, from above 0 to 1, among its intent's in an order of chance."""
    intents: dict[str, list[int]] = defaultdict(list)
    for index, sentence in enumerate(sentences):
        intents[sentence.intent].append(index)
    found = [0.0] * len(sentences)
    shuffle = random.Random(SEED).shuffle
    for indices in intents.values():
        shuffle(indices)
        for place, index in enumerate(indices):
            found[index] = (place + 0.5) / len(indices)
    return found
