"""The form of a company file: the company, its stores, customers, products and vouchers, typed and checked.

`read` gives the checked form of a YAML file such as `bot/demo/nordwind.yml`. Whatever is wrong is told
with its place, as `$.customers[0].orders[1]` (lists count from 0).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import available_timezones

import holidays
import msgspec
import yaml
from msgspec import Meta
from stdnum import luhn

from actions.needs import NUMBER_DIGITS, PREFIXES

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Hours = dict[Weekday, Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$")]]
Language = Literal["de", "en"]
Postcode = Annotated[str, Meta(pattern=r"^\d{5}$")]
Phone = Annotated[str, Meta(pattern=r"^\+[1-9]\d{6,14}$")]
Money = Annotated[float, Meta(ge=0)]
Count = Annotated[int, Meta(ge=0)]
Name = Annotated[str, Meta(min_length=1, max_length=200)]

ORDER_STATUS = (
    "processing",
    "shipped",
    "out_for_delivery",
    "delivered",
    "delayed",
    "lost",
    "cancelled",
    "pickup_ready",
)
INVOICE_STATUS = ("open", "overdue", "paid")
RETURN_STATUS = ("announced", "received", "refunded")
ONLINE = "online"
STATES = holidays.country_holidays("DE").subdivisions


class LoadError(Exception):
    """The file cannot be loaded: `what` is wrong and where, `todo` is what to do about it."""

    def __init__(self, what: str, todo: str) -> None:
        super().__init__(what)
        self.what = what
        self.todo = todo


class Form(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Base of the file's parts: a key that we do not know is an error."""


class CompanyForm(Form, kw_only=True):
    """The company itself."""

    name: Name
    languages: Annotated[list[Language], Meta(min_length=1)]
    state: str
    timezone: str
    service_hours: Hours

    def __post_init__(self) -> None:
        _one_of("state", self.state, STATES)
        if self.timezone not in available_timezones():
            raise ValueError(f"unknown timezone '{self.timezone}'")


