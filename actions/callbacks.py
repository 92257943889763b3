"""Callbacks: asked for, moved, cancelled. One open callback per customer or conversation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType
from sqlalchemy import select

from actions.case import Case
from actions.hours import Hours
from actions.matter import Matter, register
from actions.models import Customer, Task
from actions.moments import ASAP, WhenNeed, moment_words, said_now
from actions.needs import ConfirmNeed, Need
from actions.tasks import open_task

KIND = "callback"
HOME = "DE"
SHORTEST_NUMBER = 6
GRACE = timedelta(hours=1)
COSTLY = (PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST)
CHANGES = {
    "number": re.compile(
        r"(andere|neue|falsche|festnetz|handy)\w* ?nummer|festnetz|aufs handy"
        r"|(other|different|wrong|new) number|landline|to my mobile",
        re.IGNORECASE,
    ),
    "cancel": re.compile(
        r"absag|storn|lösch|streich|cancel|rückgängig|rausnehm|erledigt|geklärt|zurück(zu)?zieh|ziehe.*zurück"
        r"|(nicht|nich) mehr (nötig|anruf|anzuruf|zurück|mach|brauch)|brauch\w*.* (nicht|nich|kein)"
        r"|keinen (rück|anruf)|rückrufliste|delete|drop|scrap|withdraw|take me off"
        r"|callback list|no need|don.t (need|call|ring)",
        re.IGNORECASE,
    ),
    "move": re.compile(
        r"verschieb|verleg|schieb|umbuch|änder|vertag|korrigier|vorzieh|vorgezogen|später|früher|eher"
        r"|\bstatt|lieber|\bleg|(anderer|neuer|andere|neue) (rückruf|termin|zeit)"
        r"|move|moving|resched|postpone|push|later|earlier|forward|change|instead|make (it|that)",
        re.IGNORECASE,
    ),
}


def subject_of(case: Case) -> str:
    """Whose callback or complaint it is: the proven customer's, else the conversation's."""
    return str(case.get("customer") or case.conversation)


def open_callback(case: Case) -> Task | None:
    """The callback that is still to come, of this customer or this conversation."""
    subjects = {case.conversation, subject_of(case)}
    wanted = select(Task).where(Task.kind == KIND, Task.status == "open", Task.subject.in_(subjects))
    tasks = case.session.scalars(wanted.order_by(Task.id.desc())).all()
    return next((task for task in tasks if not is_over(case, task)), None)


def is_over(case: Case, task: Task) -> bool:
    """Whether the time of the callback has passed; one as soon as possible lasts for its day."""
    if task.details["at"] == ASAP:
        return task.due_on < case.now.date()
    return datetime.fromisoformat(task.details["at"]) + GRACE < case.now


def callback_words(case: Case, at: str, phone: str) -> dict[str, Any]:
    """What responses say of a callback: `when` and `phone`."""
    return {"when": moment_words(case, at), "phone": spoken_number(phone)}


def spoken_number(phone: str) -> str:
    """A telephone number as people write it here: `0171 3920011`."""
    number = phonenumbers.parse(phone, HOME)
    is_home = phonenumbers.region_code_for_number(number) == HOME
    return phonenumbers.format_number(
        number, PhoneNumberFormat.NATIONAL if is_home else PhoneNumberFormat.INTERNATIONAL
    )


@dataclass
class PhoneNeed(Need):
    """The number to call; one that is known is offered first. `present` is the one to be changed."""

    present: str | None = None
    slot: str = "phone"

    def read(self, case: Case) -> str | None:
        """A number that was said, or a yes to the offered one."""
        if number := case.take("phone_number"):
            return number
        offered = self._offered(case)
        if not offered or not case.asked_for(self.slot) or case.understood:
            return None
        if case.intent == "deny":
            case.put("phone_refused", True)
            case.understood = case.progress = True
        return offered if case.intent == "affirm" else None

    def accept(self, case: Case, value: str) -> str | None:
        """The number in E.164 if we can and may call it."""
        try:
            number = phonenumbers.parse(value, HOME)
        except phonenumbers.NumberParseException:
            number = None
        if number is None or not _is_complete(number):
            case.say("utter_phone_impossible")
            return None
        if phonenumbers.number_type(number) in COSTLY:
            case.say("utter_phone_costly")
            return None
        return str(phonenumbers.format_number(number, PhoneNumberFormat.E164))

    def ask(self, case: Case) -> None:
        """Offer the known number, else ask for one."""
        offered = self._offered(case)
        if offered:
            case.say("utter_ask_phone_offered", phone=spoken_number(offered))
        else:
            case.say("utter_ask_phone")

    def _offered(self, case: Case) -> str | None:
        if case.get("phone_refused"):
            return None
        known = case.session.get(Customer, case.get("customer")) if case.get("customer") else None
        offered = (known.phone if known else None) or case.metadata.get("phone_hint")
        return str(offered) if offered and offered != self.present else None


def _is_complete(number: phonenumbers.PhoneNumber) -> bool:
    """German numbers have no fixed length; anything shorter is an emergency or short code."""
    digits = phonenumbers.national_significant_number(number)
    return phonenumbers.is_possible_number(number) and len(digits) >= SHORTEST_NUMBER


def book(case: Case, at: str, phone: str) -> tuple[Task, bool]:
    """Keep a callback and tell the portal; the task, and whether it is new."""
    for task in case.session.scalars(select(Task).where(Task.kind == KIND, Task.subject == subject_of(case))):
        if task.status == "open" and is_over(case, task):
            task.status = "over"
    case.session.flush()
    details = {"at": at, "phone": phone, "conversation": case.conversation}
    task, is_new = open_task(case, KIND, subject_of(case), due_on=_due(case, at), details=details)
    if is_new:
        _tell_portal(case, at, phone)
    return task, is_new


def _due(case: Case, at: str) -> date:
    """The day of the callback; as soon as possible is today or the next day on which people are there."""
    if at != ASAP:
        return date.fromisoformat(at[:10])
    hours, now = Hours.of_service(case.company), case.now
    opening = hours.next_opening(now)
    return now.date() if hours.open_until(now) or opening is None else opening.date()


def _tell_portal(case: Case, at: str | None, phone: str | None) -> None:
    case.effect(callback={"phone": phone, "at": None if at == ASAP else at})


@register
class RequestCallback(Matter):
    """Call me back."""

    intent = "request_callback"

    def needs(self, case: Case) -> Iterator[Need]:
        """When, which number, and a yes; nothing when a callback is booked already."""
        if open_callback(case):
            return
        yield WhenNeed()
        yield PhoneNeed()
        yield ConfirmNeed("utter_confirm_callback", callback_words(case, case.get("when"), case.get("phone")))

    def do(self, case: Case) -> None:
        """Book it, or tell about the one there is."""
        there = open_callback(case)
        if there:
            case.say("utter_callback_already", **_task_words(case, there))
            case.set("offer", "change_callback")
            return
        task, _ = book(case, case.get("when"), case.get("phone"))
        case.say("utter_callback_booked", **_task_words(case, task))


def _task_words(case: Case, task: Task) -> dict[str, Any]:
    return callback_words(case, task.details["at"], task.details["phone"])


@dataclass
class ChangeNeed(Need):
    """What shall change: the time, the number, or no callback at all; `present` is the time it has."""

    present: str
    slot: str = "callback_change"

    def read(self, case: Case) -> str | None:
        """The button, else what the words say; a number or a time that comes along says it too."""
        if case.heard.get("choice") in CHANGES:
            return case.take("choice")
        if case.get(self.slot) is not None:
            return None
        said = case.text if case.asked_for(self.slot) else case.slot("opening") or ""
        if "phone_number" in case.heard:
            return "number"
        found = next((change for change, words in CHANGES.items() if words.search(said)), None)
        return found or ("move" if self._names_another_time(case) else None)

    def _names_another_time(self, case: Case) -> bool:
        days, times = said_now(case, "date"), said_now(case, "time")
        return any(said[:10] not in self.present for said in (*days, *times))


@register
class ChangeCallback(Matter):
    """Move or cancel a callback."""

    intent = "change_callback"

    def needs(self, case: Case) -> Iterator[Need]:
        """What shall change, the new time or number, and a yes; nothing when there is no callback."""
        task = open_callback(case)
        if task is None:
            return
        at, phone = task.details["at"], task.details["phone"]
        yield ChangeNeed(at)
        change = case.get(ChangeNeed.slot)
        if change == "move":
            yield WhenNeed(present=at)
        if change == "number":
            yield PhoneNeed(present=phone)
        words = callback_words(case, case.get("when") or at, case.get("phone") or phone)
        yield ConfirmNeed(f"utter_confirm_callback_{change}", words)

    def do(self, case: Case) -> None:
        """Change it, or offer a new one when there is none."""
        task, change = open_callback(case), case.get(ChangeNeed.slot)
        if task is None:
            case.say("utter_no_callback")
            case.set("offer", "request_callback")
            return
        if change == "cancel":
            task.status = "cancelled"
            _tell_portal(case, None, None)
            case.say("utter_callback_cancelled")
            return
        at, phone = case.get("when") or task.details["at"], case.get("phone") or task.details["phone"]
        task.details = {**task.details, "at": at, "phone": phone}
        task.due_on = _due(case, at)
        _tell_portal(case, at, phone)
        case.say("utter_callback_changed", **callback_words(case, at, phone))
