"""The way out that needs no engine: a callback, taken down by number and time.

Numbers and times are understood by the value kit alone, so it works with the dialogue engine down.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time

from bot.nlu.values import extract
from bot.store import Store
from bot.turns import Answer, CallbackEffect, Effect, HandoffEffect, Incoming, Intent, Reply, Turn, utc_now
from voice.calls import Call, Question
from voice.keys import clean_keys
from voice.ladder import Cause
from voice.numbers import number_to_call, readable
from voice.script import Heard, Script, kept
from voice.twiml import Ask, End, Move, Saying

MOST_MISSES = 2
YES = {
    "de": re.compile(r"^\W*(ja|jawohl|jo|gerne?|genau|richtig|eins|die eins)\b", re.IGNORECASE),
    "en": re.compile(r"^\W*(yes|yeah|yep|sure|right|correct|one)\b", re.IGNORECASE),
}
SOON = {
    "de": re.compile(r"bald|sofort|gleich|jetzt|egal|jederzeit|immer|schnell|^\W*(ja|eins|die eins)\b", re.IGNORECASE),
    "en": re.compile(r"soon|now|any ?time|whenever|asap|immediately|^\W*(yes|one)\b", re.IGNORECASE),
}
LOCALES = {"de": "de_DE", "en": "en_GB"}
DAYS = {"de": "EEEE, 'den' d. MMMM", "en": "EEEE d MMMM"}


class Callback:
    """Asks for number and time and records the request; `now` is the present moment in UTC."""

    def __init__(self, script: Script, store: Store, now: Callable[[], datetime] = utc_now) -> None:
        self._script = script
        self._store = store
        self._now = now

    def begin(self, call: Call, reason: str, lead: Sequence[Saying]) -> Ask:
        """Offer the callback after some words; `reason` is told to whoever calls."""
        call.state.stage, call.state.reason = "number", reason
        name = "utter_voice_callback_here" if call.number else "utter_voice_callback_number"
        return self._ask(call, "callback_number", name, lead)

    def step(self, call: Call, heard: Heard) -> Move:
        """One answer: the number, or the time."""
        keys = clean_keys(heard.keys)
        call.state.tried = call.state.tried or bool(keys or heard.text.strip())
        if "*" in keys:
            return self._script.ask(call.state.question)
        unsure = heard.confidence is not None and heard.confidence < self._script.settings.sure_from
        if heard.text and not keys and unsure and not call.state.misses:
            return self._missed(call, heard, "")
        return self._number(call, heard, keys) if call.state.stage == "number" else self._time(call, heard, keys)

    def _number(self, call: Call, heard: Heard, keys: str) -> Move:
        language = call.state.question.language
        spoken = extract(heard.text, language=language, channel="voice") if heard.text and not keys else []
        said = [found.value for found in spoken if found.entity == "phone_number"]
        wants_here = keys == "1" or (not keys and not said and YES[language].match(heard.text))
        if call.number and wants_here:
            return self._ask_time(call, call.number)
        phone = number_to_call(keys or "".join(said[:1]))
        if phone:
            return self._ask_time(call, phone)
        wrong = said or len(keys) > 1
        return self._missed(call, heard, "utter_voice_callback_number_wrong" if wrong else "")

    def _ask_time(self, call: Call, phone: str) -> Move:
        call.state.stage, call.state.phone = "time", phone
        return self._ask(call, "callback_time", "utter_voice_callback_time", ())

    def _time(self, call: Call, heard: Heard, keys: str) -> Move:
        language = call.state.question.language
        words = f"{keys[:2]}:{keys[2:]}" if len(keys) == len("hhmm") else "" if keys else heard.text
        moment = self._moment(words, language) if words else None
        if moment:
            return self._book(call, moment)
        if keys == "1" or (words and SOON[language].search(words)):
            return self._book(call, None)
        return self._missed(call, heard, "")

    def _moment(self, words: str, language: str) -> str | None:
        """A moment to come, in ISO form and local time; only the day when no hour was said."""
        now = self._now().astimezone(ZoneInfo(self._script.portal.company.timezone))
        found = {one.entity: one.value for one in extract(words, language=language, channel="voice", today=now.date())}
        day, hour = found.get("date", "")[:10], found.get("time", "")
        if day and not hour:
            return day if day >= now.date().isoformat() else None
        if not hour:
            return None
        at = datetime.combine(datetime.fromisoformat(day) if day else now, time.fromisoformat(hour))
        if not day and at <= now.replace(tzinfo=None):
            at += timedelta(days=1)
        return at.isoformat(timespec="minutes") if at > now.replace(tzinfo=None) else None

    def _missed(self, call: Call, heard: Heard, problem: str) -> Move:
        state, language = call.state, call.state.question.language
        state.misses += 1
        if state.misses > MOST_MISSES:
            return self.finish(call)
        cause: Cause = "unknown" if problem else "unclear" if heard.text else "wrong_key" if heard.keys else "silence"
        lead = self._script.ladder.lead(cause, state.question, state.last)
        if problem and (told := self._script.say(problem, language)).text not in state.last:
            lead = told
        if state.misses == MOST_MISSES:
            return self._script.ask(state.question, [lead, *self._first_words(state.question)])
        again = self._script.say(f"utter_voice_callback_{state.stage}_again", language)
        return self._script.ask(state.question, [lead, again])

    def _first_words(self, question: Question) -> list[Saying]:
        """The question itself, the last of what was said with it."""
        return [Saying(said.text, said.language) for said in question.said[-1:]]

    def finish(self, call: Call) -> End:
        """End with what is known: a wish that was uttered is recorded, with the caller's own number if there is one."""
        state, language = call.state, call.state.question.language
        if state.stage == "time":
            return self._book(call, None)
        if not state.tried:
            return End([self._script.say("utter_voice_call_again", language)])
        state.phone = call.number or ""
        if state.phone:
            said = self._script.say("utter_voice_callback_noted", language, phone=readable(state.phone))
        else:
            said = self._script.say("utter_voice_callback_failed", language)
        self._record(call, None, said)
        return End([said])

    def _ask(self, call: Call, need: str, name: str, lead: Sequence[Saying]) -> Ask:
        language = call.state.question.language
        sayings = [*lead, self._script.say(name, language)]
        call.state.misses, call.state.tried = 0, False
        call.state.question = Question(said=kept(sayings), need=need, language=language)
        return self._script.ask(call.state.question)

    def _book(self, call: Call, moment: str | None) -> End:
        language, phone = call.state.question.language, call.state.phone
        values = {"phone": readable(phone)}
        if moment:
            said = self._script.say("utter_voice_callback_booked_at", language, when=_words(moment, language), **values)
        else:
            said = self._script.say("utter_voice_callback_booked", language, **values)
        self._record(call, moment, said)
        return End([said])

    def _record(self, call: Call, moment: str | None, said: Saying) -> None:
        """Write the request as a turn that the portal has answered by itself; without a number it is a handoff only."""
        phone = call.state.phone
        incoming = Incoming(
            channel="voice",
            address=call.number or call.sid,
            provider_id=f"{call.sid}:{call.step}",
            intent=Intent("request_callback", {"phone_number": phone} if phone else {}),
            conversation=call.conversation,
            phone_hint=call.number,
        )
        received = self._store.receive(incoming, said.language, waiting_at_most=1000)
        turn = Turn(received.turn_id, call.conversation, "voice", intent=incoming.intent, language=said.language)
        effects: list[Effect] = [HandoffEffect(reason=call.state.reason)]
        if phone:
            effects.append(CallbackEffect(phone=phone, at=moment))
        self._store.finish(turn, Answer((Reply(said.text, language=said.language),), tuple(effects)))


def _words(moment: str, language: str) -> str:
    """A moment as people say it; `moment` is in ISO form."""
    at = datetime.fromisoformat(moment)
    day = format_date(at, DAYS[language], locale=LOCALES[language])
    if "T" not in moment:
        return str(day)
    clock = format_time(at, "H:mm" if language == "de" else "h:mm a", locale=LOCALES[language])
    return f"{day}, {clock} Uhr" if language == "de" else f"{day}, {clock}"
