"""The shop's tables: company, stores, customers, what they ordered, owe and sent back.

Money is kept in whole cents, dates without a time are calendar days in the company's time zone,
`*_at` are moments in UTC.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, ForeignKey, Index, MetaData, String, Text, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

NAMES = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


def utc_now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)


class Base(DeclarativeBase):
    """Base of the shop's tables; constraint names are fixed so that migrations find them."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {dict[str, Any]: JSON, list[str]: JSON, datetime: DateTime(timezone=True)}


class Company(Base):
    """The one company this shop belongs to."""

    __tablename__ = "company"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    state: Mapped[str] = mapped_column(doc="federal state, for public holidays, such as HH")
    timezone: Mapped[str] = mapped_column(doc="IANA name, such as Europe/Berlin")
    languages: Mapped[list[str]]
    service_hours: Mapped[dict[str, Any]] = mapped_column(doc='{"mon": "08:00-20:00", ...}')


class Store(Base):
    """A shop with a door."""

    __tablename__ = "stores"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str]
    street: Mapped[str]
    postcode: Mapped[str]
    city: Mapped[str]
    state: Mapped[str]
    hours: Mapped[dict[str, Any]]
    latitude: Mapped[float | None] = mapped_column(doc="in degrees")
    longitude: Mapped[float | None]


class Customer(Base):
    """A person who buys here."""

    __tablename__ = "customers"
    number: Mapped[str] = mapped_column(String(8), primary_key=True)
    name: Mapped[str]
    language: Mapped[str] = mapped_column(default="de")
    email: Mapped[str | None]
    phone: Mapped[str | None] = mapped_column(index=True, doc="E.164")
    postcode: Mapped[str] = mapped_column(doc="of the present address; one of the two proofs")
    birth_date: Mapped[date | None]
    newsletter: Mapped[bool] = mapped_column(default=False)
    addresses: Mapped[list[Address]] = relationship(back_populates="customer", order_by="Address.id")
    orders: Mapped[list[Order]] = relationship(back_populates="customer", order_by="Order.placed_on.desc()")
    invoices: Mapped[list[Invoice]] = relationship(back_populates="customer", order_by="Invoice.due_on")


class Address(Base):
    """Where a customer lives or lived; the last one counts."""

    __tablename__ = "addresses"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_number: Mapped[str] = mapped_column(ForeignKey("customers.number"), index=True)
    street: Mapped[str]
    postcode: Mapped[str]
    city: Mapped[str]
    customer: Mapped[Customer] = relationship(back_populates="addresses")


class Order(Base):
    """An order and where it stands.

    `status` is processing, shipped, out_for_delivery, delivered, delayed, lost, cancelled or pickup_ready.
    """

    __tablename__ = "orders"
    number: Mapped[str] = mapped_column(String(8), primary_key=True)
    customer_number: Mapped[str] = mapped_column(ForeignKey("customers.number"), index=True)
    placed_on: Mapped[date]
    status: Mapped[str]
    carrier: Mapped[str | None]
    tracking: Mapped[str | None]
    eta: Mapped[date | None]
    delivered_on: Mapped[date | None]
    delay_reason: Mapped[str | None]
    store_id: Mapped[str | None] = mapped_column(ForeignKey("stores.id"))
    pickup_until: Mapped[date | None]
    total_cents: Mapped[int]
    delivery_wish: Mapped[str | None] = mapped_column(Text)
    customer: Mapped[Customer] = relationship(back_populates="orders")
    store: Mapped[Store | None] = relationship()
    items: Mapped[list[OrderItem]] = relationship(back_populates="order", order_by="OrderItem.id")
    returns: Mapped[list[Return]] = relationship(back_populates="order", order_by="Return.id")
    claims: Mapped[list[Claim]] = relationship(back_populates="order", order_by="Claim.id")


class OrderItem(Base):
    """One line of an order."""

    __tablename__ = "order_items"
    id: Mapped[int] = mapped_column(primary_key=True)
    order_number: Mapped[str] = mapped_column(ForeignKey("orders.number"), index=True)
    name: Mapped[str]
    quantity: Mapped[int]
    price_cents: Mapped[int]
    order: Mapped[Order] = relationship(back_populates="items")


