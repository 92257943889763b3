"""What we keep out of a process and how we read YAML: nothing that the portal uses is missing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from rasa.shared.exceptions import YamlSyntaxException
from rasa.shared.utils import io, validation
from ruamel.yaml import YAML

from bot.nlu.quick_yaml import mend_yaml
from bot.nlu.without_tensorflow import KEPT_OUT, needs_tensorflow

HEAVY = ("tensorflow.python", "sklearn", "aiogram", "slack_sdk", "socketio", "prompt_toolkit", "botocore", "bson")
LOADING = f"""
import sys
from bot.nlu.without_tensorflow import keep_out_tensorflow
keep_out_tensorflow()
from rasa.core.agent import Agent
import rasa.model_training, bot.nlu.intent, bot.nlu.entities
print([name for name in {HEAVY!r} if name in sys.modules])
"""


def run(script: str) -> str:
    """What a fresh process prints."""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_loading_rasa_and_our_components_imports_nothing_heavy() -> None:
    assert run(LOADING) == "[]"


def test_warnings_of_packages_stay_off_the_terminal_and_our_errors_do_not() -> None:
    script = "import logging\nfrom bot.logs import set_up_logs\nset_up_logs(40)" + LOADING
    script += "import warnings\nwarnings.warn('old', DeprecationWarning)\nlogging.getLogger('bot').error('ours')"
    without = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}
    done = subprocess.run([sys.executable, "-c", script], env=without, capture_output=True, text=True, check=True)
    assert [line.split()[2:] for line in done.stderr.splitlines()] == [["ERROR", "bot", "ours"]]


def test_packages_that_others_use_stay_real() -> None:
    """Rasa's modules are shells, the packages beneath them are not."""
    script = LOADING + "import sklearn.svm, rasa.core.channels.rest, twilio.rest; print(sklearn.svm.SVC().C)"
    assert run(script).splitlines()[-1] == "1.0"
    assert not {"sklearn", "twilio", "redis", "requests"} & set(KEPT_OUT)


@pytest.mark.parametrize(
    ("part", "needed"),
    [("DIETClassifier", True), ("TEDPolicy", True), ("bot.nlu.intent.LinearIntentClassifier", False)],
)
def test_a_configuration_tells_whether_it_needs_tensorflow(tmp_path: Path, part: str, needed: bool) -> None:
    config = tmp_path / "config.yml"
    config.write_text(f"pipeline:\n- name: {part}\n", "utf-8")
    assert needs_tensorflow(config) is needed


def test_yaml_reads_as_before_and_remembers_no_values() -> None:
    mend_yaml()
    text = (
        "- yes\n- on\n- 010\n- 1_000\n- 2020-01-01\n- ~\n- 12:30\n- 0x1F\n- 1e3\n- 'true'\n- true\n" + "- text\n" * 50
    )
    parser = YAML(typ="safe")
    parser.version = (1, 2)  # type: ignore[assignment]
    assert parser.load(text)[:2] == ["yes", "on"]
    assert io.read_yaml(text) == parser.load(text)
    patterns = parser.resolver.versioned_resolver
    before = len(patterns.get("t"))
    parser.load(text)
    assert len(patterns.get("t")) == before


def test_settings_from_the_environment_still_reach_rasas_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mend_yaml()
    monkeypatch.setenv("SOME_HOST", "example.org")
    (tmp_path / "endpoints.yml").write_text("action_endpoint:\n  url: http://${SOME_HOST}/webhook\n", "utf-8")
    assert io.read_config_file(tmp_path / "endpoints.yml") == {"action_endpoint": {"url": "http://example.org/webhook"}}


def test_sound_examples_pass_and_broken_ones_are_told_with_their_line() -> None:
    mend_yaml()
    check, schema = validation.validate_yaml_schema, "shared/nlu/training_data/schemas/nlu.yml"
    check("nlu:\n- intent: greet\n  examples: |\n    - hallo\n", schema)
    with pytest.raises(validation.YamlValidationException, match="Line 3"):
        check("nlu:\n- intent: greet\n- intent: [greet]\n", schema)
    with pytest.raises(YamlSyntaxException, match="line 2"):
        check("nlu:\n- intent: 'greet\n", schema)
