"""Photos, documents and voice notes: fetched once, kept safely, told to the customer; with real files and servers."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from bot.channels.outlet import NotTaken, Refused
from bot.database import connect, transaction
from bot.errors import SettingsError
from bot.media import Kept, Located, Media, MediaRow, TwilioMedia
from bot.media.transcriber import Transcriber, load_transcriber
from bot.media.words import Arrival, Details, clean_name, told
from bot.messaging_settings import MediaSettings
from bot.settings import Settings, load_settings
from bot.store import begin_conversation
from bot.tables import Base, TurnRow
from bot.texts import Texts
from bot.turns import Attachment, Turn
from tests.media_server import JPEG, MP4, OPUS, PDF, PNG, Server, dripping, endless, file, redirect, status

ACCOUNT, TOKEN = "AC" + "1" * 32, "a-token-for-the-tests"
MEDIA = f"/2010-04-01/Accounts/{ACCOUNT}/Messages/MM1/Media/ME"
TEXTS = Texts.load()
NOTE = Attachment("voice", "note", "audio/ogg")

heard: list[tuple[str, str]] = []


def transcribe(file: Path, media_type: str, language: str) -> str | None:
    """A speech recogniser: reads the note's bytes and hears the same in all of them."""
    assert file.read_bytes() == OPUS
    heard.append((media_type, language))
    return "/restart Wo ist mein Paket?"


def transcribe_nothing(_file: Path, _media_type: str, _language: str) -> str | None:
    return None


def transcribe_badly(_file: Path, _media_type: str, _language: str) -> str | None:
    raise RuntimeError("no model")


def transcribe_and_leave(_file: Path, _media_type: str, _language: str) -> str | None:
    sys.exit(3)


def transcribe_a_number(_file: Path, _media_type: str, _language: str) -> int:
    return 7


def transcribe_without_language(_file: Path, _media_type: str) -> str:
    return ""


NO_FUNCTION = 7


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


def settings_of(database: str, folder: Path, **limits: object) -> Settings:
    """A portal's settings with a telephone, and these limits for media."""
    settings = load_settings(
        {
            "TWILIO_ACCOUNT_SID": ACCOUNT,
            "TWILIO_AUTH_TOKEN": TOKEN,
            "TWILIO_PHONE_NUMBER": "+494066969000",
            "SPRACHPORTAL_PUBLIC_URL": "https://portal.test",
            "SPRACHPORTAL_SECRET_KEY": "x" * 20,
            "DATABASE_URL": database,
        }
    )
    media = msgspec.convert({"folder": str(folder), "seconds": 5.0, **limits}, MediaSettings)
    messaging = msgspec.structs.replace(settings.portal.messaging, media=media)
    portal = msgspec.structs.replace(settings.portal, messaging=messaging)
    return msgspec.structs.replace(settings, portal=portal)


