"""Stock: whether an article is there, in one store or anywhere, and when it comes again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import select

from actions.case import Button, Case
from actions.catalogue import find_articles
from actions.company_file import ONLINE
from actions.matter import Matter, register
from actions.models import Product, Stock, Store
from actions.needs import Need
from actions.say import day, together
from actions.stores import MOST_BUTTONS, all_stores, named_store

FEW = 3
LONGEST_TITLE = 20


class ProductNeed(Need):
    """Which article, kept as the names it may be; none when the catalogue does not have it."""

    slot = "products"

    def read(self, case: Case) -> list[str] | None:
        """What the customer's own words fit, else the article that understanding found."""
        entity = case.heard.get("product") or ""
        said = case.text if case.asked_for(self.slot) else case.slot("opening") or ""
        if case.get(self.slot) is not None and (not entity or case.asked_for(WhichNeed.slot)):
            return None
        names = list(case.session.scalars(select(Product.name)))
        match = find_articles(said, names, case.language)
        if not match.names:
            match = find_articles(entity, names, case.language)
        if not match.names and not entity and not (case.asked_for(self.slot) and said):
            return None
        case.take("product")
        case.put("exact", match.exact)
        return list(match.names)


class WhichNeed(Need):
    """Which of several articles; asked only when more than one is meant."""

    slot = "product"

    def read(self, case: Case) -> str | None:
        """The one that the answer fits."""
        if not case.asked_for(self.slot):
            return None
        said = case.take("product") or case.text
        kinds = {name.split()[0] for name in self._names(case)}
        kind = kinds.pop() if len(kinds) == 1 else ""
        match = find_articles(f"{kind} {said}", self._names(case), case.language)
        return match.names[0] if len(match.names) == 1 else None

    def known(self, case: Case) -> str | None:
        """The only one."""
        names = self._names(case)
        return names[0] if len(names) == 1 else None

    def ask(self, case: Case) -> None:
        """Ask with a button for each."""
        response = "utter_ask_product" if case.get("exact") else "utter_ask_product_near"
        names = self._names(case)[:MOST_BUTTONS]
        case.say(response, buttons=[Button(_title(n), f'/inform{{"product": "{n}"}}') for n in names])

    def _names(self, case: Case) -> list[str]:
        return list(case.get(ProductNeed.slot))


def _title(name: str) -> str:
    """The name as it fits on a button: its last words tell articles of one kind apart."""
    words = name.split()
    while len(words) > 1 and len(" ".join(words)) > LONGEST_TITLE:
        words = words[1:]
    return " ".join(words)[:LONGEST_TITLE]


@register
class AskStock(Matter):
    """Whether an article is there, in one store or anywhere."""

    intent = "ask_stock"
    lookup = True

    def needs(self, case: Case) -> Iterator[Need]:
        """Which article; a store narrows the answer but is not asked for."""
        yield ProductNeed()
        if len(case.get(ProductNeed.slot)) > 0:
            yield WhichNeed()

    def do(self, case: Case) -> None:
        """Say where it is, or when it comes."""
        if not case.get(ProductNeed.slot):
            case.say("utter_stock_unknown_product")
            return
        name = case.get(WhichNeed.slot)
        product = case.session.scalars(select(Product).where(Product.name == name)).one()
        if not case.get("exact") and len(case.get(ProductNeed.slot)) == 1:
            case.say("utter_stock_nearest", product=name)
        store = named_store(case, case.slot("opening") or "")
        if not product.stock:
            case.say("utter_stock_not_known", product=name)
        elif store:
            _say_stock_at(case, product, store)
        else:
            _say_stock(case, product)


def _say_stock_at(case: Case, product: Product, store: Store) -> None:
    here = next((row for row in product.stock if row.place == store.id), None)
    words: dict[str, Any] = {"product": product.name, "store": store.name}
    if here and here.quantity > FEW:
        case.say("utter_stock_here", **words)
    elif here and here.quantity:
        case.say("utter_stock_here_few", **words, quantity=str(here.quantity))
    else:
        coming = _coming(case, [here] if here else [])
        case.say("utter_stock_not_here_until" if coming else "utter_stock_not_here", **words, day=coming)
        if any(row.quantity for row in product.stock):
            _say_stock(case, product)


def _say_stock(case: Case, product: Product) -> None:
    """Online and all stores."""
    in_stock = {row.place for row in product.stock if row.quantity}
    cities = together([s.city for s in all_stores(case) if s.id in in_stock], case.language)
    words: dict[str, Any] = {"product": product.name, "cities": cities, "day": _coming(case, product.stock)}
    if in_stock:
        case.say(_where(ONLINE in in_stock, bool(cities)), **words)
    else:
        case.say("utter_stock_from" if words["day"] else "utter_stock_nowhere", **words)
    coming = _coming(case, [row for row in product.stock if row.place == ONLINE])
    if in_stock and coming:
        case.say("utter_stock_online_from", day=coming)


def _where(online: bool, stores: bool) -> str:
    if online:
        return "utter_stock_online_and_stores" if stores else "utter_stock_online"
    return "utter_stock_stores"


def _coming(case: Case, rows: list[Stock]) -> str:
    """The day of the next delivery, empty when none is known."""
    today = case.now.date()
    days = [row.available_from for row in rows if row.available_from and row.available_from >= today]
    return day(min(days), today, case.language) if days else ""
