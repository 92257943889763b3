"""The telephone through Twilio: each request of a call is a step, answered with TwiML once, whatever fails behind it.

Source: https://www.twilio.com/docs/voice/twiml. Twilio waits 15 s in all and drops the call on an error page.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar
from urllib.parse import urlsplit

from flask import Request, Response

from bot.channels.twilio_signature import Form, Signature
from bot.conversation import Conversations
from bot.errors import BadRequest, Unauthorized
from bot.logs import place
from bot.settings import Settings
from bot.turns import utc_now
from voice import twiml
from voice.calls import Call, Calls
from voice.conduct import Conduct
from voice.emergency import Emergency
from voice.numbers import caller_number
from voice.script import Heard, Script

log = logging.getLogger(__name__)
PATH = "/webhooks/voice"
# Retried by Twilio when no answer came: each step is answered once, so that a retry is harmless.
OVERRIDES = "#rc=2&rt=6000&rp=ct,rt,5xx"
WAY_OUT = "way_out"
CALL_SID = re.compile(r"CA[0-9a-f]{32}")
SINGLETONS = (
    *("CallSid", "AccountSid", "From", "To", "CallStatus", "Direction", "ApiVersion"),
    *("Digits", "SpeechResult", "Confidence", "DialCallStatus"),
)
OVER = ("completed", "busy", "failed", "no-answer", "canceled")
MOST_STEP_DIGITS = 6
MOST_SECONDS = 4.0
STEPS_FOR_A_WAY_OUT = 20
T = TypeVar("T")


@dataclass(frozen=True)
class Event:
    """A request of a call: its step (0 for the first), what was heard, whether the call is over.

    `is_way_out` says that it follows a step that broke.
    """

    sid: str
    number: str | None
    step: int
    heard: Heard
    is_over: bool
    is_way_out: bool
    digest: str


class Voice:
    """The voice channel; `wake` has a conversation's waiting turns handled in the background."""

    name = "voice"

    def __init__(self, conversations: Conversations, wake: Callable[[str], None], settings: Settings) -> None:
        self._store = conversations.store
        self._calls = Calls(settings.database_url)
        self._script = Script(settings.portal, conversations.texts)
        self._conduct = Conduct(conversations, wake, self._script)
        self._voice = settings.portal.voice
        self._account = settings.twilio_account
        key, algorithm = settings.twilio_signing
        self._signature = Signature(key, settings.public_url, algorithm)
        self._url = f"{urlsplit(settings.public_url).path}{PATH}"
        self._emergency = Emergency(self._script)
        self._locks = conversations.locks
        self._steps = ThreadPoolExecutor(settings.portal.server.threads, thread_name_prefix="calls")

    def webhook(self, request: Request) -> Response:
        """One step of a call."""
        try:
            event = self._event(self._signature.verified(request), request.args)
        except BadRequest as error:
            return Response(status=error.status)
        try:
            answer = self._in_time(self._answer, event)
        except Exception as error:
            log.error("call %s, step %d: %s", event.sid, event.step, place(error))
            answer = self._way_out(event)
        return Response(answer, content_type=twiml.CONTENT_TYPE)

    def status(self, request: Request) -> Response:
        """What became of a call; only its end counts, and only of a call that we know."""
        try:
            event = self._event(self._signature.verified(request), {})
        except BadRequest as error:
            return Response(status=error.status)
        if event.is_over:
            try:
                self._in_time(self._end, event)
            except Exception as error:
                log.error("end of call %s: %s", event.sid, place(error))
        return Response(status=204)

    def _in_time(self, act: Callable[[Event], T], event: Event) -> T:
        """What `act` gives, one request of a call after the other; `TimeoutError` when the caller has waited enough.

        What hangs goes on without its caller; a step that it completes is found by the next request.
        """

        def alone() -> T:
            with self._locks.of(f"call:{event.sid}"):
                return act(event)

        future = self._steps.submit(alone)
        try:
            return future.result(MOST_SECONDS)
        finally:
            future.cancel()

    def _event(self, form: Form, query: Mapping[str, str]) -> Event:
        """The request, checked: an ambiguous or foreign one is refused."""
        for name in SINGLETONS:
            if len(form.getlist(name)) > 1:
                raise BadRequest(f"{name} is there more than once")
        if form.get("AccountSid") != self._account:
            raise Unauthorized("another account", status=403)
        sid, step = form.get("CallSid", ""), query.get("step", "")
        if not CALL_SID.fullmatch(sid):
            raise BadRequest("CallSid is none")
        return Event(
            sid=sid,
            number=caller_number(form.get("From", "")),
            step=int(step) if step.isascii() and step.isdecimal() and len(step) <= MOST_STEP_DIGITS else 0,
            heard=_heard(form),
            is_over=form.get("CallStatus", "") in OVER,
            is_way_out=WAY_OUT in query,
            digest=_digest(form),
        )

    def _answer(self, event: Event) -> str:
        """What the step was answered with, or is answered with now; the present words for a step out of place.

        After the dial of an emergency the call never goes back to a step that was completed meanwhile.
        """
        if event.is_over:
            self._end(event)
        call = self._calls.find(event.sid)
        if event.is_over or (call and call.ended):
            return self._hang_up()
        call = call or self._calls.begin(event.sid, event.number, self._script.portal.languages[0])
        if event.step == call.step or call.step == 0:
            return self._go_on(call, event)
        known = self._calls.answered(event.sid, event.step)
        if known and known.digest == event.digest:
            return known.twiml
        latest = self._calls.answered(event.sid, call.step - 1)
        if latest is None:
            return self._way_out(event)
        was_dialled = event.is_way_out and event.heard.dial_status
        return self._go_on(call, event) if was_dialled and latest.digest != event.digest else latest.twiml

    def _go_on(self, call: Call, event: Event) -> str:
        move = self._move(call, event)
        call.state.last = tuple(saying.text for saying in move.sayings)
        url = f"{self._url}?step={call.step + 1}{OVERRIDES}"
        return self._calls.keep(call, event.digest, twiml.render(move, self._voice.speakers, url))

    def _move(self, call: Call, event: Event) -> twiml.Move:
        """What comes next; a long talk is led out, and the way out has an end as well."""
        asks = call.state.stage in ("number", "time")
        if asks and call.step >= self._voice.most_steps + STEPS_FOR_A_WAY_OUT:
            return self._conduct.end_call(call)
        if event.is_way_out:
            return self._conduct.after_dial(call, event.heard)
        if call.step == 0:
            return self._conduct.greet(call)
        if call.state.stage == "talk" and self._is_long(call):
            return self._conduct.end_long_talk(call)
        return self._conduct.step(call, event.heard)

    def _is_long(self, call: Call) -> bool:
        lasts = utc_now() - call.began_at
        return call.step >= self._voice.most_steps or lasts > timedelta(minutes=self._voice.longest_minutes)

    def _end(self, event: Event) -> None:
        """The caller is gone: what the engine still says is not kept."""
        if conversation := self._calls.end(event.sid):
            self._store.drop_waiting(conversation)

    def _hang_up(self) -> str:
        return twiml.render(twiml.End(), self._voice.speakers, "")

    def _way_out(self, event: Event) -> str:
        """An apology and the way out, which needs neither database nor engine nor a text that is not at hand."""
        url = "" if event.is_way_out else f"{self._url}?step={event.step}&{WAY_OUT}=1{OVERRIDES}"
        return self._emergency.answer(event.heard, url)


def _heard(form: Form) -> Heard:
    return Heard(
        text=form.get("SpeechResult", ""),
        confidence=_confidence(form.get("Confidence", "")),
        keys=form.get("Digits", ""),
        dial_status=form.get("DialCallStatus", ""),
    )


def _confidence(sent: str) -> float | None:
    """A number from 0 to 1; None for anything else, which Twilio may leave away as well."""
    try:
        confidence = float(sent)
    except ValueError:
        return None
    return confidence if 0 <= confidence <= 1 else None


def _digest(form: Form) -> str:
    said = sorted((name, value) for name, values in form.lists() for value in values)
    return hashlib.sha256(repr(said).encode("utf-8", "surrogatepass")).hexdigest()
