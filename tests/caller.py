"""A portal with a fake engine on a fresh database, and somebody who calls it over signed requests.

A test module that imports the fixtures from here has `engine`, `portal` and `caller`, who has heard the greeting.
"""

from __future__ import annotations

import uuid
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urldefrag

import msgspec
import pytest
from sqlalchemy import select, text
from twilio.request_validator import RequestValidator
from werkzeug.test import TestResponse

from bot.app import Portal, create_app
from bot.bell import Bell
from bot.conversation import Conversations
from bot.database import connect, migrate, transaction
from bot.locks import open_locks
from bot.settings import Settings, load_settings
from bot.store import Store
from bot.tables import EffectRow
from bot.texts import Texts
from tests.fakes import FakeEngine
from voice.calls import Calls
from voice.phone_twiml import read_twiml

PUBLIC = "https://portal.example.com"
TOKEN = "0123456789abcdef0123456789abcdef"
ACCOUNT = "AC" + "1" * 32
NUMBER = "+494066969000"
CALLER = "+491713920011"
HUMAN = "+494012345678"
PATIENT, HASTY = 3.0, 0.3


def settings_for(database: str, **voice: Any) -> Settings:
    """The project's settings with a telephone; `voice` replaces settings of it."""
    settings = load_settings(
        {
            "DATABASE_URL": database,
            "SPRACHPORTAL_SECRET_KEY": "a-secret-for-the-tests",
            "SPRACHPORTAL_PUBLIC_URL": PUBLIC,
            "TWILIO_ACCOUNT_SID": ACCOUNT,
            "TWILIO_AUTH_TOKEN": TOKEN,
        }
    )
    changed = msgspec.structs.replace(settings.portal.voice, **voice)
    return msgspec.structs.replace(settings, portal=msgspec.structs.replace(settings.portal, voice=changed))