class StoreForm(Form, kw_only=True):
    """A store."""

    id: Annotated[str, Meta(pattern=r"^[a-z0-9_-]{1,40}$")]
    name: Name
    street: Name
    postcode: Postcode
    city: Name
    state: str
    hours: Hours
    latitude: Annotated[float, Meta(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Meta(ge=-180, le=180)] | None = None

    def __post_init__(self) -> None:
        _one_of("state", self.state, STATES)
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError(f"store '{self.id}' has only one of `latitude` and `longitude`")
        if self.id == ONLINE:
            raise ValueError(f"a store's id cannot be '{ONLINE}'")


class ItemForm(Form, kw_only=True):
    """One line of an order."""

    name: Name
    quantity: Annotated[int, Meta(ge=1)]
    price: Money


class OrderForm(Form, kw_only=True):
    """An order; days count from the day of loading."""

    number: str
    placed_days: int
    status: str
    total: Money
    items: Annotated[list[ItemForm], Meta(min_length=1)]
    carrier: Name | None = None
    tracking: Name | None = None
    eta_days: int | None = None
    delivered_days: int | None = None
    delay_reason: Name | None = None
    store: str | None = None
    pickup_until_days: int | None = None

    def __post_init__(self) -> None:
        _check_number("order", self.number)
        _one_of("status", self.status, ORDER_STATUS)


class InvoiceForm(Form, kw_only=True):
    """An invoice; days count from the day of loading."""

    number: str
    order: str | None = None
    issued_days: int
    due_days: int
    amount: Money
    status: str
    paid_days: int | None = None

    def __post_init__(self) -> None:
        _check_number("invoice", self.number)
        _one_of("status", self.status, INVOICE_STATUS)


class ReturnForm(Form, kw_only=True):
    """Goods on their way back."""

    order: str
    item: Name
    reason: Name
    status: str
    refund: Money
    requested_days: int

    def __post_init__(self) -> None:
        _one_of("status", self.status, RETURN_STATUS)


class AddressForm(Form, kw_only=True):
    """Where a customer lives."""

    street: Name
    postcode: Postcode
    city: Name


class CustomerForm(Form, kw_only=True):
    """A customer with orders, invoices and returns."""

    number: str
    name: Name
    language: Language = "de"
    email: Name | None = None
    phone: Phone | None = None
    postcode: Postcode
    birth_date: date | None = None
    address: AddressForm
    orders: list[OrderForm] = []
    invoices: list[InvoiceForm] = []
    returns: list[ReturnForm] = []

    def __post_init__(self) -> None:
        _check_number("customer", self.number)
        if self.postcode != self.address.postcode:
            raise ValueError("`postcode` and the address's postcode are not the same")
        items = {order.number: [item.name for item in order.items] for order in self.orders}
        for invoice in self.invoices:
            if invoice.order is not None and invoice.order not in items:
                raise ValueError(f"invoice {invoice.number} names order {invoice.order}, which this customer has not")
        for back in self.returns:
            if back.item not in items.get(back.order, []):
                raise ValueError(f"a return names '{back.item}' of order {back.order}, which this customer has not")


class AgentForm(Form, kw_only=True):
    """A human at the desk; the portal keeps them, not the shop."""

    login: Name
    name: Name
    languages: list[Language]
    skills: list[Name]
    phone: Phone | None = None


class ProductForm(Form, kw_only=True):
    """An article; `stock` says how many are `online` and in the stores."""

    name: Name
    price: Money
    stock: dict[str, Count] = {}
    available_in_days: Count | None = None


class VoucherForm(Form, kw_only=True):
    """A discount code: a percentage or an amount."""

    code: Annotated[str, Meta(pattern=r"^[A-Z0-9-]{3,40}$")]
    percent: Annotated[int, Meta(ge=1, le=100)] | None = None
    amount: Money | None = None
    minimum: Money = 0.0
    valid_days: int

    def __post_init__(self) -> None:
        if (self.percent is None) == (self.amount is None):
            raise ValueError("a voucher has either `percent` or `amount`")


class CompanyFile(Form, kw_only=True):
    """The whole file."""

    company: CompanyForm
    stores: list[StoreForm]
    customers: list[CustomerForm] = []
    agents: list[AgentForm] = []
    products: list[ProductForm] = []
    vouchers: list[VoucherForm] = []

    def __post_init__(self) -> None:
        _unique("store", (store.id for store in self.stores))
        _unique("customer number", (customer.number for customer in self.customers))
        _unique("order number", (order.number for c in self.customers for order in c.orders))
        _unique("invoice number", (invoice.number for c in self.customers for invoice in c.invoices))
        _unique("return of", (f"{back.order} {back.item}" for c in self.customers for back in c.returns))
        _unique("agent", (agent.login for agent in self.agents))
        _unique("product", (product.name for product in self.products))
        _unique("voucher", (voucher.code for voucher in self.vouchers))
        self._check_places()

    def _check_places(self) -> None:
        stores = [store.id for store in self.stores]
        for order in (order for c in self.customers for order in c.orders):
            if order.store is not None:
                _one_of(f"store of order {order.number}", order.store, stores)
        for product in self.products:
            for place in product.stock:
                _one_of(f"place of '{product.name}'", place, [ONLINE, *stores])


def read(path: Path) -> CompanyFile:
    """The checked content of a company file; raises `LoadError`."""
    try:
        return msgspec.yaml.decode(path.read_bytes(), type=CompanyFile)
    except OSError as error:
        raise LoadError(f"{path} cannot be read: {error.strerror}", "Check the file's name and its rights.") from error
    except msgspec.ValidationError as error:
        todo = "Correct that place; bot/demo/nordwind.yml shows the whole form."
        raise LoadError(f"{path.name}: {error}", todo) from error
    except (yaml.YAMLError, UnicodeDecodeError, msgspec.DecodeError) as error:
        where = " ".join(str(error).split())
        raise LoadError(f"{path.name} is not valid YAML: {where}", "Correct the file at that line.") from error


def _check_number(kind: str, number: str) -> None:
    if len(number) != NUMBER_DIGITS or not number.isascii() or not number.isdigit():
        raise ValueError(f"{kind} number '{number}' must have {NUMBER_DIGITS} digits")
    if not luhn.is_valid(number):
        right = number[:-1] + luhn.calc_check_digit(number[:-1])
        raise ValueError(f"{kind} number '{number}' has a wrong check digit (right would be {right})")
    if not number.startswith(PREFIXES[kind]):
        raise ValueError(f"{kind} number '{number}' must begin with {' or '.join(PREFIXES[kind])}")


def _one_of(what: str, value: str, allowed: Iterable[str]) -> None:
    if value not in allowed:
        raise ValueError(f"unknown {what} '{value}'; known are {', '.join(allowed)}")


def _unique(what: str, values: Iterable[str]) -> None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise ValueError(f"{what} '{value}' is there twice")
        seen.add(value)
