"""What is read once is what Rasa reads."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from rasa.shared.importers.importer import TrainingDataImporter
from rasa.shared.importers.rasa import RasaFileImporter

from bot.nlu.importer import Example, ReadOnceImporter

NLU = """
nlu:
- intent: greet
  examples: |
    - hallo
    - guten Tag
    - hallo
- intent: ask_order_status
  examples: |
    - wo ist [10482917](order_number)
- synonym: Köln
  examples: |
    - Cologne
"""
STORIES = """
rules:
- rule: greet
  steps:
  - intent: greet
  - action: utter_greet
"""
DOMAIN = """
intents: [greet, ask_order_status]
entities: [order_number]
responses:
  utter_greet:
  - text: Hallo!
"""


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str, list[str]]:
    texts = {"nlu.yml": NLU, "stories.yml": STORIES, "domain.yml": DOMAIN, "config.yml": "language: de\n"}
    for name, text in texts.items():
        (tmp_path / name).write_text(text, "utf-8")
    paths = {name: str(tmp_path / name) for name in texts}
    return paths["config.yml"], paths["domain.yml"], [paths["nlu.yml"], paths["stories.yml"]]


def test_it_gives_the_same_data_as_rasas_importer(files: tuple[str, str, list[str]]) -> None:
    ours, theirs = ReadOnceImporter(*files), RasaFileImporter(*files)
    assert ours.get_nlu_data("de").fingerprint() == theirs.get_nlu_data("de").fingerprint()
    assert ours.get_nlu_data().entity_synonyms == {"Cologne": "Köln"}
    assert ours.get_domain().fingerprint() == theirs.get_domain().fingerprint()
    assert ours.get_stories().fingerprint() == theirs.get_stories().fingerprint()
    assert ours.get_config() == theirs.get_config()


def test_what_was_read_is_not_read_again(files: tuple[str, str, list[str]]) -> None:
    importer = ReadOnceImporter(*files)
    data, stories, domain = importer.get_nlu_data(), importer.get_stories(), importer.get_domain()
    for file in (files[1], *files[2]):
        Path(file).unlink()
    assert importer.get_nlu_data("de") is data
    assert importer.get_stories() is stories
    assert importer.get_domain() is domain


def test_rasa_finds_it_by_its_name(files: tuple[str, str, list[str]]) -> None:
    config, domain, data = files
    Path(config).write_text("importers:\n- name: bot.nlu.importer.ReadOnceImporter\n", "utf-8")
    importer: Any = TrainingDataImporter.load_from_config(config, domain, data)
    texts = [example.get("text") for example in importer.get_nlu_data().intent_examples]
    assert texts == ["hallo", "guten Tag", "wo ist 10482917"]


def test_a_copy_of_an_example_is_its_own() -> None:
    example = Example({"text": "wo ist 10482917", "intent": "ask", "entities": [{"entity": "order_number"}]})
    twin = deepcopy(example)
    assert twin == example
    assert hash(twin) == hash(example)
    twin.get("entities")[0]["entity"] = "postcode"
    twin.set("intent", "other")
    assert example.get("entities") == [{"entity": "order_number"}]
    assert example.get("intent") == "ask"
