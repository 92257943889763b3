"""Service: a human, complaints and vouchers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rasa_sdk.events import EventType
from sqlalchemy import select
from text_to_num import alpha2digit

from actions.base import CaseAction
from actions.callbacks import PhoneNeed, book, callback_words, subject_of
from actions.case import Case
from actions.form import leave
from actions.hours import Hours
from actions.matter import Matter, register
from actions.models import Voucher
from actions.moments import WhenNeed
from actions.needs import ChoiceNeed, ConfirmNeed, GiveUp, Need, TextNeed
from actions.say import clock, day, money
from actions.tasks import open_task, working_days_later

COMPLAINT_DAYS = 5
TELLS_WHAT = 6
ANNOUNCES = re.compile(r"beschwer|complain", re.IGNORECASE)
TELLS_WHAT_TOO = 12
LONGEST_TEXT = 500
SORRY = (
    (
        "waiting",
        re.compile(
            r"wart|hotline|dritten? mal|niemand|keiner|kein mensch|antwort|meldet|versprochen|zugesagt"
            r"|geschoben|on hold|waiting|nobody|no one|third time|answer|promised|passed from",
            re.IGNORECASE,
        ),
    ),
    (
        "unfriendly",
        re.compile(
            r"unfreundlich|frech|angeschn|angeschrien|oben herab|behandel|aufgelegt|\bton\b|verhalten"
            r"|rude|unfriendly|shout|spoken to|treated|hung up",
            re.IGNORECASE,
        ),
    ),
)
NO_CODE = re.compile(
    r"\b(keinen|kein) (code|gutschein|rabatt)|habe? (ich )?(keinen|nicht)"
    r"|(no|don.t have( an?y?)?) (code|voucher)|don.t have (one|any)",
    re.IGNORECASE,
)
TOKEN = re.compile(r"[^\W_]+")
LOOKS_LIKE_CODE = re.compile(r"(?=.*[A-Z])(?=.*\d)[A-Z0-9]{4,20}")
MOST_PARTS = 4


def say_what_happens_next(case: Case) -> None:
    """Tell honestly when a human will be there: now, or from which day and hour on."""
    now, language, hours = case.now, case.language, Hours.of_service(case.company)
    opening = hours.next_opening(now)
    if hours.open_until(now) or opening is None:
        case.say("utter_human_now")
    else:
        words = {"day": day(opening.date(), now.date(), language), "time": clock(opening.time(), language)}
        case.say("utter_human_later", None, **words)


class ActionTalkToHuman(CaseAction):
    """Gives the conversation to a human and says what happens next; ends the form."""

    def name(self) -> str:
        """Rasa's name."""
        return "action_talk_to_human"

    def act(self, case: Case) -> list[EventType]:
        """Ask for the handoff; a complaint that was begun is kept."""
        complaining = case.slot("matter") == Complain.intent
        if complaining:
            if case.asked_for("complaint"):
                _add_words(case)
            say_kept(case)
        case.effect(handoff={"reason": "complaint" if complaining else "customer_wish"})
        say_what_happens_next(case)
        return leave(case)


def _add_words(case: Case) -> None:
    """Keep what was said together with the wish for a human, after the words it began with."""
    said = [str(case.slot("opening") or "").strip(), case.text.strip()]
    case.put("complaint", "\n".join(words for words in said if words)[:LONGEST_TEXT])


class ComplaintNeed(TextNeed):
    """What happened, in the customer's words; an opening that tells it will do."""

    def __init__(self) -> None:
        super().__init__("complaint")

    def read(self, case: Case) -> str | None:
        """The answer, or the words it began with when they tell something."""
        opening = case.slot("opening") or ""
        if case.asked_for(self.slot):
            return opening or case.text if case.intent == "deny" else super().read(case)
        enough = TELLS_WHAT_TOO if ANNOUNCES.search(opening) else TELLS_WHAT
        is_told = case.get(self.slot) is None and len(opening.split()) >= enough
        return opening[:LONGEST_TEXT] if is_told else None

    def ask(self, case: Case) -> None:
        """Say sorry and ask what happened."""
        say_sorry(case)
        super().ask(case)


class ComplaintWayNeed(ChoiceNeed):
    """Whether a human shall see to it now, call back, or read it later."""

    def __init__(self) -> None:
        words = {
            "human": ("mensch", "mitarbeiter", "human", "person", "jemand", "somebody", "someone"),
            "callback": ("rückruf", "zurückruf", "anruf", "ruf", "call"),
            "none": ("nein", "nicht nötig", "weiterleiten", "pass it on", "not needed"),
        }
        super().__init__("complaint_way", words)

    def read(self, case: Case) -> str | None:
        """The choice; a yes means a human. What was said before the question does not count."""
        if not case.asked_for(self.slot) or case.understood:
            return None
        return super().read(case) or {"affirm": "human", "deny": "none"}.get(case.intent)

    def ask(self, case: Case) -> None:
        """Say sorry if it was not said yet, then ask."""
        say_sorry(case)
        super().ask(case)


