"""Turns that customers take back, and files that are too old: deleted, also after a crash, and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select, update

from bot import database
from bot.channels.events import Changed
from bot.cli.stage import Stage as Talk
from bot.media import Kept, Media, MediaRow
from bot.media.files import MediaFiles
from bot.media.retention import AT_ONCE, Retention
from bot.messaging_settings import MessagingSettings, check_messaging
from bot.settings import Settings
from bot.tables import TrackerEventRow, TrackerRow, TurnRow
from bot.turns import Attachment, Incoming, Turn, utc_now
from tests.media_server import JPEG, OPUS, Server, file
from tests.messenger_stage import CUSTOMER, NUMBERS, Stage
from tests.meta_wire import Wire, whatsapp, wrote
from tests.test_media import TEXTS, Described, settings_of

TRANSCRIBE = "tests.test_media:transcribe"


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        running.answers["/photo"], running.answers["/note"] = file(JPEG), file(OPUS)
        yield running


class Shelf(Stage):
    """A stage that keeps media in `folder`; `source` is where customers' files come from."""

    def __init__(self, url: str, folder: Path, server: Server) -> None:
        super().__init__(url)
        self.folder = folder
        self.source = Described(server, "")
        self.conversations.media = self.media()

    def media(self, days: int = 30, **limits: object) -> Media:
        return Media(with_days(settings_of(self.url, self.folder, **limits), days), {"whatsapp": self.source}, TEXTS)

    def sends(self, *attachments: Attachment, text: str = "") -> str:
        own = f"wamid.{next(NUMBERS)}"
        self.intake.take([Incoming("whatsapp", CUSTOMER, own, text, attachments=attachments)])
        return own

    def takes_back(self, own: str) -> None:
        self.intake.take([Changed("whatsapp", own, None)])

    def shown(self, turn: str) -> list[Kept]:
        """What came with the turn, as whoever looks is told."""
        with database.transaction(self.url) as session:
            row = session.get_one(TurnRow, turn)
            attachments = tuple(msgspec.convert(row.attachments, list[Attachment]))
            known = Turn(row.id, row.conversation_id, row.channel, row.text, attachments=attachments)
        return self.media().keep(known)

    def files(self) -> list[str]:
        return sorted(path.name for path in self.folder.rglob("*") if path.is_file())

    def kept(self) -> list[MediaRow]:
        with database.transaction(self.url) as session:
            rows = list(session.scalars(select(MediaRow).order_by(MediaRow.id)))
            session.expunge_all()
        return rows

    def days_pass(self, days: float) -> None:
        with database.transaction(self.url) as session:
            for row in session.scalars(select(MediaRow)):
                row.at -= timedelta(days=days)
        for path in self.folder.rglob("*"):
            if path.is_file():
                moment = path.stat().st_mtime - days * 86_400
                os.utime(path, (moment, moment))

    def answers_are_over(self) -> None:
        with database.transaction(self.url) as session:
            due = TurnRow.forget_at.is_not(None)
            session.execute(update(TurnRow).where(due).values(forget_at=utc_now() - timedelta(seconds=1)))

    def to_forget(self) -> list[str]:
        with database.transaction(self.url) as session:
            return list(session.scalars(select(TurnRow.id).where(TurnRow.forget_at.is_not(None))))


PHOTO, NOTE = Attachment("image", "photo"), Attachment("voice", "note")


def with_days(settings: Settings, days: int) -> Settings:
    messaging = msgspec.structs.replace(settings.portal.messaging, media_days=days)
    portal = msgspec.structs.replace(settings.portal, messaging=messaging)
    return msgspec.structs.replace(settings, portal=portal)


@pytest.fixture
def shelf(database_url: str, tmp_path: Path, server: Server) -> Shelf:
    return Shelf(database_url, tmp_path / "media", server)


def test_a_photo_that_is_taken_back_is_deleted_and_others_stay(shelf: Shelf) -> None:
    own = shelf.sends(PHOTO, PHOTO)
    shelf.sends(PHOTO, text="bleibt")
    shelf.work()
    assert len(shelf.files()) == 3
    shelf.takes_back(own)
    assert len(shelf.files()) == 1
    assert [(row.state, row.why, row.file, row.sha256) for row in shelf.kept()[:2]] == [
        ("gone", "taken_back", "", "")
    ] * 2
    assert shelf.kept()[2].state == "kept"
    assert shelf.turns() == [("", "done"), ("bleibt", "done")]


