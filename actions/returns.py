"""Returns: sending something back, where it is, the money, another size, the warranty."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, ClassVar

from stdnum import luhn

from actions.case import Case
from actions.claims import (
    TWELVE_WORDS,
    OpeningNeed,
    claim_words,
    file_claim,
    open_claim,
    spoken,
    tell_claim,
    words,
)
from actions.matter import Matter, register
from actions.models import Order, Return
from actions.needs import (
    ChoiceNeed,
    ConfirmNeed,
    ItemNeed,
    Need,
    OrderNeed,
    proven,
    the_customer,
    the_order,
)
from actions.orders import cancellable, order_words, tell_status
from actions.say import money
from actions.tasks import mask_email

RETURN_TIME = timedelta(days=60)
REFUND_TIME = timedelta(days=14)
WARRANTY_YEARS = 2
LABEL_PREFIX = "660"
LABEL_SERIES = 10_000
REASONS = {
    "wrong_size": words(
        "passt nicht|passt mir nicht|passen nicht|zu klein|zu groß|zu gross|zu eng|zu weit|"
        "too small|too big|too large|too tight|n't fit|not fit|doesnt fit"
    ),
    "not_liked": words("gefällt|gefallen|hässlich|not like|n't like|dont like|ugly"),
    "damaged": words("kaputt|schädig|defekt|gerissen|broken|damage|defective|torn|faulty"),
    "wrong_item": words("falscher artikel|falschen artikel|falsch geliefert|nicht bestellt|wrong item|not order"),
    "other": words("was anderes|anderer grund|kein grund|ohne grund|egal|another reason|no reason"),
}
SAYS_WHAT_INSTEAD = re.compile(
    r"eine (nummer|größe) (größer|kleiner)|\bgegen (eine[nrs]?|die|den|das|größe)\b"
    r"|(a|one) size (up|down|bigger|larger|smaller)|\bfor (a|an|the|size) (\w+ )?(one|size|[smlx]+\b|\d{1,3}\b)",
    re.IGNORECASE,
)


class SettledOrderNeed(OrderNeed):
    """Which order with a return: one that fits counts more than one that was talked about before."""

    def known(self, case: Case) -> str | None:
        """The order that was named, unless it has nothing of this and another has."""
        named = super().known(case)
        fitting = [order.number for order in the_customer(case).orders if self.fits(order)]
        if named in fitting or (named and "reference" in case.changed):
            return named
        return fitting[0] if len(fitting) == 1 else None


def last_return_day(order: Order) -> date | None:
    """Until when it can be sent back, None when it has not arrived."""
    if order.status != "delivered" or order.delivered_on is None:
        return None
    return order.delivered_on + RETURN_TIME


def returnable(order: Order, today: date) -> bool:
    """Whether it has arrived and the time for returns is not over."""
    last = last_return_day(order)
    return last is not None and today <= last


def label_number(return_id: int) -> str:
    """The label's number: 660, four digits that repeat after 10,000 returns, and a Luhn check digit."""
    body = f"{LABEL_PREFIX}{return_id % LABEL_SERIES:04d}"
    return body + str(luhn.calc_check_digit(body))


def return_words(case: Case, sent_back: Return) -> dict[str, Any]:
    """What responses say of a return."""
    return {
        "number": sent_back.order_number,
        "item": sent_back.item,
        "amount": money(sent_back.refund_cents, case.language),
        "since": spoken(case, sent_back.requested_on),
        "until": spoken(case, sent_back.requested_on + REFUND_TIME),
        "exchange": sent_back.exchange_for or "",
    }


def find_return(order: Order, item: str) -> Return | None:
    """The article's return, None when there is none."""
    return next((sent_back for sent_back in order.returns if sent_back.item == item), None)


