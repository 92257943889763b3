"""`sprachportal parse`: which model reads, and what it is given to read."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from bot import database
from bot.errors import PortalError
from bot.models import Register
from bot.training import Model
from tests.conftest import ROOT
from tests.model_copies import typed, write_least_model


def test_parse_asks_the_register_in_the_database_that_a_dotenv_file_names(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'other.db'}"
    write_least_model(tmp_path / "gone.tar.gz")
    database.migrate(url)
    register = Register(url)
    register.add(Model(tmp_path / "gone.tar.gz"), by="Kim")
    register.promote("gone", by="Kim", instead_of=None)
    shutil.copy(ROOT / "portal.yml", tmp_path)
    (tmp_path / ".env").write_text(f"DATABASE_URL={url}\n", "utf-8")
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    done = subprocess.run(
        [sys.executable, "-m", "bot.cli", "parse", "hallo"],
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "models/gone.tar.gz is not there" in done.stderr
    assert done.returncode == 2


def test_a_file_that_is_not_utf_8_is_told(tmp_path: Path) -> None:
    file = tmp_path / "old.txt"
    file.write_text("Grüße\n", "latin-1")
    error = typed("parse", "--file", str(file)).exception
    assert isinstance(error, PortalError)
    assert (error.what, error.todo) == (f"{file} is not a text in UTF-8", "save it as UTF-8; byte 3 is none")


def test_a_text_and_a_file_are_too_much(tmp_path: Path) -> None:
    file = tmp_path / "some.txt"
    file.write_text("hallo\n", "utf-8")
    told = typed("parse", "hallo", "--file", str(file))
    assert (told.exit_code, "not both" in told.stderr) == (2, True)