def test_a_file_that_two_rows_share_goes_with_the_second(shelf: Shelf) -> None:
    """As files were named before 0006."""
    first, second = shelf.sends(PHOTO), shelf.sends(PHOTO)
    shelf.work()
    one, other = (next(shelf.folder.rglob(name)) for name in shelf.files())
    other.unlink()
    shared = one.rename(one.with_name("0123456789abcdef.jpg"))
    with database.transaction(shelf.url) as session:
        session.execute(update(MediaRow).values(file=f"{shared.parent.name}/{shared.name}"))
    assert len(shelf.files()) == 1
    shelf.takes_back(first)
    assert ([row.state for row in shelf.kept()], len(shelf.files())) == (["gone", "kept"], 1)
    shelf.takes_back(second)
    assert ([row.state for row in shelf.kept()], len(shelf.files())) == (["gone", "gone"], 0)


def test_an_edit_told_after_its_message_was_taken_back_brings_nothing_back(shelf: Shelf) -> None:
    own = shelf.sends(text="geheim")
    shelf.takes_back(own)
    shelf.intake.take([Changed("whatsapp", own, "wieder da")])
    assert shelf.turns()[0][0] == ""


def test_a_photo_and_its_words_that_whatsapp_tells_are_revoked_are_gone(shelf: Shelf) -> None:
    wire = Wire()
    photo = wrote(type="image", image={"id": "81", "mime_type": "image/jpeg", "caption": "Meine Rechnung"})
    shelf.source.server.answers["/81"] = file(JPEG)
    shelf.intake.take(wire.told("whatsapp", whatsapp(photo)))
    shelf.work()
    assert (shelf.turns(), len(shelf.files())) == ([("Meine Rechnung", "done")], 1)
    revoked = wrote(id="wamid.2", type="revoke", revoke={"original_message_id": "wamid.1"})
    shelf.intake.take(wire.told("whatsapp", whatsapp(revoked)))
    assert (shelf.turns(), shelf.files()) == ([("", "done")], [])


def test_what_a_voice_note_says_goes_with_it(shelf: Shelf) -> None:
    shelf.conversations.media = shelf.media(transcriber=TRANSCRIBE)
    own = shelf.sends(NOTE)
    shelf.work()
    assert "Paket" in shelf.kept()[0].text
    shelf.takes_back(own)
    assert (shelf.kept()[0].text, shelf.files()) == ("", [])


def test_a_photo_taken_back_while_it_is_answered_is_deleted_a_little_later(shelf: Shelf) -> None:
    own = shelf.sends(PHOTO, text="ein Foto")
    (conversation,) = shelf.woken
    turn = shelf.conversations.store.next_turn(conversation)
    assert turn is not None
    shelf.takes_back(own)
    shelf.media().keep(turn.turn)
    shelf.conversations.tidy_now()
    assert len(shelf.files()) == 1
    shelf.answers_are_over()
    shelf.conversations.tidy_now()
    assert shelf.files() == []
    assert shelf.to_forget() == []


def test_what_a_crash_left_undone_is_done_a_little_later(shelf: Shelf) -> None:
    own = shelf.sends(PHOTO)
    shelf.work()
    turn = shelf.conversations.store.take_back("whatsapp", own)
    assert turn is not None
    unwritten = shelf.folder / turn[:2] / f"{turn}-7.jpg"
    unwritten.write_bytes(JPEG)
    assert len(shelf.files()) == 2
    shelf.answers_are_over()
    shelf.conversations.tidy_now()
    assert shelf.files() == []
    assert shelf.to_forget() == []


