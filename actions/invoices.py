"""Invoices: what is owed, copies, disputes, payments that were not noticed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from actions.case import Case
from actions.claims import OpeningNeed
from actions.matter import Matter, register
from actions.models import Invoice
from actions.needs import ConfirmNeed, InvoiceNeed, Need, proven, the_customer, the_invoice
from actions.say import day, money
from actions.tasks import (
    find_task,
    months_later,
    open_task,
    say_where,
    task_words,
    trusted_email,
    working_days_later,
)

DAYS_FOR_COPY = 1
DAYS_FOR_DISPUTE = 14
DAYS_FOR_PAYMENT_CHECK = 3
LONGEST_QUOTE = 120
# Words that do not say what is wrong with an invoice; three others do.
VAGUE_WORDS = (
    "abrechnung|aber|about|also|amount|auch|auf|bei|betrag|bill|bin|bitte|brauche|can|could|complain|correct|correction"
    "|correctly|das|dem|den|der|des|die|dispute|doch|ein|eine|einen|einspruch|err?or|euch|falsch|falsche|falscher|falschen"
    "|fehler|fehlerhaft|für|gegen|gern|gerne|guten|haben|habe|hab|hallo|hat|have|hello|here|hier|ich|ihr|ihre|ihrer|ihnen"
    "|incorrect|invoice|invoices|isn|ist|kann|können|könnt|korrektur|korrigieren|like|mal|mein|meine|meiner|mit|möchte"
    "|morgen|moin|nicht|not|nummer|number|one|passt|please|prüfen|rechnung|rechnungen|rechnungskorrektur|reklamation"
    "|reklamieren|richtig|right|sie|sind|someone|steht|stimmt|stimmen|summe|tag|that|the|there|this|total|und|unserer?"
    "|von|want|was|wegen|will|widerspreche|widersprechen|with|wollte|would|wrong|your|your?s|need|mistake|zur|äh|ähm"
    "|einverstanden|beanstanden|anfechten|check|postleitzahl|kundennummer|bestellung|order"
)
SAYS_WHAT_IS_WRONG = re.compile(
    r"doppelt|zwei ?mal|twice|double|gutschein|rabatt|voucher|discount|gebühr|gebuehr|\bfees?\b"
    r"|zu ?viel|zu hoch|überhöht|too (much|high)"
    rf"|(?:\b(?!(?:{VAGUE_WORDS})\b)[^\W\d_]{{3,}}\b.*?){{3}}",
    re.IGNORECASE | re.DOTALL,
)

SAYS_TO_COME = re.compile(
    r"\b20\d\d\b|\bmorgen\b|übermorgen|nächst|kommend|\bin (\d+|ein\w*|zwei|drei|a|two|three) "
    r"|\bwerde\b|tomorrow|\bnext\b|\bwill\b",
    re.IGNORECASE,
)


def invoice_state(invoice: Invoice, today: date) -> str:
    """`open`, `overdue`, `paid`, or `settled` when it is paid and the day is not known."""
    if invoice.status == "paid":
        return "paid" if invoice.paid_on else "settled"
    return "overdue" if invoice.due_on < today else invoice.status


def invoice_words(case: Case, invoice: Invoice) -> dict[str, Any]:
    """What responses say of an invoice: number, amount, when it is due and when it was paid."""
    today, language = case.now.date(), case.language
    return {
        "number": invoice.number,
        "amount": money(invoice.amount_cents, language),
        "due": day(invoice.due_on, today, language),
        "paid": day(invoice.paid_on, today, language) if invoice.paid_on else "",
    }


def say_state(case: Case, invoice: Invoice) -> None:
    """Tell how an invoice stands."""
    case.say(f"utter_invoice_{invoice_state(invoice, case.now.date())}", **invoice_words(case, invoice))


def invoices_meant(case: Case) -> list[Invoice]:
    """The invoice or the order's invoices if one was named, else the open ones, else the latest."""
    reference, invoices = case.get("reference"), the_customer(case).invoices
    named = [i for i in invoices if reference["number"] in (i.number, i.order_number)]
    if named or (case.get("named") and reference["kind"] != "customer"):
        return named
    return [i for i in invoices if i.status != "paid"] or invoices[-1:]


@register
class AskInvoice(Matter):
    """How much, due when, paid or not; all open ones are told instead of asking which."""

    intent = "ask_invoice"
    lookup = True

    def needs(self, case: Case) -> Iterator[Need]:
        """Only who it is."""
        yield from proven()

    def do(self, case: Case) -> None:
        """Tell each invoice that can be meant."""
        invoices = invoices_meant(case)
        if not invoices:
            case.say("utter_no_invoices")
        if len(invoices) > 1:
            total = money(sum(i.amount_cents for i in invoices), case.language)
            case.say("utter_invoices_together", count=len(invoices), total=total)
        for invoice in invoices:
            say_state(case, invoice)


