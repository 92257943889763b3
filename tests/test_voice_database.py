"""A locked or hanging database: each request of a call is answered in time, with TwiML that leads on."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from bot.app import Portal
from bot.database import connect, migrate
from tests.caller import (
    HUMAN,
    Caller,
    healthy_engine,  # noqa: F401 - a fixture
    portal_with,
)
from tests.fakes import FakeEngine

MOST_SECONDS = 5.0
WAY_OUT = "Wir rufen Sie zurück"
LATER = "später noch einmal"


def in_time(act: Callable[[], object]) -> None:
    began = time.monotonic()
    act()
    assert time.monotonic() - began < MOST_SECONDS


@contextmanager
def locked_file(portal: Portal) -> Iterator[None]:
    """The portal's SQLite file while another connection has it for itself."""
    holder = sqlite3.connect(connect(portal.conversations.store._url).url.database or "", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    yield
    holder.execute("ROLLBACK")
    holder.close()


@contextmanager
def locked_table(url: str, table: str) -> Iterator[None]:
    """A PostgreSQL database in which somebody holds a table."""
    with connect(url).connect() as holder:
        holder.execute(text(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
        yield
        holder.rollback()


@contextmanager
def frozen_server(url: str) -> Iterator[None]:
    """A PostgreSQL server that takes connections and says nothing any more."""
    with psycopg.connect(url.replace("+psycopg", "")) as opened:
        others = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        backends = [int(pid) for (pid,) in opened.execute(others)]
    server = int(Path(f"/proc/{backends[0]}/stat").read_text().split()[3])
    processes = [server, *backends]
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)


def goes_through(caller: Caller, act: Callable[[], object]) -> list[str]:
    """A step and what follows from it to the end of the call, each request in time; what was heard."""
    in_time(act)
    heard = [caller.said]
    while "Hangup" not in caller.verbs():
        assert len(heard) < 4, heard
        in_time(lambda: caller.post(DialCallStatus="no-answer") if "Dial" in caller.verbs() else caller.silent())
        heard.append(caller.said)
    return heard


@pytest.mark.parametrize("human", ["", HUMAN])
def test_a_locked_sqlite_file_is_no_silence(engine: FakeEngine, tmp_path: Path, human: str) -> None:
    portal = portal_with(engine, tmp_path, human_number=human)
    new, talking, leaving = Caller(portal), Caller(portal), Caller(portal)
    for caller in (talking, leaving):
        caller.ring()
    with locked_file(portal):
        assert LATER in goes_through(new, new.ring)[-1]
        assert LATER in goes_through(talking, lambda: talking.speak("wo ist mein paket"))[-1]
        in_time(leaving.hang_up)
    portal.stop()


def test_after_a_short_lock_of_the_sqlite_file_a_callback_is_taken_down(engine: FakeEngine, tmp_path: Path) -> None:
    portal = portal_with(engine, tmp_path)
    caller = Caller(portal)
    caller.ring()
    with locked_file(portal):
        in_time(lambda: caller.speak("wo ist mein paket"))
        assert "schiefgegangen" in caller.said
    assert WAY_OUT in caller.silent()
    caller.press("1"), caller.press("1")
    assert {"callback": {"phone": "+491713920011", "at": None}} in caller.effects()
    portal.stop()


@pytest.fixture(scope="module")
def on_postgresql(postgresql: str) -> str:
    """The URL of a PostgreSQL database with the portal's tables."""
    url = postgresql.replace("postgresql://", "postgresql+psycopg://")
    migrate(url)
    return url


@pytest.mark.parametrize("table", ["calls", "turns", "conversations"])
def test_a_locked_table_of_postgresql_is_no_silence(
    engine: FakeEngine, tmp_path: Path, on_postgresql: str, table: str
) -> None:
    portal = portal_with(engine, tmp_path, database=on_postgresql)
    new, talking, leaving = Caller(portal), Caller(portal), Caller(portal)
    for caller in (talking, leaving):
        caller.ring()
    with locked_table(on_postgresql, table):
        assert LATER in goes_through(new, new.ring)[-1]
        assert LATER in goes_through(talking, lambda: talking.speak("wo ist mein paket"))[-1]
        in_time(leaving.hang_up)
    after = Caller(portal)
    after.ring()
    assert after.speak("hallo") == "Verstanden: hallo."
    portal.stop()


def test_a_server_of_postgresql_that_hangs_is_no_silence(
    engine: FakeEngine, tmp_path: Path, on_postgresql: str
) -> None:
    portal = portal_with(engine, tmp_path, database=on_postgresql, human_number=HUMAN)
    new, talking, leaving = Caller(portal), Caller(portal), Caller(portal)
    for caller in (talking, leaving):
        caller.ring()
    with frozen_server(on_postgresql):
        assert LATER in goes_through(new, new.ring)[-1]
        assert LATER in goes_through(talking, lambda: talking.speak("wo ist mein paket"))[-1]
        in_time(leaving.hang_up)
    after = Caller(portal)
    after.ring()
    assert after.speak("hallo") == "Verstanden: hallo."
    portal.stop()
