"""The intent of a message: a linear classifier as a component of Rasa's pipeline."""

from __future__ import annotations

import logging
import re
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

from bot.nlu.cache import Cache, CachedEncoder, cached_spans
from bot.nlu.encoder import ENCODERS, NONE, UNIVERSAL, Encoder, Vectors, is_encoder, load_encoder
from bot.nlu.language import detect
from bot.nlu.linear import Examples, LinearModel
from bot.nlu.regression import Floats
from bot.nlu.text import Span, mask, plain
from bot.nlu.values import extract

logger = logging.getLogger(__name__)

_MODEL_FILE = "intents.npz"
_EXTRACTOR = "ValueExtractor"
_RANGES = {"strength": (0.001, 1_000_000), "unfamiliar": (0, 1), "seed": (0, 2**32 - 1), "ranking_length": (0, 1000)}
_HUMPS = re.compile(r"(?<=[a-zäöüß])(?=[A-ZÄÖÜ])")


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class LinearIntentClassifier(GraphComponent, IntentClassifier):
    """Tells the intent from the words, the letters and the meaning of a message.

    Place `ValueExtractor` before it: the values found are masked, so that the digits of an order number do not
    matter. Confidences are calibrated: of the answers given with 0.8, about 80 % are right. Texts unlike all examples
    get low ones, whatever intent is the nearest.
    """

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """The parameters and their defaults."""
        return {
            # "universal", "e5", "both", "none" (words alone), a folder with an ONNX model, or several joined by "+".
            "encoder": UNIVERSAL,
            # The file that keeps what is known of examples, so that a second training is quick; null for none.
            "cache": "var/cache/examples.sqlite",
            # Values are masked; false when `ValueExtractor` is not in the pipeline.
            "mask_values": True,
            # The name of an intent, such as ask_order_status, counts as one more example of it.
            "learn_names": True,
            # How closely to follow the examples: the inverse of the regularization.
            "strength": 40.0,
            # The share of the examples that may look unfamiliar: texts that are less familiar are out of scope, so
            # that their confidences are low. 0 to judge no text by that.
            "unfamiliar": 0.01,
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
        """Refuse an encoder that does not exist, and numbers that nothing can be learnt with."""
        if not is_encoder(str(config.get("encoder", UNIVERSAL))):
            names = ", ".join(ENCODERS)
            raise InvalidConfigException(f"{cls.__name__}: encoder must be {names}, a folder, or several joined by +.")
        for name, (least, most) in _RANGES.items():
            value = config.get(name, least)
            if not isinstance(value, int | float) or not least <= value <= most:
                raise InvalidConfigException(f"{cls.__name__}: {name} must be a number from {least} to {most}.")

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str:
        """What a training depends on besides its data: the code beside this file and the encoder at hand."""
        encoder = load_encoder(config.get("encoder", UNIVERSAL))
        return f"{encoder.name if encoder else NONE} {_code()}"

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> LinearIntentClassifier:
        """Rasa's way to make the component before training."""
        cls.validate_config(config)
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
        component._vectors([""], component._encoder)
        return component

    def __init__(self, config: Mapping[str, Any], model_storage: ModelStorage, resource: Resource) -> None:
        """Start without a model."""
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
        options = {name: self._config[name] for name in ("strength", "unfamiliar", "seed")}
        self._model = LinearModel.fit(self._examples(texts, labels), **options)
        self.persist()
        return self._resource

    def persist(self) -> None:
        """Write the model to Rasa's storage."""
        if self._model:
            with self._model_storage.write_to(self._resource) as directory:
                self._model.save(directory / _MODEL_FILE)

    def process(self, messages: list[Message]) -> list[Message]:
        """Add intent and ranking to each message."""
        for message, ranking in zip(messages, self._rankings(messages), strict=True):
            best = ranking[0] if ranking else {"name": None, "confidence": 0.0}
            message.set(INTENT, best, add_to_output=True)
            message.set(INTENT_RANKING_KEY, ranking, add_to_output=True)
        return messages

    def _rankings(self, messages: Sequence[Message]) -> list[list[dict[str, Any]]]:
        """The likeliest intents of each message, best first; none of a message that says nothing."""
        texts = [message.get(TEXT) or "" for message in messages]
        spans = [_found(message) if self._config["mask_values"] else [] for message in messages]
        words = list(map(mask, texts, spans))
        rankings: list[list[dict[str, Any]]] = [[] for _ in messages]
        said = [index for index, of_text in enumerate(words) if of_text]
        if self._model and said:
            vectors = self._vectors([plain(texts[index], spans[index]) for index in said], self._encoder)
            rows = self._model.confidences([words[index] for index in said], vectors)
            for index, confidences in zip(said, rows, strict=True):
                rankings[index] = _ranking(self._model.intents, confidences, self._config["ranking_length"])
        return rankings

    def _examples(self, texts: Sequence[str], labels: Sequence[str]) -> Examples:
        """What the model learns from: the examples and, as hints, the names of the intents."""
        cache = Cache(Path(self._config["cache"])) if self._config["cache"] else None
        encoder = CachedEncoder(self._encoder, cache) if self._encoder and cache else self._encoder
        spans = self._spans(texts, cache)
        names = sorted(set(labels)) if self._config["learn_names"] else []
        said = [*texts, *map(_words, names)]
        spans += [[] for _ in names]
        return Examples(
            texts=list(map(mask, said, spans)),
            vectors=self._vectors(list(map(plain, said, spans)), encoder),
            sizes=self._sizes,
            labels=[*labels, *names],
            hints=len(names),
        )

    def _spans(self, texts: Sequence[str], cache: Cache | None) -> list[list[Span]]:
        """The values in training examples: extractors do not run before a training."""
        if not self._config["mask_values"]:
            return [[] for _ in texts]
        return cached_spans(cache, _code(), texts, _extracted) if cache else [_extracted(text) for text in texts]

    @property
    def _sizes(self) -> tuple[int, ...]:
        """The sizes of the vectors that the encoder puts side by side; empty without one."""
        return self._encoder.sizes if self._encoder else ()

    def _vectors(self, texts: Sequence[str], encoder: Encoder | None) -> Vectors:
        """One row a text; without an encoder the rows are empty."""
        return encoder.encode(texts) if encoder else np.zeros((len(texts), 0), dtype=np.float32)

    def _check_encoder(self) -> None:
        """Refuse a model made with another encoder than the one at hand."""
        if self._model and self._model.sizes != self._sizes:
            raise RasaException(
                f"The intent model was trained with sentence vectors of {_told(self._model.sizes)} numbers, "
                f"the encoder at hand gives {_told(self._sizes)}. Install the same encoder or train again."
            )


def _found(message: Message) -> list[Span]:
    """The values that the extractor found in a message."""
    return [
        Span(entity[ENTITY_ATTRIBUTE_START], entity[ENTITY_ATTRIBUTE_END], entity[ENTITY_ATTRIBUTE_TYPE])
        for entity in message.get(ENTITIES) or []
        if entity.get(EXTRACTOR) == _EXTRACTOR
    ]


def _ranking(intents: Sequence[str], confidences: Floats, length: int) -> list[dict[str, Any]]:
    """The likeliest intents by their confidences, best first; all of them when `length` is 0."""
    best = np.argsort(-confidences)[: length or None]
    return [{"name": intents[index], "confidence": float(confidences[index])} for index in best]


def _extracted(text: str) -> list[Span]:
    """The values of a training example, in the language that it seems to be in."""
    guess = detect(text)
    language = guess.language if guess else "de"
    return [Span(found.start, found.end, found.entity) for found in extract(text, language=language)]


def _words(name: str) -> str:
    """The words of an intent's name: `ask_order_status`, `faq/askHours`."""
    return re.sub(r"[\W_]+", " ", _HUMPS.sub(" ", name)).strip()


def _code() -> str:
    """A hash of the code and the word lists beside this file."""
    files = sorted(file for file in Path(__file__).parent.iterdir() if file.suffix in (".py", ".txt"))
    return sha256(b"\n".join(file.read_bytes() for file in files)).hexdigest()


def _told(sizes: Sequence[int]) -> str:
    return " and ".join(map(str, sizes)) or "0"