class Desk:
    """A portal's media with a database, a folder, and a customer who sends things through Twilio."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self.folder = folder / "media"
        self.url = f"sqlite:///{folder / 'portal.db'}"
        Base.metadata.create_all(connect(self.url))
        with transaction(self.url) as session:
            self.conversation = begin_conversation(session, "sms", "+4940/+4917", "de").id

    def media(self, **limits: object) -> Media:
        return Media(
            settings_of(self.url, self.folder, **limits), {"sms": TwilioMedia(ACCOUNT, TOKEN, self.server.url)}, TEXTS
        )

    def turn(self, *attachments: Attachment, text: str = "", identity: str = "t1", channel: str = "sms") -> Turn:
        with transaction(self.url) as session:
            if session.get(TurnRow, identity) is None:
                session.add(
                    TurnRow(
                        id=identity,
                        conversation_id=self.conversation,
                        channel=channel,
                        provider_id=identity,
                        seq=1,
                        text=text,
                    )
                )
        return Turn(identity, self.conversation, channel, text, attachments=attachments)

    def attachment(self, kind: str, media_type: str = "", *, number: int = 1, name: str = "") -> Attachment:
        return Attachment(kind, f"{self.server.url}{MEDIA}{number}", media_type, name)

    def serves(self, content: bytes, kind: str = "", *, number: int = 1) -> None:
        self.server.answers[f"{MEDIA}{number}"] = file(content, kind)

    def rows(self) -> list[MediaRow]:
        with transaction(self.url) as session:
            found = list(session.scalars(select(MediaRow).order_by(MediaRow.position)))
            session.expunge_all()
        return found

    def files(self) -> list[Path]:
        return sorted(path for path in self.folder.rglob("*") if path.is_file())


@pytest.fixture
def desk(server: Server, tmp_path: Path) -> Desk:
    return Desk(server, tmp_path)


def test_a_photo_is_kept_for_the_portal_alone_and_written_down(desk: Desk) -> None:
    desk.serves(JPEG, "image/jpeg")
    turn = desk.turn(desk.attachment("image", "image/jpeg"))
    (kept,) = desk.media().keep(turn)
    digest = hashlib.sha256(JPEG).hexdigest()
    path = desk.folder / "t1" / "t1-0.jpg"
    assert kept == Kept(0, "image", "kept", "", "image/jpeg", path)
    assert path.read_bytes() == JPEG
    assert [p.stat().st_mode & 0o777 for p in (path, path.parent, desk.folder)] == [0o600, 0o700, 0o700]
    (row,) = desk.rows()
    assert (row.turn_id, row.position, row.kind, row.state, row.why) == ("t1", 0, "image", "kept", "")
    assert (row.media_type, row.bytes, row.sha256) == ("image/jpeg", len(JPEG), digest)
    assert row.file == "t1/t1-0.jpg"


def test_a_turn_tried_again_fetches_nothing_again_even_after_a_restart(desk: Desk, server: Server) -> None:
    desk.serves(JPEG, number=1)
    desk.serves(PDF, number=2)
    server.answers[f"{MEDIA}3"] = status(404)
    turn = desk.turn(*(desk.attachment("document", number=number) for number in (1, 2, 3)))
    media = desk.media()
    first = media.keep(turn)
    assert media.keep(turn) == first == desk.media().keep(turn)
    assert [one.state for one in first] == ["kept", "kept", "refused"]
    assert len(server.asked) == 3
    assert len(desk.rows()) == 3


def test_a_turn_tried_by_two_at_once_has_one_outcome(desk: Desk) -> None:
    desk.serves(JPEG)
    turn = desk.turn(desk.attachment("image"))
    both = [desk.media(), desk.media()]
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda number: both[number % 2].keep(turn), range(8)))
    assert all(outcome == outcomes[0] for outcome in outcomes)
    assert len(desk.rows()) == len(desk.files()) == 1


def test_the_same_photo_of_two_turns_is_two_files_so_that_each_can_be_deleted(desk: Desk) -> None:
    desk.serves(JPEG)
    media = desk.media()
    for identity in ("t1", "t2"):
        media.keep(desk.turn(desk.attachment("image"), identity=identity))
    assert media.retention.forget("t1")
    assert [path.name for path in desk.files()] == ["t2-0.jpg"]
    assert [row.state for row in desk.rows()] == ["gone", "kept"]


CHILD = """
import sys
from pathlib import Path
from bot.media import Media, TwilioMedia
from bot.texts import Texts
from bot.turns import Attachment, Turn
from tests.test_media import ACCOUNT, TOKEN, settings_of
database, folder, conversation, api, source = sys.argv[1:]
settings = settings_of(database, Path(folder), seconds=60.0)
media = Media(settings, {"sms": TwilioMedia(ACCOUNT, TOKEN, api)}, Texts.load())
media.keep(Turn("t1", conversation, "sms", attachments=(Attachment("image", source),)))
"""


def test_a_process_killed_while_fetching_leaves_nothing_half_done(desk: Desk, server: Server) -> None:
    server.answers[f"{MEDIA}1"] = dripping(b"HTTP/1.1 200 OK\r\n\r\n" + JPEG, b"\0" * 1000)
    turn = desk.turn(desk.attachment("image"))
    arguments = [desk.url, str(desk.folder), desk.conversation, server.url, turn.attachments[0].source]
    child = subprocess.Popen([sys.executable, "-c", CHILD, *arguments])
    end = time.monotonic() + 30
    while not (desk.folder.is_dir() and any(path.stat().st_size for path in desk.files())):
        assert child.poll() is None
        assert time.monotonic() < end
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    (leftover,) = desk.files()
    assert not desk.rows()
    desk.serves(JPEG)
    assert desk.media().keep(turn)[0].state == "kept"
    assert leftover in desk.files()
    os.utime(leftover, (0, 0))
    desk.media()
    assert [path.read_bytes() for path in desk.files()] == [JPEG]


@pytest.mark.parametrize(
    ("kind", "announced", "content", "state", "why"),
    [
        ("image", "image/jpeg", PNG, "refused", "type"),
        ("image", "", PDF, "refused", "type"),
        ("voice", "", JPEG, "refused", "type"),
        ("video", "", OPUS, "refused", "type"),
        ("document", "", b"<html>", "refused", "type"),
        ("document", "", JPEG + b"\0" * 1024 * 1024, "refused", "too_large"),
        ("voice", "audio/mp4", MP4, "kept", ""),
        ("document", "application/pdf", PDF, "kept", ""),
    ],
)
def test_what_does_not_fit_is_refused_and_leaves_no_file(
    desk: Desk, kind: str, announced: str, content: bytes, state: str, why: str
) -> None:
    desk.serves(content)
    (kept,) = desk.media(most_megabytes=1).keep(desk.turn(desk.attachment(kind, announced)))
    assert (kept.state, kept.why) == (state, why)
    assert bool(kept.file) == bool(desk.files()) == (state == "kept")


@pytest.mark.parametrize("kind", ["sticker", "contact", "unsupported", "hologram"])
def test_kinds_that_are_not_kept_are_not_fetched(desk: Desk, server: Server, kind: str) -> None:
    desk.serves(JPEG)
    (kept,) = desk.media().keep(desk.turn(desk.attachment(kind)))
    assert kept.state == "refused"
    assert not server.asked


def test_a_channel_that_is_off_gives_no_attachments(desk: Desk) -> None:
    (kept,) = desk.media().keep(desk.turn(desk.attachment("image"), channel="whatsapp"))
    assert (kept.state, kept.why) == ("refused", "not_served")


def test_a_turn_without_attachments_needs_nothing(desk: Desk) -> None:
    turn = Turn("never-written", "nowhere", "sms", "Hallo")
    media = desk.media()
    assert media.keep(turn) == []
    assert media.text_of(turn, []) == "Hallo"
    assert media.named(turn, [], "de") == ""


def test_a_provider_in_trouble_is_asked_again(desk: Desk, server: Server) -> None:
    answers = [status(503), status(429), file(JPEG)]
    server.answers[f"{MEDIA}1"] = lambda handler: answers.pop(0)(handler)
    assert desk.media().keep(desk.turn(desk.attachment("image")))[0].state == "kept"
    assert len(server.asked) == 3


def test_a_provider_that_stays_in_trouble_costs_the_time_limit_for_all_attachments_together(
    desk: Desk, server: Server
) -> None:
    server.answers[f"{MEDIA}1"] = server.answers[f"{MEDIA}2"] = dripping(b"", b"")
    server.answers[f"{MEDIA}3"] = status(500)
    turn = desk.turn(*(desk.attachment("image", number=number) for number in (1, 2, 3)))
    began = time.monotonic()
    kept = desk.media(seconds=1.0).keep(turn)
    assert time.monotonic() - began < 3
    assert [(one.state, one.why) for one in kept] == [("failed", "slow")] * 3


def test_an_endless_photo_is_too_large(desk: Desk, server: Server) -> None:
    server.answers[f"{MEDIA}1"] = endless(JPEG)
    (kept,) = desk.media(most_megabytes=1).keep(desk.turn(desk.attachment("image")))
    assert (kept.state, kept.why) == ("refused", "too_large")
    assert not desk.files()


@pytest.mark.parametrize("onward", ["https://169.254.169.254/latest/meta-data/", "http://127.0.0.1:1/", "/elsewhere"])
def test_media_are_not_followed_to_where_they_should_not_be(desk: Desk, server: Server, onward: str) -> None:
    server.answers[f"{MEDIA}1"] = redirect(onward)
    server.answers["/elsewhere"] = file(b"root:x:0:0:")
    (kept,) = desk.media().keep(desk.turn(desk.attachment("image")))
    assert kept.state == "refused"
    assert not desk.files()


def test_a_disk_that_takes_nothing_fails_the_attachment_not_the_turn(desk: Desk) -> None:
    desk.serves(JPEG)
    desk.folder.write_text("not a folder")
    (kept,) = desk.media().keep(desk.turn(desk.attachment("image")))
    assert (kept.state, kept.why) == ("failed", "disk")


@pytest.mark.parametrize(
    ("source", "is_ours"),
    [
        (f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Messages/MM1/Media/ME1", True),
        (f"https://api.twilio.com/2010-04-01/Accounts/AC{'2' * 32}/Messages/MM1/Media/ME1", False),
        (f"https://api.twilio.com.evil.test/2010-04-01/Accounts/{ACCOUNT}/Media/ME1", False),
        (f"https://media.twiliocdn.com/{ACCOUNT}/photo", False),
    ],
)
def test_the_credential_goes_with_media_of_our_account_only(source: str, is_ours: bool) -> None:
    located = TwilioMedia(ACCOUNT, TOKEN).locate(Attachment("image", source), "+4940/+4917")
    basic = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
    assert dict(located.headers) == ({"Authorization": f"Basic {basic}"} if is_ours else {})
    assert located.allowed_hosts == ("api.twilio.com", "*.twiliocdn.com", "*.amazonaws.com")
    assert TOKEN not in repr(located)
    assert basic not in repr(located)


def test_the_credential_reaches_the_provider(desk: Desk, server: Server) -> None:
    desk.serves(JPEG)
    desk.media().keep(desk.turn(desk.attachment("image")))
    scheme, _, given = server.asked[0].headers["Authorization"].partition(" ")
    assert (scheme, base64.b64decode(given).decode()) == ("Basic", f"{ACCOUNT}:{TOKEN}")


class Described:
    """A source as WhatsApp's: the provider is asked where the medium is, and states its checksum."""

    def __init__(self, server: Server, sha256: str, errors: Sequence[Exception] = ()) -> None:
        self.server = server
        self.sha256 = sha256
        self.errors = list(errors)
        self.asked: list[str] = []

    def locate(self, attachment: Attachment, address: str) -> Located:
        self.asked.append(address)
        if self.errors:
            raise self.errors.pop(0)
        return Located(f"{self.server.url}/{attachment.source}", (self.server.url,), sha256=self.sha256)


