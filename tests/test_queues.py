"""A queue holds hints only: without it, or with one that hangs, turns are answered and delivered all the same."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator

import msgspec
import pytest

from bot.jobs import Jobs
from bot.queues import Queue
from bot.settings import Settings, load_settings
from tests.conftest import SECRET_KEY, free_port
from tests.messenger_stage import Stage


@pytest.fixture
def hanging_redis() -> Iterator[str]:
    """A Redis that lets everybody in and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


def settings(database_url: str, redis_url: str) -> Settings:
    given = load_settings({"SPRACHPORTAL_SECRET_KEY": SECRET_KEY, "DATABASE_URL": database_url})
    return msgspec.structs.replace(given, redis_url=redis_url)


def until(condition: Callable[[], bool], seconds: float = 30) -> bool:
    """Whether it becomes true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not condition():
        time.sleep(0.05)
    return condition()


def test_a_queue_that_hangs_holds_a_webhook_up_once_and_for_seconds(database_url: str, hanging_redis: str) -> None:
    queue = Queue("turns", settings(database_url, hanging_redis), print, threads=1)
    begun = time.monotonic()
    assert [queue.wake("a") for _ in range(20)] == [False] * 20
    assert queue.is_idle()
    assert time.monotonic() - begun < 5


def test_a_hint_that_was_taken_reaches_a_worker_and_the_queue_is_idle_again(database_url: str) -> None:
    seen: list[str] = []
    queue = Queue("turns", settings(database_url, ""), seen.append, threads=2)
    assert queue.is_idle()
    assert queue.wake("a")
    assert not queue.is_idle()
    queue.start()
    assert until(lambda: seen == ["a"])
    assert queue.is_idle()
    queue.stop()


def test_a_webhook_does_not_wait_for_a_queue_that_hangs(database_url: str, hanging_redis: str) -> None:
    queue = Queue("turns", settings(database_url, hanging_redis), print, threads=1)
    begun = time.monotonic()
    for _ in range(20):
        queue.wake_soon("a")
    assert time.monotonic() - begun < 0.5


def test_hints_that_come_at_once_reach_a_worker(database_url: str) -> None:
    seen: list[str] = []
    queue = Queue("turns", settings(database_url, ""), seen.append, threads=2)
    queue.start()
    for what in "abcabc":
        queue.wake_soon(what)
    assert until(lambda: set(seen) == {"a", "b", "c"})
    queue.stop()


def test_without_the_queue_turns_are_answered_and_delivered(database_url: str) -> None:
    stage = Stage(database_url)
    given = settings(database_url, f"redis://127.0.0.1:{free_port()}/0")
    jobs = Jobs(stage.conversations, stage.deliveries, given)
    stage.intake.wake, stage.intake.wake_outbox = jobs.wake, jobs.wake_outbox
    jobs.start()
    try:
        stage.say("eins")
        stage.say("zwei")
        assert until(lambda: len(stage.outlet.sent) == 2)
    finally:
        jobs.stop()
    assert stage.outlet.texts == ["Verstanden: eins.", "Verstanden: zwei."]
