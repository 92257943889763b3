"""Twilio at the wire: signed forms into an app with the channel, and a server that takes what is sent.

The server checks every request against Twilio's own OpenAPI (`bot/sandbox/specs`).
"""

from __future__ import annotations

import base64
import functools
import json
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from flask import Flask, Response, request
from twilio.request_validator import RequestValidator
from werkzeug.test import TestResponse

from bot.channels.events import Event
from bot.channels.outlet import Delivery, Form
from bot.channels.twilio import Twilio
from bot.channels.twilio_outlet import TwilioOutlet
from bot.errors import StoreError
from bot.sandbox.spec import content_problem, twilio_message_problem
from bot.settings import Settings, load_settings
from bot.texts import Texts

PUBLIC = "https://portal.example.com"
TOKEN = "0123456789abcdef0123456789abcdef"
ACCOUNT = "AC" + "1" * 32
OURS = "+494066969000"
THEIRS = "+491713920011"
ADDRESS = f"{OURS}/{THEIRS}"


@functools.cache
def texts() -> Texts:
    """The domain's texts, read once."""
    return Texts.load()


def settings_for(api: str = "", **more: str) -> Settings:
    """Settings with Twilio's secrets; `api` is where its API is."""
    return load_settings(
        {
            "SPRACHPORTAL_SECRET_KEY": "a-secret-for-the-tests",
            "SPRACHPORTAL_PUBLIC_URL": PUBLIC,
            "TWILIO_ACCOUNT_SID": ACCOUNT,
            "TWILIO_AUTH_TOKEN": TOKEN,
            "TWILIO_API_URL": api,
            **more,
        }
    )


@dataclass
class Collected:
    """An intake that keeps the events; a broken one keeps nothing."""

    events: list[Event] = field(default_factory=list)
    is_broken: bool = False

    def take(self, events: list[Event]) -> None:
        """Keep them."""
        if self.is_broken:
            raise StoreError("the database is away")
        self.events += events

    def only(self) -> Event:
        """The one event that came."""
        assert len(self.events) == 1
        return self.events[0]


class Wire:
    """An app with the two routes; errors that nobody handles are raised."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.intake = Collected()
        self.twilio = Twilio(settings or settings_for(), self.intake, texts=texts(), known=lambda _channel, _sid: False)
        self.outlets = {outlet.name: outlet for outlet in self.twilio.outlets}
        self.app = Flask(__name__)
        self.app.testing = True
        self._add_routes()

    def _add_routes(self) -> None:
        @self.app.post("/webhooks/twilio")
        def webhook() -> Response:
            return self.twilio.webhook(request)

        @self.app.post("/webhooks/twilio/status")
        def status() -> Response:
            return self.twilio.status(request)

    def post(
        self, form: Mapping[str, Any], path: str = "/webhooks/twilio", signature: str | None = None
    ) -> TestResponse:
        """A form as Twilio sends it; `signature` replaces the right one, none at all when it is empty."""
        signed = RequestValidator(TOKEN).compute_signature(PUBLIC + path, form) if signature is None else signature
        return self.app.test_client().post(path, data=form, headers={"X-Twilio-Signature": signed} if signed else {})


def message(**more: str) -> dict[str, str]:
    """An incoming text message with what Twilio always sends."""
    sid = f"SM{uuid.uuid4().hex}"
    always = {"MessageSid": sid, "SmsSid": sid, "SmsMessageSid": sid, "AccountSid": ACCOUNT, "ApiVersion": "2010-04-01"}
    return {**always, "From": THEIRS, "To": OURS, "NumMedia": "0", "NumSegments": "1", "FromCity": "", **more}


@dataclass
class Fault:
    """What the server does instead of taking the next request; `takes` says whether it is taken none the less."""

    status: int = 0
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    takes: bool = False


class FakeTwilio(ThreadingHTTPServer):
    """Twilio's API on a free port of this machine; `messages` are those taken, `faults` are used up in order."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.messages: list[dict[str, Any]] = []
        self.contents: dict[str, dict[str, Any]] = {}
        self.faults: list[Fault] = []
        self.content_faults: list[Fault] = []
        self.asked: list[str] = []
        self.problems: list[str] = []

    @property
    def url(self) -> str:
        """Its base."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def take(self, form: dict[str, list[str]]) -> dict[str, Any]:
        """Keep a message, as Twilio lists it."""
        problem = twilio_message_problem(form)
        if problem:
            self.problems.append(problem)
        sent = {
            name: values if name in ("MediaUrl", "PersistentAction") else values[0] for name, values in form.items()
        }
        kept = {
            "sid": f"SM{uuid.uuid4().hex}",
            "body": sent.get("Body", ""),
            "direction": "outbound-api",
            "date_created": formatdate(),
            "sent": sent,
        }
        self.messages.insert(0, kept)
        return kept


class Handler(BaseHTTPRequestHandler):
    """One request; sends nothing and hangs up for a fault without a status."""

    server: FakeTwilio
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path, asked = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        self.server.asked.append(f"GET {path}")
        if not self._is_let_in() or (self.server.faults and self._fail(self.server.faults.pop(0))):
            return
        if path == "/v1/Content":
            contents = [{"sid": sid, **content} for sid, content in self.server.contents.items()]
            self._answer(200, {"contents": contents})
            return
        fitting = [one for one in self.server.messages if one["sent"]["To"] == asked["To"][0]]
        self._answer(200, {"messages": [one for one in fitting if one["sent"]["From"] == asked["From"][0]]})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append(f"POST {self.path}")
        if not self._is_let_in():
            return
        if self.path == "/v1/Content":
            self._make_content(json.loads(body))
        else:
            assert self.path == f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
            self._take_message(parse_qs(body.decode(), keep_blank_values=True, strict_parsing=True))

    def _take_message(self, form: dict[str, list[str]]) -> None:
        fault = self.server.faults.pop(0) if self.server.faults else None
        kept = self.server.take(form) if fault is None or fault.takes else {}
        if fault is None or not self._fail(fault):
            self._answer(201, kept)

    def _make_content(self, content: dict[str, Any]) -> None:
        if self.server.content_faults and self._fail(self.server.content_faults.pop(0)):
            return
        problem = content_problem(content)
        if problem:
            self.server.problems.append(problem)
        sid = f"HX{uuid.uuid4().hex}"
        self.server.contents[sid] = content
        self._answer(201, {"sid": sid})

    def _is_let_in(self) -> bool:
        right = "Basic " + base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        if self.headers["Authorization"] != right:
            self._answer(401, {"code": 20003})
        return bool(self.headers["Authorization"] == right)

    def _fail(self, fault: Fault) -> bool:
        if fault.status:
            self._answer(fault.status, fault.body, fault.headers)
        else:
            self.close_connection = True
        return True

    def _answer(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        packed = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(packed))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(packed)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def fake_twilio() -> Iterator[FakeTwilio]:
    """The server, running."""
    with FakeTwilio() as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


def outlets(
    api: str, known: frozenset[str] = frozenset(), transport: httpx.BaseTransport | None = None
) -> dict[str, TwilioOutlet]:
    """The three channels towards this API by name; `known` are the ids of other deliveries."""
    channel = Twilio(
        settings_for(api),
        Collected(),
        texts=texts(),
        known=lambda _channel, sid: sid in known,
        transport=transport,
    )
    return {outlet.name: outlet for outlet in channel.outlets}


def delivery(form: Form, channel: str = "sms", address: str = ADDRESS) -> Delivery:
    """A form on its way."""
    return Delivery(uuid.uuid4().hex, channel, address, form)
