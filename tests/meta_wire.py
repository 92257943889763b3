"""Plays Meta for the tests: signed deliveries into a channel, and a Graph API that answers as told."""

from __future__ import annotations

import functools
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
from flask import Flask, Response, request
from werkzeug.test import TestResponse

from bot.channels.events import Event
from bot.channels.messenger import Messenger
from bot.channels.outlet import Delivery
from bot.channels.whatsapp import WhatsApp
from bot.errors import StoreError
from bot.messaging_settings import ProviderSettings
from bot.texts import Texts

SECRET = "an-app-secret-of-the-tests"
VERIFY = "a-word-agreed-with-meta"
NUMBER_ID = "104857600000001"
PAGE = "204857600000002"
TOKEN = "a-token-of-the-tests"
NUMBER = "491715550101"
PERSON = "7305550102030405"
USER_ID = "DE.13495550100"
TEXTS = Texts.load()


@dataclass
class Collector:
    """`Intake` that collects; `broken` is a store that does not answer."""

    events: list[Event] = field(default_factory=list)
    broken: bool = False

    def take(self, events: list[Event]) -> None:
        """Keep them."""
        if self.broken:
            raise StoreError("the store is gone")
        self.events += events


def settings(api: str = "http://127.0.0.1:9") -> ProviderSettings:
    return ProviderSettings(
        meta_secret=SECRET,
        meta_verify_token=VERIFY,
        meta_api=api,
        whatsapp_number_id=NUMBER_ID,
        whatsapp_token=TOKEN,
        messenger_page=PAGE,
        messenger_token=TOKEN,
    )


class Wire:
    """Both channels behind a Flask application, with the portal's general limit on bodies."""

    def __init__(self, given: ProviderSettings | None = None) -> None:
        self.intake = Collector()
        self.whatsapp = WhatsApp(given or settings(), self.intake, TEXTS, http=impatient())
        self.messenger = Messenger(given or settings(), self.intake, TEXTS, http=impatient())
        app = Flask(__name__)
        app.config["MAX_CONTENT_LENGTH"] = 256 * 1024
        channels = {channel.name: channel for channel in (self.whatsapp, self.messenger)}

        @app.route("/webhooks/<name>", methods=["GET", "POST"])
        def webhook(name: str) -> Response:
            return channels[name].webhook(request)

        self.app = app
        self.client = app.test_client()

    def deliver(self, name: str, update: Any, **headers: str) -> TestResponse:
        """A signed delivery; bytes go as they are, anything else as Meta writes JSON, with `\\u00e4` for ä."""
        body = update if isinstance(update, bytes) else json.dumps(update).encode()
        return self.post(name, body, **{"X-Hub-Signature-256": signed(body), **headers})

    def post(self, name: str, body: bytes, **headers: str) -> TestResponse:
        given = {"Content-Type": "application/json", **headers}
        return self.client.post(f"/webhooks/{name}", data=body, headers=given)

    def told(self, name: str, update: Any) -> list[Event]:
        """What the channel makes of a delivery."""
        before = len(self.intake.events)
        assert self.deliver(name, update).status_code == 200
        return self.intake.events[before:]


def signed(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def whatsapp(*messages: Any, field: str = "messages", number_id: str = NUMBER_ID, **value: Any) -> dict[str, Any]:
    """A delivery of WhatsApp messages; `value` adds to or replaces what stands beside them."""
    beside = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "494055500", "phone_number_id": number_id},
        "contacts": [{"profile": {"name": "Jördis"}, "wa_id": NUMBER}],
        "messages": list(messages),
    }
    change = {"field": field, "value": {**beside, **value}}
    return {"object": "whatsapp_business_account", "entry": [{"id": "3", "changes": [change]}]}


def wrote(id: str = "wamid.1", at: int = 1_760_000_000, **content: Any) -> dict[str, Any]:
    """A WhatsApp message; without content it says hello."""
    said = content or {"type": "text", "text": {"body": "Grüß Gott"}}
    return {"from": NUMBER, "id": id, "timestamp": str(at), **said}


def messenger(*events: Any, page: str = PAGE, **entry: Any) -> dict[str, Any]:
    """A delivery of Messenger events."""
    return {"object": "page", "entry": [{"id": page, "time": 1_760_000_000_000, "messaging": list(events), **entry}]}


def happened(at: int = 1_760_000_000_000, **part: Any) -> dict[str, Any]:
    """A Messenger event of our customer."""
    return {"sender": {"id": PERSON}, "recipient": {"id": PAGE}, "timestamp": at, **part}


def delivery(channel: str, form: dict[str, Any], address: str = "") -> Delivery:
    """A form on its way to our customer."""
    usual = f"{NUMBER_ID}/{NUMBER}" if channel == "whatsapp" else f"{PAGE}/{PERSON}"
    return Delivery("d1", channel, address or usual, form)


@dataclass
class Asked:
    """A request as the Graph API got it."""

    method: str
    path: str
    token: str
    body: Any


@dataclass
class Graph:
    """A Graph API on this machine: `answers` are given in order, the last one again and again; "cut" hangs up."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    answers: list[tuple[int, Any, dict[str, str]] | str] = field(default_factory=list)

    def answer(self, status: int = 200, body: Any = None, **headers: str) -> None:
        self.answers.append((status, body, {name.replace("_", "-"): value for name, value in headers.items()}))

    def refuse(self, status: int, code: int, subcode: int | None = None) -> None:
        error = {"message": f"(#{code}) Grüße an Jördis", "type": "OAuthException", "code": code}
        self.answer(status, {"error": error if subcode is None else {**error, "error_subcode": subcode}})

    def cut(self) -> None:
        self.answers.append("cut")

    def next(self) -> tuple[int, Any, dict[str, str]] | str:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def graph() -> Iterator[Graph]:
    """A running Graph API."""
    played = Graph()

    class Handler(BaseHTTPRequestHandler):
        def _play(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            sent = self.rfile.read(length)
            token = self.headers.get("Authorization", "")
            played.asked.append(Asked(self.command, self.path, token, json.loads(sent) if sent else None))
            answer = played.next()
            if isinstance(answer, str):
                self.close_connection = True
                return
            status, body, headers = answer
            told = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(told)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(told)

        do_GET = do_POST = _play

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    played.url = f"http://127.0.0.1:{server.server_port}/v23.0"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield played
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@functools.cache
def impatient() -> httpx.Client:
    """Connections that wait half a second for an answer; made once, since that takes longer than most tests."""
    return httpx.Client(timeout=0.5)
