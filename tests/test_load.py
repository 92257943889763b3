"""Loading a company file into a real SQLite database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import func, select

from actions.db import session
from actions.load import LoadError, load
from actions.models import Address, Base, Company, Customer, Invoice, Order, Product, Return, Stock, Voucher

DEMO = Path(__file__).parent.parent / "bot" / "demo" / "nordwind.yml"
TODAY = date(2026, 11, 23)
Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database that does not exist yet."""
    return f"sqlite:///{tmp_path / 'shop.db'}"


def changed_demo(tmp_path: Path, change: Change) -> Path:
    """A copy of the demo company with one thing changed."""
    content = yaml.safe_load(DEMO.read_text(encoding="utf-8"))
    change(content)
    path = tmp_path / "changed.yml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return path


def rows(url: str) -> dict[str, int]:
    """How many rows each table has."""
    with session(url) as opened:
        tables = Base.metadata.sorted_tables
        return {t.name: opened.scalar(select(func.count()).select_from(t)) or 0 for t in tables}


def test_the_demo_company_is_loaded_with_days_counted_from_today(url: str) -> None:
    summary = load(DEMO, url, TODAY)
    assert summary.new["customers"] == 6
    assert not summary.there
    with session(url) as opened:
        company = opened.scalars(select(Company)).one()
        assert (company.name, company.state, company.languages) == ("Nordwind Versand", "HH", ["de", "en"])
        order = opened.get_one(Order, "10482917")
        assert (order.customer_number, order.status, order.total_cents) == ("27004118", "shipped", 8990)
        assert (order.placed_on, order.eta) == (date(2026, 11, 19), date(2026, 11, 24))
        assert [item.price_cents for item in order.items] == [7995, 995]
        assert opened.get_one(Invoice, "55001333").due_on == date(2026, 11, 21)
        assert opened.scalars(select(Return)).one().refund_cents == 12995
        assert opened.get_one(Customer, "27004118").birth_date == date(1987, 4, 12)


def test_stock_and_vouchers_are_loaded(url: str) -> None:
    load(DEMO, url, TODAY)
    with session(url) as opened:
        backpack = opened.scalars(select(Product).where(Product.name == "Wanderrucksack Fjell 30")).one()
        assert opened.get_one(Stock, (backpack.id, "online")).available_from is None
        assert opened.get_one(Stock, (backpack.id, "hamburg")).available_from == date(2026, 11, 28)
        voucher = opened.get_one(Voucher, "WILLKOMMEN10")
        assert (voucher.percent, voucher.amount_cents, voucher.minimum_cents) == (10, None, 5000)


def test_loading_it_again_changes_nothing(url: str) -> None:
    load(DEMO, url, TODAY)
    before = rows(url)
    summary = load(DEMO, url, date(2026, 12, 24))
    assert not summary.new
    assert rows(url) == before
    with session(url) as opened:
        assert opened.get_one(Order, "10482917").eta == date(2026, 11, 24)


def test_loading_it_again_takes_nothing_back_that_a_customer_changed(url: str) -> None:
    load(DEMO, url, TODAY)
    with session(url) as opened:
        opened.get_one(Order, "10483055").status = "cancelled"
        annika = opened.get_one(Customer, "27004118")
        annika.postcode = "20357"
        annika.addresses.append(Address(street="Neue Straße 1", postcode="20357", city="Hamburg"))
    before = rows(url)
    load(DEMO, url, TODAY)
    assert rows(url) == before
    with session(url) as opened:
        assert opened.get_one(Order, "10483055").status == "cancelled"
        assert opened.get_one(Customer, "27004118").postcode == "20357"
        assert opened.get_one(Customer, "27004118").addresses[-1].street == "Neue Straße 1"


def test_without_products_the_catalogue_comes_from_the_orders(url: str, tmp_path: Path) -> None:
    def leave_out(content: dict[str, Any]) -> None:
        del content["products"], content["vouchers"]

    summary = load(changed_demo(tmp_path, leave_out), url, TODAY)
    assert (summary.new["products"], summary.new["stock"]) == (11, 0)
    assert load(DEMO, url, TODAY).new == {"products": 3, "stock": 56, "vouchers": 4}


def first_order(content: dict[str, Any]) -> dict[str, Any]:
    """The first order of the file."""
    return content["customers"][0]["orders"][0]  # type: ignore[no-any-return]