def tell_return(case: Case, sent_back: Return) -> None:
    """Say where a return is; the label is told as long as it may be needed."""
    case.say(f"utter_return_{sent_back.status}", **return_words(case, sent_back))
    if sent_back.status == "announced" and sent_back.label:
        _tell_label(case, sent_back.label)


def _tell_label(case: Case, label: str) -> None:
    email = the_customer(case).email
    if email:
        case.say("utter_return_label", label=label, email=mask_email(email))
    else:
        case.say("utter_return_label_without_email", label=label)


def _tell_why_not(case: Case, order: Order) -> None:
    """Say why nothing of this order can be sent back now, and what can be done instead."""
    last = last_return_day(order)
    if last is not None:
        case.say("utter_return_too_late", number=order.number, last=spoken(case, last))
    elif cancellable(order):
        case.say("utter_return_not_sent_yet", **order_words(case, order))
        case.set("offer", "cancel_order")
    elif order.status in ("cancelled", "lost"):
        tell_status(case, order)
    else:
        case.say("utter_return_not_arrived", **order_words(case, order))


class SendBack(Matter):
    """An article goes back, for the money or for something else."""

    confirmation: ClassVar[str]
    done: ClassVar[str]

    @abstractmethod
    def question(self) -> Need:
        """What this kind of return needs to know."""

    @abstractmethod
    def terms(self, case: Case) -> dict[str, Any]:
        """Why it comes back, what is paid back for it and what is wanted instead, as the return keeps it."""

    def needs(self, case: Case) -> Iterator[Need]:
        """Who, which order and article, the question of this kind, and a yes."""
        yield from proven()
        yield OrderNeed(fits=lambda order: returnable(order, case.now.date()))
        order = the_order(case)
        if not returnable(order, case.now.date()):
            return
        yield ItemNeed()
        if find_return(order, case.get("item")) is None:
            yield self.question()
            yield ConfirmNeed(self.confirmation, return_words(case, self._planned(case)))

    def do(self, case: Case) -> None:
        """Announce it once and tell the label."""
        order = the_order(case)
        if before := find_return(order, case.get("item") or ""):
            tell_return(case, before)
        elif returnable(order, case.now.date()):
            self._announce(case, order)
        else:
            for sent_back in order.returns:
                tell_return(case, sent_back)
            if len(order.returns) < len(order.items):
                _tell_why_not(case, order)

    def _planned(self, case: Case) -> Return:
        return Return(
            order_number=case.get("order"),
            item=case.get("item"),
            status="announced",
            requested_on=case.now.date(),
            **self.terms(case),
        )

    def _announce(self, case: Case, order: Order) -> None:
        announced = self._planned(case)
        order.returns.append(announced)
        case.session.flush()
        announced.label = label_number(announced.id)
        case.say(self.done, **return_words(case, announced))
        _tell_label(case, announced.label)


@register
class StartReturn(SendBack):
    """Send something back for the money."""

    intent = "start_return"
    confirmation = "utter_confirm_return"
    done = "utter_return_created"

    def question(self) -> Need:
        """Why it comes back."""
        return ChoiceNeed("return_reason", REASONS)

    def terms(self, case: Case) -> dict[str, Any]:
        """The reason, and the price of the article."""
        items = [item for item in the_order(case).items if item.name == case.get("item")]
        price = sum(item.price_cents * item.quantity for item in items)
        return {"reason": case.get("return_reason"), "refund_cents": price}


@register
class AskExchange(SendBack):
    """Send something back for another size or colour."""

    intent = "ask_exchange"
    confirmation = "utter_confirm_exchange"
    done = "utter_exchange_created"

    def question(self) -> Need:
        """What is wanted instead, in the customer's own words."""
        return OpeningNeed("exchange_for", enough=SAYS_WHAT_INSTEAD)

    def terms(self, case: Case) -> dict[str, Any]:
        """What is wanted instead; nothing is paid back."""
        return {"reason": "exchange", "refund_cents": 0, "exchange_for": case.get("exchange_for")}


