"""When a callback shall be: a day and a time in service hours, or as soon as possible."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import product

from actions.case import Case
from actions.hours import Hours
from actions.needs import Need
from actions.say import clock, day

ASAP = "asap"
FARTHEST_DAYS = 30
HALF_DAY = 12
ASAP_WORDS = {"de": "so bald wie möglich", "en": "as soon as possible"}
EARLIEST = {"de": "frühestens", "en": "at the earliest"}
SAYS_ASAP = re.compile(
    r"so ?(bald|schnell|rasch|früh)|schnellst|sofort|umgehend|baldmöglichst"
    r"|\basap\b|as soon as|right away|straight away|immediately",
    re.IGNORECASE,
)
ANSWERS_ASAP = re.compile(
    r"\bjetzt\b|\bgleich\b|egal|jederzeit|immer|\bnow\b|any ?time|whenever|don.t mind", re.IGNORECASE
)
PARTS_OF_DAY = (
    (re.compile(r"vormittag|(?<!good )morning", re.IGNORECASE), time(10)),
    (re.compile(r"nachmittag|(?<!good )afternoon", re.IGNORECASE), time(15)),
    (re.compile(r"mittag|\bnoon|lunch", re.IGNORECASE), time(12)),
    (re.compile(r"(?<!guten )(?<!schönen )abend|(?<!good )evening", re.IGNORECASE), time(18)),
    (re.compile(r"\bfrüh\b|morgens", re.IGNORECASE), time(9)),
)
Wish = dict[str, str | None]


def moment_words(case: Case, at: str) -> str:
    """The moment as people say it; as soon as possible names the next opening when nobody is there now."""
    language, now = case.language, case.now
    if at != ASAP:
        when = datetime.fromisoformat(at)
        return f"{day(when.date(), now.date(), language)}, {clock(when.time(), language)}"
    opening = Hours.of_service(case.company).next_opening(now)
    if Hours.of_service(case.company).open_until(now) or opening is None:
        return ASAP_WORDS[language]
    return f"{ASAP_WORDS[language]}, {EARLIEST[language]} {moment_words(case, opening.isoformat())}"


def said_now(case: Case, entity: str) -> list[str]:
    """All values of an entity in this turn, in order, else the one heard before; none when already used."""
    if entity not in case.heard:
        return []
    fresh = [str(found["value"]) for found in case.message.get("entities") or [] if found["entity"] == entity]
    return fresh or [case.heard[entity]]


@dataclass
class WhenNeed(Need):
    """When to call; kept as an ISO moment or `asap`.

    `present` is the moment that is to be changed; words that only name it again are no answer.
    """

    present: str | None = None
    slot: str = "when"

    def read(self, case: Case) -> Wish | None:
        """A day, a time or both; or as soon as possible; or a yes to what was offered."""
        days, times = said_now(case, "date"), said_now(case, "time")
        if days or times:
            case.take("date")
            case.take("time")
            return self._wish(case, days, times or self._part_of_day(case))
        if case.heard.get("choice") == ASAP or self._says_asap(case):
            case.take("choice")
            return {"day": ASAP, "time": None}
        if part := self._part_of_day(case):
            return self._wish(case, [], part)
        return self._answer_to_offer(case)

    def accept(self, case: Case, value: Wish) -> str | None:
        """The moment, if people are there then; else why not, and the next one that is possible."""
        for left in ("when_offer", "when_day"):
            case.put(left, None)
        if value["day"] == ASAP:
            return ASAP
        wanted = date.fromisoformat(str(value["day"]))
        if not self._day_fits(case, wanted):
            return None
        if value["time"] is None:
            case.put("when_day", wanted.isoformat())
            case.progress = True
            return None
        return self._moment(case, wanted, time.fromisoformat(value["time"]))

    def ask(self, case: Case) -> None:
        """Ask for the day and time, for the time only, or whether the offered moment is right."""
        today, language = case.now.date(), case.language
        if offered := case.get("when_offer"):
            case.say("utter_ask_when_offer", when=moment_words(case, offered))
        elif wanted := case.get("when_day"):
            case.say("utter_ask_when_time", day=day(date.fromisoformat(wanted), today, language))
        else:
            case.say("utter_ask_when")

    def _says_asap(self, case: Case) -> bool:
        if case.asked_for(self.slot):
            return bool(SAYS_ASAP.search(case.text) or ANSWERS_ASAP.search(case.text))
        return case.get(self.slot) is None and bool(SAYS_ASAP.search(case.slot("opening") or ""))

    def _part_of_day(self, case: Case) -> list[str]:
        """`nachmittags` as a time, which the customer confirms later."""
        if case.get(self.slot) is not None:
            return []
        said = case.text if case.asked_for(self.slot) else case.slot("opening") or ""
        return [part.isoformat("minutes") for words, part in PARTS_OF_DAY if words.search(said)][:1]

    def _answer_to_offer(self, case: Case) -> Wish | None:
        offered = case.get("when_offer")
        if not offered or not case.asked_for(self.slot):
            return None
        if case.intent == "affirm":
            return {"day": offered[:10], "time": offered[11:16]}
        if case.intent == "deny":
            case.put("when_offer", None)
            case.understood = case.progress = True
        return None

    def _wish(self, case: Case, days: list[str], times: list[str]) -> Wish | None:
        """The first day and time that differ from the present ones; what was left out is kept or open."""
        earlier = (case.get(self.slot), case.get("when_offer"), self.present)
        kept = [str(at) for at in earlier if at and at != ASAP]
        known_day = case.get("when_day") or (kept[0][:10] if kept else None)
        known_time = kept[0][11:16] if kept else None
        some_days: list[str | None] = [*days] if days else [known_day]
        some_times: list[str | None] = [*times] if times else [known_time]
        for wanted, at in product(some_days, some_times):
            clock_time = at[:5] if at else None
            found = wanted[:10] if wanted else self._next_day(case, str(clock_time))
            if not self.present or (found, clock_time) != (self.present[:10], self.present[11:16]):
                return {"day": found, "time": clock_time}
        return None

    def _next_day(self, case: Case, at: str) -> str:
        """The next day on which this time is still to come and in service hours."""
        now, wanted = case.now, time.fromisoformat(at)
        for ahead in range(FARTHEST_DAYS):
            candidate = now.date() + timedelta(days=ahead)
            span = Hours.of_service(case.company).on(candidate)
            if span and datetime.combine(candidate, wanted, now.tzinfo) > now:
                return candidate.isoformat()
        return now.date().isoformat()

    def _day_fits(self, case: Case, wanted: date) -> bool:
        hours, today = Hours.of_service(case.company), case.now.date()
        words = {"day": day(wanted, today, case.language)}
        if wanted < today:
            case.say("utter_day_past")
        elif wanted > today + timedelta(days=FARTHEST_DAYS):
            case.say("utter_callback_too_far", days=str(FARTHEST_DAYS))
        elif holiday := hours.holiday(wanted, case.language):
            case.say("utter_callback_holiday", None, **words, holiday=holiday)
            self._offer(case, datetime.combine(wanted, time(0), case.now.tzinfo))
        elif hours.on(wanted) is None:
            case.say("utter_callback_closed_day", None, **words)
            self._offer(case, datetime.combine(wanted, time(0), case.now.tzinfo))
        else:
            return True
        return False

    def _moment(self, case: Case, wanted: date, at: time) -> str | None:
        hours, now = Hours.of_service(case.company), case.now
        span = hours.on(wanted)
        assert span is not None
        if time(1) <= at < span.start and at.hour + HALF_DAY < span.end.hour:
            at = at.replace(hour=at.hour + HALF_DAY)
        moment = datetime.combine(wanted, at, now.tzinfo)
        if moment > now and span.start <= at < span.end:
            return moment.isoformat()
        if moment <= now:
            case.say("utter_callback_moment_past")
        else:
            case.say("utter_callback_closed_then", week=hours.week_words(case.language))
        if datetime.combine(wanted, span.end, now.tzinfo) > now:
            case.put("when_day", wanted.isoformat())
        self._offer(case, max(moment, now))
        return None

    def _offer(self, case: Case, after: datetime) -> None:
        """Keep the next opening after a moment, to be offered."""
        opening = Hours.of_service(case.company).next_opening(after)
        if opening:
            case.put("when_offer", opening.isoformat())
