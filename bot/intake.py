"""What webhooks tell is written down here, before they are answered; then the workers are woken."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from bot.channels.events import Changed, Consent, Event, Noted, SeenUntil, Status
from bot.contacts import Contacts
from bot.conversation import Conversations
from bot.messaging_settings import MessagingSettings
from bot.metrics import EVENTS
from bot.outbox import Deliveries
from bot.store import Received
from bot.turns import Incoming, utc_now

log = logging.getLogger(__name__)
NO_LIMIT = 1_000_000
Wake = Callable[[str], None]


@dataclass
class PortalIntake:
    """Takes the events of the messengers' webhooks; `language` begins a conversation."""

    conversations: Conversations
    deliveries: Deliveries
    contacts: Contacts
    settings: MessagingSettings
    wake: Wake
    wake_outbox: Wake
    language: str = "de"

    def take(self, events: list[Event]) -> None:
        """Write the events down and have the turns answered; raises `StoreError` when they are not kept."""
        for event in events:
            self._take(event)
            EVENTS.labels(event.channel, event.what if isinstance(event, Noted) else type(event).__name__).inc()

    def _take(self, event: Event) -> None:
        match event:
            case Incoming():
                self._take_turn(event)
            case Status():
                self._take_status(event)
            case SeenUntil():
                self.deliveries.outbox.note_seen(event)
            case Consent():
                self.contacts.note_consent(event, source="provider")
            case Changed():
                self.conversations.store.change(event.channel, event.provider_id, event.text)
            case Noted():
                pass

    def _take_status(self, status: Status) -> None:
        conversation = self.deliveries.note(status)
        if conversation:
            self.wake_outbox(conversation)

    def _take_turn(self, incoming: Incoming) -> None:
        store = self.conversations.store
        known = store.latest_conversation(incoming.channel, incoming.address)
        turn = replace(incoming, conversation=known) if known else incoming
        word = incoming.text.strip(" .!\n").upper()
        if word in self.settings.opt_out_words or word in self.settings.opt_in_words:
            self._take_consent(turn, given=word in self.settings.opt_in_words)
            return
        state = "dropped" if known and self._is_flooding(known) else "waiting"
        received = self.conversations.receive(turn, language=self.language, waiting_at_most=NO_LIMIT, state=state)
        self._open_window(received, incoming)
        if received.state == "waiting":
            self.wake(received.conversation)

    def _is_flooding(self, conversation: str) -> bool:
        since = utc_now() - timedelta(minutes=1)
        return self.conversations.store.turns_since(conversation, since) >= self.settings.turns_per_minute

    def _take_consent(self, incoming: Incoming, *, given: bool) -> None:
        """A word such as STOP is no question: it is kept, obeyed and not answered; START is thanked for."""
        consent = Consent(incoming.channel, incoming.address, incoming.provider_id, given)
        self.contacts.note_consent(consent, source="word")
        received = self.conversations.receive(
            incoming, language=self.language, waiting_at_most=NO_LIMIT, state="waiting" if given else "done"
        )
        self._open_window(received, incoming)
        if given and received.fresh:
            self.conversations.answer_ourselves(received, incoming, "utter_consent_given")
            self.wake_outbox(received.conversation)

    def _open_window(self, received: Received, incoming: Incoming) -> None:
        if received.fresh:
            self.conversations.store.open_window(received.conversation, min(incoming.at or utc_now(), utc_now()))