def kept_from(desk: Desk, source: Described) -> Kept:
    source.server.answers["/id1"] = file(JPEG)
    media = Media(settings_of(desk.url, desk.folder), {"whatsapp": source}, TEXTS)
    return media.keep(desk.turn(Attachment("image", "id1", "image/jpeg"), channel="whatsapp"))[0]


def test_a_checksum_is_believed_in_hex_and_base64(desk: Desk, server: Server) -> None:
    digest = hashlib.sha256(JPEG)
    source = Described(server, digest.hexdigest())
    assert kept_from(desk, source).state == "kept"
    assert source.asked == ["+4940/+4917"]
    other = Desk(server, desk.folder.parent / "second")
    assert kept_from(other, Described(server, base64.b64encode(digest.digest()).decode())).state == "kept"


def test_another_checksum_than_the_providers_is_refused(desk: Desk, server: Server) -> None:
    kept = kept_from(desk, Described(server, hashlib.sha256(PNG).hexdigest()))
    assert (kept.state, kept.why) == ("refused", "type")
    assert not desk.files()


def test_a_provider_that_cannot_say_where_is_asked_again_if_that_helps(desk: Desk, server: Server) -> None:
    assert kept_from(desk, Described(server, "", [NotTaken("busy")])).state == "kept"
    other = Desk(server, desk.folder.parent / "second")
    kept = kept_from(other, Described(server, "", [Refused("unknown id")]))
    assert (kept.state, kept.why) == ("refused", "source")


