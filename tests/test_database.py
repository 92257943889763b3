"""Transactions: several as one, those that somebody else was faster at, and writing to SQLite in turn."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from actions import db as shop
from bot.database import despite_races, migrate, migrations, together, transaction
from bot.errors import StoreError
from bot.one_writer import Pen
from bot.store import Store, contact_of
from bot.tables import ContactRow
from bot.turns import Incoming, Intent
from tests.conftest import ROOT

WRITERS = 24


def contacts(url: str) -> int:
    with transaction(url) as session:
        return session.scalar(select(func.count()).select_from(ContactRow)) or 0


def add_contact(url: str, address: str) -> None:
    with transaction(url) as session:
        contact_of(session, "sms", address)


def test_what_is_done_together_is_written_together(database_url: str) -> None:
    with together(database_url):
        add_contact(database_url, "1/2")
        add_contact(database_url, "1/3")
    assert contacts(database_url) == 2


def test_what_is_done_together_is_taken_back_together(database_url: str) -> None:
    def half() -> None:
        with together(database_url):
            add_contact(database_url, "1/2")
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        half()
    assert contacts(database_url) == 0
    add_contact(database_url, "1/3")
    assert contacts(database_url) == 1


def test_others_are_not_part_of_it(database_url: str) -> None:
    with together(database_url):
        add_contact(database_url, "1/2")
        seen: list[int] = []
        other = threading.Thread(target=lambda: seen.append(contacts(database_url)))
        other.start()
        other.join()
    assert seen == [0]


def test_a_race_is_run_again_by_who_began_the_transaction(database_url: str) -> None:
    tries = 0

    def part() -> None:
        nonlocal tries
        tries += 1
        raise IntegrityError("somebody was faster", None, Exception())

    def whole() -> None:
        with together(database_url):
            despite_races(part)

    with pytest.raises(IntegrityError):
        despite_races(whole)
    assert tries == 5


def test_many_writers_take_turns_and_none_is_sent_away(database_url: str) -> None:
    store = Store(database_url)
    conversations = [store.open_conversation("web", f"visitor {n}", "de") for n in range(WRITERS)]
    failed: list[Exception] = []

    def write(conversation: str) -> None:
        for number in range(20):
            turn = Incoming("web", "", f"{conversation} {number}", "Hallo", Intent("greet"), conversation=conversation)
            try:
                store.receive(turn, "de", waiting_at_most=100)
            except StoreError as error:
                failed.append(error)

    threads = [threading.Thread(target=write, args=(conversation,)) for conversation in conversations]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert all(store.waiting_count(conversation) == 20 for conversation in conversations)


def test_who_waits_too_long_for_the_pen_is_told_so_and_not_handed_it() -> None:
    pen = Pen(None, 0.05)
    pen.take()
    with pytest.raises(sqlite3.OperationalError):
        pen.take()
    pen.hand_on()
    pen.take()


def test_a_failed_transaction_hands_the_pen_on(database_url: str) -> None:
    def fail() -> None:
        with transaction(database_url) as session:
            session.execute(text("UPDATE contacts SET channel = 'sms'"))
            raise RuntimeError("broken")

    for _ in range(3):
        with pytest.raises(RuntimeError):
            fail()
    add_contact(database_url, "1/2")
    assert contacts(database_url) == 1


def test_who_waits_too_long_to_write_is_told_that_the_database_does_not_answer(database_url: str) -> None:
    told: list[StoreError] = []

    def write() -> None:
        try:
            with transaction(database_url) as session:
                session.execute(text("UPDATE contacts SET channel = channel"))
        except StoreError as error:
            told.append(error)

    other = threading.Thread(target=write)
    with transaction(database_url) as session:
        session.execute(text("UPDATE contacts SET channel = channel"))
        other.start()
        other.join()
    assert len(told) == 1


def kill_while_migrating(url: str, module: str, statement: str) -> None:
    asked = [sys.executable, "-c", MIGRATE.format(module=module), url, statement]
    migrating = subprocess.Popen(asked, cwd=ROOT, stdout=subprocess.PIPE)
    assert migrating.stdout is not None
    assert migrating.stdout.readline() == b"half done\n"
    migrating.send_signal(signal.SIGKILL)
    migrating.wait(10)


def test_a_killed_migration_of_an_empty_database_is_done_by_the_next(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/portal.db"
    kill_while_migrating(url, "bot.database", "CREATE INDEX ix_promotions_model")
    kill_while_migrating(url, "actions.db", "ALTER TABLE stores ADD COLUMN longitude")
    migrate(url)
    shop.migrate(url)
    assert contacts(url) == 0


def test_a_killed_migration_leaves_the_rows_to_the_next(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/portal.db"
    command.upgrade(migrations(url), "0007")
    with transaction(url) as session:
        session.execute(text(LIVE))
    kill_while_migrating(url, "bot.database", "ALTER TABLE models DROP COLUMN reason")
    migrate(url)
    with transaction(url) as session:
        kept = session.execute(text('SELECT model, "by", reason FROM promotions')).one()
    assert tuple(kept) == ("20260101-120000-aaaaaaaa", "Kim", "better")


LIVE = """
INSERT INTO models (name, sha256, fingerprint, trained_at, trained_by, state, promoted_at, promoted_by, forced, reason,
                    compared, dropped)
VALUES ('20260101-120000-aaaaaaaa', 'x', 'x', '2026-01-01 12:00:00', 'Kim', 'live', '2026-01-02 12:00:00', 'Kim', 0,
        'better', 0, 0)
"""

# Stops before the statement that begins like this.
MIGRATE = """
import sys, time
from sqlalchemy import event
from {module} import connect, migrate

def stop(_connection, _cursor, statement, *_):
    if statement.startswith(sys.argv[2]):
        print("half done", flush=True)
        time.sleep(60)

event.listen(connect(sys.argv[1]), "before_cursor_execute", stop)
migrate(sys.argv[1])
"""
