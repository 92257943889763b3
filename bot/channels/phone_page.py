"""The simulated phone in the browser, for demonstrations: the page, and an API that plays Twilio on our side.

The browser never sees a secret: it says what the caller does, and `voice.phone` makes signed requests of it, in this
process, to the portal's own webhooks. A call is known by an id that cannot be guessed and is forgotten when it is over
for a while; the page itself waits for pauses and asks for the next part.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import msgspec
import phonenumbers
from flask import Blueprint, Flask, Response, request, send_from_directory
from twilio.request_validator import HMAC_SHA1

from bot.channels.base import json_answer, json_body
from bot.errors import BadRequest
from bot.settings import Settings
from voice.phone import WITHHELD, Call, Heard, Line, NotListening

STATIC = Path(__file__).parent / "static" / "phone"
MOST_CALLS = 50
IDLE_SECONDS = 30 * 60
LONGEST_SPEECH = 500
MOST_KEYS = 32


class CallRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Begin a call; `caller` is an E.164 number, empty for a withheld one."""

    caller: str = ""


class InputRequest(msgspec.Struct, forbid_unknown_fields=True):
    """What the caller does: `kind` is speech, keys, silence or hangup; `confidence` is the recogniser's."""

    kind: str
    text: str = ""
    confidence: float | None = 0.92


@dataclass
class OpenCall:
    """A call with the lock that keeps its steps apart."""

    call: Call
    lock: threading.Lock = field(default_factory=threading.Lock)
    used: float = field(default_factory=time.monotonic)


def add_phone_page(app: Flask, settings: Settings) -> None:
    """Show the phone page in a demo's application."""
    key, algorithm = settings.twilio_signing
    line = inner_line(
        app,
        public_url=settings.public_url,
        account=settings.twilio_account,
        token=key,
        number=settings.twilio_number,
        algorithm=algorithm,
    )
    app.register_blueprint(PhonePage(line, settings.portal.company.name).blueprint())


def inner_line(
    app: Flask, *, public_url: str, account: str, token: str, number: str, algorithm: str = HMAC_SHA1
) -> Line:
    """A line to the portal in this process: whole requests, without the network."""
    client = httpx.Client(transport=httpx.WSGITransport(app=app))
    return Line(client, public_url, account, token, number, algorithm=algorithm)


class PhonePage:
    """The page and its API."""

    def __init__(self, line: Line, company: str) -> None:
        self._line = line
        self._company = company
        self._calls: dict[str, OpenCall] = {}
        self._lock = threading.Lock()

    def blueprint(self) -> Blueprint:
        """The routes below `/phone`."""
        routes = Blueprint("phone", __name__)
        routes.get("/phone")(self.page)
        routes.get("/phone/static/<path:name>")(self.static_file)
        routes.get("/phone/api/line")(self.tell_line)
        routes.post("/phone/api/calls")(self.begin)
        routes.post("/phone/api/calls/<name>/input")(self.take_input)
        routes.post("/phone/api/calls/<name>/next")(self.go_on)
        return routes

    def page(self) -> Response:
        """The telephone."""
        answer = send_from_directory(STATIC, "phone.html")
        answer.headers["Content-Security-Policy"] = "default-src 'self'; frame-ancestors 'none'"
        return answer

    def static_file(self, name: str) -> Response:
        """The page's parts."""
        return send_from_directory(STATIC, name)

    def tell_line(self) -> Response:
        """Who is called."""
        return json_answer({"company": self._company, "number": _readable(self._line.number)})

    def begin(self) -> Response:
        """Call the portal; the first part of what is heard."""
        caller = json_body(request, CallRequest).caller
        if caller and not _is_number(caller):
            raise BadRequest("caller must be a telephone number such as +491713920011", code="wrong_caller")
        name, opened = self._open(caller or WITHHELD)
        with opened.lock:
            opened.call.ring()
            return json_answer(_state(name, opened.call, opened.call.advance()), 201)

    def take_input(self, name: str) -> Response:
        """Speech, keys, silence or hang-up; the first part of what is heard then."""
        asked = json_body(request, InputRequest)
        opened = self._find(name)
        with opened.lock:
            before = len(opened.call.heard)
            try:
                _input(opened.call, asked)
            except NotListening as error:
                raise BadRequest(error.what, status=409, code="not_listening") from error
            if opened.call.due:
                opened.call.advance()
            return json_answer(_state(name, opened.call, opened.call.heard[before:]))

    def go_on(self, name: str) -> Response:
        """The next part, after a redirect."""
        opened = self._find(name)
        with opened.lock:
            heard = opened.call.advance() if opened.call.due else []
            return json_answer(_state(name, opened.call, heard))

    def _open(self, caller: str) -> tuple[str, OpenCall]:
        self._forget_old()
        opened = OpenCall(Call(self._line, caller=caller, wait=_page_waits))
        name = secrets.token_urlsafe(16)
        with self._lock:
            self._calls[name] = opened
        return name, opened

    def _find(self, name: str) -> OpenCall:
        with self._lock:
            opened = self._calls.get(name)
        if opened is None:
            raise BadRequest("there is no such call", status=404, code="no_call")
        opened.used = time.monotonic()
        return opened

    def _forget_old(self) -> None:
        """Hang up what nobody uses, and the longest unused when there are too many."""
        with self._lock:
            names = sorted(self._calls, key=lambda name: self._calls[name].used)
            lately = time.monotonic() - IDLE_SECONDS
            surplus = len(names) - MOST_CALLS + 1
            old = [name for place, name in enumerate(names) if place < surplus or self._calls[name].used < lately]
            gone = [self._calls.pop(name) for name in old]
        for opened in gone:
            with opened.lock:
                opened.call.hang_up()


def _page_waits(_seconds: float) -> None:
    """The page plays pauses; no thread of the server waits."""


def _input(call: Call, asked: InputRequest) -> None:
    kinds: dict[str, Callable[[], None]] = {
        "speech": lambda: call.speak(_limited(asked.text, LONGEST_SPEECH), asked.confidence),
        "keys": lambda: call.press(_limited(asked.text, MOST_KEYS)),
        "silence": call.stay_silent,
        "hangup": call.hang_up,
    }
    if asked.kind not in kinds:
        raise BadRequest(f"kind must be {', '.join(kinds)}", code="wrong_kind")
    kinds[asked.kind]()


def _limited(text: str, longest: int) -> str:
    if not text.strip() or len(text) > longest:
        raise BadRequest(f"text must have 1 to {longest} characters", code="wrong_text")
    return text


def _state(name: str, call: Call, heard: list[Heard]) -> dict[str, Any]:
    """What the page needs: `due` asks it to fetch the next part, `listening` to let the caller speak or press."""
    listening = call.listening
    return {
        "id": name,
        "ended": call.ended,
        "due": call.due,
        "heard": [msgspec.to_builtins(each) for each in heard],
        "listening": listening
        and {
            "speech": listening.speech,
            "keys": listening.keys,
            "digits": listening.digits,
            "finish_key": listening.finish_key,
            "timeout": listening.timeout,
            "language": listening.language,
        },
    }


def _is_number(text: str) -> bool:
    try:
        return text.startswith("+") and phonenumbers.is_possible_number(phonenumbers.parse(text))
    except phonenumbers.NumberParseException:
        return False


def _readable(number: str) -> str:
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
