"""`validate` meets any shape of YAML with a finding or with nothing, never with a traceback."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from datetime import date
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.channels.outlet import Outlet
from bot.texts import Texts
from bot.validation import Finding, Project
from bot.validation.code import Code
from bot.validation.outlets import every_outlet
from bot.validation.source import UnreadableError
from tests.conftest import ROOT
from voice.audible import check_audible

FILES = {
    "bot/domain/one.yml": "bot/domain/stores.yml",
    "nlu_data/one.de.yml": "nlu_data/dialogue.de.yml",
    "stories/one.yml": "stories/dialogue.yml",
    "tests/e2e/one.yml": "tests/e2e/dialogue.yml",
    "config.yml": "config.yml",
}
SETTINGS = {"messaging": {"templates": {"waits": {"text": "utter_notice_answer_waits"}}}}
OTHERS: list[Any] = [
    *(None, True, 5, 2.5, "hallo", "", date(2027, 1, 1)),
    *([], ["hallo"], [5], [None], [[]], [{}], [{"a": 1}], {}, {"a": 1}, {5: "a"}, {"a": None}, {"name": "language"}),
]
Keys = tuple[Any, ...]


@cache
def originals() -> dict[str, Any]:
    """The real files, shortened."""
    read = {name: yaml.load((ROOT / file).read_text("utf-8"), yaml.CSafeLoader) for name, file in FILES.items()}
    return {**{name: shortened(data) for name, data in read.items()}, "portal.yml": SETTINGS}


@cache
def original_texts() -> dict[str, str]:
    return {name: written(data) for name, data in originals().items()}


def written(data: Any) -> str:
    return yaml.dump(data, Dumper=yaml.CSafeDumper, allow_unicode=True)


def shortened(data: Any) -> Any:
    if isinstance(data, dict):
        return {name: shortened(data[name]) for name in sorted(data, reverse=True)[:6]}
    return [shortened(entry) for entry in data[:3]] if isinstance(data, list) else data


@cache
def outlets() -> list[Outlet]:
    return every_outlet(Texts.load())


def nodes(data: Any, keys: Keys = ()) -> Iterator[Keys]:
    """The keys that lead to every node."""
    yield keys
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in inner:
        yield from nodes(value, (*keys, key))


def changed(data: Any, keys: Keys, other: Any) -> Any:
    """The data with one node replaced."""
    if not keys:
        return other
    copied = deepcopy(data)
    at = copied
    for key in keys[:-1]:
        at = at[key]
    at[keys[-1]] = other
    return copied


def found(files: dict[str, str]) -> list[Finding]:
    """What is found in a project of these files."""
    with TemporaryDirectory() as folder:
        root = Path(folder)
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, "utf-8")
        try:
            project = Project(root, Code())
        except UnreadableError as error:
            return list(error.findings)
        return [*project.findings(outlets()), *check_audible(root / "bot/domain")]


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_any_node_may_have_any_shape(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(originals())))
    keys = data.draw(st.sampled_from(list(nodes(originals()[name]))))
    other = data.draw(st.sampled_from(OTHERS))
    texts = {**original_texts(), name: written(changed(originals()[name], keys, other))}
    assert all(finding.where and finding.what and finding.todo for finding in found(texts))


@pytest.mark.parametrize(
    ("file", "text", "what"),
    [
        ("nlu_data/one.de.yml", "nlu: hallo", ":1: nlu: here is a text instead of a list"),
        ("nlu_data/one.de.yml", "nlu:\n- hallo", ":2: nlu: here is a text instead of a mapping of names"),
        ("nlu_data/one.de.yml", "nlu:\n- intent: [a]", ":2: intent: here is a list instead of a text"),
        ("nlu_data/one.de.yml", "nlu:\n- intent: a\n  examples:\n  - b", ":3: examples: here is a list instead of a"),
        ("stories/one.yml", "rules: hallo", ":1: rules: here is a text instead of a list"),
        ("stories/one.yml", "rules: [hallo]", ":1: rules: here is a text instead of a mapping of names"),
        ("stories/one.yml", "stories: 5", ":1: stories: here is a number instead of a list"),
        ("stories/one.yml", "rules:\n- rule: A\n  steps: hallo", ":3: steps: here is a text instead of a list"),
        ("bot/domain/one.yml", "intents: hallo", ":1: intents: here is a text instead of a list"),
        ("bot/domain/one.yml", "intents:\n- {}", ":2: intents: here is nothing instead of a text or a mapping of"),
        ("bot/domain/one.yml", "responses: hallo", ":1: responses: here is a text instead of a mapping of names"),
        ("bot/domain/one.yml", "responses:\n  utter_x: hallo", ":2: utter_x: here is a text instead of a list"),
        ("bot/domain/one.yml", "responses:\n  utter_x: [hallo]", ":2: utter_x: here is a text instead of a mapping"),
        ("bot/domain/one.yml", "responses:\n  utter_x:\n  - buttons: ja", ":3: buttons: here is a text instead of a"),
        ("bot/domain/one.yml", "responses:\n  5: []", ":1: responses: the name 5 is a number instead of a text"),
        ("bot/domain/one.yml", "- hallo", ":1: here is a list instead of a mapping of names"),
        ("bot/domain/one.yml", "slots: 2027-13-45", ": this is no valid YAML"),
        ("config.yml", "pipeline: [hallo]", ":1: pipeline: here is a text instead of a mapping of names"),
    ],
)
def test_a_wrong_shape_is_found_with_its_line_and_a_remedy(file: str, text: str, what: str) -> None:
    (finding,) = found({file: text})
    assert f"{file}{what}" in f"{finding.where}: {finding.what}"
    assert finding.todo


def test_all_files_are_read_before_their_shapes_are_told() -> None:
    assert len(found({"config.yml": "pipeline: [", "nlu_data/a.de.yml": "nlu: a", "stories/a.yml": "rules: a"})) == 3


def test_empty_files_are_no_mistake() -> None:
    assert found({"bot/domain/one.yml": "", "nlu_data/one.de.yml": "", "stories/one.yml": ""}) != []


def test_code_that_python_cannot_read_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "actions").mkdir()
    (tmp_path / "actions/gift.py").write_text("one = 1\ndef gift(:\n")
    with pytest.raises(UnreadableError, match=r"gift\.py:2: this is no valid Python"):
        Project(tmp_path)
