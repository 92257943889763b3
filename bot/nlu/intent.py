"""The intent of a message: a linear classifier as a component of Rasa's pipeline."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.exceptions import InvalidConfigException, RasaException
from rasa.shared.nlu.constants import (
    ENTITIES,
    ENTITY_ATTRIBUTE_END,
    ENTITY_ATTRIBUTE_START,
    ENTITY_ATTRIBUTE_TYPE,
    EXTRACTOR,
    INTENT,
    INTENT_RANKING_KEY,
    TEXT,
)
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.nlu.encoder import ENCODERS, NONE, UNIVERSAL, CachedEncoder, Encoder, Vectors, load_encoder
from bot.nlu.language import detect
from bot.nlu.linear import LinearModel
from bot.nlu.text import Span, mask, plain
from bot.nlu.values import extract

logger = logging.getLogger(__name__)

_MODEL_FILE = "intents.npz"
_EXTRACTOR = "ValueExtractor"


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class LinearIntentClassifier(GraphComponent, IntentClassifier):
    """Tells the intent from the words, the letters and the meaning of a message.

    Place `ValueExtractor` before it: the values found are masked, so that the digits of an order number do not
    matter. Confidences are calibrated: of the answers given with 0.8, about 80 % are right.
    """

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """The parameters and their defaults."""
        return {
            # "universal": words and sentence vectors; "none": words alone.
            "encoder": UNIVERSAL,
            # The file that keeps vectors, so that a second training encodes only new examples; null for none.
            "cache": "var/cache/vectors.sqlite",
            # How closely to follow the examples: the inverse of the regularization.
            "strength": 40.0,
            # Chooses the examples that calibrate the confidences.
            "seed": 1,
            # How many intents the ranking names; 0 for all.
            "ranking_length": 10,
        }

    @staticmethod
    def required_packages() -> list[str]:
        """Packages that Rasa checks before training."""
        return ["sklearn"]

    @classmethod
    def validate_config(cls, config: dict[str, Any]) -> None:
        """Refuse an encoder that does not exist."""
        if config.get("encoder", UNIVERSAL) not in ENCODERS:
            raise InvalidConfigException(f"{cls.__name__}: encoder must be one of {', '.join(ENCODERS)}.")

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str:
        """What a training depends on besides its data: the code beside this file and the encoder at hand."""
        encoder = load_encoder(config.get("encoder", UNIVERSAL))
        files = sorted(file for file in Path(__file__).parent.iterdir() if file.suffix in (".py", ".txt"))
        digest = sha256(b"\n".join(file.read_bytes() for file in files)).hexdigest()
        return f"{encoder.name if encoder else NONE} {digest}"

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> LinearIntentClassifier:
        """Rasa's way to make the component before training."""
        return cls(config, model_storage, resource)

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> LinearIntentClassifier:
        """Rasa's way to make the component from what `persist` wrote."""
        component = cls(config, model_storage, resource)
        try:
            with model_storage.read_from(resource) as directory:
                component._model = LinearModel.load(directory / _MODEL_FILE)
        except ValueError:
            logger.warning("There is no trained intent model: every message has no intent.")
        component._check_encoder()
        return component

    def __init__(self, config: Mapping[str, Any], model_storage: ModelStorage, resource: Resource) -> None:
        """Start without a model; the encoder is loaded now, so that no customer waits for it."""
        self._config = {**self.get_default_config(), **config}
        self._model_storage, self._resource = model_storage, resource
        self._encoder = load_encoder(self._config["encoder"])
        self._model: LinearModel | None = None

    def train(self, training_data: TrainingData) -> Resource:
        """Learn from the examples and persist the model."""
        examples = [example for example in training_data.intent_examples if example.get(TEXT)]
        labels = [example.get(INTENT) for example in examples]
        if len(set(labels)) < 2:
            logger.warning("Intents are not trained: the data have fewer than two.")
            return self._resource
        texts = [example.get(TEXT) for example in examples]
        spans = [_extracted(text) for text in texts]
        self._model = LinearModel.fit(
            list(map(mask, texts, spans)),
            self._vectors(list(map(plain, texts, spans)), self._training_encoder()),
            labels,
            strength=self._config["strength"],
            seed=self._config["seed"],
        )
        self.persist()
        return self._resource

    def persist(self) -> None:
        """Write the model to Rasa's storage."""
        if self._model:
            with self._model_storage.write_to(self._resource) as directory:
                self._model.save(directory / _MODEL_FILE)

    def process(self, messages: list[Message]) -> list[Message]:
        """Add intent and ranking to each message."""
        for message in messages:
            ranking = self._ranking(message)
            best = ranking[0] if ranking else {"name": None, "confidence": 0.0}
            message.set(INTENT, best, add_to_output=True)
            message.set(INTENT_RANKING_KEY, ranking, add_to_output=True)
        return messages

    def _ranking(self, message: Message) -> list[dict[str, Any]]:
        """The likeliest intents of a message, best first; none when it says nothing."""
        text, spans = message.get(TEXT) or "", _found(message)
        words = mask(text, spans)
        if not self._model or not words:
            return []
        vector = self._vectors([plain(text, spans)], self._encoder)
        confidences = self._model.probabilities([words], vector)[0]
        best = np.argsort(-confidences)[: self._config["ranking_length"] or None]
        return [{"name": self._model.intents[i], "confidence": float(confidences[i])} for i in best]

    def _training_encoder(self) -> Encoder | None:
        """The encoder behind its cache."""
        if self._encoder and self._config["cache"]:
            return CachedEncoder(self._encoder, Path(self._config["cache"]))
        return self._encoder

    def _vectors(self, texts: Sequence[str], encoder: Encoder | None) -> Vectors:
        """One row a text; without an encoder the rows are empty."""
        return encoder.encode(texts) if encoder else np.zeros((len(texts), 0), dtype=np.float32)

    def _check_encoder(self) -> None:
        """Refuse a model made with another encoder than the one at hand."""
        size = self._encoder.size if self._encoder else 0
        if self._model and self._model.center.size != size:
            raise RasaException(
                f"The intent model was trained with sentence vectors of {self._model.center.size} numbers, "
                f"the encoder at hand gives {size}. Install the same encoder or train again."
            )


def _found(message: Message) -> list[Span]:
    """The values that the extractor found in a message."""
    return [
        Span(entity[ENTITY_ATTRIBUTE_START], entity[ENTITY_ATTRIBUTE_END], entity[ENTITY_ATTRIBUTE_TYPE])
        for entity in message.get(ENTITIES) or []
        if entity.get(EXTRACTOR) == _EXTRACTOR
    ]


def _extracted(text: str) -> list[Span]:
    """The values of a training example: extractors do not run before a training."""
    guess = detect(text)
    language = guess.language if guess else "de"
    return [Span(found.start, found.end, found.entity) for found in extract(text, language=language)]