class Invoice(Base):
    """An invoice; `status` is open, overdue or paid."""

    __tablename__ = "invoices"
    number: Mapped[str] = mapped_column(String(8), primary_key=True)
    customer_number: Mapped[str] = mapped_column(ForeignKey("customers.number"), index=True)
    order_number: Mapped[str | None] = mapped_column(ForeignKey("orders.number"))
    issued_on: Mapped[date]
    due_on: Mapped[date]
    amount_cents: Mapped[int]
    status: Mapped[str]
    paid_on: Mapped[date | None]
    customer: Mapped[Customer] = relationship(back_populates="invoices")


class Return(Base):
    """Goods on their way back; `status` is announced, received or refunded."""

    __tablename__ = "returns"
    __table_args__ = (UniqueConstraint("order_number", "item"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    order_number: Mapped[str] = mapped_column(ForeignKey("orders.number"))
    item: Mapped[str]
    reason: Mapped[str]
    status: Mapped[str]
    refund_cents: Mapped[int]
    requested_on: Mapped[date]
    label: Mapped[str | None] = mapped_column(doc="number of the return label")
    exchange_for: Mapped[str | None] = mapped_column(doc="what the customer wants instead")
    order: Mapped[Order] = relationship(back_populates="returns")


class Claim(Base):
    """A lost, damaged, wrong, incomplete or later broken delivery that somebody looks into."""

    __tablename__ = "claims"
    __table_args__ = (UniqueConstraint("order_number", "kind"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    order_number: Mapped[str] = mapped_column(ForeignKey("orders.number"))
    kind: Mapped[str] = mapped_column(doc="lost, damaged, wrong, incomplete or warranty")
    note: Mapped[str | None] = mapped_column(Text)
    opened_on: Mapped[date]
    status: Mapped[str] = mapped_column(default="open")
    order: Mapped[Order] = relationship(back_populates="claims")


class Task(Base):
    """Work for the back office that a customer asked for, with its deadline.

    `kind` is invoice_copy, dispute, payment_check, data_access, data_deletion, password_reset, contact_changed,
    callback or complaint; `status` is open, done, cancelled or over.
    `subject` is the invoice, order or customer it is about: one open task per kind and subject.
    """

    __tablename__ = "tasks"
    __table_args__ = (
        Index(
            "uq_tasks_open",
            "kind",
            "subject",
            unique=True,
            sqlite_where=text("status = 'open'"),
            postgresql_where=text("status = 'open'"),
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    subject: Mapped[str]
    customer_number: Mapped[str | None] = mapped_column(ForeignKey("customers.number"), index=True)
    details: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    due_on: Mapped[date]
    status: Mapped[str] = mapped_column(default="open")


class Product(Base):
    """An article of the catalogue."""

    __tablename__ = "products"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    price_cents: Mapped[int]
    stock: Mapped[list[Stock]] = relationship(back_populates="product")


class Stock(Base):
    """How many of an article are at a place; `place` is a store's id or `online`."""

    __tablename__ = "stock"
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"), primary_key=True)
    place: Mapped[str] = mapped_column(String(40), primary_key=True)
    quantity: Mapped[int]
    available_from: Mapped[date | None] = mapped_column(doc="next delivery when there is none")
    product: Mapped[Product] = relationship(back_populates="stock")


class Voucher(Base):
    """A discount code: a percentage or an amount, from a minimum order value on."""

    __tablename__ = "vouchers"
    code: Mapped[str] = mapped_column(String(40), primary_key=True, doc="upper case")
    percent: Mapped[int | None]
    amount_cents: Mapped[int | None]
    minimum_cents: Mapped[int] = mapped_column(default=0)
    valid_until: Mapped[date]


class ProofAttempt(Base):
    """One wrong proof; `subject` is the customer's number, or the number given when nobody has it."""

    __tablename__ = "proof_attempts"
    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[str] = mapped_column(index=True)
    subject: Mapped[str] = mapped_column(index=True)
    turn_id: Mapped[str] = mapped_column(unique=True)
    at: Mapped[datetime] = mapped_column(default=utc_now)


class Performed(Base):
    """What a turn has already done, so that the same turn does it once however often it comes.

    `deed` is the turn's id and the matter's name.
    """

    __tablename__ = "performed"
    deed: Mapped[str] = mapped_column("turn_id", primary_key=True)
    outcome: Mapped[dict[str, Any]]
