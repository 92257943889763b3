"""The customer account: who somebody is, contact details, password, data protection, newsletter."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import phonenumbers
from text_to_num import alpha2digit

from actions.case import Case
from actions.identity import Proof, Reference, is_locked, prove
from actions.matter import Matter, register
from actions.models import Customer
from actions.needs import (
    LATEST_BIRTH,
    ChoiceNeed,
    ConfirmNeed,
    EntityNeed,
    GiveUp,
    Need,
    proven,
    stop_locked,
    the_customer,
)
from actions.say import together
from actions.tasks import (
    find_task,
    mask_email,
    months_later,
    open_task,
    say_where,
    task_words,
    trusted_email,
    working_days_later,
)

CLOSED_ORDERS = ("delivered", "cancelled")
DAYS_FOR_NOTE = 1
WAYS_TO_REACH = ("phone", "email")
LONGEST_NAME = 80
NO_NAME = re.compile(
    r"\b(keine?n?|ahnung|weiß|weiss|nicht|nich|nein|nee|ja|egal|moment|später|hä|was|wie|warum|wieso|vergessen|hilfe|danke"
    r"|no|idea|not|don.?t|know|sure|yes|wait|later|why|what|how|forgot|help|thanks?)\b",
    re.IGNORECASE,
)
ENDING = re.compile(r"(?:ends? (?:in|with)|endet (?:auf|mit)|am ende|hinten)\D{0,12}(\d{1,6})\b")
NUMBER_WORDS = (" nummer ", "neue nr", "rufnummer", "new number", "my number", "old number")
CONTACT_WORDS = {
    "phone": (*NUMBER_WORDS, "telefon", "phone", "handy", "mobil", "festnetz", "landline", " sim"),
    "email": ("mail", "gmx", "postfach"),
    "name": ("name", "heiße", "heisse", "heirat", "scheidung", "geschieden", "called", "married", "divorce"),
}
NEWSLETTER_WORDS = {
    "again": (
        r"gern wieder|wieder (haben|bekommen|anmeld|abonn)|(krieg|bekomm)\w* keinen? news"
        r"|have .*again|not getting"
    ),
    "unsubscribe": (
        r"ab(zu)?bestell|abmeld|abgemeld|(bestell|meld)\w* .*\bab\b|aus(zu)?tragen|ausm\b|aus (d|eu|ihr)"
        r"|aus$|\braus\b|\bkeine?\b|nich?t? mehr|nimmer|nerv|stop|spam|weniger|\blos\b|beenden|kündig|abstell"
        r"|\bweg\b|widersprech|widerruf|unsub|cancel|no more|\boff\b|remove|don.?t want|opt(ed)? out|no .*ads"
    ),
    "subscribe": (
        r"abonn|anmeld|meld\w* .*\ban\b|eintrag|trag\w* .*\bein\b|aufnehm|bekomm|krieg|gern|komm ich da rein"
        r"|bestell|zuschick|informier|subscri|sign (me )?up|put me on|join|send me"
        r"|get (it|the|your)|i.d (like|love)"
    ),
}


@register
class Identify(Matter):
    """Says who they are; stays proven for the conversation."""

    intent = "identify"
    lookup = True

    def needs(self, case: Case) -> Iterator[Need]:
        """The number and the proof."""
        yield from proven()

    def do(self, case: Case) -> None:
        """Greet by name."""
        case.say("utter_identified", name=the_customer(case).name)


class BirthDateNeed(Need):
    """The date of birth, before a way to reach the customer changes: number and postcode stand on every parcel."""

    slot = "birth_date"

    def read(self, case: Case) -> str | None:
        """A day long enough ago to be somebody's birth."""
        said = case.heard.get("date")
        return case.take("date") if said and said < LATEST_BIRTH else None

    def accept(self, case: Case, value: str) -> str | None:
        """The date, if it is the customer's; a wrong one counts like any wrong proof."""
        reference = Reference("customer", case.get("customer"))
        born = Proof("birth_date", value[:10])
        if prove(case.session, case.conversation, case.turn_id, reference, born):
            return born.value
        if is_locked(case.session, case.conversation, reference):
            stop_locked(case)
        case.say("utter_birth_date_wrong")
        return None

    def known(self, case: Case) -> None:
        """Never known; without one on file a human has to look at the change."""
        if the_customer(case).birth_date is None:
            case.say("utter_birth_date_missing")
            case.effect(handoff={"reason": "contact_change"})
            raise GiveUp


class ContactKindNeed(ChoiceNeed):
    """Telephone, e-mail or name; not asked when the new value itself says it."""

    def known(self, case: Case) -> str | None:
        """What the value is, if there is one of a kind."""
        kinds = {"phone_number": "phone", "email": "email"}
        given = [kind for entity, kind in kinds.items() if entity in case.heard]
        return given[0] if len(given) == 1 else None


