"""Measures one classifier on one set in a process of its own: `python -m bench.nlu_worker SET CLASSIFIER`.

A classifier is `diet`, stock Rasa's, or ours with the encoder of that name. Prints the figures as one JSON object.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bench.nlu_sets import OUT_OF_SCOPE, SETS, Sentence, Split
from bot.nlu.without_tensorflow import keep_out_tensorflow

DIET = "diet"
_SEED = 1


class Guess(NamedTuple):
    """What a sentence means, what it was taken for, and how sure that was."""

    intent: str
    guessed: str | None
    confidence: float


Understand = Callable[[str], tuple[str | None, float]]
Train = Callable[[Sequence[Sentence], str], Understand]


def measure(name: str, train: Train, splits: Sequence[Split]) -> dict[str, float]:
    """The figures of one set: accuracy in percent, seconds to train, milliseconds to understand a sentence."""
    language = SETS[name].language
    figures: dict[str, list[float]] = {"train seconds": [], "parse ms": []}
    for split in splits:
        began = time.perf_counter()
        understand = train(split.train, language)
        figures["train seconds"].append(time.perf_counter() - began)
        began = time.perf_counter()
        guesses = _ask(understand, split.test)
        figures["parse ms"].append(1000 * (time.perf_counter() - began) / len(split.test))
        for figure, value in _rates(guesses, _ask(understand, split.validation)).items():
            figures.setdefault(figure, []).append(value)
    means = {figure: sum(values) / len(values) for figure, values in figures.items()}
    sizes = {"examples": len(splits[0].train), "asked": sum(len(split.test) for split in splits)}
    return sizes | means | {"memory MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def _ask(understand: Understand, sentences: Sequence[Sentence]) -> list[Guess]:
    return [Guess(sentence.intent, *understand(sentence.text)) for sentence in sentences]


def _rates(test: Sequence[Guess], validation: Sequence[Guess]) -> dict[str, float]:
    """Accuracy; with sentences out of scope, what a threshold makes of it.

    The threshold is the best for the validation set. Without one it is the best for the test set, as published for
    HINT3.
    """
    if all(guess.intent != OUT_OF_SCOPE for guess in test):
        return {"accuracy": 100 * _share(test, 0)}
    threshold = max(
        sorted({guess.confidence for guess in validation or test}), key=lambda t: _share(validation or test, t)
    )
    if not validation:
        return {"accuracy": 100 * _share(test, threshold)}
    inside = [guess for guess in test if guess.intent != OUT_OF_SCOPE]
    outside = [guess for guess in test if guess.intent == OUT_OF_SCOPE]
    return {"accuracy": 100 * _share(inside, threshold), "OOS recall": 100 * _share(outside, threshold)}


def _share(guesses: Sequence[Guess], threshold: float) -> float:
    """How many are right when those below the threshold are taken for out of scope."""
    taken = (OUT_OF_SCOPE if guess.confidence < threshold else guess.guessed for guess in guesses)
    return sum(intent == guess.intent for intent, guess in zip(taken, guesses, strict=True)) / len(guesses)


def train_ours(encoder: str) -> Train:
    """Our component behind the extractor of values, as in `config.yml`; nothing is cached."""
    keep_out_tensorflow()
    from rasa.engine.graph import ExecutionContext, GraphSchema
    from rasa.engine.storage.local_model_storage import LocalModelStorage
    from rasa.engine.storage.resource import Resource
    from rasa.shared.nlu.training_data.message import Message
    from rasa.shared.nlu.training_data.training_data import TrainingData

    from bot.nlu.entities import ValueExtractor
    from bot.nlu.intent import LinearIntentClassifier

    def train(sentences: Sequence[Sentence], language: str) -> Understand:
        config = LinearIntentClassifier.get_default_config() | {"encoder": encoder, "cache": None}
        with tempfile.TemporaryDirectory() as folder:
            storage, context = LocalModelStorage(Path(folder)), ExecutionContext(GraphSchema({}), "bench")
            component = LinearIntentClassifier.create(config, storage, Resource("intents"), context)
            component.train(TrainingData([Message({"text": s.text, "intent": s.intent}) for s in sentences]))
        extractor = ValueExtractor({"language": language})

        def understand(text: str) -> tuple[str | None, float]:
            (message,) = component.process(extractor.process([Message({"text": text})]))
            return message.get("intent")["name"], message.get("intent")["confidence"]

        return understand

    return train


def train_diet() -> Train:
    """Rasa's default pipeline: words and letters as counts, DIET with 100 epochs."""
    from rasa.engine.graph import ExecutionContext, GraphSchema
    from rasa.engine.storage.local_model_storage import LocalModelStorage
    from rasa.engine.storage.resource import Resource
    from rasa.nlu.classifiers.diet_classifier import DIETClassifier
    from rasa.nlu.featurizers.sparse_featurizer.count_vectors_featurizer import CountVectorsFeaturizer
    from rasa.nlu.featurizers.sparse_featurizer.lexical_syntactic_featurizer import LexicalSyntacticFeaturizer
    from rasa.nlu.featurizers.sparse_featurizer.regex_featurizer import RegexFeaturizer
    from rasa.nlu.tokenizers.whitespace_tokenizer import WhitespaceTokenizer
    from rasa.shared.nlu.training_data.message import Message
    from rasa.shared.nlu.training_data.training_data import TrainingData

    letters = {"analyzer": "char_wb", "min_ngram": 1, "max_ngram": 4}
    pipeline: list[tuple[Any, dict[str, Any]]] = [
        (RegexFeaturizer, {}),
        (LexicalSyntacticFeaturizer, {}),
        (CountVectorsFeaturizer, {}),
        (CountVectorsFeaturizer, letters),
        (DIETClassifier, {"epochs": 100, "constrain_similarities": True, "random_seed": _SEED}),
    ]

    def train(sentences: Sequence[Sentence], language: str) -> Understand:
        folder = tempfile.mkdtemp()
        storage, context = LocalModelStorage(Path(folder)), ExecutionContext(GraphSchema({}), "bench")
        data = TrainingData([Message({"text": s.text, "intent": s.intent}) for s in sentences])
        parts: list[Any] = [WhitespaceTokenizer(WhitespaceTokenizer.get_default_config())]
        parts[0].process_training_data(data)
        for number, (kind, config) in enumerate(pipeline):
            name = f"{kind.__name__}{number}"
            part = kind.create(kind.get_default_config() | config, storage, Resource(name), context)
            part.train(data)
            if kind is not DIETClassifier:
                part.process_training_data(data)
            parts.append(part)

        def understand(text: str) -> tuple[str | None, float]:
            messages = [Message({"text": text})]
            for part in parts:
                messages = part.process(messages)
            return messages[0].get("intent")["name"], messages[0].get("intent")["confidence"]

        return understand

    return train


def main(name: str, classifier: str) -> None:
    """Measure and print."""
    splits = SETS[name].splits()
    train = train_diet() if classifier == DIET else train_ours(classifier)
    print(json.dumps(measure(name, train, splits)))


if __name__ == "__main__":
    main(*sys.argv[1:])
