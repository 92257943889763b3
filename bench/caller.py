"""A caller who costs little: Twilio's part of a call in a thread of its own, on one connection; every answer is timed.

The simulated phone of `voice/` checks all that Twilio checks; under load it would take the processors from the servers.
"""

from __future__ import annotations

import http.client
import itertools
import time
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urldefrag, urlencode, urljoin, urlsplit

from twilio.request_validator import RequestValidator

from bench.servers import ACCOUNT, Server

TWILIO_SECONDS = 15
MOST_FILLERS = 20
CALLED = "+494066969000"
# German numbers that are kept for films: nobody has them.
FILM_NUMBERS = ("+493023125", "+494066969", "+492214710", "+496990009", "+498999998")
FORM = "application/x-www-form-urlencoded"


class CallFailed(Exception):
    """The caller heard nothing that helps."""


@dataclass(frozen=True)
class Heard:
    """The words of one answer, and the seconds until they came."""

    words: str
    seconds: float


class Call:
    """One call; a character takes `pace` seconds to be heard. `over` is true once the server has hung up."""

    def __init__(self, server: Server, number: str, pace: float = 0.0) -> None:
        parts = urlsplit(server.base)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TWILIO_SECONDS)
        self._server = server
        self._pace = pace
        self._path = server.voice
        self._takes_keys = False
        self._call = {
            "AccountSid": ACCOUNT,
            "ApiVersion": "2010-04-01",
            "CallSid": f"CA{uuid.uuid4().hex}",
            "Direction": "inbound",
            "From": number,
            "To": CALLED,
        }
        self.over = False

    def ring(self) -> list[Heard]:
        """The greeting."""
        return self._ask({"CallStatus": "ringing"})

    def say(self, words: str) -> list[Heard]:
        """Say something: the answer, after what is said while it is awaited. Raises `CallFailed`."""
        return self._ask({"CallStatus": "in-progress", "SpeechResult": words, "Confidence": "0.9200"})

    def press(self, keys: str) -> list[Heard]:
        """Press keys, or say them where the call takes none; the rest as in `say`."""
        return self._ask({"CallStatus": "in-progress", "Digits": keys}) if self._takes_keys else self.say(keys)

    def hang_up(self) -> None:
        """The end, told to a server that wants to know. Raises `CallFailed`."""
        if self._server.voice_status:
            self._post(self._server.voice_status, {"CallStatus": "completed"})
        self._connection.close()

    def _ask(self, more: dict[str, str]) -> list[Heard]:
        heard = []
        for _ in range(MOST_FILLERS):
            began = time.perf_counter()
            document = self._post(self._path, more)
            heard.append(Heard(_words(document), time.perf_counter() - began))
            time.sleep(self._pace * len(heard[-1].words))
            if not self._follow(document):
                return heard
            more = {"CallStatus": "in-progress"}
        raise CallFailed(f"{MOST_FILLERS} answers without listening")

    def _follow(self, document: ET.Element) -> bool:
        """Take where the call goes on; whether it goes on by itself."""
        gather, redirect = document.find("Gather"), document.find("Redirect")
        if gather is not None:
            self._path = self._below(gather.get("action", ""))
            self._takes_keys = "dtmf" in gather.get("input", "dtmf")
        elif redirect is not None:
            self._path = self._below(redirect.text or "")
        else:
            self.over = True
        return gather is None and redirect is not None

    def _below(self, address: str) -> str:
        return urldefrag(urljoin(self._server.base + self._path, address)).url.removeprefix(self._server.base)

    def _post(self, path: str, more: dict[str, str]) -> ET.Element:
        form = self._call | more
        headers = {"Content-Type": FORM}
        if token := self._server.twilio_token:
            headers["X-Twilio-Signature"] = RequestValidator(token).compute_signature(self._server.base + path, form)
        try:
            self._connection.request("POST", path, urlencode(form), headers)
            answer = self._connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise CallFailed(type(error).__name__) from error
        return _document(answer.status, body)


def numbers() -> Iterator[str]:
    """Another caller's number each time, until all of them have called."""
    return itertools.cycle(f"{begins}{last:03d}" for last in range(1000) for begins in FILM_NUMBERS)


def _document(status: int, body: bytes) -> ET.Element:
    if status == http.client.NO_CONTENT:
        return ET.Element("Response")
    if status != http.client.OK:
        raise CallFailed(f"status {status}")
    try:
        return ET.fromstring(body)
    except ET.ParseError as error:
        raise CallFailed("no XML") from error


def _words(document: ET.Element) -> str:
    words = " ".join("".join(say.itertext()) for say in document.iter("Say"))
    if not words.strip():
        raise CallFailed("no words")
    return words