def say_sorry(case: Case) -> None:
    """Say sorry once, for what it was."""
    if case.get("sorry"):
        return
    case.put("sorry", True)
    said = f"{case.slot('opening') or ''} {case.get('complaint') or ''}"
    cause = next((name for name, words in SORRY if words.search(said)), None)
    case.say(f"utter_sorry_{cause}" if cause else "utter_sorry")


def keep_complaint(case: Case) -> bool:
    """Keep the customer's words as a task; words of a second complaint are added to the open one."""
    words = case.get("complaint") or case.slot("opening") or ""
    details: dict[str, Any] = {"words": [words], "conversation": case.conversation}
    due_on = working_days_later(case, COMPLAINT_DAYS)
    task, is_new = open_task(case, "complaint", subject_of(case), due_on=due_on, details=details)
    if not is_new and words not in task.details["words"]:
        task.details = {**task.details, "words": [*task.details["words"], words]}
    return is_new


def say_kept(case: Case) -> None:
    """Keep the complaint and say so."""
    case.say("utter_complaint_noted" if keep_complaint(case) else "utter_complaint_added")


@register
class Complain(Matter):
    """A complaint: heard, regretted, kept, and a human or a callback if wanted."""

    intent = "complain"

    def needs(self, case: Case) -> Iterator[Need]:
        """What happened, who shall see to it, and for a callback when and where."""
        yield ComplaintNeed()
        yield ComplaintWayNeed()
        if case.get("complaint_way") == "callback":
            yield WhenNeed()
            yield PhoneNeed()
            words = callback_words(case, case.get("when"), case.get("phone"))
            yield ConfirmNeed("utter_confirm_callback", words, slot="confirm_callback")

    def do(self, case: Case) -> None:
        """Keep the words and do what was chosen."""
        say_kept(case)
        if case.get("complaint_way") == "human":
            case.effect(handoff={"reason": "complaint"})
            say_what_happens_next(case)
        elif case.get("confirm_callback"):
            task, is_new = book(case, case.get("when"), case.get("phone"))
            words = callback_words(case, task.details["at"], task.details["phone"])
            case.say("utter_callback_booked" if is_new else "utter_callback_kept", **words)
        elif case.get("complaint_way") == "callback":
            case.say("utter_callback_not_booked")


@dataclass
class VoucherNeed(Need):
    """A voucher's code, typed or spoken, kept as the shop writes it.

    `takes_text` is for words that hold a code: a code such as WILLKOMMEN10 must not pass for a greeting.
    """

    takes_text: bool = False
    slot: str = "voucher"

    def read(self, case: Case) -> str | None:
        """A code of ours in the words, else something that looks like a code."""
        if case.get(self.slot) is not None:
            return None
        if not case.asked_for(self.slot):
            return code_in(case, case.slot("opening") or "")
        if case.intent == "deny" or NO_CODE.search(case.text):
            case.say("utter_voucher_none")
            raise GiveUp
        joined = "".join(TOKEN.findall(case.text.upper()))
        return code_in(case, case.text.upper()) or (joined if LOOKS_LIKE_CODE.fullmatch(joined) else None)

    def accept(self, case: Case, value: str) -> str | None:
        """The code if we know it."""
        if case.session.get(Voucher, value):
            return value
        case.say("utter_voucher_unknown", code=value)
        return None


def code_in(case: Case, said: str) -> str | None:
    """A code of ours in the words, else a word in capitals and figures that looks like one."""
    wanted = select(Voucher.code).where(Voucher.code.in_(_runs(said, case.language)))
    alike = (word for word in TOKEN.findall(said) if LOOKS_LIKE_CODE.fullmatch(word))
    return case.session.scalars(wanted).first() or next(alike, None)


def _runs(said: str, language: str) -> list[str]:
    """Words in capitals, alone and joined with the next ones: a code may be said in parts."""
    runs = []
    for text in (said, alpha2digit(said, language, threshold=0)):
        words = TOKEN.findall(text.upper())
        for parts in range(1, MOST_PARTS + 1):
            runs += ["".join(words[i : i + parts]) for i in range(len(words) - parts + 1)]
    return runs


@register
class AskVoucher(Matter):
    """A voucher: whether it is good, from what value on, and how to use it."""

    intent = "ask_voucher"
    lookup = True

    def needs(self, case: Case) -> Iterator[Need]:
        """The code."""
        yield VoucherNeed(takes_text=code_in(case, case.text.upper()) is not None)

    def do(self, case: Case) -> None:
        """Say what it is worth and until when, or that it is over."""
        voucher, today, language = (
            case.session.get_one(Voucher, case.get("voucher")),
            case.now.date(),
            case.language,
        )
        words: dict[str, Any] = {"code": voucher.code, "until": day(voucher.valid_until, today, language)}
        if voucher.valid_until < today:
            case.say("utter_voucher_over", **words)
            return
        words["value"] = f"{voucher.percent} %" if voucher.percent else money(voucher.amount_cents or 0, language)
        words["minimum"] = money(voucher.minimum_cents, language)
        case.say("utter_voucher_good_from" if voucher.minimum_cents else "utter_voucher_good", **words)
        case.say("utter_voucher_how")
