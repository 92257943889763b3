"""The value kit as a component of Rasa's pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import ENTITIES, METADATA, TEXT
from rasa.shared.nlu.training_data.message import Message

from bot.nlu.values import Found, extract


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=False)
class ValueExtractor(GraphComponent):
    """Adds the values of a message as entities.

    The message's metadata may say `language` (`de`, `en`), `channel` (`chat`, `voice`) and `today`
    (ISO date); the first two fall back to the component's configuration, the last to the clock.
    """

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """The language and channel of messages that do not say theirs."""
        return {"language": "de", "channel": "chat"}

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> ValueExtractor:
        """Rasa's way to make the component; nothing is stored or loaded."""
        return cls(config)

    def __init__(self, config: Mapping[str, Any]) -> None:
        """Keep the configuration."""
        self._config = {**self.get_default_config(), **config}

    def process(self, messages: list[Message]) -> list[Message]:
        """Add the values of each message to its entities."""
        for message in messages:
            text = message.get(TEXT)
            if text:
                found = self._extract(text, message.get(METADATA) or {})
                message.set(ENTITIES, [*message.get(ENTITIES, []), *map(_entity, found)], add_to_output=True)
        return messages

    def _extract(self, text: str, metadata: Mapping[str, Any]) -> list[Found]:
        language = metadata.get("language") or self._config["language"]
        channel = metadata.get("channel") or self._config["channel"]
        return extract(text, language=language, channel=channel, today=_day(metadata.get("today")))


def _day(today: object) -> date | None:
    """The day that the metadata name, or None for the clock's."""
    try:
        return date.fromisoformat(today) if isinstance(today, str) else None
    except ValueError:
        return None


def _entity(found: Found) -> dict[str, Any]:
    """A value in the form of Rasa's entities."""
    entity: dict[str, Any] = {
        "entity": found.entity,
        "value": found.value,
        "start": found.start,
        "end": found.end,
        "extractor": ValueExtractor.__name__,
    }
    return entity | ({"alternatives": list(found.alternatives)} if found.alternatives else {})