@pytest.mark.parametrize(
    ("language", "kinds", "said"),
    [
        ("de", ["image"], "Danke, Ihr Foto ist angekommen."),
        ("en", ["image"], "Thank you, your photo has arrived."),
        ("de", ["image", "image"], "Danke, Ihre 2 Fotos sind angekommen."),
        ("de", ["image", "document"], "Danke, Ihre 2 Dateien sind angekommen."),
        ("de", ["document"], "Danke, Ihr Dokument „Rechnung.pdf“ ist angekommen."),
        ("en", ["video"], "Thank you, your video has arrived."),
        ("de", ["sticker"], "Danke für den Sticker! Was kann ich für Sie tun?"),
        ("de", ["voice"], "Ihre Sprachnachricht konnte ich leider nicht verstehen. "
         "Bitte schreiben Sie mir oder rufen Sie uns an: +49 40 66969000"),
    ],
)  # fmt: skip
def test_the_customer_is_told_what_arrived(desk: Desk, language: str, kinds: list[str], said: str) -> None:
    contents = {"image": JPEG, "document": PDF, "video": MP4, "voice": OPUS, "sticker": PNG}
    attachments = []
    for number, kind in enumerate(kinds):
        desk.serves(contents[kind], number=number)
        attachments.append(desk.attachment(kind, number=number, name="../../Rechnung.pdf"))
    media, turn = desk.media(), desk.turn(*attachments)
    assert media.named(turn, media.keep(turn), language) == said