def test_a_turn_that_cannot_be_forgotten_does_not_keep_the_others(shelf: Shelf) -> None:
    turns = []
    for _ in range(2):
        own = shelf.sends(PHOTO)
        shelf.work()
        turns.append(shelf.conversations.store.take_back("whatsapp", own))
    with database.transaction(shelf.url) as session:
        conversation = session.scalars(select(TurnRow.conversation_id)).first()
        session.add(TrackerRow(conversation=conversation, window_start=0, state={}))
        session.flush()
        broken = f'{{"event": "user", "message_id": "{turns[0]}"'
        session.add(TrackerEventRow(conversation=conversation, seq=0, data=broken))
    shelf.answers_are_over()
    shelf.conversations.tidy_now()
    assert shelf.to_forget() == [turns[0]]
    assert [row.state for row in shelf.kept()] == ["kept", "gone"]


def test_a_message_taken_back_twice_or_by_many_at_once_is_taken_back_once(shelf: Shelf) -> None:
    own = shelf.sends(PHOTO)
    shelf.work()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: shelf.takes_back(own), range(16)))
    assert shelf.files() == []
    assert shelf.turns() == [("", "done")]


def test_what_cannot_be_deleted_now_is_deleted_later(shelf: Shelf) -> None:
    own = shelf.sends(PHOTO)
    shelf.work()
    (path,) = (path for path in shelf.folder.rglob("*") if path.is_file())
    path.unlink()
    path.mkdir()
    shelf.takes_back(own)
    shelf.answers_are_over()
    shelf.conversations.tidy_now()
    assert shelf.kept()[0].state == "kept"
    assert len(shelf.to_forget()) == 1
    path.rmdir()
    shelf.answers_are_over()
    shelf.conversations.tidy_now()
    assert shelf.kept()[0].state == "gone"
    assert shelf.to_forget() == []


def test_files_are_deleted_after_so_many_days_and_named_as_gone(shelf: Shelf) -> None:
    shelf.sends(PHOTO)
    shelf.work()
    shelf.days_pass(31)
    shelf.sends(PHOTO)
    shelf.work()
    shelf.conversations.tidy_now()
    old, new = shelf.kept()
    assert [(row.state, row.why) for row in (old, new)] == [("gone", "too_old"), ("kept", "")]
    assert shelf.files() == [new.file.partition("/")[2]]
    (shown,) = shelf.shown(old.turn_id)
    assert (shown.state, shown.why, shown.file) == ("gone", "too_old", None)
    (kept,) = shelf.shown(new.turn_id)
    assert kept.file is not None
    assert kept.file.is_file()
    assert len(shelf.source.server.asked) == 2


@pytest.mark.parametrize(("days", "is_right"), [(-1, False), (0, False), (1, True), (3650, True), (3651, False)])
def test_files_cannot_be_kept_for_ever(days: int, is_right: bool) -> None:
    problems = list(check_messaging(MessagingSettings(media_days=days), ["de", "en"], "messaging"))
    assert problems == ([] if is_right else ["messaging.media_days may be 1 to 3650"])


def test_a_file_is_kept_to_its_last_day(shelf: Shelf) -> None:
    shelf.sends(PHOTO)
    shelf.work()
    shelf.days_pass(29.9)
    shelf.conversations.tidy_now()
    assert shelf.kept()[0].state == "kept"
    assert len(shelf.files()) == 1


CHILD = """
import os, signal, sys
from pathlib import Path
from bot.media.files import MediaFiles
from bot.media.retention import Retention

class Killed(MediaFiles):
    def delete(self, name):
        super().delete(name)
        os.kill(os.getpid(), signal.SIGKILL)

Retention(sys.argv[1], Killed(Path(sys.argv[2])), 30).delete_old()
"""


def test_a_process_killed_while_deleting_has_deleted_nothing_else_and_it_is_done_again(shelf: Shelf) -> None:
    for _ in range(3):
        shelf.sends(PHOTO)
    shelf.work()
    shelf.days_pass(31)
    shelf.sends(PHOTO)
    shelf.work()
    child = subprocess.run([sys.executable, "-c", CHILD, shelf.url, str(shelf.folder)], check=False)
    assert child.returncode == -signal.SIGKILL
    assert len(shelf.files()) == 3
    assert [row.state for row in shelf.kept()] == ["kept"] * 4
    shelf.conversations.tidy_now()
    assert [row.state for row in shelf.kept()] == ["gone"] * 3 + ["kept"]
    assert len(shelf.files()) == 1