@register
class RequestInvoiceCopy(Matter):
    """Send me the invoice again."""

    intent = "request_invoice_copy"

    def needs(self, case: Case) -> Iterator[Need]:
        """Who, and which invoice; paid ones as well."""
        yield from proven()
        yield InvoiceNeed(fits=lambda invoice: True)

    def do(self, case: Case) -> None:
        """Have the copy sent, once."""
        invoice, due = the_invoice(case), working_days_later(case, DAYS_FOR_COPY)
        customer = the_customer(case)
        details = {"send_to": trusted_email(case, customer)}
        task, is_new = open_task(case, "invoice_copy", invoice.number, due_on=due, details=details)
        response = "utter_invoice_copy_requested" if is_new else "utter_invoice_copy_already"
        case.say(response, number=invoice.number, **task_words(case, task))
        say_where(case, customer, task)


@register
class DisputeInvoice(Matter):
    """The invoice is wrong."""

    intent = "dispute_invoice"

    def needs(self, case: Case) -> Iterator[Need]:
        """Who, which invoice, what is wrong, and a yes unless it is being looked into already."""
        yield from proven()
        yield InvoiceNeed()
        invoice = the_invoice(case)
        if find_task(case, "dispute", invoice.number):
            return
        yield OpeningNeed("what_is_wrong", enough=SAYS_WHAT_IS_WRONG)
        quote = _shortened(str(case.get("what_is_wrong")))
        yield ConfirmNeed("utter_confirm_dispute", {**invoice_words(case, invoice), "reason": quote})

    def do(self, case: Case) -> None:
        """Pass it on; reminder fees rest meanwhile."""
        invoice, due = the_invoice(case), case.now.date() + timedelta(days=DAYS_FOR_DISPUTE)
        details = {"reason": case.get("what_is_wrong"), "reminders": "paused"}
        task, is_new = open_task(case, "dispute", invoice.number, due_on=due, details=details)
        response = "utter_dispute_opened" if is_new else "utter_dispute_already"
        case.say(response, number=invoice.number, **task_words(case, task))


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_QUOTE else f"{text[: LONGEST_QUOTE - 1].rstrip()}…"


class PaidDayNeed(Need):
    """The day of payment, if it is said; it is never asked for, so unsaid it is kept as empty."""

    slot = "paid_day"

    def read(self, case: Case) -> str | None:
        """The day, in the past: `on Friday` is understood as the next one, but nobody has paid then.

        A day that is plainly to come says nothing about a payment.
        """
        said, today = case.take("date"), case.now.date()
        words = f"{case.slot('opening') or ''} {case.text}"
        if not said or (said[:10] > today.isoformat() and SAYS_TO_COME.search(words)):
            return None
        return _in_the_past(date.fromisoformat(said[:10]), today).isoformat()

    def known(self, case: Case) -> str:
        """Nothing was said."""
        return ""


def _in_the_past(said: date, today: date) -> date:
    """The day meant by a weekday, a day of the month or a day of the year that has not come yet."""
    if said <= today:
        return said
    if said <= today + timedelta(days=7):
        return said - timedelta(days=7)
    month_before = months_later(said, -1)
    return month_before if month_before <= today else months_later(said, -12)


@register
class ReportPaid(Matter):
    """I have paid already."""

    intent = "report_paid"

    def needs(self, case: Case) -> Iterator[Need]:
        """Who, which invoice; a yes if the payment has to be looked for."""
        yield from proven()
        yield InvoiceNeed()
        invoice = the_invoice(case)
        if invoice.status == "paid" or find_task(case, "payment_check", invoice.number):
            return
        yield PaidDayNeed()
        words = invoice_words(case, invoice)
        if said := case.get("paid_day"):
            paid = day(date.fromisoformat(said), case.now.date(), case.language)
            yield ConfirmNeed("utter_confirm_paid_on", {**words, "paid": paid})
        else:
            yield ConfirmNeed("utter_confirm_paid", words)

    def do(self, case: Case) -> None:
        """Say when the money came, or have it looked for."""
        invoice = the_invoice(case)
        if invoice.status == "paid":
            say_state(case, invoice)
            return
        details = {"paid_on": case.get("paid_day") or None}
        due = working_days_later(case, DAYS_FOR_PAYMENT_CHECK)
        task, is_new = open_task(case, "payment_check", invoice.number, due_on=due, details=details)
        response = "utter_payment_check_opened" if is_new else "utter_payment_check_already"
        case.say(response, number=invoice.number, **task_words(case, task))
