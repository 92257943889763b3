"""The pipeline that `config.yml` asks for, read without Rasa."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from bot.errors import PortalError
from bot.yaml12 import read_yaml

CONFIG = Path("config.yml")
CLASSIFIER, FALLBACK = "LinearIntentClassifier", "FallbackClassifier"


def read_pipeline(config: Path = CONFIG) -> dict[str, dict[str, Any]]:
    """The settings of each component, by the name of its class; raises `PortalError` when there is no pipeline."""
    try:
        parts = read_yaml(config.read_text("utf-8"))["pipeline"]
        return {part["name"].rpartition(".")[2]: part for part in parts}
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise PortalError(f"{config} has no pipeline that can be read", "sprachportal validate says more") from error


def encoder_wanted(config: Path = CONFIG) -> str | None:
    """The sentence encoder that our classifier is to use; None when the pipeline has another classifier."""
    from bot.nlu.encoder import UNIVERSAL

    settings = read_pipeline(config).get(CLASSIFIER)
    return None if settings is None else str(settings.get("encoder", UNIVERSAL))
