"""The matter `change_address` of the topic account: understanding and keeping a new address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from text_to_num import alpha2digit

from actions.case import Case
from actions.matter import Matter, register
from actions.models import Address, Customer
from actions.needs import ConfirmNeed, Need, ProofNeed, ReferenceNeed, the_customer
from actions.say import together

NUMBERS = ("order_number", "invoice_number", "customer_number")
RUNNING_ORDERS = ("processing", "shipped", "out_for_delivery", "delayed")
TYPED_POSTCODE = re.compile(r"\b\d{5}\b")
LONGEST_LINE = 100
SHORTEST_LAST_WORD = 3
LEADS_TO_CITY = re.compile(r"^\s*(in|nach|aus|city of)\b", re.IGNORECASE)
HOUSE_NUMBER = re.compile(r"(?:nummer|number|nr\.?)\s*(?:ist |is )?(\d{1,4} ?[a-h]?)\b")
LAST_NUMBER = re.compile(r"\d[-/\d]*(?:\s?[a-h]\b)?(?=\D*$)")
CITY_WORD = re.compile(r"[^\W\d_(][\w./'’()-]*|\([^\W\d_]+\)")
WITHIN_NAMES = re.compile(r"am|an|auf|bei|der|dem|den|im|in|ob|unter|vor|zu")
ENDS_CITY = re.compile(
    r"ab|aber|address|adresse|also|and|anschrift|bitte|da|danke|das|die|eintragen|euch|from|für|geändert|gezogen"
    r"|hab|habe|haben|heißt|i|ich|is|ist|it|ja|jetzt|konto|können|könnt|kunde|kundenkonto|kundennummer|lautet|mein"
    r"|meine|my|ne|nee|nein|neu|neue|nicht|no|nochmal|now|nun|oder|please|plz|postleitzahl|seit|since|so|sondern"
    r"|statt|stimmt|thanks?|that|the|uh|um|umgezogen|und|war|was|wegen|weil|wir|wohnen?|zum|ähm?|ändern",
    re.IGNORECASE,
)


def city_in(text: str) -> str | None:
    """The city at the beginning of some words: ` Hamburg, bitte ändern` gives `Hamburg`."""
    found: list[str] = []
    for word in LEADS_TO_CITY.sub("", text).replace(",", " , ").split():
        bare = word.rstrip("!?;:") if len(word) <= SHORTEST_LAST_WORD else word.rstrip(".!?;:")
        if not CITY_WORD.fullmatch(bare) or ENDS_CITY.fullmatch(bare):
            break
        found.append(bare)
        if bare != word:
            break
    while found and WITHIN_NAMES.fullmatch(found[-1].casefold()):
        found.pop()
    return _written(" ".join(found))[:LONGEST_LINE] or None


def _written(name: str) -> str:
    """A name in lower case, as a recogniser writes it, with capitals."""
    if name != name.lower():
        return name
    return " ".join(w if WITHIN_NAMES.fullmatch(w) else _capital(w) for w in name.split())


def _capital(word: str) -> str:
    return re.sub(r"[^\W\d_]+", lambda part: part[0].capitalize(), word)


def _entities(case: Case, *names: str) -> list[dict[str, Any]]:
    """This turn's values of these kinds, in the order they were said."""
    return [found for found in case.message.get("entities") or [] if found["entity"] in names]


def _set_aside(case: Case) -> None:
    """Keep a new postcode and city apart, so that the proof does not take them.

    A postcode is the proof when we asked for it, or when it came with a number of ours and no street;
    of two postcodes with a street the last is the new one.
    """
    streets, postcodes = _entities(case, "street"), [str(e["value"]) for e in _entities(case, "postcode")]
    if case.asked_for("customer") and not streets:
        return
    if city := _city_said(case):
        case.set("heard", {**case.heard, "new_city": city})
    if not postcodes or (_entities(case, *NUMBERS) and not streets):
        return
    case.take("postcode")
    proof = {"postcode": postcodes[0]} if streets and len(postcodes) > 1 else {}
    case.set("heard", {**case.heard, **proof, "new_postcode": postcodes[-1]})


