"""What several threads want to write at once is written together; what one cannot write is nobody else's trouble."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from sqlalchemy import text

from bot.database import connect, transaction
from bot.errors import StoreError
from bot.one_writer import Pen, go_first
from bot.scribe import Scribe
from bot.tables import ContactRow

CHANGE = text("UPDATE contacts SET channel = channel")


def add(url: str, name: str) -> str:
    with transaction(url) as session:
        session.add(ContactRow(channel="rest", address=name))
        session.flush()
    return name


def names(url: str) -> set[str]:
    with transaction(url) as session:
        return set(session.scalars(text("SELECT address FROM contacts")))


def at_once(works: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()


def test_everybody_gets_their_own_result_and_it_is_committed(database_url: str) -> None:
    scribe, found = Scribe(database_url), {}

    def one(number: int) -> None:
        name = f"contact {number}"
        found[name] = scribe.write(lambda: add(database_url, name))
        assert name in names(database_url)

    at_once([lambda number=number: one(number) for number in range(60)])  # type: ignore[misc]
    assert {name: name for name in names(database_url)} == found
    assert len(found) == 60


def test_what_one_cannot_write_is_nobody_elses_trouble(database_url: str) -> None:
    scribe, errors = Scribe(database_url), []
    begun, hold = threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        hold.wait(10)

    first = threading.Thread(target=lambda: scribe.write(wait))
    first.start()
    assert begun.wait(5)

    def one(number: int) -> None:
        try:
            scribe.write(lambda: add(database_url, "twice" if number < 2 else f"contact {number}"))
        except Exception as error:
            errors.append(type(error).__name__)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    end = time.monotonic() + 5
    while len(scribe._waiting) < 10:
        assert time.monotonic() < end
        time.sleep(0.01)
    hold.set()
    for thread in [first, *threads]:
        thread.join(20)
    assert errors == ["IntegrityError"]
    assert names(database_url) == {"twice", *(f"contact {number}" for number in range(2, 10))}


def test_a_locked_database_is_told_to_all_who_wait(database_url: str) -> None:
    scribe, told = Scribe(database_url), []

    def one(number: int) -> None:
        try:
            scribe.write(lambda: add(database_url, f"contact {number}"))
        except StoreError:
            told.append(number)

    with connect(database_url).connect() as other:
        other.execute(CHANGE)
        began = time.monotonic()
        at_once([lambda number=number: one(number) for number in range(8)])  # type: ignore[misc]
        assert time.monotonic() - began < 10
        other.rollback()
    assert len(told) == 8
    scribe.write(lambda: add(database_url, "later"))
    assert names(database_url) == {"later"}


def test_the_pen_goes_to_who_goes_first_and_then_to_who_waits_longest() -> None:
    pen, had = Pen(None, 5), []

    def wait(name: str, *, first: bool = False) -> None:
        if first:
            go_first()
        pen.take()
        had.append(name)
        pen.hand_on()

    pen.take()
    threads = []
    for name in ("one", "two", "first"):
        threads.append(threading.Thread(target=wait, args=(name,), kwargs={"first": name == "first"}))
        threads[-1].start()
        while len(pen._waiting) < len(threads):
            time.sleep(0.01)
    pen.hand_on()
    for thread in threads:
        thread.join(5)
    assert had == ["first", "one", "two"]