WRONG: dict[str, tuple[Change, list[str]]] = {
    "an unknown key": (
        lambda c: c["customers"][0].update(nickname="Anni"),
        ["nickname", "customers[0]"],
    ),
    "a missing key": (lambda c: c["company"].pop("timezone"), ["timezone", "company"]),
    "a wrong check digit": (
        lambda c: first_order(c).update(number="10482918"),
        ["check digit", "10482918", "10482917", "customers[0].orders[0]"],
    ),
    "a number too short": (lambda c: c["customers"][1].update(number="2700418"), ["8 digits", "2700418"]),
    "a number of another kind": (
        lambda c: c["customers"][2].update(number="10482917"),
        ["270", "customers[2]"],
    ),
    "an order of an unknown status": (
        lambda c: first_order(c).update(status="sent"),
        ["sent", "shipped", "customers[0].orders[0]"],
    ),
    "an order number twice": (
        lambda c: c["customers"][1]["orders"][0].update(number="10481232"),
        ["10481232", "twice"],
    ),
    "a customer twice": (lambda c: c["customers"].append(c["customers"][0]), ["27004118", "twice"]),
    "an invoice for an order of somebody else": (
        lambda c: c["customers"][0]["invoices"][0].update(order="10483055"),
        ["55001218", "10483055"],
    ),
    "a return of an article that was not ordered": (
        lambda c: c["customers"][2]["returns"][0].update(item="Zelt"),
        ["Zelt", "10484129"],
    ),
    "stock in an unknown store": (
        lambda c: c["products"][0]["stock"].update(berlin=1),
        ["berlin", "hamburg"],
    ),
    "a pickup in an unknown store": (
        lambda c: first_order(c).update(store="berlin"),
        ["berlin", "10482917"],
    ),
    "a voucher with two values": (
        lambda c: c["vouchers"][0].update(amount=5.0),
        ["percent", "vouchers[0]"],
    ),
    "an unknown federal state": (lambda c: c["company"].update(state="XX"), ["XX", "company"]),
    "an unknown time zone": (lambda c: c["company"].update(timezone="Europe/Bremen"), ["Europe/Bremen"]),
    "hours that are none": (
        lambda c: c["stores"][0]["hours"].update(mon="10-20"),
        ["stores[0].hours"],
    ),
    "a postcode as a number": (
        lambda c: c["customers"][0].update(postcode=22765),
        ["int", "customers[0].postcode"],
    ),
    "two postcodes": (lambda c: c["customers"][0].update(postcode="22767"), ["postcode", "customers[0]"]),
    "an amount below zero": (lambda c: first_order(c).update(total=-1.0), ["orders[0].total"]),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_a_mistake_is_told_with_its_place_and_nothing_is_loaded(mistake: str, url: str, tmp_path: Path) -> None:
    change, told = WRONG[mistake]
    with pytest.raises(LoadError) as caught:
        load(changed_demo(tmp_path, change), url, TODAY)
    assert all(word in caught.value.what for word in told), caught.value.what
    assert caught.value.todo
    assert "\n" not in caught.value.what + caught.value.todo
    assert not (tmp_path / "shop.db").exists()


def test_a_missing_file_is_told(url: str, tmp_path: Path) -> None:
    with pytest.raises(LoadError, match=r"nowhere\.yml cannot be read"):
        load(tmp_path / "nowhere.yml", url, TODAY)


@pytest.mark.parametrize("content", [b"company: [", b"a: b: c", b"\xff\xfe\x00", b""])
def test_a_file_that_is_not_yaml_is_told(content: bytes, url: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.yml"
    path.write_bytes(content)
    with pytest.raises(LoadError, match=r"broken\.yml"):
        load(path, url, TODAY)


def test_another_company_is_not_mixed_into_a_database(url: str, tmp_path: Path) -> None:
    load(DEMO, url, TODAY)
    before = rows(url)

    def become_another(content: dict[str, Any]) -> None:
        content["company"]["name"] = "Südwind Handel"
        content["customers"].append({**content["customers"][0], "number": "27004126", "orders": [], "invoices": []})

    with pytest.raises(LoadError, match="Nordwind Versand"):
        load(changed_demo(tmp_path, become_another), url, TODAY)
    assert rows(url) == before
