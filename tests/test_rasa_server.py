"""The same turns through a Rasa server and an action server as through the embedded engine."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bot import database
from bot.engine.server import RasaServer
from bot.errors import EngineError, EngineNotReady
from bot.turns import Answer, Intent, LinkEffect, Turn
from tests.conftest import ROOT, Running, free_port, start_portal

TOKEN = "a-token-for-the-rasa-server"


@pytest.fixture(scope="module")
def rasa_url(model: Path, demo_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A Rasa server with our channel and tracker store, and an action server; their URL and the database's."""
    folder = tmp_path_factory.mktemp("rasa")
    (folder / "portal.db").write_bytes(demo_database.read_bytes())
    port, actions_port = free_port(), free_port()
    database_url = f"sqlite:///{folder / 'portal.db'}"
    database.migrate(database_url)
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "RASA_TOKEN": TOKEN,
        "ACTION_URL": f"http://127.0.0.1:{actions_port}/webhook",
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "ignore",
    }
    files = ["--endpoints", "docs/rasa-server/endpoints.yml", "--credentials", "docs/rasa-server/credentials.yml"]
    commands = [
        [sys.executable, "-m", "rasa_sdk", "--actions", "actions.server", "--port", str(actions_port)],
        [sys.executable, "-m", "rasa", "run", "-m", str(model), "-p", str(port), "-i", "127.0.0.1", *files],
    ]
    with (folder / "log.txt").open("wb") as log:
        processes = [subprocess.Popen(c, env=environment, cwd=ROOT, stdout=log, stderr=log) for c in commands]
    try:
        wait_for(f"http://127.0.0.1:{actions_port}/health", folder / "log.txt")
        wait_for(f"http://127.0.0.1:{port}/webhooks/portal/webhook", folder / "log.txt")
        yield f"http://127.0.0.1:{port}", database_url
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(30)


def wait_for(url: str, log: Path) -> None:
    end = time.monotonic() + 150
    while time.monotonic() < end:
        try:
            if httpx.get(url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.3)
    pytest.fail(f"{url} is not there:\n{log.read_text()[-3000:]}")


@pytest.fixture(scope="module")
def engine(rasa_url: tuple[str, str]) -> Iterator[RasaServer]:
    server = RasaServer(rasa_url[0], TOKEN)
    yield server
    server.stop()


def said(answer: Answer) -> str:
    return "\n".join(reply.text for reply in answer.replies)


def test_a_matter_is_served_through_the_server(engine: RasaServer) -> None:
    assert engine.ready()
    first = engine.reply(Turn("s-1", "s", "rest", text="Wo ist meine Bestellung 10482917?"), deadline=60)
    assert "eine KI und kein Mensch" in said(first)
    assert "Postleitzahl" in said(first)
    second = engine.reply(Turn("s-2", "s", "rest", text="22765"), deadline=60)
    assert "morgen" in said(second)
    assert LinkEffect(customer="27004118", level="proven") in second.effects


def test_the_same_turn_again_gives_the_same_answer(engine: RasaServer) -> None:
    turn = Turn("again-1", "again", "rest", text="Was kostet der Versand?")
    assert engine.reply(turn, deadline=60) == engine.reply(turn, deadline=60)


def test_structured_turns_and_language_travel(engine: RasaServer) -> None:
    turn = Turn("en-1", "en", "web", intent=Intent("conversation_started"), language="en")
    assert "digital assistant" in said(engine.reply(turn, deadline=60))


def test_a_wrong_token_is_refused(rasa_url: tuple[str, str]) -> None:
    server = RasaServer(rasa_url[0], "wrong")
    with pytest.raises(EngineError, match="401"):
        server.reply(Turn("x", "x", "rest", text="Hallo"), deadline=10)


def test_a_server_that_is_not_there_is_not_ready() -> None:
    server = RasaServer(f"http://127.0.0.1:{free_port()}", TOKEN)
    assert not server.ready()
    with pytest.raises(EngineNotReady):
        server.reply(Turn("x", "x", "rest", text="Hallo"), deadline=5)


def test_the_portal_works_with_the_server(rasa_url: tuple[str, str], tmp_path: Path) -> None:
    running: Running = start_portal(rasa_url[1], tmp_path / "log.txt", RASA_URL=rasa_url[0], RASA_TOKEN=TOKEN)
    try:
        assert "4,95" in str(running.say("through the portal", "Was kostet der Versand?"))
    finally:
        running.stop()