class PhoneNeed(EntityNeed):
    """A new telephone number; `ends in 67` corrects the one that was understood."""

    def read(self, case: Case) -> str | None:
        """A number in E.164."""
        if number := super().read(case):
            return number
        understood = case.get(self.slot)
        ending = ENDING.search(alpha2digit(case.text.casefold(), case.language))
        if not understood or not ending or not case.asked_for("confirm"):
            return None
        return str(understood[: -len(ending[1])] + ending[1])


class NameNeed(EntityNeed):
    """The new name; a surname alone goes with the first name on file."""

    takes_text = True

    def read(self, case: Case) -> str | None:
        """The whole new name; the present one is how the customer introduced themselves."""
        present = the_customer(case).name
        said = super().read(case) or (_as_name(case.text) if case.asked_for(self.slot) else None)
        if not said or said.casefold() == present.casefold():
            return None
        first, _, last = present.rpartition(" ")
        words = said.split()
        return f"{first} {said}" if len(words) == 1 or words[0] == last else said


def _as_name(text: str) -> str | None:
    words = re.sub(r"[^\w\s'’.-]|\d", "", text).split()
    if not 0 < len(words) <= 4 or len(text) > LONGEST_NAME or NO_NAME.search(text):
        return None
    return " ".join(word[:1].upper() + word[1:] for word in words)


CONTACT_NEEDS: dict[str, Need] = {
    "phone": PhoneNeed("new_phone", ("phone_number",)),
    "email": EntityNeed("new_email", ("email",)),
    "name": NameNeed("new_name", ("person_name",)),
}


def _shown(kind: str, value: str) -> str:
    """A contact value as people read it."""
    if kind != "phone":
        return value
    return phonenumbers.format_number(phonenumbers.parse(value), phonenumbers.PhoneNumberFormat.INTERNATIONAL)


@register
class ChangeContact(Matter):
    """A new telephone number, e-mail address or name."""

    intent = "change_contact"

    def needs(self, case: Case) -> Iterator[Need]:
        """Who, what, a second proof where it matters, the new value, and a yes to it as it will be kept."""
        yield from proven()
        yield ContactKindNeed("contact_kind", CONTACT_WORDS)
        kind = case.get("contact_kind")
        if kind in WAYS_TO_REACH:
            yield BirthDateNeed()
        need = CONTACT_NEEDS[kind]
        yield need
        value = case.get(need.slot)
        if value != getattr(the_customer(case), kind):
            yield ConfirmNeed(f"utter_confirm_{need.slot}", {"value": _shown(kind, value)})

    def do(self, case: Case) -> None:
        """Keep it, and have a note sent to the e-mail address that was on file before."""
        customer, kind = the_customer(case), case.get("contact_kind")
        value, before = case.get(CONTACT_NEEDS[kind].slot), customer.email
        if value == getattr(customer, kind):
            case.say("utter_contact_same", value=_shown(kind, value))
            return
        setattr(customer, kind, value)
        _have_note_sent(case, customer, kind, before)
        case.put("reference", {"kind": "customer", "number": customer.number})
        case.say("utter_contact_changed", value=_shown(kind, value))
        if before:
            case.say("utter_contact_note_email" if kind == "email" else "utter_contact_note", email=mask_email(before))


def _have_note_sent(case: Case, customer: Customer, kind: str, email: str | None) -> None:
    """Several changes before the note is sent are listed in one task."""
    due = working_days_later(case, DAYS_FOR_NOTE)
    task, _ = open_task(case, "contact_changed", customer.number, due_on=due)
    change = {"what": kind, "note_to": email, "on": case.now.date().isoformat()}
    task.details = {"changes": [*task.details.get("changes", []), change]}


@register
class ForgotPassword(Matter):
    """Cannot log in: a link goes to the e-mail on file, nothing is told here."""

    intent = "forgot_password"

    def needs(self, case: Case) -> Iterator[Need]:
        """Only who it is."""
        yield from proven()

    def do(self, case: Case) -> None:
        """Have the link sent, once."""
        customer = the_customer(case)
        email = trusted_email(case, customer)
        if _must_be_checked(case, customer, email):
            return
        due = case.now.date() if email else working_days_later(case, DAYS_FOR_NOTE)
        details = {"send_to": email}
        task, is_new = open_task(case, "password_reset", customer.number, due_on=due, details=details)
        case.say("utter_password_requested" if is_new else "utter_password_already", **task_words(case, task))
        say_where(case, customer, task)


def _must_be_checked(case: Case, customer: Customer, trusted: str | None) -> bool:
    """Whether the first e-mail address was entered only lately, so that a human has to see to it; says so."""
    if trusted or not customer.email:
        return False
    case.say("utter_email_too_new")
    case.set("offer", "request_callback")
    return True