def test_what_arrived_and_what_did_not_are_told_together_and_once(desk: Desk, server: Server) -> None:
    for number, content in enumerate((JPEG, b"MZ", b"MZ", JPEG + b"\0" * 1024 * 1024)):
        desk.serves(content, number=number)
    media, turn = desk.media(most_megabytes=1), desk.turn(*(desk.attachment("image", number=n) for n in range(4)))
    assert media.named(turn, media.keep(turn), "de").splitlines() == [
        "Danke, Ihr Foto ist angekommen.",
        "Ihre Datei konnte ich leider nicht lesen. Bitte schicken Sie sie als Foto oder als PDF.",
        "Ihre Datei ist leider zu groß. Bitte schicken Sie höchstens 1 Megabyte.",
    ]


ARRIVALS = st.builds(
    Arrival,
    kind=st.sampled_from(
        ["image", "document", "audio", "voice", "video", "sticker", "contact", "unsupported", "failed", "hologram"]
    ),
    state=st.sampled_from(["kept", "refused", "failed"]),
    why=st.sampled_from(["", "type", "too_large", "slow"]),
    name=st.sampled_from(["", "a.pdf", "{phone}.pdf", "{nothing}"]),
    is_heard=st.booleans(),
)


@given(st.lists(ARRIVALS, max_size=5), st.sampled_from(["de", "en"]), st.sampled_from(["", "+494066969000", "4040"]))
def test_whatever_came_the_customer_is_told_unless_it_was_heard(
    arrivals: list[Arrival], language: str, phone: str
) -> None:
    said = told(TEXTS, arrivals, language, Details(phone, 16))
    assert bool(said) == any(not arrival.is_heard for arrival in arrivals)
    named = [arrival.name for arrival in arrivals if arrival.name]
    assert not re.search(r"\{(name|count|megabytes)\}", said)
    assert "{" not in said or any(name in said for name in named)


