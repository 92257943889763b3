"""`sprachportal parse`: which model reads."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
from pathlib import Path

from bot import database
from bot.models import Register
from bot.training import Model
from tests.conftest import ROOT


def test_parse_asks_the_register_in_the_database_that_a_dotenv_file_names(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'other.db'}"
    (tmp_path / "gone.tar.gz").write_bytes(gzip.compress(b"a model"))
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
