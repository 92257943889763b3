"""The telephone through Twilio: each request of a call is a step, answered with TwiML once, whatever fails behind it.

Source: https://www.twilio.com/docs/voice/twiml. Twilio waits 15 s in all and drops the call on an error page.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from flask import Request, Response

from bot.conversation import Conversations
from bot.errors import BadRequest, Unauthorized
from bot.locks import Locks
from bot.logs import place
from bot.settings import Settings
from bot.turns import utc_now
from voice import twiml
from voice.calls import Call, Calls
from voice.conduct import Conduct
from voice.numbers import caller_number
from voice.script import Heard, Script
from voice.signature import Form, Signature

log = logging.getLogger(__name__)
PATH = "/webhooks/voice"
# Retried by Twilio when no answer came: each step is answered once, so that a retry is harmless.
OVERRIDES = "#rc=2&rt=6000&rp=ct,rt,5xx"
CALL_SID = re.compile(r"CA[0-9a-f]{32}")
SINGLETONS = (
    *("CallSid", "AccountSid", "From", "To", "CallStatus", "Direction", "ApiVersion"),
    *("Digits", "SpeechResult", "Confidence", "DialCallStatus"),
)
OVER = ("completed", "busy", "failed", "no-answer", "canceled")
MOST_STEP_DIGITS = 6
STEPS_FOR_A_WAY_OUT = 20


@dataclass(frozen=True)
class Event:
    """A request of a call: its step (0 for the first), what was heard, whether the call is over."""

    sid: str
    number: str | None
    step: int
    heard: Heard
    is_over: bool
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
        self._signature = Signature(settings.twilio_token, settings.public_url)
        self._base = urlsplit(settings.public_url).path
        self._locks = Locks()

    def webhook(self, request: Request) -> Response:
        """One step of a call."""
        try:
            event = self._event(self._signature.verified(request), request.args.get("step", ""))
        except BadRequest as error:
            return Response(status=error.status)
        try:
            with self._locks.of(event.sid):
                answer = self._answer(event)
        except Exception as error:
            log.error("call %s, step %d: %s", event.sid, event.step, place(error))
            answer = self._last_words()
        return Response(answer, content_type=twiml.CONTENT_TYPE)

    def status(self, request: Request) -> Response:
        """What became of a call; only its end counts, and only of a call that we know."""
        try:
            event = self._event(self._signature.verified(request), "")
        except BadRequest as error:
            return Response(status=error.status)
        if event.is_over:
            try:
                with self._locks.of(event.sid):
                    self._end(event.sid)
            except Exception as error:
                log.error("end of call %s: %s", event.sid, place(error))
        return Response(status=204)

    def _event(self, form: Form, step: str) -> Event:
        """The request, checked: an ambiguous or foreign one is refused."""
        for name in SINGLETONS:
            if len(form.getlist(name)) > 1:
                raise BadRequest(f"{name} is there more than once")
        if form.get("AccountSid") != self._account:
            raise Unauthorized("another account", status=403)
        sid = form.get("CallSid", "")
        if not CALL_SID.fullmatch(sid):
            raise BadRequest("CallSid is none")
        return Event(
            sid=sid,
            number=caller_number(form.get("From", "")),
            step=int(step) if step.isascii() and step.isdecimal() and len(step) <= MOST_STEP_DIGITS else 0,
            heard=_heard(form),
            is_over=form.get("CallStatus", "") in OVER,
            digest=_digest(form),
        )

    def _answer(self, event: Event) -> str:
        """What the step was answered with, or is answered with now; the present words for a step out of place."""
        if event.is_over:
            self._end(event.sid)
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
        return latest.twiml if latest else self._last_words()

    def _go_on(self, call: Call, event: Event) -> str:
        move = self._move(call, event.heard)
        url = f"{self._base}{PATH}?step={call.step + 1}{OVERRIDES}"
        return self._calls.keep(call, event.digest, twiml.render(move, self._voice.speakers, url))

    def _move(self, call: Call, heard: Heard) -> twiml.Move:
        if call.step == 0:
            return self._conduct.greet(call)
        talks = call.state.stage == "talk"
        too_long = talks and utc_now() - call.began_at > timedelta(minutes=self._voice.longest_minutes)
        if too_long or call.step >= self._voice.most_steps + (0 if talks else STEPS_FOR_A_WAY_OUT):
            return self._conduct.end_long_call(call)
        return self._conduct.step(call, heard)

    def _end(self, sid: str) -> None:
        """The caller is gone: what the engine still says is not kept."""
        if conversation := self._calls.end(sid):
            self._store.drop_waiting(conversation)

    def _hang_up(self) -> str:
        return twiml.render(twiml.End(), self._voice.speakers, "")

    def _last_words(self) -> str:
        """An apology and the way out that needs nothing: no database, no engine, no further step."""
        language = self._script.portal.languages[0]
        sorry = self._script.say("utter_voice_problem", language)
        later = self._script.say("utter_voice_call_later", language)
        return twiml.last_words([sorry], [later], self._voice.speakers, self._voice.human_number)


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