@register
class AskReturnStatus(Matter):
    """Has the returned parcel arrived."""

    intent = "ask_return_status"
    lookup = True
    nothing = "utter_return_none"

    def needs(self, case: Case) -> Iterator[Need]:
        """Who it is, and which order if there are returns of several."""
        yield from proven()
        if any(self.fits(order) for order in the_customer(case).orders):
            yield SettledOrderNeed(fits=self.fits)

    def do(self, case: Case) -> None:
        """Say where each return of the order is."""
        order = the_order(case) if case.get("order") else None
        if order is None or not self.fits(order):
            case.say(self.nothing)
            case.set("offer", "start_return")
            return
        self.tell(case, order)

    def fits(self, order: Order) -> bool:
        """Whether there is anything to say of this order."""
        return bool(order.returns)

    def tell(self, case: Case, order: Order) -> None:
        """Say it."""
        for sent_back in order.returns:
            tell_return(case, sent_back)


@register
class AskRefund(AskReturnStatus):
    """When is the money coming back."""

    intent = "ask_refund"
    nothing = "utter_refund_none"

    def fits(self, order: Order) -> bool:
        """Returns are paid back, and cancelled orders."""
        return bool(order.returns) or order.status == "cancelled"

    def tell(self, case: Case, order: Order) -> None:
        """Say how much and until when."""
        if order.status == "cancelled":
            case.say("utter_refund_cancelled", **order_words(case, order))
        for sent_back in order.returns:
            case.say(_refund_response(sent_back, case.now.date()), **return_words(case, sent_back))


def _refund_response(sent_back: Return, today: date) -> str:
    if sent_back.exchange_for:
        return "utter_refund_exchange"
    if sent_back.status == "received" and sent_back.requested_on + REFUND_TIME < today:
        return "utter_refund_late"
    return f"utter_refund_{sent_back.status}"


def warranty_until(delivered: date) -> date:
    """The last day of the two years; 29 February ends on 28 February."""
    is_leap_day = (delivered.month, delivered.day) == (2, 29)
    return delivered.replace(year=delivered.year + WARRANTY_YEARS, day=28 if is_leap_day else delivered.day)


def under_warranty(order: Order, today: date) -> bool:
    """Whether it has arrived, within two years."""
    arrived = order.delivered_on if order.status == "delivered" else None
    return arrived is not None and today <= warranty_until(arrived)


@register
class AskWarranty(Matter):
    """It broke after a while."""

    intent = "ask_warranty"

    def needs(self, case: Case) -> Iterator[Need]:
        """Who, which order and article, what is broken, and a yes."""
        today = case.now.date()
        yield from proven()
        yield OrderNeed(fits=lambda order: under_warranty(order, today))
        order = the_order(case)
        if not under_warranty(order, today):
            return
        yield ItemNeed()
        if not open_claim(order, "warranty", case.get("item")):
            yield OpeningNeed("defect", enough=TWELVE_WORDS)
            told = {"number": order.number, "item": case.get("item"), "defect": case.get("defect")}
            yield ConfirmNeed("utter_confirm_warranty", told)

    def do(self, case: Case) -> None:
        """Report it once, or say why it is no warranty case."""
        order = the_order(case)
        if not under_warranty(order, case.now.date()):
            self._tell_why_not(case, order)
        elif claim := open_claim(order, "warranty", case.get("item")):
            tell_claim(case, claim)
        else:
            note = f"{case.get('item')}: {case.get('defect')}"
            case.say("utter_warranty_reported", **claim_words(case, file_claim(case, order, "warranty", note)))

    def _tell_why_not(self, case: Case, order: Order) -> None:
        if order.status == "delivered" and order.delivered_on:
            case.say(
                "utter_warranty_over",
                number=order.number,
                last=spoken(case, warranty_until(order.delivered_on)),
            )
        else:
            case.say("utter_warranty_not_arrived")
            tell_status(case, order)
