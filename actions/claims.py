"""Claims: what is reported about an order, kept once per kind, and until when we answer."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from actions.case import Case
from actions.models import Claim, Order
from actions.needs import LONGEST_TEXT, TextNeed
from actions.say import day

ANSWER_TIME = timedelta(days=7)
TWELVE_WORDS = re.compile(r"(\S+\s+){11}")


def words(listed: str) -> tuple[str, ...]:
    """Words that stand for an option, listed with bars between them."""
    return tuple(listed.split("|"))


DAMAGES = {
    "damaged": words(
        "kaputt|schädig|schaedig|schaden|defekt|brochen|gerissen|riss |loch|kratz|undicht|delle|"
        "broken|damage|defective|torn|crack|scratch|faulty| hole|dent "
    ),
    "wrong": words("falsch|verwechsel|nicht bestellt|was anderes|wrong|not order|n't order|something else"),
    "incomplete": words("fehlt|fehlen|unvollständig|zu wenig|hälfte|missing|incomplete|not complete"),
}


@dataclass
class OpeningNeed(TextNeed):
    """The customer's own words; those the matter began with will do when `enough` is found in them."""

    enough: re.Pattern[str] = field(kw_only=True)

    def known(self, case: Case) -> str | None:
        """The opening words, if they say enough."""
        opening = str(case.slot("opening") or "").strip()
        return opening[:LONGEST_TEXT] if self.enough.search(opening) else None


def spoken(case: Case, value: date | None) -> str:
    """A day as people say it, empty when there is none."""
    return day(value, case.now.date(), case.language) if value else ""


def open_claim(order: Order, kind: str, item: str = "") -> Claim | None:
    """The order's open claim of this kind that names the item, None when there is none."""
    found = next((claim for claim in order.claims if claim.kind == kind and claim.status == "open"), None)
    notes = (found.note or "").splitlines() if found else []
    return found if not item or any(note.startswith(f"{item}: ") for note in notes) else None


def file_claim(case: Case, order: Order, kind: str, note: str = "") -> Claim:
    """The order's one claim of this kind, opened or opened again, with the note added to it."""
    claim = next((claim for claim in order.claims if claim.kind == kind), None)
    if claim is None:
        claim = Claim(kind=kind, opened_on=case.now.date(), status="open")
        order.claims.append(claim)
    elif claim.status != "open":
        claim.opened_on, claim.status = case.now.date(), "open"
    claim.note = "\n".join(part for part in (claim.note, note) if part) or None
    return claim


def claim_words(case: Case, claim: Claim) -> dict[str, Any]:
    """What responses say of a claim: the order's number, since when, and until when we answer."""
    until = claim.opened_on + ANSWER_TIME
    return {
        "number": claim.order_number or claim.order.number,
        "since": spoken(case, claim.opened_on),
        "until": spoken(case, until),
    }


def tell_claim(case: Case, claim: Claim) -> None:
    """Say that it is reported already, since when and until when we answer."""
    late = claim.opened_on + ANSWER_TIME < case.now.date()
    case.say("utter_claim_late" if late else "utter_claim_known", **claim_words(case, claim))
