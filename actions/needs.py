"""What a matter needs to know before it can be done: one class per kind of question.

The form asks for the first need that is not filled. A need is filled by what was said (in any order,
also several in one sentence), by what is already known, or by an answer to its question
`utter_ask_<slot>`; when an answer does not help, `utter_help_<slot>` is said before it is asked again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from stdnum import luhn
from typing_extensions import override

from actions.case import Button, Case
from actions.identity import Proof, Reference, is_locked, prove
from actions.models import Customer, Invoice, Order
from actions.say import day

PREFIXES = {"order": ("104", "105"), "invoice": ("550",), "customer": ("270",)}
NUMBER_DIGITS = 8
HALF = "half"
MOST_WORDS_OF_NO_TEXT = 6
LONGEST_TEXT = 500
LATEST_BIRTH = "2016"
YES = r"\s*(ja|jawohl|jo|jep|yes|yep|yeah)\b"
BUT = (
    r"\b(nein|nee|ne|nicht|kein\w*|aber|moment|wart\w*|erst|lieber|doch|wieso|warum|was|wie|wann|wenn|falls|"
    r"no|not|don.?t|but|wait|stop|if|when|what|why|how|only)\b"
)
MOST_BUTTONS = 5


class GiveUp(Exception):
    """The matter cannot go on and the customer has been told why."""


class Need:
    """One thing to know. `slot` names it, also in `utter_ask_<slot>` and `utter_help_<slot>`.

    `takes_text` says that any words answer it, so that only a few intents leave the question.
    """

    slot: str
    takes_text: bool = False

    def read(self, case: Case) -> Any | None:
        """A value that the customer has said, None when there is none."""
        return None

    def accept(self, case: Case, value: Any) -> Any | None:
        """The value as it will be kept; None when it cannot be, after saying why."""
        return value

    def known(self, case: Case) -> Any | None:
        """A value that need not be asked for."""
        return None

    def holds(self, case: Case) -> bool:
        """Whether what is kept still counts."""
        return case.get(self.slot) is not None

    def ask(self, case: Case) -> None:
        """Ask the customer."""
        case.say(f"utter_ask_{self.slot}")

    def help(self, case: Case) -> None:
        """Say how to answer, before it is asked again."""
        case.say(f"utter_help_{self.slot}")


class ReferenceNeed(Need):
    """A number that says whose matter it is; the caller's known telephone number also does."""

    slot = "reference"

    @override
    def read(self, case: Case) -> dict[str, str] | None:
        for kind in PREFIXES:
            if number := case.take(f"{kind}_number"):
                return {"kind": kind, "number": number}
        digits = self._spoken_part(case)
        return {"kind": "order", "number": digits} if digits else None

    def _spoken_part(self, case: Case) -> str | None:
        """Bare digits of a caller who was asked for a number; five digits that begin like one are no postcode."""
        if not case.asked_for(self.slot):
            return None
        begins = tuple(prefix for prefixes in PREFIXES.values() for prefix in prefixes)
        if case.metadata.get("channel") == "voice" and case.heard.get("postcode", "").startswith(begins):
            return case.take("postcode")
        return case.take("digits")

    @override
    def ask(self, case: Case) -> None:
        if half := case.heard.get(HALF):
            case.say("utter_number_go_on", number=half)
        else:
            super().ask(case)

    @override
    def accept(self, case: Case, value: dict[str, str]) -> dict[str, str] | None:
        half = case.take(HALF)
        if half and len(value["number"]) < NUMBER_DIGITS:
            value = _joined(half, value["number"])
        elif self._is_half(case, value["number"]):
            case.set("heard", {**case.heard, HALF: value["number"]})
            case.put("halved", True)
            case.progress = True
            return None
        problem = _number_problem(value["number"], PREFIXES[value["kind"]])
        if problem:
            case.say(problem, number=value["number"])
            return None
        if is_locked(case.session, case.conversation, Reference(**value)):
            stop_locked(case)
        for need in ("order", "invoice", "item", "confirm"):
            case.put(need, None)
        case.put("named", True)
        return value

    @override
    def known(self, case: Case) -> dict[str, str] | None:
        if proven := case.slot("proven"):
            return {"kind": "customer", "number": proven[-1]}
        hint = Reference("phone", case.metadata.get("phone_hint") or "")
        if case.heard.get(HALF) or not hint.customer(case.session) or is_locked(case.session, case.conversation, hint):
            return None
        return {"kind": "phone", "number": hint.number}

    def _is_half(self, case: Case, number: str) -> bool:
        """Whether a caller has said the first part of a number and goes on in the next turn; once a matter."""
        spoken = case.metadata.get("channel") == "voice"
        return spoken and case.asked_for(self.slot) and len(number) < NUMBER_DIGITS and not case.get("halved")


def _joined(first: str, second: str) -> dict[str, str]:
    number = first + second
    kind = next((kind for kind, prefixes in PREFIXES.items() if number.startswith(prefixes)), "order")
    return {"kind": kind, "number": number}


