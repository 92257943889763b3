"""The linear classifier fitted again: on less data for the learning curve, on folds for cross-validation.

Only the classifier is fitted, on vectors that are kept in its cache; no model is made. Values are found by the present
code, as in a training. It takes the settings of `config.yml`.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from bot.errors import PortalError
from bot.nlu.cache import Cache, CachedEncoder, cached_spans
from bot.nlu.encoder import load_encoder
from bot.nlu.language import detect
from bot.nlu.linear import Examples, LinearModel
from bot.nlu.regression import Floats
from bot.nlu.text import Span, mask, plain
from bot.nlu.values import extract
from bot.reports.statistics import REJECTED, Reading, Share, share_right
from bot.validation.examples import read_examples
from bot.validation.source import UnreadableError, read_folder

CONFIG, DATA = Path("config.yml"), Path("nlu_data")
CLASSIFIER, FALLBACK = "LinearIntentClassifier", "FallbackClassifier"
RASA_THRESHOLD, RASA_AMBIGUITY = 0.3, 0.1  # what Rasa takes when the configuration does not say
SHARES = (0.2, 0.4, 0.6, 0.8, 1.0)
SEED = 1
# `[Zelt](product)` and `[Zelt]{"entity": "product"}` in training data.
MARKED = re.compile(r"\[([^\]]+)\](?:\([^)]*\)|\{[^}]*\})")


@dataclass(frozen=True)
class Sentence:
    """A sentence with its intent; a training example has no channel, and its language is guessed like in a training."""

    text: str
    intent: str
    language: str
    channel: str = ""


@dataclass(frozen=True)
class CurvePoint:
    """What is understood when so many training examples, a `part` of all, are learnt from."""

    part: float
    examples: int
    understood: Share


@dataclass(frozen=True)
class Recipe:
    """What `config.yml` says of the classifier, and when it has an intent rejected."""

    classifier: dict[str, Any]
    threshold: float
    ambiguity: float


def read_recipe(config: Path = CONFIG) -> Recipe | None:
    """The settings of the classifier with its defaults; None when the configuration has another one.

    Raises `PortalError` when there is no pipeline in it. Imports Rasa: keep TensorFlow out before.
    """
    try:
        parts = yaml.safe_load(config.read_text("utf-8"))["pipeline"]
        pipeline = {part["name"].rpartition(".")[2]: part for part in parts}
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise PortalError(f"{config} has no pipeline that can be read", "sprachportal validate says more") from error
    if CLASSIFIER not in pipeline:
        return None
    from bot.nlu.intent import LinearIntentClassifier

    fallback = pipeline.get(FALLBACK, {"threshold": 0.0, "ambiguity_threshold": 0.0})
    return Recipe(
        classifier={**LinearIntentClassifier.get_default_config(), **pipeline[CLASSIFIER]},
        threshold=float(fallback.get("threshold", RASA_THRESHOLD)),
        ambiguity=float(fallback.get("ambiguity_threshold", RASA_AMBIGUITY)),
    )


def read_training(folder: Path = DATA) -> list[Sentence]:
    """The training examples without the marks of entities; raises `PortalError` with file and line."""
    try:
        examples = read_examples(read_folder(folder))
    except UnreadableError as error:
        raise PortalError(f"{error.finding.where}: {error.finding.what}", error.finding.todo) from error
    return [Sentence(MARKED.sub(r"\1", example.text), example.intent, example.language) for example in examples]


class Refit:
    """Training examples as the classifier sees them; fits any choice of them and reads any sentences."""

    def __init__(self, recipe: Recipe, training: Sequence[Sentence]) -> None:
        """Make the features of `training`, those known before from the cache."""
        self._recipe = recipe
        settings = recipe.classifier
        self._cache = Cache(Path(settings["cache"] or "var/cache/examples.sqlite"))
        encoder = load_encoder(settings["encoder"])
        self._encoder = CachedEncoder(encoder, self._cache) if encoder else None
        self._training = training
        self._features = self.features(training)

    def features(self, sentences: Sequence[Sentence]) -> tuple[list[str], Floats]:
        """The masked texts of sentences, and a row of vectors for each."""
        texts, spans = [sentence.text for sentence in sentences], self._spans(sentences)
        return list(map(mask, texts, spans)), self._vectors(list(map(plain, texts, spans)))

    def fit(self, chosen: Sequence[int]) -> LinearModel:
        """Learn from the training examples with these indices."""
        texts, vectors = self._features
        labels = [self._training[index].intent for index in chosen]
        names = sorted(set(labels)) if self._recipe.classifier["learn_names"] else []
        words = [name.replace("_", " ") for name in names]
        examples = Examples(
            texts=[*(texts[index] for index in chosen), *(mask(word, []) for word in words)],
            vectors=np.vstack([vectors[list(chosen)], self._vectors(words)]),
            sizes=self._encoder.sizes if self._encoder else (),
            labels=[*labels, *names],
            hints=len(names),
        )
        settings = self._recipe.classifier
        return LinearModel.fit(examples, strength=settings["strength"], seed=settings["seed"])

    def read(
        self, model: LinearModel, sentences: Sequence[Sentence], features: tuple[list[str], Floats]
    ) -> list[Reading]:
        """What a model makes of sentences with these features."""
        chances = model.probabilities(*features)
        return [self._reading(sentence, model, row) for sentence, row in zip(sentences, chances, strict=True)]

    def read_training(self, model: LinearModel, chosen: Sequence[int]) -> list[Reading]:
        """What a model makes of the training examples with these indices."""
        texts, vectors = self._features
        features = [texts[index] for index in chosen], vectors[list(chosen)]
        return self.read(model, [self._training[index] for index in chosen], features)

    def _reading(self, sentence: Sentence, model: LinearModel, chances: Floats) -> Reading:
        second, first = np.partition(chances, -2)[-2:]
        best = model.intents[int(chances.argmax())]
        rejected = first < self._recipe.threshold or first - second < self._recipe.ambiguity
        return Reading(
            text=sentence.text,
            intent=sentence.intent,
            language=sentence.language,
            channel=sentence.channel,
            guessed=REJECTED if rejected else best,
            best=best,
            confidence=round(float(first), 4),
        )

    def _vectors(self, texts: Sequence[str]) -> Floats:
        return self._encoder.encode(texts) if self._encoder else np.zeros((len(texts), 0), np.float32)

    def _spans(self, sentences: Sequence[Sentence]) -> list[list[Span]]:
        """The values in each sentence, as a training or a conversation in its language and channel finds them."""
        from bot.nlu.intent import LinearIntentClassifier

        version = LinearIntentClassifier.fingerprint_addon(self._recipe.classifier)
        kinds: dict[tuple[str, str], list[int]] = defaultdict(list)
        for index, sentence in enumerate(sentences):
            kinds[(sentence.language, sentence.channel) if sentence.channel else ("", "")].append(index)
        found: dict[int, list[Span]] = {}
        for (language, channel), indices in kinds.items():
            texts = [sentences[index].text for index in indices]
            spans = cached_spans(self._cache, f"{version} {language} {channel}", texts, _finder(language, channel))
            found |= dict(zip(indices, spans, strict=True))
        return [found[index] for index in range(len(sentences))]


def _finder(language: str, channel: str) -> Callable[[str], list[Span]]:
    def find(text: str) -> list[Span]:
        guess = detect(text)
        spoken = language or (guess.language if guess else "de")
        found = extract(text, language=spoken, channel=channel or "chat")
        return [Span(value.start, value.end, value.entity) for value in found]

    return find


def learning_curve(
    refit: Refit, training: Sequence[Sentence], sentences: Sequence[Sentence], parts: Sequence[float] = SHARES
) -> Iterator[CurvePoint]:
    """What is understood of `sentences` after learning from these parts of each intent's examples."""
    features = refit.features(sentences)
    for part in parts:
        chosen = [index for index, place in enumerate(_places(training)) if place <= part]
        readings = refit.read(refit.fit(chosen), sentences, features)
        yield CurvePoint(part, len(chosen), share_right(readings))


def in_folds(refit: Refit, training: Sequence[Sentence], folds: int) -> Iterator[list[Reading]]:
    """Each fold of the training examples, read by what was learnt from the others."""
    fold_of = [min(int(place * folds), folds - 1) for place in _places(training)]
    for fold in range(folds):
        learnt = [index for index, of in enumerate(fold_of) if of != fold]
        held_out = [index for index, of in enumerate(fold_of) if of == fold]
        yield refit.read_training(refit.fit(learnt), held_out)


def _places(sentences: Sequence[Sentence]) -> list[float]:
    """For each sentence where it stands, from above 0 to 1, among its intent's in an order of chance."""
    intents: dict[str, list[int]] = defaultdict(list)
    for index, sentence in enumerate(sentences):
        intents[sentence.intent].append(index)
    places = [0.0] * len(sentences)
    shuffle = random.Random(SEED).shuffle
    for indices in intents.values():
        shuffle(indices)
        for place, index in enumerate(indices):
            places[index] = (place + 0.5) / len(indices)
    return places
