"""Reads domain, stories and examples once in a training: Rasa's own importer reads them up to four times.

In `config.yml`:

    importers:
    - name: bot.nlu.importer.ReadOnceImporter
"""

from __future__ import annotations

from copy import deepcopy
from functools import cached_property
from typing import Any

from rasa.shared.core.domain import Domain
from rasa.shared.core.training_data.structures import StoryGraph
from rasa.shared.importers.rasa import RasaFileImporter
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData


class Example(Message):
    """An example that is quick to copy and to look up: in a training Rasa does either ten times."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Example:
        twin = Example.__new__(Example)
        data = {name: value if isinstance(value, str) else deepcopy(value, memo) for name, value in self.data.items()}
        own = {"data": data, "features": list(self.features), "output_properties": set(self.output_properties)}
        twin.__dict__ = {**self.__dict__, **own}
        return twin

    def __hash__(self) -> int:
        return hash(self.data.get(TEXT))


class ReadOnceImporter(RasaFileImporter):
    """Rasa's importer of files that remembers what it read; Rasa copies before it changes anything."""

    def get_domain(self) -> Domain:
        """The domain of the domain's files."""
        return self._domain

    def get_stories(self, exclusion_percentage: int | None = None) -> StoryGraph:
        """Stories and rules; read anew when a share of them is to be left out."""
        return super().get_stories(exclusion_percentage) if exclusion_percentage else self._stories

    def get_nlu_data(self, language: str | None = None) -> TrainingData:
        """The examples; Rasa's readers of YAML take no notice of the language."""
        return self._nlu_data

    @cached_property
    def _domain(self) -> Domain:
        return super().get_domain()

    @cached_property
    def _stories(self) -> StoryGraph:
        return super().get_stories()

    @cached_property
    def _nlu_data(self) -> TrainingData:
        data = super().get_nlu_data()
        examples = [Example(message.data) for message in data.training_examples]
        return TrainingData(examples, data.entity_synonyms, data.regex_features, data.lookup_tables, data.responses)