@pytest.mark.parametrize(
    ("given_name", "clean"),
    [
        ("Rechnung März.pdf", "Rechnung März.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\Foto.jpg", "Foto.jpg"),
        ("photo\u202egpj.exe", "photogpj.exe"),
        ("a\x00b\r\nc\t d.pdf", "ab c d.pdf"),
        ("zero\u200bwidth\ufeff.pdf", "zerowidth.pdf"),
        ("Ma\u0308rz.pdf", "März.pdf"),
        ("..", ""),
        (".htaccess", "htaccess"),
        ("   ", ""),
        ("", ""),
        ("x" * 100 + ".pdf", "x" * 55 + "…" + ".pdf"),
        ("x" * 100 + "." + "y" * 50, "x" * 59 + "…"),
    ],
)
def test_a_files_name_is_told_without_its_tricks(given_name: str, clean: str) -> None:
    assert clean_name(given_name) == clean


@given(st.text(max_size=200))
def test_whatever_the_name_it_is_short_one_line_and_without_folders(name: str) -> None:
    clean = clean_name(name)
    assert len(clean) <= 60
    assert not set(clean) & set("/\\\n\r\t\0\u202e\u2066\u200b")
    assert clean == clean.strip()


def test_a_voice_note_becomes_the_turns_words_once(desk: Desk, server: Server) -> None:
    heard.clear()
    desk.serves(OPUS)
    turn = desk.turn(desk.attachment("voice", "audio/ogg; codecs=opus"))
    media = desk.media(transcriber="tests.test_media:transcribe")
    kept = media.keep(turn)
    assert media.text_of(turn, kept) == "restart Wo ist mein Paket?"
    assert media.named(turn, kept, "de") == ""
    assert desk.media(transcriber="tests.test_media:transcribe").keep(turn) == kept
    assert heard == [("audio/ogg", "de")]
    assert desk.rows()[0].text == "restart Wo ist mein Paket?"


def test_a_voice_note_comes_after_what_was_written(desk: Desk) -> None:
    desk.serves(OPUS)
    turn = desk.turn(desk.attachment("voice"), text="Guten Tag")
    media = desk.media(transcriber="tests.test_media:transcribe")
    assert media.text_of(turn, media.keep(turn)) == "Guten Tag\nrestart Wo ist mein Paket?"


@pytest.mark.parametrize(
    "name", ["", "transcribe_nothing", "transcribe_badly", "transcribe_and_leave", "transcribe_a_number"]
)
def test_a_voice_note_that_is_not_understood_is_answered_as_without_a_transcriber(desk: Desk, name: str) -> None:
    desk.serves(OPUS)
    turn = desk.turn(desk.attachment("voice"))
    media = desk.media(transcriber=f"tests.test_media:{name}" if name else "")
    kept = media.keep(turn)
    assert kept[0].state == "kept"
    assert media.text_of(turn, kept) == ""
    assert "Sprachnachricht" in media.named(turn, kept, "de")


def test_a_transcriber_that_hangs_costs_its_time_and_no_more() -> None:
    released = threading.Event()

    def hang(_file: Path, _media_type: str, _language: str) -> str | None:
        released.wait(10)
        return "zu spät"

    transcriber = Transcriber(hang, at_once=2)
    began = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        said = list(pool.map(lambda _: transcriber.text(Path("a.ogg"), "audio/ogg", "de", seconds=0.3), range(4)))
    assert said == [""] * 4
    assert time.monotonic() - began < 2
    released.set()
    assert transcriber.text(Path("a.ogg"), "audio/ogg", "de", seconds=5) == "zu spät"


@pytest.mark.parametrize(
    "name",
    [
        "tests.test_media",
        ":transcribe",
        "tests.no_such_module:transcribe",
        "tests.test_media:no_such_function",
        "tests.test_media:NO_FUNCTION",
        "tests.test_media:transcribe_without_language",
    ],
)
def test_a_transcriber_that_cannot_be_used_is_told_at_start(desk: Desk, name: str) -> None:
    with pytest.raises(SettingsError, match="transcriber") as told_error:
        desk.media(transcriber=name)
    assert "messaging.media.transcriber" in told_error.value.todo


def test_without_a_name_there_is_no_transcriber() -> None:
    assert load_transcriber("") is None
