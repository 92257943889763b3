"""The core of the messengers for tests: a real database, a fake engine and outlet, and workers that work when told."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import timedelta
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import select, update

from bot import database
from bot.bell import Bell
from bot.channels.outlet import Outlet, joined
from bot.contacts import Contacts
from bot.conversation import Conversations
from bot.intake import PortalIntake
from bot.locks import ProcessLocks
from bot.messaging_settings import MessagingSettings, TemplateSettings
from bot.notices import Notices
from bot.outbox import Deliveries
from bot.outbox_store import Outbox
from bot.store import Store
from bot.tables import ContactRow, DeliveryRow, TurnRow
from bot.texts import Texts
from bot.turns import Attachment, Incoming, utc_now
from tests.fakes import FakeEngine, FakeOutlet

NUMBERS = itertools.count()
CUSTOMER = joined("15550001", "4915550002")


@dataclass
class Stage:
    """Everything around one outlet; `work` answers and delivers what was woken."""

    url: str
    settings: MessagingSettings = field(default_factory=MessagingSettings)
    outlet: FakeOutlet = field(default_factory=FakeOutlet)
    engine: FakeEngine = field(default_factory=FakeEngine)

    def __post_init__(self) -> None:
        self.woken: list[str] = []
        self.outlets: dict[str, Outlet] = {self.outlet.name: self.outlet}
        store, texts, locks = Store(self.url), Texts.load(), ProcessLocks()
        self.conversations = Conversations(store, self.engine, texts, Bell(), locks, lambda _text: None)
        self.conversations.outlets = self.outlets
        self.outbox, self.contacts = Outbox(self.url), Contacts(self.url)
        self.deliveries = Deliveries(self.outbox, self.outlets, locks, self.settings)
        self.intake = PortalIntake(
            self.conversations, self.deliveries, self.contacts, self.settings, self.woken.append, self.woken.append
        )
        self.notices = Notices(
            store,
            self.contacts,
            self.outlets,
            texts,
            self.settings,
            ZoneInfo("Europe/Berlin"),
            "de",
            self.woken.append,
        )
        self.deliveries.reopen = self.notices.reopen
        self.deliveries.objection = self.notices.objection

    def say(self, text: str, *, address: str = CUSTOMER, provider_id: str = "", choice: str | None = None) -> str:
        """A turn of the customer comes in; the provider's id of it."""
        own = provider_id or f"wamid.{next(NUMBERS)}"
        self.intake.take([Incoming(self.outlet.name, address, own, text, choice=choice)])
        return own

    def work(self) -> None:
        """Answer and deliver."""
        while self.woken:
            conversation = self.woken.pop(0)
            self.conversations.handle_if_free(conversation, lambda turn: self.woken.append(turn.conversation))
            self.deliveries.deliver(conversation)

    def rows(self) -> list[DeliveryRow]:
        """All deliveries, in order."""
        with database.transaction(self.url) as session:
            rows = list(session.scalars(select(DeliveryRow).order_by(DeliveryRow.number)))
            session.expunge_all()
        return rows

    def states(self) -> list[str]:
        """The deliveries' states, in order."""
        return [row.state for row in self.rows()]

    def turns(self) -> list[tuple[str, str]]:
        """Text and state of all turns, in order."""
        with database.transaction(self.url) as session:
            return [(row.text, row.state) for row in session.scalars(select(TurnRow).order_by(TurnRow.received_at))]

    def attachments(self) -> list[list[Attachment]]:
        """The attachments of all turns, in order."""
        with database.transaction(self.url) as session:
            rows = session.scalars(select(TurnRow).order_by(TurnRow.received_at))
            return [msgspec.convert(row.attachments, list[Attachment]) for row in rows]

    def time_passes(self, late: float = 1) -> None:
        """All pauses of deliveries are over, since so many seconds."""
        with database.transaction(self.url) as session:
            session.execute(update(DeliveryRow).values(next_at=utc_now() - timedelta(seconds=late)))
        self.woken += self.outbox.release_held()

    def last_wrote(self, hours_ago: float) -> None:
        """The customers' last turns were so long ago."""
        with database.transaction(self.url) as session:
            session.execute(update(ContactRow).values(last_turn_at=utc_now() - timedelta(hours=hours_ago)))

    def agrees(self, address: str = CUSTOMER) -> int:
        """The customer wants notices; the contact."""
        self.say("START", address=address)
        self.work()
        return self.contacts.find(self.outlet.name, address)


def with_templates(settings: MessagingSettings | None = None, **changes: object) -> MessagingSettings:
    """Settings with a template that the domain has a text for, and one that asks to write again."""
    shipped = TemplateSettings(
        text="utter_notice_shipped",
        variables={"order": "text", "day": "date"},
        whatsapp={"de": "versand_1", "en": "shipped_1"},
    )
    again = TemplateSettings(text="utter_notice_reopen", whatsapp={"de": "weiter_1", "en": "go_on_1"})
    templates = {"shipped": shipped, "again": again}
    return msgspec.structs.replace(
        settings or MessagingSettings(), **{"templates": templates, "reopen": "again", **changes}
    )
