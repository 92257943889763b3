"""Masked sentences made natural again: invented values for placeholders, always the same ones for a sentence."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Collection

from bot.mistakes.mask import PLACEHOLDER, PLACEHOLDERS
from bot.nlu.tokens import fold, word_set

CITIES = {
    "22765": "Hamburg",
    "04107": "Leipzig",
    "80469": "München",
    "26122": "Oldenburg",
    "50667": "Köln",
    "24103": "Kiel",
    "10999": "Berlin",
}
# All invented: numbers with right check digits, mobile numbers and mail addresses that nobody can have.
VALUES: dict[str, tuple[str, ...]] = {
    "name": ("Annika Brandt", "Murat Yıldız", "Nele Jansen", "James Whitfield", "Gerda Thomsen", "Peter Lindner"),
    "phone": ("0171 3920044", "0171 3920011", "0171 3920077", "0171 3920033"),
    "email": ("annika.brandt@example.org", "nele.jansen@example.org", "j.whitfield@example.org"),
    "iban": ("DE89 3704 0044 0532 0130 00",),
    "street": ("Hafenstraße 12", "Lindenweg 3", "Bahrenfelder Straße 101", "Klenzestraße 55"),
    "postcode": tuple(CITIES),
    "city": tuple(CITIES.values()),
    "order_number": ("10482917", "10483055", "10484129", "10485035", "10481232", "10483774"),
    "invoice_number": ("55001218", "55001333", "55001572", "55001887"),
    "customer_number": ("27004118", "27004183", "27004258", "27004316"),
    "tracking_number": ("00340434161094021501",),
    "number": ("4711", "20815", "317046"),
    "year": ("2024", "2025"),
    "date": ("12.04.1987", "30.11.1979", "22.08.1991"),
    "time": ("10:30",),
    "amount": ("1.249,00 €", "1.080,50 €"),
    "link": ("https://nordwind.example",),
    "secret": ("geheim",),
    "store": ("Hamburg",),
}
ENTITIES = {placeholder: entity for entity, placeholder in PLACEHOLDERS.items()}
TITLES = word_set("herr herrn frau fr familie mr mrs ms miss mister")
LAST_WORD = re.compile(r"(\w+)\W*$")


def fill(masked: str, marked: Collection[str] = ()) -> str:
    """The sentence with values in place of its placeholders; those of entities in `marked` as `[value](entity)`."""
    chosen = int.from_bytes(hashlib.sha256(masked.encode()).digest()[:4])
    return PLACEHOLDER.sub(_replacement(masked, chosen, marked), masked)


def _replacement(masked: str, chosen: int, marked: Collection[str]) -> Callable[[re.Match[str]], str]:
    seen: Counter[str] = Counter()
    in_small_letters = PLACEHOLDER.sub("", masked).islower()

    def replace(found: re.Match[str]) -> str:
        name = found[1]
        values = VALUES.get(name) or VALUES["number"]
        value = values[(chosen + seen[name]) % len(values)]
        seen[name] += 1
        if name == "name" and _follows_title(masked[: found.start()]):
            value = value.rpartition(" ")[2]
        if in_small_letters and name in ("name", "city", "street"):
            value = value.lower()
        entity = ENTITIES.get(name, name)
        return f"[{value}]({entity})" if entity in marked else value

    return replace


def _follows_title(before: str) -> bool:
    last = LAST_WORD.search(before)
    return last is not None and fold(last[1]) in TITLES
