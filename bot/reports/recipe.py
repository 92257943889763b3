"""How `config.yml` has intents told: the settings of our classifier, and when an intent is rejected."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.errors import PortalError
from bot.pipeline import CLASSIFIER, CONFIG, FALLBACK, read_pipeline

RASA_THRESHOLD, RASA_AMBIGUITY = 0.3, 0.1  # what Rasa takes when the configuration does not say


@dataclass(frozen=True)
class Recipe:
    """The classifier's settings with their defaults; `version` changes with the code that finds values.

    An intent is rejected when its confidence is below `threshold`, or less than `ambiguity` above the next one's.
    """

    settings: dict[str, Any]
    version: str
    threshold: float
    ambiguity: float


def read_recipe(config: Path = CONFIG) -> Recipe | None:
    """The recipe in a configuration; None when it has another classifier.

    Raises `PortalError` when there is no pipeline in it. Imports Rasa: keep TensorFlow out before.
    """
    pipeline = read_pipeline(config)
    if CLASSIFIER not in pipeline:
        return None
    from bot.nlu.intent import LinearIntentClassifier

    settings = {**LinearIntentClassifier.get_default_config(), **pipeline[CLASSIFIER]}
    try:
        version = LinearIntentClassifier.fingerprint_addon(settings)
    except Exception as error:
        raise PortalError(f"{config}: {error}", "correct it: sprachportal validate names the line") from error
    fallback = pipeline.get(FALLBACK, {"threshold": 0.0, "ambiguity_threshold": 0.0})
    return Recipe(
        settings=settings,
        version=version,
        threshold=float(fallback.get("threshold", RASA_THRESHOLD)),
        ambiguity=float(fallback.get("ambiguity_threshold", RASA_AMBIGUITY)),
    )