def _number_problem(number: str, prefixes: Sequence[str]) -> str | None:
    if len(number) != NUMBER_DIGITS:
        return "utter_number_length"
    if not luhn.is_valid(number):
        return "utter_number_check_digit"
    if not number.startswith(tuple(prefixes)):
        return "utter_number_prefix"
    return None


def stop_locked(case: Case) -> None:
    """Say that nothing more is told about this customer here, and hand the matter to a human."""
    case.put("reference", None)
    case.say("utter_proof_locked")
    case.effect(handoff={"reason": "proof_locked"})
    raise GiveUp


@dataclass
class ProofNeed(Need):
    """The postcode or date of birth that proves the reference; kept as the customer's number.

    `eager` takes a postcode that came before it was asked for; an address change must not.
    """

    eager: bool = True
    slot: str = "customer"

    @override
    def read(self, case: Case) -> dict[str, str] | None:
        if self.known(case) or not (self.eager or case.asked_for(self.slot)):
            return None
        if postcode := case.take("postcode"):
            return {"kind": "postcode", "value": postcode}
        if case.heard.get("date", LATEST_BIRTH) < LATEST_BIRTH and (born := case.take("date")):
            return {"kind": "birth_date", "value": born[:10]}
        return None

    @override
    def accept(self, case: Case, value: dict[str, str]) -> str | None:
        reference = Reference(**case.get("reference"))
        self._stop_when_locked(case, reference)
        customer = prove(case.session, case.conversation, case.turn_id, reference, Proof(**value))
        if customer is None:
            self._stop_when_locked(case, reference)
            case.say("utter_proof_wrong")
            return None
        case.set("proven", [*(case.slot("proven") or []), customer.number])
        case.effect(link={"customer": customer.number, "level": "proven"})
        return customer.number

    @override
    def holds(self, case: Case) -> bool:
        return case.get("customer") is not None and bool(self.known(case) == case.get("customer"))

    @override
    def known(self, case: Case) -> str | None:
        claimed = Reference(**case.get("reference")).customer(case.session)
        return claimed.number if claimed and claimed.number in (case.slot("proven") or []) else None

    def _stop_when_locked(self, case: Case, reference: Reference) -> None:
        if is_locked(case.session, case.conversation, reference):
            stop_locked(case)


@dataclass
class OrderNeed(Need):
    """Which of the customer's orders; asked only when more than one can be meant."""

    fits: Callable[[Order], bool] = field(default=lambda order: True)
    slot: str = "order"

    @override
    def read(self, case: Case) -> str | None:
        product = case.heard.get("product")
        if not product or (case.get(self.slot) and not case.asked_for(self.slot)):
            return None
        matching = [o for o in self._candidates(case) if _items_called(o, product)]
        if len(matching) != 1:
            return None
        items = _items_called(matching[0], case.take("product") or "")
        case.put("item", items[0] if len(items) == 1 else None)
        return matching[0].number

    @override
    def known(self, case: Case) -> str | None:
        reference = case.get("reference")
        if reference["kind"] == "order":
            return str(reference["number"])
        if reference["kind"] == "invoice":
            invoice = case.session.get(Invoice, reference["number"])
            return invoice.order_number if invoice else None
        candidates = self._candidates(case)
        if not the_customer(case).orders:
            case.say("utter_no_orders")
            raise GiveUp
        return candidates[0].number if len(candidates) == 1 else None

    @override
    def ask(self, case: Case) -> None:
        case.say("utter_ask_order", buttons=[_order_button(case, o) for o in self._candidates(case)[:MOST_BUTTONS]])

    def _candidates(self, case: Case) -> list[Order]:
        orders = the_customer(case).orders
        return [o for o in orders if self.fits(o)] or list(orders)


def _items_called(order: Order, product: str) -> list[str]:
    return [item.name for item in order.items if product.casefold() in item.name.casefold()]


def _order_button(case: Case, order: Order) -> Button:
    first = order.items[0].name if order.items else order.number
    title = f"{first}, {day(order.placed_on, case.now.date(), case.language)}"
    return Button(title, f'/inform{{"order_number": "{order.number}"}}')


@dataclass
class InvoiceNeed(Need):
    """Which of the customer's invoices, unpaid ones first; asked only when more than one can be meant."""

    fits: Callable[[Invoice], bool] = field(default=lambda invoice: invoice.status != "paid")
    slot: str = "invoice"

    @override
    def known(self, case: Case) -> str | None:
        reference = case.get("reference")
        if reference["kind"] == "invoice":
            return str(reference["number"])
        candidates = self._candidates(case)
        if not candidates:
            case.say("utter_no_invoice_for_order" if case.get("named") else "utter_no_invoices")
            raise GiveUp
        return candidates[0].number if len(candidates) == 1 else None

    @override
    def ask(self, case: Case) -> None:
        buttons = [Button(i.number, f'/inform{{"invoice_number": "{i.number}"}}') for i in self._candidates(case)]
        case.say("utter_ask_invoice", buttons=buttons)

    def _candidates(self, case: Case) -> list[Invoice]:
        reference, invoices = case.get("reference"), the_customer(case).invoices
        if reference["kind"] == "order":
            of_order = [i for i in invoices if i.order_number == reference["number"]]
            invoices = of_order if case.get("named") else of_order or invoices
        return [i for i in invoices if self.fits(i)] or list(invoices)


