"""The side of a channel that delivers: forms of a reply, sending, and asking what became of a sending.

A reply becomes one or more forms: JSON objects that the provider understands, all but the addressee. The outbox keeps
them, and gives them to `send` one after the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from bot.errors import PortalError
from bot.turns import Reply

Form = dict[str, Any]
SEPARATOR = "/"
MESSENGERS = frozenset({"sms", "twilio_whatsapp", "twilio_messenger", "whatsapp", "messenger"})


@dataclass(frozen=True)
class Delivery:
    """One form on its way; `id` is ours, and goes along wherever the provider gives it back to us."""

    id: str
    channel: str
    address: str
    form: Form


@dataclass(frozen=True)
class Template:
    """A text the provider has approved: its name there by language, and its variables in the order they stand in it."""

    name: str
    names: Mapping[str, str]
    variables: tuple[str, ...]


class DeliveryError(PortalError):
    """A form was not delivered; `code` is the provider's, for the outbox and metrics."""

    def __init__(self, what: str, code: str = "") -> None:
        super().__init__(what)
        self.code = code


class Refused(DeliveryError):
    """The provider will never take this form."""


class WindowClosed(Refused):
    """The customer has not written for too long; only a template is taken."""


class OptedOut(Refused):
    """The customer does not want to be written to."""


class NotTaken(DeliveryError):
    """Surely not taken, but it may be later; `retry_after` in seconds if the provider names it.

    `for_all`: no message gets through, until somebody corrects a setting or the provider is there again.
    """

    retry_helps = True

    def __init__(self, what: str, code: str = "", retry_after: float | None = None, *, for_all: bool = False) -> None:
        super().__init__(what, code)
        self.retry_after = retry_after
        self.for_all = for_all


class Unclear(DeliveryError):
    """It may have been taken: the connection broke after sending, or the provider's answer says nothing."""

    retry_helps = True


class Outlet(Protocol):
    """Delivers to one channel. `has_window`: free texts are taken only for 24 hours after the customer's last turn."""

    name: str
    has_window: bool

    def forms(self, reply: Reply, reference: str) -> list[Form]:
        """The reply in as many forms as its channel's limits need; `reference` makes its choices' ids."""

    def numbers_choices(self, reply: Reply) -> bool:
        """Whether the choices are shown as a numbered text, so that a number may stand for one."""

    def template_form(self, template: Template, language: str, variables: Mapping[str, str]) -> Form | None:
        """The approved template filled in; None when there is none in this language."""

    def send(self, delivery: Delivery) -> str:
        """Hand the form to the provider, within 10 s; the provider's id of it. Raises `DeliveryError`."""

    def find(self, delivery: Delivery) -> str | None:
        """The provider's id of an unclear delivery, asked of the provider; None when it knows none or cannot say."""

    def error_of(self, code: str) -> DeliveryError:
        """What the provider's code means when it tells later that it could not deliver."""

    def show_typing(self, address: str, provider_id: str) -> None:
        """Mark the turn as read and show that an answer is being written, where the provider offers it.

        Raises `DeliveryError`; it matters to nobody.
        """


def choice_id(reference: str, index: int) -> str:
    """The id of a reply's choice, sent to providers in place of its payload."""
    return f"{reference}.{index}"


def joined(ours: str, theirs: str) -> str:
    """A contact's address: our number or page that they wrote to, and theirs."""
    return f"{ours}{SEPARATOR}{theirs}"


def split(address: str) -> tuple[str, str]:
    """Ours and theirs."""
    ours, _, theirs = address.partition(SEPARATOR)
    return ours, theirs
