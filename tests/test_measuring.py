"""`sprachportal test` with conversations, in a small project: its figures are kept, and it ends without a trace."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bot.cli.figures import measured_on
from bot.models import Register
from bot.training import Model
from tests.conftest import ROOT
from tests.model_copies import until

HELLO = "- name: Hello\n  turns:\n  - said: hallo\n    expected: [tun]\n"
EXAMPLES = """
version: "3.1"
nlu:
- intent: greet
  examples: |
    - hallo du
    - guten tag
- intent: ask_order_status
  examples: |
    - wo bleibt mein paket
    - wo ist die sendung
"""
SENTENCES = "text\tintent\tlanguage\tchannel\nhallo\tgreet\tde\tchat\nwo ist mein paket\task_order_status\tde\tchat\n"


@pytest.fixture
def project(tmp_path: Path, model: Path, database_url: str) -> Path:
    """The project with one conversation, four examples and two sentences; the model is registered."""
    folder = tmp_path / "project"
    for made in ("tests/nlu", "tests/e2e", "nlu_data", "tmp"):
        (folder / made).mkdir(parents=True)
    for name in ("actions", "bot", "config.yml", "models", "portal.yml", "stories"):
        (folder / name).symlink_to(ROOT / name)
    for table in (ROOT / "tests" / "nlu").glob("values*.tsv"):
        lines = table.read_text("utf-8").splitlines(keepends=True)
        (folder / "tests" / "nlu" / table.name).write_text("".join(lines[:3]), "utf-8")
    (folder / "nlu_data" / "dialogue.de.yml").write_text(EXAMPLES, "utf-8")
    (folder / "tests" / "nlu" / "heldout.tsv").write_text(SENTENCES, "utf-8")
    (folder / "tests" / "e2e" / "dialogue.yml").write_text(HELLO, "utf-8")
    Register(database_url).add(Model(model), by="Kim")
    return folder


def begin(project: Path, model: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "bot.cli", "test", "--model", Model(model).name, "--report", "report.html"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(project / "tmp")}
    out = subprocess.PIPE
    return subprocess.Popen(command, cwd=project, env=environment, stdout=out, stderr=out, text=True)


def test_a_whole_test_keeps_its_figures_in_the_register(
    project: Path, model: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, _ = begin(project, model).communicate(timeout=90)
    assert "Conversations: 1, failed: 0" in told
    row = Register(database_url).get(Model(model).name)
    assert row
    assert row.figures
    assert (row.figures["sentences"], row.figures["dialogues"], row.figures["failed_dialogues"]) == (2, 1, [])
    monkeypatch.chdir(project)
    assert row.figures["measured_on"] == measured_on()


def test_a_test_that_is_ended_leaves_no_folder(project: Path, model: Path) -> None:
    (project / "tests" / "e2e" / "dialogue.yml").write_text(HELLO * 500, "utf-8")
    process = begin(project, model)
    until(lambda: any(project.glob("tmp/sprachportal-stage-*/fresh.db")), 60)
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM
    assert list((project / "tmp").glob("sprachportal-*")) == []
