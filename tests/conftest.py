"""Shared parts of the tests: one trained model per run, a fresh database per test, a running portal."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).parent.parent
DEMO = ROOT / "bot" / "demo" / "nordwind.yml"
REST_TOKEN = "a-token-for-the-tests"
SECRET_KEY = "a-secret-for-the-tests"
BINARIES = [*sorted(Path("/usr/lib/postgresql").glob("*/bin")), Path("/usr/bin")]
POSTGRESQL = next((folder for folder in BINARIES if (folder / "initdb").exists()), None)

os.environ.setdefault("RASA_TELEMETRY_ENABLED", "false")


@pytest.fixture(scope="session", autouse=True)
def _in_the_project() -> None:
    """Tests run in the project's folder, as users do, with its quiet logs."""
    from bot.logs import set_up_logs

    os.chdir(ROOT)
    set_up_logs(logging.ERROR)


@pytest.fixture(scope="session")
def model() -> Path:
    """The model of the present data; trained once when there is none."""
    subprocess.run([sys.executable, "-m", "bot.cli", "train", "--if-needed"], check=True, cwd=ROOT)
    from bot.training import newest_model

    newest = newest_model()
    assert newest is not None
    return newest.file


@pytest.fixture(scope="session")
def demo_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with all tables and the demo company; copy it, do not change it."""
    from actions import db as shop
    from actions.load import load
    from bot import database

    file = tmp_path_factory.mktemp("demo") / "demo.db"
    url = f"sqlite:///{file}"
    database.migrate(url)
    shop.migrate(url)
    load(DEMO, url)
    for connection in (database.connect(url), shop.connect(url)):
        with connection.connect() as opened:
            opened.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.dispose()
    return file


@pytest.fixture
def database_url(demo_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a fresh database with the demo company; also in `DATABASE_URL`."""
    file = tmp_path / "portal.db"
    shutil.copy(demo_database, file)
    url = f"sqlite:///{file}"
    monkeypatch.setenv("DATABASE_URL", url)
    return url


@dataclass
class Running:
    """A portal in a process of its own."""

    url: str
    database_url: str
    process: subprocess.Popen[bytes]
    log: Path

    def say(self, sender: str, message: str, **more: object) -> list[dict[str, Any]]:
        """One message through the REST webhook; the answer's parts."""
        answer = self.post({"sender": sender, "message": message, **more})
        assert answer.status_code == 200, answer.text
        return list(answer.json())

    def post(self, data: Mapping[str, object], token: str = REST_TOKEN) -> httpx.Response:
        """One request to the REST webhook."""
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.post(f"{self.url}/webhooks/rest/webhook", json=dict(data), headers=headers, timeout=60)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End the process we started, and the one that serves below it; its exit code."""
        if self.process.poll() is None:
            if how == signal.SIGKILL:
                for child in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split():
                    os.kill(int(child), how)
            self.process.send_signal(how)
        return self.process.wait(45)


def start_portal(database_url: str, log: Path, *, wait: bool = True, **environment: str) -> Running:
    """Start `sprachportal run` on a free port; ready when this returns."""
    port = free_port()
    given = {
        **os.environ,
        "DATABASE_URL": database_url,
        "SPRACHPORTAL_REST_TOKEN": REST_TOKEN,
        "SPRACHPORTAL_SECRET_KEY": SECRET_KEY,
        **environment,
    }
    command = [sys.executable, "-m", "bot.cli", "run", "--port", str(port)]
    with log.open("ab") as out:
        process = subprocess.Popen(command, env=given, cwd=ROOT, stdout=out, stderr=out)
    running = Running(f"http://127.0.0.1:{port}", database_url, process, log)
    if wait:
        wait_until_ready(running)
    return running


def wait_until_ready(running: Running, seconds: float = 90) -> None:
    """Wait for `/readyz`; fails with the log when the process ends or time runs out."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if running.process.poll() is not None:
            pytest.fail(f"the portal ended:\n{running.log.read_text()[-3000:]}")
        try:
            if httpx.get(f"{running.url}/readyz", timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    pytest.fail(f"the portal did not become ready:\n{running.log.read_text()[-3000:]}")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def portal(model: Path, demo_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A running portal with the real model, shared by tests that do not disturb it."""
    folder = tmp_path_factory.mktemp("portal")
    shutil.copy(demo_database, folder / "portal.db")
    running = start_portal(f"sqlite:///{folder / 'portal.db'}", folder / "log.txt")
    yield running
    running.stop()


@pytest.fixture(scope="session")
def portal_url(portal: Running) -> str:
    """The shared portal's address."""
    return portal.url


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    """A PostgreSQL server of our own with an empty database; its URL."""
    if POSTGRESQL is None:
        pytest.skip("PostgreSQL's server programs are not installed")
    with TemporaryDirectory() as folder:
        port, as_other = free_port(), []
        if os.geteuid() == 0:
            as_other = ["runuser", "-u", "postgres", "--"]
            shutil.chown(folder, "postgres")
        data = f"{folder}/data"
        quiet = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/"}
        subprocess.run([*as_other, str(POSTGRESQL / "initdb"), "-D", data, "-U", "portal", "-A", "trust"], **quiet)  # type: ignore[call-overload]
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
        control = [*as_other, str(POSTGRESQL / "pg_ctl"), "-D", data, "-w"]
        subprocess.run([*control, "-o", options, "-l", f"{folder}/log.txt", "start"], **quiet)  # type: ignore[call-overload]
        yield f"postgresql://portal@127.0.0.1:{port}/postgres"
        subprocess.run([*control, "-m", "immediate", "stop"], **quiet)  # type: ignore[call-overload]