class ItemNeed(Need):
    """Which article of the order; asked only when there are several."""

    slot = "item"

    @override
    def read(self, case: Case) -> str | None:
        if case.get(self.slot) and not case.asked_for(self.slot):
            return None
        names = [item.name for item in the_order(case).items]
        said = case.heard.get("item") or case.heard.get("product")
        matching = [name for name in names if said and said.casefold() in name.casefold()]
        if len(matching) != 1:
            return None
        case.take("item", "product")
        return matching[0]

    @override
    def known(self, case: Case) -> str | None:
        items = the_order(case).items
        return items[0].name if len(items) == 1 else None

    @override
    def ask(self, case: Case) -> None:
        names = [item.name for item in the_order(case).items]
        case.say("utter_ask_item", buttons=[Button(n, f'/inform{{"item": "{n}"}}') for n in names[:MOST_BUTTONS]])


@dataclass
class ChoiceNeed(Need):
    """One of some options; each has words that stand for it when the customer types or says them.

    The buttons stand in `utter_ask_<slot>` with the payload `/inform{"choice": "<option>"}`.
    """

    slot: str
    options: dict[str, tuple[str, ...]]

    @override
    def read(self, case: Case) -> str | None:
        if case.heard.get("choice") in self.options:
            return case.take("choice")
        answers = case.asked_for(self.slot) or case.asked_for(ConfirmNeed.slot)
        if case.get(self.slot) and not answers:
            return None
        said = f" {(case.text if answers else case.slot('opening') or '').casefold()} "
        fitting = [option for option, words in self.options.items() if any(word in said for word in words)]
        return fitting[0] if len(fitting) == 1 else None


@dataclass
class EntityNeed(Need):
    """A value that understanding finds, such as a street or a telephone number."""

    slot: str
    entities: tuple[str, ...]

    @override
    def read(self, case: Case) -> str | None:
        return case.take(*self.entities)


@dataclass
class DayNeed(Need):
    """A day that is not in the past."""

    slot: str = "day"

    @override
    def read(self, case: Case) -> str | None:
        return case.take("date")

    @override
    def accept(self, case: Case, value: str) -> str | None:
        if date.fromisoformat(value[:10]) < case.now.date():
            case.say("utter_day_past")
            return None
        return value[:10]


@dataclass
class TextNeed(Need):
    """The customer's own words, taken as they are when they answer the question."""

    slot: str
    takes_text: bool = True

    @override
    def read(self, case: Case) -> str | None:
        said = case.text.strip()
        short = len(said.split()) <= MOST_WORDS_OF_NO_TEXT
        if not case.asked_for(self.slot) or not said or (short and self._is_no_text(case)):
            return None
        return said[:LONGEST_TEXT]

    def _is_no_text(self, case: Case) -> bool:
        """Whether a short turn corrects a number or is a mere yes or no."""
        return case.understood or case.intent in ("affirm", "deny")


@dataclass
class ConfirmNeed(Need):
    """A yes before data are changed; the question says what will happen."""

    response: str
    values: dict[str, Any] = field(default_factory=dict)
    slot: str = "confirm"

    @override
    def read(self, case: Case) -> bool | None:
        if not case.asked_for(self.slot) or case.understood:
            return None
        return True if says_yes(case.text) else {"affirm": True, "deny": False}.get(case.intent)

    @override
    def ask(self, case: Case) -> None:
        case.say(self.response, **self.values)


def says_yes(text: str) -> bool:
    """Whether it begins with a plain yes and nothing after it takes that back: `Ja, bitte an meine E-Mail-Adresse`."""
    said = text.casefold()
    return re.match(YES, said) is not None and "?" not in said and re.search(BUT, said) is None


def the_customer(case: Case) -> Customer:
    """The proven customer."""
    return case.session.get_one(Customer, case.get("customer"))


def the_order(case: Case) -> Order:
    """The order that this matter is about, the proven customer's own."""
    order = case.session.get_one(Order, case.get("order"))
    if order.customer_number != case.get("customer"):
        raise PermissionError("the order belongs to another customer")
    return order


def the_invoice(case: Case) -> Invoice:
    """The invoice that this matter is about, the proven customer's own."""
    invoice = case.session.get_one(Invoice, case.get("invoice"))
    if invoice.customer_number != case.get("customer"):
        raise PermissionError("the invoice belongs to another customer")
    return invoice


def proven() -> list[Need]:
    """The two needs before any data of a customer are said."""
    return [ReferenceNeed(), ProofNeed()]
