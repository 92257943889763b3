"""The held-out sentences, read by a model many at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from bot.engine.quick_domain import prepare_loading
from bot.errors import ModelMissing
from bot.pipeline import FALLBACK
from bot.reports.recipe import RASA_THRESHOLD
from bot.reports.sentences import Sentence
from bot.reports.statistics import REJECTED, Reading
from bot.training import Model
from bot.turns import clean_text

AT_ONCE = 50
TRAIN_AGAIN = "train again, with the same packages and code: sprachportal train"


def load_agents(*models: Path) -> Iterator[Any]:
    """Rasa's agent for one model after the other; TensorFlow stays out when none of them needs it.

    Raises `ModelMissing` when a model cannot be loaded, as without its encoder or with other code.
    """
    prepare_loading(*models)
    return map(_load, models)


def _load(model: Path) -> Any:
    from rasa.core.agent import Agent

    try:
        return Agent.load(str(model))
    except Exception as error:
        reason = " ".join(str(error.__cause__ or error).split()) or type(error).__name__
        raise ModelMissing(f"the model {Model(model).name} cannot be loaded: {reason}", TRAIN_AGAIN) from error


def read_all(
    agent: Any, sentences: Sequence[Sentence], told: Callable[[int], object] = lambda _read: None
) -> list[Reading]:
    """What the model makes of every sentence, in their order; `told` hears how many are read.

    The model's own pipeline reads them, many at a time: one by one, as a conversation does, takes five times as long.
    """
    from rasa.core.channels.channel import UserMessage

    today, readings = date.today().isoformat(), list[Reading]()
    for start in range(0, len(sentences), AT_ONCE):
        some = sentences[start : start + AT_ONCE]
        messages = [
            UserMessage(
                clean_text(one.text), metadata={"channel": one.channel, "language": one.language, "today": today}
            )
            for one in some
        ]
        readings += map(_reading, some, _understood(agent, messages))
        told(len(readings))
    return readings


def threshold_of(agent: Any) -> float:
    """The confidence below which the model's pipeline rejects intents; 0 when it never does."""
    nodes = agent.processor.model_metadata.predict_schema.nodes.values()
    settings: list[dict[str, Any]] = [node.config for node in nodes if node.uses.__name__ == FALLBACK]
    return float(settings[0].get("threshold", RASA_THRESHOLD)) if settings else 0.0


def _understood(agent: Any, messages: Sequence[Any]) -> Iterator[Any]:
    from rasa.engine.constants import PLACEHOLDER_MESSAGE, PLACEHOLDER_TRACKER
    from rasa.shared.core.trackers import DialogueStateTracker

    target = agent.processor.model_metadata.nlu_target
    nobody = DialogueStateTracker.from_events("test", [])
    inputs = {PLACEHOLDER_MESSAGE: messages, PLACEHOLDER_TRACKER: nobody}
    yield from agent.processor.graph_runner.run(inputs=inputs, targets=[target])[target]


def _reading(sentence: Sentence, message: Any) -> Reading:
    ranking = [one for one in message.get("intent_ranking") or [] if one["name"] != REJECTED]
    best: dict[str, Any] = ranking[0] if ranking else {"name": None, "confidence": 0.0}
    return Reading(
        text=sentence.text,
        intent=sentence.intent,
        language=sentence.language,
        channel=sentence.channel,
        guessed=str(message.get("intent")["name"]),
        best=str(best["name"]),
        confidence=round(float(best["confidence"]), 4),
    )