@register
class RequestDataAccess(Matter):
    """Which data do you hold about me (GDPR, article 15)."""

    intent = "request_data_access"

    def needs(self, case: Case) -> Iterator[Need]:
        """Who, and a yes unless it is asked for already."""
        yield from proven()
        if not find_task(case, "data_access", case.get("customer")):
            yield ConfirmNeed("utter_confirm_data_access")

    def do(self, case: Case) -> None:
        """Open the request with its legal deadline (GDPR, article 12 paragraph 3)."""
        customer, due = the_customer(case), months_later(case.now.date(), 1)
        email = trusted_email(case, customer)
        if _must_be_checked(case, customer, email):
            return
        task, is_new = open_task(case, "data_access", customer.number, due_on=due, details={"send_to": email})
        response = "utter_data_access_requested" if is_new else "utter_data_access_already"
        case.say(response, **task_words(case, task))
        say_where(case, customer, task)


class DeletionConfirmNeed(ConfirmNeed):
    """The yes to a deletion, after saying once what is still open."""

    def ask(self, case: Case) -> None:
        """Name open orders and invoices the first time, then ask."""
        if not case.asked_for(self.slot):
            _say_what_is_open(case, the_customer(case))
        super().ask(case)


def _say_what_is_open(case: Case, customer: Customer) -> None:
    orders = [order.number for order in customer.orders if order.status not in CLOSED_ORDERS]
    invoices = [invoice.number for invoice in customer.invoices if invoice.status != "paid"]
    if orders:
        case.say("utter_deletion_open_orders", numbers=together(orders, case.language))
    if invoices:
        case.say("utter_deletion_open_invoices", numbers=together(invoices, case.language))


@register
class RequestDataDeletion(Matter):
    """Delete my account or data (GDPR, article 17)."""

    intent = "request_data_deletion"

    def needs(self, case: Case) -> Iterator[Need]:
        """Who, and a yes knowing what has to be kept."""
        yield from proven()
        if not find_task(case, "data_deletion", case.get("customer")):
            yield DeletionConfirmNeed(f"utter_confirm_deletion{_retained(the_customer(case))}")

    def do(self, case: Case) -> None:
        """Open the request with its legal deadline; nothing is deleted here."""
        customer, due = the_customer(case), months_later(case.now.date(), 1)
        task, is_new = open_task(case, "data_deletion", customer.number, due_on=due)
        response = f"utter_deletion_requested{_retained(customer)}" if is_new else "utter_deletion_already"
        case.say(response, **task_words(case, task))


def _retained(customer: Customer) -> str:
    """Ending of a response: whether there are records that commercial and tax law (HGB, AO) want kept."""
    return "_retained" if customer.orders or customer.invoices else ""


class NewsletterNeed(ChoiceNeed):
    """Subscribe or unsubscribe; the first kind of words found counts: `unsubscribe` holds `subscribe`."""

    def read(self, case: Case) -> str | None:
        """The button or the words."""
        if case.heard.get("choice") in self.options:
            return case.take("choice")
        if case.get(self.slot) and not case.asked_for(self.slot):
            return None
        said = (case.text if case.asked_for(self.slot) else str(case.slot("opening") or "")).casefold()
        wish = next((kind for kind, words in NEWSLETTER_WORDS.items() if re.search(words, said)), None)
        return "subscribe" if wish == "again" else wish


@register
class ManageNewsletter(Matter):
    """Subscribe or unsubscribe mails."""

    intent = "manage_newsletter"

    def needs(self, case: Case) -> Iterator[Need]:
        """Who, which of the two, and a yes unless it is so already."""
        yield from proven()
        yield NewsletterNeed("newsletter_wish", {"subscribe": (), "unsubscribe": ()})
        if self._changes(case):
            yield ConfirmNeed(f"utter_confirm_{case.get('newsletter_wish')}", _mail_words(the_customer(case)))

    def do(self, case: Case) -> None:
        """Subscribe or unsubscribe; without an e-mail address there is nothing to subscribe."""
        customer, wish = the_customer(case), case.get("newsletter_wish")
        if self._changes(case):
            customer.newsletter = wish == "subscribe"
            case.say(f"utter_newsletter_{wish}d", **_mail_words(customer))
        elif customer.email or wish == "unsubscribe":
            case.say(f"utter_newsletter_{wish}d_already", **_mail_words(customer))
        else:
            case.say("utter_newsletter_no_email")
            case.set("offer", "change_contact")

    def _changes(self, case: Case) -> bool:
        customer, subscribe = the_customer(case), case.get("newsletter_wish") == "subscribe"
        return customer.newsletter != subscribe and (customer.email is not None or not subscribe)


def _mail_words(customer: Customer) -> dict[str, Any]:
    return {"email": mask_email(customer.email or "")}