def test_files_that_a_crash_left_without_a_row_go_and_what_is_not_ours_stays(shelf: Shelf) -> None:
    shelf.sends(PHOTO)
    shelf.work()
    stray, other = shelf.folder / "ab" / f"ab{'0' * 30}-0.jpg", shelf.folder / "ab" / "letter.jpg"
    deeper, young = shelf.folder / "notes.db", shelf.folder / "ab" / f"ab{'1' * 30}-0.jpg"
    stray.parent.mkdir(exist_ok=True)
    for path in (stray, other, deeper, young):
        path.write_bytes(b"x")
    for path in shelf.folder.rglob("*"):
        if path.is_file() and path != young:
            os.utime(path, (0, 0))
    shelf.conversations.tidy_now()
    assert not stray.exists()
    assert all(path.exists() for path in (other, deeper, young))
    assert shelf.kept()[0].state == "kept"
    assert (shelf.folder / shelf.kept()[0].file).exists()


def test_one_file_that_cannot_be_deleted_does_not_keep_the_others(shelf: Shelf, tmp_path: Path) -> None:
    shelf.sends(PHOTO)
    shelf.work()
    (turn,) = {row.turn_id for row in shelf.kept()}
    stuck = tmp_path / "media" / "aa"
    with database.transaction(shelf.url) as session:
        for position in range(1, AT_ONCE + 2):
            name = f"aa/{turn}-{position}.jpg"
            (shelf.folder / name).mkdir(parents=True)
            session.add(MediaRow(turn_id=turn, position=position, kind="image", state="kept", file=name))
        late = MediaRow(turn_id=turn, position=999, kind="image", state="kept", file=f"bb/{turn}-999.jpg")
        session.add(late)
    shelf.days_pass(31)
    retention = Retention(shelf.url, MediaFiles(shelf.folder), 30)
    for _ in range(2):
        retention.delete_old()
    states = {row.position: row.state for row in shelf.kept()}
    assert (states[0], states[1], states[999]) == ("gone", "kept", "gone")
    assert stuck.is_dir()


def test_many_portals_tidy_at_once(shelf: Shelf) -> None:
    for _ in range(12):
        shelf.sends(PHOTO)
    shelf.work()
    shelf.days_pass(31)
    shelf.sends(PHOTO)
    shelf.work()
    several = [Retention(shelf.url, MediaFiles(shelf.folder), 30) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda one: one.delete_old(), several))
    assert [row.state for row in shelf.kept()] == ["gone"] * 12 + ["kept"]
    assert len(shelf.files()) == 1


def test_looking_without_anything_to_do_is_quick(shelf: Shelf) -> None:
    shelf.conversations.tidy()
    began = time.perf_counter()
    for _ in range(1000):
        shelf.conversations.tidy()
    assert time.perf_counter() - began < 0.1


def remembered(url: str, conversation: str) -> str:
    """All that the engine has kept of a conversation."""
    with database.transaction(url) as session:
        events = session.scalars(select(TrackerEventRow.data).where(TrackerEventRow.conversation == conversation))
        state = session.get_one(TrackerRow, conversation).state
        return "\n".join(events) + str(state)


def test_the_words_of_a_turn_taken_back_leave_the_engine_and_the_dialogue_goes_on(model: Path) -> None:
    with Talk(model) as talk:
        conversations, url = talk.conversations, talk.conversations.store.url
        conversation = conversations.store.open_conversation("script", "somebody", "de")

        def says(text: str) -> str:
            own = f"{conversation}:{next(NUMBERS)}"
            conversations.receive(Incoming("script", "somebody", own, text, conversation=conversation))
            conversations.handle(conversation)
            return own

        secret = says("Mein Nachbar Herr Dunkelmann hat es gestohlen, wo ist meine Bestellung 10482917?")
        assert "Dunkelmann" in remembered(url, conversation)
        conversations.change("script", secret, None)
        assert "Dunkelmann" not in remembered(url, conversation)
        says("22765")
        entries = conversations.store.entries(conversation)
        assert "morgen" in entries[-1].text or "morgen" in entries[-2].text
        assert "Dunkelmann" not in str(entries)
        for number in range(12):
            says(f"Was kostet der Versand? {number}")
        assert "Dunkelmann" not in remembered(url, conversation)
