"""`validate` finds what is wrong in dialogue data, with file and remedy."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bot.validation import Finding, validate
from tests.conftest import ROOT


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for folder in ("bot/domain", "nlu_data", "stories", "actions"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    (tmp_path / "voice").mkdir()
    return tmp_path


def change(project: Path, file: str, old: str, new: str) -> list[Finding]:
    path = project / file
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    return validate(project)


def test_the_project_is_sound() -> None:
    assert validate(ROOT) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "what"),
    [
        ("bot/domain/dialogue.yml", 'text: "Very', 'text: "<b>Very', "cannot be spoken"),
        ("bot/domain/dialogue.yml", "You are very welcome!", "Welcome {name}!", "different placeholders"),
        ("bot/domain/dialogue.yml", "You are very welcome!", "x" * 1001, "1001 characters"),
        (
            "bot/domain/dialogue.yml",
            '{title: "Öffnungszeiten"',
            '{title: "Öffnungszeiten der Filialen"',
            "27 characters",
        ),
        ("bot/domain/dialogue.yml", "payload: /start_return", "payload: /no_such_intent", "is no intent"),
        ("bot/domain/orders.yml", "- cancel_order: {use_entities: []}\n", "", "does not know this intent"),
        ("stories/dialogue.yml", "intent: thank", "intent: goodbye", "no rule begins"),
        ("actions/orders.py", '"utter_confirm_cancel"', '"utter_confirm_cancle"', "does not exist"),
        (
            "nlu_data/orders.de.yml",
            "- intent: cancel_order\n  examples: |\n",
            "- intent: cancel_order\n  examples: |\n    - vielen dank\n",
            "stands in",
        ),
        ("stories/dialogue.yml", "rules:", "rules: [", "no valid YAML"),
    ],
)
def test_what_is_wrong_is_found(project: Path, file: str, old: str, new: str, what: str) -> None:
    if 'text: "Very' in old:
        old, new = 'text: "You are very', 'text: "<b>You are very'
    found = change(project, file, old, new)
    assert any(what in finding.what for finding in found), found
    assert all(finding.where and finding.todo for finding in found)
