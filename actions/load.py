"""Loads a company file into the shop's database.

What is there already stays as it is, so that loading the same file again changes nothing and takes
nothing back that a customer has changed since. One transaction: all of it or nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from actions.company_file import (
    CompanyFile,
    CustomerForm,
    InvoiceForm,
    LoadError,
    OrderForm,
    ProductForm,
    read,
)
from actions.db import migrate, session
from actions.models import (
    Address,
    Company,
    Customer,
    Invoice,
    Order,
    OrderItem,
    Product,
    Return,
    Stock,
    Store,
    Voucher,
)

__all__ = ["LoadError", "Summary", "load"]


@dataclass(frozen=True)
class Summary:
    """How many of each kind were added, and how many were there already."""

    new: Counter[str] = field(default_factory=Counter)
    there: Counter[str] = field(default_factory=Counter)

    def count(self, kind: str, is_new: bool) -> bool:
        """Count one of a kind; gives back whether it is new."""
        (self.new if is_new else self.there)[kind] += 1
        return is_new


def load(path: Path, url: str | None = None, today: date | None = None) -> Summary:
    """Load a company file; days in it count from `today`, by default today where the company is.

    Raises `LoadError` when the file is wrong; then nothing is changed.
    """
    form = read(path)
    migrate(url)
    with session(url) as opened:
        return _Loader(opened, form, today or _today(form)).run()


def _today(form: CompanyFile) -> date:
    return datetime.now(ZoneInfo(form.company.timezone)).date()


def cents(euros: float) -> int:
    """An amount in whole cents."""
    return round(euros * 100)


class _Loader:
    """One load: adds what is missing, in the order in which the tables need each other."""

    def __init__(self, opened: Session, form: CompanyFile, today: date) -> None:
        self.session = opened
        self.form = form
        self.today = today
        self.summary = Summary()

    def run(self) -> Summary:
        """Add everything that is missing."""
        self._company()
        self._stores()
        for customer in self.form.customers:
            self._customer(customer)
        for product in self._products():
            self._product(product)
        self._vouchers()
        return self.summary

    def _day(self, offset: int | None) -> date | None:
        return None if offset is None else self._on(offset)

    def _on(self, offset: int) -> date:
        return self.today + timedelta(days=offset)

    def _company(self) -> None:
        there = self.session.scalar(select(Company.name))
        wanted = self.form.company
        if there is not None and there != wanted.name:
            todo = "Use another DATABASE_URL: one database holds one company."
            raise LoadError(f"the database already holds the company '{there}', not '{wanted.name}'", todo)
        if self.summary.count("company", there is None):
            self.session.add(
                Company(
                    name=wanted.name,
                    state=wanted.state,
                    timezone=wanted.timezone,
                    languages=list(wanted.languages),
                    service_hours=dict(wanted.service_hours),
                )
            )

    def _stores(self) -> None:
        for store in self.form.stores:
            there = self.session.get(Store, store.id)
            if there is not None and there.latitude is None:
                there.latitude, there.longitude = store.latitude, store.longitude
            if self.summary.count("stores", there is None):
                self.session.add(
                    Store(
                        id=store.id,
                        name=store.name,
                        street=store.street,
                        postcode=store.postcode,
                        city=store.city,
                        state=store.state,
                        hours=dict(store.hours),
                        latitude=store.latitude,
                        longitude=store.longitude,
                    )
                )
        self.session.flush()

    def _customer(self, form: CustomerForm) -> None:
        if self.summary.count("customers", self.session.get(Customer, form.number) is None):
            self.session.add(self._new_customer(form))
        self.session.flush()
        for order in form.orders:
            if self.summary.count("orders", self.session.get(Order, order.number) is None):
                self.session.add(self._new_order(form, order))
        self.session.flush()
        for invoice in form.invoices:
            if self.summary.count("invoices", self.session.get(Invoice, invoice.number) is None):
                self.session.add(self._new_invoice(form, invoice))
        self._returns(form)

    def _new_customer(self, form: CustomerForm) -> Customer:
        address = Address(street=form.address.street, postcode=form.address.postcode, city=form.address.city)
        return Customer(
            number=form.number,
            name=form.name,
            language=form.language,
            email=form.email,
            phone=form.phone,
            postcode=form.postcode,
            birth_date=form.birth_date,
            addresses=[address],
        )

    def _new_order(self, customer: CustomerForm, form: OrderForm) -> Order:
        items = [OrderItem(name=i.name, quantity=i.quantity, price_cents=cents(i.price)) for i in form.items]
        return Order(
            number=form.number,
            customer_number=customer.number,
            placed_on=self._on(form.placed_days),
            status=form.status,
            carrier=form.carrier,
            tracking=form.tracking,
            eta=self._day(form.eta_days),
            delivered_on=self._day(form.delivered_days),
            delay_reason=form.delay_reason,
            store_id=form.store,
            pickup_until=self._day(form.pickup_until_days),
            total_cents=cents(form.total),
            items=items,
        )

    def _new_invoice(self, customer: CustomerForm, form: InvoiceForm) -> Invoice:
        return Invoice(
            number=form.number,
            customer_number=customer.number,
            order_number=form.order,
            issued_on=self._on(form.issued_days),
            due_on=self._on(form.due_days),
            amount_cents=cents(form.amount),
            status=form.status,
            paid_on=self._day(form.paid_days),
        )

    def _returns(self, customer: CustomerForm) -> None:
        for form in customer.returns:
            same = select(Return.id).where(Return.order_number == form.order, Return.item == form.item)
            if self.summary.count("returns", self.session.scalar(same) is None):
                self.session.add(
                    Return(
                        order_number=form.order,
                        item=form.item,
                        reason=form.reason,
                        status=form.status,
                        refund_cents=cents(form.refund),
                        requested_on=self._on(form.requested_days),
                    )
                )

    def _products(self) -> Iterator[ProductForm]:
        """The catalogue; ordered articles that it does not list are added without stock."""
        yield from self.form.products
        seen = {product.name for product in self.form.products}
        for item in (item for c in self.form.customers for order in c.orders for item in order.items):
            if item.name not in seen:
                seen.add(item.name)
                yield ProductForm(name=item.name, price=item.price)

    def _product(self, form: ProductForm) -> None:
        product = self.session.scalar(select(Product).where(Product.name == form.name))
        if self.summary.count("products", product is None) or product is None:
            product = Product(name=form.name, price_cents=cents(form.price))
            self.session.add(product)
            self.session.flush()
        for place, quantity in form.stock.items():
            if self.summary.count("stock", self.session.get(Stock, (product.id, place)) is None):
                coming = self._day(form.available_in_days) if quantity == 0 else None
                self.session.add(Stock(product_id=product.id, place=place, quantity=quantity, available_from=coming))

    def _vouchers(self) -> None:
        for form in self.form.vouchers:
            if self.summary.count("vouchers", self.session.get(Voucher, form.code) is None):
                self.session.add(
                    Voucher(
                        code=form.code,
                        percent=form.percent,
                        amount_cents=None if form.amount is None else cents(form.amount),
                        minimum_cents=cents(form.minimum),
                        valid_until=self._on(form.valid_days),
                    )
                )