def _city_said(case: Case) -> str | None:
    """The words after the postcode, or after the street when a comma or `in` leads to them.

    In `22763 Hamburg, no, 22765` only the last number is still a value, the city follows the first.
    """
    marks = [found for found in _entities(case, "postcode", "street") if "end" in found]
    for entity in ("postcode", "street"):
        for mark in [found for found in reversed(marks) if found["entity"] == entity]:
            following = [other["start"] for other in marks if other["start"] >= mark["end"]]
            rest = case.text[mark["end"] : min(following, default=len(case.text))].lstrip()
            if entity == "street" and not re.match(r",|in\b", rest):
                continue
            if city := city_in(rest.lstrip(", ")):
                return city
    taken_back = TYPED_POSTCODE.search(case.text)
    return city_in(case.text[taken_back.end() :]) if taken_back else None


class MovedReferenceNeed(ReferenceNeed):
    """Whose address it is; what is said of the new one is set aside first."""

    def read(self, case: Case) -> dict[str, str] | None:
        """The number, as everywhere."""
        _set_aside(case)
        return super().read(case)


class StreetNeed(Need):
    """Street and house number; `Hausnummer 19` corrects the number before it is confirmed."""

    slot = "street"
    takes_text = True

    def read(self, case: Case) -> str | None:
        """What understanding found, or the words with a digit in them when they answer the question."""
        if street := case.take("street"):
            return street
        if case.asked_for(self.slot):
            return _street_line(case)
        return self._with_other_number(case) if case.asked_for("confirm") else None

    def _with_other_number(self, case: Case) -> str | None:
        number = HOUSE_NUMBER.search(alpha2digit(case.text.casefold(), case.language))
        present = str(case.get(self.slot))
        return LAST_NUMBER.sub(number[1].replace(" ", ""), present) if number else None


def _street_line(case: Case) -> str | None:
    postcodes = [found["start"] for found in _entities(case, "postcode") if "start" in found]
    line = case.text[: min(postcodes, default=len(case.text))].strip(" ,.!\n")
    is_street = re.search(r"[^\W\d_]{2}", line) and re.search(r"\d", line)
    return line if is_street and len(line) <= LONGEST_LINE else None


class NewPostcodeNeed(Need):
    """The new postcode."""

    slot = "new_postcode"

    def read(self, case: Case) -> str | None:
        """What was set aside."""
        return case.take("new_postcode")


class CityNeed(Need):
    """The new city."""

    slot = "city"
    takes_text = True

    def read(self, case: Case) -> str | None:
        """What was set aside, or the words that answer the question."""
        if city := case.take("new_city"):
            return city
        if not case.asked_for(self.slot):
            return None
        words = case.text.split()
        while words and ENDS_CITY.fullmatch(words[0].strip(",.")):
            words.pop(0)
        return city_in(" ".join(words))


@register
class ChangeAddress(Matter):
    """Moved: a new address."""

    intent = "change_address"

    def needs(self, case: Case) -> Iterator[Need]:
        """Who, the new address, and a yes to the whole of it."""
        yield MovedReferenceNeed()
        yield ProofNeed()
        yield StreetNeed()
        yield NewPostcodeNeed()
        yield CityNeed()
        if not _lives_there(the_customer(case), self._new(case)):
            yield ConfirmNeed("utter_confirm_address", self._new(case))

    def do(self, case: Case) -> None:
        """Keep it as the last address; what is under way still goes to the old one."""
        customer, new = the_customer(case), self._new(case)
        if _lives_there(customer, new):
            case.say("utter_address_same", **new)
            return
        customer.addresses.append(Address(**new))
        customer.postcode = new["postcode"]
        case.say("utter_address_changed", **new)
        if running := [order.number for order in customer.orders if order.status in RUNNING_ORDERS]:
            case.say("utter_address_running_orders", numbers=together(running, case.language))

    def _new(self, case: Case) -> dict[str, Any]:
        return {name: str(case.get(need)) for name, need in NEW_ADDRESS.items()}


NEW_ADDRESS = {"street": "street", "postcode": "new_postcode", "city": "city"}


def _lives_there(customer: Customer, address: dict[str, str]) -> bool:
    """Whether it is the address that counts now."""
    if not customer.addresses:
        return False
    present = customer.addresses[-1]
    return all(getattr(present, name).casefold() == value.casefold() for name, value in address.items())
