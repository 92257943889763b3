"""The simulated phone: plays Twilio's part in a call against the portal.

Every request is signed like Twilio's, carries Twilio's parameters and goes to the address that the TwiML before named.
A call has its own clock (`Call.seconds`) on which everything counts; only pauses are waited for, by `Call.wait`.

    call = Call(line, caller="+491713920011")
    call.ring()
    call.run()                # what is heard until the call listens or ends
    call.speak("wo ist mein paket")
    call.run()
"""

from __future__ import annotations

import time
import uuid
import xml.etree.ElementTree as ET
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import urldefrag, urljoin

import httpx
from twilio.request_validator import HMAC_SHA1, RequestValidator

from bot.errors import PortalError
from voice.phone_twiml import KEYS, Listening, TwimlRefused, dialled, heard_text, read_gather, read_twiml

VOICE_PATH = "/webhooks/voice"
STATUS_PATH = "/webhooks/voice/status"
TWILIO_SECONDS = 15.0
CHARACTERS_PER_SECOND = 15
MOST_DOCUMENTS = 40
WITHHELD = "anonymous"
PLACES = ("City", "State", "Zip", "Country")


class NotListening(PortalError):
    """The call does not take this input now."""


@dataclass(frozen=True)
class Heard:
    """Something that happened in the caller's ear.

    `kind` is say, play, pause, dial, hangup or problem (what Twilio would not have played); `text` the words, the
    address or the number; `language` a BCP 47 code; `seconds` how long a pause lasts.
    """

    kind: str
    text: str = ""
    language: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Exchange:
    """A request to the portal with its answer; `seconds` is how long the portal took."""

    url: str
    form: dict[str, str]
    status: int
    body: bytes
    seconds: float


@dataclass(frozen=True)
class Line:
    """What connects phone and portal: `public_url` is signed, `send_to` (or it) is asked. No slash at the end.

    `token` and `algorithm` are what the portal checks signatures with (`Settings.twilio_signing`).
    """

    client: httpx.Client
    public_url: str
    account: str
    token: str
    number: str
    send_to: str = ""
    algorithm: str = HMAC_SHA1

    def post(self, url: str, form: dict[str, str]) -> tuple[Exchange, str]:
        """One signed request as Twilio sends it; the exchange and the answer's content type."""
        url = urldefrag(url).url
        if url != self.public_url and not url.startswith(f"{self.public_url}/"):
            raise TwimlRefused(11210, "the address is not the portal's")
        headers = {
            "X-Twilio-Signature": RequestValidator(self.token).compute_signature(url, form, self.algorithm),
            "I-Twilio-Idempotency-Token": str(uuid.uuid4()),
            "User-Agent": "TwilioProxy/1.1",
        }
        target = (self.send_to or self.public_url) + url.removeprefix(self.public_url)
        began = time.monotonic()
        try:
            answer = self.client.post(target, data=form, headers=headers, timeout=TWILIO_SECONDS)
        except httpx.HTTPError as error:
            raise TwimlRefused(11205, f"no answer from the portal ({type(error).__name__})") from error
        exchange = Exchange(url, form, answer.status_code, answer.content, time.monotonic() - began)
        return exchange, answer.headers.get("Content-Type", "")


