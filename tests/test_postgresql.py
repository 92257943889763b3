"""The portal on PostgreSQL: the same conversation, and two processes' worth of parallel turns."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from actions import db as shop
from actions.load import load
from bot import database
from tests.conftest import DEMO, Running, start_portal


@pytest.fixture(scope="module")
def portal_on_postgresql(model: Path, postgresql: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    url = postgresql.replace("postgresql://", "postgresql+psycopg://")
    database.migrate(url)
    shop.migrate(url)
    load(DEMO, url)
    running = start_portal(postgresql, tmp_path_factory.mktemp("portal") / "log.txt")
    yield running
    running.stop()


def test_a_matter_is_served_and_data_are_changed(portal_on_postgresql: Running) -> None:
    say = portal_on_postgresql.say
    say("pg", "Ich möchte die Bestellung 10484665 stornieren")
    assert "wirklich stornieren" in str(say("pg", "10999"))
    assert "storniert" in str(say("pg", "Ja"))
    assert "storniert" in str(say("pg", "Wo ist meine Bestellung 10484665?"))


def test_the_demo_is_loaded_twice_without_a_change(postgresql: str) -> None:
    url = postgresql.replace("postgresql://", "postgresql+psycopg://")
    database.migrate(url)
    assert sum(load(DEMO, url).new.values()) == 0


def test_ten_customers_at_once_are_all_answered(portal_on_postgresql: Running) -> None:
    answers: list[str] = []

    def talk(name: str) -> None:
        portal_on_postgresql.say(name, "Wo ist meine Bestellung 10482917?")
        answers.append(str(portal_on_postgresql.say(name, "22765")))

    threads = [threading.Thread(target=talk, args=(f"customer {n}",)) for n in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum("morgen" in answer for answer in answers) == 10