@cache
def migrated_file() -> bytes:
    """A SQLite file with the portal's tables, made once."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "portal.db"
        url = f"sqlite:///{file}"
        migrate(url)
        with connect(url).connect() as opened:
            opened.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connect(url).dispose()
        return file.read_bytes()


def empty_database(folder: Path) -> str:
    """The URL of a new database in this folder."""
    file = folder / f"{uuid.uuid4().hex}.db"
    file.write_bytes(migrated_file())
    return f"sqlite:///{file}"


def portal_with(
    engine: FakeEngine, folder: Path, *, texts: Texts | None = None, database: str = "", key: str = "", **voice: Any
) -> Portal:
    """A portal around the engine, patient with it; pass `wait_seconds=HASTY` for an engine that does not answer."""
    database = database or empty_database(folder)
    settings = settings_for(database, **{"wait_seconds": PATIENT, **voice})
    settings = msgspec.structs.replace(settings, twilio_webhook_key=key)
    conversations = Conversations(
        Store(database), engine, texts or Texts.load(), Bell(), open_locks(database), lambda _text: None, deadline=0.6
    )
    portal = create_app(settings, conversations)
    portal.start()
    return portal


@pytest.fixture(name="engine")
def healthy_engine() -> FakeEngine:
    """An engine that says what it was told."""
    return FakeEngine()


@pytest.fixture(name="portal")
def ready_portal(engine: FakeEngine, tmp_path: Path) -> Iterator[Portal]:
    """A portal that can be called."""
    ready = portal_with(engine, tmp_path)
    yield ready
    engine.go_on()
    ready.stop()


@pytest.fixture(name="caller")
def greeted_caller(portal: Portal) -> Caller:
    """Somebody who has heard the greeting."""
    calling = Caller(portal)
    calling.ring()
    return calling


@dataclass
class Caller:
    """A call: each method is one signed request as Twilio sends it; `said` is what was heard."""

    portal: Portal
    number: str = CALLER
    sid: str = field(default_factory=lambda: f"CA{uuid.uuid4().hex}")
    url: str = f"{PUBLIC}/webhooks/voice"
    last: tuple[str, dict[str, str]] = ("", {})
    said: str = ""
    answers: list[TestResponse] = field(default_factory=list)

    def ring(self) -> str:
        """The first request."""
        return self.post(CallStatus="ringing")

    def speak(self, text: str, confidence: float | str | None = 0.9) -> str:
        """Speech that was recognised."""
        sure = {} if confidence is None else {"Confidence": str(confidence)}
        return self.post(SpeechResult=text, **sure)

    def press(self, keys: str) -> str:
        """Keys."""
        return self.post(Digits=keys)

    def silent(self) -> str:
        """Nothing was heard, or a redirect was followed."""
        return self.post()

    def until_asked(self, most: int = 12) -> str:
        """Follow redirects until the call listens, dials or ends; everything heard."""
        heard = [self.said]
        while self.verbs()[-1] == "Redirect" and "Gather" not in self.verbs() and most:
            heard.append(self.silent())
            most -= 1
        return " ".join(heard)

    def post(self, **more: str) -> str:
        """One request with these parameters; what is heard."""
        form = {"CallSid": self.sid, "AccountSid": ACCOUNT, "From": self.number, "To": NUMBER, "FromCity": ""}
        form |= {"CallStatus": "in-progress", **more}
        self.last = (self.url, form)
        answer = deliver(self.portal, self.url, form)
        return self.take(answer)

    def again(self) -> TestResponse:
        """The same request once more, as a retry."""
        return deliver(self.portal, *self.last)

    def take(self, answer: TestResponse) -> str:
        """Hear an answer, checked as Twilio checks it, and go where it leads."""
        assert answer.status_code == 200, answer.status_code
        self.answers.append(answer)
        verbs = read_twiml(answer.data, answer.headers["Content-Type"])
        assert verbs
        self.said = " ".join(" ".join(" ".join(say.itertext()).split()) for verb in verbs for say in verb.iter("Say"))
        for verb in verbs:
            following = verb.get("action") or (verb.text if verb.tag == "Redirect" else None)
            if following:
                self.url = PUBLIC + urldefrag(following).url
        return self.said

    def tree(self) -> ET.Element:
        """The last answer."""
        return ET.fromstring(self.answers[-1].data)

    def verbs(self) -> list[str]:
        """The verbs of the last answer."""
        return [verb.tag for verb in self.tree()]

    def gather(self) -> dict[str, str]:
        """The attributes of the last answer's gather."""
        found = self.tree().find("Gather")
        assert found is not None, self.answers[-1].data
        return found.attrib

    def conversation(self) -> str:
        """The call's conversation."""
        call = Calls(self.portal.conversations.store._url).find(self.sid)
        assert call is not None
        return call.conversation

    def effects(self) -> list[dict[str, Any]]:
        """The effects of the call's conversation so far, in order."""
        with transaction(self.portal.conversations.store._url) as session:
            in_order = select(EffectRow).where(EffectRow.conversation_id == self.conversation()).order_by(EffectRow.id)
            return [{row.name: row.data} for row in session.scalars(in_order)]

    def hang_up(self, status: str = "completed") -> int:
        """The status callback; its HTTP status."""
        form = {"CallSid": self.sid, "AccountSid": ACCOUNT, "From": self.number, "CallStatus": status}
        return deliver(self.portal, f"{PUBLIC}/webhooks/voice/status", form).status_code


def told(engine: FakeEngine) -> list[tuple[str, str]]:
    """What the engine was told after the beginning of the call: text and intent."""
    turns = [turn for turn in engine.turns if not (turn.intent and turn.intent.name == "call_started")]
    return [(turn.text, turn.intent.name if turn.intent else "") for turn in turns]


@contextmanager
def table_gone(portal: Portal, table: str) -> Iterator[None]:
    """The portal's database without one of its tables."""
    url = portal.conversations.store._url
    with transaction(url) as session:
        session.execute(text(f"ALTER TABLE {table} RENAME TO {table}_gone"))
    yield
    with transaction(url) as session:
        session.execute(text(f"ALTER TABLE {table}_gone RENAME TO {table}"))


def deliver(portal: Portal, url: str, form: dict[str, str], signature: str | None = None) -> TestResponse:
    """One signed form to the portal; `signature` replaces the right one."""
    signed = RequestValidator(TOKEN).compute_signature(url, form) if signature is None else signature
    headers = {"X-Twilio-Signature": signed}
    return portal.app.test_client().post(url.removeprefix(PUBLIC), data=form, headers=headers)