@dataclass
class Call:
    """One call. Inputs make a request due; `advance` makes it and plays one document of the answer.

    `dial_status` is what comes of a `<Dial>`: the simulated phone reaches nobody unless it is told otherwise.
    """

    line: Line
    caller: str = WITHHELD
    dial_status: str = "no-answer"
    wait: Callable[[float], None] = time.sleep
    sid: str = field(default_factory=lambda: f"CA{uuid.uuid4().hex}")
    status: str = "ringing"
    seconds: float = 0.0
    listening: Listening | None = None
    heard: list[Heard] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)
    _due: tuple[str, dict[str, str]] | None = None
    _verbs: deque[ET.Element] = field(default_factory=deque)
    _url: str = ""
    _documents: int = 0

    @property
    def due(self) -> bool:
        """Whether a request or the rest of a document waits for `advance`."""
        return not self.ended and (self._due is not None or (self.listening is None and self._url != ""))

    @property
    def ended(self) -> bool:
        """Whether nobody is on the line any more."""
        return self.status == "completed"

    def ring(self) -> None:
        """Call the portal's number."""
        self._ask(self.line.public_url + VOICE_PATH, {})

    def speak(self, text: str, confidence: float | None = 0.92) -> None:
        """Say something, as the recogniser writes it; Twilio may leave the confidence (0 to 1) away."""
        listening = self._open("speech")
        self.seconds += len(text) / CHARACTERS_PER_SECOND
        sure = {} if confidence is None else {"Confidence": f"{confidence:.4f}"}
        self._answer(listening, {"SpeechResult": text, **sure})

    def press(self, keys: str) -> None:
        """Press keys, 0 to 9, * and #, and wait until they are taken."""
        if set(keys) - set(KEYS):
            raise NotListening("a telephone has no such key", f"use {KEYS}")
        listening = self._open("keys")
        taken, at_once = listening.collect(keys)
        self.seconds += 0 if at_once else listening.timeout
        self._answer(listening, {"Digits": taken} if taken else {})

    def stay_silent(self) -> None:
        """Let the time run out."""
        listening = self._open("silence")
        self.seconds += listening.timeout
        self._answer(listening, {})

    def hang_up(self) -> None:
        """The caller goes."""
        self._end()

    def advance(self) -> list[Heard]:
        """Make the due request and play its document up to where it listens, goes on elsewhere or ends."""
        before = len(self.heard)
        try:
            self._fetch()
            self._play()
        except TwimlRefused as error:
            self.heard.append(Heard("problem", error.what))
            self._end()
        return self.heard[before:]

    def run(self) -> list[Heard]:
        """Advance until the call listens or has ended; everything heard meanwhile."""
        before = len(self.heard)
        while self.due:
            self.advance()
        return self.heard[before:]

    def repeat(self) -> Exchange:
        """Deliver the last request once more, as a retry does; nothing is played."""
        last = self.exchanges[-1]
        return self.line.post(last.url, last.form)[0]

    def _open(self, what: str) -> Listening:
        listening = self.listening
        if listening is None or not {"speech": listening.speech, "keys": listening.keys}.get(what, True):
            raise NotListening(f"the call does not listen for {what} now")
        self._documents = 0
        self.listening = None
        return listening

    def _answer(self, listening: Listening, result: dict[str, str]) -> None:
        if result or listening.ask_when_empty:
            self._ask(urljoin(self._url, listening.action), result)

    def _ask(self, url: str, more: dict[str, str]) -> None:
        self._verbs.clear()
        self._due = (url, more)

    def _fetch(self) -> None:
        if self._due is None:
            return
        (url, more), self._due = self._due, None
        self._documents += 1
        if self._documents > MOST_DOCUMENTS:
            raise TwimlRefused(11215, f"{MOST_DOCUMENTS} documents without listening once")
        exchange, content_type = self.line.post(url, self._form(more))
        self.exchanges.append(exchange)
        self.status = "in-progress"
        if exchange.status != 200:
            raise TwimlRefused(11200, f"the portal answered {exchange.status}")
        self._url = url
        self._verbs = deque(read_twiml(exchange.body, content_type))

    def _form(self, more: dict[str, str]) -> dict[str, str]:
        form = {
            "AccountSid": self.line.account,
            "ApiVersion": "2010-04-01",
            "CallSid": self.sid,
            "CallStatus": self.status,
            "Called": self.line.number,
            "Caller": self.caller,
            "Direction": "inbound",
            "From": self.caller,
            "To": self.line.number,
        }
        places = {f"{side}{place}": "" for side in ("From", "To") for place in PLACES}
        return form | places | more

    def _play(self) -> None:
        """Play verbs until one of them ends the document; Twilio hangs up when they run out."""
        while self._verbs and self._due is None and self.listening is None and not self.ended:
            verb = self._verbs.popleft()
            {
                "Say": self._say,
                "Play": self._sound,
                "Pause": self._pause,
                "Gather": self._gather,
                "Redirect": self._redirect,
                "Dial": self._dial,
                "Hangup": self._hangup,
            }[verb.tag](verb)
        if not self._verbs and self._due is None and self.listening is None and not self.ended:
            self._hangup()

    def _say(self, say: ET.Element) -> None:
        text = heard_text(say)
        self.seconds += len(text) / CHARACTERS_PER_SECOND
        self.heard.append(Heard("say", text, say.get("language", "en-US")))

    def _sound(self, sound: ET.Element) -> None:
        self.heard.append(Heard("play", urljoin(self._url, (sound.text or "").strip())))

    def _pause(self, pause: ET.Element) -> None:
        length = float(pause.get("length", "1"))
        self.seconds += length
        self.heard.append(Heard("pause", seconds=length))
        self.wait(length)

    def _gather(self, gather: ET.Element) -> None:
        for part in gather:
            {"Say": self._say, "Play": self._sound, "Pause": self._pause}[part.tag](part)
        self.listening = read_gather(gather)

    def _redirect(self, redirect: ET.Element) -> None:
        self._ask(urljoin(self._url, (redirect.text or "").strip()), {})

    def _dial(self, dial: ET.Element) -> None:
        self.heard.append(Heard("dial", dialled(dial)))
        if action := dial.get("action"):
            self._ask(urljoin(self._url, action), {"DialCallStatus": self.dial_status})

    def _hangup(self, _verb: ET.Element | None = None) -> None:
        self.heard.append(Heard("hangup"))
        self._end()

    def _end(self) -> None:
        """Everything stops; Twilio tells the portal once."""
        if self.ended:
            return
        self.status = "completed"
        self.listening, self._due = None, None
        self._verbs.clear()
        try:
            exchange, _ = self.line.post(self.line.public_url + STATUS_PATH, self._form(self._end_of_call()))
        except TwimlRefused as error:
            self.heard.append(Heard("problem", error.what))
            return
        self.exchanges.append(exchange)
        if exchange.status not in (200, 204):
            self.heard.append(Heard("problem", f"the portal answered the call's end with {exchange.status}"))

    def _end_of_call(self) -> dict[str, str]:
        return {
            "CallDuration": str(round(self.seconds)),
            "CallbackSource": "call-progress-events",
            "SequenceNumber": "0",
            "Timestamp": format_datetime(datetime.now(UTC)),
        }
