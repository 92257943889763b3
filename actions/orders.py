"""Orders: where they are, when they come, what went wrong, another delivery, cancelling."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from actions.case import Case
from actions.claims import (
    DAMAGES,
    TWELVE_WORDS,
    OpeningNeed,
    claim_words,
    file_claim,
    open_claim,
    spoken,
    tell_claim,
)
from actions.matter import Matter, register
from actions.models import Order
from actions.needs import ChoiceNeed, ConfirmNeed, ItemNeed, Need, OrderNeed, proven, the_order
from actions.say import money, together
from actions.wishes import WISHES, WishNeed, detail_need, wish_note, wish_words

MOVING = ("shipped", "out_for_delivery", "delayed")
SENT = (*MOVING, "delivered", "pickup_ready")
CHANGEABLE = ("processing", "shipped", "delayed")
LONG_AGO = timedelta(days=14)


def order_words(case: Case, order: Order) -> dict[str, Any]:
    """What responses say of an order: number, items, total, carrier, tracking, store and the days."""
    return {
        "number": order.number,
        "items": together([item.name for item in order.items], case.language),
        "total": money(order.total_cents, case.language),
        "carrier": order.carrier or "",
        "tracking": order.tracking or "",
        "reason": order.delay_reason or "",
        "store": f"{order.store.name}, {order.store.street}" if order.store else "",
        "day": spoken(case, order.eta),
        "delivered": spoken(case, order.delivered_on),
        "until": spoken(case, order.pickup_until),
    }


def is_overdue(order: Order, today: date) -> bool:
    """Whether it should have come before today."""
    return order.status in MOVING and order.eta is not None and order.eta < today


def is_current(order: Order, today: date) -> bool:
    """Whether a customer who names no order may mean this one: not cancelled, not delivered long ago."""
    if order.status == "cancelled":
        return False
    return order.delivered_on is None or today - order.delivered_on <= LONG_AGO


def is_searchable(order: Order, today: date) -> bool:
    """Whether a parcel that did not come can be searched for: the carrier has had its time."""
    waiting = order.eta is not None and not is_overdue(order, today)
    return order.status in ("delivered", "lost") or (order.status in MOVING and not waiting)


def cancellable(order: Order) -> bool:
    """Only what is still being prepared can be cancelled."""
    return order.status == "processing"


def changeable(order: Order) -> bool:
    """Whether the carrier still takes a wish for the delivery."""
    return order.status in CHANGEABLE


def status_response(order: Order, today: date) -> str:
    """The response that says where the order is, with no more than is known of it."""
    if order.status not in MOVING:
        return f"utter_order_{order.status}"
    if order.eta is None:
        return "utter_order_undated"
    if is_overdue(order, today):
        return "utter_order_overdue"
    told = order.carrier
    if order.status == "delayed":
        told = order.delay_reason
    elif order.status == "shipped":
        told = order.carrier and order.tracking
    return f"utter_order_{order.status}" if told else "utter_delivery_expected"


def tell_status(case: Case, order: Order) -> None:
    """Say where it is; what is lost or overdue is searched for, or the search is offered."""
    case.say(status_response(order, case.now.date()), **order_words(case, order))
    if claim := open_claim(order, "lost"):
        tell_claim(case, claim)
    elif order.status == "lost" or is_overdue(order, case.now.date()):
        case.say("utter_offer_search")
        case.set("offer", "report_not_received")


@register
class AskOrderStatus(Matter):
    """Where is my order."""

    intent = "ask_order_status"
    lookup = True

    def needs(self, case: Case) -> Iterator[Need]:
        """Who it is, then which order."""
        yield from proven()
        yield OrderNeed(fits=lambda order: is_current(order, case.now.date()))

    def do(self, case: Case) -> None:
        """Say where it is."""
        tell_status(case, the_order(case))


@register
class AskDeliveryDate(AskOrderStatus):
    """When does it come."""

    intent = "ask_delivery_date"

    def do(self, case: Case) -> None:
        """Say the day; when there is none to say, where the order is."""
        order = the_order(case)
        if order.status in ("processing", "shipped") and order.eta and order.eta >= case.now.date():
            case.say("utter_delivery_expected", **order_words(case, order))
        else:
            tell_status(case, order)


@register
class ReportNotReceived(Matter):
    """The parcel did not come."""

    intent = "report_not_received"

    def needs(self, case: Case) -> Iterator[Need]:
        """Who, which order, and a yes to the search if it is time for one."""
        today = case.now.date()
        yield from proven()
        yield OrderNeed(fits=lambda order: is_current(order, today) and order.status in (*MOVING, "delivered", "lost"))
        order = the_order(case)
        if is_searchable(order, today) and not open_claim(order, "lost"):
            delivered = order.status == "delivered"
            question = "utter_confirm_search_delivered" if delivered else "utter_confirm_search"
            yield ConfirmNeed(question, order_words(case, order))

    def do(self, case: Case) -> None:
        """Start the search once, or ask for patience."""
        order = the_order(case)
        if claim := open_claim(order, "lost"):
            tell_claim(case, claim)
        elif is_searchable(order, case.now.date()):
            case.say("utter_search_started", **claim_words(case, file_claim(case, order, "lost")))
        else:
            tell_status(case, order)
            if order.status in MOVING:
                case.say("utter_please_wait")


@register
class ReportDamaged(Matter):
    """Something arrived broken, wrong or incomplete."""

    intent = "report_damaged"

    def needs(self, case: Case) -> Iterator[Need]:
        """Who, which order and article, what is wrong with it, and a yes."""
        yield from proven()
        yield OrderNeed(fits=lambda order: order.status in SENT and is_current(order, case.now.date()))
        order = the_order(case)
        if order.status not in SENT:
            return
        yield ChoiceNeed("damage", DAMAGES)
        yield ItemNeed()
        if not open_claim(order, case.get("damage"), case.get("item")):
            yield OpeningNeed("description", enough=TWELVE_WORDS)
            told = {"number": order.number, "item": case.get("item"), "description": case.get("description")}
            yield ConfirmNeed(f"utter_confirm_{case.get('damage')}", told)

    def do(self, case: Case) -> None:
        """Report it once."""
        order = the_order(case)
        if order.status not in SENT:
            case.say("utter_damaged_not_sent")
            tell_status(case, order)
        elif claim := open_claim(order, case.get("damage"), case.get("item")):
            tell_claim(case, claim)
        else:
            note = f"{case.get('item')}: {case.get('description')}"
            case.say(
                "utter_damage_reported",
                **claim_words(case, file_claim(case, order, case.get("damage"), note)),
            )


@register
class ChangeDelivery(Matter):
    """Another day, a neighbour, a place to leave it, or a parcel shop."""

    intent = "change_delivery"

    def needs(self, case: Case) -> Iterator[Need]:
        """Who, which order, how it shall come, and a yes."""
        yield from proven()
        yield OrderNeed(fits=changeable)
        order = the_order(case)
        if not changeable(order):
            return
        yield WishNeed("wish", WISHES)
        yield detail_need(case, order)
        if order.delivery_wish != wish_note(case):
            yield ConfirmNeed(f"utter_confirm_wish_{case.get('wish')}", wish_words(case, order))

    def do(self, case: Case) -> None:
        """Note the wish, or say why it is too late for one."""
        order = the_order(case)
        if not changeable(order):
            case.say("utter_change_delivery_too_late")
            tell_status(case, order)
        elif order.delivery_wish == wish_note(case):
            case.say("utter_wish_known", **wish_words(case, order))
        else:
            order.delivery_wish = wish_note(case)
            case.say("utter_wish_noted", **wish_words(case, order))


@register
class CancelOrder(Matter):
    """Cancel an order that is not sent yet."""

    intent = "cancel_order"

    def needs(self, case: Case) -> Iterator[Need]:
        """Who, which order, and a yes if it can still be cancelled."""
        yield from proven()
        yield OrderNeed(fits=cancellable)
        if cancellable(the_order(case)):
            yield ConfirmNeed("utter_confirm_cancel", order_words(case, the_order(case)))

    def do(self, case: Case) -> None:
        """Cancel it, or offer the return."""
        order = the_order(case)
        if cancellable(order):
            order.status = "cancelled"
            case.say("utter_order_cancelled_now", **order_words(case, order))
        elif order.status in ("cancelled", "lost"):
            tell_status(case, order)
        else:
            case.say("utter_cancel_too_late", **order_words(case, order))
            case.set("offer", "start_return")
