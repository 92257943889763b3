"""`validate` finds by Rasa's own code what would end a training, with file, line and remedy."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.cli import config_check
from bot.cli.rasa_check import begin, ended
from bot.nlu.intent import LinearIntentClassifier
from tests.conftest import ROOT

STORIES = """
- rule: Hello again
  steps:
  - intent: greet
  - action: utter_help

stories:
- story: Thanks, of another kind
  steps:
  - intent: thank
  - action: action_not_understood
- story: Thanks once more
  steps:
  - intent: goodbye
  - action: action_goodbye
  - intent: conversation_started
  - action: utter_help
- story: Thanks at last
  steps:
  - intent: goodbye
  - action: action_goodbye
  - intent: conversation_started
  - action: utter_greet
  - slot_was_set:
    - shoe_size: 41
"""
EARLY = """
- story: {name}
  steps:
  - intent: {first}
  - action: utter_help
{between}
  - intent: deny
  - action: {last}
"""
UNKNOWN_FORM = """
- rule: Shoes
  condition:
  - active_loop: shoe_form
  steps:
  - intent: thank
  - action: shoe_form
  - active_loop: shoe_form
"""
Found = Callable[[], list[tuple[str, str]]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for folder in ("bot/domain", "nlu_data", "stories", "tests/nlu"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / "config.yml", tmp_path)
    return tmp_path


@pytest.fixture
def found(project: Path, monkeypatch: pytest.MonkeyPatch) -> Found:
    """What the process that `sprachportal validate` starts finds there, with its place."""

    def find() -> list[tuple[str, str]]:
        monkeypatch.chdir(project)
        monkeypatch.setenv("PYTHONPATH", str(ROOT))
        findings = ended(begin())
        assert all(finding.todo for finding in findings)
        return [(finding.where, finding.what) for finding in findings]

    return find


def line(file: Path, text: str) -> int:
    """The line in which the text stands first."""
    lines = file.read_text("utf-8").splitlines()
    return next(number for number, each in enumerate(lines, 1) if text in each)


def test_contradictions_are_found_with_all_places(project: Path, found: Found) -> None:
    file = project / "stories/dialogue.yml"
    file.write_text(file.read_text("utf-8") + STORIES, "utf-8")

    def place(name: str) -> str:
        return f"stories/dialogue.yml:{line(file, f': {name}')}: {name}"

    told = found()
    assert (place("Thanks at last"), "no slot shoe_size") in told
    for one, other in (
        ("Thanks, of another kind", "Thanks"),
        ("Hello", "Hello again"),
        ("Thanks once more", "The chat was opened"),
    ):
        (what,) = (what for where, what in told if where == place(one))
        assert "is contradicting with" in what
        assert what.endswith(f"({place(other)})")
    after = "stories contradict each other after intent 'conversation_started': here utter_greet, but utter_help in"
    assert (place("Thanks at last"), f"{after} {place('Thanks once more')}") in told


def test_what_is_wrong_in_the_configuration_is_found_with_its_line(project: Path, found: Found) -> None:
    config, examples = project / "config.yml", project / "nlu_data/orders.de.yml"
    text = config.read_text("utf-8")
    for old, new in (
        ("ReadOnceImporter", "ReadTwiceImporter"),
        ("LinearIntentClassifier\n", "LinearIntentClassifier\n  encodr: universal\n"),
        ("ValueExtractor\n", "ValueExtractor\n- name: ValueExtracter\n"),
        ("threshold: 0.4", "threshold: hallo"),
        ("max_history: 4", "max_history: [4]"),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    config.write_text(text, "utf-8")
    examples.write_text(
        examples.read_text("utf-8").replace("    - ", '    - das [Zelt]{"entity": }\n    - ', 1), "utf-8"
    )
    told = dict(found())
    assert [where.removeprefix("config.yml:") for where in told] == [
        f"{line(config, 'ReadTwice')}: bot.nlu.importer.ReadTwiceImporter",
        f"{line(config, 'Extracter')}: ValueExtracter",
        f"{line(config, 'encodr')}: encodr",
        f"{line(config, 'hallo')}: threshold",
        f"{line(config, '[4]')}: max_history",
        "nlu_data/orders.de.yml",
    ]
    assert list(told.values())[1:5] == [
        "Can't load class for name 'ValueExtracter'. Please make sure to provide a valid name or module path and to "
        "register it using the '@DefaultV1Recipe.register' decorator.",
        "LinearIntentClassifier has no such setting",
        "here is 'hallo' instead of a value such as 0.3",
        "here is [4] instead of a value such as 5",
    ]
    assert '{"entity": }' in told["nlu_data/orders.de.yml"]


def test_what_rasa_takes_is_not_refused(project: Path, found: Found) -> None:
    config, stories = project / "config.yml", project / "stories/dialogue.yml"
    text = config.read_text("utf-8")
    for old, new in (("threshold: 0.4", "threshold: 4e-1"), ("max_history: 4", "max_history: 10")):
        assert old in text
        text = text.replace(old, new, 1)
    config.write_text(text, "utf-8")
    (project / "nlu_data/more.de.yml").write_text('version: "3.1"\n', "utf-8")
    between = "\n".join(["  - intent: affirm", "  - action: utter_help"] * 3)
    one = EARLY.format(name="Greeted", first="greet", last="utter_greet", between=between)
    other = EARLY.format(name="Thanked", first="thank", last="action_goodbye", between=between)
    stories.write_text(f"{stories.read_text('utf-8')}{UNKNOWN_FORM}\nstories:{one}{other}", "utf-8")
    where = f"stories/dialogue.yml:{line(stories, ': Shoes')}: Shoes"
    assert found() == [(where, "no form shoe_form")]


def test_a_file_that_a_training_would_leave_out_is_found_with_its_line(project: Path, found: Found) -> None:
    file = project / "bot/domain/dialogue.yml"
    text = file.read_text("utf-8")
    file.write_text(text.replace('title: "Opening hours"', "title: 10:30"), "utf-8")
    where = f"bot/domain/dialogue.yml:{line(file, '10:30')}"
    assert found() == [(where, "Rasa cannot read this: found unexpected ':'")]


def test_an_error_is_told_without_the_names_of_all_actions() -> None:
    error = ValueError("Cannot access action 'x'. Available actions are:\n\t - action_listen\n\t - action_restart")
    assert config_check.told(error) == "Cannot access action 'x'."


@pytest.mark.parametrize("name", ["strength", "unfamiliar", "seed", "ranking_length"])
def test_the_classifier_refuses_numbers_that_it_cannot_learn_with(name: str) -> None:
    for value in (-1, "many", None):
        with pytest.raises(Exception, match=f"{name} must be a number"):
            LinearIntentClassifier.validate_config({**LinearIntentClassifier.get_default_config(), name: value})


def test_the_reason_is_told_when_rasa_cannot_look() -> None:
    command = [sys.executable, "-c", "import sys; print('{', file=sys.stderr); raise MemoryError('no room')"]
    (finding,) = ended(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
    assert finding.what == "Rasa cannot check the data: MemoryError: no room"
