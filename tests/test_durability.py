"""What was acknowledged survives (invariant 3); whatever breaks, there is a clear answer and nothing is lost."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import ROOT, Running, start_portal, wait_until_ready
from tests.test_web_chat import Visitor

QUESTIONS = ("Was kostet der Versand?", "Wie kann ich bezahlen?", "Was kannst du?")


@pytest.fixture
def own_portal(model: Path, database_url: str, tmp_path: Path) -> Iterator[Running]:
    """A portal that the test may disturb."""
    running = start_portal(database_url, tmp_path / "log.txt")
    yield running
    running.stop()


def database_file(running: Running) -> str:
    return running.database_url.removeprefix("sqlite:///")


def bot_says(visitor: Visitor) -> list[str]:
    return [entry["text"] for entry in visitor.entries() if entry["who"] == "bot"]


def wait_for_answers(visitors: list[Visitor], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not any(v.client.get("/chat/api/entries").json()["typing"] for v in visitors):
            return
        time.sleep(0.2)
    pytest.fail("not everything was answered")


def test_kill_9_loses_nothing_and_answers_nothing_twice(own_portal: Running, tmp_path: Path) -> None:
    visitors = [Visitor(own_portal) for _ in range(6)]
    for question in QUESTIONS:
        for visitor in visitors:
            assert visitor.send(question).status_code == 202
    own_portal.stop(signal.SIGKILL)
    again = start_portal(own_portal.database_url, tmp_path / "again.txt")
    try:
        for visitor in visitors:
            visitor.client.base_url = httpx.URL(again.url)
        wait_for_answers(visitors)
        for visitor in visitors:
            said = bot_says(visitor)
            expected = ["4,95", "PayPal", "Ich helfe Ihnen"]
            found = [next(at for at, text in enumerate(said) if words in text) for words in expected]
            assert found == sorted(found), "out of order"
            assert [sum(words in text for text in said) for words in expected] == [1, 1, 1]
            assert sum("eine KI" in text for text in said) == 1
    finally:
        again.stop()


def test_sigterm_finishes_the_turn_under_way(own_portal: Running) -> None:
    answers: list[httpx.Response] = []
    own_portal.say("s", "Hallo")
    question = {"sender": "s", "message": "Was kostet der Versand?"}
    asking = threading.Thread(target=lambda: answers.append(own_portal.post(question)))
    with sqlite3.connect(database_file(own_portal), isolation_level=None) as lock:
        lock.execute("BEGIN IMMEDIATE")
        asking.start()
        time.sleep(0.7)
        own_portal.process.terminate()
        time.sleep(0.3)
        lock.execute("ROLLBACK")
    asking.join()
    assert own_portal.process.wait(40) == 0
    assert answers[0].status_code == 200
    assert "4,95" in answers[0].text


def test_an_open_stream_does_not_hold_up_the_stop(own_portal: Running) -> None:
    visitor = Visitor(own_portal)
    events: list[Any] = []
    listening = threading.Thread(target=lambda: events.extend(visitor.stream()))
    listening.start()
    visitor.said("Wobei")
    began = time.monotonic()
    assert own_portal.stop(signal.SIGTERM) == 0
    assert time.monotonic() - began < 15
    listening.join(10)
    assert not listening.is_alive()


def test_what_is_written_while_the_engine_loads_is_answered_later(
    model: Path, database_url: str, tmp_path: Path
) -> None:
    running = start_portal(database_url, tmp_path / "log.txt", wait=False)
    try:
        wait_until_alive(running)
        if httpx.get(f"{running.url}/readyz").status_code == 503:
            answer = running.post({"sender": "s", "message": "Hallo"})
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "not_ready")
            assert answer.headers["Retry-After"]
        visitor = Visitor(running)
        assert visitor.send("Was kostet der Versand?").status_code == 202
        wait_until_ready(running)
        visitor.said("4,95")
    finally:
        running.stop()


def wait_until_alive(running: Running) -> None:
    for _ in range(300):
        try:
            if httpx.get(f"{running.url}/healthz", timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    pytest.fail("the portal does not listen")


def test_a_locked_database_is_told_and_then_goes_on(own_portal: Running) -> None:
    own_portal.say("s", "Hallo")
    with sqlite3.connect(database_file(own_portal), isolation_level=None) as lock:
        lock.execute("BEGIN EXCLUSIVE")
        answer = own_portal.post({"sender": "s", "message": "Was kostet der Versand?"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "not_ready")
        lock.execute("ROLLBACK")
    assert "4,95" in str(own_portal.say("s", "Was kostet der Versand?"))


def test_an_action_that_raises_ends_in_an_apology(own_portal: Running) -> None:
    with sqlite3.connect(database_file(own_portal)) as connection:
        connection.execute("PRAGMA foreign_keys=OFF")
        connection.execute("ALTER TABLE stores RENAME TO stores_gone")
    said = str(own_portal.say("s", "Wann hat der Laden in Leipzig auf?"))
    assert "schiefgegangen" in said
    assert "stores" not in said
    assert "4,95" in str(own_portal.say("s", "Was kostet der Versand?"))


def run_in(folder: Path, database: str) -> subprocess.CompletedProcess[str]:
    shutil.copy(ROOT / "portal.yml", folder)
    command = [sys.executable, "-m", "bot.cli", "run", "--port", "1"]
    environment = {"PATH": "/usr/bin:/bin", "DATABASE_URL": database, "HOME": str(folder)}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_without_a_model_run_says_what_to_do(database_url: str, tmp_path: Path) -> None:
    ended = run_in(tmp_path, database_url)
    assert ended.returncode == 2
    assert "there is no model" in ended.stderr
    assert "sprachportal train" in ended.stderr


def test_a_broken_model_is_told(database_url: str, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "20260101-000000-00000000.tar.gz").write_bytes(b"no archive")
    ended = run_in(tmp_path, database_url)
    assert ended.returncode == 2
    assert "is broken" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_without_a_company_run_says_what_to_do(tmp_path: Path) -> None:
    ended = run_in(tmp_path, f"sqlite:///{tmp_path / 'empty.db'}")
    assert ended.returncode == 2
    assert "customers load" in ended.stderr


def test_a_database_that_is_not_there_is_told(tmp_path: Path) -> None:
    ended = run_in(tmp_path, f"postgresql://nobody@127.0.0.1:1/{uuid.uuid4().hex}")
    assert ended.returncode == 2
    assert "DATABASE_URL" in ended.stderr
    assert "Traceback" not in ended.stderr
