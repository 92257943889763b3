"""Several processes share the work: hints and rings over a real Redis, locks over a real PostgreSQL."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.bell import RedisBell
from bot.cli.wiring import claim_database
from bot.database import connect
from bot.errors import SettingsError
from bot.locks import PostgresLocks, take_file
from bot.queues import Queue
from tests.conftest import ROOT, Running, start_portal
from tests.load.servers import redis_server
from tests.test_queues import settings, until

END_OF_OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    if shutil.which("redis-server") is None:
        pytest.skip("Redis' server program is not installed")
    with redis_server() as url:
        yield url


def test_a_hint_of_one_process_reaches_a_worker_of_another(database_url: str, redis_url: str) -> None:
    seen: list[str] = []

    def work(what: str) -> None:
        seen.append(what)

    asks = Queue("turns", settings(database_url, redis_url), work, threads=1)
    works = Queue("turns", settings(database_url, redis_url), work, threads=2)
    works.start()
    assert [asks.wake(what) for what in ("a", "b", "c")] == [True] * 3
    assert until(lambda: sorted(seen) == ["a", "b", "c"])
    works.stop()


def test_a_bell_rings_in_every_process(redis_url: str) -> None:
    here, there = RedisBell(redis_url), RedisBell(redis_url)
    assert until(lambda: there.wait("talk", there.count("talk"), 0.1) >= 0)

    def rings() -> bool:
        before = there.count("talk")
        here.ring("talk")
        return there.wait("talk", before, 1.0) > before

    assert until(rings)
    here.close()
    there.close()


def test_a_lock_is_held_by_one_process_and_free_when_it_is_gone(postgresql: str) -> None:
    url = postgresql.replace("postgresql://", "postgresql+psycopg://")
    one, other = PostgresLocks(url), PostgresLocks(url)
    with one.attempt("talk") as held:
        assert held
        with other.attempt("talk") as held_too, other.attempt("another talk") as free:
            assert (held_too, free) == (False, True)
    with other.attempt("talk") as held:
        assert held
        with connect(url).connect() as admin:
            admin.execute(text(END_OF_OTHERS))
        assert until(lambda: _is_free(one, "talk"))


@pytest.mark.parametrize("place", ["sqlite", "postgresql"])
def test_several_processes_make_a_fresh_database_at_once(
    place: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = request.getfixturevalue("postgresql") if place == "postgresql" else f"sqlite:///{tmp_path}/var/portal.db"
    environment = {**os.environ, "DATABASE_URL": url}
    commands = [[sys.executable, "-m", "bot.cli", "models", "--json"]] * 3
    out = subprocess.PIPE
    started = [subprocess.Popen(c, cwd=ROOT, env=environment, stdout=out, stderr=out, text=True) for c in commands]
    assert [process.communicate(timeout=60)[1] for process in started] == [""] * 3


def test_a_second_portal_on_one_sqlite_file_is_told_so_and_commands_go_on(portal: Running, tmp_path: Path) -> None:
    second = start_portal(portal.database_url, tmp_path / "log.txt", wait=False)
    assert until(lambda: "Waiting up to 35 s for it to end: another portal" in second.log.read_text(), 60)
    second.stop()
    with pytest.raises(SettingsError, match="another portal uses the database") as told:
        claim_database(settings(portal.database_url, ""), seconds=0.1)
    assert "PostgreSQL" in told.value.todo
    models = [sys.executable, "-m", "bot.cli", "models"]
    environment = {**os.environ, "DATABASE_URL": portal.database_url}
    assert subprocess.run(models, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=False).returncode == 0
    assert portal.say("still there", "Was kostet der Versand?")


def test_a_portal_begins_when_what_was_left_of_a_killed_one_has_ended(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/portal.db"
    left_behind = take_file(url, "run", seconds=1)
    portal = start_portal(url, tmp_path / "log.txt", wait=False)
    assert until(lambda: "Waiting up to 35 s" in portal.log.read_text(), 60)
    os.close(left_behind)
    assert portal.process.wait(30) == 2
    assert "there is no company" in portal.log.read_text()


def _is_free(locks: PostgresLocks, key: str) -> bool:
    with locks.attempt(key) as held:
        return held
